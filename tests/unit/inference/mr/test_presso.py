"""MR-PRESSO: calibrated without pleiotropy, finds outliers, and says what they did."""

import numpy as np
import pytest
from mr_made_up import SIX, loci
from scipy import stats

from seqaudit.errors import SeqauditError
from seqaudit.inference import mr


def test_without_pleiotropy_the_global_test_is_calibrated():
    ours = mr.presso(*loci(0, 150, 10, pleiotropy=0.0), n_draws=400)
    assert stats.kstest(ours.global_pval, "uniform").pvalue > 0.01
    assert (ours.n_outliers > 0).mean() < 0.1
    quiet = ours.n_outliers == 0
    np.testing.assert_array_equal(ours.b[quiet], ours.raw_b[quiet])
    assert np.isnan(ours.distortion_pval[quiet]).all()


def test_outliers_are_found_where_they_are():
    x, sx, y, sy = (values.copy() for values in loci(1, 12, 20, pleiotropy=0.0))
    y[:, [3, 11]] += np.array([0.25, -0.25])
    ours = mr.presso(x, sx, y, sy, n_draws=2000)
    assert (ours.global_pval < 0.01).all()
    assert not ours.valid[:, [3, 11]].any()
    assert ours.valid.sum() >= 12 * 16
    kept = ours.valid[0]
    ivw = mr.ivw(x[0, kept], sx[0, kept], y[0, kept], sy[0, kept], model="random")
    np.testing.assert_allclose([ours.b[0], ours.se[0]], [ivw.b[0], ivw.se[0]])
    np.testing.assert_allclose(ours.distortion, (ours.raw_b - ours.b) / np.abs(ours.b))


def test_the_statistic_is_the_sum_of_leave_one_out_residuals():
    x, _, y, sy = SIX
    others = [mr.ivw(*(np.delete(values, i) for values in SIX)).b[0] for i in range(6)]
    wanted = np.sum(((y - np.array(others) * x) / sy) ** 2)
    np.testing.assert_allclose(mr.presso(*SIX, n_draws=100).global_rss, wanted)


def test_p_values_are_never_zero_and_depend_on_the_seed_only():
    x, sx, y, sy = SIX
    y = y + np.array([3.0, 0, 0, 0, 0, 0])
    ours = mr.presso(x, sx, y, sy, n_draws=199)
    np.testing.assert_allclose(ours.global_pval, 1 / 200)
    np.testing.assert_allclose(ours.outlier_pval[0, 0], 6 / 200)
    again = mr.presso(x, sx, y, sy, n_draws=199)
    np.testing.assert_array_equal(again.outlier_pval, ours.outlier_pval)


def test_options_are_checked():
    with pytest.raises(SeqauditError, match="n_draws=10, expected an integer of at least 100"):
        mr.presso(*SIX, n_draws=10)
    with pytest.raises(SeqauditError, match="threshold=0"):
        mr.presso(*SIX, threshold=0)

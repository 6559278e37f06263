"""Multivariable IVW and Egger against statsmodels, and the conditional F statistic."""

import numpy as np
import pytest
import statsmodels.api as sm
from mr_made_up import SIX

from seqaudit.errors import SeqauditError
from seqaudit.inference import mr


def made_up(seed=0, n_loci=6, n=25, exposures=3):
    rng = np.random.default_rng(seed)
    x = 0.1 * rng.normal(size=(n_loci, n, exposures))
    sx, sy = np.full(x.shape, 0.01), rng.uniform(0.01, 0.03, (n_loci, n))
    y = x @ np.linspace(0.5, -0.2, exposures) + sy * rng.normal(size=sy.shape)
    return x, sx, y, sy


def test_ivw_is_statsmodels_wls():
    x, sx, y, sy = made_up()
    ours = mr.mv_ivw(x, sx, y, sy, distribution="t")
    for row in range(6):
        theirs = sm.WLS(y[row], x[row], weights=1 / sy[row] ** 2).fit()
        np.testing.assert_allclose(ours.b[row], theirs.params, rtol=1e-10)
        np.testing.assert_allclose(ours.se[row], theirs.bse / min(1, np.sqrt(theirs.scale)), rtol=1e-10)
        np.testing.assert_allclose(ours.q[row], theirs.ssr, rtol=1e-10)
    assert ours.q_df.tolist() == [22] * 6 and (ours.status == "ok").all()


def test_egger_is_statsmodels_wls_with_a_constant_after_coding():
    x, sx, y, sy = made_up(1)
    ours = mr.mv_egger(x, sx, y, sy, orientate=1)
    for row in range(6):
        sign = np.sign(x[row, :, 1])
        design = sm.add_constant(sign[:, None] * x[row])
        theirs = sm.WLS(sign * y[row], design, weights=1 / sy[row] ** 2).fit()
        np.testing.assert_allclose([ours.intercept[row], *ours.b[row]], theirs.params, rtol=1e-9, atol=1e-12)
        intercept_se = theirs.bse[0] / min(1, np.sqrt(theirs.scale))
        np.testing.assert_allclose(ours.intercept_se[row], intercept_se, rtol=1e-9)


def test_one_exposure_is_univariable():
    x, sx, y, sy = SIX
    several, one = mr.mv_ivw(x[:, None], sx[:, None], y, sy), mr.ivw(x, sx, y, sy)
    for name in ("b", "se", "ci_low", "pval"):
        np.testing.assert_allclose(getattr(several, name)[:, 0], getattr(one, name))
    np.testing.assert_allclose(several.conditional_f[:, 0], one.f_statistic)


def test_conditional_f_by_its_definition():
    x, sx, y, sy = made_up(2, n_loci=1, exposures=2)
    correlation = np.array([[1.0, 0.3], [0.3, 1.0]])
    ours = mr.mv_ivw(x, sx, y, sy, exposure_correlation=correlation)
    a, b = x[0].T
    slope = (a @ b) / (b @ b)
    variance = 0.01**2 * (1 + slope**2 - 2 * slope * 0.3)
    np.testing.assert_allclose(ours.conditional_f[0, 0], np.sum((a - slope * b) ** 2) / variance / 24)


def test_collinear_exposures_and_few_instruments_have_a_status():
    x, sx, y, sy = made_up(3)
    x[0, :, 2] = x[0, :, 0] - 2 * x[0, :, 1]
    sy[1, 0] = -1.0
    x[2, 3:] = np.nan
    x[3, 2:] = np.nan
    ours = mr.mv_ivw(x, sx, y, sy)
    assert ours.status.tolist() == [
        "collinear_exposures",
        "invalid_se",
        "ok",
        "too_few_instruments",
        "ok",
        "ok",
    ]
    assert np.isnan(ours.b[[0, 1, 3]]).all() and np.isnan(ours.conditional_f[[0, 1, 3]]).all()
    np.testing.assert_array_equal(ours.b[4:], mr.mv_ivw(x[4:], sx[4:], y[4:], sy[4:]).b)


def test_shapes_are_checked():
    x, sx, y, sy = made_up()
    with pytest.raises(
        SeqauditError, match=r"got beta_exposure \(6, 25\).* expected \(loci, instruments, exposures\)"
    ):
        mr.mv_ivw(x[:, :, 0], sx, y, sy)
    with pytest.raises(SeqauditError, match=r"exposure_correlation of shape \(2, 2\), expected \(3, 3\)"):
        mr.mv_ivw(x, sx, y, sy, exposure_correlation=np.eye(2))
    with pytest.raises(SeqauditError, match="orientate=3, expected one of 0, 1, 2"):
        mr.mv_egger(x, sx, y, sy, orientate=3)

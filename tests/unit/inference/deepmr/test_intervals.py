"""Intervals against scipy and published examples; moderated variances against their model."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import polygamma

from seqaudit.inference.deepmr.intervals import _inverse_trigamma, moderate, satterthwaite, student, wilson


@pytest.mark.parametrize("df", [1, 4, 30.5])
def test_student_is_scipys(df):
    low, high, pval = student(1.2, 0.4, df)
    assert (low, high) == pytest.approx(stats.t.interval(0.95, df, loc=1.2, scale=0.4))
    assert pval == pytest.approx(2 * stats.t.sf(3, df))


def test_infinite_df_is_normal():
    low, high, pval = student(1.2, 0.4, np.inf)
    assert (low, high) == pytest.approx(stats.norm.interval(0.95, loc=1.2, scale=0.4))
    assert pval == pytest.approx(2 * stats.norm.sf(3))


def test_no_standard_error_no_width():
    low, high, pval = student([2.0, 0.0], 0.0, 4)
    assert low.tolist() == high.tolist() == [2, 0]
    assert pval[0] == 0 and np.isnan(pval[1])


def test_wilson_of_textbook():
    """Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29."""
    low, high = wilson([81, 15, 0, 1], [263, 148, 20, 29])
    np.testing.assert_allclose(low, [0.2553, 0.0624, 0.0, 0.0061], atol=5e-5)
    np.testing.assert_allclose(high, [0.3662, 0.1605, 0.1611, 0.1718], atol=5e-5)
    assert np.isnan(wilson(0, 0)).all()


def test_satterthwaite():
    """Two equal variances with the same df have twice the df; a dominating one has its own."""
    assert satterthwaite([2.0, 2.0], [4, 4]) == pytest.approx(8)
    assert satterthwaite([1.0, 0.0], [4, 99]) == pytest.approx(4)
    assert satterthwaite([3.0, 1.0], [3, 5]) == pytest.approx(16 / (9 / 3 + 1 / 5))
    assert satterthwaite([0.0, 0.0], [4, 99]) == 4


@pytest.mark.parametrize("value", [1e-4, 0.3, 1, 50, 1e4])
def test_inverse_trigamma(value):
    assert polygamma(1, _inverse_trigamma(value)) == pytest.approx(value, rel=1e-8)


def test_prior_of_variances_is_found():
    """True variances 0.7 * d0 / chi2(d0) with d0 = 6, estimates with 4 degrees of freedom."""
    rng = np.random.default_rng(3)
    true = 0.7 * 6 / rng.chisquare(6, size=20_000)
    estimates = true * rng.chisquare(4, size=true.size) / 4
    posterior, df = moderate(estimates, 4)
    assert df[0] == pytest.approx(10, abs=0.5)
    np.testing.assert_allclose(posterior, (4 * estimates + 6 * 0.7) / 10, rtol=0.1)
    # t with the posterior variance is exact in this model
    t = rng.normal(0, np.sqrt(true)) / np.sqrt(posterior)
    assert np.mean(np.abs(t) < stats.t.ppf(0.975, df)) == pytest.approx(0.95, abs=0.006)


def test_equal_variances_are_pooled():
    rng = np.random.default_rng(5)
    estimates = 2 * rng.chisquare(4, size=50) / 4
    estimates = np.append(estimates / estimates.std() * 1e-3 + 2, np.nan)  # less spread than chance
    posterior, df = moderate(estimates, 4)
    np.testing.assert_allclose(posterior[:-1], estimates[:-1].mean())
    assert np.isnan(posterior[-1])
    assert (df == 4 * 50).all()


def test_given_prior():
    estimates = np.array([1.0, 2.0, 4.0])
    posterior, df = moderate(estimates, 4, prior_df=4)
    assert (df == 8).all()
    np.testing.assert_allclose(np.diff(posterior), [0.5, 1.0])
    nothing, df = moderate(estimates, 4, prior_df=0)
    np.testing.assert_allclose(nothing, estimates)
    assert (df == 4).all()


@pytest.mark.parametrize("variance", [[2.0], [0.0, 0.0], [np.nan, 3.0]])
def test_nothing_to_borrow_from(variance):
    posterior, df = moderate(np.array(variance), 4)
    np.testing.assert_array_equal(posterior, variance)
    assert (df == 4).all()


def test_a_variance_of_zero_is_lifted():
    posterior, _ = moderate(np.array([0.0, 1.0, 1.2, 0.8, 1.5]), 4)
    assert np.isfinite(posterior).all() and posterior[0] > 0

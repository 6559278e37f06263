"""IVW and MR-Egger against statsmodels, hand algebra and their own definitions."""

import numpy as np
import pytest
import statsmodels.api as sm
from mr_made_up import SIX, loci
from scipy import stats

from seqaudit.errors import SeqauditError
from seqaudit.inference import mr
from seqaudit.inference.mr.kernels import invert_triangles, masked_median, weighted_least_squares


def test_two_instruments_by_hand():
    ours = mr.ivw([0.1, 0.2], [0.01, 0.01], [0.05, 0.14], [0.1, 0.1], model="random")
    # weights 100: slope (0.005 + 0.028) / (0.01 + 0.04) = 0.66, residuals -0.016 and 0.008
    np.testing.assert_allclose(ours.b, 0.66)
    np.testing.assert_allclose(ours.se, 1 / np.sqrt(100 * 0.05))
    np.testing.assert_allclose(ours.q, 100 * (0.016**2 + 0.008**2))
    np.testing.assert_allclose(ours.f_statistic, (100 + 400) / 2)
    assert (ours.n_instruments, ours.q_df, ours.status) == (2, 1, "ok")


def test_one_instrument_is_its_ratio():
    ours = mr.ivw(0.2 * np.ones(1), [0.01], [0.05], [0.02], distribution="t")
    np.testing.assert_allclose([ours.b[0], ours.se[0]], [0.25, 0.1])
    np.testing.assert_allclose(ours.ci_low, 0.25 - stats.norm.ppf(0.975) * 0.1)
    assert ours.residual_se == 1 and np.isnan(ours.q)


@pytest.mark.parametrize("row", range(5))
def test_ivw_is_statsmodels_wls_through_the_origin(row):
    x, sx, y, sy = (values[row] for values in loci(row, 5, 15, outliers=0.1))
    theirs = sm.WLS(y, x, weights=1 / sy**2).fit()
    scale = np.sqrt(theirs.scale)
    fixed, random = mr.ivw(x, sx, y, sy, model="fixed"), mr.ivw(x, sx, y, sy, distribution="t")
    np.testing.assert_allclose(fixed.b, theirs.params, rtol=1e-12)
    np.testing.assert_allclose(fixed.se, theirs.bse / scale, rtol=1e-12)
    np.testing.assert_allclose(random.se, theirs.bse / min(1, scale), rtol=1e-12)
    np.testing.assert_allclose(random.q, theirs.ssr, rtol=1e-12)
    np.testing.assert_allclose(random.q_pval, stats.chi2.sf(theirs.ssr, 14), rtol=1e-9)
    if scale > 1:
        np.testing.assert_allclose(random.pval, theirs.pvalues, rtol=1e-9)


@pytest.mark.parametrize("row", range(5))
def test_egger_is_statsmodels_wls_after_coding(row):
    x, sx, y, sy = (values[row] for values in loci(row, 5, 12))
    sign = np.sign(x)
    theirs = sm.WLS(sign * y, sm.add_constant(np.abs(x)), weights=1 / sy**2).fit()
    ours, scale = mr.egger(x, sx, y, sy), np.sqrt(theirs.scale)
    np.testing.assert_allclose([ours.intercept[0], ours.b[0]], theirs.params, rtol=1e-10)
    np.testing.assert_allclose([ours.intercept_se[0], ours.se[0]], theirs.bse / min(1, scale), rtol=1e-10)
    np.testing.assert_allclose(ours.residual_se, scale, rtol=1e-10)
    np.testing.assert_allclose(ours.q, theirs.ssr, rtol=1e-10)


def test_i2_is_cochrans_of_the_exposure():
    x, sx, _, sy = SIX
    w, size = (sy / sx) ** 2, np.abs(x) / sy
    q = np.sum(w * (size - np.average(size, weights=w)) ** 2)
    np.testing.assert_allclose(mr.egger(*SIX).i2_gx, (q - 5) / q)


def test_delta_weights_by_their_formula():
    x, sx, y, sy = SIX
    w = 1 / (sy**2 + (y / x * sx) ** 2 - 2 * 0.4 * y / x * sx * sy)
    ours = mr.ivw(*SIX, weights="delta", psi=0.4, model="fixed")
    np.testing.assert_allclose(ours.b, np.sum(w * x * y) / np.sum(w * x * x))
    np.testing.assert_allclose(ours.se, np.sum(w * x * x) ** -0.5)


def test_penalized_ivw_by_its_formula():
    x, sx, y, sy = SIX[0], SIX[1], SIX[2].copy(), SIX[3]
    y[2] += 0.4
    distance = (x / sy) ** 2 * (y / x - np.median(y / x)) ** 2
    w = np.minimum(1, 100 * stats.chi2.sf(distance, 1)) / sy**2
    ours = mr.ivw(x, sx, y, sy, penalized=True)
    np.testing.assert_allclose(ours.b, np.sum(w * x * y) / np.sum(w * x * x), rtol=1e-10)
    assert np.isnan(ours.q)


def test_correlated_instruments_by_generalized_least_squares():
    x, sx, y, sy = SIX
    correlation = 0.6 ** np.abs(np.subtract.outer(np.arange(6), np.arange(6)))
    precision = np.linalg.inv(np.outer(sy, sy) * correlation)
    ours = mr.ivw(*SIX, correlation=correlation, model="fixed")
    np.testing.assert_allclose(ours.b, (x @ precision @ y) / (x @ precision @ x))
    np.testing.assert_allclose(ours.se, (x @ precision @ x) ** -0.5)
    f = x @ np.linalg.inv(np.outer(sx, sx) * correlation) @ x / 6
    np.testing.assert_allclose(ours.f_statistic, f)
    sign = np.sign(x)
    design = np.column_stack([np.ones(6), np.abs(x)])
    precision = np.linalg.inv(np.outer(sy, sy) * correlation * np.outer(sign, sign))
    wanted = np.linalg.solve(design.T @ precision @ design, design.T @ precision @ (sign * y))
    egger = mr.egger(*SIX, correlation=correlation)
    np.testing.assert_allclose([egger.intercept[0], egger.b[0]], wanted)


def test_an_identity_correlation_changes_nothing_and_each_locus_can_have_its_own():
    effects = loci(1, 2, 5)
    half = np.eye(5) + 0.5 * (np.eye(5, k=1) + np.eye(5, k=-1))
    both = mr.ivw(*effects, correlation=np.stack([np.eye(5), half]))
    np.testing.assert_allclose(both.b[0], mr.ivw(*effects).b[0])
    np.testing.assert_allclose(both.b[1], mr.ivw(*effects, correlation=half).b[1])
    assert both.b[1] != mr.ivw(*effects).b[1]


def test_a_singular_correlation_is_a_status():
    twice = np.eye(6)
    twice[0, 1] = twice[1, 0] = 1.0
    assert mr.ivw(*SIX, correlation=twice).status == ["singular_correlation"]
    used = np.arange(6) != 0
    assert mr.ivw(*SIX, used, correlation=twice).status == ["ok"]


def test_correlations_are_checked():
    with pytest.raises(SeqauditError, match=r"correlation of shape \(5, 5\), expected \(6, 6\)"):
        mr.ivw(*SIX, correlation=np.eye(5))
    skew = np.eye(6)
    skew[0, 1] = 0.5
    with pytest.raises(SeqauditError, match="not symmetric"):
        mr.egger(*SIX, correlation=skew)
    with pytest.raises(SeqauditError, match="cannot combine a correlation matrix with robust"):
        mr.egger(*SIX, correlation=np.eye(6), robust=True)
    with pytest.raises(SeqauditError, match="cannot combine a correlation matrix with weights='delta'"):
        mr.ivw(*SIX, correlation=np.eye(6), weights="delta")


def test_equal_exposure_effects_leave_egger_without_a_slope():
    _, sx, y, sy = SIX
    flat = np.array([0.2, -0.2, 0.2, 0.2, -0.2, 0.2])
    assert mr.egger(flat, sx, y, sy).status == ["no_exposure_variation"]
    assert mr.ivw(flat, sx, y, sy).status == ["ok"]


def test_no_exposure_effect_at_all():
    _, sx, y, sy = SIX
    for method in (mr.ivw, mr.egger, mr.wald_mean):
        assert method(np.zeros(6), sx, y, sy).status == ["no_exposure_effect"]


def test_an_exact_fit_has_the_fixed_effect_se():
    x, sx, _, sy = SIX
    ours = mr.ivw(x, sx, 0.5 * x, sy)
    np.testing.assert_allclose([ours.b[0], ours.se[0]], [0.5, np.sum((x / sy) ** 2) ** -0.5])


def test_no_residual_at_all_is_an_estimate():
    ours = mr.ivw([0.25, 0.5, 1.0], [0.01] * 3, [0.5, 1.0, 2.0], [0.125] * 3)
    assert ours.status == ["ok"] and ours.residual_se < 1e-12
    np.testing.assert_allclose(ours.b, 2)
    np.testing.assert_allclose(ours.se, 0.125 / np.sqrt(0.0625 + 0.25 + 1))


def test_wald_mean_is_the_mean_of_ratios():
    x, sx, y, sy = SIX
    ratio = y / x
    ours = mr.wald_mean(*SIX)
    np.testing.assert_allclose(ours.b, ratio.mean())
    np.testing.assert_allclose(ours.se, stats.sem(ratio))
    with_zero = mr.wald_mean(np.append(x, 0), np.append(sx, 0.01), np.append(y, 1), np.append(sy, 0.01))
    np.testing.assert_allclose(with_zero.b, ratio.mean())
    assert with_zero.n_instruments == [6]


def test_least_squares_survives_a_badly_scaled_design():
    rng = np.random.default_rng(0)
    columns = [np.ones((1, 20)), 1e6 + rng.normal(size=(1, 20)), 1e-6 * rng.normal(size=(1, 20))]
    truth = np.array([[2.0, -3.0, 1e6]])
    y = sum(coef * column for coef, column in zip(truth[0], columns))
    fit = weighted_least_squares(columns, y, np.ones_like(y))
    np.testing.assert_allclose(fit.coef[:, 1:], truth[:, 1:], rtol=1e-8)
    assert not fit.singular.any() and fit.df == [17]
    with np.errstate(all="ignore"):
        assert weighted_least_squares([columns[0], 2 * columns[0]], y, np.ones_like(y)).singular.all()


def test_triangles_are_inverted():
    r = np.triu(np.random.default_rng(1).normal(size=(4, 3, 3))) + 2 * np.eye(3)
    np.testing.assert_allclose(invert_triangles(r) @ r, np.broadcast_to(np.eye(3), (4, 3, 3)), atol=1e-12)


def test_masked_median():
    values = np.array([[3.0, 1.0, np.nan, 2.0], [5.0, 1.0, 9.0, 7.0], [1.0, 1.0, 1.0, 1.0]])
    used = np.array([[True] * 4, [True, True, False, True], [False] * 4])
    np.testing.assert_array_equal(masked_median(values, used), [2.0, 5.0, np.nan])

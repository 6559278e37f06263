"""Subgroups and meta-regression against weighted least squares and dense searches."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from scipy.optimize import minimize_scalar

from seqaudit.errors import SeqauditError
from seqaudit.inference.meta import MetaRegression, meta_regression, random_effects, subgroup_analysis

B = np.array([0.52, -0.11, 0.34, 0.92, 0.15, 0.61, 0.08, -0.35])
SE = np.array([0.21, 0.13, 0.09, 0.34, 0.11, 0.18, 0.07, 0.29])
DOSE = np.array([3.0, 1.0, 5.0, 2.0, 2.5, 1.5, 0.0, 1.0])

# R's metafor 3.8-1, rma(B, SE^2, mods = ~DOSE) with thresholds of 1e-14:
# tau2, intercept, slope and their standard errors
METAFOR = {
    "REML": (0.07420377187, 0.0752718512, 0.08057076492, 0.186927871, 0.07240439884),
    "ML": (0.02677579474, 0.07252511925, 0.07238117466, 0.1267147214, 0.04764927939),
    "DL": (0.0491174797, 0.07458516339, 0.07708923316, 0.1585260269, 0.06068024537),
    "PM": (0.1015823427, 0.07543844206, 0.08320708394, 0.2131455544, 0.08324988417),
    "HE": (0.1273920455, 0.07542918217, 0.08503037415, 0.2349515135, 0.09227167322),
    "SJ": (0.115497697, 0.07544312768, 0.0842520547, 0.2251883854, 0.08823275335),
    "HS": (0.02060030501, 0.07139548623, 0.070606082, 0.1159261231, 0.04328251915),
    "FE": (0, 0.06728352126, 0.0604342199, 0.05989138655, 0.02212484536),
}


@pytest.mark.parametrize("method", METAFOR)
def test_metafor_gives_the_same_meta_regression(method):
    got = meta_regression(B, SE, DOSE, tau2=method)
    ours = (got.tau2, got.intercept, got.slope, got.intercept_se, got.slope_se)
    np.testing.assert_allclose(ours, METAFOR[method], rtol=1e-8)


def test_metafor_gives_the_same_hartung_knapp_regression():
    got = meta_regression(B, SE, DOSE, tau2="REML", ci="hartung_knapp")
    ours = (got.intercept_se, got.slope_se, got.intercept_pval, got.slope_pval)
    wanted = (0.2051575832, 0.0794654719, 0.726287305, 0.3497533791)
    np.testing.assert_allclose(ours, wanted, rtol=1e-8)
    np.testing.assert_allclose((got.slope_ci_low, got.slope_ci_high), (-0.11387424, 0.2750157699), rtol=1e-8)


def test_metafor_gives_the_same_subgroups():
    got = subgroup_analysis(B, SE, list("abaabbab"), tau2="DL")
    ours = np.stack([got.effects.b, got.effects.se], axis=1).ravel()
    np.testing.assert_allclose(ours, (0.3481480257, 0.1338701297, 0.1042095837, 0.1689007264), rtol=1e-8)
    np.testing.assert_allclose((got.q_between, got.q_between_pval), (1.281112405, 0.2576923048), rtol=1e-8)


def weighted_fit(tau2):
    return sm.WLS(B, sm.add_constant(DOSE), weights=1 / (SE**2 + tau2)).fit(cov_type="fixed scale")


@pytest.mark.parametrize("method", ["FE", "DL", "REML", "ML", "PM", "HE", "SJ", "HS"])
def test_meta_regression_is_weighted_least_squares_at_its_tau2(method):
    got = meta_regression(B, SE, DOSE, tau2=method)
    theirs = weighted_fit(got.tau2)
    for ours, wanted in (
        ((got.intercept, got.slope), theirs.params),
        ((got.intercept_se, got.slope_se), theirs.bse),
        ((got.intercept_pval, got.slope_pval), theirs.pvalues),
        ((got.slope_ci_low, got.slope_ci_high), theirs.conf_int()[1]),
    ):
        np.testing.assert_allclose(ours, wanted, rtol=1e-9)
    fixed = weighted_fit(0.0)
    assert got.q == pytest.approx((fixed.wresid**2).sum(), rel=1e-12)
    assert (got.q_df, got.k, got.status) == (6, 8, "ok")
    assert got.q_pval == pytest.approx(stats.chi2.sf(got.q, 6))


@pytest.mark.parametrize("restricted", [True, False])
def test_its_likelihood_is_at_the_optimum(restricted):
    design = np.column_stack([np.ones(8), DOSE])

    def loss(log_tau2):
        inverse = np.diag(1 / (SE**2 + np.exp(log_tau2)))
        information = design.T @ inverse @ design
        residual = B - design @ np.linalg.solve(information, design.T @ inverse @ B)
        loss = residual @ inverse @ residual - np.linalg.slogdet(inverse)[1]
        return loss + restricted * np.linalg.slogdet(information)[1]

    best = minimize_scalar(loss, bounds=(-20, 3), method="bounded", options={"xatol": 1e-10})
    got = meta_regression(B, SE, DOSE, tau2="REML" if restricted else "ML").tau2
    assert loss(np.log(max(got, 1e-12))) <= best.fun + 1e-10


def test_moment_estimators_solve_their_equations():
    design = np.column_stack([np.ones(8), DOSE])

    def projection(tau2, weights=None):
        inverse = np.diag(1 / (SE**2 + tau2)) if weights is None else np.diag(weights)
        half = inverse @ design
        return inverse - half @ np.linalg.solve(design.T @ half, half.T)

    # E y'Py = tr(P) tau2 + tr(P V): solved at the fixed weights (DL), at equal weights (HE)
    for method, p in (("DL", projection(0.0)), ("HE", projection(0.0, np.ones(8)))):
        expected = (B @ p @ B - np.trace(p @ np.diag(SE**2))) / np.trace(p)
        assert meta_regression(B, SE, DOSE, tau2=method).tau2 == pytest.approx(max(expected, 0), rel=1e-9)
    pm = meta_regression(B, SE, DOSE, tau2="PM").tau2
    assert pm > 0
    assert B @ projection(pm) @ B == pytest.approx(6, rel=1e-10)


def test_hartung_knapp_uses_the_residual_variance():
    classic, knapp = (meta_regression(B, SE, DOSE, ci=ci) for ci in ("normal", "hartung_knapp"))
    fit = weighted_fit(classic.tau2)
    factor = np.sqrt((fit.wresid**2).sum() / 6)
    assert knapp.slope_se == pytest.approx(classic.slope_se * factor, rel=1e-9)
    assert knapp.slope_pval == pytest.approx(2 * stats.t.sf(abs(knapp.slope / knapp.slope_se), 6), rel=1e-9)


def test_moving_and_stretching_the_moderator():
    one, other = meta_regression(B, SE, DOSE), meta_regression(B, SE, 1e4 * DOSE + 7e5)
    assert other.slope == pytest.approx(one.slope / 1e4, rel=1e-9)
    assert other.slope_pval == pytest.approx(one.slope_pval, rel=1e-9)
    assert other.intercept == pytest.approx(one.intercept - 70 * one.slope, rel=1e-7)
    assert other.r2 == pytest.approx(one.r2, rel=1e-9)


def test_the_share_explained():
    effects = 0.2 + 0.5 * DOSE + np.array([0.02, -0.02] * 4)
    explained = meta_regression(effects, 0.1, DOSE)
    assert explained.r2 == 1
    assert explained.slope == pytest.approx(0.5, abs=0.01)
    assert np.isnan(meta_regression(np.full(8, 0.3), 0.1, DOSE).r2), "nothing to explain"


def test_a_batch_equals_a_loop_and_awkward_groups_are_answered():
    rng = np.random.default_rng(4)
    b, se, x = rng.normal(0, 1, (30, 6)), np.exp(rng.normal(-1, 1, (30, 6))), rng.normal(0, 1, (30, 6))
    used = rng.random((30, 6)) < 0.8
    x[2, 1], x[3], used[4], se[5, 0] = np.nan, 1.0, [True, True] + [False] * 4, -1
    used[5, 0] = True
    batch = meta_regression(b, se, x, used=used)
    assert batch.status[3] == "constant_moderator"
    assert (batch.status[4], batch.k[4]) == ("too_few_studies", 2)
    assert batch.status[5] == "negative_se"
    assert np.isnan(batch.slope[3:6]).all()
    for i in range(30):
        keep = used[i]
        alone = meta_regression(b[i][keep], se[i][keep], x[i][keep])
        for name in set(MetaRegression._fields) - {"status"}:
            np.testing.assert_allclose(getattr(batch, name)[i], getattr(alone, name), rtol=1e-7, atol=1e-12)


def test_subgroups_are_pooled_on_their_own():
    colour = np.array(["red", "blue", "red", "green", "blue", "red", "blue", "green"])
    got = subgroup_analysis(B, SE, colour, tau2="DL", ci="hartung_knapp")
    assert list(got.subgroup) == ["blue", "green", "red"]
    for i, label in enumerate(got.subgroup):
        alone = random_effects(B[colour == label], SE[colour == label], tau2="DL", ci="hartung_knapp")
        assert got.effects.b[i] == pytest.approx(alone.b, rel=1e-12)
        assert got.effects.ci_low[i] == pytest.approx(alone.ci_low, rel=1e-12)
    w = 1 / got.effects.se**2
    q = (w * (got.effects.b - np.average(got.effects.b, weights=w)) ** 2).sum()
    assert got.q_between == pytest.approx(q, rel=1e-12)
    assert got.q_between_df == 2
    assert got.q_between_pval == pytest.approx(stats.chi2.sf(q, 2))


def test_subgroups_under_a_fixed_effect_partition_q():
    group = np.array([0, 0, 0, 1, 1, 1, 1, 1])
    got = subgroup_analysis(B, SE, group, tau2="FE")
    total = random_effects(B, SE, tau2="FE").q
    assert got.effects.q.sum() + got.q_between == pytest.approx(total, rel=1e-12)


def test_an_unusable_subgroup_does_not_count():
    se = np.where(np.arange(8) < 3, np.nan, SE)
    got = subgroup_analysis(B, se, [0, 0, 0, 1, 1, 1, 2, 2])
    assert got.effects.status[0] == "no_studies"
    assert got.q_between_df == 1


def test_wrong_shapes_are_named():
    with pytest.raises(SeqauditError, match=r"shapes \(8,\), \(8,\) and \(2,\), expected one effect"):
        subgroup_analysis(B, SE, ["a", "b"])
    with pytest.raises(SeqauditError, match=r"moderator has shape \(3,\), expected \(8,\)"):
        meta_regression(B, SE, [1, 2, 3])
    with pytest.raises(SeqauditError, match="ci: got 'knapp'"):
        meta_regression(B, SE, DOSE, ci="knapp")

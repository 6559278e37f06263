"""Pooled effects: hand algebra, an independent library, invariances, and awkward groups."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.meta_analysis import combine_effects

from seqaudit.errors import SeqauditError
from seqaudit.inference.meta import METHODS, STATUS, RandomEffects, leave_one_out, random_effects

EFFECTS = np.array([0.3, 0.7])
ERRORS = np.array([0.1, 0.2])

# b, se of the 13 BCG trials' log risk ratios would be real data; these are made up
B = np.array([0.52, -0.11, 0.34, 0.92, 0.15, 0.61, 0.08, -0.35])
SE = np.array([0.21, 0.13, 0.09, 0.34, 0.11, 0.18, 0.07, 0.29])


def close(got: RandomEffects, wanted: RandomEffects, rtol: float = 1e-9) -> None:
    for name in RandomEffects._fields:
        if name == "status":
            np.testing.assert_array_equal(getattr(got, name), getattr(wanted, name))
        else:
            np.testing.assert_allclose(
                getattr(got, name), getattr(wanted, name), rtol=rtol, atol=1e-14, err_msg=name
            )


@st.composite
def groups(draw, most=12):
    """Effects and standard errors over several orders of magnitude."""
    k = draw(st.integers(2, most))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    se = np.exp(rng.normal(0, draw(st.sampled_from([0.1, 1.0, 3.0])), k))
    b = rng.normal(0, draw(st.sampled_from([0.0, 1.0, 30.0])), k) + rng.normal(0, se)
    return b, se


# by hand, w = 100 and 25: mean 47.5 / 125, Q = 20 * 0.16 = 3.2, S1 - S2 / S1 = 125 - 10625 / 125 = 40
HAND_TAU2 = {
    "FE": 0.0,
    "DL": (3.2 - 1) / 40,
    "HE": 0.08 - (0.01 + 0.04) / 2,
    "HS": (3.2 - 2) / 125,
    # start 0.04: weights 20 and 12.5, Q = 250 / 32.5 * 0.16
    "SJ": 0.04 * 250 / 32.5 * 0.16,
    # b1 - b2 ~ N(0, 0.05 + 2 tau2) is all that REML sees; Q = 0.16 / (0.05 + 2 tau2) = 1
    "REML": (0.16 - 0.05) / 2,
    "PM": (0.16 - 0.05) / 2,
    "EB": (0.16 - 0.05) / 2,
}


@pytest.mark.parametrize("method", HAND_TAU2)
def test_two_studies_by_hand(method):
    tau2 = HAND_TAU2[method]
    w = 1 / (ERRORS**2 + tau2)
    got = random_effects(EFFECTS, ERRORS, tau2=method)
    assert got.tau2 == pytest.approx(tau2, rel=1e-12, abs=1e-16)
    assert got.b == pytest.approx((w * EFFECTS).sum() / w.sum(), rel=1e-12)
    assert got.se == pytest.approx(w.sum() ** -0.5, rel=1e-12)
    assert (got.q, got.q_df, got.k, got.status) == (pytest.approx(3.2), 1, 2, "ok")
    assert got.q_pval == pytest.approx(stats.chi2.sf(3.2, 1))
    assert got.pval == pytest.approx(2 * stats.norm.sf(got.b / got.se))
    assert got.i2_q == pytest.approx(1 - 1 / 3.2)
    assert got.h2_q == pytest.approx(3.2)
    assert np.isnan(got.pi_low), "the HTS interval has k - 2 = 0 degrees of freedom"


def test_ml_of_two_studies_by_its_score_equation():
    # the score of ML in closed form: with d = 0.4, v1 = 0.01 + t, v2 = 0.04 + t and s = v1 + v2,
    # -1/v1 - 1/v2 + d**2 (1/s**2) * 2 = 0 has the root t = 0.005
    tau2 = random_effects(EFFECTS, ERRORS, tau2="ML").tau2
    v1, v2 = 0.01 + tau2, 0.04 + tau2
    w1, w2 = 1 / v1, 1 / v2
    mean = (0.3 * w1 + 0.7 * w2) / (w1 + w2)
    score = w1 + w2 - w1**2 * (0.3 - mean) ** 2 - w2**2 * (0.7 - mean) ** 2
    assert abs(score) < 1e-10 * w1
    assert tau2 == pytest.approx(0.005, rel=1e-9)


def test_equal_variances_have_closed_forms():
    # with equal v, every moment estimator is var(b) - v and ML uses the uncorrected variance
    b, v = B, 0.04
    expected = b.var(ddof=1) - v
    for method in ("DL", "HE", "REML", "PM"):
        assert random_effects(b, 0.2, tau2=method).tau2 == pytest.approx(expected, rel=1e-11), method
    got = random_effects(b, 0.2, tau2="ML", ci="hartung_knapp", prediction="V")
    assert got.tau2 == pytest.approx(b.var() - v, rel=1e-11)
    assert got.b == pytest.approx(b.mean(), rel=1e-12)
    # Hartung-Knapp is then the one-sample t-test, whatever tau2 is
    test = stats.ttest_1samp(b, 0)
    assert got.pval == pytest.approx(test.pvalue, rel=1e-9)
    low, high = test.confidence_interval()
    assert (got.ci_low, got.ci_high) == (pytest.approx(low, rel=1e-9), pytest.approx(high, rel=1e-9))
    half = stats.t.ppf(0.975, 7) * np.sqrt(b.var() - v + b.var() / 8)
    assert got.pi_high == pytest.approx(b.mean() + half, rel=1e-9)


def test_statsmodels_agrees_on_paule_mandel_and_hartung_knapp():
    theirs = combine_effects(B, SE**2, method_re="iterated", use_t=False)
    ours = random_effects(B, SE, tau2="PM")
    # their iteration stops at a tolerance of 1e-5 on Q
    assert ours.tau2 == pytest.approx(theirs.tau2, rel=1e-4)
    assert ours.b == pytest.approx(theirs.mean_effect_re, rel=1e-5)
    assert ours.se == pytest.approx(theirs.sd_eff_w_re, rel=1e-4)
    assert ours.q == pytest.approx(theirs.q, rel=1e-12)
    knapp = random_effects(B, SE, tau2="PM", ci="hartung_knapp")
    assert knapp.se == pytest.approx(theirs.sd_eff_w_re_hksj, rel=1e-4)


def test_statsmodels_agrees_on_dersimonian_laird_where_it_is_positive():
    # theirs is not truncated at 0, so only a heterogeneous group can agree
    theirs = combine_effects(B, SE**2, method_re="dl", use_t=False)
    ours = random_effects(B, SE, tau2="DL")
    assert theirs.tau2 > 0
    assert ours.tau2 == pytest.approx(theirs.tau2, rel=1e-12)
    assert ours.b == pytest.approx(theirs.mean_effect_re, rel=1e-12)
    assert ours.se == pytest.approx(theirs.sd_eff_w_re, rel=1e-12)
    assert ours.i2_q == pytest.approx(theirs.i2, rel=1e-12)
    assert ours.i2 == pytest.approx(ours.i2_q, rel=1e-12), "the two definitions agree under DL"
    fixed = random_effects(B, SE, tau2="FE")
    assert fixed.b == pytest.approx(theirs.mean_effect_fe, rel=1e-12)
    assert fixed.se == pytest.approx(theirs.sd_eff_w_fe, rel=1e-12)


def test_the_intervals_are_of_one_family():
    classic = random_effects(B, SE)
    assert classic.ci_high - classic.b == pytest.approx(stats.norm.ppf(0.975) * classic.se, rel=1e-12)
    wider = np.sqrt(classic.tau2 + classic.se**2)
    for prediction, quantile in {
        "HTS": stats.t.ppf(0.975, 6),
        "V": stats.t.ppf(0.975, 7),
        "normal": stats.norm.ppf(0.975),
    }.items():
        got = random_effects(B, SE, prediction=prediction)
        assert got.pi_high - got.b == pytest.approx(quantile * wider, rel=1e-10), prediction
    knapp = random_effects(B, SE, ci="hartung_knapp")
    further = random_effects(B, SE, prediction="HK")
    assert further.se == classic.se, "the prediction interval does not change the confidence interval"
    half = stats.t.ppf(0.975, 7) * np.hypot(np.sqrt(classic.tau2), knapp.se)
    assert further.pi_high - further.b == pytest.approx(half, rel=1e-10)


def test_the_ad_hoc_correction_only_widens():
    quiet = random_effects([0.30, 0.31, 0.29, 0.30], 0.1, ci="hartung_knapp")
    corrected = random_effects([0.30, 0.31, 0.29, 0.30], 0.1, ci="hartung_knapp_adhoc")
    classic = random_effects([0.30, 0.31, 0.29, 0.30], 0.1)
    assert quiet.se < classic.se
    assert corrected.se == pytest.approx(classic.se, rel=1e-12)
    close(random_effects(B, SE, ci="hartung_knapp_adhoc")._replace(status=""),
          random_effects(B, SE, ci="hartung_knapp")._replace(status=""))  # fmt: skip


def test_alpha_is_the_level_of_every_interval():
    narrow, wide = random_effects(B, SE, alpha=0.5), random_effects(B, SE, alpha=0.01)
    for low, high in (("ci_low", "ci_high"), ("pi_low", "pi_high"), ("tau2_low", "tau2_high")):
        assert getattr(wide, low) <= getattr(narrow, low)
        assert getattr(wide, high) > getattr(narrow, high)
    assert narrow.ci_high - narrow.b == pytest.approx(stats.norm.ppf(0.75) * narrow.se)


def test_a_known_tau2_is_used_as_it_is():
    estimated = random_effects(B, SE, tau2="REML")
    known = random_effects(B, SE, tau2=float(estimated.tau2))
    close(known, estimated, rtol=1e-12)
    alone = random_effects([0.3], [0.1], tau2=0.05)
    assert (alone.tau2, alone.se) == (0.05, pytest.approx(np.sqrt(0.06)))


@given(groups(), st.sampled_from(sorted(METHODS)), st.sampled_from([1e-6, 3.7e-3, 2e5]))
@settings(max_examples=60, deadline=None)
def test_the_unit_does_not_matter(group, method, scale):
    b, se = group
    one, other = random_effects(b, se, tau2=method), random_effects(b * scale, se * scale, tau2=method)
    for field in ("b", "se", "ci_low", "ci_high", "pi_low", "pi_high"):
        np.testing.assert_allclose(
            getattr(other, field), getattr(one, field) * scale, rtol=1e-7, atol=1e-9 * one.se * scale
        )
    for field in ("tau2", "tau2_low", "tau2_high"):
        typical = one.se**2
        np.testing.assert_allclose(
            getattr(other, field), getattr(one, field) * scale**2, rtol=1e-7, atol=1e-9 * typical * scale**2
        )
    np.testing.assert_allclose(other.i2, one.i2, rtol=1e-7, atol=1e-9)


@given(groups(), st.sampled_from(sorted(METHODS)), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_order_and_masked_studies_do_not_matter(group, method, random):
    b, se = group
    wanted = random_effects(b, se, tau2=method)
    order = list(range(len(b)))
    random.shuffle(order)
    close(random_effects(b[order], se[order], tau2=method), wanted, rtol=1e-7)
    # whatever lies under the mask, also what would be the most precise study or an error
    padded_b = np.concatenate([[np.nan, 1e9, 5.0], b, [-np.inf]])
    padded_se = np.concatenate([[0.0, 1e-12, -1.0], se, [np.nan]])
    used = np.isin(np.arange(len(padded_b)), np.arange(3, 3 + len(b)))
    close(random_effects(padded_b, padded_se, used=used, tau2=method), wanted, rtol=1e-7)


def test_a_shifted_group_has_a_shifted_mean():
    one, other = random_effects(B, SE), random_effects(B + 5, SE)
    assert other.b == pytest.approx(one.b + 5, rel=1e-12)
    assert (other.tau2, other.se) == (pytest.approx(one.tau2), pytest.approx(one.se))


@pytest.mark.parametrize("method", METHODS)
def test_a_batch_equals_a_loop(method):
    rng = np.random.default_rng(7)
    b, se = rng.normal(0.2, 0.4, (40, 9)), np.exp(rng.normal(-1, 0.7, (40, 9)))
    used = rng.random((40, 9)) < 0.6
    b[3, 2], se[5, 1], se[6] = np.nan, -0.1, np.inf
    used[9], used[10] = False, np.arange(9) == 4
    batch = random_effects(b, se, used=used, tau2=method, ci="hartung_knapp", prediction="HK")
    for i in range(40):
        alone = random_effects(
            b[i][used[i]], se[i][used[i]], tau2=method, ci="hartung_knapp", prediction="HK"
        )
        close(RandomEffects(*(field[i] for field in batch)), alone, rtol=1e-8)


def test_groups_may_have_any_shape():
    b = np.broadcast_to(B, (3, 2, 8))
    got = random_effects(b, SE)
    assert got.b.shape == got.status.shape == (3, 2)
    np.testing.assert_allclose(got.b, random_effects(B, SE).b, rtol=1e-13)
    assert isinstance(random_effects(B, SE).b, np.float64)
    assert random_effects(np.zeros((0, 5)), np.ones((0, 5))).b.shape == (0,)


def test_one_and_no_study_are_answered():
    got = random_effects(
        [[0.3, 9.0], [9.0, 9.0]], 0.1, used=[[True, False], [False, False]], ci="hartung_knapp"
    )
    assert list(got.status) == ["one_study", "no_studies"]
    assert (got.b[0], got.se[0], got.k[0], got.q[0], got.q_df[0]) == (0.3, 0.1, 1, 0, 0)
    assert got.ci_high[0] == pytest.approx(0.3 + 0.1 * stats.norm.ppf(0.975))
    for field in ("tau2", "tau2_low", "tau2_high", "pi_low", "pi_high", "q_pval", "i2", "h2", "i2_q", "h2_q"):
        assert np.isnan(getattr(got, field)).all(), field
    for field in set(RandomEffects._fields) - {"status", "k", "q_df"}:
        assert np.isnan(getattr(got, field)[1]), field
    nothing = random_effects(np.zeros((2, 0)), np.zeros((2, 0)))
    assert list(nothing.status) == ["no_studies"] * 2
    assert set(got.status) <= set(STATUS)


@pytest.mark.parametrize("method", METHODS)
def test_equal_effects(method):
    got = random_effects([0.3, 0.3, 0.3], [0.1, 0.2, 0.1], tau2=method)
    assert (got.b, got.tau2, got.tau2_low, got.tau2_high, got.q, got.i2_q) == (0.3, 0, 0, 0, 0, 0)
    assert got.status == "ok"
    knapp = random_effects([0.3, 0.3, 0.3], [0.1, 0.2, 0.1], tau2=method, ci="hartung_knapp")
    assert (knapp.se, knapp.status) == (0, "zero_se")


def test_unusable_studies_are_left_out_and_negative_errors_are_errors():
    b = np.array([0.1, np.nan, 0.3, 0.5, np.inf, 0.2])
    se = np.array([0.1, 0.1, 0.0, np.inf, 0.1, 0.2])
    got = random_effects(b, se)
    close(got, random_effects([0.1, 0.2], [0.1, 0.2]))
    assert got.k == 2
    wrong = random_effects(B, np.where(np.arange(8) == 3, -SE, SE))
    assert (wrong.status, wrong.k) == ("negative_se", 0)
    assert np.isnan(wrong.b)


def test_leave_one_out_is_a_loop_of_deletions():
    b, se = np.stack([B, B[::-1] * 2]), np.stack([SE, SE])
    used = np.ones((2, 8), bool)
    used[1, 3] = False
    got = leave_one_out(b, se, used=used, tau2="PM", ci="hartung_knapp")
    assert got.b.shape == (2, 8)
    for group in range(2):
        for study in range(8):
            keep = used[group] & (np.arange(8) != study)
            alone = random_effects(b[group][keep], se[group][keep], tau2="PM", ci="hartung_knapp")
            close(RandomEffects(*(field[group, study] for field in got)), alone)
    assert leave_one_out(B, SE).b.shape == (8,)


def test_a_hundred_thousand_studies_recover_the_truth():
    rng = np.random.default_rng(3)
    se = np.exp(rng.normal(-1, 0.5, 100_000))
    b = rng.normal(0.2, 0.3, se.size) + rng.normal(0, se)
    got = random_effects(b, se)
    assert abs(got.b - 0.2) < 4 * got.se
    assert got.tau2_low < got.tau2 < got.tau2_high
    assert got.tau2 == pytest.approx(0.09, rel=0.05)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (({"tau2": "reml"}), "tau2: got 'reml', expected one of FE, DL"),
        (({"tau2": -0.1}), "tau2: got -0.1, expected the name of an estimator or a variance"),
        (({"ci": "t"}), "ci: got 't', expected one of normal, hartung_knapp"),
        (({"prediction": "riley"}), "prediction: got 'riley', expected one of HTS, V, HK, normal"),
        (({"alpha": 95}), "alpha: got 95, expected a probability between 0 and 1"),
        (({"used": [True, False]}), r"b, se and used have shapes \(8,\), \(8,\), \(2,\)"),
    ],
)
def test_wrong_options_are_named(arguments, message):
    with pytest.raises(SeqauditError, match=message):
        random_effects(B, SE, **arguments)


def test_a_single_number_is_no_group():
    with pytest.raises(SeqauditError, match="studies on its last axis"):
        random_effects(0.3, 0.1)

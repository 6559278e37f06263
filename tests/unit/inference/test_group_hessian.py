"""Scores of pairs: what the measures are by algebra, and what the published rule cannot do."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from seqaudit.data.hessian import GroupHessians
from seqaudit.data.tables import read_table, write_table
from seqaudit.errors import SeqauditError
from seqaudit.inference.group_hessian import add_truth, score_pairs
from seqaudit.inference.hessian_group_counts import group_point_hessians
from seqaudit.inference.hessian_measures import debiased_geh, feature_pairs, pair_measures, published_calls
from seqaudit.inference.signed_groups import group_table, signed_group_tests

IDENTITY = {"fit": "toy.concrete", "dataset": "toy", "posterior": "concrete_dropout"}
UPPER = np.triu_indices(4, 1)


def symmetric(rng, *shape, features=4):
    half = rng.normal(size=(*shape, features, features))
    return half + np.swapaxes(half, -1, -2)


def constant_hessians(value, sizes, features=3, samples=5):
    mean = np.full((samples, len(sizes), features, features), float(value))
    return GroupHessians(mean, np.abs(mean[:, 0]), np.array(sizes))


def null_groups(rng, *, samples=400, groups=10, correlation=0.0, features=2, sd=1.0):
    """Group means that are pure noise: normal, with one correlation between groups."""
    shared = rng.normal(size=(samples, 1, features, features))
    own = rng.normal(size=(samples, groups, features, features))
    mean = sd * (np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own)
    mean[..., 1, 0] = mean[..., 0, 1]
    return GroupHessians(mean, np.abs(mean).mean(axis=1), np.ones(groups, dtype=int))


def test_pairs_come_first_before_second():
    pairs = feature_pairs(["c", "a", "b"])
    assert list(zip(pairs["feature_a"], pairs["feature_b"])) == [("c", "a"), ("c", "b"), ("a", "b")]


@pytest.mark.parametrize("seed", range(20))
def test_absolute_values_order_the_measures(seed):
    rng = np.random.default_rng(seed)
    points = symmetric(rng, 3, 60)
    hessians = group_point_hessians(points, rng.permutation(np.arange(60) % 7))
    aeh, geh, eah = pair_measures(hessians)
    assert (aeh <= geh + 1e-12).all() and (geh <= eah + 1e-12).all()


def test_one_group_is_aeh_and_one_per_point_is_eah():
    rng = np.random.default_rng(3)
    points = symmetric(rng, 2, 40)
    aeh, geh, _ = pair_measures(group_point_hessians(points, np.zeros(40, int)))
    np.testing.assert_allclose(geh, aeh)
    np.testing.assert_allclose(aeh, np.abs(points.mean(axis=1))[:, UPPER[0], UPPER[1]])
    _, geh, eah = pair_measures(group_point_hessians(points, np.arange(40)))
    np.testing.assert_allclose(geh, eah)
    np.testing.assert_allclose(eah, np.abs(points).mean(axis=1)[:, UPPER[0], UPPER[1]])


def test_splitting_groups_never_lowers_geh():
    rng = np.random.default_rng(4)
    points, coarse = symmetric(rng, 1, 80), np.arange(80) % 4
    before = pair_measures(group_point_hessians(points, coarse)).geh
    after = pair_measures(group_point_hessians(points, coarse + 4 * (np.arange(80) // 4 % 2))).geh
    assert (after >= before - 1e-12).all()


def test_the_order_of_groups_does_not_matter():
    rng = np.random.default_rng(5)
    points, labels = symmetric(rng, 2, 50), np.arange(50) % 5
    one = pair_measures(group_point_hessians(points, labels))
    other = pair_measures(group_point_hessians(points, np.array([3, 0, 4, 1, 2])[labels]))
    np.testing.assert_allclose(one, other)


@pytest.mark.parametrize("sizes", [[10], [3, 7], [1, 2, 3, 4]])
def test_a_constant_hessian_has_its_size_whatever_the_groups(sizes):
    table = score_pairs(constant_hessians(-2.5, sizes), ["a", "b", "c"], identity=IDENTITY)
    np.testing.assert_allclose(table["score"], 2.5)
    assert (table["sd"] == 0).all() and table["published_call"].all() and (table["p_bayes"] == 0).all()
    np.testing.assert_allclose(table.loc[table["measure"] == "geh", "debiased"], 2.5)
    assert (table["rank"] == 2).all(), "three pairs that tie share the mean of 1, 2 and 3"


def test_no_interaction_at_all_is_never_called():
    table = score_pairs(constant_hessians(0, [4, 4]), ["a", "b", "c"], identity=IDENTITY)
    assert (table["score"] == 0).all() and not table["published_call"].any()
    assert (table["p_bayes"] == 1).all() and (table.loc[table["measure"] == "geh", "p_groups"] == 1).all()


def test_the_published_interval_and_p_value():
    rng = np.random.default_rng(6)
    mean = 1.5 + 0.5 * rng.normal(size=(200, 1, 2, 2))
    mean[..., 1, 0] = mean[..., 0, 1]
    table = score_pairs(GroupHessians(mean, np.abs(mean[:, 0]), np.array([9])), ["a", "b"], identity=IDENTITY)
    row = table.set_index("measure").loc["aeh"]
    sample = np.abs(mean[:, 0, 0, 1])
    assert row["sd"] == pytest.approx(np.sqrt(np.sum((sample - sample.mean()) ** 2) / 199))
    assert row["ci_low"] == pytest.approx(row["score"] - 2 * row["sd"])
    assert row["p_bayes"] == pytest.approx(norm.cdf(-row["score"] / row["sd"]))


def test_published_p_bayes_of_california():
    # two of three rows of Table 2 follow from score and interval
    for score, low, p in ((0.901, 0.241, 0.003), (0.531, 0.065, 0.011)):
        assert norm.cdf(-score / ((score - low) / 2)) == pytest.approx(p, abs=5e-4)


@pytest.mark.parametrize(("groups", "ratio"), [(1, 1.32), (3, 2.3), (10, 4.2)])
def test_the_published_rule_calls_pure_noise_if_there_are_enough_groups(groups, ratio):
    hessians = null_groups(np.random.default_rng(groups), samples=20_000, groups=groups)
    row = score_pairs(hessians, ["a", "b"], identity=IDENTITY).set_index("measure").loc["geh"]
    # |N(0, 1)| has mean sqrt(2/pi) and variance 1 - 2/pi
    assert row["score"] / row["sd"] == pytest.approx(np.sqrt(2 / np.pi / (1 - 2 / np.pi) * groups), rel=0.03)
    assert row["score"] / row["sd"] == pytest.approx(ratio, rel=0.04)
    assert bool(row["published_call"]) == (groups > 1)


@pytest.mark.parametrize("correlation", [0.0, 0.9])
def test_signed_groups_keep_their_level_on_noise_where_the_published_rule_does_not(correlation):
    rng = np.random.default_rng(11)
    p_pair, published = [], []
    for _ in range(300):
        # the posterior spreads around an estimate that itself misses 0 by as much
        estimate = null_groups(rng, samples=1, correlation=correlation).mean
        posterior = null_groups(rng, samples=150, correlation=correlation)
        hessians = posterior._replace(mean=posterior.mean + estimate)
        p_pair.append(signed_group_tests(hessians).p_pair[0])
        geh = pair_measures(hessians).geh[:, 0]
        published.append(geh.mean() > 2 * geh.std(ddof=1))
    assert 0.02 <= np.mean(np.array(p_pair) <= 0.05) <= 0.09
    # always if groups are independent; between 2 and 20 % if not, as in Table 1 of the paper
    low, high = (0.95, 1.0) if correlation == 0 else (0.02, 0.2)
    assert low <= np.mean(published) <= high


def test_signed_groups_see_what_cancels_in_the_mean():
    rng = np.random.default_rng(12)
    hessians = null_groups(rng, groups=4, sd=0.3)
    signs = np.array([1, 1, -1, -1.0])[:, None, None]
    hessians = hessians._replace(mean=hessians.mean + 2 * signs)
    tests = signed_group_tests(hessians)
    assert tests.p_family[0] == pytest.approx(1 / 401) and (tests.p_holm[:, 0] < 1e-3).all()
    rows = score_pairs(hessians, ["a", "b"], identity=IDENTITY).set_index("measure")
    assert rows.loc["aeh", "score"] < 0.3 < 1.8 < rows.loc["geh", "score"]


def test_max_type_p_values_by_counting():
    rng = np.random.default_rng(13)
    hessians = null_groups(rng, samples=30, groups=3, features=3)
    hessians = hessians._replace(mean=(hessians.mean + np.swapaxes(hessians.mean, 2, 3)) / 2 + 0.4)
    tests = signed_group_tests(hessians)
    values = hessians.mean[:, :, *np.triu_indices(3, 1)]
    for pair in range(3):
        one = values[:, :, pair]
        mean, sd = one.mean(axis=0), one.std(axis=0, ddof=1)
        largest = np.max(np.abs(one - mean) / sd, axis=1)
        expected = [(1 + sum(largest >= abs(m) / s)) / 31 for m, s in zip(mean, sd)]
        np.testing.assert_allclose(tests.p_max[:, pair], expected)
        p = tests.p_normal[:, pair]
        order = np.argsort(p)
        held = np.maximum.accumulate([min(1, p[o] * (3 - k)) for k, o in enumerate(order)])
        np.testing.assert_allclose(tests.p_holm[order, pair], held)
    assert (tests.p_family >= tests.p_pair).all()


@pytest.mark.parametrize(
    ("truth", "closest", "biased"), [(0.0, 0.5, 1.13), (1.0, 0.3, 0.35), (5.0, 0.12, 0.0)]
)
def test_debiasing_removes_most_of_what_noise_adds(truth, closest, biased):
    rng = np.random.default_rng(14)
    plain, debiased = [], []
    for _ in range(60):
        estimate = truth + rng.normal(size=(1, 50, 2, 2))
        posterior = estimate + rng.normal(size=(100, 50, 2, 2))
        hessians = GroupHessians(posterior, np.abs(posterior).mean(axis=1), np.ones(50, int))
        plain.append(pair_measures(hessians).geh.mean())
        debiased.append(debiased_geh(hessians)[0])
    # |truth + N(0, 2)| by its closed form
    assert np.mean(plain) - truth == pytest.approx(biased, abs=0.1)
    assert abs(np.mean(debiased) - truth) < closest


def test_units_of_features_do_not_matter_for_scaled_scores():
    rng = np.random.default_rng(15)
    points, labels = symmetric(rng, 4, 30), np.arange(30) % 3
    names = list("abcd")
    plain = score_pairs(group_point_hessians(points, labels), names, identity=IDENTITY, spread=np.ones(4))
    widths = np.array([1.0, 10.0, 0.1, 3.0])  # x_i measured in units that are widths times smaller
    other = points / widths[:, None] / widths
    scaled = score_pairs(group_point_hessians(other, labels), names, identity=IDENTITY, spread=widths)
    np.testing.assert_allclose(scaled["score_scaled"], plain["score_scaled"])
    assert not np.allclose(scaled["score"], plain["score"])


def test_a_mean_network_has_scores_but_no_spread():
    rng = np.random.default_rng(16)
    hessians = group_point_hessians(symmetric(rng, 20), np.arange(20) % 2)
    table = score_pairs(hessians, list("abcd"), identity=IDENTITY)
    assert table[["sd", "ci_low", "p_bayes", "p_groups"]].isna().all().all()
    assert table["published_call"].isna().all() and table["score"].notna().all()
    assert set(table["status"]) == {"one posterior sample: no spread"}
    assert group_table(hessians, list("abcd"), identity=IDENTITY)["sd"].isna().all()


def test_group_tables_have_signs_and_names():
    hessians = GroupHessians(
        np.array([[[[0, 2.0], [2, 0]], [[0, -1], [-1, 0]]], [[[0, 4], [4, 0]], [[0, -3], [-3, 0]]]]),
        np.ones((2, 2, 2)),
        np.array([3, 5]),
    )
    table = group_table(hessians, ["a", "b"], identity=IDENTITY, names=["low", "high"])
    assert table["mean"].tolist() == [3, -2] and table["n_points"].tolist() == [3, 5]
    assert table["group"].tolist() == ["low", "high"]
    assert table["sd"].tolist() == pytest.approx([np.sqrt(2)] * 2)
    with pytest.raises(SeqauditError, match="expected 2 different names"):
        group_table(hessians, ["a", "b"], identity=IDENTITY, names=["low", "low"])


def test_tables_are_stored_and_diagonals_may_be_nan(tmp_path):
    rng = np.random.default_rng(17)
    points = symmetric(rng, 5, 30)
    points[..., np.arange(4), np.arange(4)] = np.nan
    hessians = group_point_hessians(points, np.arange(30) % 3)
    pairs = score_pairs(hessians, list("abcd"), identity=IDENTITY)
    write_table(pairs, tmp_path / "pairs.parquet", "hessian_pairs")
    back = read_table(tmp_path / "pairs.parquet", "hessian_pairs")
    assert back["score"].tolist() == pairs["score"].tolist() and len(back) == 18
    groups = group_table(hessians, list("abcd"), identity=IDENTITY)
    write_table(groups, tmp_path / "groups.parquet", "hessian_groups")


def test_truth_is_joined_by_names():
    pairs = score_pairs(constant_hessians(1, [4]), ["a", "b", "c"], identity=IDENTITY)
    truth = feature_pairs(["a", "b", "c"]).assign(
        interacts=[True, False, False], aeh=[0.1, 0, 0], geh=[0.5, 0, 0]
    )
    told = add_truth(pairs, truth.iloc[::-1])
    row = told[(told["feature_a"] == "a") & (told["feature_b"] == "b")].set_index("measure")
    assert row["truth"].to_dict() == pytest.approx({"aeh": 0.1, "geh": 0.5, "eah": np.nan}, nan_ok=True)
    assert row["interacts"].all() and told["interacts"].sum() == 3
    with pytest.raises(SeqauditError, match="no row for a x b"):
        add_truth(pairs, truth.iloc[1:])


def test_errors_say_what_to_do():
    good = constant_hessians(1, [4, 4])
    with pytest.raises(SeqauditError, match="one feature has nothing to interact with"):
        score_pairs(good, ["a"], identity=IDENTITY)
    with pytest.raises(SeqauditError, match="'a' occurs twice"):
        score_pairs(good, ["a", "b", "a"], identity=IDENTITY)
    with pytest.raises(SeqauditError, match="got 2 names, expected 3"):
        score_pairs(good, ["a", "b"], identity=IDENTITY)
    with pytest.raises(SeqauditError, match="do not fit together"):
        pair_measures(good._replace(sizes=np.array([8])))
    bad = good.mean.copy()
    bad[2, 0, 0, 1] = np.inf
    with pytest.raises(SeqauditError, match=r"sample 2 has values that are not finite \(1 of 5"):
        pair_measures(good._replace(mean=bad))
    with pytest.raises(SeqauditError, match="positive standard deviation for each of the 3 features"):
        score_pairs(good, ["a", "b", "c"], identity=IDENTITY, spread=[1, 0, 1])


def test_calls_without_spread_are_unknown():
    calls = pd.Series(published_calls(np.array([1.0, 1.0, 3.0]), np.array([np.nan, 1.0, 1.0])))
    assert calls.isna().tolist() == [True, False, False] and calls[1:].tolist() == [False, True]

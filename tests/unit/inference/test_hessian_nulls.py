"""P-values from refitted null data: exact by counting and at their level."""

import numpy as np
import pandas as pd
import pytest

from seqaudit.errors import SeqauditError
from seqaudit.inference.group_hessian import score_pairs
from seqaudit.inference.hessian_group_counts import group_point_hessians
from seqaudit.inference.hessian_measures import feature_pairs
from seqaudit.inference.hessian_nulls import add_null_tests, draw_matrix, null_maxima, null_test

IDENTITY = {"fit": "toy.concrete", "dataset": "toy", "posterior": "concrete_dropout"}


def null_draws(scores, *, null="additive", features=("a", "b", "c"), measure="geh", **identity):
    pairs = feature_pairs(features)
    parts = [
        pairs.assign(score=row, draw=draw, null=null, measure=measure, published_call=False, p_groups=0.5)
        for draw, row in enumerate(np.atleast_2d(scores), start=1)
    ]
    return pd.concat(parts, ignore_index=True).assign(**(IDENTITY | identity))


def toy_pairs(seed=0):
    rng = np.random.default_rng(seed)
    half = rng.normal(size=(6, 40, 3, 3))
    return score_pairs(
        group_point_hessians(half + np.swapaxes(half, 2, 3), np.arange(40) % 4),
        list("abc"),
        identity=IDENTITY,
    )


def test_p_values_by_counting():
    draws = np.array([[1.0, 5.0], [2.0, 4.0], [3.0, 0.0], [0.0, 1.0]])
    test = null_test([2.5, 4.0], draws, balance=False, alpha=0.4)
    assert test.p.tolist() == pytest.approx([2 / 5, 3 / 5])
    assert test.p_family.tolist() == pytest.approx([4 / 5, 3 / 5])  # maxima 5, 4, 3, 1
    assert test.critical.tolist() == [4, 4], "the second largest maximum of 4, for a rank of 2 in 5"


def test_no_p_value_is_zero_and_ties_count_against_the_call():
    test = null_test([9.0, 1.0], np.ones((99, 2)), balance=True)
    assert test.p[0] == test.p_family[0] == 0.01 and test.p[1] == 1


def test_critical_scores_are_those_of_the_calls():
    rng = np.random.default_rng(1)
    for balance in (False, True):
        for _ in range(200):
            scores, draws = rng.gamma(2, size=12), rng.gamma(2, size=(39, 12))
            test = null_test(scores, draws, balance=balance, alpha=0.1)
            assert ((scores > test.critical) == (test.p_family <= 0.1)).all()


def test_too_few_draws_cannot_call():
    test = null_test([9.0, 1.0], np.ones((18, 2)), balance=True, alpha=0.05)
    assert np.isinf(test.critical).all() and (test.p_family > 0.05).all()
    assert np.isfinite(null_test([9.0, 1.0], np.ones((19, 2)), balance=True, alpha=0.05).critical).all()


@pytest.mark.parametrize("balance", [False, True])
def test_levels_on_exchangeable_nulls_with_unequal_noise(balance):
    rng = np.random.default_rng(2)
    widths = np.array([10.0, 1, 1, 1, 1])
    family, own = [], []
    for _ in range(1500):
        scores = widths * np.abs(rng.normal(size=(20, 5)))
        test = null_test(scores[0], scores[1:], balance=balance)
        family.append((test.p_family <= 0.05).any())
        own.append(test.p <= 0.05)
    assert 0.035 <= np.mean(family) <= 0.065
    assert 0.035 <= np.mean(own) <= 0.065


def test_balancing_keeps_a_noisy_pair_from_drowning_the_others():
    rng = np.random.default_rng(3)
    draws = np.abs(rng.normal(size=(99, 5))) * np.array([10.0, 1, 1, 1, 1])
    scores = np.array([5.0, 8.0, 1, 1, 1])
    assert null_test(scores, draws, balance=True).p_family[1] == 0.01
    assert null_test(scores, draws, balance=False).p_family[1] > 0.05


def test_the_call_rests_on_the_additive_null():
    pairs = toy_pairs()
    geh = pairs.loc[pairs["measure"] == "geh", "score"].to_numpy()
    rng = np.random.default_rng(4)
    draws = np.abs(rng.normal(size=(59, 3))) * 1e-3
    draws[:, 2] += geh[2]  # a false interaction that additive data give as well
    nulls = pd.concat([null_draws(draws), null_draws(draws * 1e-3, null="permutation")])
    tested = add_null_tests(pairs, nulls)
    rows = tested[tested["measure"] == "geh"]
    assert rows["call"].tolist() == [True, True, False]
    assert rows["p_permutation_family"].tolist() == pytest.approx([1 / 60] * 3), "the wrong null calls all"
    assert rows["p_null"].tolist() == rows["p_additive_family"].tolist()
    assert tested.loc[tested["measure"] != "geh", ["p_null", "call"]].isna().all().all()
    assert tested.index.tolist() == pairs.index.tolist() and list(tested.columns) == list(pairs.columns)


def test_order_of_rows_of_draws_does_not_matter():
    pairs, rng = toy_pairs(), np.random.default_rng(5)
    nulls = null_draws(rng.gamma(2, size=(30, 3)))
    one = add_null_tests(pairs, nulls)
    pd.testing.assert_frame_equal(one, add_null_tests(pairs, nulls.sample(frac=1, random_state=1)))


def test_too_few_draws_say_so():
    tested = add_null_tests(toy_pairs(), null_draws(np.ones((5, 3))))
    rows = tested[tested["measure"] == "geh"]
    assert set(rows["status"]) == {"5 additive draws are too few for a call at 0.05"}
    assert not rows["call"].any() and rows["null_quantile"].isna().all()


def test_maxima_have_one_row_per_draw():
    table = null_maxima(null_draws([[1.0, 3, 2], [5, 1, 4]]))
    assert table["score"].tolist() == [3, 5] and table["draw"].tolist() == [1, 2]


def test_errors():
    with pytest.raises(SeqauditError, match=r"\(pairs,\) and \(draws, pairs\)"):
        null_test([1.0, 2], np.ones((4, 3)), balance=True)
    with pytest.raises(SeqauditError, match="1 scores are negative or not finite"):
        null_test([1.0, np.nan], np.ones((4, 2)), balance=True)
    with pytest.raises(SeqauditError, match="unknown null 'shuffled'"):
        add_null_tests(toy_pairs(), null_draws(np.ones((5, 3)), null="shuffled"))
    draws = null_draws(np.ones((5, 3)))
    with pytest.raises(SeqauditError, match="some of them missing"):
        draw_matrix(draws.iloc[1:], feature_pairs(list("abc")))

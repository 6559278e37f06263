"""Null data keep what they should and lose the interaction; scores of refits are those of networks."""

import numpy as np
import pytest

from seqaudit.data.hessian import GroupHessians
from seqaudit.errors import SeqauditError
from seqaudit.inference.group_hessian import score_pairs
from seqaudit.inference.hessian_refits import TARGETS, null_targets, score_draws

IDENTITY = {"fit": "f", "dataset": "d", "posterior": "concrete"}


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(1)
    x = rng.uniform(-1, 1, (4000, 3))
    y = 2 * x[:, 0] + np.sin(3 * x[:, 1]) + 3 * x[:, 0] * x[:, 2] + 0.1 * rng.standard_normal(4000)
    return x, y


def slope_of(x, y, column):
    return float(np.mean((column - column.mean()) * y) / np.var(column))


def test_observed_targets_are_the_data(world):
    x, y = world
    assert np.array_equal(null_targets(x, y, targets="observed"), y[None])


def test_permuted_targets_are_the_same_values_in_another_order(world):
    x, y = world
    drawn = null_targets(x, y, targets="permutation", draws=[1, 2], seed=3)
    assert drawn.shape == (2, len(y)) and not np.array_equal(drawn[0], drawn[1])
    assert np.array_equal(np.sort(drawn, axis=1), np.sort(np.stack([y, y]), axis=1))
    assert abs(slope_of(x, drawn[0], x[:, 0])) < 0.15


@pytest.mark.parametrize("targets", ["additive", "main_effects", "main_effects_reference"])
def test_simulated_targets_keep_main_effects_and_lose_the_interaction(world, targets):
    x, y = world
    drawn = null_targets(x, y, targets=targets, draws=[1], seed=3)[0]
    product = x[:, 0] * x[:, 2]
    assert slope_of(x, drawn, x[:, 0]) == pytest.approx(2, abs=0.15)
    assert slope_of(x, y, product) == pytest.approx(3, abs=0.3)
    assert abs(slope_of(x, drawn, product)) < 0.3


def test_the_reference_of_permuted_targets_has_no_main_effects(world):
    x, y = world
    drawn = null_targets(x, y, targets="permutation_reference", draws=[1], seed=3)[0]
    assert abs(slope_of(x, drawn, x[:, 0])) < 0.15
    assert drawn.var() == pytest.approx(y.var(), rel=0.1)


def test_a_draw_does_not_depend_on_the_others(world):
    x, y = (part[:500] for part in world)
    for targets in TARGETS[1:]:
        both = null_targets(x, y, targets=targets, draws=[1, 2], seed=5)
        second = null_targets(x, y, targets=targets, draws=[2], seed=5)
        np.testing.assert_array_equal(both[1], second[0])
        assert not np.array_equal(both[0], both[1])


def test_draws_of_a_kind_share_nothing_with_those_of_another(world):
    x, y = (part[:500] for part in world)
    additive, judged = (
        null_targets(x, y, targets=t, draws=[1], seed=5)[0] for t in ("additive", "main_effects")
    )
    noise = (
        part - null_targets(x, y, targets="additive", draws=[9], seed=5)[0] for part in (additive, judged)
    )
    assert abs(np.corrcoef(*noise)[0, 1]) < 0.7  # 0.5 is what the shared subtrahend gives


def test_counts_stay_counts(world):
    x, _ = world
    counts = np.random.default_rng(2).poisson(20 + 10 * x[:, 0]).astype(float)
    drawn = null_targets(x, counts, targets="additive", draws=[1], family="poisson", seed=1)[0]
    assert (drawn >= 0).all() and np.array_equal(drawn, np.round(drawn))
    assert slope_of(x, drawn, x[:, 0]) == pytest.approx(10, abs=1)


def test_an_unknown_kind_is_named(world):
    with pytest.raises(SeqauditError, match=r"targets: got 'shuffled', expected one of observed"):
        null_targets(*world, targets="shuffled")


def test_scores_of_draws_are_those_of_their_networks():
    rng = np.random.default_rng(4)
    sizes = np.array([5, 7])
    networks = [
        GroupHessians(mean, np.abs(mean).mean(axis=1), sizes) for mean in rng.normal(size=(3, 20, 2, 3, 3))
    ]
    drawn = score_draws(iter(networks), ["a", "b", "c"], identity=IDENTITY, null="additive", draws=[4, 5, 6])
    assert list(drawn["draw"].unique()) == [4, 5, 6] and set(drawn["null"]) == {"additive"}
    second = drawn[drawn["draw"] == 5].reset_index(drop=True)
    alone = score_pairs(networks[1], ["a", "b", "c"], identity=IDENTITY)
    np.testing.assert_array_equal(second["score"], alone["score"])
    assert list(second["measure"]) == list(alone["measure"])

"""The loss gate: deviances by hand, gains where there are interactions, none where there are not."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from seqaudit.data.features import FeatureTable
from seqaudit.inference.hessian_loss_gate import add_loss_gate, held_out_losses, point_deviances

SPLIT = np.array(["train"] * 900 + ["validation"] * 100 + ["test"] * 1000, dtype=object)


def table(strength, *, seed=0, counts=False):
    """Two features with main effects 3 a + 2 b and the interaction ``strength`` a b."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 1, size=(len(SPLIT), 2))
    mean = 4 + 3 * x[:, 0] + 2 * x[:, 1] + strength * x[:, 0] * x[:, 1]
    y = rng.poisson(mean).astype(float) if counts else mean + 0.3 * rng.normal(size=len(x))
    return FeatureTable(x, y, ("a", "b"), "y", SPLIT), mean


def truth(strength):
    return lambda x: 4 + 3 * x[:, 0] + 2 * x[:, 1] + strength * x[:, 0] * x[:, 1]


def test_deviances_by_hand():
    y, mean = np.array([0.0, 3.0, 5.0]), np.array([2.0, 3.0, -1.0])
    np.testing.assert_array_equal(point_deviances(y, mean, family="gaussian", floor=1.0), [4, 0, 36])
    expected = [2 * 2.0, 0, 2 * (5 * np.log(5 / 0.5) - 5 + 0.5)]
    np.testing.assert_allclose(point_deviances(y, mean, family="poisson", floor=0.5), expected)
    saturated = stats.poisson.logpmf(4, 4) - stats.poisson.logpmf(4, 2.5)
    assert point_deviances(np.array([4.0]), np.array([2.5]), family="poisson", floor=0.1)[0] == pytest.approx(
        2 * saturated
    )


@pytest.mark.parametrize(("family", "strength"), [("gaussian", 2.0), ("poisson", 40.0)])
def test_the_true_law_gains_what_main_effects_miss(family, strength):
    made, _ = table(strength, counts=family == "poisson")
    losses = held_out_losses(made, truth(strength), family=family)
    assert losses["p_loss"] < 1e-4 and losses["loss_gain"] > 4 * losses["loss_gain_se"]
    assert losses["loss_gain"] == pytest.approx(losses["additive_deviance"] - losses["test_deviance"])
    if family == "gaussian":
        # variance of 2 (a - 1/2)(b - 1/2), a and b uniform: 4 / 144
        assert losses["loss_gain"] == pytest.approx(4 / 144, rel=0.25)
        assert losses["test_deviance"] == pytest.approx(0.09, rel=0.15)


def test_without_interaction_even_the_truth_gains_next_to_nothing():
    """The additive model errs only by what its coefficients cost."""
    made, _ = table(0.0)
    losses = held_out_losses(made, truth(0.0), family="gaussian")
    assert 0 < losses["additive_deviance"] / losses["test_deviance"] < 1.03


def test_a_network_that_has_learned_noise_fails_the_gate():
    level = []
    for seed in range(40):
        made, _ = table(0.0, seed=seed)
        wiggles = np.random.default_rng(seed).normal(size=4)

        def predict(x, wiggles=wiggles):
            return truth(0.0)(x) + 0.1 * np.sin(20 * x @ wiggles[:2]) + 0.05 * wiggles[2] * x[:, 0] * x[:, 1]

        level.append(held_out_losses(made, predict, family="gaussian")["p_loss"] <= 0.05)
    assert sum(level) <= 2


def test_r2_and_missing_test_points():
    made, mean = table(2.0)
    test = SPLIT == "test"
    losses = held_out_losses(made, truth(2.0), family="gaussian")
    assert losses["test_r2"] == pytest.approx(1 - np.mean((made.y - mean)[test] ** 2) / made.y[test].var())
    without = made._replace(split=np.where(test, "train", SPLIT).astype(object))
    assert np.isnan(list(held_out_losses(without, truth(2.0), family="gaussian").values())).all()
    few = FeatureTable(*(part[-1007:] for part in made[:2]), *made[2:4], SPLIT[-1007:])
    losses = held_out_losses(few, truth(2.0), family="gaussian")
    assert np.isfinite(losses["test_deviance"]) and np.isnan(losses["p_loss"])


def test_the_gate_takes_calls_back_and_makes_none():
    pairs = pd.DataFrame(
        {"fit": ["good", "good", "bad", "bad", "unknown"], "call": [True, False, True, None, True]}
    )
    networks = pd.DataFrame(
        {"fit": ["good", "bad", "unknown", "good"], "targets": ["observed"] * 3 + ["additive"], "member": 1}
    ).assign(p_loss=[0.01, 0.2, np.nan, np.nan])
    gated = add_loss_gate(pairs, networks, alpha=0.05)
    assert gated["gated_call"].tolist() == [True, False, False, False, pd.NA]
    assert gated["call"].tolist() == pairs["call"].tolist()
    assert gated["p_loss"].tolist()[:4] == [0.01, 0.01, 0.2, 0.2]

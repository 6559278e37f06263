"""The published recalibration: its shift in closed form, its code step by step, its effects."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from seqaudit.errors import SeqauditError
from seqaudit.inference.calibration import Predictions
from seqaudit.inference.published_recalibration import (
    PublishedRecalibration,
    fit_published,
    published_effects,
)


def ensemble(n, *, seed, members=5):
    return np.random.default_rng(seed).normal(0, 1, (members, n))


def overconfident(n, k, seed=1) -> Predictions:
    members = ensemble(n, seed=seed)
    target = members.mean(axis=0) + k * members.std(axis=0) * np.random.default_rng(seed + 1).normal(size=n)
    return Predictions(np.arange(n).astype(str), members, target, target)


@pytest.mark.parametrize(("k", "shift", "widening"), [(2, 1.04, 1.54), (3, 1.95, 2.07)])
def test_interval_levels_applied_one_sided_push_predictions_up(k, shift, widening):
    """Coverage of central intervals is 2 Phi(t) - 1 where 2 Phi(k t) - 1 is claimed (reference values)."""
    t = np.linspace(0, 6, 20_001)
    ideal = PublishedRecalibration(2 * norm.cdf(t) - 1, 2 * norm.cdf(k * t) - 1)
    members = ensemble(40_000, seed=3)
    moved = ideal.recalibrate(members)
    sd = members.std(axis=0)
    assert np.mean((moved.mean(axis=0) - members.mean(axis=0)) / sd) == pytest.approx(shift, abs=0.03)
    assert np.mean(moved.std(axis=0) / sd) == pytest.approx(widening, abs=0.04)


def test_their_hundred_levels_temper_the_shift():
    moved = fit_published(overconfident(20_000, 3)).recalibrate(members := ensemble(20_000, seed=5))
    sd = members.std(axis=0)
    assert np.mean((moved.mean(axis=0) - members.mean(axis=0)) / sd) == pytest.approx(1.37, abs=0.05)
    assert np.mean(moved.std(axis=0) / sd) == pytest.approx(1.34, abs=0.05)


def test_one_prediction_step_by_step():
    fitted = overconfident(60, 2)
    mean, sd = fitted.members.mean(axis=0), fitted.members.std(axis=0)
    nominal = [i / 99 for i in range(100)]
    observed = []
    for level in nominal:
        low, high = norm.ppf(0.5 - level / 2), norm.ppf(0.5 + level / 2)
        observed.append(np.mean([(low <= e <= high) for e in (fitted.target - mean) / sd]))
    variant = np.array([1.0, 2.0, 4.0, 4.5, 6.0])
    ours = fit_published(fitted).recalibrate(variant[:, None])[:, 0]
    for value, moved in zip(variant, ours):
        level = norm(variant.mean(), variant.std()).cdf(value)
        # levels with the same coverage count as one, at their mean; between coverages: a straight line
        knots = sorted(set(observed))
        means = [np.mean([p for p, o in zip(nominal, observed) if o == knot]) for knot in knots]
        right = next(i for i, knot in enumerate(knots) if knot >= level)
        share = (level - knots[right - 1]) / (knots[right] - knots[right - 1])
        new = means[right - 1] + share * (means[right] - means[right - 1])
        assert moved == pytest.approx(norm(variant.mean(), variant.std()).ppf(new), rel=1e-9)


def test_extremes_stay_finite():
    step = PublishedRecalibration(np.array([0.0, 0.5, 1.0]), np.array([0.0, 1.0, 1.0]))
    moved = step.recalibrate(np.array([[0.0, 1.0], [1.0, 1.0]]))
    assert np.isfinite(moved).all()
    assert moved[:, 1].tolist() == [1.0, 1.0], "members that agree stay"


def tables(members=4, sequences=30):
    rng = np.random.default_rng(8)
    predictions, effects = [], []
    for output in ("X", "Y"):
        reference = rng.normal(10, 1, (members, sequences))
        for member in range(members):
            predictions.append(
                pd.DataFrame(
                    {
                        "member": member,
                        "sequence_id": [f"s{i}" for i in range(sequences)],
                        "split": "test",
                        "output": output,
                        "prediction": reference[member],
                        "target": 10 + 3 * np.sin(np.arange(sequences)),
                        "expected": np.nan,
                    }
                )
            )
            for locus in range(2):
                for position in range(3):
                    effects.append(
                        {
                            "member": member,
                            "locus_id": f"s{locus}",
                            "output": output,
                            "position": position,
                            "ref": "A",
                            "alt": "C",
                            "effect": rng.normal(-2, 0.5),
                            "reference": reference[member, locus],
                        }
                    )
    return pd.DataFrame(effects), pd.concat(predictions, ignore_index=True)


def test_effects_are_differences_of_recalibrated_predictions():
    effects, predictions = tables()
    shuffled = effects.sample(frac=1, random_state=2)
    moved = published_effects(shuffled, predictions)
    assert moved.index.equals(shuffled.index)
    rows = effects.query("output == 'Y' and locus_id == 's1' and position == 2").sort_values("member")
    of_y = predictions[predictions["output"] == "Y"].pivot(index="sequence_id", columns="member")
    target = of_y["target"][0].to_numpy()
    fitted = fit_published(Predictions(of_y.index, of_y["prediction"].to_numpy().T, target, target))
    reference = rows["reference"].to_numpy()
    mutant = reference + rows["effect"].to_numpy()
    expected = fitted.recalibrate(mutant[:, None])[:, 0] - fitted.recalibrate(reference[:, None])[:, 0]
    assert np.allclose(moved.loc[rows.index, "effect"], expected, atol=1e-5)
    assert np.allclose(moved.loc[rows.index, "reference"], fitted.recalibrate(reference[:, None])[:, 0])
    assert (effects["effect"] != moved["effect"].reindex(effects.index)).any(), "input untouched"


def test_bad_input_is_refused():
    effects, predictions = tables()
    with pytest.raises(
        SeqauditError, match="no prediction of output 'Y', which mutation_effects has; found X"
    ):
        published_effects(effects, predictions[predictions["output"] == "X"])
    with pytest.raises(SeqauditError, match="mutations of output 'X' do not have all 4 members"):
        published_effects(effects.iloc[1:], predictions)
    with pytest.raises(SeqauditError, match="no sequence of split 'calibration'"):
        published_effects(effects, predictions, split="calibration")
    with pytest.raises(SeqauditError, match="n_levels: got 1"):
        fit_published(overconfident(10, 1), n_levels=1)
    with pytest.raises(SeqauditError, match="members: got 1"):
        fit_published(overconfident(10, 1)).recalibrate(np.ones((1, 4)))

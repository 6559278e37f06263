"""Size of effects: recovered from held-out labelled mutants, and carried into every interval."""

import numpy as np
import pandas as pd
import pytest

from seqaudit.errors import SeqauditError
from seqaudit.inference.deepmr.effect_calibration import (
    SlopeFactor,
    calibrated_rows,
    labelled_mutants,
    slope_factor,
)

LENGTH, SITE = 12, (2, 8)
"""Sequences, and where they hold a site of motif X."""


def world(n_parents=200, *, shrink=(1.0, 1.0), noise=0.0, seed=1, mutants_each=2, bases=1):
    """Parents of split calibration with mutants, outputs x and y, two members that agree.

    True effects of a mutation at position p in the site are -p on x and -4 p on y; outside there
    are none. Members predict them divided by ``shrink``.
    """
    rng = np.random.default_rng(seed)
    rows, predictions = [], []
    site = f"pos-{SITE[0]}_X-{'A' * (SITE[1] - SITE[0])}"
    for parent in range(n_parents):
        letters = ["A"] * LENGTH
        level = rng.normal(20, 3, size=2)
        for copy in range(mutants_each + 1):
            mutated, effect = list(letters), np.zeros(2)
            for position in rng.choice(LENGTH, size=bases if copy else 0, replace=False):
                mutated[position] = "C"
                if SITE[0] <= position < SITE[1]:
                    effect -= np.array([1.0, 4.0]) * position
            name = f"c{parent}" + (f".m{copy}" if copy else "")
            rows.append((name, "calibration", "".join(mutated), f"c{parent}", copy > 0, site))
            measured = level + effect + noise * rng.normal(size=2)
            for member in range(2):
                for output, size, value, whole in zip("xy", effect / shrink, measured, level):
                    predictions.append((member, name, "calibration", output, whole + size, value))
    names = ["sequence_id", "split", "sequence", "parent", "mutated", "embeddings"]
    columns = ["member", "sequence_id", "split", "output", "prediction", "target"]
    return pd.DataFrame(predictions, columns=columns), pd.DataFrame(rows, columns=names)


def factor_of(predictions, sequences) -> SlopeFactor:
    mutants = labelled_mutants(predictions, sequences)
    return slope_factor(mutants, exposure="x", outcome="y", motif="X")


def test_the_factors_are_those_by_which_members_err():
    found = factor_of(*world(shrink=(0.8, 1.25)))
    assert found.exposure_factor == pytest.approx(0.8)
    assert found.outcome_factor == pytest.approx(1.25)
    assert found.ratio == pytest.approx(1.25 / 0.8) and found.se == pytest.approx(0, abs=1e-9)


def test_only_mutations_in_sites_of_the_exposure_count():
    predictions, sequences = world()
    changed = sequences["sequence"].str.find("C")
    inside = sequences["mutated"] & changed.between(SITE[0], SITE[1] - 1)
    found = factor_of(predictions, sequences)
    assert found.n_mutants == inside.sum()
    assert found.n_parents == sequences.loc[inside, "parent"].nunique()


def test_the_order_of_rows_changes_nothing():
    predictions, sequences = world(noise=1.0)
    shuffled = factor_of(predictions.sample(frac=1, random_state=2), sequences.sample(frac=1, random_state=3))
    assert shuffled == pytest.approx(factor_of(predictions, sequences))


def test_noise_of_measurements_does_not_bias_and_is_in_the_standard_error():
    found = [factor_of(*world(60, shrink=(1.1, 0.9), noise=2.0, seed=seed)) for seed in range(200)]
    ratios, errors = np.array([f.ratio for f in found]), np.array([f.se for f in found])
    assert ratios.mean() == pytest.approx(0.9 / 1.1, abs=3 * ratios.std() / np.sqrt(200))
    # both mutants of a parent share its one measurement: errors must know that
    assert errors.mean() == pytest.approx(ratios.std(), rel=0.15)
    covered = np.abs(ratios - 0.9 / 1.1) < 1.96 * errors
    assert 0.9 <= covered.mean() <= 0.99


def test_mutants_with_several_changes_are_left_out():
    predictions, sequences = world(mutants_each=1, bases=3)
    assert len(labelled_mutants(predictions, sequences).position) == 0


def test_too_few_mutants_give_no_estimate_but_a_reason():
    few = factor_of(*world(10))
    assert np.isnan(few.ratio) and few.n_mutants < 30
    local = pd.DataFrame({"b": [1.0, np.nan], "se": [0.1, np.nan], "df": 4.0, "estimand": "slope"})
    local["status"] = ["ok", "no_exposure_site"]
    rows = calibrated_rows(local, few)
    assert rows["status"].tolist() == ["too_few_labelled_mutants", "no_exposure_site"]
    assert rows["b"].isna().all()


def test_intervals_carry_both_errors():
    local = pd.DataFrame({"b": [3.0], "se": [0.2], "df": 4.0, "estimand": "slope", "status": "ok"})
    factor = SlopeFactor(0.9, 0.05, 1.0, 0.9, 100, 50)
    row = calibrated_rows(local, factor).iloc[0]
    assert row["b"] == pytest.approx(2.7)
    assert row["se"] == pytest.approx(np.sqrt((0.9 * 0.2) ** 2 + (3 * 0.05) ** 2))
    assert row["method"] == "calibrated_slope" and row["ci_high"] - row["b"] == pytest.approx(
        2.776 * row["se"], rel=1e-3
    )


def test_a_mutant_without_prediction_is_named():
    predictions, sequences = world(40)
    with pytest.raises(SeqauditError, match=r"'c0\.m1' or its parent has no prediction"):
        labelled_mutants(predictions[predictions["sequence_id"] != "c0.m1"], sequences)

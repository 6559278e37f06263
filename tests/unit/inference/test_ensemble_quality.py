"""The table of ensemble quality: R2 and effect agreement by algebra, errors."""

import numpy as np
import pandas as pd
import pytest

from seqaudit.data.tables import read_table, write_table
from seqaudit.errors import SeqauditError
from seqaudit.inference.calibration import calibration_table
from seqaudit.inference.ensemble_quality import quality_table

IDENTITY = {
    "ensemble": "s.none.round_1.r",
    "study": "s",
    "scenario": "none",
    "round": 1,
    "recipe": "r",
}
OPTIONS = {"identity": IDENTITY, "epochs": 71.5, "seconds": 30.0, "noise_variance": 1.0}


def predictions(split="test", n=6, shift=0.0) -> pd.DataFrame:
    """Two members around ``shift`` beside the expectation 0, 1, ...; targets 0.5 above and below it."""
    expected = np.arange(n, dtype=float)
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "member": member,
                    "sequence_id": [f"{split}{i}" for i in range(n)],
                    "split": split,
                    "output": "X",
                    "prediction": (expected + shift + offset).astype(np.float32),
                    "target": expected + 0.5 * (-1) ** np.arange(n),
                    "expected": expected,
                }
            )
            for member, offset in enumerate((-0.25, 0.25))
        ],
        ignore_index=True,
    )


def effects(slope=1.0, error=0.0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Predictions are ``slope`` times the truth and off by ``error``, alternating, in the mean of members."""
    true = pd.DataFrame(
        {
            "locus_id": "l",
            "output": "X",
            "position": range(4),
            "ref": "A",
            "alt": "C",
            "effect": [1.0, 1.0, 2.0, 2.0],
        }
    )
    predicted = slope * true["effect"] + error * np.array([1, -1, 1, -1])
    members = [
        true.assign(member=member, effect=predicted + offset, reference=0.0)
        for member, offset in ((0, -0.5), (1, 0.5))
    ]
    return pd.concat(members, ignore_index=True), true


def test_r2_by_hand(tmp_path):
    made = quality_table(predictions(shift=0.5), **OPTIONS)
    write_table(made, tmp_path / "quality.parquet", "ensemble_quality")
    row = read_table(tmp_path / "quality.parquet", "ensemble_quality").iloc[0]
    # expectations 0..5 have squares 17.5 about their mean; the mean of members is off by 0.5 six times
    assert row["test_r2_expected"] == pytest.approx(1 - 6 * 0.25 / 17.5)
    target = np.array([0.5, 0.5, 2.5, 2.5, 4.5, 4.5])
    error = (target - (np.arange(6) + 0.5)) ** 2
    assert row["test_r2"] == pytest.approx(1 - error.sum() / ((target - 2.5) ** 2).sum())
    assert (row["members"], row["epochs"], row["seconds"]) == (2, 71.5, 30.0)
    assert row[["effect_slope", "calibration_error_before", "level_factor"]].isna().all()


def test_unknown_expectations_are_null():
    made = quality_table(predictions().assign(expected=np.nan), **OPTIONS)
    assert made["test_r2_expected"].isna().all() and made["test_r2"].notna().all()


def test_calibration_columns_are_the_means_of_its_table():
    both = pd.concat([predictions(), predictions("calibration", n=40)])
    calibration = calibration_table(both, ensemble="s.none.round_1.r", noise_variance=1.0)
    row = quality_table(both, calibration=calibration, **OPTIONS).iloc[0]
    gap = (calibration["observed_before"] - calibration["level"]).abs().mean()
    assert row["calibration_error_before"] == pytest.approx(gap)
    # squared error .25, noise 1, variance of two members .25 apart from their mean .125
    assert row["level_factor"] == pytest.approx((0.25 - 1) / 0.125)


@pytest.mark.parametrize(("slope", "error"), [(1.0, 0.0), (1.1, 0.2)])
def test_slope_and_error_of_effects(slope, error):
    predicted, true = effects(slope, error)
    row = quality_table(predictions(), effects=predicted, true_effects=true, **OPTIONS).iloc[0]
    assert row["effect_slope"] == pytest.approx(slope)
    gaps = (slope - 1) * true["effect"] + error * np.array([1, -1, 1, -1])
    assert row["effect_rmse"] == pytest.approx(np.sqrt(np.mean(gaps**2)))


def test_only_selected_mutations_are_compared():
    predicted, true = effects()
    predicted.loc[predicted["position"] == 0, "effect"] = 100.0
    selected = pd.DataFrame({"locus_id": "l", "position": [1, 2, 2], "alt": "C"})
    row = quality_table(
        predictions(), effects=predicted, true_effects=true, selected=selected, **OPTIONS
    ).iloc[0]
    assert row["effect_slope"] == pytest.approx(1.0) and row["effect_rmse"] == pytest.approx(0.0, abs=1e-12)
    nothing = quality_table(
        predictions(), effects=predicted, true_effects=true, selected=selected.iloc[:0], **OPTIONS
    )
    assert nothing["effect_slope"].isna().all()


def test_measured_effects_have_no_truth():
    predicted, true = effects()
    made = quality_table(predictions(), effects=predicted, true_effects=true.iloc[:0], **OPTIONS)
    assert made[["effect_slope", "effect_rmse"]].isna().all(axis=None)


def test_bad_input_is_refused():
    predicted, true = effects()
    with pytest.raises(SeqauditError, match=r"no effect of l position 3 to C on .X. \(1 such mutations\)"):
        quality_table(predictions(), effects=predicted, true_effects=true.iloc[:3], **OPTIONS)
    with pytest.raises(SeqauditError, match="no sequence of split 'test'"):
        quality_table(predictions("calibration"), **OPTIONS)
    with pytest.raises(SeqauditError, match="identity: 'recipe' is missing"):
        quality_table(
            predictions(),
            **{**OPTIONS, "identity": {"ensemble": "e", "study": "s", "scenario": "", "round": 1}},
        )

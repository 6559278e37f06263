"""How good an ensemble is: held-out targets, noise-free expectations, effects of mutations, spread."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from seqaudit.data.schemas import SCHEMAS
from seqaudit.errors import SeqauditError
from seqaudit.inference.calibration import (
    Predictions,
    calibration_errors,
    predictions_by_output,
    variance_factor,
)

_MUTATION = ["locus_id", "position", "alt"]
_COLUMNS = [column.name for column in SCHEMAS["ensemble_quality"].columns]


def quality_table(
    predictions: pd.DataFrame,
    *,
    identity: Mapping[str, object],
    epochs: float,
    seconds: float,
    noise_variance: float,
    calibration: pd.DataFrame | None = None,
    effects: pd.DataFrame | None = None,
    true_effects: pd.DataFrame | None = None,
    selected: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """One row per output: what a reader must know before believing estimates of the ensemble.

    Parameters
    ----------
    predictions : pandas.DataFrame
        Table ``ensemble_predictions``, with splits test and, if ``calibration`` is given,
        calibration.
    identity : mapping
        ``ensemble``, ``study``, ``scenario``, ``round`` and ``recipe``.
    epochs, seconds : float
        Mean epochs of the members and training time of all of them.
    noise_variance : float
        Variance of the observation noise, ``calibration.OBSERVATION_NOISE``.
    calibration : pandas.DataFrame, optional
        Table ``calibration`` of this ensemble. Without it calibration columns are null.
    effects, true_effects : pandas.DataFrame, optional
        Tables ``mutation_effects`` and ``true_effects``. Without rows of the truth effect columns are
        null.
    selected : pandas.DataFrame, optional
        Mutations to compare (``locus_id``, ``position``, ``alt``), such as the selected rows of
        table ``instruments``; all by default.

    Returns
    -------
    pandas.DataFrame
        Table ``ensemble_quality``. R2 is 1 - squared error / variance of the reference.

    Raises
    ------
    SeqauditError
        Unusable predictions (see :func:`predictions_by_output`), or a selected mutation
        without a true effect.
    """
    test = predictions_by_output(predictions, split="test")
    missing = [name for name in ("ensemble", "study", "scenario", "round", "recipe") if name not in identity]
    if missing:
        raise SeqauditError(f"identity: '{missing[0]}' is missing, expected the ids of the ensemble.")
    held_out = None if calibration is None else predictions_by_output(predictions, split="calibration")
    errors = None if calibration is None else calibration_errors(calibration)
    agreement = _effect_agreement(effects, true_effects, selected)
    rows = []
    for output, values in test.items():
        row = {
            **identity,
            "output": output,
            "members": len(values.members),
            "epochs": float(epochs),
            "seconds": float(seconds),
            "test_r2": _r2(values, values.target),
            "test_r2_expected": _r2(values, values.expected),
            **agreement.get(output, {}),
        }
        if held_out is not None:
            row |= errors.loc[output].to_dict()
            row["level_factor"] = variance_factor(held_out[output], noise_variance=noise_variance)
        rows.append(row)
    return pd.DataFrame(rows).reindex(columns=_COLUMNS)


def _r2(values: Predictions, reference: np.ndarray) -> float:
    """About the identity line; NaN where the reference is unknown or constant."""
    spread = np.sum((reference - reference.mean()) ** 2)
    error = np.sum((reference - values.members.mean(axis=0)) ** 2)
    return float(1 - error / spread) if spread > 0 else np.nan


def _effect_agreement(effects, true_effects, selected) -> dict[str, dict[str, float]]:
    """Slope through the origin and error of predicted on true effects, by output."""
    if effects is None or true_effects is None or true_effects.empty:
        return {}
    if selected is not None:
        wanted = selected[_MUTATION].drop_duplicates()
        effects = effects.merge(wanted, on=_MUTATION)
    effects = effects.astype({"effect": np.float64})
    predicted = effects.groupby(["output", *_MUTATION], as_index=False)["effect"].mean()
    joined = predicted.merge(
        true_effects[["output", *_MUTATION, "effect"]],
        on=["output", *_MUTATION],
        how="left",
        suffixes=("", "_true"),
    )
    unknown = joined[joined["effect_true"].isna()]
    if len(unknown):
        first = unknown.iloc[0]
        raise SeqauditError(
            f"true_effects: no effect of {first['locus_id']} position {first['position']} to {first['alt']} "
            f"on '{first['output']}' ({len(unknown)} such mutations), expected one for every mutation "
            "that is compared. Make both tables from the same sequences."
        )
    found = {}
    for output, part in joined.groupby("output"):
        x, y = part["effect_true"].to_numpy(np.float64), part["effect"].to_numpy(np.float64)
        strength = float(x @ x)
        found[output] = {
            "effect_slope": float(x @ y) / strength if strength > 0 else np.nan,
            "effect_rmse": float(np.sqrt(np.mean((y - x) ** 2))),
        }
    return found

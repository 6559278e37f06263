"""Targets as they would be if an additive twin were the truth: the null world of the bootstrap."""

import numpy as np
import pandas as pd

from seqaudit.errors import SeqauditError


def draw_null_targets(
    sequences: pd.DataFrame, predictions: pd.DataFrame, *, transform: str, replicate: int, seed: int
) -> pd.DataFrame:
    """The same sequences with targets drawn around a twin's predictions.

    Counts are Poisson; measured targets are normal with the variance of the twin's residuals on
    validation sequences, the same for all.

    Parameters
    ----------
    sequences : pandas.DataFrame
        Table ``sequences``.
    predictions : pandas.DataFrame
        Table ``twin_predictions`` of one twin, for all these sequences.
    transform : {"anscombe", "log1p", "identity"}
        Of the dataset; targets are counts for all but ``"identity"``.
    replicate : int
        Number of the draw, from 1; every one has a stream of its own.
    seed : int

    Returns
    -------
    pandas.DataFrame
        Table ``sequences`` with new ``target``; ``count`` is null, ``expected_count`` the
        twin's prediction, whose knock-outs are the truth of this world.

    Raises
    ------
    SeqauditError
        Predictions of several twins, missing ones, or no validation sequences where their
        variance is needed.
    """
    if predictions["model_id"].nunique() != 1:
        raise SeqauditError(
            f"predictions: got {predictions['model_id'].nunique()} twins, expected those of one."
        )
    expected = sequences["sequence_id"].map(predictions.set_index("sequence_id")["prediction"])
    missing = np.flatnonzero(expected.isna())
    if missing.size:
        raise SeqauditError(
            f"predictions: sequence '{sequences['sequence_id'].iloc[missing[0]]}' has none ({missing.size} "
            "such sequences). Predict all sequences with the twin."
        )
    expected = expected.to_numpy(np.float64)
    rng = np.random.default_rng([seed, replicate])
    if transform == "identity":
        variance = _residual_variance(sequences, expected)
        target = rng.normal(expected, np.sqrt(variance))
    else:
        target = rng.poisson(expected).astype(np.float64)
    nothing = pd.Series([None] * len(sequences), index=sequences.index, dtype="Int64")
    return sequences.assign(target=target, count=nothing, expected_count=expected)


def _residual_variance(sequences: pd.DataFrame, expected: np.ndarray) -> float:
    held_out = (sequences["split"] == "validation").to_numpy()
    if not held_out.any():
        raise SeqauditError(
            "sequences: no row of split 'validation', from which the variance of measured targets is "
            "estimated. Assign sequences to it."
        )
    residual = sequences["target"].to_numpy(np.float64)[held_out] - expected[held_out]
    return float(np.mean(residual**2))

"""Does the spread of an ensemble say how wrong it is?

A prediction of several members is read as a normal distribution with their mean and
variance. Whether it is calibrated is asked of one-sided quantiles (Kuleshov et al. 2018):
below the quantile of level p should lie a share p of the held-out targets. Everything here
is fitted on sequences used for nothing else; scores are cross-fitted between two halves.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import norm

from seqaudit.errors import SeqauditError

OBSERVATION_NOISE = {"anscombe": 1.0, "identity": 0.0, "log1p": 0.0}
"""Variance of the noise in a target by training space; 0 where it is unknown or not constant."""

LEVELS = tuple(np.round(np.arange(0.05, 0.96, 0.05), 2))
"""Nominal levels at which calibration is reported."""

_HALVES = 2


class Predictions(NamedTuple):
    """Predictions of one output by every member.

    Attributes
    ----------
    sequence_ids : numpy.ndarray of str, shape (n,), sorted
    members : numpy.ndarray, shape (members, n), float64
    target, expected : numpy.ndarray, shape (n,), float64
        ``expected`` is NaN where unknown.
    """

    sequence_ids: np.ndarray
    members: np.ndarray
    target: np.ndarray
    expected: np.ndarray


class QuantileMap(NamedTuple):
    """Recalibrated quantiles of a predicted distribution.

    Attributes
    ----------
    residuals : numpy.ndarray, shape (n,), float64, sorted
        Held-out errors in predicted standard deviations.
    """

    residuals: np.ndarray

    def quantile(self, level) -> np.ndarray:
        """Where a share ``level`` of the errors lies below, in predicted standard deviations.

        The levels at which errors were seen are cumulative shares, so they rise already:
        isotonic regression would return them as they are. Between them the map is linear,
        beyond the outermost error constant.
        """
        return np.quantile(self.residuals, level, method="weibull")

    def recalibrate(self, members: np.ndarray) -> np.ndarray:
        """Move every member to the recalibrated quantile of its own level.

        Parameters
        ----------
        members : array, shape (members, ...)
            Predictions of one output.

        Returns
        -------
        numpy.ndarray, same shape, float64
            Noise of the targets, if the errors hold it, goes into the spread of the members.
        """
        mean, sd = ensemble_moments(members, ddof=1)
        scaled = np.divide(members - mean, sd, out=np.zeros(np.shape(members)), where=sd > 0)
        return mean + sd * self.quantile(norm.cdf(scaled))


def predictions_by_output(table: pd.DataFrame, *, split: str) -> dict[str, Predictions]:
    """Arrays of every output out of table ``ensemble_predictions``.

    Parameters
    ----------
    table : pandas.DataFrame
        Table ``ensemble_predictions`` of one ensemble, in any order.
    split : {"calibration", "test"}

    Returns
    -------
    dict of str to Predictions

    Raises
    ------
    SeqauditError
        No sequence in the split, fewer than two members, a missing number, or a member
        without a prediction for every sequence.
    """
    rows = table[table["split"] == split]
    if rows.empty:
        raise SeqauditError(
            f"ensemble_predictions: no sequence of split '{split}' (found "
            f"{', '.join(sorted(table['split'].unique())) or 'no row'}). Hold back sequences for it."
        )
    return {name: _arrays(part, name, split) for name, part in rows.groupby("output", sort=True)}


def ensemble_moments(members: np.ndarray, *, ddof: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation over members, ``(members, ...)`` to ``(...)``, float64.

    Raises
    ------
    SeqauditError
        Fewer than two members, or a prediction that is missing or infinite.
    """
    members = np.asarray(members, dtype=np.float64)
    if len(members) < 2:
        raise SeqauditError(
            f"members: got {len(members)}, expected at least 2, because their spread is what is calibrated."
        )
    if not np.isfinite(members).all():
        raise SeqauditError("members: a prediction is missing or infinite, expected finite numbers.")
    return members.mean(axis=0), members.std(axis=0, ddof=ddof)


def standardised_errors(predictions: Predictions, *, noise_variance: float) -> np.ndarray:
    """Target minus mean of the members, over the predicted standard deviation of the target.

    Parameters
    ----------
    predictions : Predictions
    noise_variance : float
        Variance of the observation noise, added to that between members (divided by members - 1).

    Returns
    -------
    numpy.ndarray, shape (n,), float64

    Raises
    ------
    SeqauditError
        Negative noise, or members that agree exactly while no noise is assumed.
    """
    if not noise_variance >= 0:
        raise SeqauditError(f"noise_variance: got {noise_variance}, expected a variance of at least 0.")
    mean, sd = ensemble_moments(predictions.members, ddof=1)
    predicted = np.sqrt(sd**2 + noise_variance)
    if (zero := np.flatnonzero(predicted == 0)).size:
        raise SeqauditError(
            f"ensemble_predictions: all members predict the same for sequence "
            f"'{predictions.sequence_ids[zero[0]]}' ({zero.size} such sequences), so the ensemble has no "
            "spread to calibrate. Members must differ by seed."
        )
    return (predictions.target - mean) / predicted


def fit_quantiles(predictions: Predictions, *, noise_variance: float) -> QuantileMap:
    """Learn what the quantiles of a predicted distribution really hold (Kuleshov et al. 2018)."""
    return QuantileMap(np.sort(standardised_errors(predictions, noise_variance=noise_variance)))


def variance_factor(predictions: Predictions, *, noise_variance: float) -> float:
    """Mean squared error without observation noise, over the mean variance between members.

    With members that scatter about the truth as they do about each other it is about
    ``1 + 1 / members``. It is a diagnostic: where the noise exceeds the spread, as for good
    networks on counts, it hangs on the assumed noise and can be negative.

    Parameters
    ----------
    predictions : Predictions
    noise_variance : float
        About 1 for counts in Anscombe's space.

    Returns
    -------
    float
        NaN if all members agree exactly.
    """
    mean, sd = ensemble_moments(predictions.members, ddof=1)
    error = np.mean((predictions.target - mean) ** 2) - noise_variance
    spread = np.mean(sd**2)
    return float(error / spread) if spread > 0 else np.nan


def scale_members(members: np.ndarray, factor: float) -> np.ndarray:
    """Widen the spread of members about their mean to ``factor`` times the variance."""
    if not factor >= 0:
        raise SeqauditError(f"factor: got {factor}, expected a ratio of variances of at least 0.")
    mean, _ = ensemble_moments(members, ddof=1)
    return mean + np.sqrt(factor) * (members - mean)


def calibration_table(
    table: pd.DataFrame,
    *,
    ensemble: str,
    noise_variance: float,
    levels: Sequence[float] = LEVELS,
    seed: int = 1,
) -> pd.DataFrame:
    """How many targets lie below the predicted quantiles, before and after recalibration.

    Recalibrated quantiles of each half of the calibration split are learnt on the other
    half, so that no target judges a map that it helped to make.

    Parameters
    ----------
    table : pandas.DataFrame
        Table ``ensemble_predictions`` of one ensemble.
    ensemble : str
        Its id.
    noise_variance : float
        Variance of the observation noise, see ``OBSERVATION_NOISE``.
    levels : sequence of float
        Nominal probabilities, strictly between 0 and 1.
    seed : int
        Of the halves; the order of rows does not matter.

    Returns
    -------
    pandas.DataFrame
        Table ``calibration``.

    Raises
    ------
    SeqauditError
        As :func:`predictions_by_output`; also fewer than four sequences, or levels out of range.
    """
    levels = np.asarray(levels, dtype=np.float64)
    if levels.size == 0 or not ((levels > 0) & (levels < 1)).all():
        raise SeqauditError(f"levels: got {levels.tolist()}, expected probabilities between 0 and 1.")
    tables = []
    for output, predictions in predictions_by_output(table, split="calibration").items():
        errors = standardised_errors(predictions, noise_variance=noise_variance)
        if errors.size < 2 * _HALVES:
            raise SeqauditError(
                f"ensemble_predictions: {errors.size} sequences of split 'calibration', expected at least "
                f"{2 * _HALVES} to fit on one half and score on the other."
            )
        half = np.random.default_rng(seed).permutation(errors.size) % _HALVES
        below = np.zeros(levels.size)
        for which in range(_HALVES):
            learnt = QuantileMap(np.sort(errors[half != which])).quantile(levels)
            below += (errors[half == which] <= learnt[:, None]).sum(axis=1)
        tables.append(
            pd.DataFrame(
                {
                    "ensemble": ensemble,
                    "output": output,
                    "level": levels,
                    "observed_before": (errors <= norm.ppf(levels)[:, None]).mean(axis=1),
                    "observed_after": below / errors.size,
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def calibration_errors(calibration: pd.DataFrame) -> pd.DataFrame:
    """Mean |observed - nominal| over the levels of table ``calibration``, by output.

    Returns
    -------
    pandas.DataFrame
        Index ``output``; ``calibration_error_before`` and ``calibration_error_after``.
    """
    gaps = pd.DataFrame(
        {
            f"calibration_error_{when}": (calibration[f"observed_{when}"] - calibration["level"]).abs()
            for when in ("before", "after")
        }
    )
    return gaps.groupby(calibration["output"]).mean()


def _arrays(part: pd.DataFrame, output: str, split: str) -> Predictions:
    where = f"ensemble_predictions: output '{output}', split '{split}'"
    for column in ("prediction", "target"):
        wrong = part[~np.isfinite(part[column])]
        if len(wrong):
            first = wrong.iloc[0]
            raise SeqauditError(
                f"{where}: {column} of sequence '{first['sequence_id']}' by member {first['member']} is "
                f"{first[column]} ({len(wrong)} such rows), expected a finite number. Look at the training "
                "of that member and at its targets."
            )
    wide = part.pivot(index="sequence_id", columns="member", values="prediction").sort_index()
    if wide.shape[1] < 2:
        raise SeqauditError(f"{where}: {wide.shape[1]} member, expected an ensemble of at least 2.")
    if wide.isna().any(axis=None):
        raise SeqauditError(
            f"{where}: sequence '{wide.index[wide.isna().any(axis=1)][0]}' has no prediction of some member, "
            "expected one of every member."
        )
    first = part.drop_duplicates("sequence_id").set_index("sequence_id").loc[wide.index]
    return Predictions(
        wide.index.to_numpy(),
        wide.to_numpy(np.float64).T,
        first["target"].to_numpy(np.float64),
        first["expected"].to_numpy(np.float64),
    )

"""The recalibration of Malina et al. 2022, kept to explain their numbers and for nothing else.

It learns the coverage of **central intervals** but is applied to one-sided levels, so that
the median of an over-confident ensemble is pushed upwards; and it is applied to every mutant
by its own spread, which leaks into differences. ``inference.calibration`` does it right.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import norm

from seqaudit.errors import SeqauditError
from seqaudit.inference.calibration import (
    Predictions,
    ensemble_moments,
    predictions_by_output,
    standardised_errors,
)

_KEY = ["locus_id", "output", "position", "alt"]


class PublishedRecalibration(NamedTuple):
    """The recalibration of Malina et al. 2022, which moves predictions; only to explain their numbers.

    It maps observed to nominal coverage of **central intervals**, but is given one-sided
    levels: the median of an over-confident ensemble is pushed upwards.

    Attributes
    ----------
    observed, nominal : numpy.ndarray, shape (levels,), float64
        Knots of the map, ``observed`` rising strictly.
    """

    observed: np.ndarray
    nominal: np.ndarray

    def recalibrate(self, members: np.ndarray) -> np.ndarray:
        """As ``QuantileMap.recalibrate``; every variant has its own mean and spread (ddof 0).

        Where members agree exactly they stay as they are.
        """
        mean, sd = ensemble_moments(members, ddof=0)
        scaled = np.divide(members - mean, sd, out=np.zeros(np.shape(members)), where=sd > 0)
        levels = np.interp(norm.cdf(scaled), self.observed, self.nominal)
        smallest = np.finfo(float).eps
        return mean + sd * norm.ppf(np.clip(levels, smallest, 1 - smallest))


def fit_published(predictions: Predictions, *, n_levels: int = 100) -> PublishedRecalibration:
    """Fit the recalibration of Malina et al. 2022 (their code, with Uncertainty Toolbox).

    Parameters
    ----------
    predictions : Predictions
        They used the test sequences that they then mutated, with noisy targets.
    n_levels : int
        Interval levels from 0 to 1. With their 100 the map is linear above the coverage at
        .99, which tempers what they intended: errors three times the spread move predictions
        by 1.4, not 2.0 standard deviations.

    Raises
    ------
    SeqauditError
        Members that agree exactly, or fewer than two levels.
    """
    if n_levels < 2:
        raise SeqauditError(f"n_levels: got {n_levels}, expected at least 2.")
    members = predictions.members
    biased = np.sqrt((len(members) - 1) / len(members))  # their spread divides by the members
    distance = np.sort(np.abs(standardised_errors(predictions, noise_variance=0.0)) / biased)
    nominal = np.linspace(0, 1, n_levels)
    reach = norm.ppf((1 + nominal) / 2)
    observed = np.searchsorted(distance, reach, side="right") / distance.size
    knots, place = np.unique(observed, return_inverse=True)
    # isotonic regression of levels that rise with the coverage: ties are averaged, no more
    return PublishedRecalibration(knots, np.bincount(place, nominal) / np.bincount(place))


def published_effects(
    effects: pd.DataFrame, table: pd.DataFrame, *, split: str = "test", n_levels: int = 100
) -> pd.DataFrame:
    """Differences between recalibrated predictions of mutants and of their sequences.

    The published recipe recalibrates before it takes differences, every variant by its own
    mean and spread, which contaminates effects by the difference of the two spreads.

    Parameters
    ----------
    effects : pandas.DataFrame
        Table ``mutation_effects``.
    table : pandas.DataFrame
        Table ``ensemble_predictions`` of the same ensemble.
    split : str
        What to fit on; published was the test split.
    n_levels : int
        As :func:`fit_published`.

    Returns
    -------
    pandas.DataFrame
        Table ``mutation_effects`` in its order, with new ``effect`` and ``reference``.

    Raises
    ------
    SeqauditError
        As :func:`predictions_by_output`; also an output without predictions, or a mutation
        that not every member has.
    """
    fitted = {
        name: fit_published(predictions, n_levels=n_levels)
        for name, predictions in predictions_by_output(table, split=split).items()
    }
    if missing := sorted(set(effects["output"]) - set(fitted)):
        raise SeqauditError(
            f"ensemble_predictions: no prediction of output '{missing[0]}', which mutation_effects has; "
            f"found {', '.join(fitted)}. Predict held-out sequences with the same networks."
        )
    recalibrated = effects.copy()
    for name, rows in effects.groupby("output", sort=False).indices.items():
        part = effects.iloc[rows]
        mutation = part.groupby(_KEY, sort=False).ngroup().to_numpy()
        order = np.lexsort((part["member"], mutation))
        shape = (mutation.max() + 1, -1)
        n_members = part["member"].nunique()
        if not (np.bincount(mutation) == n_members).all():
            raise SeqauditError(
                f"mutation_effects: some mutations of output '{name}' do not have all {n_members} members. "
                "Mutate the same sequences with every network."
            )
        reference = part["reference"].to_numpy(np.float64)[order].reshape(shape).T
        mutant = reference + part["effect"].to_numpy(np.float64)[order].reshape(shape).T
        moved = fitted[name].recalibrate(reference)
        effect = fitted[name].recalibrate(mutant) - moved
        for column, values in (("effect", effect), ("reference", moved)):
            recalibrated.iloc[rows[order], recalibrated.columns.get_loc(column)] = values.T.ravel().astype(
                np.float32
            )
    return recalibrated

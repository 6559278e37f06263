"""The three measures of how two features act together, from group means of Hessians.

Cui, Marttinen and Kaski (2020), section 4.1. What is done with the signs of the group means
makes the measure.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from seqaudit.data.hessian import GroupHessians
from seqaudit.errors import SeqauditError

MEASURES = ("aeh", "geh", "eah")
"""Absolute expected, group expected and expected absolute Hessian, from smallest to largest."""

PUBLISHED_SDS = 2.0
"""Standard deviations in the published interval and rule (section 4.1.3; not 1.96)."""


class PairMeasures(NamedTuple):
    """The three measures of every pair, by posterior sample.

    Attributes
    ----------
    aeh, geh, eah : numpy.ndarray, shape (samples, pairs), float64
        Target units per unit of either feature; pairs in the order of :func:`feature_pairs`.
    """

    aeh: np.ndarray
    geh: np.ndarray
    eah: np.ndarray


def feature_pairs(features: Sequence[str]) -> pd.DataFrame:
    """All pairs of features, first before second: (0, 1), (0, 2), ..., (1, 2), ...

    Returns
    -------
    pandas.DataFrame
        Columns ``feature_a`` and ``feature_b``.

    Raises
    ------
    SeqauditError
        Fewer than two features, or a name that occurs twice.
    """
    features = np.asarray(list(features), dtype=object)
    if len(features) < 2:
        raise SeqauditError(
            f"features: got {len(features)} ({', '.join(features) or 'none'}), expected at least two; one "
            "feature has nothing to interact with."
        )
    names, counts = np.unique(features.astype(str), return_counts=True)
    if (counts > 1).any():
        raise SeqauditError(f"features: '{names[counts > 1][0]}' occurs twice, expected every name once.")
    first, second = np.triu_indices(len(features), 1)
    return pd.DataFrame({"feature_a": features[first], "feature_b": features[second]}, dtype="str")


def pair_measures(hessians: GroupHessians) -> PairMeasures:
    """AEH, GEH and EAH of every posterior sample (section 4.1, equations 4 to 6).

    AEH is the absolute mean Hessian over all points; GEH the mean over groups, weighted by
    their points, of the absolute group means; EAH the mean absolute Hessian.
    """
    signed, absolute = signed_pairs(hessians)
    shares = group_shares(hessians)
    return PairMeasures(np.abs(shares @ signed), shares @ np.abs(signed), absolute)


def debiased_geh(hessians: GroupHessians) -> np.ndarray:
    """GEH less what posterior spread adds to absolute values; float64, shape (pairs,).

    The square of a group mean, averaged over samples, exceeds the squared truth by its
    variance. So each group counts ``sqrt(max(0, mean**2 - variance))``: groups whose sign the
    posterior does not know add little or nothing. Most of the bias goes, not all of it: with
    pure noise a third to a half is left. NaN with a single sample.
    """
    signed, _ = signed_pairs(hessians)
    if len(signed) == 1:
        return np.full(signed.shape[-1], np.nan)
    excess = signed.mean(axis=0) ** 2 - signed.var(axis=0, ddof=1)
    return group_shares(hessians) @ np.sqrt(excess.clip(min=0))


def published_calls(score: np.ndarray, sd: np.ndarray) -> pd.arrays.BooleanArray:
    """The published rule, score above 2 sd (section 4.1.3); null where there is no spread."""
    return pd.arrays.BooleanArray(np.asarray(score > PUBLISHED_SDS * sd), np.isnan(sd))


def ranks(score: np.ndarray) -> np.ndarray:
    """Ranks of scores, 1 is the largest, ties share their mean; NaN stays NaN."""
    return rankdata(-np.asarray(score, dtype=np.float64), method="average", nan_policy="omit")


def signed_pairs(hessians: GroupHessians) -> tuple[np.ndarray, np.ndarray]:
    """Group Hessians without their redundant half, checked.

    Returns
    -------
    signed : numpy.ndarray, shape (samples, groups, pairs), float64
    absolute : numpy.ndarray, shape (samples, pairs), float64

    Raises
    ------
    SeqauditError
        Shapes that do not fit together, or values that are not finite.
    """
    mean, absolute, sizes = (np.asarray(part) for part in hessians)
    fits = (
        mean.ndim == 4
        and mean.shape[2] == mean.shape[3] >= 2
        and absolute.shape == (len(mean), *mean.shape[2:])
        and sizes.shape == mean.shape[1:2]
    )
    if not fits or not len(mean) or sizes.min(initial=1) < 1:
        raise SeqauditError(
            f"hessians: mean {mean.shape}, absolute {absolute.shape}, sizes {sizes.shape} do not fit "
            "together, expected (samples, groups, features, features), (samples, features, features) and "
            "(groups,) of at least one sample, two features and one point per group."
        )
    first, second = np.triu_indices(mean.shape[2], 1)
    signed = mean[:, :, first, second].astype(np.float64)
    absolute = absolute[:, first, second].astype(np.float64)
    wrong = ~(np.isfinite(signed).all(axis=(1, 2)) & np.isfinite(absolute).all(axis=1))
    if wrong.any():
        raise SeqauditError(
            f"hessians: posterior sample {int(np.argmax(wrong))} has values that are not finite "
            f"({int(wrong.sum())} of {len(mean)} samples). Training has diverged, or a feature is not "
            "finite: look at the network's loss and scale the features."
        )
    return signed, absolute


def group_shares(hessians: GroupHessians) -> np.ndarray:
    """Share of points in every group; float64, shape (groups,)."""
    sizes = np.asarray(hessians.sizes, dtype=np.float64)
    return sizes / sizes.sum()

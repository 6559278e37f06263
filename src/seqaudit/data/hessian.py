"""Interactions of features as second derivatives: what networks are asked, and statistics are told."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seqaudit.errors import SeqauditError


class GroupHessians(NamedTuple):
    """Second derivatives of K posterior samples, averaged within the M groups of one grouping.

    Entry ``[i, j]`` is in units of the target per unit of feature i and of feature j. For
    integrated interactions the derivative is replaced by a mixed difference in the same
    units, and the diagonal is not a number. The same points and groups serve all samples.
    """

    mean: np.ndarray
    """(K, M, D, D) float64: signed mean over the points of each group."""
    absolute: np.ndarray
    """(K, D, D) float64: mean of absolute values over all points, regardless of groups."""
    sizes: np.ndarray
    """(M,) int64: points per group, at least 1."""


def check_labels(labels: Sequence[int] | np.ndarray, *, points: int) -> np.ndarray:
    """Groups of points as int64, numbered from 0 without gaps.

    Parameters
    ----------
    labels : int, shape (points,)
        Group of each point.
    points : int
        How many are expected.

    Raises
    ------
    SeqauditError
        Another shape or type, a negative label, or a group without points.
    """
    labels = np.asarray(labels)
    if labels.shape != (points,) or labels.dtype.kind not in "iu":
        raise SeqauditError(
            f"labels: got shape {labels.shape} of {labels.dtype}, expected one whole number for each of "
            f"the {points} points."
        )
    if points == 0 or labels.min() < 0:
        raise SeqauditError(
            "labels: got a negative one or none at all, expected groups counted from 0. Leave out points "
            "that belong to no group."
        )
    labels = labels.astype(np.int64)
    empty = np.flatnonzero(np.bincount(labels) == 0)
    if len(empty):
        raise SeqauditError(
            f"labels: group {empty[0]} has no points although there are labels up to {labels.max()} "
            f"({len(empty)} such groups). Number the groups from 0 without gaps."
        )
    return labels


def joined(parts: Sequence[GroupHessians]) -> GroupHessians:
    """Samples of several posteriors, such as the members of an ensemble, as those of one.

    Raises
    ------
    SeqauditError
        Nothing to join, or parts with other groups.
    """
    if not parts or any(not np.array_equal(part.sizes, parts[0].sizes) for part in parts):
        raise SeqauditError(
            f"parts: got {len(parts)} with {len({tuple(part.sizes) for part in parts})} different sizes of "
            "groups, expected one or more of the same points in the same groups."
        )
    return GroupHessians(
        np.concatenate([part.mean for part in parts]),
        np.concatenate([part.absolute for part in parts]),
        parts[0].sizes,
    )

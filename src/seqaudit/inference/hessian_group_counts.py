"""Groups of points, and how many: k-means, and the distance at which more groups change nothing.

Cui, Marttinen and Kaski (2020), sections 4.1.2 and 4.3. The distance looks at ranks: scores
that grow together with the number of groups leave it at 0, so the size of a score depends on
the number of groups although its choice looks settled. ``split_half_agreement`` looks at the
group means themselves.
"""

import warnings
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from seqaudit.data.features import check_features
from seqaudit.data.hessian import GroupHessians, check_labels
from seqaudit.errors import SeqauditError
from seqaudit.inference.hessian_measures import group_shares, pair_measures, ranks, signed_pairs

PUBLISHED_GROUPS = {"simulated": 11, "california": 10, "bike": 9, "energy": 15}
"""Numbers of groups that the authors chose by eye."""


class GroupChoice(NamedTuple):
    """A number of groups, and whether the distance had settled after it."""

    n_groups: int
    settled: bool


def kmeans_groups(points, *, n_groups: int, seed: int = 0) -> np.ndarray:
    """Group points by k-means (Euclidean, scikit-learn's defaults, as published).

    Every feature is scaled to its range first, so its unit does not matter.

    Parameters
    ----------
    points : array_like, shape (n, features)
        In any unit. The published groups are of test points.
    n_groups : int
    seed : int

    Returns
    -------
    numpy.ndarray, int64, shape (n,)
        Groups 0 to n_groups - 1, none of them empty.

    Raises
    ------
    SeqauditError
        Bad points, or fewer different points than groups.
    """
    points = check_features(points, where="points")
    if n_groups < 1 or n_groups > len(points):
        raise SeqauditError(
            f"n_groups: got {n_groups} groups for {len(points)} points, expected 1 to as many as there are "
            "points. Lower the number of groups, or give more points."
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # counted below
        scaled = (points - points.min(axis=0)) / np.ptp(points, axis=0)
        labels = KMeans(n_groups, random_state=seed).fit(scaled).labels_
    found = len(np.unique(labels))
    if found < n_groups:
        raise SeqauditError(
            f"n_groups: got {n_groups} groups, but only {found} of the {len(points)} points are different. "
            "Lower the number of groups."
        )
    return labels.astype(np.int64)


def stratum_groups(strata: pd.DataFrame) -> tuple[np.ndarray, list[str]]:
    """Groups of points that agree in every column, such as copies of two motifs.

    Parameters
    ----------
    strata : pandas.DataFrame
        One row per point. Ordered categories keep their order, other values are sorted.

    Returns
    -------
    labels : numpy.ndarray, int64, shape (n,)
    names : list of str
        ``column=value, ...`` of every group, in the order of labels.
    """
    if strata.empty or strata.isna().to_numpy().any():
        raise SeqauditError(
            f"strata: got {strata.shape[0]} points, {strata.shape[1]} columns and "
            f"{int(strata.isna().to_numpy().sum())} gaps, expected at least one of both and no gap."
        )
    grouped = strata.groupby(list(strata.columns), sort=True, observed=True)
    labels = grouped.ngroup().to_numpy(dtype=np.int64)
    values = strata.drop_duplicates().sort_values(list(strata.columns)).itertuples(index=False)
    return labels, [", ".join(f"{name}={value}" for name, value in zip(strata, row)) for row in values]


def group_point_hessians(hessians: np.ndarray, labels: np.ndarray) -> GroupHessians:
    """Average the Hessians of points within groups.

    Parameters
    ----------
    hessians : numpy.ndarray, shape (samples, n, features, features) or (n, features, features)
    labels : array_like of int, shape (n,)
    """
    hessians = np.asarray(hessians, dtype=np.float64)
    hessians = hessians if hessians.ndim == 4 else hessians[None]
    labels = check_labels(labels, points=hessians.shape[1])
    sizes = np.bincount(labels)
    shares = np.zeros((len(sizes), len(labels)))
    shares[labels, np.arange(len(labels))] = 1 / sizes[labels]
    mean = np.einsum("mn,knij->kmij", shares, hessians, optimize=True)
    return GroupHessians(mean, np.abs(hessians).mean(axis=1), sizes)


def rank_distance(before: np.ndarray, after: np.ndarray) -> float:
    """Rank-weighted distance of two score vectors (section 4.3).

    ``sum((w - w')**2 * (rank - rank')**2)`` over pairs of features, each vector divided by its
    sum, as in the authors' notebook: a pair that keeps its rank adds nothing.
    """
    before, after = (np.asarray(scores, dtype=np.float64) for scores in (before, after))
    shares = [scores / (scores.sum() or 1.0) for scores in (before, after)]
    moved = ranks(before) - ranks(after)
    return float(np.sum((shares[0] - shares[1]) ** 2 * moved**2))


def distance_curve(
    hessians: np.ndarray,
    points: np.ndarray,
    *,
    identity: Mapping[str, str],
    max_groups: int = 30,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
) -> pd.DataFrame:
    """Distance between the scores of M - 1 and M groups, for M = 2 to ``max_groups``.

    Parameters
    ----------
    hessians : numpy.ndarray, shape (n, features, features)
        Of the mean network, at every point.
    points : numpy.ndarray, shape (n, features)
    identity : mapping
        Values of ``fit``, ``dataset`` and ``posterior``.
    max_groups : int
    seeds : sequence of int
        Of k-means; the choice averages over them.

    Returns
    -------
    pandas.DataFrame
        Table ``hessian_group_counts`` with the choice of :func:`choose_group_count`.
    """
    rows = []
    for seed in seeds:
        before = None
        for n_groups in range(1, max_groups + 1):
            labels = kmeans_groups(points, n_groups=n_groups, seed=seed)
            after = pair_measures(group_point_hessians(hessians, labels)).geh[0]
            if before is not None:
                rows.append(
                    {"n_groups": n_groups, "seed": int(seed), "distance": rank_distance(before, after)}
                )
            before = after
    curve = pd.DataFrame(rows).assign(**dict(identity))
    choice = choose_group_count(curve)
    return curve.assign(chosen=curve["n_groups"] == choice.n_groups, settled=choice.settled)


def choose_group_count(curve: pd.DataFrame, *, below: float = 0.01, stays: int = 10) -> GroupChoice:
    """Smallest number of groups after which the distance stays near 0.

    The authors pick the flat part of the curve by eye. Here the distance, averaged over seeds,
    must stay under ``below`` times its maximum for the next ``stays`` numbers of groups.

    Parameters
    ----------
    curve : pandas.DataFrame
        Columns ``n_groups``, ``seed`` and ``distance``.
    below : float
    stays : int

    Returns
    -------
    GroupChoice
        If the curve ends before it has settled, the number of groups after its last large
        distance, and ``settled`` is False.
    """
    if curve.empty:
        raise SeqauditError("group counts: the curve is empty, expected max_groups of at least 2.")
    mean = curve.groupby("n_groups")["distance"].mean().sort_index()
    counts, large = mean.index.to_numpy(), mean.to_numpy() >= below * mean.max()
    large &= mean.to_numpy() > 0
    for n_groups in range(int(counts[0]) - 1, int(counts[-1]) - stays + 1):
        if not large[(counts > n_groups) & (counts <= n_groups + stays)].any():
            return GroupChoice(n_groups, True)
    return GroupChoice(int(counts[large][-1]), False)


def split_half_agreement(first: GroupHessians, second: GroupHessians) -> float:
    """Do two halves of the points agree on their signed group means?

    Parameters
    ----------
    first, second : GroupHessians
        Of the same samples and groups, at different points.

    Returns
    -------
    float
        Correlation of the means over samples, across groups and pairs, of either half, about 0
        and weighted by the points of the groups; 1 is perfect. More groups say more about the
        network as long as it stays high.
    """
    means = [signed_pairs(half)[0].mean(axis=0) for half in (first, second)]
    if means[0].shape != means[1].shape:
        raise SeqauditError(
            f"halves: got {means[0].shape} and {means[1].shape} groups and pairs, expected the same."
        )
    shares = (group_shares(first) + group_shares(second))[:, None]
    products = [np.sum(shares * a * b) for a, b in ((means[0], means[1]), (means[0],) * 2, (means[1],) * 2)]
    scale = np.sqrt(products[1] * products[2])
    return float(products[0] / scale) if scale > 0 else float("nan")

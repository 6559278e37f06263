"""Groups of the points that a network is asked about: strata, so many by k-means, or as many as needed."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd

from seqaudit.data.tables import read_tables
from seqaudit.errors import SeqauditError
from seqaudit.inference.hessian_group_counts import distance_curve, kmeans_groups, stratum_groups


class Grouping(NamedTuple):
    """Groups of points.

    Attributes
    ----------
    labels : numpy.ndarray, int64, shape (n,)
    names : list of str
        Of the groups, in the order of labels.
    curve : pandas.DataFrame
        Table ``hessian_group_counts`` behind an automatic choice; otherwise without rows.
    """

    labels: np.ndarray
    names: list[str]
    curve: pd.DataFrame


def choose_points(split: np.ndarray, *, max_points: int | None, seed: int = 0) -> np.ndarray:
    """Rows of held-out points to ask about, in order; a random choice if there are too many."""
    rows = np.flatnonzero(split == "test")
    if max_points is not None and len(rows) > max_points:
        rows = np.sort(np.random.default_rng(seed).choice(rows, max_points, replace=False))
    return rows


def group_points(
    points: np.ndarray,
    features: Sequence[str],
    *,
    groups: int | str,
    scaled: np.ndarray,
    hessians: np.ndarray | None = None,
    strata: Mapping[str, Sequence[float]] | None = None,
    identity: Mapping[str, str],
    max_groups: int = 30,
) -> Grouping:
    """Group points as a setting says.

    Parameters
    ----------
    points : numpy.ndarray, shape (n, features)
        In the user's units.
    features : sequence of str
    groups : int, "auto" or "strata"
        So many groups by k-means; as many as the published distance settles at; or cells of
        ``strata``.
    scaled : numpy.ndarray, shape (n, features)
        Points as the network sees them, for k-means.
    hessians : numpy.ndarray, shape (n, features, features), optional
        Of the mean network at the points, for ``"auto"``.
    strata : mapping of str to sequence of float, optional
        Edges between strata of a feature; a value at an edge belongs to the upper one.
    identity : mapping
        Values of ``fit``, ``dataset`` and ``posterior``.
    max_groups : int
        At which ``"auto"`` stops to look.

    Raises
    ------
    SeqauditError
        More groups than points, or strata of features that there are not.
    """
    no_curve = read_tables([], "hessian_group_counts", optional=True)
    if groups == "strata":
        names = list(features)
        unknown = [name for name in strata or {} if name not in names]
        if not strata or unknown:
            raise SeqauditError(
                f"strata: got {', '.join(strata or {}) or 'none'}, expected one or more of the features "
                f"{', '.join(names)} with the edges between their strata."
            )
        cells = pd.DataFrame(
            {name: _bins(points[:, names.index(name)], edges) for name, edges in strata.items()}
        )
        labels, found = stratum_groups(cells)
        return Grouping(labels, found, no_curve)
    curve = no_curve
    if groups == "auto":
        most = min(max_groups, len(np.unique(scaled, axis=0)))
        curve = distance_curve(hessians, scaled, identity=identity, max_groups=most)
        groups = int(curve.loc[curve["chosen"], "n_groups"].iloc[0])
    labels = kmeans_groups(scaled, n_groups=groups)
    return Grouping(labels, [f"group_{number + 1}" for number in range(groups)], curve)


def grouping_table(grouping: Grouping, rows: np.ndarray, *, identity: Mapping[str, str]) -> pd.DataFrame:
    """Table ``hessian_groupings``: rows of the data and the names of their groups."""
    names = np.array(grouping.names, dtype=object)[grouping.labels]
    return pd.DataFrame({**identity, "row": rows.astype(np.int64), "group": names})


def _bins(values: np.ndarray, edges: Sequence[float]) -> np.ndarray:
    """In words, so that the name of a group says what is in it."""
    edges = sorted(edges)
    words = [f"<{edges[0]:g}", *(f"{a:g}..{b:g}" for a, b in pairwise(edges)), f">={edges[-1]:g}"]
    return np.array(words, dtype=object)[np.searchsorted(edges, values, side="right")]


def read_labels(groupings: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the data and their groups, from table ``hessian_groupings`` of one network.

    Groups are numbered as they appear, which no score depends on.
    """
    return groupings["row"].to_numpy(), pd.factorize(groupings["group"])[0].astype(np.int64)

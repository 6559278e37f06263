"""Pairs of features as a network sees them: in one of several ways, chosen by name."""

from collections.abc import Sequence

import numpy as np

from seqaudit.data.hessian import GroupHessians
from seqaudit.errors import SeqauditError
from seqaudit.models.mlp import Mlps
from seqaudit.models.posterior import Posterior
from seqaudit.probes.hessian import group_hessians
from seqaudit.probes.integrated_hessian import (
    group_differences,
    group_integrated_hessians,
    shuffled_partners,
)
from seqaudit.probes.weight_interactions import weight_interactions

INTERACTIONS = ("derivative", "difference")
NETWORK_METHODS = ("nid", "integrated")
"""Other methods of ranking pairs that read a network."""


def group_interactions(
    networks: Mlps,
    points: np.ndarray,
    labels: np.ndarray,
    *,
    interaction: str = "derivative",
    seed: int = 0,
    device: str = "auto",
) -> GroupHessians:
    """Interactions of every posterior sample, averaged within groups of points.

    Parameters
    ----------
    networks : Mlps
        Posterior samples.
    points : array, shape (n, D)
    labels : array of int, shape (n,)
        Group of every point.
    interaction : {"derivative", "difference"}
        Second derivatives at the points, as published; or mixed differences between every
        point and another one, for features that are discrete or saturate.
    seed : int
        Of the partners of points.
    device : str
        ``"auto"``, ``"cpu"`` or ``"cuda"``.

    Returns
    -------
    GroupHessians
        In units of the target per unit of both features, in either case.
    """
    if interaction == "derivative":
        return group_hessians(networks, points, [labels], device=device)[0]
    if interaction == "difference":
        partners = shuffled_partners(points, seed=seed)
        return group_differences(networks, points, partners, [labels], device=device)[0]
    raise SeqauditError(f"interaction: got '{interaction}', expected one of {', '.join(INTERACTIONS)}.")


def network_rankings(
    posterior: Posterior,
    points: np.ndarray,
    *,
    methods: Sequence[str],
    seed: int = 0,
    device: str = "auto",
) -> dict[str, np.ndarray]:
    """Scores of pairs by other methods that read the mean network.

    Parameters
    ----------
    posterior : Posterior
        Members of an ensemble are averaged.
    points : array, shape (n, D)
        Explained points, each with another one as its baseline.
    methods : sequence of str
        Those of ``NETWORK_METHODS`` are computed, others left out: ``"nid"``, Neural Interaction
        Detection, from the weights; ``"integrated"``, mean absolute Integrated Hessians.
    seed : int
        Of the baselines.
    device : str

    Returns
    -------
    dict of str to numpy.ndarray, shape (pairs,), float64
        Pairs in the order of ``hessian_measures.feature_pairs``.
    """
    middle = posterior.mean()
    pairs = np.triu_indices(middle.features, 1)
    scores = {}
    if "nid" in methods:
        scores["nid"] = weight_interactions(middle).mean(axis=0)[pairs]
    if "integrated" in methods:
        together = np.zeros(len(points), dtype=np.int64)
        partners = shuffled_partners(points, seed=seed)
        found = group_integrated_hessians(middle, points, partners, [together], device=device)[0]
        scores["integrated"] = found.absolute.mean(axis=0)[pairs]
    return scores

"""One door to all ways of asking a network about pairs."""

import numpy as np
import pytest
import torch
from toy_mlps import random_mlps

from seqaudit.errors import SeqauditError
from seqaudit.models.posterior import Ensemble, PointPosterior
from seqaudit.probes.network_interactions import group_interactions, network_rankings

NETWORKS = random_mlps([3, 5, 1], samples=2)
POINTS = np.random.default_rng(0).normal(size=(40, 3))
LABELS = np.arange(40) % 2


def numeric_mixed(points, step=1e-3):
    """Second derivatives by features 0 and 2 from predictions alone; shape (samples, points)."""
    corners = []
    for a in (step, -step):
        for b in (step, -step):
            moved = points.copy()
            moved[:, 0] += a
            moved[:, 2] += b
            corners.append(NETWORKS.predict(moved))
    return (corners[0] - corners[1] - corners[2] + corners[3]) / (4 * step**2)


def test_derivatives_are_those_of_the_predictions():
    found = group_interactions(NETWORKS, POINTS, LABELS, device="cpu")
    expected = numeric_mixed(POINTS)
    for group in range(2):
        np.testing.assert_allclose(
            found.mean[:, group, 0, 2], expected[:, group == LABELS].mean(axis=1), rtol=0.02, atol=1e-3
        )


def test_differences_are_asked_of_pairs_of_points_and_depend_on_the_seed():
    first, again, other = (
        group_interactions(NETWORKS, POINTS, LABELS, interaction="difference", seed=seed, device="cpu")
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.mean, again.mean)
    assert not np.array_equal(first.mean, other.mean)
    assert np.isnan(first.mean[:, :, 0, 0]).all() and first.sizes.tolist() == [20, 20]


def test_an_unknown_question_is_named():
    with pytest.raises(SeqauditError, match="interaction: got 'gradient', expected one of derivative"):
        group_interactions(NETWORKS, POINTS, LABELS, interaction="gradient")


def test_rankings_average_the_members_of_an_ensemble():
    members = tuple(PointPosterior(NETWORKS.part(slice(k, k + 1))) for k in range(2))
    both = network_rankings(Ensemble(members), POINTS, methods=["nid", "integrated", "lasso"], device="cpu")
    single = [
        network_rankings(member, POINTS, methods=["nid", "integrated"], device="cpu") for member in members
    ]
    assert set(both) == {"nid", "integrated"}
    for method, scores in both.items():
        np.testing.assert_allclose(scores, np.mean([one[method] for one in single], axis=0), rtol=1e-5)


def test_nid_counts_a_pair_by_the_smaller_of_its_weights():
    scores = network_rankings(
        PointPosterior(NETWORKS.part(slice(0, 1))), POINTS, methods=["nid"], device="cpu"
    )
    first, last = (weight[0].abs() for weight in NETWORKS.weights)
    by_hand = [
        sum(float(last[0, u] * torch.minimum(first[u, i], first[u, j])) for u in range(5))
        for i, j in ((0, 1), (0, 2), (1, 2))
    ]
    np.testing.assert_allclose(scores["nid"], by_hand)

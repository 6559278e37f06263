"""Posteriors over networks: masks by hand, moments, reproducibility, the common interface."""

import numpy as np
import pytest
import torch
from toy_mlps import random_mlps

from seqaudit.errors import SeqauditError
from seqaudit.models.concrete import ConcretePosterior, keep_masks
from seqaudit.models.mean_field import MeanFieldPosterior
from seqaudit.models.mlp import stacked
from seqaudit.models.posterior import Ensemble, PointPosterior

SHAPE = (4, 6, 5, 1)
POINTS = np.random.default_rng(1).normal(size=(9, 4))


def concrete(probabilities=(0.1, 0.2, 0.4), seed=0):
    logits = tuple(
        torch.full((width,), float(np.log(p / (1 - p))), dtype=torch.float64)
        for width, p in zip(SHAPE, probabilities)
    )
    return ConcretePosterior(random_mlps(SHAPE, samples=1, seed=seed), logits)


def mean_field(sd=0.3):
    network = random_mlps(SHAPE, samples=1)
    return MeanFieldPosterior(
        network,
        tuple(torch.full_like(weight[0], sd) for weight in network.weights),
        tuple(torch.full_like(bias[0], sd / 2) for bias in network.biases),
    )


def test_masks_as_published():
    """The formula of the paper with its epsilon, which only guards the logarithms."""
    p, u, epsilon = 0.2, np.array([0.01, 0.19, 0.5, 0.79, 0.83, 0.99]), 1e-7
    drop = np.log(p + epsilon) - np.log(1 - p + epsilon) + np.log(u + epsilon) - np.log(1 - u + epsilon)
    expected = 1 - 1 / (1 + np.exp(-drop / 0.1))
    logit = torch.logit(torch.tensor(p, dtype=torch.float64))
    found = keep_masks(logit, torch.logit(torch.from_numpy(u)))
    assert np.allclose(found.numpy(), expected, rtol=1e-5)


def test_shares_of_dropped_nodes():
    draws = concrete().sample(20_000, seed=3)
    network = concrete().network
    for index, p in enumerate((0.1, 0.2, 0.4)):
        factors = draws.weights[index][:, 0] / network.weights[index][:, 0] * (1 - p)
        assert (factors < 0.5).double().mean() == pytest.approx(p, abs=0.01)
        # all weights of a node share its mask, nodes do not
        assert torch.allclose(draws.weights[index] / network.weights[index], factors[:, None] / (1 - p))
        nodes = (factors < 0.5).double().T
        assert torch.corrcoef(nodes)[0, 1].abs() < 0.03


def test_a_sample_is_one_function_of_all_points():
    draws = concrete().sample(7, seed=4)
    together = draws.predict(POINTS)
    assert together.shape == (7, 9)
    assert np.allclose(together[:, 3:5], draws.predict(POINTS[3:5]))
    assert np.allclose(together[2:4], draws.part(slice(2, 4)).predict(POINTS))
    assert together.std(axis=0).min() > 0


def test_predictions_by_hand():
    network = random_mlps((3, 2, 1), samples=1, link="softplus", beta=3.0)
    scaled = (POINTS[:, :3] - network.scaling.shift) / network.scaling.scale
    w1, w2 = (weight[0].numpy() for weight in network.weights)
    b1, b2 = (bias[0].numpy() for bias in network.biases)
    hidden = np.log1p(np.exp(3 * (scaled @ w1.T + b1))) / 3
    output = (hidden @ w2.T + b2)[:, 0] + scaled @ network.linear[0].numpy() + float(network.intercept)
    assert np.allclose(network.predict(POINTS[:, :3])[0], 2.5 * np.log1p(np.exp(output)))


def test_anscombe_means_are_counts():
    network = random_mlps((3, 2, 1), samples=1, link="anscombe")
    plain = random_mlps((3, 2, 1), samples=1)
    transformed = plain.predict(POINTS[:, :3])
    assert np.allclose(network.predict(POINTS[:, :3]), transformed**2 / 4 - 3 / 8)


def test_mean_networks_have_no_masks():
    assert np.array_equal(concrete().mean().predict(POINTS), concrete().network.predict(POINTS))
    assert np.array_equal(mean_field().mean().predict(POINTS), mean_field().network.predict(POINTS))


def test_gaussian_weights_have_their_moments():
    posterior = mean_field()
    draws = posterior.sample(20_000, seed=2)
    for index in range(3):
        error = draws.weights[index].mean(0) - posterior.network.weights[index][0]
        assert error.abs().max() < 5 * 0.3 / 20_000**0.5
        assert (draws.weights[index].std(0) / 0.3 - 1).abs().max() < 0.03
        assert (draws.biases[index].std(0) / 0.15 - 1).abs().max() < 0.03


@pytest.mark.parametrize("make", [concrete, mean_field, lambda: Ensemble((concrete(), concrete(seed=1)))])
def test_seeds_decide(make):
    first, again, other = (make().sample(5, seed=seed).predict(POINTS) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)


def test_ensembles_take_turns():
    members = tuple(PointPosterior(random_mlps(SHAPE, samples=1, seed=seed)) for seed in range(3))
    ensemble = Ensemble(members)
    assert len(ensemble.sample(3, seed=0)) == 3
    expected = np.concatenate([member.network.predict(POINTS) for member in members])
    assert np.allclose(ensemble.sample(3, seed=0).predict(POINTS), expected)
    assert np.allclose(ensemble.mean().predict(POINTS), expected)
    assert len(ensemble.sample(2, seed=0)) == 2
    assert len(ensemble.sample(7, seed=0)) == 7


def test_vmap_over_parameters():
    draws = mean_field().sample(4, seed=1)
    points = torch.from_numpy(POINTS)
    means = torch.func.vmap(draws.function, (0, None))(draws.parameters, points)
    assert np.allclose(means.numpy(), draws.predict(POINTS), rtol=1e-12)


def test_bad_input():
    with pytest.raises(SeqauditError, match="members: got none"):
        Ensemble(())
    with pytest.raises(SeqauditError, match="2 different kinds"):
        stacked([random_mlps(SHAPE), random_mlps((4, 6, 1))])
    with pytest.raises(SeqauditError, match="rows of 4 features"):
        random_mlps(SHAPE).predict(np.zeros((3, 5)))

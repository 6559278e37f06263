"""Hessians by group: closed form, finite differences, autograd and point-by-point loops agree."""

import numpy as np
import pytest
import torch
from toy_mlps import Opaque, random_mlps

from seqaudit.data.hessian import joined
from seqaudit.errors import SeqauditError
from seqaudit.inference.hessian_measures import pair_measures
from seqaudit.models.concrete import ConcretePosterior
from seqaudit.models.posterior import ModuleDraws
from seqaudit.probes import hessian
from seqaudit.probes.hessian import group_hessians, hessians

SHAPES = [(4, 7, 1), (4, 6, 5, 1), (5, 6, 7, 8, 1), (3, 5, 4, 6, 5, 1)]


def points_of(features, n=23, seed=5):
    return np.random.default_rng(seed).normal(size=(n, features))


def largest_difference(left, right):
    return np.abs(left - right).max() / np.abs(right).max()


@pytest.mark.parametrize("link", ["identity", "softplus", "anscombe"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_closed_form_is_autograd(shape, link):
    networks, points = random_mlps(shape, link=link), points_of(shape[0])
    fast = hessians(networks, points)
    assert largest_difference(hessians(Opaque(networks), points), fast) < 1e-12
    for sample in range(3):
        parameters = {name: tensor[sample] for name, tensor in networks.parameters.items()}
        for point in (0, 11):
            naive = torch.autograd.functional.hessian(
                lambda x, chosen=parameters: networks.function(chosen, x), torch.from_numpy(points[point])
            )
            assert largest_difference(fast[sample, point], naive.numpy()) < 1e-12


@pytest.mark.parametrize("link", ["identity", "softplus", "anscombe"])
def test_finite_differences(link):
    networks, points, step = random_mlps((4, 6, 5, 1), link=link, beta=2.0), points_of(4, n=6), 1e-4
    fast = hessians(networks, points)
    for i in range(4):
        for j in range(4):
            a, b = step * np.eye(4)[i], step * np.eye(4)[j]
            corners = [
                networks.predict(points + p * a + q * b) for p, q in ((1, 1), (1, -1), (-1, 1), (-1, -1))
            ]
            differences = (corners[0] - corners[1] - corners[2] + corners[3]) / (4 * step**2)
            assert largest_difference(fast[:, :, i, j], differences) < 1e-5


def test_closed_form_of_two_layers_with_masks():
    """Written out as in the literature: z' = mask / (1 - p) folded into the weights of each layer."""
    rng = np.random.default_rng(3)
    network = random_mlps((4, 6, 5, 1), samples=1, seed=8)
    masks = [rng.uniform(size=width) for width in (4, 6, 5)]
    w1, w2, w3 = (weight[0].numpy() for weight in network.weights)
    b1, b2 = (bias[0].numpy() for bias in network.biases[:2])
    a1, a2, a3 = w1 * masks[0], w2 * masks[1], w3[0] * masks[2]

    def slope(x):
        return 1 / (1 + np.exp(-10 * x))

    def curvature(x):
        return 10 * slope(x) * (1 - slope(x))

    folded = tuple(weight * torch.from_numpy(mask) for weight, mask in zip(network.weights, masks))
    folded = type(network)(folded, *(getattr(network, name) for name in FIELDS))
    points = points_of(4, n=5)
    units = network.scaling.target_scale / np.outer(network.scaling.scale, network.scaling.scale)
    for point, fast in zip(points, hessians(folded, points)[0]):
        x = (point - network.scaling.shift) / network.scaling.scale
        a = a1 @ x + b1
        c = a2 @ (np.log1p(np.exp(10 * a)) / 10) + b2
        j2 = a2 @ (slope(a)[:, None] * a1)
        back = a2.T @ (a3 * slope(c))
        expected = np.einsum("k,ki,kj->ij", a3 * curvature(c), j2, j2)
        expected += np.einsum("k,ki,kj->ij", back * curvature(a), a1, a1)
        assert largest_difference(fast, expected * units) < 1e-12


FIELDS = ("biases", "linear", "intercept", "beta", "link", "scaling")


def test_groups_are_averages_of_points():
    networks, points = random_mlps((5, 6, 7, 8, 1)), points_of(5, n=40)
    labels = [np.arange(40) % 3, np.zeros(40, int), np.random.default_rng(0).permutation(40) // 8]
    single = hessians(networks, points)
    for grouping, found in zip(labels, group_hessians(networks, points, labels, precision="double")):
        assert np.array_equal(found.sizes, np.bincount(grouping))
        for group in range(grouping.max() + 1):
            assert np.allclose(found.mean[:, group], single[:, grouping == group].mean(1), rtol=1e-12)
        assert np.allclose(found.absolute, np.abs(single).mean(1), rtol=1e-12)


def test_parts_of_any_size_add_up_to_the_same(monkeypatch):
    networks, points = random_mlps((4, 6, 5, 1), samples=5), points_of(4, n=21)
    labels = [np.arange(21) % 4]
    whole = group_hessians(networks, points, labels, precision="double")[0]
    for values in (1500, 6000):
        monkeypatch.setitem(hessian.VALUES_PER_PASS, "cpu", values)
        for draws in (networks, Opaque(networks)):
            part = group_hessians(draws, points, labels, precision="double")[0]
            assert np.allclose(part.mean, whole.mean, rtol=1e-10, atol=1e-14)
            assert np.allclose(part.absolute, whole.absolute, rtol=1e-10)
            assert np.array_equal(part.sizes, whole.sizes)


def test_single_precision_is_enough():
    networks, points = random_mlps((8, 50, 50, 50, 1), samples=4), points_of(8, n=200)
    labels = [np.arange(200) % 11]
    single, double = (group_hessians(networks, points, labels, precision=p)[0] for p in ("single", "double"))
    assert largest_difference(single.mean, double.mean) < 1e-4
    assert largest_difference(single.absolute, double.absolute) < 1e-5


def test_single_precision_survives_features_far_from_zero():
    """Years, coordinates: scaling happens before rounding hurts."""
    networks = random_mlps((3, 20, 20, 1))
    far = networks.scaling._replace(shift=np.array([2000.0, -1e4, 37.0]))
    networks = type(networks)(networks.weights, *(getattr(networks, name) for name in FIELDS[:-1]), far)
    points = points_of(3, n=60) + far.shift
    single, double = (hessians(networks, points, precision=p) for p in ("single", "double"))
    assert largest_difference(single, double) < 1e-4


def test_measures_keep_their_order_in_single_precision():
    """Where all signs agree the three are one number; rounding must not turn them round."""
    networks, points = random_mlps((2, 4, 1), samples=40, seed=2), points_of(2, n=400)
    labels = np.arange(400) % 7
    measures = pair_measures(group_hessians(networks, points, [labels])[0])
    assert (measures.aeh <= measures.geh * (1 + 1e-12)).all()
    assert (measures.geh <= measures.eah * (1 + 1e-12)).all()
    assert (measures.geh > measures.eah * (1 - 1e-9)).any(), "no sample in which all signs agree"


def test_rescaling_a_feature_divides():
    networks, points = random_mlps((4, 6, 5, 1)), points_of(4)
    scaling = networks.scaling
    wider = scaling._replace(
        shift=scaling.shift * [1, 10, 1, 1], scale=scaling.scale * [1, 10, 1, 1], target_scale=5.0
    )
    other = type(networks)(networks.weights, *(getattr(networks, name) for name in FIELDS[:-1]), wider)
    ratio = hessians(other, points * [1, 10, 1, 1]) / hessians(networks, points)
    expected = 2 * np.array([1, 0.1, 1, 1])[:, None] * np.array([1, 0.1, 1, 1])
    assert np.allclose(ratio, expected, rtol=1e-8)


class _Product:
    """y = 3 x1 x2 + x3^2: every measure of the pair is 3, of all others 0."""

    def __init__(self):
        self.parameters = {"slope": torch.tensor([3.0, -3.0])}

    def function(self, parameters, points):
        return parameters["slope"] * points[..., 0] * points[..., 1] + points[..., 2] ** 2


def test_known_functions():
    found = group_hessians(_Product(), points_of(3), [np.arange(23) % 5])[0]
    expected = np.array([[0, 3, 0], [3, 0, 0], [0, 0, 2.0]])
    assert np.allclose(found.mean[0], expected)
    assert np.allclose(found.absolute, expected)
    assert np.allclose(found.mean[1, :, 0, 1], -3)


def test_a_linear_network_has_none():
    networks = random_mlps((4, 1))
    assert not hessians(networks, points_of(4)).any()


def test_any_module():
    modules = [
        torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.Tanh(), torch.nn.Linear(5, 1)).double()
        for _ in range(2)
    ]
    points = points_of(3, n=4)
    found = hessians(ModuleDraws(modules), points)
    for module, mine in zip(modules, found):
        for point, matrix in zip(torch.from_numpy(points), mine):
            naive = torch.autograd.functional.hessian(lambda x, module=module: module(x)[0], point)
            assert np.allclose(matrix, naive.numpy(), rtol=1e-10, atol=1e-14)


def test_a_posterior_without_dropout_has_no_spread():
    network = random_mlps((3, 5, 4, 1), samples=1)
    never = tuple(torch.full((width,), -40.0, dtype=torch.float64) for width in (3, 5, 4))
    draws = ConcretePosterior(network, never).sample(5, seed=1)
    found = hessians(draws, points_of(3))
    assert np.allclose(found, hessians(network, points_of(3)), rtol=1e-9)


def test_joined_posteriors():
    networks, points, labels = random_mlps((3, 5, 1), samples=5), points_of(3), [np.arange(23) % 2]
    whole = group_hessians(networks, points, labels)[0]
    halves = [group_hessians(networks.part(part), points, labels)[0] for part in (slice(2), slice(2, 5))]
    assert all(np.allclose(*pair, rtol=1e-6) for pair in zip(joined(halves), whole))
    other = group_hessians(networks, points, [np.arange(23) % 3])[0]
    with pytest.raises(SeqauditError, match="same points in the same groups"):
        joined([whole, other])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": np.zeros((4, 2))}, "rows of 3 features"),
        ({"points": np.full((4, 3), np.nan)}, "row 0 has nan as feature 0"),
        ({"points": np.array([["a", "b", "c"]])}, "Turn categories into columns"),
        ({"groupings": []}, "groupings: got none"),
        ({"groupings": [np.array([0, 0, 2, 2])]}, "group 1 has no points"),
        ({"groupings": [np.array([0, 0, -1, 0])]}, "negative"),
        ({"groupings": [np.zeros(3, int)]}, "each of the 4 points"),
        ({"groupings": [np.zeros(4)]}, "whole number"),
        ({"precision": "half"}, "precision: got 'half'"),
    ],
)
def test_bad_input(change, message):
    arguments = {"points": np.ones((4, 3)), "groupings": [np.zeros(4, int)], **change}
    with pytest.raises(SeqauditError, match=message):
        group_hessians(random_mlps((3, 4, 1)), **arguments)


def test_a_diverged_network_is_named():
    networks = random_mlps((3, 4, 1))
    networks.weights[0][1, 0, 0] = torch.nan
    with pytest.raises(SeqauditError, match="sample 1 has second derivatives that are not finite"):
        group_hessians(networks, points_of(3), [np.zeros(23, int)])

"""Interactions over a distance: known functions, equality with plain loops, invariants, bad input."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import integrate
from toy_mlps import Opaque, random_mlps

from seqaudit.errors import SeqauditError
from seqaudit.probes.hessian import hessians
from seqaudit.probes.integrated_hessian import (
    group_differences,
    group_integrated_hessians,
    shuffled_partners,
)
from seqaudit.probes.weight_interactions import weight_interactions

ONE_GROUP = [np.zeros(12, int)]
PAIRS = np.triu_indices(4, 1)


@pytest.fixture
def points():
    return np.random.default_rng(2).normal(size=(12, 4))


@pytest.fixture
def partners(points):
    return shuffled_partners(points, seed=1)


class _Known:
    """A product, a step and an exclusive or: mixed differences follow by hand."""

    def __init__(self, function):
        self.parameters = {"slope": torch.tensor([1.0, -2.0], dtype=torch.float64)}
        self.of_points = function

    def function(self, parameters, points):
        return parameters["slope"] * self.of_points(points)


def test_partners_are_other_rows(points):
    partners = shuffled_partners(points, seed=3)
    assert np.array_equal(np.sort(partners, axis=0), np.sort(points, axis=0))
    assert (partners != points).all()
    assert np.array_equal(partners, shuffled_partners(points, seed=3))


def test_differences_of_a_product(points, partners):
    found = group_differences(
        _Known(lambda x: 3 * x[..., 0] * x[..., 1] + x[..., 2] ** 3), points, partners, ONE_GROUP
    )[0]
    expected = np.zeros((4, 4))
    expected[0, 1] = expected[1, 0] = 3
    np.fill_diagonal(expected, np.nan)
    assert np.allclose(found.mean[:, 0], [expected, -2 * expected], equal_nan=True, atol=1e-5)
    assert np.allclose(found.absolute, [expected, 2 * expected], equal_nan=True, atol=1e-5)


def test_differences_where_derivatives_see_nothing():
    """Exclusive or of two thresholds: all second derivatives are 0, all rectangles worth -2 or 0."""
    levels = np.array([[0, 0, 1.0], [0, 1, 2], [1, 0, 3], [1, 1, 4]])
    draws = _Known(lambda x: ((x[..., 0] > 0.5) != (x[..., 1] > 0.5)) * 1.0)
    found = group_differences(draws, levels, levels[::-1].copy(), [np.zeros(4, int)])[0]
    assert found.mean[0, 0, 0, 1] == pytest.approx(-2)
    assert found.mean[1, 0, 0, 1] == pytest.approx(4)
    assert found.mean[0, 0, 0, 2] == pytest.approx(0)


@pytest.mark.parametrize("link", ["identity", "softplus"])
def test_differences_equal_a_loop(points, partners, link):
    networks = random_mlps((4, 6, 5, 1), samples=2, link=link)
    labels = np.arange(12) % 3
    found = group_differences(networks, points, partners, [labels], precision="double")[0]
    opaque = group_differences(Opaque(networks), points, partners, [labels], precision="double")[0]
    for i, j in zip(*PAIRS):
        corners = []
        for moved in ([], [i], [j], [i, j]):
            there = points.copy()
            there[:, moved] = partners[:, moved]
            corners.append(networks.predict(there))
        area = (partners[:, i] - points[:, i]) * (partners[:, j] - points[:, j])
        values = (corners[3] - corners[2] - corners[1] + corners[0]) * np.sign(area) / np.abs(area).mean()
        for group in range(3):
            expected = values[:, labels == group].mean(1)
            assert np.allclose(found.mean[:, group, i, j], expected, rtol=1e-9)
            assert np.allclose(opaque.mean[:, group, j, i], expected, rtol=1e-9)
        assert np.allclose(found.absolute[:, i, j], np.abs(values).mean(1), rtol=1e-9)


def test_a_small_rectangle_is_the_derivative(points):
    networks = random_mlps((4, 6, 5, 1), beta=2.0)
    found = group_differences(networks, points, points + 1e-4, [np.arange(12)], precision="double")[0]
    expected = hessians(networks, points + 5e-5)
    assert np.allclose(found.mean[..., PAIRS[0], PAIRS[1]], expected[..., PAIRS[0], PAIRS[1]], atol=1e-5)


def test_integrated_hessians_of_one_point(points, partners):
    """The double integral, by another quadrature."""
    networks = random_mlps((4, 5, 1), samples=1, beta=2.0)
    found = group_integrated_hessians(networks, points, partners, [np.arange(12)], precision="double")[0]
    start, step = partners[3], (points - partners)[3]

    def integrand(b, a):
        return a * b * hessians(networks, (start + a * b * step)[None])[0, 0, 1, 2]

    expected = integrate.dblquad(integrand, 0, 1, 0, 1, epsabs=1e-5, epsrel=1e-4)[0] * step[1] * step[2]
    assert found.mean[0, 3, 1, 2] == pytest.approx(expected, rel=1e-3)
    assert np.isnan(found.mean[:, :, np.arange(4), np.arange(4)]).all()


def test_groups_lie_between_signed_and_absolute(points, partners):
    networks = random_mlps((4, 6, 5, 1))
    labels = [np.zeros(12, int), np.arange(12) % 3, np.arange(12)]
    for probe in (group_differences, group_integrated_hessians):
        scores = [
            (np.abs(found.mean) * found.sizes[:, None, None]).sum(1) / 12
            for found in probe(networks, points, partners, labels, precision="double")
        ]
        scores.append(probe(networks, points, partners, labels[:1], precision="double")[0].absolute)
        for coarse, fine in pairwise(scores):
            assert (coarse <= fine + 1e-12)[:, *PAIRS].all()


def test_strength_in_weights_by_hand():
    networks = random_mlps((3, 2, 2, 1), samples=1)
    networks.weights[0][0] = torch.tensor([[1.0, -2.0, 0.0], [3.0, 0.5, -1.0]])
    networks.weights[1][0] = torch.tensor([[1.0, 2.0], [-1.0, 0.0]])
    networks.weights[2][0] = torch.tensor([[2.0, -3.0]])
    # influence of the two units: 2 * 1 + 3 * 1 = 5 and 2 * 2 + 3 * 0 = 4
    expected = np.array([[np.nan, 5 * 1 + 4 * 0.5, 4 * 1], [7, np.nan, 4 * 0.5], [4, 2, np.nan]])
    assert np.allclose(weight_interactions(networks)[0], expected, equal_nan=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"partners": np.zeros((11, 4))}, "partners: got 11 rows, expected 12"),
        ({"partners": np.full((12, 4), np.inf)}, "partners: row 0 has inf"),
        ({"precision": "half"}, "precision"),
    ],
)
@pytest.mark.parametrize("probe", [group_differences, group_integrated_hessians])
def test_bad_input(points, partners, probe, change, message):
    arguments = {"points": points, "partners": partners, **change}
    with pytest.raises(SeqauditError, match=message):
        probe(random_mlps((4, 5, 1)), groupings=ONE_GROUP, **arguments)


def test_partners_that_move_nothing(points, partners):
    partners[:, 2] = points[:, 2]
    with pytest.raises(SeqauditError, match="features 0 and 2 differ"):
        group_differences(random_mlps((4, 5, 1)), points, partners, ONE_GROUP)


def test_one_point_has_no_partner():
    with pytest.raises(SeqauditError, match="two or more"):
        shuffled_partners(np.zeros((1, 3)), seed=0)

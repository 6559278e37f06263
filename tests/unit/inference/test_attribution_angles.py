"""The score of directions: values by algebra, a literal loop, and its null."""

import numpy as np
import pytest

from seqaudit.errors import SeqauditError
from seqaudit.inference.attribution_angles import (
    BASES,
    ORTHONORMAL,
    Windows,
    angular_divergence,
    stored_angles,
    windowed_points,
)


def test_orthonormal_axes_are_an_isometry_of_centred_attributions():
    assert np.allclose(ORTHONORMAL @ ORTHONORMAL.T, np.eye(3), atol=1e-15)
    assert np.allclose(ORTHONORMAL.sum(axis=1), 0, atol=1e-15)


@pytest.mark.parametrize(
    "basis, peak, axes, norm, angles",
    [
        ("published", (-1, -1, 3, -1), (0, 0.816497, -1.154701), 1.414214, (1.093138, 1.570796)),
        ("orthonormal", (-1, -1, 3, -1), (0, 3.265986, -1.154701), 3.464102, (1.400878, 1.570796)),
        ("orthonormal", (3, -1, -1, -1), (-2.828427, -1.632993, -1.154701), 3.464102, (0.307740, 2.526113)),
    ],
)
def test_peaks_of_one_letter(basis, peak, axes, norm, angles):
    point = BASES[basis] @ np.array(peak, dtype=float)
    assert point == pytest.approx(axes, abs=1e-6)
    assert np.linalg.norm(point) == pytest.approx(norm, abs=1e-6)
    assert np.concatenate(stored_angles(point[None])) == pytest.approx(angles, abs=1e-6)


def test_the_azimuth_is_up_where_the_second_axis_is_zero():
    points = np.array([[1.0, 0, 1], [1, 0, -1], [1, 0, 0]])
    assert stored_angles(points)[0] == pytest.approx(np.full(3, 3 * np.pi / 4))


def point_at(half_azimuth, polar, norm=1.0):
    azimuth = 2 * (half_azimuth - np.pi / 2)
    return norm * np.array([np.cos(polar), np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth)])


@pytest.mark.parametrize(
    "points, score",
    [
        ([(1.55, 1.55)], np.log(36)),
        ([(1.55, 1.55), (1.65, 1.55)], np.log(18)),
        ([(1.55, 1.55, 1), (1.65, 1.55, 2)], 0.2 * np.log(7.2) + 0.8 * np.log(28.8)),
        ([(0.05, 0.05), (1.55, 1.55)], 0.5 * np.log(36)),
        ([(0.15, 0.15)], np.log(9)),
        ([(2.95, 2.95)], np.log(25)),
    ],
)
def test_scores_of_single_boxes(points, score):
    assert angular_divergence(np.array([point_at(*p) for p in points])) == pytest.approx(score, abs=1e-12)


def divergence_by_loop(points, box=0.1, n=31):
    """The definition box by box, with the box area and densities written out."""
    weight = np.zeros((n, n))
    for point in points:
        r = np.sqrt((point**2).sum())
        phi = np.pi / 2 if point[1] == 0 else np.arctan2(point[2], point[1])
        i, j = int((phi / 2 + np.pi / 2) / box), int(np.arccos(point[0] / r) / box)
        weight[min(i, n - 1), min(j, n - 1)] += r**2
    p = weight / (weight.sum() * box**2)
    total = 0.0
    for i in range(1, n - 1):
        for j in range(1, n - 1):
            if p[i, j] > 0:
                around = [
                    p[a, b]
                    for a in range(i - 3, i + 3)
                    for b in range(j - 3, j + 3)
                    if 1 <= a <= n - 1 and 1 <= b <= n - 1
                ]
                total += p[i, j] * np.log(p[i, j] / np.mean(around)) * box**2
    return total


@pytest.mark.parametrize("seed", range(4))
def test_divergence_equals_a_literal_loop(seed):
    points = np.random.default_rng(seed).normal(size=(400, 3)) * [3, 1, 0.3]
    assert angular_divergence(points) == pytest.approx(divergence_by_loop(points), abs=1e-12)


def made_up_maps():
    t = np.arange(320.0)
    values = np.sin(1.7 * t) + 0.3 * np.cos((0.9 * t**2) % 7)
    maps = values.reshape(4, 20, 4).transpose(0, 2, 1)
    return maps - maps.mean(axis=1, keepdims=True)


@pytest.mark.parametrize("basis, score", [("published", 1.6338), ("orthonormal", 1.8744)])
def test_reference_values_end_to_end(basis, score):
    windows = windowed_points(made_up_maps(), retained=0.5, basis=basis, wrap=True)
    assert windows.n_retained == 40  # so that 39 windows count
    assert windows.score() == pytest.approx(score, abs=5e-5)


def score_by_loop(maps, window, retained, basis, wrap):
    points = []
    for one_map in maps:
        strength = np.linalg.norm(one_map, axis=0).sum()
        length = one_map.shape[1]
        for first in range(length if wrap else length - window + 1):
            summed = sum(one_map[:, (first + j) % length] for j in range(window))
            points.append(BASES[basis] @ (summed / strength))
    points = np.array(points)
    norms = np.linalg.norm(points, axis=1)
    cut = np.sort(norms)[::-1][int(retained * len(norms)) - 1]
    return divergence_by_loop(points[norms > cut])


@pytest.mark.parametrize("wrap", [True, False])
@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize("window, retained", [(1, 1.0), (3, 0.1), (6, 0.99)])
def test_scores_equal_a_literal_loop(window, retained, basis, wrap):
    maps = made_up_maps()
    windows = windowed_points(maps, window=window, retained=retained, basis=basis, wrap=wrap)
    by_loop = score_by_loop(maps, window, retained, basis, wrap)
    assert windows.score() == pytest.approx(by_loop, abs=1e-12)
    assert windows.resampled(np.ones((1, 4), dtype=int))[0] == pytest.approx(by_loop, abs=1e-12)


def test_a_resample_equals_scoring_the_repeated_maps():
    maps = made_up_maps()
    options = {"window": 2, "retained": 0.3}
    rows = [0, 0, 0, 2]
    assert windowed_points(maps, **options).resampled(np.array([[3, 0, 1, 0]]))[0] == pytest.approx(
        windowed_points(maps[rows], **options).score(), abs=1e-12
    )


@pytest.mark.parametrize("basis", BASES)
def test_noise_scores_as_its_null_does(basis):
    noise = np.random.default_rng(3).normal(size=(300, 4, 100))
    noise -= noise.mean(axis=1, keepdims=True)
    windows = windowed_points(noise, basis=basis, retained=0.3)
    assert windows.score() == pytest.approx(windows.null(draws=10, seed=1), abs=0.02)


def test_both_ways_to_draw_directions_agree():
    points = np.random.default_rng(3).normal(size=(3000, 3))
    fast = Windows(points, np.arange(3000), "orthonormal", 1000)
    kept = fast.null(draws=40, seed=1)
    rng = np.random.default_rng(4)
    norms = np.linalg.norm(points, axis=1)
    norms = norms[norms > np.sort(norms)[-1000]]
    slow = []
    for _ in range(40):
        directions = rng.normal(size=(norms.size, 3))
        slow.append(
            angular_divergence(directions / np.linalg.norm(directions, axis=1)[:, None] * norms[:, None])
        )
    assert kept == pytest.approx(np.mean(slow), abs=4 * np.std(slow) / np.sqrt(40))


@pytest.mark.parametrize(
    "options, text",
    [
        ({"basis": "spherical"}, "basis: got 'spherical'"),
        ({"window": 21}, "1 to 20 positions"),
        ({"retained": 0.0}, "retained: got 0.0"),
        ({"retained": 0.01}, "of 72 windows is 0, expected at least 2"),
    ],
)
def test_options_out_of_range(options, text):
    with pytest.raises(SeqauditError, match=text):
        windowed_points(made_up_maps(), **options)

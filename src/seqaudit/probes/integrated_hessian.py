"""Interactions over a distance: mixed differences, and second derivatives along a path.

A second derivative says nothing where a feature is discrete or saturates. Both measures here
compare every point with a partner. Mixed differences are the average second derivative
over the rectangle between the two, without any differentiation; Integrated Hessians
(Janizek, Sturmfels and Lee 2021) weight second derivatives along the straight line.
Partners drawn from the data make both expectations over observed levels.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch.func import vmap

from seqaudit.data.hessian import GroupHessians
from seqaudit.errors import SeqauditError
from seqaudit.models.device import choose_device
from seqaudit.models.mlp import Mlps, check_points
from seqaudit.models.posterior import Draws
from seqaudit.probes.hessian import ASSUMED_WIDTH, PRECISIONS, average_in_groups, number_of
from seqaudit.probes.mlp_hessian import mlp_hessians

NODES = 24
"""Of the quadrature along a path; a softplus bends over a short part of it."""


def shuffled_partners(points: np.ndarray, *, seed: int) -> np.ndarray:
    """Another row of the same points for each: observed levels of every feature.

    Parameters
    ----------
    points : array, shape (n, D)
    seed : int

    Returns
    -------
    numpy.ndarray, shape (n, D)
        The rows in an order that leaves none in its place; each is a partner once.

    Raises
    ------
    SeqauditError
        Fewer than two points.
    """
    points = np.asarray(points)
    if len(points) < 2:
        raise SeqauditError(f"points: got {len(points)}, expected two or more to be each other's partners.")
    circle = np.random.default_rng(seed).permutation(len(points))
    partners = np.empty_like(points)
    partners[circle] = points[np.roll(circle, 1)]
    return partners


def group_differences(
    draws: Draws,
    points: np.ndarray,
    partners: np.ndarray,
    groupings: Sequence[np.ndarray],
    *,
    precision: str = "single",
    device: str = "auto",
) -> list[GroupHessians]:
    """Average mixed differences between points and partners within groups.

    For a point x with partner x', f(x_i', x_j') - f(x_i', x_j) - f(x_i, x_j') + f(x_i, x_j),
    all other features as in x, with the sign of (x_i' - x_i)(x_j' - x_j) and divided by the
    mean area |x_i' - x_i| |x_j' - x_j| of all points. The mean over points is therefore the
    second derivative averaged over all rectangles, large ones counting more, and rectangles
    without area count nothing.

    Parameters
    ----------
    draws : Draws
        K networks.
    points, partners : array, shape (n, D)
        In the units that the networks take; partners from :func:`shuffled_partners`, or chosen
        levels such as features with a motif knocked out.
    groupings, precision, device
        As for ``hessian.group_hessians``.

    Returns
    -------
    list of GroupHessians
        One per grouping, in units of the target per unit of both features. Diagonals are not
        a number.

    Raises
    ------
    SeqauditError
        As for ``hessian.group_hessians``; or two features that never change together.
    """
    points, partners, chosen, dtype = _checked(draws, points, partners, precision, device)
    features = points.shape[1]
    first, second = np.triu_indices(features, 1)
    steps = partners - points
    areas = np.abs(steps[:, first] * steps[:, second]).mean(0)
    if (areas == 0).any():
        pair = int(np.argmin(areas))
        raise SeqauditError(
            f"partners: features {first[pair]} and {second[pair]} differ from those of the point together "
            "nowhere, expected rectangles with an area. Choose other partners, or leave out a feature."
        )
    signs = np.sign(steps[:, first] * steps[:, second]) / areas
    # which features move: none, each alone, each pair
    moves = np.zeros((1 + features + len(first), features), dtype=bool)
    moves[1 + np.arange(features), np.arange(features)] = True
    both = 1 + features + np.arange(len(first))
    moves[both, first] = moves[both, second] = True

    start, end, moved = (torch.from_numpy(array).to(chosen) for array in (points, partners, moves))
    signs = torch.from_numpy(signs).to(chosen, dtype)
    parameters, at_once = _predictor(draws, chosen, dtype)

    def matrices(samples: slice, rows: slice) -> torch.Tensor:
        corners = torch.where(moved, end[rows, None], start[rows, None])
        some = {name: tensor[samples] for name, tensor in parameters.items()}
        means = at_once(some, corners)  # (samples, points, moves)
        alone = means[..., 1 : 1 + features]
        mixed = means[..., 1 + features :] - alone[..., first] - alone[..., second] + means[..., :1]
        matrix = mixed.new_full((*mixed.shape[:2], features, features), torch.nan)
        matrix[..., first, second] = matrix[..., second, first] = mixed * signs[rows]
        return matrix

    return average_in_groups(
        matrices,
        groupings,
        shape=(number_of(draws), *points.shape),
        device=chosen,
        values_per_pair=len(moves) * _width(draws),
    )


def group_integrated_hessians(
    networks: Mlps,
    points: np.ndarray,
    partners: np.ndarray,
    groupings: Sequence[np.ndarray],
    *,
    precision: str = "single",
    device: str = "auto",
) -> list[GroupHessians]:
    """Average Integrated Hessians of points, with partners as baselines, within groups.

    Between different features, (x_i - x_i')(x_j - x_j') times the double integral of
    a b H_ij(x' + a b (x - x')) over the unit square, which is the single integral of
    -t log(t) H_ij(x' + t (x - x')) over 0..1.

    Parameters
    ----------
    networks : Mlps
    points, partners : array, shape (n, D)
        Partners are the baselines; :func:`shuffled_partners` gives the expected version.
    groupings, precision, device
        As for ``hessian.group_hessians``.

    Returns
    -------
    list of GroupHessians
        One per grouping, in units of the target. Diagonals are not a number.

    Raises
    ------
    SeqauditError
        As for ``hessian.group_hessians``.
    """
    points, partners, chosen, dtype = _checked(networks, points, partners, precision, device)
    here = networks.to(device=chosen, dtype=dtype)
    ends, starts = here.scaled_points(points), here.scaled_points(partners)
    steps = torch.from_numpy(points - partners).to(chosen, dtype)
    pairs = torch.ones(points.shape[1], points.shape[1], device=chosen, dtype=dtype)
    pairs.fill_diagonal_(torch.nan)
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    # t = s^2 takes the logarithm's edge off: -t log(t) dt = -4 s^3 log(s) ds
    roots = (nodes + 1) / 2
    weights = -2 * weights * roots**3 * np.log(roots)

    def matrices(samples: slice, rows: slice) -> torch.Tensor:
        start, end = starts[rows], ends[rows]
        integral = sum(
            weight * mlp_hessians(here.part(samples), start + float(root) ** 2 * (end - start))
            for root, weight in zip(roots, weights)
        )
        return integral * (steps[rows, :, None] * steps[rows, None]) * pairs

    return average_in_groups(
        matrices,
        groupings,
        shape=(len(networks), *points.shape),
        device=chosen,
        values_per_pair=points.shape[1] * max(_width(networks), points.shape[1]),
    )


def _checked(draws, points, partners, precision, device):
    """Both arrays of points, device and type."""
    if precision not in PRECISIONS:
        raise SeqauditError(f"precision: got {precision!r}, expected single or double.")
    features = draws.features if isinstance(draws, Mlps) else np.shape(points)[-1]
    points = check_points(points, features=features)
    partners = check_points(partners, features=features, name="partners")
    if partners.shape != points.shape:
        raise SeqauditError(f"partners: got {len(partners)} rows, expected {len(points)}, one per point.")
    return points, partners, choose_device(device), PRECISIONS[precision]


def _predictor(draws: Draws, device: torch.device, dtype: torch.dtype):
    """Parameters, and a function of them and of points in double precision."""
    parameters = {name: tensor.to(device, dtype) for name, tensor in draws.parameters.items()}
    if not isinstance(draws, Mlps):
        of_all = vmap(draws.function, (0, None))
        return parameters, lambda some, points: of_all(some, points.to(dtype))
    of_all = vmap(draws.scaled_function, (0, None))
    shift, scale = (torch.from_numpy(part).to(device) for part in draws.scaling[:2])
    return parameters, lambda some, points: of_all(some, ((points - shift) / scale).to(dtype))


def _width(draws: Draws) -> int:
    if not isinstance(draws, Mlps):
        return ASSUMED_WIDTH
    return max(weight.shape[2] for weight in draws.weights)

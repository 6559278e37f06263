"""Levenberg-Marquardt for small networks: a few hundred weights, least squares, many sequences.

An additive twin has so few weights that the full matrix of second derivatives (in the approximation
of Gauss and Newton) fits a laptop. Ten steps then do what thousands of Adam do not: units share the
motifs between them and slide along flat valleys, which a step in all weights at once crosses.
"""

from typing import NamedTuple

import torch
from torch import nn

_SEQUENCES_AT_ONCE = 250
_COLUMNS_AT_ONCE = 128
_FIRST_DAMPING = 1e-2
_LOWEST_DAMPING, _HIGHEST_DAMPING = 1e-7, 1e4
_GOOD, _POOR = 0.5, 0.25


class Polished(NamedTuple):
    """Steps taken, and mean squared error on both splits with the weights that were kept."""

    steps: int
    train_mse: float
    validation_mse: float


class _Normal(NamedTuple):
    """Normal equations of a linearised network, per sequence."""

    curvature: torch.Tensor
    descent: torch.Tensor
    mse: float


def polish(
    network: nn.Module,
    train: tuple[torch.Tensor, torch.Tensor],
    validation: tuple[torch.Tensor, torch.Tensor],
    *,
    max_steps: int = 20,
    tolerance: float = 1e-4,
) -> Polished:
    """Minimise mean squared error by damped Gauss-Newton steps; keep the best validation loss.

    Every step lowers the training loss: the damping rises until it does, and falls while the
    linearised network predicts the gain well (Marquardt 1963).

    Parameters
    ----------
    network : torch.nn.Module
        Maps ``(n, 4, length)`` to ``(n, 1)`` and has ``predict_with_slopes``, as an
        :class:`seqaudit.models.additive.AdditiveTwin` has; changed in place.
    train, validation : (tensor, tensor)
        One-hot sequences ``(n, 4, length)`` and targets ``(n,)`` in the training space, on
        the device of the network.
    max_steps : int
    tolerance : float
        Stops after two steps that each lower the training loss by less than this share of it,
        or that do not lower the validation loss by as much.

    Returns
    -------
    Polished
    """
    parameters = dict(network.named_parameters())
    normal = _normal_equations(network, *train)
    best = Polished(0, normal.mse, mean_squared_error(network, *validation))
    kept = {name: value.detach().clone() for name, value in parameters.items()}
    damping, idle = _FIRST_DAMPING, 0
    for step in range(1, max_steps + 1):
        damping, gain = _take_step(network, train, normal, damping)
        if gain == 0:
            break
        validation_mse = mean_squared_error(network, *validation)
        slow = gain < tolerance * normal.mse or validation_mse > (1 - tolerance) * best.validation_mse
        idle = idle + 1 if slow else 0
        if validation_mse < best.validation_mse:
            best = Polished(step, normal.mse - gain, validation_mse)
            kept = {name: value.detach().clone() for name, value in parameters.items()}
        if idle == 2 or step == max_steps:
            break
        normal = _normal_equations(network, *train)
    _load(parameters, kept)
    return best


def mean_squared_error(network: nn.Module, one_hot: torch.Tensor, target: torch.Tensor) -> float:
    """Mean squared error of a network in the training space, summed in float64."""
    total = 0.0
    with torch.no_grad():
        for x, y in zip(one_hot.split(_SEQUENCES_AT_ONCE), target.split(_SEQUENCES_AT_ONCE), strict=True):
            total += float((network(x)[:, 0] - y).double().square().sum())
    return total / len(target)


def _take_step(network, train, normal: _Normal, damping: float) -> tuple[float, float]:
    """Move to a lower training loss; the next damping, and by how much the loss fell (0: stuck)."""
    parameters = dict(network.named_parameters())
    before = {name: value.detach().clone() for name, value in parameters.items()}
    unit = normal.curvature.diagonal().mean() * torch.eye(len(normal.descent), dtype=torch.float64)
    while damping < _HIGHEST_DAMPING:
        move = torch.linalg.solve(normal.curvature + damping * unit, normal.descent)
        _load(parameters, _moved(before, move))
        gain = normal.mse - mean_squared_error(network, *train)
        if gain > 0:
            foreseen = float(2 * move @ normal.descent - move @ normal.curvature @ move)
            factor = 1 / 3 if gain > _GOOD * foreseen else 1 if gain > _POOR * foreseen else 2
            return max(damping * factor, _LOWEST_DAMPING), gain
        damping *= 5
    _load(parameters, before)
    return damping, 0.0


def _normal_equations(network: nn.Module, one_hot: torch.Tensor, target: torch.Tensor) -> _Normal:
    size = sum(value.numel() for value in network.parameters())
    curvature = torch.zeros(size, size, dtype=torch.float64)
    descent, total = torch.zeros(size, dtype=torch.float64), 0.0
    for x, y in zip(one_hot.split(_SEQUENCES_AT_ONCE), target.split(_SEQUENCES_AT_ONCE), strict=True):
        prediction, jacobian = network.predict_with_slopes(x)
        residual = y - prediction
        for first in range(0, size, _COLUMNS_AT_ONCE):  # on and above the diagonal: the rest is its mirror
            rows = slice(first, first + _COLUMNS_AT_ONCE)
            curvature[rows, first:] += (jacobian[:, rows].T @ jacobian[:, first:]).cpu()
        descent += (jacobian.T @ residual).cpu()
        total += float(residual.double().square().sum())
    n, curvature = len(target), curvature.triu() + curvature.triu(1).T
    return _Normal(curvature / n, descent / n, total / n)


def _moved(before: dict[str, torch.Tensor], move: torch.Tensor) -> dict[str, torch.Tensor]:
    parts = move.split([value.numel() for value in before.values()])
    return {
        name: (value.double() + part.view(value.shape).to(value.device)).to(value.dtype)
        for (name, value), part in zip(before.items(), parts, strict=True)
    }


def _load(parameters: dict[str, nn.Parameter], values: dict[str, torch.Tensor]) -> None:
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(values[name])

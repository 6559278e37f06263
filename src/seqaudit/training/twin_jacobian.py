"""Derivatives of an additive twin's predictions by its weights, written out.

Backward passes of single sequences cost more than all else in a Gauss-Newton step; a sum over windows
is simple enough to do without.
"""

import torch
from torch import nn

from seqaudit.models.additive import AdditiveTwin, WindowSum, transformed


def predict_with_slopes(twin: AdditiveTwin, one_hot: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Predictions in the training space, and their derivatives by all weights.

    Parameters
    ----------
    twin : AdditiveTwin
    one_hot : torch.Tensor, shape (n, 4, length)
        On the device of the twin.

    Returns
    -------
    predictions : torch.Tensor, shape (n,)
    slopes : torch.Tensor, shape (n, weights)
        Weights in the order of ``twin.named_parameters()``, each flattened.
    """
    with torch.no_grad():
        # copied once: both products below would copy the view
        windows = twin.windows(one_hot.to(twin.members[0].weight.dtype)).contiguous()
        members = [_member(member, windows) for member in twin.members]
        weight = twin.architecture["scale"] / len(members)
        target = twin.architecture["location"] + weight * sum(total for total, _ in members)
        slopes = torch.cat([part for _, parts in members for part in parts], dim=1)
        slopes *= (weight * _transform_slope(target, twin.architecture["transform"]))[:, None]
        return transformed(target, twin.architecture["transform"]), slopes


def _member(member: WindowSum, windows: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """The sum of every sequence, (n,), and its derivatives by every parameter in turn, each (n, size)."""
    hidden = member.family["hidden"]
    read = torch.matmul(windows, member.weight) + member.bias
    unit = torch.matmul(torch.relu(read), member.unit_weight) + member.unit_bias if hidden else read
    response, bend = _response(unit, member.family["response"])
    amplitude, baseline = member.amplitude, member.baseline
    by_amplitude, by_baseline = torch.ones_like(amplitude), torch.ones_like(baseline)
    if not member.signed:
        by_amplitude, by_baseline = amplitude.sign(), torch.sigmoid(baseline)
        amplitude, baseline = amplitude.abs(), nn.functional.softplus(baseline)
    sums = response.sum(dim=1)
    by_unit = bend * amplitude
    parts = []
    by_read = by_unit
    if hidden:
        by_read = torch.matmul(by_unit, member.unit_weight.T) * (read > 0)
        parts = [torch.bmm(torch.relu(read).transpose(1, 2), by_unit).flatten(1), by_unit.sum(dim=1)]
    # (n, 4 width, windows) x (n, windows, units): every window's letters, weighted by its slope
    parts = [torch.bmm(windows.transpose(1, 2), by_read).flatten(1), by_read.sum(dim=1), *parts]
    parts += [sums * by_amplitude, by_baseline.expand(len(sums), 1)]
    return baseline + (sums * amplitude).sum(dim=1), parts


def _response(unit: torch.Tensor, name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Response of units, and its slope."""
    level = torch.sigmoid(unit)
    if name == "sigmoid":
        return level, level * (1 - level)
    return nn.functional.softplus(unit), level


def _transform_slope(target: torch.Tensor, transform: str) -> torch.Tensor:
    if transform == "anscombe":
        return torch.rsqrt(target + 3 / 8)
    return 1 / (1 + target) if transform == "log1p" else torch.ones_like(target)

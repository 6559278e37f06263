"""Gradients of one output of a network at many inputs, averaged per sequence."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import nn

from seqaudit.errors import SeqauditError
from seqaudit.models.device import borrowed, full_precision


class Points(NamedTuple):
    """Inputs at which gradients are taken.

    Attributes
    ----------
    inputs : tensor, shape (points, 4, L)
    weights : tensor, shape (points,)
        In the average of their sequence.
    differences : tensor, shape (points, 4, L), or None
        Sequence minus baseline, where there is one.
    """

    inputs: torch.Tensor
    weights: torch.Tensor
    differences: torch.Tensor | None = None


class MeanGradients(NamedTuple):
    """Weighted means of gradients, per sequence.

    Attributes
    ----------
    gradients : tensor, shape (n, 4, L), float64
    contributions : tensor, shape (n, L), float64
        Gradients times sequence minus baseline, summed over channels; zero without baselines.
    """

    gradients: torch.Tensor
    contributions: torch.Tensor


def mean_gradients(
    model: nn.Module,
    points_of: Callable[[torch.Tensor, torch.Tensor], Points],
    *,
    n: int,
    length: int,
    points_per_sequence: int,
    output: int,
    batch_size: int,
    device: torch.device,
) -> MeanGradients:
    """Average the gradients at several points per sequence.

    Parameters
    ----------
    model : torch.nn.Module
        Asked in evaluation mode and left as it was; parameters get no gradients.
    points_of : callable
        Sequences ``rows`` and numbers ``which`` of their points, both int64 of shape (points,),
        to Points. What it returns must not depend on which points come together.
    n, length, points_per_sequence : int
    output : int
        Which output to differentiate.
    batch_size : int
        Points per pass.
    device : torch.device

    Returns
    -------
    MeanGradients
        On the CPU; the same for every batch size, to rounding.
    """
    gradients = torch.zeros(n, 4, length, dtype=torch.float64)
    contributions = torch.zeros(n, length, dtype=torch.float64)
    with borrowed(model, device) as lent, torch.enable_grad(), full_precision():
        for numbers in torch.arange(n * points_per_sequence).split(batch_size):
            rows, which = numbers // points_per_sequence, numbers % points_per_sequence
            points = points_of(rows, which)
            inputs = points.inputs.to(device, torch.float32).requires_grad_()
            predicted = lent(inputs)
            if not predicted.requires_grad:
                raise SeqauditError(
                    f"model: predictions of {type(model).__name__} have no gradient. Use method 'ism', or a "
                    "network without torch.no_grad() and detach() in forward()."
                )
            (slope,) = torch.autograd.grad(predicted[:, output].sum(), inputs)
            weighted = slope.double().cpu() * points.weights.double()[:, None, None]
            gradients.index_add_(0, rows, weighted)
            if points.differences is not None:
                contributions.index_add_(0, rows, (weighted * points.differences).sum(1))
    return MeanGradients(gradients, contributions)

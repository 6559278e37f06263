"""A convolutional network as a list of stages, for probes that recompute only what a mutation changes."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import nn

from seqaudit.models.cnn import Cnn


class ConvolutionStage(NamedTuple):
    """Stride-1 convolution, element-wise activation, residual sum, max pooling; in this order.

    Attributes
    ----------
    kernel : tensor, shape (filters, channels, width)
    bias : tensor, shape (filters,), or None
    activation : callable
        Element-wise, tensor to tensor.
    dilation : int
        Distance of neighbouring taps, positions.
    padding : (int, int)
        Zeros before the first and after the last position.
    pool : int
        Size and stride of the max pooling, positions; an incomplete last window is dropped.
    residual : bool
        Whether the stage's input, its middle where the convolution shortens it, is added.
    """

    kernel: torch.Tensor
    bias: torch.Tensor | None
    activation: Callable[[torch.Tensor], torch.Tensor]
    dilation: int = 1
    padding: tuple[int, int] = (0, 0)
    pool: int = 1
    residual: bool = False


class DenseStage(NamedTuple):
    """Linear map ``(units, features)`` of features, with an activation except in the last stage."""

    weight: torch.Tensor
    bias: torch.Tensor | None
    activation: Callable[[torch.Tensor], torch.Tensor] | None = None


class Stages(NamedTuple):
    """What a network computes in evaluation mode.

    Attributes
    ----------
    convolutions : tuple of ConvolutionStage
    pooling : {"average", "max", "flatten"}
        How positions become features; flattened features count positions fastest.
    dense : tuple of DenseStage
    crop : (int, int)
        Positions at either end that the pooling leaves out.
    """

    convolutions: tuple[ConvolutionStage, ...]
    pooling: str
    dense: tuple[DenseStage, ...]
    crop: tuple[int, int] = (0, 0)


def stages_of(model: nn.Module) -> Stages | None:
    """Describe a network by its stages; None if it does not say how it computes.

    Known are ``Cnn`` and every module with a method ``convolution_stages()`` that returns
    ``Stages``.
    Batch normalisation is folded into kernels, dropout left out: evaluation mode.
    """
    if isinstance(model, Cnn):
        return _stages_of_cnn(model)
    describe = getattr(model, "convolution_stages", None)
    return None if describe is None else describe()


def same_padding(width: int, dilation: int = 1) -> tuple[int, int]:
    """Zeros that keep the number of positions, as torch places them."""
    surplus = (width - 1) * dilation
    return surplus // 2, surplus - surplus // 2


def fold_batch_norm(convolution: nn.Conv1d, norm: nn.BatchNorm1d) -> tuple[torch.Tensor, torch.Tensor]:
    """Kernel and bias of a convolution and the batch normalisation behind it, folded in float64."""
    scale = torch.rsqrt(norm.running_var.double() + norm.eps)
    shift = -norm.running_mean.double() * scale
    if norm.affine:
        scale, shift = scale * norm.weight.double(), shift * norm.weight.double() + norm.bias.double()
    if convolution.bias is not None:
        shift = shift + convolution.bias.double() * scale
    kernel = convolution.weight.double() * scale[:, None, None]
    return kernel.to(convolution.weight.dtype), shift.to(convolution.weight.dtype)


def _stages_of_cnn(model: Cnn) -> Stages:
    convolutions = []
    for block, layer in zip(model.convolutions, model.architecture["convolutions"]):
        if layer["batch_norm"]:
            kernel, bias = fold_batch_norm(block.convolution, block.norm)
        else:
            kernel, bias = block.convolution.weight, block.convolution.bias
        convolutions.append(
            ConvolutionStage(
                kernel,
                bias,
                block.activation,
                dilation=layer["dilation"],
                padding=same_padding(layer["width"], layer["dilation"])
                if model.padding == "same"
                else (0, 0),
                pool=layer["pool"],
            )
        )
    dense = [DenseStage(block.linear.weight, block.linear.bias, block.activation) for block in model.dense]
    dense.append(DenseStage(model.output.weight, model.output.bias))
    return Stages(tuple(convolutions), model.architecture["pooling"], tuple(dense))

"""Optimiser steps on the CPU: the same network laid out for speed, to the same numbers."""

import ctypes
import sys
from collections.abc import Callable

import torch

from seqaudit.models.cnn import Cnn
from seqaudit.training.layers import (
    Activation,
    Convolution,
    Dense,
    Dropout,
    MaxPool,
    Normalisation,
    Parameters,
    Pooling,
)
from seqaudit.training.steps import Steps

LANES = 8
"""Filters are padded to a multiple of this where that adds at most a tenth."""


class CpuSteps(Steps):
    """Adam on mean squared error plus an L1 penalty, for every :class:`Cnn` on the CPU.

    Faster than autograd on the model itself because of the layout of activations
    (``layers``), gradients written by hand, filters padded to fill vector registers (15
    become 16), and all weights in one vector, so that penalty, mask and Adam are one
    pass each. The mask keeps the gradients of padded weights at exactly zero: they stay
    zero and the real weights never notice.

    Parameters
    ----------
    model : Cnn
        Holds the trained weights after :meth:`weights`.
    l1 : float
        Weight of the sum of absolute values of ``model.penalised_kernels()``.
    learning_rate : float
    """

    def __init__(self, model: Cnn, *, l1: float, learning_rate: float):
        keep_freed_memory()
        self.model = model
        slots = _slots(model)
        size = sum(torch.Size(shape).numel() for shape, _ in slots.values())
        super().__init__(size, device="cpu", learning_rate=learning_rate)

        self._mask = torch.zeros(size)
        penalised = {id(kernel) for kernel in model.penalised_kernels()}
        masks, penalties = _carve(self._mask, slots), _carve(self._l1, slots)
        for name, parameter in model.named_parameters():
            real = slots[name][1]
            real(masks[name]).fill_(1)
            real(penalties[name]).fill_(l1 if id(parameter) in penalised else 0)

        weights = _carve(self._flat, slots)
        statistics = _padded_statistics(model)
        self._layers = _layers(model, weights, _carve(self._gradient, slots), statistics)
        self._real = {name: slots[name][1](weight) for name, weight in weights.items()}
        self._real |= {name: padded[: len(model.get_buffer(name))] for name, padded in statistics.items()}
        self.load_weights(model.state_dict())

    def prepare(self, one_hot: torch.Tensor) -> torch.Tensor:
        # the four letters of a position travel as one int32
        return one_hot.transpose(1, 2).contiguous().view(torch.int32)

    @torch.no_grad()
    def step(self, one_hot: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        residual = self._predict(one_hot, training=True) - target
        gradient = residual * (2 / residual.numel())
        for layer in reversed(self._layers):
            gradient = layer.backward(gradient)
        self._gradient.mul_(self._mask)
        self._move()
        return residual.square_().sum()

    @torch.no_grad()
    def weights(self) -> dict[str, torch.Tensor]:
        state = self.model.state_dict()
        for name, real in self._real.items():
            state[name].view(real.shape).copy_(real)
        return {name: tensor.clone() for name, tensor in state.items()}

    @torch.no_grad()
    def load_weights(self, weights: dict[str, torch.Tensor]) -> None:
        self.model.load_state_dict(weights)
        state = self.model.state_dict()
        for name, real in self._real.items():
            real.copy_(state[name].view(real.shape))

    def _predict(self, one_hot: torch.Tensor, *, training: bool) -> torch.Tensor:
        n, length, _ = one_hot.shape
        blocks = one_hot.view(-1, _block(n), length, 1).transpose(1, 2).contiguous()
        hidden = blocks.view(torch.int8).float().permute(0, 3, 1, 2)
        for layer in self._layers:
            hidden = layer.forward(hidden, training)
        return hidden


def _layers(model: Cnn, weights, gradients, statistics) -> list:
    """The model's layers in order, over padded weights, gradients and statistics."""

    def parameters(prefix: str) -> Parameters:
        names = f"{prefix}.weight", f"{prefix}.bias"
        return Parameters(*(tensors.get(name) for tensors in (weights, gradients) for name in names))

    architecture, layers = model.architecture, []
    for index, described in enumerate(architecture["convolutions"]):
        prefix, block = f"convolutions.{index}", model.convolutions[index]
        rectify = described["activation"] == "relu" and not described["batch_norm"]
        layers.append(
            Convolution(
                parameters(f"{prefix}.convolution"),
                padding=model.padding,
                dilation=described["dilation"],
                rectify=rectify,
                first=index == 0,
            )
        )
        if described["batch_norm"]:
            layers.append(
                Normalisation(
                    parameters(f"{prefix}.norm"),
                    mean=statistics[f"{prefix}.norm.running_mean"],
                    variance=statistics[f"{prefix}.norm.running_var"],
                    momentum=block.norm.momentum,
                    epsilon=block.norm.eps,
                )
            )
        if not rectify:
            layers.append(Activation(described["activation"], block.activation))
        if described["pool"] > 1:
            layers.append(MaxPool(described["pool"]))
        if described["dropout"]:
            layers.append(Dropout(described["dropout"]))
    layers.append(Pooling(architecture["pooling"]))
    for index in range(len(architecture["dense"])):
        layers.append(Dense(parameters(f"dense.{index}.linear"), rectify=True))
        if architecture["dense_dropout"]:
            layers.append(Dropout(architecture["dense_dropout"]))
    return [*layers, Dense(parameters("output"), rectify=False)]


_Slot = tuple[tuple[int, ...], Callable[[torch.Tensor], torch.Tensor]]


def _slots(model: Cnn) -> dict[str, _Slot]:
    """Of each parameter: its padded shape, and a function from padded values to the real ones.

    Four-dimensional shapes are of convolution kernels, stored channels-last.
    """
    slots: dict[str, _Slot] = {}
    channels = 4
    for index, layer in enumerate(model.architecture["convolutions"]):
        filters, prefix = layer["filters"], f"convolutions.{index}."
        shape = (_padded(filters), _padded(channels) if index else channels, layer["width"], 1)
        slots[prefix + "convolution.weight"] = (shape, _corner(filters, channels))
        for name in ("convolution.bias", "norm.weight", "norm.bias"):
            slots[prefix + name] = (shape[:1], _corner(filters))
        channels = filters
    for name, parameter in model.named_parameters():
        slots.setdefault(name, (tuple(parameter.shape), _corner()))
    first = ("dense.0.linear" if model.dense else "output") + ".weight"
    units, features = slots[first][0]
    positions = features // channels
    slots[first] = (
        (units, positions * _padded(channels)),
        # the model flattens channels before positions, channels-last is the other way round
        lambda weight: weight.view(units, positions, -1).transpose(1, 2)[:, :channels],
    )
    return {name: slots[name] for name, _ in model.named_parameters()}


def _corner(*sizes: int) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda padded: padded[tuple(slice(size) for size in sizes)]


def _carve(flat: torch.Tensor, slots: dict[str, _Slot]) -> dict[str, torch.Tensor]:
    """Views of a flat vector, one per parameter."""
    pieces = flat.split([torch.Size(shape).numel() for shape, _ in slots.values()])
    carved = {}
    for (name, (shape, _)), piece in zip(slots.items(), pieces):
        if len(shape) == 4:
            filters, channels, width, _ = shape
            carved[name] = piece.view(filters, width, 1, channels).permute(0, 3, 1, 2)
        else:
            carved[name] = piece.view(shape)
    return carved


def _block(n: int) -> int:
    """Sequences per block: a divisor of ``n`` near 50, or ``n`` where there is none."""
    best = max(size for size in range(1, 65) if n % size == 0)
    return best if best >= 16 else n


def _padded(filters: int) -> int:
    padded = -(-filters // LANES) * LANES
    return padded if padded - filters <= 0.1 * filters else filters


def _padded_statistics(model: Cnn) -> dict[str, torch.Tensor]:
    """Room for the running mean and variance of every batch normalisation."""
    return {
        name: torch.ones(_padded(len(buffer)))
        for name, buffer in model.named_buffers()
        if name.endswith(("running_mean", "running_var"))
    }


def keep_freed_memory() -> None:
    """Make the C library keep freed memory for the next batch, where it is glibc.

    Otherwise activations may go back to the system and return page by page, cleared, in
    every step, which can double the time of a small network. Holds for the whole process.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "gnu_get_libc_version"):
        trim_threshold, mmap_threshold = -1, -3
        libc.mallopt(trim_threshold, 2**31 - 1)
        libc.mallopt(mmap_threshold, 2**30)

"""From changed positions to changed outputs: pooling over positions, then dense layers."""

import math
from typing import NamedTuple

import torch
from torch.nn import functional

from seqaudit.models.stages import Stages
from seqaudit.probes.windows import Window, fill_outside_, window_views, with_margins


class KnownHead(NamedTuple):
    """Unmutated values: features, inputs of every activation, and for max pooling the
    positions with margins and the maxima before and from each position on."""

    features: torch.Tensor
    raw: list[torch.Tensor]
    positions: torch.Tensor | None = None
    before: torch.Tensor | None = None
    after: torch.Tensor | None = None


class Head:
    """Pooling and dense layers of a network, for changes.

    Parameters
    ----------
    stages : Stages
    positions, channels : int
        Positions and (filled up) channels after the last convolution.
    margin : int
        How far windows may reach beyond the sequence.
    device : torch.device
    """

    def __init__(self, stages: Stages, *, positions: int, channels: int, margin: int, device: torch.device):
        self.pooling, self.margin = stages.pooling, margin
        self.lowest, self.highest = stages.crop[0], positions - stages.crop[1]
        filters = len(stages.convolutions[-1].kernel)
        self.dense = []
        for index, dense in enumerate(stages.dense):
            weight = dense.weight.detach().to(device, torch.float32)
            bias = torch.zeros(len(weight)) if dense.bias is None else dense.bias.detach()
            if index == 0:
                surplus = channels - filters
                if self.pooling == "flatten":
                    # features by position, then channel, as the changes lie in memory
                    weight = weight.unflatten(1, (filters, self.highest - self.lowest)).transpose(1, 2)
                    weight = functional.pad(weight, (0, surplus)).flatten(1)
                else:
                    weight = functional.pad(weight, (0, surplus))
            self.dense.append((weight.t().contiguous(), bias.to(device, torch.float32), dense.activation))
        self.outputs = self.dense[-1][0].shape[1]
        if self.pooling == "flatten":
            by_position = self.dense[0][0].unflatten(0, (-1, channels)).flatten(1)
            self.by_position = functional.pad(
                by_position, (0, 0, margin + self.lowest, margin + positions - self.highest)
            ).contiguous()

    def remember(self, hidden: torch.Tensor) -> tuple[KnownHead, torch.Tensor]:
        """Keep what changes are compared with; returns predictions ``(n, outputs)`` as well.

        ``hidden`` are the unmutated values, ``(n, positions, channels)``.
        """
        kept = hidden[:, self.lowest : self.highest]
        maxima = {}
        if self.pooling == "average":
            features = kept.mean(1)
        elif self.pooling == "flatten":
            features = kept.flatten(1)
        else:
            features = kept.amax(1)
            nothing = torch.full_like(kept[:, :1], -math.inf)
            maxima = {
                "positions": with_margins(hidden, self.margin),
                "before": torch.cat([nothing, kept.cummax(1).values], 1),
                "after": torch.cat([kept.flip(1).cummax(1).values.flip(1), nothing], 1),
            }
        raw, values = [], features
        for weight, bias, activation in self.dense:
            values = torch.addmm(bias, values, weight)
            raw.append(values)
            if activation is not None:
                values = activation(values)
        return KnownHead(features, raw, **maxima), values

    def changes(self, change: torch.Tensor, window: Window, known: KnownHead) -> torch.Tensor:
        """``(groups, n, mutants, positions, channels)`` to ``(groups, n, mutants, outputs)``."""
        if self.pooling == "flatten":
            change = self._through_weights_by_position(change, window)
        else:
            change = self._pooled(change, window, known) @ self.dense[0][0]
        for index, (weight, _, activation) in enumerate(self.dense):
            if index:
                change = change @ weight
            if activation is not None:
                raw = known.raw[index][:, None]
                change = activation(raw + change) - activation(raw)
        return change

    def _pooled(self, change: torch.Tensor, window: Window, known: KnownHead) -> torch.Tensor:
        if self.pooling == "average":
            return change.sum(3) / (self.highest - self.lowest)
        groups = change.shape[0]
        values = change + window_views(known.positions, self.margin, window, groups)
        fill_outside_(values, -math.inf, window, lowest=self.lowest, highest=self.highest)
        starts = window.start + window.stride * torch.arange(groups) - self.lowest
        most = self.highest - self.lowest
        largest_before = known.before[:, starts.clamp(0, most)]
        largest_after = known.after[:, (starts + window.width).clamp(0, most)]
        elsewhere = torch.maximum(largest_before, largest_after).transpose(0, 1)[:, :, None]
        largest = elsewhere.expand(*change.shape[:3], -1)
        if window.width:
            largest = torch.maximum(largest, values.amax(3))
        return largest - known.features[:, None]

    def _through_weights_by_position(self, change: torch.Tensor, window: Window) -> torch.Tensor:
        groups, n, mutants, width, channels = change.shape
        units = self.dense[0][0].shape[1]
        weights = self.by_position.as_strided(
            (groups, width * channels, units),
            (window.stride * channels * units, units, 1),
            (self.margin + window.start) * channels * units,
        )
        rows = change.reshape(groups, n * mutants, width * channels)
        return torch.bmm(rows, weights).view(groups, n, mutants, units)

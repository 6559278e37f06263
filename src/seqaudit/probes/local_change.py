"""How a change of one base travels through a convolutional network, and nowhere else.

A changed base alters only the positions within reach of each convolution. What is carried
from stage to stage is therefore not a sequence but the *change* in a window around the
mutation: the convolution of a change is the change of the convolution, and an activation
needs the unmutated values beside it, which are computed once per sequence. That is
exact, and small effects are not lost in the rounding of large predictions.

Mutations at the positions of one *block* share a window, and several *groups*, one block
each, are computed together:

- Small windows (short inputs, few layers): many groups. Their windows have one width and
  start at regular distances, so the unmutated values are a strided view. What reaches
  beyond the sequence is set to zero.
- Large windows (dilation): one group, whose window is clipped to the sequence.

Changes are ``(groups, sequences, mutants, positions, channels)``, channels fastest.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from seqaudit.errors import SeqauditError
from seqaudit.models.stages import Stages
from seqaudit.probes.local_head import Head, KnownHead
from seqaudit.probes.windows import Window, fill_outside_, window_views, with_margins

CHANNEL_MULTIPLE = 8
"""Channels are filled up with zeros to a multiple of the vector width: exact, and faster."""
SHARING_POSITIONS = 8
"""Positions whose mutants share a window where windows are large."""
VALUES_PER_PASS = {"cpu": 800_000, "cuda": 64_000_000}
"""Values of a pass's largest tensor: what the caches of a core hold, or enough to fill a GPU."""


class _Convolution(NamedTuple):
    kernel: torch.Tensor  # (filters, channels, 1, width), channels-last
    bias: torch.Tensor
    activation: Callable[[torch.Tensor], torch.Tensor]
    rectify: bool
    dilation: int
    left: int
    right: int
    reach: int
    pool: int
    residual: bool


class _Known(NamedTuple):
    """Unmutated values of one stage, ``(n, margin + positions + margin, channels)``.

    ``raw`` and ``active`` are before and after the activation. For ReLU they hold
    ``max(-raw, 0)`` and ``-max(raw, 0)``, from which a change follows in two steps and
    without cancellation. ``whole`` includes the residual sum, ``pooled`` is after the max
    pooling; both only where there is one.
    """

    raw: torch.Tensor
    active: torch.Tensor
    whole: torch.Tensor | None
    pooled: torch.Tensor | None


class LocalNetwork:
    """Answers how a network's outputs change with every single base.

    Parameters
    ----------
    stages : Stages
        Weights are copied; the network they came from may go.
    length : int
        Sequence length, bp.
    device : torch.device
    """

    def __init__(self, stages: Stages, *, length: int, device: torch.device):
        self.length, self.device = length, device
        self.convolutions = _convolutions(stages, device)
        self.positions = [length]
        for stage in self.convolutions:
            after = self.positions[-1] + stage.left + stage.right - stage.reach
            self.positions.append(after // stage.pool)
        self.kept = (stages.crop[0], self.positions[-1] - stages.crop[1])
        if min(*self.positions, self.kept[1] - self.kept[0]) < 1:
            raise SeqauditError(
                f"one_hot: sequences of {length} bp are shorter than the network needs, its convolutions "
                f"leave {', '.join(map(str, self.positions[1:]))} positions. Use longer sequences."
            )
        self.block, self.together, self.sequences = self._plan()
        self.margins = [window.width for window, _ in self._windows(0, self.block, clip=False)]
        if self.together == 1:
            self.margins = [0] * len(self.margins)
        self.head = Head(
            stages,
            positions=self.positions[-1],
            channels=len(self.convolutions[-1].kernel),
            margin=self.margins[-1],
            device=device,
        )
        self.spread = _spread(self.convolutions[0])
        self._bordered: dict[tuple, torch.Tensor] = {}

    def changes(self, one_hot: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Predictions of sequences, and by how much each mutant's differs.

        Parameters
        ----------
        one_hot : tensor, shape (n, 4, L)

        Returns
        -------
        reference : tensor, shape (n, outputs), float32, CPU
        changes : tensor, shape (n, L, 3, outputs), float32, CPU
            Alternatives in the order A, C, G, T without the reference (C, G, T at an N).
        """
        reference = torch.empty(len(one_hot), self.head.outputs)
        changes = torch.empty(len(one_hot), self.length, 3, self.head.outputs)
        passes = -(-len(one_hot) // self.sequences)
        for part in range(passes):
            rows = slice(part * len(one_hot) // passes, (part + 1) * len(one_hot) // passes)
            sequences = one_hot[rows].to(self.device, torch.float32)
            known, known_head, predictions = self._remember(sequences)
            reference[rows] = predictions.cpu()
            bases = _base_changes(sequences)
            start = 0
            while start < self.length:
                blocks = (self.length - start) // self.block
                groups, block = (
                    (min(self.together, blocks), self.block) if blocks else (1, self.length - start)
                )
                stop = start + groups * block
                changed = self._pass(bases[:, start:stop], start, groups, known, known_head)
                # (groups, n, block * 3, outputs) to (n, positions, 3, outputs)
                changed = changed.unflatten(2, (block, 3)).transpose(0, 1).flatten(1, 2)
                changes[rows, start:stop] = changed.cpu()
                start = stop
        return reference, changes

    def _plan(self) -> tuple[int, int, int]:
        """Positions per block, and how many blocks and sequences are computed together."""
        # windows start at regular distances only if every pooling divides the block
        block = math.prod(stage.pool for stage in self.convolutions)
        windows = [pooled for _, pooled in self._windows(0, block, clip=False)]
        small = all(2 * window.width <= positions for window, positions in zip(windows, self.positions[1:]))
        if not small:
            block = SHARING_POSITIONS
        values = max(
            min(window.width, positions * stage.pool) * len(stage.kernel)
            for (window, _), stage, positions in zip(
                self._windows(0, block, clip=False), self.convolutions, self.positions[1:]
            )
        )
        budget = max(1, VALUES_PER_PASS[self.device.type] // (3 * block * values))
        together = min(budget, -(-self.length // block)) if small else 1
        return block, together, max(1, budget // together)

    def _windows(self, start: int, block: int, *, clip: bool) -> list[tuple[Window, Window]]:
        """Changed positions of every stage before and after its pooling, for a block at ``start``."""
        windows, low, high, stride = [], start, start + block, block
        for index, stage in enumerate(self.convolutions, start=1):
            low, high = (low + stage.left - stage.reach) // stage.pool, -(-(high + stage.left) // stage.pool)
            if clip:
                last = index == len(self.convolutions)
                lowest, highest = self.kept if last else (0, self.positions[index])
                low = min(max(low, lowest), highest)
                high = max(min(high, highest), low)
            after = stride // stage.pool
            before = Window(low * stage.pool, (high - low) * stage.pool, stride)
            windows.append((before, Window(low, high - low, after)))
            stride = after
        return windows

    def _remember(self, sequences: torch.Tensor) -> tuple[list[_Known], KnownHead, torch.Tensor]:
        """All values of the unmutated sequences that changes are compared with."""
        hidden, known = sequences.transpose(1, 2).contiguous(), []
        for stage, margin in zip(self.convolutions, self.margins):
            raw = _convolve(functional.pad(hidden, (0, 0, stage.left, stage.right)), stage) + stage.bias
            active = stage.activation(raw)
            whole = active
            if stage.residual:
                # the middle of the input, where the convolution shortens it
                shift = stage.reach // 2 - stage.left
                whole = active + hidden[:, shift : shift + raw.shape[1]]
            hidden, pooled = whole, None
            if stage.pool > 1:
                hidden = pooled = functional.max_pool1d(whole.transpose(1, 2), stage.pool).transpose(1, 2)
            if stage.rectify:
                raw, active = torch.relu(-raw), -active
            known.append(
                _Known(
                    with_margins(raw, margin),
                    with_margins(active, margin),
                    None if pooled is None else with_margins(whole, margin),
                    None if pooled is None else with_margins(pooled, margin),
                )
            )
        return known, *self.head.remember(hidden)

    def _pass(
        self, bases: torch.Tensor, start: int, groups: int, known: list[_Known], known_head: KnownHead
    ) -> torch.Tensor:
        """Changes of the outputs, ``(groups, n, mutants, outputs)``, for consecutive positions."""
        block = bases.shape[1] // groups
        windows = self._windows(start, block, clip=groups == 1)
        if any(pooled.width == 0 for _, pooled in windows):
            return bases.new_zeros(groups, len(bases), 3 * block, self.head.outputs)
        change, previous = None, Window(start, block, block)
        for index, (stage, values, margin) in enumerate(zip(self.convolutions, known, self.margins)):
            window, pooled = windows[index]
            if index == 0:
                raw = self._first_change(bases, groups, start, window)
            else:
                raw = self._change_of_convolution(index, change, previous, window)
            before = change
            change = _change_of_activation(
                raw,
                stage,
                window_views(values.raw, margin, window, groups),
                window_views(values.active, margin, window, groups),
            )
            if stage.residual:
                _add_residual_(change, before, stage.reach // 2 - stage.left, previous, window)
            if stage.pool > 1:
                whole = change + window_views(values.whole, margin, window, groups)
                largest = whole.unflatten(3, (pooled.width, stage.pool)).amax(4)
                change = largest - window_views(values.pooled, margin, pooled, groups)
            last = index == len(self.convolutions) - 1
            lowest, highest = self.kept if last else (0, self.positions[index + 1])
            fill_outside_(change, 0.0, pooled, lowest=lowest, highest=highest)
            previous = pooled
        return self.head.changes(change, previous, known_head)

    def _first_change(self, bases: torch.Tensor, groups: int, start: int, window: Window) -> torch.Tensor:
        """Change of the first convolution: each mutated base spreads over the positions it reaches."""
        stage = self.convolutions[0]
        n, channels, span = len(bases), len(stage.kernel), stage.reach + 1
        by_group = bases.unflatten(1, (groups, -1)).transpose(0, 1)
        block = by_group.shape[2]
        spread = (by_group.reshape(-1, 4) @ self.spread).view(groups, n, block, 3, span, channels)
        lowest = start + stage.left - stage.reach - window.start
        if (block, lowest, window.width) == (1, 0, span):
            return spread.flatten(2, 3)
        change = spread.new_zeros(groups, n, block, 3, window.width, channels)
        for offset in range(block):
            first = lowest + offset
            low, high = max(first, 0), min(first + span, window.width)
            if low < high:
                change[:, :, offset, :, low:high] = spread[:, :, offset, :, low - first : high - first]
        return change.flatten(2, 3)

    def _change_of_convolution(
        self, index: int, change: torch.Tensor, previous: Window, window: Window
    ) -> torch.Tensor:
        """Change of a convolution in ``window``; outside ``previous`` its input does not change."""
        stage = self.convolutions[index]
        left = previous.start + stage.left - window.start
        right = window.width + stage.reach - left - previous.width
        if stage.dilation > 1 or len(change) == 1:
            # zeros that the convolution itself provides are skipped: most of them, where taps lie far apart
            padding = max(left, right, 0)
            return _convolve(change, stage, padding)[..., padding - left :, :][..., : window.width, :]
        # convolving zeros is faster than minding the ends; only the middle is ever written
        key = (index, change.shape)
        if key not in self._bordered:
            self._bordered[key] = functional.pad(change, (0, 0, left, right))
        bordered = self._bordered[key]
        bordered[..., left : left + previous.width, :] = change
        return _convolve(bordered, stage)


def alternative_bases(one_hot: torch.Tensor) -> torch.Tensor:
    """Codes of the three other bases, rising, ``(n, L, 3)``; C, G and T at an N."""
    order = torch.arange(3, device=one_hot.device)
    return order + (order >= one_hot.argmax(1)[:, :, None])


def _base_changes(sequences: torch.Tensor) -> torch.Tensor:
    """One-hot columns of mutants minus those of sequences, ``(n, L, 3, 4)``."""
    mutants = functional.one_hot(alternative_bases(sequences), 4)
    return mutants - sequences.transpose(1, 2)[:, :, None]


def _convolutions(stages: Stages, device: torch.device) -> list[_Convolution]:
    prepared, channels = [], 4
    for stage in stages.convolutions:
        filters, _, width = stage.kernel.shape
        filled = -(-filters // CHANNEL_MULTIPLE) * CHANNEL_MULTIPLE
        kernel = torch.zeros(filled, channels, 1, width)
        kernel[:filters, : stage.kernel.shape[1], 0] = stage.kernel.detach()
        bias = torch.zeros(filled)
        if stage.bias is not None:
            bias[:filters] = stage.bias.detach()
        prepared.append(
            _Convolution(
                kernel.to(device).contiguous(memory_format=torch.channels_last),
                bias.to(device),
                stage.activation,
                rectify=isinstance(stage.activation, nn.ReLU) or stage.activation is torch.relu,
                dilation=stage.dilation,
                left=stage.padding[0],
                right=stage.padding[1],
                reach=(width - 1) * stage.dilation,
                pool=stage.pool,
                residual=stage.residual,
            )
        )
        channels = filled
    return prepared


def _spread(stage: _Convolution) -> torch.Tensor:
    """Matrix from a base to all positions that it reaches, ``(4, (reach + 1) * channels)``."""
    spread = stage.kernel.new_zeros(4, stage.reach + 1, len(stage.kernel))
    spread[:, :: stage.dilation] = stage.kernel[:, :, 0].permute(1, 2, 0)
    return spread.flip(1).flatten(1)


def _convolve(values: torch.Tensor, stage: _Convolution, padding: int = 0) -> torch.Tensor:
    """Convolve ``(..., positions, channels)`` without bias."""
    rows = values.reshape(-1, 1, *values.shape[-2:]).permute(0, 3, 1, 2)
    result = functional.conv2d(rows, stage.kernel, padding=(0, padding), dilation=(1, stage.dilation))
    return result.permute(0, 2, 3, 1).reshape(*values.shape[:-2], -1, len(stage.kernel))


def _change_of_activation(
    raw_change: torch.Tensor, stage: _Convolution, raw: torch.Tensor, active: torch.Tensor
) -> torch.Tensor:
    if stage.rectify:
        # max(raw + change, 0) - max(raw, 0), by sign of raw; see _Known
        return torch.maximum(raw_change.sub_(raw), active, out=raw_change)
    return stage.activation(raw_change.add_(raw)).sub_(active)


def _add_residual_(
    change: torch.Tensor, of_input: torch.Tensor, shift: int, previous: Window, window: Window
) -> None:
    """Add the change of a stage's input, whose position ``p + shift`` belongs to position ``p``."""
    low = max(window.start + shift, previous.start)
    high = min(window.start + shift + window.width, previous.start + previous.width)
    if low < high:
        target = slice(low - window.start - shift, high - window.start - shift)
        change[..., target, :] += of_input[..., low - previous.start : high - previous.start, :]

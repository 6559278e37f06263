"""Regularly placed windows over positions: where a change can be, and views of values there."""

from functools import lru_cache
from typing import NamedTuple

import torch
from torch.nn import functional


class Window(NamedTuple):
    """Positions ``[start + g * stride, start + g * stride + width)`` of group ``g`` = 0, 1, ..."""

    start: int
    width: int
    stride: int


def with_margins(values: torch.Tensor, margin: int) -> torch.Tensor:
    """``(n, positions, channels)`` with ``margin`` zeros before the first and after the last position."""
    return functional.pad(values, (0, 0, margin, margin)).contiguous()


def window_views(values: torch.Tensor, margin: int, window: Window, groups: int) -> torch.Tensor:
    """Values of every sequence in every group's window, without a copy.

    Parameters
    ----------
    values : tensor, shape (n, margin + positions + margin, channels)
        From :func:`with_margins`; windows count positions from behind the margin.

    Returns
    -------
    tensor, shape (groups, n, 1, width, channels)
        Only to be read.
    """
    n, rows, channels = values.shape
    size = (groups, n, 1, window.width, channels)
    steps = (window.stride * channels, rows * channels, 0, channels, 1)
    return values.as_strided(size, steps, (margin + window.start) * channels)


def fill_outside_(
    values: torch.Tensor, filling: float, window: Window, *, lowest: int, highest: int
) -> torch.Tensor:
    """Overwrite positions below ``lowest`` or from ``highest`` on, which do not exist.

    ``values`` are ``(groups, n, mutants, width, channels)``. Only groups whose window
    reaches outside are touched: with small windows, a few at either end.
    """
    for groups, outside in _outside(len(values), window, lowest, highest):
        values[groups].masked_fill_(outside.to(values.device), filling)
    return values


@lru_cache(maxsize=1024)
def _outside(groups: int, window: Window, lowest: int, highest: int) -> list[tuple[slice, torch.Tensor]]:
    """Groups whose window reaches outside, and where: ``(groups, 1, 1, width, 1)``."""
    if window.start >= lowest and window.start + (groups - 1) * window.stride + window.width <= highest:
        return []
    starts = window.start + window.stride * torch.arange(groups)
    positions = starts[:, None] + torch.arange(window.width)
    outside = (positions < lowest) | (positions >= highest)
    inside = torch.nonzero(~outside.any(1))[:, 0].tolist()
    ends = [slice(0, inside[0]), slice(inside[-1] + 1, groups)] if inside else [slice(0, groups)]
    return [(end, outside[end, None, None, :, None]) for end in ends if end.start < end.stop]

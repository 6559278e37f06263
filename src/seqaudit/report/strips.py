"""Evidence strips: one row per line of evidence, drawn as a dot with its interval or as a bar of votes.

Positions are percentages of the width of a row, so that the drawing needs no script and
grows with the page.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import pandas as pd

_MARGIN = 4.0
"""Percent of the width that stay free on either side."""


class Mark(NamedTuple):
    """A dot with intervals, in percent of the width; None where there is none.

    ``low`` to ``high`` is the interval, ``far_low`` to ``far_high`` a wider one behind it;
    ``zero`` the value of no effect, ``one`` another line to compare with, ``truth`` the true value.
    """

    dot: float | None
    low: float | None = None
    high: float | None = None
    far_low: float | None = None
    far_high: float | None = None
    zero: float | None = None
    one: float | None = None
    truth: float | None = None


class Share(NamedTuple):
    """A part of a bar: from ``start``, ``width`` wide, in percent. ``kind`` as of a badge."""

    start: float
    width: float
    kind: str


class StripRow(NamedTuple):
    """One line of evidence.

    Attributes
    ----------
    label : str
        Its name.
    value : str
        Numbers, as text beside the drawing.
    kind : str
        What it says: yes, no, maybe, none; ``plain`` for what says nothing for or against.
    says : str
        The same in a word or two.
    detail : str
        A p-value or the like, in its own place.
    mark : Mark, optional
    shares : sequence of Share
    spoken : str
        The drawing in words.
    help : str
        What the line of evidence is.
    """

    label: str
    value: str
    kind: str
    says: str
    detail: str = ""
    mark: Mark | None = None
    shares: Sequence[Share] = ()
    spoken: str = ""
    help: str = ""


class Axis(NamedTuple):
    """Values that all rows of one line of evidence share, so that questions can be compared."""

    low: float
    high: float

    def place(self, value: float | None) -> float | None:
        """Percent of the width at which a value lies; None for a missing one."""
        if value is None or pd.isna(value):
            return None
        inside = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(_MARGIN + (100 - 2 * _MARGIN) * inside, 2)


def axis_over(values: Iterable[float], *, always: Sequence[float] = (0.0,)) -> Axis:
    """An axis over all values that are there, and over ``always``."""
    found = [float(value) for value in values if value is not None and not pd.isna(value)]
    low, high = min([*found, *always]), max([*found, *always])
    if low == high:
        return Axis(low - 1.0, high + 1.0)
    return Axis(low, high)


def votes(parts: Sequence[tuple[int, str]]) -> list[Share]:
    """A bar of how many say what: pairs of a count and a kind."""
    total = sum(count for count, _ in parts)
    shares, start = [], 0.0
    for count, kind in parts:
        if count:
            width = 100 * count / total
            shares.append(Share(round(start, 2), round(width, 2), kind))
            start += width
    return shares

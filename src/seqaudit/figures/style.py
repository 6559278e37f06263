"""The house style of every figure: sizes, colours, markers, number formats and saving.

Colours are Okabe and Ito's, which readers with any colour vision tell apart. Significance
is shown twice, by colour and by filling, so that figures also survive a black-and-white
printer. Fonts are those that matplotlib brings along: the same tables give the same bytes
on every machine.
"""

import functools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from seqaudit.data.tables import atomic_path
from seqaudit.figures.captions import power_of_ten

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILLION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
GREY, LIGHT_GREY, PALE_GREY = "#6B6B6B", "#BDBDBD", "#EFEFEF"

SIGNIFICANT, NOT_SIGNIFICANT = VERMILLION, BLUE
CYCLE = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION, GREY, BLACK)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p", "<", ">")
"""One marker per architecture, in the order of their names."""

WIDTH = 7.2
"""Width of a full figure, in inches: two columns of a journal (183 mm)."""
RASTER_ABOVE = 2_000
"""A layer with more points than this is stored as pixels, axes and text stay vector."""
DPI = 300
_SIDE_LEGEND = 24
"""Longest label, in letters, of a legend beside a panel."""

_RC = {
    "font.family": ["DejaVu Sans", "sans-serif"],
    "font.sans-serif": ["Arial", "Helvetica", "DejaVu Sans"],
    "font.size": 7.5,
    "axes.titlesize": 8,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 7.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "legend.handletextpad": 0.4,
    "legend.borderaxespad": 0.2,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#333333",
    "axes.labelcolor": "#111111",
    "axes.axisbelow": True,
    "xtick.color": "#333333",
    "ytick.color": "#333333",
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.0,
    "lines.markersize": 4,
    "patch.linewidth": 0.6,
    "text.parse_math": False,  # a motif may be called $x$
    "svg.fonttype": "none",  # text stays text: searchable, editable
    "svg.hashsalt": "seqaudit",
    "savefig.dpi": DPI,
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}


class Drawn(NamedTuple):
    """A figure with the caption that makes it readable on its own.

    ``why_missing`` is empty, or says why there was nothing to draw.
    """

    figure: Figure
    caption: str
    why_missing: str = ""


def house_style():
    """Context in which new artists follow the house style."""
    return matplotlib.rc_context(_RC)


def in_house_style(draw):
    """Decorator of figure functions: draw in the house style, leave matplotlib as it was."""

    @functools.wraps(draw)
    def styled(*args, **kwargs):
        with house_style():
            return draw(*args, **kwargs)

    return styled


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure as SVG or PNG (by suffix), the same bytes every time, all or nothing."""
    path = Path(path)
    kind = path.suffix.removeprefix(".").lower()
    assert kind in ("svg", "png"), path
    metadata = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
    with house_style(), atomic_path(path) as unfinished:
        figure.savefig(unfinished, format=kind, metadata=metadata)


@in_house_style
def unavailable(why: str) -> Drawn:
    """An honest panel for a figure that these data cannot give."""
    figure = Figure(figsize=(WIDTH / 2, 1.1), layout="constrained")
    say_missing(figure.subplots(), why)
    return Drawn(figure, f"Not available: {why}", why)


def say_missing(axes: Axes, why: str) -> None:
    """Turn one panel into a note that says why it is empty."""
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(visible=True, color=LIGHT_GREY, linestyle=(0, (4, 3)))
    axes.text(
        0.5, 0.5, f"not available:\n{wrapped(why, 44)}", ha="center", va="center", color=GREY,
        transform=axes.transAxes,
    )  # fmt: skip


def panels(
    n: int, *, columns: int = 3, width: float = WIDTH, height: float = 2.3, **subplot_options
) -> tuple[Figure, list[Axes]]:
    """A figure with a grid of ``n`` panels of one size, row by row.

    A single panel does not stretch over the whole page: it leaves the right for a legend.
    """
    columns = max(1, min(n, columns))
    rows = math.ceil(n / columns)
    share = 0.72 if columns == 1 else 1.0
    figure = Figure(figsize=(width * share, height * rows + 0.25), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.06, h_pad=0.06)
    grid = figure.subplots(rows, columns, squeeze=False, **subplot_options).ravel()
    for axes in grid[n:]:
        axes.remove()
    return figure, list(grid[:n])


def panels_for(n: int, *, height: float) -> tuple[Figure, list[Axes]]:
    """``panels`` for one panel per motif pair: two in a row, three if there are many."""
    return panels(n, columns=2 if n <= 4 else 3, height=height if n <= 4 else 0.85 * height)


def panel_title(axes: Axes, title: str, *lines: str) -> None:
    """A bold title, and below it what the panel's numbers say, clear of the data."""
    axes.set_title(title, pad=4 + 9.5 * len(lines))
    for i, line in enumerate(reversed(lines)):
        axes.annotate(
            line, (0, 1), (0, 3 + 9.5 * i), xycoords="axes fraction", textcoords="offset points",
            fontsize=7, color="#333333", annotation_clip=False,
        )  # fmt: skip


def shared_legend(figure: Figure, handles: Sequence, *, columns: int | None = None) -> None:
    """One legend for all panels: below them, or at the right of a single panel."""
    handles = list(handles)
    widest = max(len(handle.get_label()) for handle in handles)
    if len(figure.axes) == 1 and columns is None and widest <= _SIDE_LEGEND:
        figure.legend(handles=handles, loc="outside right upper")
        return
    if columns is None:
        room = figure.get_figwidth() / 0.062  # letters of the legend's size
        rows = math.ceil(len(handles) / np.clip(room // (widest + 6), 1, len(handles)))
        columns = math.ceil(len(handles) / rows)
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, columnspacing=1.4)


def markers_of(architectures) -> dict[str, str]:
    """Marker of every architecture; more than ten share them again from the start."""
    names = sorted(set(architectures))
    return {name: MARKERS[i % len(MARKERS)] for i, name in enumerate(names)}


def scatter_models(
    axes: Axes, table, x: str, y: str, *, significant, markers: dict[str, str], size: float = 20
) -> None:
    """One point per model: marker by architecture, filled vermillion where ``significant``.

    Rows without a value for x or y are left out. ``significant`` is a boolean per row.
    """
    significant = np.asarray(significant, dtype=bool)
    for arch, marker in markers.items():
        for hit in (False, True):
            rows = table[(table["arch"] == arch).to_numpy() & (significant == hit)].dropna(subset=[x, y])
            if rows.empty:
                continue
            axes.scatter(
                rows[x],
                rows[y],
                s=size,
                marker=marker,
                facecolor=SIGNIFICANT if hit else "white",
                edgecolor=SIGNIFICANT if hit else NOT_SIGNIFICANT,
                linewidth=0.8,
                alpha=0.9,
                zorder=4 if hit else 3,
                label=f"{arch}, {'significant' if hit else 'not significant'}",
            )


def model_legend(markers: dict[str, str], *, yes: str, no: str) -> list[Line2D]:
    """Legend entries for ``scatter_models``: what filling and colour mean, then markers."""
    entries = [
        Line2D([], [], ls="", marker="o", mfc=SIGNIFICANT, mec=SIGNIFICANT, label=yes),
        Line2D([], [], ls="", marker="o", mfc="white", mec=NOT_SIGNIFICANT, label=no),
    ]
    if len(markers) > 1:
        entries += [
            Line2D([], [], ls="", marker=marker, mfc="white", mec=GREY, label=arch)
            for arch, marker in markers.items()
        ]
    return entries


def diagonal(axes: Axes, label: str | None = None) -> None:
    """Dotted line x = y across whatever the axes show; limits stay as they are."""
    axes.axline((0, 0), slope=1, color=GREY, lw=0.8, ls=":", zorder=1, label=label)


def zero_lines(axes: Axes, *, x: bool = True, y: bool = True) -> None:
    """Dashed lines through the origin."""
    if x:
        axes.axvline(0, color=LIGHT_GREY, lw=0.8, ls="--", zorder=1)
    if y:
        axes.axhline(0, color=LIGHT_GREY, lw=0.8, ls="--", zorder=1)


def log_axis(axis) -> None:
    """Label the decades of a logarithmic axis with real superscripts, without mathtext."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: power_of_ten(value)))
    axis.set_minor_formatter(NullFormatter())


def whole_numbers(axis) -> None:
    """Ticks at whole numbers only."""
    axis.set_major_locator(MaxNLocator(integer=True, nbins=5))


def wrapped(text: str, width: int) -> str:
    """Break a sentence into lines of at most about ``width`` letters."""
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return "\n".join([*lines, line])


def as_pixels(n_points: int) -> dict[str, bool]:
    """Keyword of a layer with ``n_points`` points: pixels when there are many."""
    return {"rasterized": n_points > RASTER_ABOVE}

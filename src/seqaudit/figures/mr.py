"""The four plots that people who do Mendelian randomization look at, as TwoSampleMR draws them.

Effects and estimates come from tables (``inference.mr_tables``); instruments are coded so
that the exposure effect is positive. Every figure is of one locus, exposure and outcome.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from seqaudit.figures.captions import counted, sentences
from seqaudit.figures.style import (
    BLACK,
    CYCLE,
    GREY,
    LIGHT_GREY,
    VERMILLION,
    Drawn,
    as_pixels,
    in_house_style,
    unavailable,
    wrapped,
)
from seqaudit.inference.mr import methods

_DASHES = ("-", (0, (6, 2)), (0, (4, 1.5, 1, 1.5)), (0, (1.5, 1.2)))
_NAMED_ROWS = 60  # more rows than this are too dense for their names
_BEYOND = "Arrowheads: beyond the axis, which leaves out very imprecise instruments."
_FEW_METHODS = 8  # up to here methods have colours of their own and their long names


def draw_all(
    effects: pd.DataFrame,
    estimates: pd.DataFrame,
    *,
    single: pd.DataFrame,
    left_out: pd.DataFrame,
    everything: pd.DataFrame,
) -> dict[str, Drawn]:
    """All four plots of one group, by name.

    Parameters
    ----------
    effects : pandas.DataFrame
        ``mr_effects`` rows of one group.
    estimates : pandas.DataFrame
        ``mr_estimates`` rows of the same group.
    single, left_out : pandas.DataFrame
        ``single_instrument_table`` and ``leave_one_out_table`` of ``effects``.
    everything : pandas.DataFrame
        ``mr_estimates`` row of the method that ``left_out`` was made with.
    """
    return {
        "scatter": scatter(effects, estimates),
        "forest": forest(single, estimates),
        "funnel": funnel(single, estimates),
        "leave_one_out": leave_one_out(left_out, everything),
    }


@in_house_style
def scatter(effects: pd.DataFrame, estimates: pd.DataFrame) -> Drawn:
    """Outcome against exposure effects with one fitted line per method."""
    figure = Figure(figsize=_size(4.0, estimates), layout="constrained")
    axes = figure.subplots()
    sign = np.where(effects["beta_exposure"] < 0, -1, 1)
    x, y = sign * effects["beta_exposure"], sign * effects["beta_outcome"]
    axes.errorbar(
        x, y, xerr=effects["se_exposure"], yerr=effects["se_outcome"],
        fmt="none", ecolor=LIGHT_GREY, elinewidth=0.7, zorder=2, **as_pixels(len(x)),
    )  # fmt: skip
    axes.scatter(x, y, s=13, color=BLACK, edgecolor="white", linewidth=0.3, zorder=4, **as_pixels(len(x)))
    axes.axhline(0, color=GREY, lw=0.5, zorder=1)
    right = float((x + effects["se_exposure"]).max()) * 1.05
    limits = axes.get_ylim()
    handles = []
    for row, look in _with_lines(estimates):
        intercept = 0.0 if np.isnan(row.egger_intercept) else row.egger_intercept
        axes.plot([0, right], [intercept, intercept + row.b * right], **look)
        handles.append(Line2D([], [], label=_label(row.method), **look))
    axes.set(
        xlim=(0, right),
        ylim=limits,
        xlabel=f"Effect of the instrument on {_name(effects, 'exposure')}",
        ylabel=f"Effect of the instrument on {_name(effects, 'outcome')}",
    )
    _legend(figure, handles)
    caption = sentences(
        f"{_title(effects)}: {counted(len(effects), 'instrument')}, coded so that their effect on the",
        "exposure is positive. Bars: one standard error. The slope of a line is the causal effect by that",
        "method; a line that misses the origin has the intercept of MR Egger, the mean direct effect on the",
        "outcome.",
    )
    return Drawn(figure, caption)


@in_house_style
def forest(single: pd.DataFrame, estimates: pd.DataFrame) -> Drawn:
    """Ratio estimate of every instrument, sorted, and below them the pooled estimates."""
    single = single.dropna(subset=["b", "se"]).sort_values("b", kind="stable")
    if single.empty:
        return unavailable("no instrument has a ratio estimate.")
    figure = _interval_rows(single, _estimated(estimates), f"Causal effect of {_title(single, ' on ')}")
    caption = sentences(
        f"{_title(single)}: ratio estimate of {counted(len(single), 'instrument')} (black, sorted) and",
        f"estimates from all of them by method (red). Bars: 95 % intervals. {_BEYOND}",
    )
    return Drawn(figure, caption)


@in_house_style
def leave_one_out(left_out: pd.DataFrame, everything: pd.DataFrame) -> Drawn:
    """Estimate without each instrument, and with all of them."""
    left_out = left_out.dropna(subset=["b", "se"]).sort_values("b", kind="stable")
    if left_out.empty:
        return unavailable("leaving one out needs at least two instruments.")
    figure = _interval_rows(
        left_out,
        _estimated(everything),
        f"Causal effect of {_title(left_out, ' on ')} without the instrument",
    )
    for row in _estimated(everything):
        figure.axes[0].axvline(row.b, color=VERMILLION, lw=0.6, ls=":", zorder=1)
    caption = sentences(
        f"{_title(left_out)}: {', '.join(map(_label, everything['method']))}, estimate from all instruments",
        "but the one named (black, sorted) and from all (red). Bars: 95 % intervals. A row that stands out",
        "marks an instrument that carries the result.",
    )
    return Drawn(figure, caption)


@in_house_style
def funnel(single: pd.DataFrame, estimates: pd.DataFrame) -> Drawn:
    """Precision against ratio estimate: asymmetry shows directional pleiotropy."""
    single = single.dropna(subset=["b", "se"])
    if single.empty:
        return unavailable("no instrument has a ratio estimate.")
    figure = Figure(figsize=_size(3.8, estimates), layout="constrained")
    axes = figure.subplots()
    limits = _axis_range(single, ["b", "b"], _estimated(estimates))
    precision, inside = 1 / single["se"], single["b"].between(*limits)
    axes.scatter(
        single["b"][inside], precision[inside], s=13, color=BLACK, edgecolor="white", linewidth=0.3, zorder=4,
        **as_pixels(len(single)),
    )  # fmt: skip
    for beyond, edge, marker in (
        (single["b"] < limits[0], limits[0], "<"),
        (single["b"] > limits[1], limits[1], ">"),
    ):
        axes.scatter(
            np.full(beyond.sum(), edge), precision[beyond], s=16, marker=marker, color=GREY, linewidth=0,
            clip_on=False, zorder=4,
        )  # fmt: skip
    axes.axvline(0, color=GREY, lw=0.5, zorder=1)
    handles = []
    for row, look in _with_lines(estimates):
        axes.axvline(row.b, **look)
        handles.append(Line2D([], [], label=_label(row.method), **look))
    axes.set_ylim(bottom=0)
    axes.set(xlim=limits, xlabel="Ratio estimate of the instrument", ylabel="Precision, 1 / standard error")
    _legend(figure, handles)
    caption = sentences(
        f"{_title(single)}: {counted(len(single), 'instrument')}, one point each. Vertical lines: estimates",
        "by method. Without directional pleiotropy the points scatter evenly around the lines, more narrowly",
        f"towards the top. {_BEYOND}",
    )
    return Drawn(figure, caption)


def _interval_rows(rows: pd.DataFrame, highlighted: Sequence, xlabel: str) -> Figure:
    """Estimates with intervals, one per line, highlighted ones below a gap."""
    named = len(rows) <= _NAMED_ROWS
    few = len(highlighted) <= _FEW_METHODS
    pitch, pooled_pitch = 0.135 if named else 6.6 / len(rows), 0.27 if few else 0.155  # inches
    height = 0.8 + pitch * len(rows) + pooled_pitch * (len(highlighted) + 0.5)
    figure = Figure(figsize=(4.6, height), layout="constrained")
    axes = figure.subplots()
    step = pooled_pitch / pitch  # highlighted rows keep their height however dense the others are
    heights = (len(highlighted) + 0.2) * step + np.arange(len(rows))
    limits = _axis_range(rows, ["ci_low", "ci_high"], highlighted)
    size = {"lw": 0.8, "s": 9} if named else {"lw": 0.4, "s": 2}
    _intervals(axes, rows["b"], rows["ci_low"], rows["ci_high"], heights, limits, color=BLACK, **size)
    labels = dict(zip(heights, rows["instrument"])) if named else {}
    for place, row in enumerate(reversed(highlighted)):
        fields = (np.array([value]) for value in (row.b, row.ci_low, row.ci_high, place * step))
        _intervals(axes, *fields, limits, color=VERMILLION, lw=1.6, s=20)
        labels[place * step] = wrapped(_label(row.method), 27) if few else row.method
    if highlighted:
        axes.axhline((len(highlighted) - 0.4) * step, color=LIGHT_GREY, lw=0.6, zorder=0)
    axes.axvline(0, color=GREY, lw=0.6, ls=(0, (4, 3)), zorder=1)
    axes.set_yticks(list(labels), list(labels.values()))
    for tick in axes.get_yticklabels()[len(rows) if named else 0 :]:
        tick.set(color=VERMILLION, fontweight="bold", linespacing=0.95)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set(xlim=limits, ylim=(-0.7 * step, heights[-1] + 0.8), xlabel=wrapped(xlabel, 46))
    if not named:
        axes.text(
            -0.02, heights.mean(), f"{len(rows)} instruments, sorted", rotation=90, ha="right", va="center",
            transform=axes.get_yaxis_transform(),
        )  # fmt: skip
    return figure


def _axis_range(rows: pd.DataFrame, columns: list[str], pooled: Sequence) -> tuple[float, float]:
    """Limits that hold 0, the pooled estimates, and the rows that are not very imprecise.

    One instrument with almost no effect on the exposure has an interval that would flatten
    all others.
    """
    precise = rows[rows["se"] <= 4 * rows["se"].median()]
    values = [0.0, *precise[columns].to_numpy().ravel()]
    values += [value for row in pooled for value in (row.ci_low, row.ci_high) if np.isfinite(value)]
    margin = 0.04 * (max(values) - min(values))
    return min(values) - margin, max(values) + margin


def _intervals(axes, b, low, high, heights, limits, *, color, lw, s) -> None:
    """Points with intervals; what reaches beyond the limits ends in an arrowhead."""
    b, low, high = (np.asarray(values, dtype=float) for values in (b, low, high))
    axes.hlines(heights, low.clip(*limits), high.clip(*limits), color=color, lw=lw, zorder=2)
    inside = (b >= limits[0]) & (b <= limits[1])
    axes.scatter(b[inside], heights[inside], s=s, color=color, linewidth=0, zorder=3)
    for beyond, edge, marker in ((low < limits[0], limits[0], "<"), (high > limits[1], limits[1], ">")):
        axes.scatter(
            np.full(beyond.sum(), edge), heights[beyond], s=max(s, 6), marker=marker, color=color,
            linewidth=0, clip_on=False, zorder=3,
        )  # fmt: skip


def _estimated(estimates: pd.DataFrame) -> list:
    return list(estimates.dropna(subset=["b"]).itertuples(index=False))


def _with_lines(estimates: pd.DataFrame):
    """Every estimate with a colour and dashes of its own.

    Solid lines lie below dashed ones, so that lines that coincide are both seen.
    """
    for place, row in enumerate(_estimated(estimates)):
        turn = (place + place // len(CYCLE)) % len(_DASHES)
        look = {
            "color": CYCLE[place % len(CYCLE)],
            "ls": _DASHES[turn],
            "lw": 1.4,
            "zorder": 3 + 0.1 * (turn > 0),
        }
        yield row, look


def _size(height: float, estimates: pd.DataFrame) -> tuple[float, float]:
    """Inches, with room for the legend: above the panel, or beside it for many methods."""
    methods_drawn = len(_estimated(estimates))
    if methods_drawn > _FEW_METHODS:
        return 7.2, max(height, 0.16 * methods_drawn + 0.3)
    return 4.6, height + 0.16 * ((methods_drawn + 1) // 2)


def _legend(figure: Figure, handles: list) -> None:
    if len(handles) > _FEW_METHODS:
        figure.legend(handles=handles, loc="outside right upper", handlelength=2.6)
    elif handles:
        figure.legend(handles=handles, loc="outside upper left", ncols=2 if len(handles) > 1 else 1)


def _label(method: str) -> str:
    labels = methods().set_index("method")["label"]
    return labels.get(method, method)


def _name(table: pd.DataFrame, side: str) -> str:
    """Name of the exposure or outcome; nameless ones are called 'the exposure'."""
    name = table[side].iloc[0]
    return f"the {side}" if name == side else name


def _title(table: pd.DataFrame, arrow: str = " → ") -> str:
    title = f"{_name(table, 'exposure')}{arrow}{_name(table, 'outcome')}"
    locus = table["locus"].iloc[0]
    return title if locus == "all" or arrow == " on " else f"{title} at {locus}"

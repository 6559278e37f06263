"""What additive twins confirm of the claimed interactions, and how well they fit."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter

from seqaudit.figures.captions import counted, number, sentences, span
from seqaudit.figures.style import (
    BLACK,
    BLUE,
    CYCLE,
    GREY,
    LIGHT_GREY,
    PALE_GREY,
    WIDTH,
    Drawn,
    in_house_style,
    markers_of,
    panel_title,
    panels,
    shared_legend,
    unavailable,
)
from seqaudit.figures.twin_results import VERDICT_LOOKS, TwinResults, question_words
from seqaudit.inference.twin_fits import CANDIDATE, NETWORK, TRUTH, TWIN

_LOWEST, _HIGHEST = -0.75, 1.75
"""Limits of shares; what lies beyond is an arrow. Models that claim little have wide intervals."""
_LINEAR = 5.0
"""Excess loss, in percent, up to which its axis is linear."""
_NAMED_ROWS = 60


@in_house_style
def confirmed_shares(results: TwinResults) -> Drawn:
    """Forest of beta: one row per model, by architecture, and all models together below."""
    questions = results.questions()
    if not questions:
        return unavailable("no interaction was held against additive twins.")
    most = max(len(results.judged(*question)) for question in questions)
    row_height = 0.125 if most <= _NAMED_ROWS else 0.06
    figure, grid = panels(
        len(questions), columns=2 if len(questions) <= 4 else 3, height=row_height * (most + 3) + 0.75
    )
    counts = dict.fromkeys(VERDICT_LOOKS, 0)
    for axes, (dataset, motif_pair) in zip(grid, questions):
        rows = results.judged(dataset, motif_pair)
        summary = results.summary
        consensus = summary[(summary["dataset"] == dataset) & (summary["motif_pair"] == motif_pair)].iloc[0]
        _forest(axes, rows, consensus, results.margin)
        name = question_words(dataset, motif_pair, summary["motif_pair"])
        panel_title(axes, name, f"all models together: {consensus['verdict_twin']}")
        for verdict, count in rows["twin_verdict"].value_counts().items():
            counts[verdict] += count
    of_all = set(results.summary["verdict_twin"])
    used = [verdict for verdict in VERDICT_LOOKS if counts[verdict] or verdict in of_all]
    shared_legend(
        figure,
        [
            *(_verdict_mark(verdict) for verdict in used),
            Line2D([], [], color=GREY, ls=":", label=f"margin {results.margin:g}"),
            Line2D([], [], ls="", marker="|", mew=1.4, color=BLACK, label="mean of the models"),
        ],
    )
    caption = sentences(
        f"{counted(len(results.models.dropna(subset=['twin_verdict'])), 'judgement')} of models at motif "
        f"pairs, {span(results.models['n_pairs'])} held-out pairs each:",
        ", ".join(f"{count} {verdict}" for verdict, count in counts.items()) + ".",
        "Beta: share of a model's claimed interaction that held-out targets confirm against a network that "
        "cannot represent it. Bars: 90 % intervals of the noise of targets and the error of the twin.",
        f"Confirmed: more than {results.margin:g} (dotted) by every twin. Present: the claim predicts unseen "
        "pairs, its size is not confirmed.",
        "Ensemble: the mean prediction of all models judged as one; its verdict is the consensus. Black: "
        "random-effects mean of the models. Arrows: beyond the axis.",
    )
    return Drawn(figure, caption)


def _forest(axes: Axes, rows: pd.DataFrame, consensus: pd.Series, margin: float) -> None:
    n = len(rows)
    heights = -np.arange(n, dtype=float)
    for place, (_, group) in enumerate(rows.groupby("arch", sort=False)):
        if place % 2 == 0:
            first = list(rows["arch"]).index(group["arch"].iloc[0])
            axes.axhspan(-first + 0.5, -(first + len(group)) + 0.5, color=PALE_GREY, lw=0, zorder=0)
    for height, row in zip(heights, rows.itertuples()):
        _share(axes, height, row.twin_beta, row.twin_ci_low, row.twin_ci_high, row.twin_verdict)
    below = -n - 0.6
    _share(
        axes, below, consensus["beta"], consensus["ci_low"], consensus["ci_high"], consensus["verdict_twin"],
        size=6.5,
    )  # fmt: skip
    if pd.notna(consensus["mean_beta"]):
        low, high = np.clip([consensus["mean_ci_low"], consensus["mean_ci_high"]], _LOWEST, _HIGHEST)
        axes.hlines(below - 1, low, high, color=BLACK, lw=1.2, zorder=3)
        if _LOWEST < consensus["mean_beta"] < _HIGHEST:
            axes.plot(consensus["mean_beta"], below - 1, "|", ms=7, mew=1.4, color=BLACK, zorder=4)
    axes.axhline(-n + 0.2, color=GREY, lw=0.6)
    for position, style in ((0.0, "--"), (margin, ":"), (1.0, "-")):
        axes.axvline(position, color=GREY if style == ":" else LIGHT_GREY, lw=0.8, ls=style, zorder=1)
    names = [f"{row.arch}, L1 {row.l1:g}, seed {row.seed}" for row in rows.itertuples()]
    ticks = [*(heights if n <= _NAMED_ROWS else []), below, below - 1]
    axes.set_yticks(ticks, [*(names if n <= _NAMED_ROWS else []), "ensemble", "mean"], fontsize=5.5)
    axes.tick_params(axis="y", length=0)
    axes.set(
        xlim=(_LOWEST, _HIGHEST), ylim=(below - 1.7, 0.7), xlabel="Beta: share of the claim that is confirmed"
    )


def _share(axes: Axes, height: float, beta, low, high, verdict: str, *, size: float = 4.0) -> None:
    colour, marker, filled = VERDICT_LOOKS[verdict]
    look = {"color": colour, "mfc": colour if filled else "white", "mew": 0.9, "zorder": 4}
    if pd.isna(beta):
        axes.text(0.03, height, "no share", color=GREY, fontsize=5.5, va="center", zorder=4)
        return
    if pd.notna(low):
        axes.hlines(height, *np.clip([low, high], _LOWEST, _HIGHEST), color=colour, lw=1, zorder=3)
    if beta < _LOWEST or beta > _HIGHEST:
        edge, marker = (_LOWEST, "<") if beta < _LOWEST else (_HIGHEST, ">")
        axes.plot(edge, height, marker, ms=size, clip_on=False, **look)
    else:
        axes.plot(beta, height, marker, ms=size, **look)


def _verdict_mark(verdict: str) -> Line2D:
    colour, marker, filled = VERDICT_LOOKS[verdict]
    return Line2D(
        [], [], ls="", marker=marker, color=colour, mfc=colour if filled else "white", label=verdict
    )


@in_house_style
def fits(results: TwinResults) -> Drawn:
    """Validation losses of candidates by family, of the twin that judges and of the networks."""
    table = results.fits.dropna(subset=["relative_mse"])
    if table.empty:
        return unavailable("no additive twin was fitted.")
    datasets = list(dict.fromkeys(table["dataset"]))
    families = list(dict.fromkeys(table.loc[table["kind"] == CANDIDATE, "form"]))
    free = [colour for colour in CYCLE if colour not in (BLUE, GREY, BLACK)]
    colours = {name: free[place % len(free)] for place, name in enumerate(families)}
    markers = markers_of(table.loc[table["kind"] == NETWORK, "form"])
    finished = table[(table["kind"] != CANDIDATE) | table["status"].isin(["finished", "chosen"])]
    highest = max(2 * _LINEAR, 1.5 * _excess(finished["relative_mse"].max()))
    figure = Figure(
        figsize=(WIDTH, np.clip(5 / len(datasets), 0.3, 0.62) * len(datasets) + 1.1), layout="constrained"
    )
    axes = figure.subplots()
    for place, dataset in enumerate(datasets):
        mine = table[table["dataset"] == dataset]
        if place % 2 == 0:
            axes.axhspan(-place - 0.5, -place + 0.5, color=PALE_GREY, lw=0, zorder=0)
        for row in mine.itertuples():
            if row.kind == CANDIDATE:
                done = row.status in ("finished", "chosen")
                offset = 0.32 - 0.18 * families.index(row.form) / max(1, len(families) - 1)
                look = {"ms": 4.5 if done else 3, "mew": 1.1 if done else 0.7}
                mark = "o" if done else "x"
                _fit(axes, row, -place + offset, mark, highest, color=colours[row.form], **look)
            elif row.kind == TWIN:
                _fit(axes, row, -place, "*", highest, color=BLACK, ms=8)
            elif row.kind == NETWORK:
                _fit(axes, row, -place - 0.26, markers[row.form], highest, color=BLUE, ms=4)
    axes.axvline(0, color=GREY, lw=0.8, ls=":", zorder=1)
    axes.set_xscale("symlog", linthresh=_LINEAR)
    axes.set_yticks(-np.arange(len(datasets)), datasets)
    axes.tick_params(axis="y", length=0)
    known = (table["kind"] == TRUTH).any()
    axes.set(
        xlabel=f"Validation loss above that of the {'truth' if known else 'twin that judges'}",
        ylim=(-len(datasets) + 0.5, 0.5),
        xlim=(min(-1.0, 1.2 * _excess(finished["relative_mse"].min())), highest),
    )
    axes.xaxis.set_major_locator(FixedLocator([-_LINEAR, 0, _LINEAR, 10, 30, 100, 300, 1000, 3000]))
    axes.xaxis.set_minor_locator(FixedLocator([]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{number(value)} %"))
    open_mark = {"ls": "", "mfc": "white"}
    shared_legend(
        figure,
        [
            *(
                Line2D([], [], marker="o", color=colour, label=f"{name}, finished", **open_mark)
                for name, colour in colours.items()
            ),
            Line2D([], [], ls="", marker="x", color=GREY, label="screened out"),
            Line2D([], [], ls="", marker="*", ms=8, color=BLACK, label="twin that judges"),
            *(
                Line2D([], [], marker=marker, color=BLUE, label=f"network {name}", **open_mark)
                for name, marker in markers.items()
            ),
        ],
        columns=4,
    )
    ratios = table[table["kind"] == TWIN].set_index("dataset")["relative_mse"]
    against = "; ".join(f"{name} {number(_excess(ratio))} %" for name, ratio in ratios.items())
    caption = sentences(
        f"Mean squared error of {span(table['n_validation'])} validation sequences, in percent above that "
        f"of the {'simulated truth' if known else 'twin that judges'} (dotted line); logarithmic beyond "
        f"{_LINEAR:g} %.",
        "Top of a row: additive twins that were tried, those screened out after a brief training as crosses; "
        "middle: the twin that judges, a candidate or a mean of some; bottom: networks.",
        f"Excess of the twin that judges: {against}." if known and len(datasets) <= 8 else "",
        "Where motifs interact no twin can reach the truth. Arrows: beyond the axis. The same sequences "
        "chose twins and stopped the training of networks.",
    )
    return Drawn(figure, caption)


def _fit(axes: Axes, row, height: float, marker: str, highest: float, *, color: str, **look) -> None:
    """One predictor, drawn as an arrow where it lies beyond the axis."""
    excess = _excess(row.relative_mse)
    beyond = excess > highest
    axes.plot(
        min(excess, highest), height, ">" if beyond else marker, color=color,
        mfc=color if marker == "*" else "white", clip_on=False, zorder=4, **look,
    )  # fmt: skip


def _excess(ratio: float) -> float:
    """A ratio of losses as percent above equal."""
    return 100 * (ratio - 1)

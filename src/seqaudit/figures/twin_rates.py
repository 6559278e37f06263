"""How often tests reject, and what networks claim that were trained on data without interaction."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter

from seqaudit.figures.captions import counted, number, sentences, span
from seqaudit.figures.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    LIGHT_GREY,
    NOT_SIGNIFICANT,
    ORANGE,
    PALE_GREY,
    PURPLE,
    SIGNIFICANT,
    VERMILLION,
    WIDTH,
    Drawn,
    as_pixels,
    in_house_style,
    markers_of,
    panel_title,
    panels,
    panels_for,
    shared_legend,
    unavailable,
)
from seqaudit.figures.twin_results import TwinResults, question_words

_TESTS = {
    "rejected": ("additive twin: real", VERMILLION, "o"),
    "confirmed": ("additive twin: confirmed", PURPLE, "s"),
    "consensus": ("additive twin: all models", BLACK, "D"),
    "paired": ("paired loss test", ORANGE, "^"),
    "unpaired": ("unpaired loss test", BLUE, "v"),
    "random_location": ("loss, random locations", GREEN, "P"),
}
"""Words, colour and marker of every test."""

_STATISTICS = {
    "mean_abs_interaction": "Mean |interaction|",
    "mean_interaction": "Mean interaction",
    "mean_loss_improvement": "Loss improvement",
    "beta": "Beta",
}
_LINEAR, _FARTHEST = 3.0, 100.0
"""Null standard deviations up to which an axis is linear, and where it ends."""
_NAMED_ROWS = 90


@in_house_style
def redraws(results: TwinResults) -> Drawn:
    """Share of label sets that every test rejects, one dot per model."""
    table = results.with_design(results.redraws)
    if table.empty:
        return unavailable("additive_twin.redraws is 0, or no dataset is simulated.")
    questions = list(dict.fromkeys(zip(table["dataset"], table["motif_pair"])))
    tests = [test for test in _TESTS if test in set(table["test"])]
    markers = markers_of(table["arch"])
    figure, grid = panels_for(len(questions), height=0.24 * len(tests) + 0.75)
    told = []
    for axes, (dataset, motif_pair) in zip(grid, questions):
        rows = table[(table["dataset"] == dataset) & (table["motif_pair"] == motif_pair)]
        for place, test in enumerate(tests):
            mine = rows[rows["test"] == test]
            spread = -place + 0.5 * (np.arange(len(mine)) / max(1, len(mine) - 1) - 0.5)
            colour = _TESTS[test][1]
            for height, row in zip(spread, mine.itertuples()):
                axes.plot(
                    row.rate, height, markers[row.arch], ms=3.2, color=colour, mfc="white", mew=0.8,
                    clip_on=False, zorder=3,
                )  # fmt: skip
            axes.vlines(mine["rate"].mean(), -place - 0.38, -place + 0.38, color=BLACK, lw=1.3, zorder=4)
        axes.axvline(results.alpha, color=GREY, lw=0.8, ls="--", zorder=1)
        axes.set_yticks(-np.arange(len(tests)), [_TESTS[test][0] for test in tests])
        axes.tick_params(axis="y", length=0)
        axes.set(xlim=(-0.01, 1.01), ylim=(-len(tests) + 0.4, 0.6), xlabel="Share of label sets rejected")
        control = rows["control"].iloc[0]
        kind = "" if pd.isna(control) else f"{control} control, padding {rows['padding'].iloc[0]}"
        panel_title(axes, question_words(dataset, motif_pair, table["motif_pair"]), kind)
        told.append(f"{dataset}: {_means(rows, tests)}")
    shared_legend(
        figure,
        [
            *(
                Line2D([], [], ls="", marker=marker, color=GREY, mfc="white", label=arch)
                for arch, marker in markers.items()
            ),
            Line2D([], [], ls="", marker="|", ms=9, mew=1.3, color=BLACK, label="mean of the models"),
            Line2D([], [], ls="--", color=GREY, label=f"{100 * results.alpha:g} %"),
        ],
    )
    caption = sentences(
        f"{counted(table['model_id'].nunique(), 'model')}, one dot each per test; "
        f"{span(table['n_redraws'])} sets of labels of the held-out pairs, drawn from the simulated truth.",
        "Networks and twins stay as they are, so a rate is the chance that this network is called right or "
        "wrong by the noise of the labels it is tested on.",
        "Real: confirmed or present. Where the truth has no interaction the rate should be at most "
        f"{100 * results.alpha:g} %, where it has one it is the power.",
        f"Means over models: {'; '.join(told)}." if len(told) <= 8 else "",
    )
    return Drawn(figure, caption)


def _means(rows: pd.DataFrame, tests: list[str]) -> str:
    means = rows.groupby("test")["rate"].mean()
    return ", ".join(f"{_TESTS[test][0]} {number(means[test], 2)}" for test in tests if test in means)


@in_house_style
def power(results: TwinResults) -> Drawn:
    """Share of models of which a test says that motifs interact, by exponent and padding."""
    table = results.power
    if table.empty:
        return unavailable("no dataset is simulated, so no size of an effect is known.")
    paddings, tests = sorted(set(table["padding"])), [t for t in _TESTS if t in set(table["test"])]
    exponents = sorted(set(table["exponent"]))
    figure, grid = panels(len(paddings), columns=2, height=2.9)
    for axes, padding in zip(grid, paddings):
        for place, test in enumerate(tests):
            mine = table[(table["padding"] == padding) & (table["test"] == test)].sort_values("exponent")
            _, colour, marker = _TESTS[test]
            dodge = 0.1 * (place - (len(tests) - 1) / 2)
            at = np.array([exponents.index(exponent) for exponent in mine["exponent"]]) + dodge
            axes.vlines(at, mine["ci_low"], mine["ci_high"], color=colour, lw=0.8, alpha=0.4, zorder=2)
            axes.plot(at, mine["rate"], marker, ms=4, color=colour, mfc="white", zorder=4, clip_on=False)
            # rates over redrawn labels are far less noisy than one verdict per model
            drawn = mine["redraw_rate"].notna().all() and len(mine) > 0
            line = mine["redraw_rate"] if drawn else mine["rate"]
            axes.plot(at, line, "-" if drawn else ":", color=colour, lw=1.2, zorder=3)
        axes.axhline(results.alpha, color=GREY, lw=0.8, ls="--", zorder=1)
        if 1.0 in exponents:
            centre = exponents.index(1.0)
            axes.axvspan(centre - 0.5, centre + 0.5, color=PALE_GREY, lw=0, zorder=0)
        axes.xaxis.set_major_locator(FixedLocator(range(len(exponents))))
        axes.set_xticklabels([f"{exponent:g}" for exponent in exponents])
        axes.set(
            xlabel="Exponent of the simulated effect", ylabel="Share of models rejected", ylim=(-0.02, 1.02)
        )
        panel_title(axes, f"padding {padding}")
    shared_legend(
        figure,
        [
            *(
                Line2D([], [], color=_TESTS[t][1], marker=_TESTS[t][2], mfc="white", label=_TESTS[t][0])
                for t in tests
            ),
            Line2D([], [], ls="--", color=GREY, label=f"{100 * results.alpha:g} %"),
        ],
        columns=3,
    )
    single = table[table["test"] != "consensus"]
    n_redraws = single.loc[single["n_redraws"] > 0, "n_redraws"]
    caption = sentences(
        f"Per exponent {_several(single['n_datasets'], 'dataset')}, {_several(single['n_models'], 'model')}.",
        "An exponent of 1 has no interaction (shaded): there a rate is a rate of false positives.",
        "Markers: share of models rejected by the labels of the run; bars: 95 % Clopper-Pearson intervals, "
        "as if models of one dataset did not share its labels.",
        f"Solid lines: mean over models of the share of {span(n_redraws)} label sets drawn again; dotted "
        "lines join markers of tests without redraws."
        if len(n_redraws)
        else "Dotted lines join markers.",
        "All models: verdict of the ensemble, one per dataset.",
    )
    return Drawn(figure, caption)


@in_house_style
def nulls(results: TwinResults) -> Drawn:
    """Claims of every network against those of networks retrained on data without interaction."""
    tests = results.with_design(results.null_tests)
    tests = tests[tests["statistic"].isin(list(_STATISTICS))]
    if not tests.empty and tests["null_sd"].isna().all():
        return unavailable("a single network per design was trained without interaction: no spread.")
    if tests.empty:
        return unavailable("no network was trained on data without interaction (null_models.replicates: 0).")
    order = {dataset: place for place, dataset in enumerate(dict.fromkeys(tests["dataset"]))}
    rows = (
        tests.drop_duplicates(["model_id", "motif_pair"])
        .assign(place=tests["dataset"].map(order))
        .sort_values(["place", "motif_pair", "arch", "l1", "seed"], kind="stable")
    )
    heights = {key: -place for place, key in enumerate(zip(rows["model_id"], rows["motif_pair"]))}
    drawn = results.null_statistics
    networks = drawn["model_id"].str.rpartition(".")[0]
    null_at = np.array([heights.get(key, np.nan) for key in zip(networks, drawn["motif_pair"])])
    row_height = 0.115 if len(rows) <= _NAMED_ROWS else 0.045
    figure = Figure(figsize=(WIDTH, row_height * len(rows) + 1.3), layout="constrained")
    grid = figure.subplots(1, len(_STATISTICS), sharey=True)
    counts = []
    for axes, (statistic, title) in zip(grid, _STATISTICS.items()):
        mine = tests[tests["statistic"] == statistic].set_index(["model_id", "motif_pair"])
        centre, spread = (
            mine[column].reindex(list(zip(networks, drawn["motif_pair"]))).to_numpy(float)
            for column in ("null_mean", "null_sd")
        )
        null_z = np.clip(_standard(drawn[statistic], centre, spread), -2 * _LINEAR, _FARTHEST)
        axes.scatter(
            null_z, null_at, s=5, color=LIGHT_GREY, lw=0, zorder=2, clip_on=False, **as_pixels(len(null_z))
        )
        own = _standard(mine["observed"], mine["null_mean"], mine["null_sd"])
        at = np.array([heights[key] for key in mine.index])
        # with B null models no p-value is below 1 / (1 + B), which may be alpha itself
        hits = (mine["p"] <= results.alpha).to_numpy(bool)
        for hit in (False, True):
            colour = SIGNIFICANT if hit else NOT_SIGNIFICANT
            axes.scatter(
                np.clip(own[hits == hit], -2 * _LINEAR, _FARTHEST), at[hits == hit], marker="D", s=13, lw=0.8,
                facecolor=colour if hit else "white", edgecolor=colour, zorder=4, clip_on=False,
            )  # fmt: skip
        axes.axvline(0, color=LIGHT_GREY, lw=0.8, ls="--", zorder=1)
        axes.set_xscale("symlog", linthresh=_LINEAR, linscale=1.8)
        axes.set_xlim(-2 * _LINEAR, _FARTHEST)
        axes.xaxis.set_major_locator(FixedLocator([-_LINEAR, 0, _LINEAR, 10, _FARTHEST]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
        axes.xaxis.set_minor_locator(FixedLocator([]))
        axes.set_title(title)
        axes.set_xlabel("SDs from the mean\nof the null models")
        axes.tick_params(axis="y", length=0)
        known = int(mine["p"].notna().sum())
        counts.append(f"{' '.join(title.lower().split())} {int(hits.sum())} of {known}")
    bands = rows.groupby(["dataset", "motif_pair"], sort=False).size()
    top = 0.5
    for place, (_, size) in enumerate(bands.items()):
        for axes in grid:
            if place % 2 == 0:
                axes.axhspan(top - size, top, color=PALE_GREY, lw=0, zorder=0)
        top -= size
    named = len(rows) <= _NAMED_ROWS
    names = [f"{row.dataset}, {row.arch}, L1 {row.l1:g}, seed {row.seed}" for row in rows.itertuples()]
    grid[0].set_yticks(list(heights.values()) if named else [], names if named else [], fontsize=5.5)
    grid[0].set_ylim(top - 0.2, 0.7)
    shared_legend(
        figure,
        [
            Line2D([], [], ls="", marker="o", ms=3, color=LIGHT_GREY, label="null models"),
            Line2D([], [], ls="", marker="D", color=SIGNIFICANT, label=f"network, p ≤ {results.alpha:g}"),
            Line2D([], [], ls="", marker="D", color=NOT_SIGNIFICANT, mfc="white", label="not significant"),
        ],
        columns=3,
    )
    caption = sentences(
        f"{counted(len(rows), 'network')} at their motif pairs (shaded by dataset), each beside "
        f"{span(tests['n_null'])} networks of its design, trained on targets drawn from the additive twin.",
        "Every row in units of the standard deviation (SD) of its own null models; linear up to "
        f"{_LINEAR:g}, logarithmic beyond, cut at {number(-2 * _LINEAR)} and {_FARTHEST:g}.",
        f"p = (1 + null values at least as large) / (1 + null models), so not below "
        f"{number(tests['smallest_p'].min(), 2)}. Significant: {'; '.join(counts)}.",
        "Beta of a network that claims little is wide.",
    )
    return Drawn(figure, caption)


def _several(numbers: pd.Series, noun: str) -> str:
    return f"{span(numbers)} {noun}{'s' * int(numbers.max() > 1)}"


def _standard(values, centre, spread) -> np.ndarray:
    """Distance from the null's mean in its standard deviations; NaN where that is 0."""
    values, centre, spread = (np.asarray(part, dtype=np.float64) for part in (values, centre, spread))
    return np.divide(values - centre, spread, out=np.full(len(values), np.nan), where=spread > 0)

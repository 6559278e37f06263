"""Does the Group Expected Hessian find the right pairs, next to other methods?"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from seqaudit.figures.captions import number, sentences, span
from seqaudit.figures.hessian_results import (
    MEASURE_COLOURS,
    MEASURES,
    HessianResults,
    in_order,
    method_look,
)
from seqaudit.figures.style import (
    BLACK,
    GREY,
    WIDTH,
    Drawn,
    diagonal,
    in_house_style,
    panel_title,
    panels,
    shared_legend,
    unavailable,
    whole_numbers,
)

RULES = {
    "published": "published",
    "signed_groups": "signed\ngroups",
    "additive_null": "additive\nnull",
    "additive_null_family": "additive,\nany pair",
}
_MOST_RATIOS = 3
_NULLS = {"permutation": "permuted targets", "main_effects": "simulated, main effects only"}


@in_house_style
def roc_curves(results: HessianResults) -> Drawn:
    """Mean ROC curves of all methods over pairs (cf. Fig. 2)."""
    curves = results.roc
    if curves.empty:
        return unavailable("no data set of this study has a known truth.")
    panels_of = _spread_out(curves["snr"])
    figure, grid = panels(len(panels_of), columns=3, height=2.6)
    methods = in_order(curves["method"])
    for axes, snr in zip(grid, panels_of):
        mine = curves[_same(curves["snr"], snr)]
        for method in methods:
            line = mine[mine["method"] == method]
            axes.plot(
                line["false_positive_rate"], line["true_positive_rate"], color=method_look(method)[1],
                lw=1.6 if method == "geh" else 1.0, zorder=4 if method == "geh" else 3,
            )  # fmt: skip
        diagonal(axes)
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel="false-positive rate")
        panel_title(axes, _ratio_words(snr))
    grid[0].set_ylabel("true-positive rate")
    shared_legend(
        figure,
        [_entry(method, marker=False) for method in methods],
        columns=len(methods) if len(methods) <= 7 else 5,
    )
    n = results.auc["n_datasets"] if len(results.auc) else [0]
    caption = sentences(
        f"Study {results.study}: ROC curves over pairs of features, mean of {span(n)} data sets. Dotted: "
        "chance. Counterpart of Fig. 2 in Cui et al. (2020), whose simulated functions are known from a "
        "picture only.",
    )
    return Drawn(figure, caption)


@in_house_style
def auc_by_noise(results: HessianResults) -> Drawn:
    """Area under the ROC curve, and rank of true pairs, against S/N (cf. Fig. 3)."""
    table = results.auc.dropna(subset=["auc"])
    if table.empty:
        return unavailable("no data set of this study has a known truth.")
    noisy = table.dropna(subset=["snr"])
    figure = Figure(figsize=(WIDTH, 2.75), layout="constrained")
    left, right = figure.subplots(1, 2)
    methods = in_order(table["method"])
    if noisy["snr"].nunique() > 1:
        for method in methods:
            rows = noisy[noisy["method"] == method].sort_values("snr")
            _, colour, marker = method_look(method)
            look = {"color": colour, "marker": marker, "ms": 3.5, "lw": 1.6 if method == "geh" else 0.9}
            left.errorbar(rows["snr"], rows["auc"], yerr=rows["auc_se"].fillna(0), elinewidth=0.8, **look)
            right.plot(rows["snr"], rows["true_rank"], **look)
        for axes in (left, right):
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(FixedLocator(sorted(noisy["snr"].unique())))
            axes.xaxis.set_minor_locator(NullLocator())
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.set_xlabel("signal-to-noise ratio (variances)")
    else:
        for place, method in enumerate(methods):
            row = table[table["method"] == method].iloc[0]
            _, colour, marker = method_look(method)
            left.errorbar(place, row["auc"], yerr=np.nan_to_num(row["auc_se"]), color=colour, marker=marker)
            right.plot(place, row["true_rank"], color=colour, marker=marker)
        for axes in (left, right):
            axes.set_xticks(
                range(len(methods)), [method_look(m)[0] for m in methods], rotation=30, ha="right"
            )
    left.axhline(0.5, color=GREY, ls=":", lw=0.8)
    left.set(ylabel="area under the ROC curve", ylim=(min(0.45, table["auc"].min() - 0.03), 1.02))
    right.axhline(table["ideal_rank"].iloc[0], color=GREY, ls=":", lw=0.8)
    right.set_ylabel("mean rank of true pairs")
    right.invert_yaxis()
    panel_title(left, "Finding pairs")
    panel_title(right, "Ranking pairs")
    shared_legend(
        figure, [_entry(method) for method in methods], columns=len(methods) if len(methods) <= 7 else 5
    )
    caption = sentences(
        f"Study {results.study}, {span(table['n_datasets'])} data sets per point. Left: area under the ROC "
        "curve over pairs; bars: ± 1 standard error over data sets; dotted: chance. Right: mean rank of the "
        "pairs that interact; dotted: all of them first.",
        "S/N: variance of the noise-free target over that of the noise. Counterpart of Fig. 3 in Cui et al. "
        "(2020).",
    )
    return Drawn(figure, caption)


@in_house_style
def false_positives(results: HessianResults) -> Drawn:
    """How often pairs are called in data without interactions, by rule (cf. Table 1)."""
    table = results.false_positives
    if table.empty:
        return unavailable("no null data set was made.")
    shown = list(table[["dataset", "null"]].drop_duplicates().itertuples(index=False, name=None))
    figure, grid = panels(len(shown), columns=2 if len(shown) in (2, 4) else 3, height=2.5, sharey=True)
    rules = [rule for rule in RULES if rule in set(table["rule"])]
    measures = [measure for measure in MEASURES if measure in set(table["measure"])]
    for axes, (dataset, null) in zip(grid, shown):
        mine = table[(table["dataset"] == dataset) & (table["null"] == null)]
        for row in mine.itertuples():
            family = row.rule == "additive_null_family"
            rate, low, high = (
                (row.family_rate, row.family_low, row.family_high)
                if family
                else (row.rate, row.ci_low, row.ci_high)
            )
            x = rules.index(row.rule) + 0.24 * (measures.index(row.measure) - (len(measures) - 1) / 2)
            colour = MEASURE_COLOURS[row.measure]
            axes.vlines(x, low, high, color=colour, lw=1.2)
            axes.plot(x, rate, "o", color=colour, ms=3.5)
            axes.plot(x, row.published, "x", color=BLACK, ms=4.5, mew=1.1, zorder=4)
        axes.axhline(results.alpha, color=GREY, ls=":", lw=0.8)
        axes.set_yscale("function", functions=(lambda v: np.sqrt(np.maximum(v, 0)), np.square))
        axes.yaxis.set_major_locator(FixedLocator([0, 0.01, 0.05, 0.1, 0.25, 0.5, 1]))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
        axes.set_ylim(0, 1.05)
        axes.set_xticks(range(len(rules)), [RULES[rule] for rule in rules], fontsize=6)
        axes.set_xlim(-0.5, len(rules) - 0.5)
        panel_title(axes, dataset, f"{_NULLS.get(null, null)}, n = {span(mine['n_draws'])}")
    for axes in grid[:: 2 if len(shown) in (2, 4) else 3]:
        axes.set_ylabel("pairs called")
    entries = [
        Line2D([], [], color=MEASURE_COLOURS[m], marker="o", ms=3.5, label=MEASURES[m]) for m in measures
    ]
    if table["published"].notna().any():
        entries.append(Line2D([], [], color=BLACK, ls="", marker="x", ms=4.5, label="Table 1 of the paper"))
    entries.append(Line2D([], [], color=GREY, ls=":", label=f"{100 * results.alpha:g} %"))
    shared_legend(figure, entries, columns=len(entries))
    caption = sentences(
        f"Study {results.study}: pairs called in data without interactions, by rule; the axis is a square "
        "root. Bars: 95 % intervals over null data sets. The last rule is about all pairs together, its rate "
        "that of data sets with any call. Additive nulls are refits to targets simulated from the additive "
        "fit of each null data set.",
        "Counterpart of Table 1 in Cui et al. (2020).",
    )
    return Drawn(figure, caption)


@in_house_style
def injected_ranks(results: HessianResults) -> Drawn:
    """Rank of an injected interaction against its strength, by form and method (cf. Fig. 5)."""
    table = results.injections.dropna(subset=["rank"])
    if table.empty:
        return unavailable("no interaction was injected.")
    shown = list(table[["dataset", "form"]].drop_duplicates().itertuples(index=False, name=None))
    figure, grid = panels(len(shown), columns=3, height=2.2)
    methods = in_order(table["method"])
    for axes, (dataset, form) in zip(grid, shown):
        mine = table[(table["dataset"] == dataset) & (table["form"] == form)]
        for method in methods:
            rows = mine[mine["method"] == method].sort_values("share")
            _, colour, marker = method_look(method)
            axes.plot(
                rows["share"], rows["rank"], color=colour, marker=marker, ms=3.5,
                lw=1.6 if method in ("geh", "aeh") else 0.9,
            )  # fmt: skip
        if (mine["share"] > 0).all() and mine["share"].nunique() > 1:
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(FixedLocator(sorted(mine["share"].unique())))
            axes.xaxis.set_minor_locator(NullLocator())
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set(ylim=(mine["n_pairs"].max() + 1, 0), xlabel="share of the target's variance")
        whole_numbers(axes.yaxis)
        pair = mine.iloc[0]
        panel_title(axes, f"{dataset}: {form}", f"{pair['feature_a']} × {pair['feature_b']}")
    for axes in grid[::3]:
        axes.set_ylabel("rank of the injected pair")
    shared_legend(
        figure, [_entry(method) for method in methods], columns=len(methods) if len(methods) <= 7 else 5
    )
    caption = sentences(
        f"Study {results.study}: rank, 1 is best, of an interaction that was added to measured targets, "
        "against its variance in those of the target.",
        "Counterpart of Fig. 5 in Cui et al. (2020), whose formulas are known from a picture only.",
    )
    return Drawn(figure, caption)


def _entry(method: str, *, marker: bool = True) -> Line2D:
    label, colour, shape = method_look(method)
    width = 1.6 if method == "geh" else 1.0
    return Line2D([], [], color=colour, lw=width, marker=shape if marker else "", ms=3.5, label=label)


def _same(column: pd.Series, value: float) -> pd.Series:
    return column.isna() if pd.isna(value) else column == value


def _spread_out(ratios: pd.Series) -> list[float]:
    """At most three of the S/N: lowest, middle and highest."""
    known = sorted(ratios.dropna().unique())
    if not known:
        return [float("nan")]
    chosen = np.linspace(0, len(known) - 1, min(_MOST_RATIOS, len(known))).round().astype(int)
    return [known[place] for place in chosen]


def _ratio_words(snr: float) -> str:
    return "no stated noise" if pd.isna(snr) else f"S/N {number(snr)}"

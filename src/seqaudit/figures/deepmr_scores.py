"""Does DeepMR find the causal effect that was simulated, and does its interval hold it?"""

import re

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from seqaudit.figures.captions import counted, number, sentences, span
from seqaudit.figures.deepmr_results import CLASS_COLOURS, StudyResults, pale, recipe_colours
from seqaudit.figures.deepmr_words import class_words, classes_of, method_words, pair_words, pairs_of
from seqaudit.figures.style import (
    BLACK,
    BLUE,
    GREY,
    PALE_GREY,
    WIDTH,
    Drawn,
    diagonal,
    in_house_style,
    shared_legend,
    unavailable,
)

_NO_TRUTH = "the true causal effect of measured data is unknown."
_CLASS_MARKERS = {"both": "o", "exposure_only": "s", "all": "D"}
_CLUSTERS = {"high": ("^", "strong effect"), "low": ("v", "weak effect"), "continuous": ("o", "all rounds")}
_LOWEST_R2 = -0.25
_LINEAR = 0.1
_FAR = 3
"""Spans of all intervals by which true effects may lie beyond them and still be in the picture."""
_STRENGTH = re.compile(r"^(.+)_x([0-9.e+-]+)$")
_WILSON = "Bars of coverage: 95 % Wilson intervals over rounds."


@in_house_style
def against_truth(results: StudyResults) -> Drawn:
    """Global estimate against simulated truth by scenario and recipe (counterpart of Fig. 2)."""
    rows = results.headline_effects().dropna(subset=["b", "truth"])
    if rows.empty:
        return unavailable(_NO_TRUTH if results.effects["truth"].isna().all() else "no global estimate.")
    rows, scenarios = _plain_scenarios(rows)
    recipes = [recipe for recipe in results.recipes if recipe in set(rows["recipe"])]
    scores = results.headline_scores()
    scores = scores[scores["gamma_cluster"] == "all"]
    figure = Figure(figsize=(WIDTH, 1.75 * len(recipes) + 0.7), layout="constrained")
    grid = figure.subplots(len(recipes), len(scenarios), squeeze=False, sharex=True, sharey=True)
    limits = _limits(rows)
    outside = ~rows["truth"].between(*limits)
    rows = rows.assign(truth=rows["truth"].clip(*limits))
    for line, recipe in zip(grid, recipes):
        for axes, scenario in zip(line, scenarios):
            mine = rows[(rows["recipe"] == recipe) & (rows["scenario"] == scenario)]
            for sequence_class in classes_of(mine):
                part = mine[mine["sequence_class"] == sequence_class]
                colour = CLASS_COLOURS.get(sequence_class, BLACK)
                if sequence_class != "all":  # a normal interval says little about a mixture of classes
                    low, high = part["pi_low"].clip(*limits), part["pi_high"].clip(*limits)
                    axes.vlines(part["truth"], low, high, color=pale(colour), lw=1.6, zorder=0)
                axes.vlines(part["truth"], part["ci_low"], part["ci_high"], color=colour, lw=0.9, zorder=3)
                axes.scatter(part["truth"], part["b"], s=9, color=colour, lw=0.3, edgecolor="white", zorder=4)
            diagonal(axes)
            _say_scores(axes, scores[(scores["recipe"] == recipe) & (scores["scenario"] == scenario)])
        line[0].set_ylabel(f"{recipe}\nestimate")
    for axes, scenario in zip(grid[0], scenarios):
        axes.set_title(scenario)
    grid[0, 0].set(xlim=limits, ylim=limits)
    for axes in grid[-1]:
        axes.set_xlabel("true effect")
    shared_legend(
        figure,
        [
            *(
                Line2D(
                    [], [], color=CLASS_COLOURS.get(name, BLACK), marker="o", lw=1, label=class_words(name)
                )
                for name in classes_of(rows)
            ),
            Line2D([], [], color=pale(BLUE), lw=3, label="95 % prediction interval"),
            Line2D([], [], ls=":", color=GREY, label="equal"),
        ],
        columns=5,
    )
    per_panel = rows.groupby(["recipe", "scenario", "sequence_class"]).size()
    methods = "; ".join(f"{recipe}: {method_words(results.method_of(recipe))}" for recipe in recipes)
    caption = sentences(
        f"Study {results.study}, {_pairs(rows)}; {span(per_panel)} rounds per scenario, one point each.",
        "Global causal effect by DeepMR against the mean true effect of the same loci. Lines: 95 % "
        "confidence intervals; pale bars: 95 % prediction intervals of a single locus, cut at the axis.",
        "R²: about the identity line; CI: share of rounds whose interval holds the truth.",
        f"{counted(outside.sum(), 'true effect')} far outside, of instruments that hardly move the exposure, "
        "drawn at the edge; R² counts them in full."
        if outside.any()
        else "",
        f"Methods: {methods}. Counterpart of Fig. 2 in Malina et al. (2022), whose bars were two standard "
        "deviations between loci.",
    )
    return Drawn(figure, caption)


@in_house_style
def overview(results: StudyResults) -> Drawn:
    """R2 and coverages by scenario and recipe (counterpart of Table 1)."""
    scores = results.headline_scores().dropna(subset=["bias"])
    scores = scores[scores["gamma_cluster"] == "all"]
    if scores.empty:
        return unavailable(_NO_TRUTH)
    scores, scenarios = _plain_scenarios(scores)
    recipes = [recipe for recipe in results.recipes if recipe in set(scores["recipe"])]
    colours, classes = recipe_colours(results.recipes), classes_of(scores)
    measures = [
        ("identity_r2", "R² about the\nidentity line", 1.0),
        ("ci_coverage", "Coverage of the\nglobal 95 % CI", 0.95),
        ("local_coverage", "Coverage of\nlocal 95 % CIs", 0.95),
        ("pi_coverage", "Coverage of the\n95 % PI of a locus", 0.95),
    ]
    lines = [(scenario, recipe) for scenario in scenarios for recipe in recipes]
    heights = {
        key: -(index + 0.6 * scenarios.index(key[0])) for index, key in enumerate(lines)
    }  # a gap between scenarios
    figure = Figure(figsize=(WIDTH, 0.28 * len(lines) + 0.12 * len(scenarios) + 0.95), layout="constrained")
    grid = figure.subplots(1, len(measures), sharey=True)
    for axes, (column, title, nominal) in zip(grid, measures):
        axes.axvline(nominal, color=GREY, lw=0.8, ls=":", zorder=1)
        axes.set_title(title, fontsize=7.5)
        lowest = _LOWEST_R2 if column == "identity_r2" else 0.0
        for row in scores.itertuples():
            height = heights[row.scenario, row.recipe] - 0.22 * (
                classes.index(row.sequence_class) - (len(classes) - 1) / 2
            )
            _dot(axes, row, column, height, lowest, colours[row.recipe])
        axes.set_xlim(lowest - 0.04, 1.04)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        for key in lines:
            axes.axhspan(heights[key] - 0.42, heights[key] + 0.42, color=PALE_GREY, lw=0, zorder=0)
    grid[0].set_yticks(list(heights.values()), [recipe for _, recipe in lines])
    beside = -4.2 * max(map(len, recipes)) - 14  # points, clear of the names of recipes
    for tick, (_, recipe) in zip(grid[0].get_yticklabels(), lines):
        tick.set_color(colours[recipe])
    for scenario in scenarios:
        middle = np.mean([heights[key] for key in lines if key[0] == scenario])
        grid[0].annotate(
            scenario, (0, middle), (beside, 0), ha="right", va="center", fontweight="bold",
            xycoords=("axes fraction", "data"), textcoords="offset points", annotation_clip=False,
        )  # fmt: skip
    shared_legend(
        figure,
        [
            *(
                Line2D(
                    [], [], ls="", marker=_CLASS_MARKERS.get(name, "v"), color=GREY, label=class_words(name)
                )
                for name in classes
            ),
            Line2D([], [], ls=":", color=GREY, label="perfect, or nominal"),
        ],
    )
    caption = sentences(
        f"Study {results.study}, {_pairs(scores)}; {span(scores['n_rounds'])} rounds per scenario.",
        "R²: 1 minus squared error over the variance of the truth, about the identity line; values below "
        f"{number(_LOWEST_R2)} are drawn as arrows.",
        "Coverage of the global CI: share of rounds; of local CIs and of the prediction interval (PI): mean "
        f"over rounds of the share of loci. {_WILSON}",
        f"Methods: {'; '.join(f'{r}: {method_words(results.method_of(r))}' for r in recipes)}.",
        "Counterpart of Table 1 in Malina et al. (2022), which reports squared correlations and the share of "
        "truths within two standard deviations between loci.",
    )
    return Drawn(figure, caption)


@in_house_style
def by_method(results: StudyResults) -> Drawn:
    """Bias and coverage of every method within each scenario."""
    scores = results.scores.dropna(subset=["bias"])
    if scores.empty:
        return unavailable(_NO_TRUTH)
    scores, scenarios = _plain_scenarios(scores)
    shown_class = "both" if "both" in set(scores["sequence_class"]) else classes_of(scores)[0]
    scores = scores[scores["sequence_class"] == shown_class]
    colours = recipe_colours(results.recipes)
    lines = list(dict.fromkeys(zip(scores["recipe"], scores["method"])))
    heights = {key: -index for index, key in enumerate(lines)}
    figure = Figure(figsize=(WIDTH, 2 * (0.17 * len(lines) + 0.35) + 0.75), layout="constrained")
    grid = figure.subplots(2, len(scenarios), squeeze=False, sharey=True, sharex="row")
    all_rounds = scores[scores["gamma_cluster"] == "all"]
    clusters = scores[scores["gamma_cluster"].isin(["high", "low"])]
    clusters = all_rounds if clusters.empty else clusters
    for (top, bottom), scenario in zip(grid.T, scenarios):
        top.set_title(scenario)
        top.axvline(0, color=GREY, lw=0.8, ls=":", zorder=1)
        bottom.axvline(0.95, color=GREY, lw=0.8, ls=":", zorder=1)
        for row in clusters[clusters["scenario"] == scenario].itertuples():
            marker = _CLUSTERS.get(row.gamma_cluster, ("o", ""))[0]
            top.plot(
                row.bias, heights[row.recipe, row.method], marker, ms=4, color=colours[row.recipe],
                mfc=colours[row.recipe] if row.gamma_cluster != "low" else "white",
            )  # fmt: skip
        for row in all_rounds[all_rounds["scenario"] == scenario].itertuples():
            height, colour = heights[row.recipe, row.method], colours[row.recipe]
            bottom.hlines(height, row.ci_coverage_low, row.ci_coverage_high, color=colour, lw=1)
            bottom.plot(row.ci_coverage, height, "o", ms=4, color=colour)
            bottom.plot(row.local_coverage, height, "|", ms=7, mew=1.6, color=colour)
        bottom.set_xlim(-0.04, 1.04)
    _signed_log_axis(grid[0, 0], clusters["bias"])
    grid[0, 0].set_ylim(-len(lines) + 0.4, 0.6)
    for line, label in zip(grid, ("bias of the global effect", "coverage")):
        line[0].set_yticks(list(heights.values()), [method_words(method) for _, method in lines])
        for tick, (recipe, _) in zip(line[0].get_yticklabels(), lines):
            tick.set_color(colours[recipe])
        for axes in line:
            axes.set_xlabel(label)
            axes.tick_params(axis="y", length=0)
    legend = [
        Line2D([], [], ls="", marker="s", color=colours[recipe], label=recipe)
        for recipe in dict.fromkeys(recipe for recipe, _ in lines)
    ]
    legend += [
        Line2D([], [], ls="", marker=marker, color=GREY, mfc=GREY if name != "low" else "white", label=words)
        for name, (marker, words) in _CLUSTERS.items()
        if name in set(clusters["gamma_cluster"])
    ]
    legend += [
        Line2D([], [], ls="-", marker="o", color=GREY, label="global CI"),
        Line2D([], [], ls="", marker="|", mew=1.6, ms=7, color=GREY, label="local CIs"),
    ]
    shared_legend(figure, legend)
    caption = sentences(
        f"Study {results.study}, {_pairs(scores)}, loci with {class_words(shown_class)}; "
        f"{span(all_rounds['n_rounds'])} rounds per scenario.",
        "Top: mean of global estimate minus truth, apart for rounds with a strong and with a weak effect "
        f"where both were simulated, on an axis that is logarithmic beyond ±{_LINEAR:g}. Bottom: share of "
        "rounds whose 95 % confidence interval holds the truth, "
        f"and mean share of loci whose local interval does. {_WILSON}",
        "A method is a local estimator and how its estimates were pooled.",
    )
    return Drawn(figure, caption)


@in_house_style
def against_strength(results: StudyResults) -> Drawn:
    """Bias and coverage against the strength of confounding (counterpart of S2 Text)."""
    scores = results.headline_scores().dropna(subset=["bias"])
    if scores.empty:
        return unavailable(_NO_TRUTH)
    scores = _with_strength(scores)
    swept = scores.groupby("base")["strength"].nunique()
    bases = [base for base in dict.fromkeys(scores["base"]) if swept[base] > 1 and base != "unconfounded"]
    if not bases:
        return unavailable("every scenario was simulated at one confounder strength only.")
    shown_class = "both" if "both" in set(scores["sequence_class"]) else classes_of(scores)[0]
    scores = scores[(scores["sequence_class"] == shown_class) & scores["base"].isin(bases)]
    clusters = [name for name in ("high", "low") if name in set(scores["gamma_cluster"])] or ["all"]
    colours = recipe_colours(results.recipes)
    effects = _with_strength(results.headline_effects())
    effects = effects[effects["sequence_class"] == shown_class]
    figure = Figure(figsize=(min(WIDTH, 2.2 * len(bases) + 1.8), 6.2), layout="constrained")
    grid = figure.subplots(4, len(bases), squeeze=False, sharex=True, sharey="row")
    for (first, *column), base in zip(grid.T, bases):
        first.set_title(base)
        for place, recipe in enumerate(results.recipes):
            mine = effects[(effects["base"] == base) & (effects["recipe"] == recipe)]
            beside = mine["strength"] + 0.012 * (place + 1) * scores["strength"].max()
            first.scatter(beside, mine["b"], s=5, color=colours[recipe], lw=0, alpha=0.8, zorder=3)
            first.scatter(mine["strength"], mine["truth"], s=14, marker="_", color=BLACK, lw=0.6, zorder=2)
        for recipe in dict.fromkeys(scores["recipe"]):
            mine = scores[(scores["base"] == base) & (scores["recipe"] == recipe)].sort_values("strength")
            for cluster in clusters:
                part = mine[mine["gamma_cluster"] == cluster]
                style = {"color": colours[recipe], "marker": _CLUSTERS.get(cluster, ("o", ""))[0], "ms": 4}
                style |= {"ls": "--", "mfc": "white"} if cluster == "low" else {}
                column[0].plot(part["strength"], part["bias"], **style)
            part = mine[mine["gamma_cluster"] == "all"]
            for axes, measure in zip(column[1:], ("ci_coverage", "local_coverage")):
                axes.plot(part["strength"], part[measure], color=colours[recipe], marker="o", ms=4)
            column[1].fill_between(
                *part[["strength", "ci_coverage_low", "ci_coverage_high"]].to_numpy().T,
                color=colours[recipe], alpha=0.15, lw=0,
            )  # fmt: skip
        column[0].axhline(0, color=GREY, lw=0.8, ls=":", zorder=1)
        for axes in column[1:]:
            axes.axhline(0.95, color=GREY, lw=0.8, ls=":", zorder=1)
            axes.set_ylim(-0.04, 1.04)
        column[-1].set_xlabel("confounder strength")
    for axes, label in zip(
        grid[:, 0], ("global effect", "its bias", "coverage,\nglobal CI", "coverage,\nlocal CIs")
    ):
        axes.set_ylabel(label)
    legend = [
        Line2D([], [], color=colours[name], marker="s", label=name)
        for name in dict.fromkeys(scores["recipe"])
    ]
    if len(clusters) > 1:
        legend += [
            Line2D([], [], color=GREY, ls="-", marker="^", label="strong effect"),
            Line2D([], [], color=GREY, ls="--", marker="v", mfc="white", label="weak effect"),
        ]
    legend.append(Line2D([], [], ls="", marker="_", color=BLACK, label="truth"))
    shared_legend(figure, legend, columns=len(legend))
    caption = sentences(
        f"Study {results.study}, {_pairs(scores)}, loci with {class_words(shown_class)}; "
        f"{span(scores.loc[scores['gamma_cluster'] == 'all', 'n_rounds'])} rounds per strength.",
        "Top: every round, beside its truth. Bias: mean of global estimate minus truth; coverage: share of "
        "95 % intervals that hold the truth, "
        "dotted at its nominal value. Pale bands: 95 % Wilson intervals over rounds.",
        _strength_words(results.rounds, bases),
        "Counterpart of Tables A and B of S2 Text in Malina et al. (2022).",
    )
    return Drawn(figure, caption)


def _limits(rows: pd.DataFrame) -> tuple[float, float]:
    """Of both axes: all intervals, and all true effects that are not out of all proportion to them."""
    shown = rows[["b", "ci_low", "ci_high"]].stack()
    low, high = shown.min(), shown.max()
    reach = _FAR * (high - low)
    near = rows["truth"][rows["truth"].between(low - reach, high + reach)]
    low, high = min(low, near.min()), max(high, near.max())
    margin = 0.06 * (high - low or 1)
    return low - margin, high + margin


def _with_strength(table: pd.DataFrame) -> pd.DataFrame:
    """Take ``both_x0.5`` apart; a scenario without a factor has strength 1."""
    named = table["scenario"].str.extract(_STRENGTH)
    return table.assign(base=named[0].fillna(table["scenario"]), strength=named[1].astype(float).fillna(1.0))


def _plain_scenarios(table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Rows of scenarios at strength 1, unless a study has none."""
    names = list(dict.fromkeys(table["scenario"]))
    plain = [name for name in names if not _STRENGTH.fullmatch(name)] or names
    return table[table["scenario"].isin(plain)], plain


def _say_scores(axes: Axes, scores: pd.DataFrame) -> None:
    """The scores of one panel, in the colours of their classes, where estimates rarely lie."""
    for line, name in enumerate(reversed(classes_of(scores))):
        row = scores[scores["sequence_class"] == name].iloc[0]
        told = f"{_r2_words(row['identity_r2'])}, CI {100 * row['ci_coverage']:.0f} %"
        axes.text(
            0.98, 0.02 + 0.085 * line, told,
            color=CLASS_COLOURS.get(name, BLACK), fontsize=6, ha="right", transform=axes.transAxes, zorder=5,
        )  # fmt: skip


def _r2_words(r2: float) -> str:
    if pd.isna(r2):
        return "R² –"
    return "R² < −9" if r2 < -9 else f"R² {r2:.2f}".replace("-", "−")


def _signed_log_axis(axes: Axes, values: pd.Series) -> None:
    """Linear about zero and logarithmic beyond, so that small and large biases are both seen."""
    axes.set_xscale("symlog", linthresh=_LINEAR, linscale=0.8)
    tens = _LINEAR * 10.0 ** np.arange(4)
    ticks = [-value for value in tens[::-1] if values.min() < -value / 3] + [0.0]
    ticks += [value for value in tens if values.max() > value / 3]
    axes.set_xlim(
        min(ticks[0] * 1.3, 1.15 * values.min(), -0.04), max(ticks[-1] * 1.3, 1.15 * values.max(), 0.04)
    )
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))


def _dot(axes: Axes, row, column: str, height: float, lowest: float, colour: str) -> None:
    value = getattr(row, column)
    if pd.isna(value):
        return
    if column == "ci_coverage":
        axes.hlines(height, row.ci_coverage_low, row.ci_coverage_high, color=colour, lw=0.9, zorder=2)
    marker = _CLASS_MARKERS.get(row.sequence_class, "v") if value >= lowest else "<"
    axes.plot(max(value, lowest), height, marker, ms=4, color=colour, zorder=3, clip_on=False)


def _pairs(table: pd.DataFrame) -> str:
    pairs = [pair_words(*pair) for pair in pairs_of(table)]
    return pairs[0] if len(pairs) == 1 else counted(len(pairs), "ordered pair")


def _strength_words(rounds: pd.DataFrame, bases: list[str]) -> str:
    at_one = rounds[rounds["scenario"].isin(bases)].drop_duplicates("scenario")
    if at_one.empty:
        return ""
    effects = ("eta", "nu", "tau_exposure", "tau_outcome")
    told = [
        f"{row['scenario']}: {', '.join(f'{name} {row[name]:g}' for name in effects)}"
        for row in at_one.to_dict("records")
    ]
    return f"Strength 1 in reads ({'; '.join(told)})."

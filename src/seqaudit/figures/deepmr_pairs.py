"""Causal effects between all pairs of outputs, and how they depend on motif spacing."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from seqaudit.figures.captions import sentences, span
from seqaudit.figures.deepmr_results import CLASS_COLOURS, StudyResults, pale
from seqaudit.figures.deepmr_words import (
    class_words,
    classes_of,
    error_words,
    interval_words,
    method_words,
    pair_words,
    pairs_of,
)
from seqaudit.figures.style import (
    BLACK,
    GREY,
    LIGHT_GREY,
    PALE_GREY,
    WIDTH,
    Drawn,
    in_house_style,
    panel_title,
    shared_legend,
    unavailable,
)

_MOST_NUMBERS = 60  # more rows than this are drawn without their numbers
_DARK = 0.55  # share of the colour scale above which numbers are white


@in_house_style
def global_effects(results: StudyResults) -> Drawn:
    """Global effects of all ordered pairs with intervals and truth (counterpart of Fig. 3)."""
    effects = results.headline_effects().dropna(subset=["b"])
    if effects.empty:
        return unavailable("no pair has a global estimate.")
    effects = effects[effects["round"] == effects["round"].min()]
    recipes = [recipe for recipe in results.recipes if recipe in set(effects["recipe"])]
    classes = classes_of(effects)
    lines = list(dict.fromkeys(zip(effects["exposure"], effects["outcome"], effects["scenario"])))
    pitch = 0.15 * len(classes) + 0.08
    figure = Figure(figsize=(WIDTH, pitch * len(lines) + 1.15), layout="constrained")
    grid = figure.subplots(1, len(recipes), squeeze=False, sharey=True)[0]
    for axes, recipe in zip(grid, recipes):
        mine = effects[effects["recipe"] == recipe]
        limits = _limits(mine)
        for row in mine.itertuples():
            height = -lines.index((row.exposure, row.outcome, row.scenario))
            height -= (classes.index(row.sequence_class) - (len(classes) - 1) / 2) * 0.8 / len(classes)
            _draw_effect(axes, row, height, limits, with_number=len(lines) * len(classes) <= _MOST_NUMBERS)
        for index in range(len(lines)):
            axes.axhline(-index - 0.5, color=PALE_GREY, lw=0.6, zorder=0)
        axes.axvline(0, color=GREY, lw=0.6, ls=(0, (4, 3)), zorder=1)
        axes.set(xlim=limits, ylim=(-len(lines) + 0.45, 0.55), xlabel="causal effect")
        axes.set_title(f"{recipe}: {method_words(results.method_of(recipe))}")
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
    grid[0].set_yticks(-np.arange(len(lines)), _line_names(lines))
    legend = [
        Line2D([], [], color=CLASS_COLOURS.get(name, BLACK), marker="o", lw=1.4, label=class_words(name))
        for name in classes
    ]
    legend.append(Line2D([], [], color=LIGHT_GREY, lw=3, label="95 % prediction interval"))
    if effects["truth"].notna().any():
        legend.append(Line2D([], [], ls="", marker="|", mew=1.3, color=BLACK, label="truth"))
    shared_legend(figure, legend, columns=len(legend))
    caption = sentences(
        f"Study {results.study}, round {effects['round'].iloc[0]}: global causal effect of every ordered "
        f"pair, from {span(effects['k'])} loci. Lines: 95 % confidence intervals; pale bars: 95 % prediction "
        "intervals of a single locus, cut at the axis.",
        "An effect is the change of the outcome per unit of the exposure, in the space of the networks.",
        "The black mark is the mean true effect of the same loci."
        if effects["truth"].notna().any()
        else "The truth is unknown for measured data.",
        "Counterpart of Fig. 3 in Malina et al. (2022), whose bars are ± 2 √tau.",
    )
    return Drawn(figure, caption)


@in_house_style
def spacing(results: StudyResults) -> Drawn:
    """Mean effect by pair and motif spacing (counterpart of Fig. S1)."""
    table = results.spacing
    if table.empty:
        return unavailable("effects by motif spacing were not computed.")
    recipe = next(name for name in [*results.recipes, *table["recipe"]] if name in set(table["recipe"]))
    table = table[table["recipe"] == recipe]
    wanted = results.method_of(recipe).split("/")[0]
    methods = list(dict.fromkeys(table["method"]))
    method = next((name for name in methods if name.split("/")[0] == wanted), methods[0])
    first = table.iloc[0]
    table = table[(table["method"] == method) & (table["ensemble"] == first["ensemble"])]
    if table["b"].isna().all():
        return unavailable("no motif spacing has a locus with an estimate.")
    pairs = pairs_of(table)
    bins = table.sort_values("gap_above")["spacing"].drop_duplicates().tolist()
    figure = Figure(
        figsize=(min(WIDTH, 1.6 + 1.15 * len(bins)), 0.36 * len(pairs) + 1.0), layout="constrained"
    )
    axes = figure.subplots()
    palette, low, high = _palette(table["b"])
    for row in table.itertuples():
        place = bins.index(row.spacing), pairs.index((row.exposure, row.outcome))
        _draw_cell(axes, row, place, None if pd.isna(row.b) else (row.b - low) / (high - low), palette)
    axes.set(
        xlim=(-0.5, len(bins) - 0.5), ylim=(len(pairs) - 0.5, -0.5), xlabel="gap between nearest sites (bp)"
    )
    axes.set_xticks(range(len(bins)), bins)
    axes.set_yticks(range(len(pairs)), [pair_words(*pair) for pair in pairs])
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    panel_title(axes, f"{recipe}: {method_words(method)}")
    caption = sentences(
        f"Study {results.study}, {first['scenario']}, round {first['round']}: mean causal effect ± standard "
        f"error of the loci whose sites are that far apart; {span(table['k'])} loci per cell.",
        "Standard errors take loci as independent; what all of them owe to the same networks is not in them.",
        "Grey: no locus with an estimate." if table["b"].isna().any() else "",
        "Counterpart of Fig. S1 in Malina et al. (2022), who took the last site of a sequence, not the "
        "nearest.",
    )
    return Drawn(figure, caption)


def _draw_effect(axes: Axes, row, height: float, limits: tuple[float, float], *, with_number: bool) -> None:
    colour = CLASS_COLOURS.get(row.sequence_class, BLACK)
    if pd.notna(row.pi_low):
        axes.hlines(
            height, *np.clip([row.pi_low, row.pi_high], *limits), color=pale(colour), lw=3.2, zorder=0
        )
    if pd.notna(row.ci_low):
        axes.hlines(height, *np.clip([row.ci_low, row.ci_high], *limits), color=colour, lw=1.4, zorder=3)
    axes.plot(row.b, height, "o", ms=3.2, color=colour, zorder=4)
    if pd.notna(row.truth):
        axes.plot(row.truth, height, "|", ms=6, mew=1.3, color=BLACK, zorder=5)
    if with_number:
        axes.annotate(
            interval_words(row.b, row.ci_low, row.ci_high), (1, height), (2, 0),
            xycoords=("axes fraction", "data"), textcoords="offset points",
            fontsize=6, va="center", color=colour, annotation_clip=False,
        )  # fmt: skip


def _limits(effects: pd.DataFrame) -> tuple[float, float]:
    """Limits that hold 0, every estimate with its interval, and the truth; not every prediction interval."""
    values = effects[["b", "ci_low", "ci_high", "truth"]].to_numpy(float).ravel()
    values = np.append(values[np.isfinite(values)], 0.0)
    margin = 0.12 * (values.max() - values.min() or 1)
    return values.min() - margin, values.max() + margin


def _line_names(lines: list[tuple[str, str, str]]) -> list[str]:
    pairs = {line[:2] for line in lines}
    scenarios = {line[2] for line in lines}
    if len(scenarios) == 1:
        return [pair_words(x, y) for x, y, _ in lines]
    if len(pairs) == 1:
        return [scenario for _, _, scenario in lines]
    return [f"{pair_words(x, y)}, {scenario}" for x, y, scenario in lines]


def _palette(values: pd.Series):
    """Colours from white to blue, or from orange over white to blue where effects have both signs."""
    top = float(values.abs().max()) or 1.0
    if (values.dropna() >= 0).all():
        return lambda share: _mixed(CLASS_COLOURS["both"], share), 0.0, top

    def both_signs(share: float):
        return _mixed(CLASS_COLOURS["both" if share >= 0.5 else "exposure_only"], abs(2 * share - 1))

    return both_signs, -top, top


def _mixed(colour: str, share: float) -> tuple[float, ...]:
    """A colour mixed with white."""
    return tuple(1 - (1 - value) * (0.06 + 0.94 * share) for value in to_rgb(colour))


def _draw_cell(axes: Axes, row, place: tuple[int, int], share: float | None, palette) -> None:
    x, y = place
    colour = PALE_GREY if share is None else palette(share)
    axes.add_patch(Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, facecolor=colour, lw=0))
    if share is None:
        axes.text(x, y, "–", ha="center", va="center", color=GREY)
        return
    dark = np.dot(colour, (0.299, 0.587, 0.114)) < _DARK
    axes.text(
        x, y, error_words(row.b, row.se), ha="center", va="center", fontsize=7,
        color="white" if dark else BLACK,
    )  # fmt: skip

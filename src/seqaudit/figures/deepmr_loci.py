"""DeepMR locus by locus: instruments, local estimates and how they spread."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from seqaudit.figures.captions import counted, number, sentences, span
from seqaudit.figures.deepmr_results import CLASS_COLOURS, StudyResults, recipe_colours
from seqaudit.figures.deepmr_words import (
    class_words,
    classes_of,
    interval_words,
    method_words,
    pair_words,
    pairs_of,
)
from seqaudit.figures.style import (
    BLACK,
    GREY,
    LIGHT_GREY,
    Drawn,
    as_pixels,
    in_house_style,
    panel_title,
    panels,
    shared_legend,
    unavailable,
)

_MOST_LOCI = 40
_MOST_PAIRS = 12
_IMPRECISE = 4  # times the median standard error: left out when limits are chosen
_BEYOND = "Arrowheads: beyond the axis, which leaves out very imprecise loci."
_NO_LOCUS = "no locus has a local estimate."


@in_house_style
def instruments(results: StudyResults) -> Drawn:
    """Effects on the outcome against effects on the exposure at loci chosen by rule."""
    shown = list(_chosen_loci(results))
    if not shown:
        return unavailable(_NO_LOCUS)
    colours = recipe_colours(results.recipes)
    figure, grid = panels(len(shown), columns=4, height=2.05)
    for axes, (rule, row) in zip(grid, shown):
        _draw_instruments(axes, results, row, colours[row.recipe])
        truth = "" if pd.isna(row.truth) else f", truth {number(row.truth)}"
        panel_title(
            axes,
            rule,
            f"{row.recipe}, {row.locus_id}",
            interval_words(row.b, row.ci_low, row.ci_high) + truth,
        )
        axes.set(xlabel=f"effect on {row.exposure}", ylabel=f"effect on {row.outcome}")
    legend = [
        Line2D([], [], ls="", marker="o", ms=3, color=BLACK, label="instrument"),
        Line2D([], [], ls="", marker="o", ms=3, color=LIGHT_GREY, label="other mutation"),
        *(
            Line2D([], [], color=colours[recipe], lw=1.6, label=f"slope, {recipe}")
            for recipe in dict.fromkeys(row.recipe for _, row in shown)
        ),
        Line2D([], [], color=GREY, lw=0.7, label="other methods"),
    ]
    if any(pd.notna(row.truth) for _, row in shown):
        legend.append(Line2D([], [], color=BLACK, lw=1.2, ls="--", label="true slope"))
    shared_legend(figure, legend)
    methods = {row.recipe: row.method for _, row in shown}
    several = len(pairs_of(results.example_local())) > 1
    caption = sentences(
        f"Study {results.study}, {_world(results)}; {span(row.n_instruments for _, row in shown)} "
        "instruments per locus, coded so that their effect on the exposure is positive. Bars: one standard "
        "error.",
        f"Methods: {'; '.join(f'{r}: {method_words(m)}' for r, m in methods.items())}. A line that misses "
        "the origin has the intercept of MR Egger.",
        "Shown is the locus with the median estimate of every pair."
        if several
        else "Loci were chosen by rule, not by eye: the largest estimate, the median and the largest error "
        "where the truth is known, and of the loci with the exposure motif only the one with median error.",
    )
    return Drawn(figure, caption)


@in_house_style
def forest(results: StudyResults) -> Drawn:
    """Local estimates, ordered, and below them the global effects."""
    shown = list(_groups(results))
    if not shown:
        return unavailable(_NO_LOCUS)
    tallest = max(min(len(part), _MOST_LOCI) for _, part in shown)
    columns = 2 if len(shown) <= 4 else 4
    pitch = 0.1 if columns == 2 else 0.055
    figure, grid = panels(len(shown), columns=columns, height=pitch * (tallest + 6) + 0.6)
    for axes, (title, part) in zip(grid, shown):
        effects = _global_of(results, part)
        limits = _limits(part, ["ci_low", "ci_high"], effects[["ci_low", "ci_high"]].to_numpy().ravel())
        top = _draw_loci(axes, part, limits)
        _draw_diamonds(axes, effects, limits)
        axes.axvline(0, color=GREY, lw=0.6, ls=(0, (4, 3)), zorder=1)
        axes.set(xlim=limits, ylim=(-len(effects) - 0.6, top + 1), yticks=[])
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("causal effect of a locus")
        panel_title(axes, title, f"{counted(len(part), 'locus').replace('locuss', 'loci')} estimated")
    everything = pd.concat([part for _, part in shown])
    legend = [
        Line2D(
            [], [], color=CLASS_COLOURS.get(name, BLACK), marker="o", ms=3, lw=0.9, label=class_words(name)
        )
        for name in classes_of(everything)
    ]
    legend.append(Line2D([], [], ls="", marker="D", color=GREY, label="global effect and 95 % CI"))
    if everything["truth"].notna().any():
        legend.append(Line2D([], [], ls="", marker="|", mew=1.1, color=BLACK, label="truth"))
    shared_legend(figure, legend)
    caption = sentences(
        f"Study {results.study}, {_world(results)}; {span(len(part) for _, part in shown)} loci with an "
        f"estimate, of which at most {_MOST_LOCI} are drawn, evenly over their order. Bars: 95 % intervals.",
        f"Diamonds: global effect of the loci of that colour, of all loci grey. {_BEYOND}",
        f"Methods: {_methods_words(everything)}.",
    )
    return Drawn(figure, caption)


@in_house_style
def funnel(results: StudyResults) -> Drawn:
    """Standard error against local estimate, with the global effects as lines."""
    shown = list(_groups(results))
    if not shown:
        return unavailable(_NO_LOCUS)
    figure, grid = panels(len(shown), columns=2 if len(shown) <= 4 else 4, height=2.3)
    for axes, (title, part) in zip(grid, shown):
        effects = _global_of(results, part)
        limits = _limits(part, ["b"], effects["b"].to_numpy())
        lowest = 1.04 * part["se"][part["se"] <= _IMPRECISE * part["se"].median()].max()
        for name in classes_of(part):
            mine = part[part["sequence_class"] == name]
            axes.scatter(
                mine["b"].clip(*limits), mine["se"].clip(upper=lowest), s=9, lw=0.3, edgecolor="white",
                color=CLASS_COLOURS.get(name, BLACK), zorder=3, clip_on=False, **as_pixels(len(mine)),
            )  # fmt: skip
        for row in effects.itertuples():
            axes.axvline(row.b, color=CLASS_COLOURS.get(row.sequence_class, BLACK), lw=1.1, zorder=2)
        axes.axvline(0, color=GREY, lw=0.6, ls=(0, (4, 3)), zorder=1)
        axes.set(xlim=limits, ylim=(lowest, 0), xlabel="causal effect of a locus", ylabel="standard error")
        panel_title(axes, title)
    everything = pd.concat([part for _, part in shown])
    legend = [
        Line2D([], [], color=CLASS_COLOURS.get(name, BLACK), marker="o", ms=4, label=class_words(name))
        for name in [
            *classes_of(everything),
            *(["all"] if "all" in set(results.effects["sequence_class"]) else []),
        ]
    ]
    shared_legend(figure, legend)
    caption = sentences(
        f"Study {results.study}, {_world(results)}; {span(len(part) for _, part in shown)} loci, one point "
        "each, precise ones at the top. Vertical lines: global effects of the loci of that colour.",
        "If loci differed by chance alone, points would scatter evenly around their line, more narrowly "
        "towards the top. Points at the edges lie beyond the axes, which leave out very imprecise loci.",
        f"Methods: {_methods_words(everything)}.",
    )
    return Drawn(figure, caption)


def _groups(results: StudyResults) -> Iterator[tuple[str, pd.DataFrame]]:
    """Local estimates by the method that speaks for a recipe: by recipe, or by pair if there are several."""
    local = _headline_local(results)
    pairs = pairs_of(local)
    for recipe in [name for name in results.recipes if name in set(local["recipe"])]:
        mine = local[local["recipe"] == recipe]
        if len(pairs) == 1:
            yield recipe, mine
            continue
        for exposure, outcome in pairs[:_MOST_PAIRS]:
            part = mine[(mine["exposure"] == exposure) & (mine["outcome"] == outcome)]
            if len(part):
                yield pair_words(exposure, outcome), part
        return  # several pairs: the first recipe only


def _headline_local(results: StudyResults) -> pd.DataFrame:
    local = results.example_local().dropna(subset=["b", "se"])
    chosen = {recipe: results.method_of(recipe).split("/")[0] for recipe in results.recipes}
    return local[local["method"] == local["recipe"].map(chosen)]


def _global_of(results: StudyResults, part: pd.DataFrame) -> pd.DataFrame:
    """Global effects of the ensemble and pair of these local estimates."""
    first = part.iloc[0]
    effects = results.headline_effects().dropna(subset=["b"])
    same = effects["ensemble"] == first["ensemble"]
    for side in ("exposure", "outcome"):
        same &= effects[side] == first[side]
    mine = effects[same]
    return mine.set_index("sequence_class", drop=False).loc[classes_of(mine)]


def _chosen_loci(results: StudyResults) -> Iterator[tuple[str, object]]:
    """Rules and the rows of local estimates that they choose."""
    known = results.instruments.groupby(["ensemble", "exposure", "outcome"])["locus_id"].unique()
    for title, part in _groups(results):
        first = part.iloc[0]
        key = first["ensemble"], first["exposure"], first["outcome"]
        part = part[part["locus_id"].isin(known.get(key, []))]
        if part.empty:
            continue
        if title != first["recipe"]:
            yield title, _at_rank(part, "b", 0.5)
            continue
        several = part[part["sequence_class"] == "both"]
        several = part if several.empty else several
        yield "largest effect", _at_rank(several, "b", 1.0)
        if several["truth"].notna().all():
            several = several.assign(error=(several["b"] - several["truth"]).abs())
            yield "median error", _at_rank(several, "error", 0.5)
            yield "largest error", _at_rank(several, "error", 1.0)
            alone = part[part["sequence_class"] == "exposure_only"].dropna(subset=["truth"])
            if len(alone):
                alone = alone.assign(error=(alone["b"] - alone["truth"]).abs())
                yield "exposure motif only", _at_rank(alone, "error", 0.5)
        else:
            yield "median effect", _at_rank(several, "b", 0.5)
            yield "smallest effect", _at_rank(several, "b", 0.0)
            yield "largest standard error", _at_rank(several, "se", 1.0)


def _at_rank(table: pd.DataFrame, column: str, share: float):
    ordered = table.sort_values([column, "locus_id"], kind="stable")
    return next(ordered.iloc[[round(share * (len(ordered) - 1))]].itertuples(index=False))


def _draw_instruments(axes: Axes, results: StudyResults, row, colour: str) -> None:
    table = results.instruments
    mine = table[
        (table["ensemble"] == row.ensemble)
        & (table["locus_id"] == row.locus_id)
        & (table["exposure"] == row.exposure)
        & (table["outcome"] == row.outcome)
    ]
    sign = np.where(mine["beta_exposure"] < 0, -1, 1)
    x, y, chosen = sign * mine["beta_exposure"], sign * mine["beta_outcome"], mine["selected"].astype(bool)
    axes.scatter(x[~chosen], y[~chosen], s=4, color=LIGHT_GREY, lw=0, zorder=2)
    axes.errorbar(
        x[chosen], y[chosen], xerr=mine["se_exposure"][chosen], yerr=mine["se_outcome"][chosen],
        fmt="none", ecolor=LIGHT_GREY, elinewidth=0.7, zorder=2,
    )  # fmt: skip
    axes.scatter(x[chosen], y[chosen], s=9, color=BLACK, edgecolor="white", lw=0.3, zorder=5)
    right = 1.06 * float(x.max())
    others = results.local[
        (results.local["ensemble"] == row.ensemble)
        & (results.local["locus_id"] == row.locus_id)
        & (results.local["exposure"] == row.exposure)
        & (results.local["outcome"] == row.outcome)
    ].dropna(subset=["b"])
    for other in others.itertuples():
        headline = other.method == row.method
        start = 0.0 if pd.isna(other.egger_intercept) else other.egger_intercept
        axes.plot(
            [0, right], [start, start + other.b * right], zorder=4 if headline else 3,
            color=colour if headline else GREY, lw=1.6 if headline else 0.7,
        )  # fmt: skip
    if pd.notna(row.truth):
        axes.plot([0, right], [0, row.truth * right], color=BLACK, lw=1.2, ls="--", zorder=4)
    axes.axhline(0, color=GREY, lw=0.5, zorder=1)
    axes.set_xlim(0, right)


def _draw_loci(axes: Axes, part: pd.DataFrame, limits: tuple[float, float]) -> float:
    """Draw loci ordered by class and estimate from the top down; returns the highest row."""
    drawn = []
    for name in classes_of(part):
        mine = part[part["sequence_class"] == name].sort_values(["b", "locus_id"], ascending=False)
        room = max(1, round(_MOST_LOCI * len(mine) / len(part))) if len(part) > _MOST_LOCI else len(mine)
        drawn.append(mine.iloc[np.unique(np.linspace(0, len(mine) - 1, room).round().astype(int))])
    rows = pd.concat(drawn)
    heights = np.arange(len(rows))[::-1] + 1.0
    colours = [CLASS_COLOURS.get(name, BLACK) for name in rows["sequence_class"]]
    low, high = rows["ci_low"].clip(*limits), rows["ci_high"].clip(*limits)
    axes.hlines(heights, low, high, color=colours, lw=0.9, zorder=2)
    inside = rows["b"].between(*limits).to_numpy()
    axes.scatter(rows["b"][inside], heights[inside], s=8, color=np.array(colours)[inside], lw=0, zorder=3)
    axes.scatter(rows["truth"].clip(*limits), heights, s=16, marker="|", color=BLACK, lw=1.1, zorder=4)
    for beyond, edge, marker in (
        (rows["ci_low"] < limits[0], limits[0], "<"),
        (rows["ci_high"] > limits[1], limits[1], ">"),
    ):
        beyond = beyond.to_numpy()
        axes.scatter(
            np.full(beyond.sum(), edge), heights[beyond], s=7, marker=marker, lw=0, clip_on=False, zorder=3,
            color=np.array(colours)[beyond],
        )  # fmt: skip
    return float(heights[0])


def _draw_diamonds(axes: Axes, effects: pd.DataFrame, limits: tuple[float, float]) -> None:
    """Global effects as diamonds as wide as their interval, below the loci."""
    axes.axhline(0.1, color=LIGHT_GREY, lw=0.6, zorder=0)
    for place, row in enumerate(effects.itertuples()):
        height, colour = -0.8 - place, CLASS_COLOURS.get(row.sequence_class, BLACK)
        corners = [row.ci_low, row.b, row.ci_high, row.b]
        axes.plot(row.b, height, "D", ms=3, color=colour)  # seen also where the interval is narrow
        axes.fill(np.clip(corners, *limits), height + np.array([0, 0.42, 0, -0.42]), color=colour, lw=0.8)
        if pd.notna(row.truth):
            axes.plot(row.truth, height, "|", ms=6, mew=1.1, color=BLACK, zorder=4)


def _limits(part: pd.DataFrame, columns: list[str], others: np.ndarray) -> tuple[float, float]:
    """Limits that hold 0, the global effects, and the loci that are not very imprecise."""
    precise = part[part["se"] <= _IMPRECISE * part["se"].median()]
    values = np.concatenate([[0.0], precise[columns].to_numpy().ravel(), others])
    values = values[np.isfinite(values)]
    margin = 0.04 * (values.max() - values.min() or 1)
    return values.min() - margin, values.max() + margin


def _world(results: StudyResults) -> str:
    first = results.example_local().iloc[0]
    scenario = "" if first["scenario"] == "none" else f"scenario {first['scenario']}, "
    return f"{scenario}round {first['round']}"


def _methods_words(local: pd.DataFrame) -> str:
    chosen = local.drop_duplicates("recipe")
    return "; ".join(f"{row.recipe}: {method_words(row.method)}" for row in chosen.itertuples())

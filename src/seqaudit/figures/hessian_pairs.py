"""Which pairs of features interact: scores with intervals, beside what additive data give."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from seqaudit.figures.captions import counted, number, p_text, sentences
from seqaudit.figures.hessian_results import HessianResults, pair_labels, yes
from seqaudit.figures.style import (
    BLACK,
    BLUE,
    GREY,
    LIGHT_GREY,
    NOT_SIGNIFICANT,
    SIGNIFICANT,
    WIDTH,
    Drawn,
    in_house_style,
    panel_title,
    panels,
    shared_legend,
    unavailable,
    zero_lines,
)
from seqaudit.inference.hessian_nulls import null_maxima as null_maxima_of

_MOST_PAIRS = 28
_MOST_FITS = 4
_TOP_PAIRS = 6
_PUBLISHED_RULE = (
    "The published rule, score above two standard deviations, is no test: a score cannot be negative."
)


@in_house_style
def ranked_pairs(results: HessianResults) -> Drawn:
    """GEH of the strongest pairs with published intervals and null quantiles (cf. Table 2)."""
    rows = results.pairs[results.pairs["measure"] == "geh"]
    if rows.empty:
        return unavailable("no network has scores.")
    fits = results.fits[:_MOST_FITS]
    shown = min(_MOST_PAIRS, int(rows.groupby("fit").size().max()))
    columns = min(2, len(fits))
    lines = -(-len(fits) // columns)
    height = lines * (0.155 * shown + 0.85) + 0.45
    figure = Figure(figsize=(WIDTH if columns == 2 else 0.72 * WIDTH, height), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False).ravel()
    for axes in grid[len(fits) :]:
        axes.remove()
    told = []
    for axes, fit in zip(grid, fits):
        mine = rows[rows["fit"] == fit].sort_values("score", ascending=False, kind="stable")
        _interval_rows(axes, mine.head(_MOST_PAIRS))
        said = _calls_in_words(mine)
        panel_title(axes, fit, *said)
        told.append(f"{fit}: {'; '.join(said)}")
    entries = [
        Line2D([], [], color=SIGNIFICANT, marker="o", mfc=SIGNIFICANT, label="called by the additive null"),
        Line2D([], [], color=NOT_SIGNIFICANT, marker="o", mfc="white", label="not called"),
        Line2D([], [], color=BLACK, ls="", marker="|", ms=8, mew=1.4, label="score needed for a call"),
    ]
    if rows["truth"].notna().any():
        entries.append(Line2D([], [], color=BLACK, ls="", marker="x", ms=4, label="true value"))
    shared_legend(figure, entries, columns=len(entries))
    caption = sentences(
        f"Study {results.study}. Group Expected Hessian of the {counted(shown, 'strongest pair')}, mean and "
        "published 95 % interval (± 2 standard deviations over posterior samples).",
        _null_words(results, rows),
        "Names of pairs that interact in truth are bold." if yes(rows["interacts"]).any() else "",
        f"{'. '.join(told)}.",
        _PUBLISHED_RULE,
    )
    return Drawn(figure, caption)


@in_house_style
def pair_map(results: HessianResults) -> Drawn:
    """Scores of all pairs of features as a map, with the calls of both rules."""
    rows = results.pairs[results.pairs["measure"] == "geh"]
    if rows.empty:
        return unavailable("no network has scores.")
    fits = results.fits[:_MOST_FITS]
    features = list(dict.fromkeys([*rows["feature_a"], *rows["feature_b"]]))
    side = max(2.4, 0.19 * len(features) + 1.0)
    figure, grid = panels(len(fits), columns=2, height=side)
    for axes, fit in zip(grid, fits):
        mine = rows[rows["fit"] == fit]
        image = _half_map(axes, mine, features)
        figure.colorbar(image, ax=axes, shrink=0.7, pad=0.02, label="GEH")
        panel_title(axes, fit)
    entries = [
        Line2D([], [], ls="", marker="o", ms=4, mfc=SIGNIFICANT, mec=SIGNIFICANT, label="additive-null rule"),
        Line2D(
            [], [], ls="", marker="o", ms=4, mfc="white", mec=NOT_SIGNIFICANT, label="published rule only"
        ),
    ]
    if yes(rows["interacts"]).any():
        entries.append(Patch(fill=False, ec=BLACK, lw=1.0, label="interacts in truth"))
    shared_legend(figure, entries, columns=len(entries))
    caption = sentences(
        f"Study {results.study}. Below the diagonal: Group Expected Hessian of every pair. Above: which rule "
        "calls it.",
        _null_words(results, rows),
        _PUBLISHED_RULE,
    )
    return Drawn(figure, caption)


@in_house_style
def group_means(results: HessianResults) -> Drawn:
    """Signed mean Hessians of the groups of the strongest pairs of the first network."""
    if results.groups.empty or results.groups["sd"].isna().all():
        return unavailable("no network has group means with a spread.")
    fit = results.fits[0]
    scores = results.pairs[(results.pairs["measure"] == "geh") & (results.pairs["fit"] == fit)]
    top = scores.sort_values("score", ascending=False, kind="stable").head(_TOP_PAIRS)
    groups = results.groups[results.groups["fit"] == fit]
    figure, grid = panels(len(top), columns=3, height=2.0)
    for axes, row in zip(grid, top.itertuples()):
        mine = groups[(groups["feature_a"] == row.feature_a) & (groups["feature_b"] == row.feature_b)]
        mine = mine.sort_values("mean").reset_index(drop=True)
        sure = (mine["p_max"] <= results.alpha).to_numpy()
        colours = np.where(sure, SIGNIFICANT, NOT_SIGNIFICANT)
        axes.vlines(mine.index, mine["ci_low"], mine["ci_high"], color=colours, lw=1.1, zorder=2)
        axes.scatter(
            mine.index, mine["mean"], s=14, facecolor=np.where(sure, SIGNIFICANT, "white"), edgecolor=colours,
            linewidth=0.8, zorder=3,
        )  # fmt: skip
        axes.scatter(mine.index, mine["truth"], s=16, marker="x", color=BLACK, lw=0.9, zorder=4)
        zero_lines(axes, x=False)
        axes.set(xticks=[], xlabel="groups, sorted")
        panel_title(axes, f"{row.feature_a} × {row.feature_b}", p_text(row.p_groups))
    for axes in grid[::3]:
        axes.set_ylabel("mean Hessian")
    entries = [
        Line2D([], [], color=SIGNIFICANT, marker="o", label="away from 0"),
        Line2D([], [], color=NOT_SIGNIFICANT, marker="o", mfc="white", label="not"),
    ]
    if groups["truth"].notna().any():
        entries.append(Line2D([], [], color=BLACK, ls="", marker="x", ms=4, label="true value"))
    shared_legend(figure, entries, columns=len(entries))
    caption = sentences(
        f"Study {results.study}, {fit}: signed mean Hessian of every group of points, for the pairs with the "
        "largest score, with 95 % intervals over posterior samples. Means of either sign cancel in AEH and "
        "add up in GEH.",
        f"Filled: away from 0 at {100 * results.alpha:g} % among the groups of the pair (max-type test). "
        "Posterior spread is not the spread between networks trained on other data, so these tests are "
        "bolder than the additive null.",
    )
    return Drawn(figure, caption)


@in_house_style
def null_maxima(results: HessianResults) -> Drawn:
    """Largest score of every null data set against the scores of the data (cf. appendix Fig. 10)."""
    nulls = results.nulls[results.nulls["measure"] == "geh"]
    fits = [fit for fit in results.fits if fit in set(nulls["fit"])][:_MOST_FITS]
    if not fits:
        return unavailable("no network was refitted to null data.")
    figure, grid = panels(len(fits), columns=2, height=2.3)
    told, looks = [], {"permutation": LIGHT_GREY, "additive": BLUE}
    for axes, fit in zip(grid, fits):
        pairs = results.pairs[(results.pairs["measure"] == "geh") & (results.pairs["fit"] == fit)]
        top = pairs.sort_values("score", ascending=False, kind="stable").head(3)
        maxima = null_maxima_of(nulls[nulls["fit"] == fit])
        highest = max(maxima["score"].max(), top["score"].max())
        bins = np.linspace(0, 1.02 * highest, 41)
        for null, colour in looks.items():
            values = maxima.loc[maxima["null"] == null, "score"]
            if len(values):
                axes.hist(values, bins, color=colour, alpha=0.75, label=null, density=True)
                axes.axvline(np.quantile(values, 0.95), color=colour, ls="--", lw=1.0)
                told.append(f"{fit}, {counted(len(values), f'{null} draw')}")
        top_of_panel = axes.get_ylim()[1]
        axes.set_ylim(0, 1.5 * top_of_panel)
        for place, row in enumerate(top.itertuples()):
            axes.axvline(row.score, color=SIGNIFICANT, lw=1.2, ymax=0.92 - 0.13 * place)
            axes.annotate(
                f"{row.feature_a} × {row.feature_b}", (row.score, (0.92 - 0.13 * place) * 1.5 * top_of_panel),
                xytext=(-3, 0), textcoords="offset points", ha="right", va="top", fontsize=6.5,
            )  # fmt: skip
        axes.set(xlabel="largest GEH of a null data set", ylabel="density")
        panel_title(axes, fit)
    entries = [Patch(color=colour, alpha=0.75, label=f"{null} null") for null, colour in looks.items()]
    entries += [
        Line2D([], [], color=GREY, ls="--", label="its 95 % quantile"),
        Line2D([], [], color=SIGNIFICANT, label="strongest pairs of the data"),
    ]
    shared_legend(figure, entries, columns=len(entries))
    caption = sentences(
        f"Study {results.study}. Largest score over pairs of networks refitted to data without interactions "
        f"({'; '.join(told)}). Permuted targets have lost their main effects as well, so networks fitted to "
        "them are nearly flat; additive data keep them.",
        "Calls rest on additive data, with every pair in units of its own spread.",
        "Counterpart of Fig. 10 in the appendix of Cui et al. (2020).",
    )
    return Drawn(figure, caption)


def _interval_rows(axes: Axes, rows: pd.DataFrame) -> None:
    heights = -np.arange(len(rows))
    called = yes(rows["call"])
    colours = np.where(called, SIGNIFICANT, NOT_SIGNIFICANT)
    axes.hlines(
        heights,
        rows["ci_low"].fillna(rows["score"]),
        rows["ci_high"].fillna(rows["score"]),
        color=colours,
        lw=1.1,
    )
    axes.scatter(
        rows["score"], heights, s=13, facecolor=np.where(called, SIGNIFICANT, "white"), edgecolor=colours,
        linewidth=0.8, zorder=3,
    )  # fmt: skip
    axes.scatter(rows["null_quantile"], heights, marker="|", s=42, color=BLACK, linewidth=1.3, zorder=4)
    axes.scatter(rows["truth"], heights, marker="x", s=15, color=BLACK, linewidth=0.8, zorder=4)
    zero_lines(axes, y=False)
    axes.set_yticks(heights, pair_labels(rows), fontsize=6.5)
    for label, true in zip(axes.get_yticklabels(), yes(rows["interacts"])):
        label.set_fontweight("bold" if true else "normal")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set(xlabel="Group Expected Hessian", ylim=(heights[-1] - 0.7, 0.7))


def _half_map(axes: Axes, rows: pd.DataFrame, features: list[str]):
    """Scores below the diagonal, calls above it."""
    place = {name: index for index, name in enumerate(features)}
    a, b = rows["feature_a"].map(place).to_numpy(), rows["feature_b"].map(place).to_numpy()
    scores = np.full((len(features),) * 2, np.nan)
    scores[b, a] = rows["score"]
    image = axes.imshow(scores, cmap="Blues", vmin=0)
    called = yes(rows["call"])
    published = yes(rows["published_call"]) & ~called
    for chosen, colour in ((called, SIGNIFICANT), (published, "white")):
        edge = SIGNIFICANT if colour == SIGNIFICANT else NOT_SIGNIFICANT
        axes.scatter(b[chosen], a[chosen], s=13, facecolor=colour, edgecolor=edge, linewidth=0.8)
    for i, j in zip(a[yes(rows["interacts"])], b[yes(rows["interacts"])]):
        axes.add_patch(Rectangle((i - 0.5, j - 0.5), 1, 1, fill=False, ec=BLACK, lw=0.9))
        axes.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, fill=False, ec=BLACK, lw=0.9))
    axes.set_xticks(range(len(features)), features, rotation=90, fontsize=6)
    axes.set_yticks(range(len(features)), features, fontsize=6)
    axes.tick_params(length=0)
    return image


def _calls_in_words(rows: pd.DataFrame) -> list[str]:
    """What either rule calls, of all pairs of a network."""
    n = len(rows)
    said = []
    if rows["published_call"].notna().any():
        said.append(f"published rule: {int(yes(rows['published_call']).sum())} of {n} pairs")
    if rows["call"].notna().any():
        said.append(f"additive-null rule: {int(yes(rows['call']).sum())} of {n}")
    return said


def _null_words(results: HessianResults, rows: pd.DataFrame) -> str:
    if not rows["call"].notna().any():
        return "No network was refitted to additive data, so nothing can be called."
    draws = results.nulls[(results.nulls["null"] == "additive")].groupby("fit")["draw"].nunique()
    many = f" ({number(draws.max())} refits)" if len(draws) else ""
    return (
        f"A pair is called if networks refitted to additive data{many} give any pair so large a score, in "
        f"units of its own spread, in at most {100 * results.alpha:g} % of cases."
    )

"""Does the interaction lower the loss? The evidence that the verdict rests on."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator

from seqaudit.figures.captions import (
    SEM,
    counterpart,
    dataset_words,
    loss_words,
    model_count,
    p_text,
    paper,
    power_of_ten,
    sentences,
    span,
)
from seqaudit.figures.results import DatasetResults, below, motif_pairs_of, of_pair
from seqaudit.figures.style import (
    BLUE,
    LIGHT_GREY,
    ORANGE,
    Drawn,
    diagonal,
    in_house_style,
    markers_of,
    model_legend,
    panel_title,
    panels_for,
    say_missing,
    scatter_models,
    shared_legend,
    unavailable,
    zero_lines,
)

_IMPROVEMENT = {("negative", "valid"): "Fig. 2 top right", ("negative", "same"): "Fig. F.2 top right"}
_DENSITIES = {
    ("negative", "valid"): "Fig. 2 bottom left",
    ("positive", "valid"): "Fig. E.2",
    ("negative", "same"): "Fig. F.2 bottom left",
    ("positive", "same"): "Fig. F.4",
}
_TRAIN_TEST = {("negative", "valid"): "Fig. D.2", ("negative", "same"): "Fig. F.7"}
_HELPS = "Median loss improvement\n(above 0: the interaction helps)"


@in_house_style
def improvement(results: DatasetResults) -> Drawn:
    """Median loss improvement against how |interaction| follows main effects (Figs 2 TR, F.2 TR)."""
    models, x, y = results.models, "r_abs_interaction_main", "median_loss_improvement"
    if models[y].dropna().empty:
        return unavailable("no model has a loss with and without the interaction.")
    pairs, markers = motif_pairs_of(results), markers_of(models["arch"])
    figure, grid = panels_for(len(pairs), height=2.7)
    counts = []
    for axes, motif_pair in zip(grid, pairs):
        rows = of_pair(models, motif_pair)
        hits = below(rows["paired_p"], results.alpha)
        scatter_models(axes, rows, x, y, significant=hits, markers=markers)
        axes.margins(0.12)
        axes.set_ylabel(_HELPS)
        axes.set_xlabel("Correlation of |interaction| with summed main effects (r)")
        _shade_gain(axes)
        panel_title(axes, motif_pair, f"{int(hits.sum())} of {len(rows)} significant")
        counts.append(f"{motif_pair}: {int(hits.sum())} of {len(rows)}")
    shared_legend(figure, model_legend(markers, yes=f"paired p < {results.alpha:g}", no="not significant"))
    caption = sentences(
        f"{dataset_words(results.dataset, models)}; {model_count(models)}, one point each, "
        f"{span(models['n_pairs'])} held-out motif pairs per model.",
        "Loss improvement = loss of the prediction without the interaction minus loss with it "
        f"({loss_words(results.transform, results.unit)}); above 0 the interaction helps to predict the "
        "data.",
        f"Filled: one-sided signed-rank (Wilcoxon) test of the improvement, p < {results.alpha:g} "
        f"({'; '.join(counts)}), no correction for the number of models.",
        "x: Pearson r over the pairs between |interaction| and the sum of both main effects.",
        counterpart(models, _IMPROVEMENT),
    )
    return Drawn(figure, caption)


@in_house_style
def densities(results: DatasetResults) -> Drawn:
    """Distribution of losses with and without the interaction (Figs 2 BL, E.2, F.2 BL, F.4)."""
    models, pairs = results.models, results.pairs.dropna(subset=["loss_with", "loss_without"])
    if pairs.empty:
        return unavailable("no model has a loss with and without the interaction.")
    names = motif_pairs_of(results)
    figure, grid = panels_for(len(names), height=2.4)
    top = np.log1p(float(pairs[["loss_with", "loss_without"]].max(axis=None)))
    bins = np.linspace(0, top or 1.0, 61)
    told = []
    for axes, motif_pair in zip(grid, names):
        chosen = pooled_models(results, motif_pair)
        rows = of_pair(pairs, motif_pair)
        rows = rows[rows["model_id"].isin(chosen.model_ids)]
        tests = f"paired {p_text(chosen.paired_p)}, unpaired {p_text(chosen.unpaired_p)}"
        panel_title(axes, motif_pair, chosen.words, tests)
        if rows.empty:
            say_missing(axes, "no losses for this motif pair.")
            continue
        for column, colour, style in (("loss_with", BLUE, "-"), ("loss_without", ORANGE, "--")):
            values = np.log1p(rows[column])
            axes.hist(values, bins, density=True, histtype="stepfilled", color=colour, alpha=0.22, lw=0)
            axes.hist(values, bins, density=True, histtype="step", color=colour, lw=1.3, ls=style)
        axes.set(xlabel="Squared error of one pair", ylabel="Density (per unit of ln(1 + x))")
        _log1p_axis(axes, top)
        told.append(f"{motif_pair}: {chosen.words}, n = {len(rows):,} losses, {tests}")
    shared_legend(
        figure,
        [
            Line2D([], [], color=BLUE, lw=1.5, label="prediction as it is"),
            Line2D([], [], color=ORANGE, lw=1.5, ls="--", label="prediction without the interaction"),
        ],
    )
    caption = sentences(
        f"{dataset_words(results.dataset, models)}. Loss of every held-out motif pair "
        f"({loss_words(results.transform, results.unit)}, drawn on an ln(1 + x) axis).",
        f"Shown are the models whose paired test has p < {results.alpha:g}, pooled, or the one nearest to "
        "it.",
        f"{'; '.join(told)}.",
        "If the interaction is real, the dashed curve lies to the right. The unpaired (Mann-Whitney) test "
        "asks whether it does; the paired test also finds shifts far too small to see here.",
        counterpart(models, _DENSITIES),
    )
    return Drawn(figure, caption)


class PooledModels(NamedTuple):
    """Models whose pairs a figure pools, what to call them, and their tests."""

    model_ids: list[str]
    words: str
    paired_p: float
    unpaired_p: float


def pooled_models(results: DatasetResults, motif_pair: str) -> PooledModels:
    """All models with a significant paired test; the one nearest to it where there is none."""
    rows = of_pair(results.models, motif_pair).sort_values("paired_p")
    red = rows[below(rows["paired_p"], results.alpha)]
    if len(red) > 1:
        verdict = of_pair(results.verdicts, motif_pair).iloc[0]
        words = f"{len(red)} significant models pooled"
        return PooledModels(
            list(red["model_id"]), words, verdict["pooled_paired_p"], verdict["pooled_unpaired_p"]
        )
    words = "the one significant model" if len(red) else "model nearest to significance"
    first = rows.iloc[0]
    return PooledModels([first["model_id"]], words, first["paired_p"], first["unpaired_p"])


@in_house_style
def train_against_test(results: DatasetResults) -> Drawn:
    """Median loss improvement on training against held-out pairs (paper Figs D.2, F.7)."""
    models, x, y = results.models, "median_loss_improvement_train", "median_loss_improvement"
    if models[[x, y]].dropna().empty:
        return unavailable("no model has loss improvements on both training and held-out pairs.")
    pairs, markers = motif_pairs_of(results), markers_of(models["arch"])
    figure, grid = panels_for(len(pairs), height=2.7)
    for axes, motif_pair in zip(grid, pairs):
        rows = of_pair(models, motif_pair)
        panel_title(axes, motif_pair)
        if rows[[x, y]].dropna().empty:
            say_missing(axes, "no training pairs.")
            continue
        hits = below(rows["paired_p"], results.alpha)
        scatter_models(axes, rows, x, y, significant=hits, markers=markers)
        axes.margins(0.12)
        zero_lines(axes)
        diagonal(axes)
        axes.set_ylabel("Median loss improvement, held-out pairs")
        axes.set_xlabel("Median loss improvement, training pairs")
    legend = model_legend(markers, yes=f"paired p < {results.alpha:g} (held-out)", no="not significant")
    shared_legend(figure, [*legend, Line2D([], [], ls=":", color="grey", label="equal")])
    caption = sentences(
        f"{dataset_words(results.dataset, models)}; {model_count(models)}, one point each; "
        f"{span(models['n_pairs_train'])} training and {span(models['n_pairs'])} held-out motif pairs.",
        "Points below the dotted line: the interaction helps more on the sequences the model was trained on, "
        "a sign of fitting noise. Tests on training pairs therefore prove nothing.",
        f"Filled: paired test on held-out pairs, p < {results.alpha:g}.",
        counterpart(models, _TRAIN_TEST),
    )
    return Drawn(figure, caption)


@in_house_style
def random_location(all_results: Sequence[DatasetResults]) -> Drawn:
    """Mean loss improvement of real pairs against random locations, all datasets (paper Fig. G.1)."""
    x, y = "mean_loss_improvement", "mean_loss_improvement_random_location"
    shown = [(r, pair) for r in all_results for pair in motif_pairs_of(r)]
    if all(r.models[[x, y]].dropna().empty for r in all_results):
        return unavailable("no model has loss improvements at random locations.")
    markers = markers_of(arch for r in all_results for arch in r.models["arch"])
    figure, grid = panels_for(len(shown), height=2.6)
    counts = []
    for axes, (results, motif_pair) in zip(grid, shown):
        rows = of_pair(results.models, motif_pair)
        name = f"{results.dataset} · {motif_pair}"
        drawable = rows.dropna(subset=[x, y])
        if drawable.empty:
            panel_title(axes, name)
            say_missing(axes, "no losses at random locations.")
            continue
        axes.set(
            xlabel="Mean loss improvement, real pairs", ylabel="Mean loss improvement,\nrandom locations"
        )
        axes.errorbar(
            drawable[x],
            drawable[y],
            xerr=drawable["sem_loss_improvement"],
            yerr=drawable["sem_loss_improvement_random_location"],
            ls="",
            ecolor=LIGHT_GREY,
            elinewidth=0.7,
            zorder=2,
        )
        hits = below(rows["random_location_p"], results.alpha)
        scatter_models(axes, rows, x, y, significant=hits, markers=markers)
        axes.margins(0.08)
        zero_lines(axes)
        diagonal(axes)
        known = int(rows["random_location_p"].notna().sum())
        panel_title(axes, name, f"{int(hits.sum())} of {known} significant")
        counts.append(f"{results.dataset}, {motif_pair}: {int(hits.sum())} of {known}")
    alpha = all_results[0].alpha
    legend = model_legend(markers, yes=f"real > random, p < {alpha:g}", no="not significant")
    shared_legend(figure, [*legend, Line2D([], [], ls=":", color="grey", label="equal")])
    caption = sentences(
        f"{len(all_results)} dataset{'s' * (len(all_results) > 1)}, one point per model, "
        f"{span(n for r in all_results for n in r.models['n_pairs'])} held-out pairs per model.",
        "Mean loss improvement at the real motif pairs against that at random locations of the same "
        "sequences.",
        SEM,
        f"Filled: rank-sum (Mann-Whitney) test, real greater, p < {alpha:g} ({'; '.join(counts)}).",
        "Random locations can overlap a motif, so this null is not free of signal.",
        paper("Fig. G.1"),
    )
    return Drawn(figure, caption)


def _shade_gain(axes) -> None:
    low, high = axes.get_ylim()
    margin = 0.05 * (max(high, 0) - min(low, 0))
    low, high = min(low, -margin), max(high, margin)
    axes.axhspan(0, high, color=LIGHT_GREY, alpha=0.25, lw=0, zorder=0)
    axes.axhline(0, color="#555555", lw=0.7, ls="--", zorder=1)
    axes.set_ylim(low, high)


def _log1p_axis(axes, top: float) -> None:
    decades = [1, 10, 100, 1e3, 1e4, 1e5, 1e6] if top > np.log1p(1e3) else [1, 3, 10, 30, 100, 300]
    ticks = [t for t in [0, *([0.3] if top < np.log1p(3e2) else []), *decades] if np.log1p(t) <= top]
    axes.xaxis.set_major_locator(FixedLocator(np.log1p(ticks)))
    axes.set_xticklabels([power_of_ten(t) if t else "0" for t in ticks])
    axes.set_xlim(0, top)

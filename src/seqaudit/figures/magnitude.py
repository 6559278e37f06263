"""How large is the interaction, and is size evidence? One point per model.

Large interactions are found in nearly every model, also where the truth has none: these
figures show why magnitude alone proves nothing.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from seqaudit.figures.captions import (
    SEM,
    counted,
    counterpart,
    dataset_words,
    model_count,
    number,
    p_text,
    paper,
    power_of_ten,
    sentences,
    span,
)
from seqaudit.figures.results import DatasetResults, below, motif_pairs_of, of_pair
from seqaudit.figures.style import (
    BLACK,
    GREEN,
    LIGHT_GREY,
    NOT_SIGNIFICANT,
    PALE_GREY,
    SIGNIFICANT,
    Drawn,
    diagonal,
    in_house_style,
    markers_of,
    model_legend,
    panel_title,
    panels,
    panels_for,
    say_missing,
    scatter_models,
    shared_legend,
    unavailable,
    zero_lines,
)

_NULLS = {
    "shuffled": ("shuffled_p", "shuffled sequences", "dinucleotide-shuffled sequences"),
    "random_location": (
        "random_location_magnitude_p",
        "random locations",
        "random locations of the same sequences",
    ),
}
_PUBLISHED_NULL = {
    ("negative", "valid"): "Fig. 2 top left",
    ("positive", "valid"): "Fig. E.1",
    ("negative", "same"): "Fig. F.2 top left",
    ("positive", "same"): "Fig. F.3",
}
_PUBLISHED_ERROR = {
    ("negative", "valid"): "Fig. 2 bottom right",
    ("positive", "valid"): "Fig. E.3",
    ("negative", "same"): "Fig. F.2 bottom right",
    ("positive", "same"): "Fig. F.5",
}


def against_shuffled(results: DatasetResults) -> Drawn:
    """Mean |interaction| of real pairs against shuffled sequences (paper Figs 2 TL, E.1, F.2 TL, F.3)."""
    return _against(results, "shuffled")


def against_random_location(results: DatasetResults) -> Drawn:
    """Mean |interaction| of real pairs against random locations of the same sequences."""
    return _against(results, "random_location")


@in_house_style
def _against(results: DatasetResults, null: str) -> Drawn:
    test, short, long = _NULLS[null]
    real_column, null_column = "mean_abs_interaction", f"mean_abs_interaction_{null}"
    models = results.models
    if models[[real_column, null_column]].dropna().empty:
        return unavailable(f"no model has interactions for {short}.")
    pairs, markers = motif_pairs_of(results), markers_of(models["arch"])
    figure, grid = panels_for(len(pairs), height=2.7)
    counts = []
    for axes, motif_pair in zip(grid, pairs):
        rows = of_pair(models, motif_pair)
        axes.set_xlabel(f"Mean |interaction|, real pairs ({results.unit})")
        axes.set_ylabel(f"Mean |interaction|, {short} ({results.unit})")
        drawable = rows.dropna(subset=[real_column, null_column])
        if drawable.empty:
            panel_title(axes, motif_pair)
            say_missing(axes, f"no model has interactions for {short}.")
            continue
        hits = below(rows[test], results.alpha)
        axes.errorbar(
            drawable[real_column],
            drawable[null_column],
            xerr=drawable["sem_abs_interaction"],
            yerr=drawable[f"sem_abs_interaction_{null}"],
            ls="",
            ecolor=LIGHT_GREY,
            elinewidth=0.7,
            zorder=2,
        )
        scatter_models(axes, rows, real_column, null_column, significant=hits, markers=markers)
        axes.set(xlim=(0, axes.get_xlim()[1]), ylim=(0, axes.get_ylim()[1]))
        diagonal(axes)
        known = int(rows[test].notna().sum())
        panel_title(axes, motif_pair, f"{int(hits.sum())} of {known} significant")
        counts.append(f"{motif_pair}: {int(hits.sum())} of {known}")
    legend = model_legend(markers, yes=f"p < {results.alpha:g}", no="not significant")
    shared_legend(figure, [*legend, Line2D([], [], ls=":", color="grey", label="equal")])
    caption = sentences(
        f"{dataset_words(results.dataset, models)}; {model_count(models)}, one point each, "
        f"{span(models['n_pairs'])} held-out motif pairs per model.",
        f"Mean absolute interaction at the real motifs against that at {long}.",
        SEM,
        f"Filled: rank-sum (Mann-Whitney) test of |interaction|, real greater, p < {results.alpha:g} "
        f"({'; '.join(counts)}).",
        "Points below the dotted line have larger interactions at real motifs. A large interaction is no "
        "evidence that it is real: all published models of additive data show one as well.",
        counterpart(models, _PUBLISHED_NULL) if null == "shuffled" else "",
    )
    return Drawn(figure, caption)


@in_house_style
def against_test_error(results: DatasetResults) -> Drawn:
    """Mean |interaction| against held-out error (paper Figs 2 BR, E.3, F.2 BR, F.5)."""
    models, verdicts = results.models, results.verdicts.set_index("motif_pair")
    if models["mean_abs_interaction"].dropna().empty:
        return unavailable("no model has an interaction.")
    pairs, markers = motif_pairs_of(results), markers_of(models["arch"])
    figure, grid = panels_for(len(pairs), height=2.7)
    found = []
    for axes, motif_pair in zip(grid, pairs):
        rows = of_pair(models, motif_pair)
        hits = below(rows["paired_p"], results.alpha)
        scatter_models(axes, rows, "test_mse", "mean_abs_interaction", significant=hits, markers=markers)
        axes.set_xlabel(f"Held-out mean squared error{_error_space(results)}")
        axes.set_ylabel(f"Mean |interaction| ({results.unit})")
        rho, p = verdicts.loc[motif_pair, ["spearman_mse_interaction", "spearman_p"]]
        truth = verdicts.loc[motif_pair, "true_mean_abs_interaction"]
        if truth > 0:
            axes.axhline(truth, color=GREEN, lw=0.9, ls="--", zorder=1)
        if pd.notna(rho):
            panel_title(axes, motif_pair, f"Spearman ρ = {number(rho, 2)}, {p_text(p)}")
            found.append(f"{motif_pair}: Spearman ρ = {number(rho, 2)}, {p_text(p)}")
        else:
            panel_title(axes, motif_pair)
            found.append(f"{motif_pair}: no rank correlation, too few models")
        axes.margins(0.12)
    legend = model_legend(markers, yes=f"paired p < {results.alpha:g}", no="not significant")
    if (verdicts["true_mean_abs_interaction"] > 0).any():
        legend.append(Line2D([], [], ls="--", color=GREEN, label="true mean |interaction|"))
    shared_legend(figure, legend)
    caption = sentences(
        f"{dataset_words(results.dataset, models)}; {model_count(models)}, one point each; error over "
        f"held-out sequences, interaction over {span(models['n_pairs'])} held-out motif pairs.",
        f"Does a better model have less spurious interaction? {'; '.join(found)}.",
        f"Filled: signed-rank test of the loss improvement (paired), p < {results.alpha:g}.",
        counterpart(models, _PUBLISHED_ERROR),
    )
    return Drawn(figure, caption)


@in_house_style
def by_architecture(all_results: Sequence[DatasetResults]) -> Drawn:
    """Signed mean interaction by architecture and L1 weight, datasets side by side (paper Fig. F.8)."""
    shown = [(r, pair) for r in all_results for pair in motif_pairs_of(r)]
    if not any(r.models["mean_interaction"].notna().any() for r in all_results):
        return unavailable("no model has an interaction.")
    figure, grid = panels(len(shown), columns=2, height=2.2)
    l1s = sorted({l1 for r in all_results for l1 in r.models["l1"]})
    shades = dict(zip(l1s, np.linspace(0.95, 0.72, len(l1s)))) if len(l1s) > 1 else {l1s[0]: 0.9}
    for axes, (results, motif_pair) in zip(grid, shown):
        _signed_bars(axes, of_pair(results.models, motif_pair), results.alpha, shades)
        panel_title(axes, f"{results.dataset} · {motif_pair}")
        axes.set_ylabel(f"Mean interaction ({results.unit})")
    legend = [
        Patch(facecolor=str(shades[l1]), edgecolor="#777777", label=f"L1 {power_of_ten(l1)}") for l1 in l1s
    ]
    alphas = sorted({r.alpha for r in all_results})
    legend += [
        Line2D(
            [], [], ls="", marker="o", mfc=SIGNIFICANT, mec=SIGNIFICANT, label=f"paired p < {alphas[0]:g}"
        ),
        Line2D([], [], ls="", marker="o", mfc="white", mec=NOT_SIGNIFICANT, label="not significant"),
    ]
    shared_legend(figure, legend, columns=6)
    designs = "; ".join(
        f"{r.dataset}: {model_count(r.models)}, {span(r.models['n_pairs'])} held-out pairs"
        for r in all_results
    )
    caption = sentences(
        f"{designs}.",
        "Dots: mean signed interaction of one model over its pairs; bars: mean of the dots (over seeds), "
        "grouped by architecture and L1 weight.",
        f"Filled: signed-rank test of the loss improvement (paired), p < {alphas[0]:g}.",
        "In additive data all values should be 0; a sign shared by all models of a panel is a systematic "
        "error.",
        paper("Fig. F.8"),
    )
    return Drawn(figure, caption)


def _signed_bars(axes, rows, alpha, shades) -> None:
    archs = sorted(set(rows["arch"]))
    width = 0.8 / len(shades)
    for i, arch in enumerate(archs):
        for j, (l1, shade) in enumerate(shades.items()):
            values = rows[(rows["arch"] == arch) & (rows["l1"] == l1)].dropna(subset=["mean_interaction"])
            if values.empty:
                continue
            x = i + (j - (len(shades) - 1) / 2) * width
            axes.bar(
                x, values["mean_interaction"].mean(), width * 0.92, color=str(shade), ec="#777777", lw=0.5
            )
            hits = below(values["paired_p"], alpha)
            spread = np.linspace(-0.28, 0.28, len(values)) * width if len(values) > 1 else np.zeros(1)
            for hit in (False, True):
                axes.scatter(
                    x + spread[hits == hit],
                    values["mean_interaction"][hits == hit],
                    s=11,
                    facecolor=SIGNIFICANT if hit else "white",
                    edgecolor=SIGNIFICANT if hit else NOT_SIGNIFICANT,
                    linewidth=0.7,
                    zorder=3,
                )
    axes.axhline(0, color=BLACK, lw=0.6)
    axes.set_xticks(range(len(archs)), archs)
    margin = 0.6 if len(archs) > 1 else 1.2
    axes.set_xlim(-margin, len(archs) - 1 + margin)
    axes.tick_params(axis="x", length=0)


@in_house_style
def by_motif_pair(results: DatasetResults) -> Drawn:
    """Mean interaction of every motif pair over models, as a forest plot."""
    models, verdicts = results.models, results.verdicts
    if models["mean_interaction"].dropna().empty:
        return unavailable("no model has an interaction.")
    pairs, markers = motif_pairs_of(results), markers_of(models["arch"])
    figure, (axes,) = panels(1, height=1.0 + 0.42 * len(pairs))
    figure.set_figwidth(5.4)
    for row, motif_pair in enumerate(pairs):
        if row % 2 == 0:
            axes.axhspan(row - 0.5, row + 0.5, color=PALE_GREY, alpha=0.5, lw=0, zorder=0)
        mine = of_pair(models, motif_pair).sort_values(["arch", "l1", "seed"])
        placed = mine.assign(row=row + np.linspace(-0.3, 0.3, len(mine)) if len(mine) > 1 else row)
        hits = below(mine["paired_p"], results.alpha)
        scatter_models(axes, placed, "mean_interaction", "row", significant=hits, markers=markers, size=14)
        verdict = verdicts[verdicts["motif_pair"] == motif_pair].iloc[0]
        if pd.notna(verdict["mean_interaction"]):
            axes.plot(
                [verdict["mean_interaction"]] * 2, [row - 0.38, row + 0.38], color=BLACK, lw=1.6, zorder=5
            )
        if pd.notna(verdict["true_mean_interaction"]):
            axes.plot(
                verdict["true_mean_interaction"], row, "D", ms=6, mfc=GREEN, mec="white", mew=0.6, zorder=6
            )
        axes.text(
            1.02, row, f"{verdict['verdict']}\n{verdict['n_supported']} of {verdict['n_models']} models",
            transform=axes.get_yaxis_transform(), va="center", fontsize=6.5,
        )  # fmt: skip
    zero_lines(axes, y=False)
    axes.set_yticks(range(len(pairs)), pairs)
    axes.set(ylim=(len(pairs) - 0.5, -0.5), xlabel=f"Mean interaction of a model ({results.unit})")
    axes.tick_params(axis="y", length=0)
    legend = model_legend(markers, yes=f"paired p < {results.alpha:g}", no="not significant")
    legend.append(Line2D([], [], ls="", marker="|", ms=9, mew=1.6, color=BLACK, label="mean over models"))
    if verdicts["true_mean_interaction"].notna().any():
        legend.append(Line2D([], [], ls="", marker="D", mfc=GREEN, mec="white", label="truth"))
    shared_legend(figure, legend, columns=4)
    caption = sentences(
        f"{dataset_words(results.dataset, models)}; {counted(len(pairs), 'motif pair')}, "
        f"{model_count(models)}; {span(models['n_pairs'])} held-out pairs per model.",
        "Each point is the mean signed interaction of one model, the black bar their mean.",
        f"Filled: signed-rank test of the loss improvement (paired), p < {results.alpha:g}. "
        "Right: the verdict, and how many models support it.",
        "Green diamond: mean true interaction of the same pairs."
        if verdicts["true_mean_interaction"].notna().any()
        else "The truth is unknown for measured data.",
    )
    return Drawn(figure, caption)


def _error_space(results: DatasetResults) -> str:
    return f" of 2√({results.unit} + 3/8)" if results.transform == "anscombe" else f", ({results.unit})²"

"""Interactions pair by pair: against main effects, their errors, and position."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.lines import Line2D

from seqaudit.figures.captions import (
    counted,
    counterpart,
    dataset_words,
    model_count,
    paper,
    power_of_ten,
    sentences,
    span,
)
from seqaudit.figures.loss import pooled_models
from seqaudit.figures.results import DatasetResults, motif_pairs_of, of_pair
from seqaudit.figures.style import (
    BLUE,
    RASTER_ABOVE,
    Drawn,
    diagonal,
    in_house_style,
    panel_title,
    panels,
    say_missing,
    shared_legend,
    unavailable,
    zero_lines,
)

_COLOURS = LinearSegmentedColormap.from_list("pairs", ["#CFE1F2", "#6BAED6", "#2171B5", "#08306B"])
_CELLS = (52, 24)
"""Hexagons along x and y; regular ones in a panel of the size used here."""
_ERRORS = {("negative", "valid"): "Fig. D.3", ("negative", "same"): "Fig. F.6"}


@in_house_style
def against_main_effects(results: DatasetResults) -> Drawn:
    """Interaction against the summed main effects, pairs of all models (paper Fig. D.1)."""
    if results.pairs.empty:
        return unavailable("no interactions were computed.")
    names = motif_pairs_of(results)
    figure, grid = panels(len(names), columns=2, height=2.7)
    for axes, motif_pair in zip(grid, names):
        rows = of_pair(results.pairs, motif_pair)
        _density(figure, axes, rows["main_a"] + rows["main_b"], rows["interaction"], shared_axis=True)
        panel_title(axes, motif_pair)
        axes.set(ylabel=f"Interaction ({results.unit})")
        axes.set_xlabel(f"Summed main effects ({results.unit})")
    shared_legend(figure, _reference_lines())
    caption = sentences(
        f"{dataset_words(results.dataset, results.models)}; {model_count(results.models)} pooled, "
        f"{counted(len(results.pairs), 'held-out motif pair')} in all.",
        "Main effect of a motif: prediction with only this motif minus prediction with neither. "
        "Colour: motif pairs per cell, logarithmic (single points where there are few). "
        "Dashed: 0; dotted: equal.",
        "An interaction that grows with the main effects suggests an imperfect fit of their size.",
        paper("Fig. D.1"),
    )
    return Drawn(figure, caption)


@in_house_style
def against_main_effect_error(results: DatasetResults) -> Drawn:
    """Error of the interaction against error of the main effects (paper Figs D.3, F.6)."""
    truth = _true_effects(results.knockouts)
    if truth["true_main"].notna().sum() == 0:
        return unavailable("the true main effects are unknown for measured data.")
    names = motif_pairs_of(results)
    figure, grid = panels(len(names), columns=2, height=2.7)
    told = []
    for axes, motif_pair in zip(grid, names):
        chosen = pooled_models(results, motif_pair)
        rows = of_pair(results.pairs, motif_pair)
        rows = rows[rows["model_id"].isin(chosen.model_ids)].merge(truth, on="pair_id", how="left")
        panel_title(axes, motif_pair, chosen.words)
        axes.set(ylabel=f"Predicted − true interaction ({results.unit})")
        axes.set_xlabel(f"True − predicted main effects ({results.unit})")
        if rows["true_main"].notna().sum() == 0:
            say_missing(axes, "no motif pair with known truth.")
            continue
        error = rows["true_main"] - rows["main_a"] - rows["main_b"]
        _density(figure, axes, error, rows["interaction"] - rows["true_interaction"], shared_axis=True)
        told.append(f"{motif_pair}: {chosen.words}, {counted(len(rows), 'held-out motif pair')}")
    shared_legend(figure, _reference_lines())
    caption = sentences(
        f"{dataset_words(results.dataset, results.models)}. {'; '.join(told)}.",
        "x: true minus predicted sum of the main effects; y: predicted minus true interaction (the true "
        "one is 0 in additive data). Along the dotted line the false interaction repairs exactly what the "
        "main effects miss: this is how a false interaction can lower the loss.",
        counterpart(results.models, _ERRORS),
    )
    return Drawn(figure, caption)


@in_house_style
def against_position(all_results: Sequence[DatasetResults]) -> Drawn:
    """Interaction against distance from the sequence's centre, datasets side by side (paper Fig. F.1)."""
    shown = [(r, pair) for r in all_results for pair in motif_pairs_of(r)]
    if all(r.pairs.empty for r in all_results):
        return unavailable("no interactions were computed.")
    figure, grid = panels(len(shown), columns=2, height=2.5)
    for axes, (results, motif_pair) in zip(grid, shown):
        rows = of_pair(results.pairs, motif_pair).merge(_off_centre(results), on="pair_id", how="left")
        panel_title(axes, f"{results.dataset} · {motif_pair}")
        axes.set(ylabel=f"Interaction ({results.unit})")
        axes.set_xlabel("Distance of the outer motif from the centre (bp)")
        if rows["off_centre"].notna().sum() == 0:
            say_missing(axes, "no positions of motif pairs.")
            continue
        _density(figure, axes, rows["off_centre"], rows["interaction"])
    designs = "; ".join(
        f"{r.dataset}: {model_count(r.models)}, {span(r.models['n_pairs'])} held-out pairs each"
        for r in all_results
    )
    caption = sentences(
        f"Pairs of all models. {designs}.",
        "Distance: the larger of the two distances between a motif's centre and the centre of the sequence. "
        "Colour: motif pairs per cell, logarithmic (single points where there are few).",
        "Without padding ('valid'), a convolution sees bases near the ends fewer times: interactions that "
        "appear only there are made by the architecture, not by the data.",
        paper("Fig. F.1"),
    )
    return Drawn(figure, caption)


def _density(figure, axes, x: pd.Series, y: pd.Series, *, shared_axis: bool = False) -> None:
    """Points while they can be told apart, else counts per cell.

    With ``shared_axis`` x and y have one unit and zero: both axes show it and x = y. Otherwise
    x is a whole or half number, and cells are columns of width 1.
    """
    keep = np.isfinite(x) & np.isfinite(y)
    x, y = x[keep].to_numpy(), y[keep].to_numpy()
    low, high = [min(0.0, x.min()), min(0.0, y.min())], [max(0.0, x.max()), max(0.0, y.max())]
    if not shared_axis:
        low[0], high[0] = np.floor(x.min()) - 0.25, np.ceil(x.max()) + 0.75
    axes.set(
        xlim=(low[0], high[0]),
        ylim=(low[1] - 0.03 * (high[1] - low[1]), high[1] + 0.03 * (high[1] - low[1])),
    )
    zero_lines(axes, x=shared_axis)
    if shared_axis:
        diagonal(axes)
    if len(x) <= RASTER_ABOVE:
        axes.scatter(x, y, s=5, lw=0, color=BLUE, alpha=0.5)
        return
    if shared_axis:
        extent = (low[0], high[0], low[1], high[1])
        cells = axes.hexbin(
            x, y, gridsize=_CELLS, extent=extent, mincnt=1, norm=LogNorm(vmin=1), cmap=_COLOURS,
            linewidths=0.1, rasterized=True,
        )  # fmt: skip
    else:
        bins = np.arange(low[0], high[0] + 1), np.linspace(low[1], high[1], _CELLS[1] * 2)
        *_, cells = axes.hist2d(x, y, bins, cmin=1, norm=LogNorm(vmin=1), cmap=_COLOURS, rasterized=True)
    bar = figure.colorbar(cells, ax=axes, aspect=28, pad=0.015, format=lambda v, _: power_of_ten(v))
    bar.set_label("Pairs per cell")
    bar.ax.minorticks_off()
    bar.outline.set_visible(False)


def _reference_lines() -> list[Line2D]:
    return [
        Line2D([], [], ls="--", color="#999999", label="zero"),
        Line2D([], [], ls=":", color="#555555", label="equal"),
    ]


def _true_effects(knockouts: pd.DataFrame) -> pd.DataFrame:
    both_off = knockouts["expected_both_off"]
    main_a, main_b = knockouts["expected_b_off"] - both_off, knockouts["expected_a_off"] - both_off
    return pd.DataFrame(
        {
            "pair_id": knockouts["pair_id"],
            "true_main": main_a + main_b,
            "true_interaction": knockouts["expected_orig"] - both_off - main_a - main_b,
        }
    )


def _off_centre(results: DatasetResults) -> pd.DataFrame:
    knockouts, widths = results.knockouts, {name: len(ppm) for name, ppm in results.motifs.items()}
    middle = knockouts["orig"].str.len() / 2
    distances = [
        (knockouts[f"start_{side}"] + knockouts[f"motif_{side}"].map(widths) / 2 - middle).abs()
        for side in ("a", "b")
    ]
    return pd.DataFrame({"pair_id": knockouts["pair_id"], "off_centre": np.maximum(*distances)})

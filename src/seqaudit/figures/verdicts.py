"""All models and all tests at a glance."""

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.patches import Patch, Rectangle

from seqaudit.figures.captions import counted, power_of_ten, sentences, span, superscript
from seqaudit.figures.results import DatasetResults, motif_pairs_of, of_pair
from seqaudit.figures.style import (
    WIDTH,
    Drawn,
    in_house_style,
    panel_title,
    panels,
    shared_legend,
    unavailable,
)

TESTS = {
    "Loss": {
        "paired_p": "paired",
        "unpaired_p": "unpaired",
        "twin_p": "additive twin",
        "random_location_p": "vs random",
        "shuffled_loss_p": "vs shuffled",
    },
    "Train": {
        "train_paired_p": "paired",
        "train_unpaired_p": "unpaired",
        "train_random_location_p": "vs random",
    },
    "Size": {
        "interaction_p": "not 0",
        "random_location_magnitude_p": "vs random",
        "shuffled_p": "vs shuffled",
    },
}
"""Tests of the loss_models table by what they look at, the most telling ones first."""

_BOUNDS = (3, 6, 12)
_SHADES = ("#F1F1F1", "#C6DBEF", "#6BAED6", "#2171B5", "#08306B")
_LARGEST = 400.0
"""Stands for -log10 of a p-value that has become 0."""
_NUMBERS_UP_TO = 15
"""With no more rows than this the cells also carry their number."""


@in_house_style
def overview(all_results: Sequence[DatasetResults]) -> Drawn:
    """Heat map of -log10 p: models by tests, one panel per dataset and motif pair."""
    shown = [(r, pair) for r in all_results for pair in motif_pairs_of(r)]
    tests = {
        group: [t for t in members if any(r.models[t].notna().any() for r in all_results)]
        for group, members in TESTS.items()
    }
    tests = {group: members for group, members in tests.items() if members}
    if not tests:
        return unavailable("no test could be computed.")
    most_rows = max(len(of_pair(r.models, pair)) for r, pair in shown)
    columns = 4 if len(shown) in (4, 7, 8) else 3
    room = 6.3 if len(shown) <= columns else 4.0
    row_height = float(np.clip(room / most_rows, 0.05, 0.2))
    figure, grid = panels(len(shown), columns=columns, height=1.25 + row_height * most_rows)
    figure.set_figwidth({1: 4.3, 2: 6.2}.get(len(shown), WIDTH))
    same_design = len({len(of_pair(r.models, pair)) for r, pair in shown}) == 1
    for i, (axes, (results, motif_pair)) in enumerate(zip(grid, shown)):
        models = (
            of_pair(results.models, motif_pair).sort_values(["arch", "l1", "seed"]).reset_index(drop=True)
        )
        _heat(axes, models, tests, results.alpha)
        panel_title(axes, f"{results.dataset}\n{motif_pair}", "")
        if i % columns == 0 or not same_design:
            _row_labels(axes, models, row_height)
    alpha = all_results[0].alpha
    edges = [f"p ≥ {alpha:g}", f"p < {alpha:g}", *(f"p < 10{superscript(-bound)}" for bound in _BOUNDS)]
    legend = [Patch(fc=c, ec="#999999", lw=0.4, label=e) for c, e in zip(_SHADES, edges)]
    if any(r.models[t].isna().any() for r in all_results for group in tests.values() for t in group):
        legend.append(Patch(fc="white", ec="#999999", lw=0.4, hatch="/////", label="not computed"))
    shared_legend(figure, legend, columns=len(legend) if len(shown) > 1 else 3)
    caption = sentences(
        f"{counted(len(shown), 'question')} (dataset × motif pair), "
        f"{span(len(of_pair(r.models, pair)) for r, pair in shown)} models each, "
        f"{span(n for r in all_results for n in r.models['n_pairs'])} held-out motif pairs per model.",
        "Each row is a trained model (architecture, L1 weight, seed), each column a test; darker is "
        f"smaller p, grey is not significant at {alpha:g}; no correction for the number of models.",
        "Numbers are −log₁₀ p." if most_rows <= _NUMBERS_UP_TO else "",
        "Loss: does removing the interaction raise the loss on held-out pairs? Train: the same on pairs "
        "the model has seen. Size: is the interaction different from 0, or larger than at random locations "
        "or in shuffled sequences? Size proves little: in the published study these tests were significant "
        "for every model, also where the truth has no interaction.",
    )
    return Drawn(figure, caption)


def _heat(axes, models, tests: dict[str, list[str]], alpha: float) -> None:
    names = [test for members in tests.values() for test in members]
    with np.errstate(divide="ignore"):
        strength = np.minimum(-np.log10(models[names].to_numpy(dtype=float)), _LARGEST)
    for row, column in np.argwhere(np.isnan(strength)):
        axes.add_patch(
            Rectangle((column - 0.5, row - 0.5), 1, 1, fc="white", ec="#BBBBBB", hatch="/////", lw=0)
        )
    axes.imshow(
        np.ma.masked_invalid(strength),
        cmap=ListedColormap(_SHADES),
        norm=BoundaryNorm([0, -np.log10(alpha), *_BOUNDS, _LARGEST + 1], len(_SHADES)),
        aspect="auto",
        interpolation="nearest",
    )
    labels = [TESTS[group][test] for group, members in tests.items() for test in members]
    axes.set_xticks(range(len(names)), labels, rotation=90, fontsize=6.5)
    axes.set_yticks([])
    axes.tick_params(length=0, pad=2)
    axes.spines[:].set_visible(False)
    _rule(axes.axvline, np.arange(len(names) - 1) + 0.5, "white", 0.7)
    _rule(axes.axhline, _changes(models["arch"].astype(str) + models["l1"].astype(str)), "white", 1.5)
    _rule(axes.axhline, _changes(models["arch"]), "#222222", 0.9)
    first = 0
    for group, members in tests.items():
        axes.annotate(
            group, (first - 0.4, 1), (0, 3), xycoords=("data", "axes fraction"), textcoords="offset points",
            fontsize=6.5, color="#333333",
        )  # fmt: skip
        first += len(members)
        if first < len(names):
            axes.axvline(first - 0.5, color="white", lw=4)
    if len(models) <= _NUMBERS_UP_TO:
        for (row, column), value in np.ndenumerate(strength):
            if np.isfinite(value):
                shown = "∞" if value == _LARGEST else f"{value:.{0 if value >= 9.95 else 1}f}"
                colour = "white" if value >= _BOUNDS[1] else "#222222"
                axes.text(column, row, shown, ha="center", va="center", fontsize=5, color=colour)


def _row_labels(axes, models, row_height: float) -> None:
    """Architecture and L1 weight once per block, the seed on every row that has room for it."""
    size = min(6.5, 72 * row_height * 0.85)
    if size >= 3.5:
        axes.set_yticks(range(len(models)), models["seed"].astype(str), fontsize=size)
    for (arch,), block in models.groupby(["arch"], sort=False):
        _block_label(axes, arch, block, -60, "bold")
    for (_, l1), block in models.groupby(["arch", "l1"], sort=False):
        _block_label(axes, f"L1 {power_of_ten(l1)}", block, -22, "normal")


def _block_label(axes, text: str, block, points: float, weight: str) -> None:
    axes.annotate(
        text, (0, block.index.to_numpy().mean()), (points, 0), xycoords=("axes fraction", "data"),
        textcoords="offset points", ha="right", va="center", fontsize=6.5, fontweight=weight,
    )  # fmt: skip


def _rule(line, positions, colour: str, width: float) -> None:
    for position in positions:
        line(position, color=colour, lw=width)


def _changes(values) -> np.ndarray:
    """Positions between rows at which a value changes."""
    values = values.to_numpy()
    return np.flatnonzero(values[1:] != values[:-1]) + 0.5

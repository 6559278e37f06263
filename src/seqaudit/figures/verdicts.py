"""All models and all tests at a glance."""

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.patches import Patch

from seqaudit.figures.captions import counted, sentences, span
from seqaudit.figures.results import DatasetResults, motif_pairs_of, of_pair
from seqaudit.figures.style import GREY, Drawn, in_house_style, pages_legend, panels, superscript, unavailable

TESTS = {
    "paired_p": "loss, paired",
    "unpaired_p": "loss, unpaired",
    "twin_p": "additive twin",
    "random_location_p": "loss, vs random locations",
    "shuffled_loss_p": "loss, vs shuffled",
    "train_paired_p": "training pairs: loss, paired",
    "train_unpaired_p": "training pairs: loss, unpaired",
    "train_random_location_p": "training pairs: vs random",
    "interaction_p": "interaction ≠ 0",
    "random_location_magnitude_p": "size, vs random locations",
    "shuffled_p": "size, vs shuffled",
}
"""Tests in the order of how much they say about the truth; dividers follow ``_GROUP_STARTS``."""
_GROUP_STARTS = ("random_location_p", "train_paired_p", "interaction_p")
_BOUNDS = (3.0, 6.0, 12.0, 300.0)
_SHADES = ("#F3F3F3", "#C6DBEF", "#6BAED6", "#2171B5", "#08306B")
_NUMBERS_BELOW = 16
"""With fewer rows than this the cells also carry their number."""


@in_house_style
def overview(all_results: Sequence[DatasetResults]) -> Drawn:
    """Heat map of -log10 p: models by tests, one panel per dataset and motif pair."""
    shown = [(r, pair) for r in all_results for pair in motif_pairs_of(r)]
    tests = [t for t in TESTS if any(r.models[t].notna().any() for r in all_results)]
    if not tests:
        return unavailable("no test could be computed.")
    most_rows = max(len(of_pair(r.models, pair)) for r, pair in shown)
    row_height = float(np.clip(6.2 / most_rows, 0.05, 0.19))
    columns = min(4, len(shown))
    figure, grid = panels(len(shown), columns=columns, height=1.7 + row_height * most_rows)
    if columns < 3:
        figure.set_figwidth({1: 4.4, 2: 6.6}[columns])
    for i, (axes, (results, motif_pair)) in enumerate(zip(grid, shown)):
        models = of_pair(results.models, motif_pair).sort_values(["arch", "l1", "seed"])
        _heat(axes, models, tests, results.alpha, row_height)
        axes.set_title(f"{results.dataset}\n{motif_pair}")
        if i % columns == 0 or columns < 3 or len({len(r.models) for r in all_results}) > 1:
            _row_labels(axes, models, row_height)
    alpha = all_results[0].alpha
    edges = [f"p ≥ {alpha:g}", f"p < {alpha:g}", *(f"p < 10{superscript(-int(b))}" for b in _BOUNDS[:-1])]
    legend = [Patch(fc=c, ec="#999999", lw=0.4, label=e) for c, e in zip(_SHADES, edges)]
    legend.append(Patch(fc="white", ec="#999999", lw=0.4, hatch="////", label="not computed"))
    pages_legend(figure, legend)
    caption = sentences(
        f"{counted(len(shown), 'question')} (dataset × motif pair), "
        f"{span(len(of_pair(r.models, pair)) for r, pair in shown)} models each, "
        f"{span(n for r in all_results for n in r.models['n_pairs'])} held-out motif pairs per model.",
        "Each row is a trained model, each column a test; darker is smaller p, palest is not significant at "
        f"{alpha:g}; no correction for the number of models.",
        "Columns are ordered by how much they say about the truth. Tests of size, on the right, come out "
        "significant for nearly every model, also where the truth has no interaction; the unpaired loss test "
        "separates real from false.",
    )
    return Drawn(figure, caption)


def _heat(axes, models, tests, alpha, row_height) -> None:
    with np.errstate(divide="ignore"):
        strength = -np.log10(models[tests].to_numpy(dtype=float))
    bounds = [0.0, -np.log10(alpha), *_BOUNDS[:-1], 400.0]
    norm = BoundaryNorm(bounds, len(_SHADES))
    axes.set_facecolor("white")
    rows, columns = strength.shape
    for row, column in zip(*np.nonzero(np.isnan(strength))):
        axes.add_patch(
            Patch(fc="white", ec="#BBBBBB", hatch="////", lw=0) if False else _missing_cell(column, row)
        )
    axes.imshow(
        np.ma.masked_invalid(np.minimum(strength, 399.0)),
        cmap=ListedColormap(_SHADES),
        norm=norm,
        aspect="auto",
        interpolation="nearest",
    )
    axes.set_xticks(
        range(columns), [TESTS[t] for t in tests], rotation=55, ha="right", rotation_mode="anchor"
    )
    axes.set_yticks([])
    axes.tick_params(length=0)
    for edge in np.arange(0.5, columns - 0.5):
        axes.axvline(edge, color="white", lw=0.6)
    for start in _GROUP_STARTS:
        if start in tests and tests.index(start):
            axes.axvline(tests.index(start) - 0.5, color=GREY, lw=1.0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    for edge in _changes(models["arch"]):
        axes.axhline(edge, color="black", lw=0.9)
    for edge in _changes(models["arch"].astype(str) + models["l1"].astype(str)):
        axes.axhline(edge, color="white", lw=1.2, zorder=1.5)
    if rows < _NUMBERS_BELOW:
        for (row, column), value in np.ndenumerate(strength):
            if np.isfinite(value) or np.isinf(value):
                text = "∞" if np.isinf(value) else f"{value:.0f}" if value >= 9.95 else f"{value:.1f}"
                axes.text(
                    column, row, text, ha="center", va="center", fontsize=4.8,
                    color="white" if value >= _BOUNDS[1] else "#222222",
                )  # fmt: skip


def _missing_cell(column, row):
    from matplotlib.patches import Rectangle

    return Rectangle(
        (column - 0.5, row - 0.5), 1, 1, fc="white", ec="#BBBBBB", hatch="////", lw=0, zorder=0.5
    )


def _row_labels(axes, models, row_height) -> None:
    """Architecture and L1 once per block, seeds on every row where there is room."""
    size = min(6.5, 72 * row_height * 0.8)
    if size >= 3.6:
        axes.set_yticks(range(len(models)), models["seed"].astype(str), fontsize=size)
    axes.tick_params(axis="y", length=0, pad=1)
    for offset, columns, form in ((-0.17, ["arch", "l1"], "L1 {1:g}"), (-0.46, ["arch"], "{0}")):
        numbered = models.reset_index(drop=True)
        for key, block in numbered.groupby(columns, sort=False):
            axes.text(
                offset, block.index.to_numpy().mean(), form.format(*key), transform=axes.get_yaxis_transform(),
                ha="right", va="center", fontsize=6.5, fontweight="bold" if len(columns) == 1 else "normal",
            )  # fmt: skip


def _changes(values) -> np.ndarray:
    values = values.to_numpy()
    return np.flatnonzero(values[1:] != values[:-1]) + 0.5

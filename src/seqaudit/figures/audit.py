"""All models of a run at a glance: error, verdict and consistency, by architecture, L1 weight and seed."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from seqaudit.figures.captions import counted, power_of_ten, sentences, span
from seqaudit.figures.style import (
    BLUE,
    GREEN,
    VERMILLION,
    WIDTH,
    Drawn,
    in_house_style,
    shared_legend,
    unavailable,
)
from seqaudit.inference.audit_lines import spoken_consistency


class AuditResults(NamedTuple):
    """Tables behind the figures of the audit.

    Attributes
    ----------
    models : pandas.DataFrame
        Table ``loss_models``.
    consistency : pandas.DataFrame or None
        Table ``consistency_models``, where the run has it.
    """

    models: pd.DataFrame
    consistency: pd.DataFrame | None = None


class _Measure(NamedTuple):
    column: str
    title: str
    colour: str


_MEASURES = (
    _Measure("test_mse", "Held-out error", VERMILLION),
    _Measure("supported", "Supported motif pairs", GREEN),
    _Measure("consistency", "Attribution consistency (nats)", BLUE),
)
_ROW, _BETWEEN, _LEFT, _TOP, _BOTTOM = 0.15, 0.44, 1.0, 0.48, 0.52
"""Inches: height of a row of cells, room between datasets, for names of rows, above and below all."""
_PALE = "#F6F6F6"
_NUMBERS_UP_TO = 8
"""With no more seeds than this the cells also carry their number."""
_DARKEST = 1.5
"""Error, relative to the best model's, that gets the darkest colour."""


@in_house_style
def model_map(results: AuditResults) -> Drawn:
    """Heat map of all models: rows are architectures and L1 weights, columns seeds; a block per dataset."""
    cells = model_cells(results)
    if cells.empty:
        return unavailable("no model was tested.")
    measures = [m for m in _MEASURES if cells[m.column].notna().any()]
    designs = {
        dataset: list(block.groupby(["arch", "l1"]).groups)
        for dataset, block in cells.groupby("dataset", sort=False)
    }
    heights = [_ROW * len(rows) for rows in designs.values()]
    # one measure must not stretch over the page
    width = _LEFT + (WIDTH - _LEFT) * len(measures) / len(_MEASURES)
    height = sum(heights) + _BETWEEN * (len(heights) - 1) + _TOP + _BOTTOM
    figure = Figure(figsize=(width, height))
    grid = figure.subplots(
        len(designs),
        len(measures),
        squeeze=False,
        height_ratios=heights,
        gridspec_kw={
            "left": _LEFT / width,
            "right": 0.99,
            "top": 1 - _TOP / height,
            "bottom": _BOTTOM / height,
            "wspace": 0.08,
            "hspace": _BETWEEN / np.mean(heights),
        },
    )
    for axes_row, (dataset, rows) in zip(grid, designs.items()):
        block = cells[cells["dataset"] == dataset]
        for axes, measure in zip(axes_row, measures):
            _heat(axes, block, rows, measure, cells)
            axes.set_title(dataset if measure is measures[0] else " ", fontsize=8)
        _name_rows(axes_row[0], rows)
    for axes, measure in zip(grid[0], measures):
        axes.annotate(
            measure.title, (0.5, 1), (0, 20), xycoords="axes fraction", textcoords="offset points",
            ha="center", fontsize=7.5, color="#333333",
        )  # fmt: skip
    shared_legend(figure, _legend(cells), columns=4)
    return Drawn(figure, _caption(cells, measures))


def model_cells(results: AuditResults) -> pd.DataFrame:
    """One row per model: design, error, share of motif pairs it supports, consistency, selection.

    A pair that could not be tested counts neither way.
    """
    tested = results.models[results.models["verdict"] != "not tested"]
    share = tested["verdict"].eq("supported").groupby(tested["model_id"]).mean()
    cells = results.models.drop_duplicates("model_id")
    cells = cells[["model_id", "dataset", "arch", "l1", "seed", "test_mse"]].set_index("model_id")
    cells["supported"] = share
    cells["consistency"], cells["selected"] = np.nan, False
    if results.consistency is not None and len(results.consistency):
        spoken = spoken_consistency(results.consistency).set_index("model_id")
        cells["consistency"] = spoken["consistency_geometry"].astype(float)
        cells["selected"] = spoken["selected"].reindex(cells.index).eq(True)
    return cells.reset_index()


def _heat(axes: Axes, block: pd.DataFrame, rows: list, measure: _Measure, cells: pd.DataFrame) -> None:
    seeds = sorted(block["seed"].unique())
    values = np.full((len(rows), len(seeds)), np.nan)
    places = list(
        zip(block.apply(lambda m: rows.index((m["arch"], m["l1"])), axis=1), map(seeds.index, block["seed"]))
    )
    for (row, column), value in zip(places, block[measure.column]):
        values[row, column] = value
    low, high = _limits(measure, block, cells)
    colours = LinearSegmentedColormap.from_list(measure.column, [_PALE, measure.colour])
    # half of the range at most, so that black numbers stay readable on every cell
    axes.pcolormesh(np.ma.masked_invalid(values), cmap=colours, vmin=low, vmax=high + (high - low) * 0.35,
                    edgecolor="white", linewidth=0.8)  # fmt: skip
    axes.invert_yaxis()
    axes.set_xticks(np.arange(len(seeds)) + 0.5, seeds, fontsize=6)
    axes.set_yticks([])
    axes.tick_params(length=0, pad=1.5)
    axes.spines[:].set_visible(False)
    for position in _changes([arch for arch, _ in rows]):
        axes.axhline(position, color="#333333", lw=0.8)
    for row, column in np.argwhere(np.isnan(values)):
        axes.add_patch(Rectangle((column, row), 1, 1, fc="white", ec="#BBBBBB", hatch="/////", lw=0))
    if len(seeds) <= _NUMBERS_UP_TO:
        for (row, column), value in np.ndenumerate(values):
            if np.isfinite(value):
                axes.text(
                    column + 0.5,
                    row + 0.53,
                    _text(value, measure),
                    ha="center",
                    va="center",
                    fontsize=5.2,
                )
    for (row, column), selected in zip(places, block["selected"]):
        if selected:
            axes.add_patch(Rectangle((column + 0.04, row + 0.04), 0.92, 0.92, fill=False, ec="black", lw=1.3))


def _limits(measure: _Measure, block: pd.DataFrame, cells: pd.DataFrame) -> tuple[float, float]:
    if measure.column == "supported":
        return 0.0, 1.0
    if measure.column == "consistency":
        return min(0.0, cells["consistency"].min()), max(cells["consistency"].max(), 1e-9)
    # errors of different data cannot be compared: each block starts at its own best model
    best = block["test_mse"].min()
    return best, max(min(block["test_mse"].max(), _DARKEST * best), best * (1 + 1e-9) + 1e-12)


def _text(value: float, measure: _Measure) -> str:
    if measure.column == "supported" and value in (0, 1):
        return "all" if value else "none"
    return f"{value:#.3g}" if measure.column == "test_mse" else f"{value:.2f}".replace("-", "−")


def _name_rows(axes: Axes, rows: list) -> None:
    axes.set_yticks(
        np.arange(len(rows)) + 0.5, [power_of_ten(l1) if l1 else "0" for _, l1 in rows], fontsize=6.2
    )
    names = [arch for arch, _ in rows]
    for name in dict.fromkeys(names):
        middle = names.index(name) + names.count(name) / 2
        axes.annotate(
            name, (0, middle), (-26, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
            ha="right", va="center", fontsize=6.8, fontweight="bold",
        )  # fmt: skip
    axes.annotate(
        "L1", (0, 1), (-3, 3), xycoords="axes fraction", textcoords="offset points", ha="right", fontsize=6.2,
        color="#333333",
    )  # fmt: skip


def _legend(cells: pd.DataFrame) -> list:
    entries = [
        Patch(fc=VERMILLION, alpha=0.7, label="larger error"),
        Patch(fc=GREEN, alpha=0.7, label="supports the interactions"),
    ]
    if cells["consistency"].notna().any():
        entries.append(Patch(fc=BLUE, alpha=0.7, label="more consistent"))
    if cells["selected"].any():
        entries.append(
            Line2D(
                [],
                [],
                ls="",
                marker="s",
                mfc="none",
                mec="black",
                mew=1.3,
                ms=6,
                label="recommended for explanation",
            )
        )
    return entries


def _caption(cells: pd.DataFrame, measures: list[_Measure]) -> str:
    sizes = cells.groupby("dataset", sort=False).size()
    return sentences(
        f"{counted(len(cells), 'model')} on {counted(len(sizes), 'dataset')}, {span(sizes)} each: rows are "
        "architectures and L1 weights, columns seeds.",
        "Held-out error: mean squared error on held-out sequences in the training space; the colour starts "
        f"at the best model of each dataset and is darkest at {_DARKEST:g} times its error.",
        "Supported motif pairs: share of them, by the model's own loss tests.",
        "Attribution consistency: score of directions, raw minus null."
        if any(m.column == "consistency" for m in measures)
        else "Attribution consistency was not computed.",
        "Black frame: the model recommended for explanation." if cells["selected"].any() else "",
    )


def _changes(values: list) -> list[int]:
    return [i for i in range(1, len(values)) if values[i] != values[i - 1]]

"""Where interactions arise: in the dense head or in the layers below it, and signed means in strata."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from seqaudit.data.pair_strata import STRATA
from seqaudit.data.tables import read_table
from seqaudit.figures.captions import number, sentences, span
from seqaudit.figures.style import (
    BLACK,
    BLUE,
    LIGHT_GREY,
    ORANGE,
    Drawn,
    in_house_style,
    panel_title,
    panels,
    shared_legend,
    unavailable,
    zero_lines,
)
from seqaudit.inference.head_strata import head_fit

PARTS = {
    "interaction": ("interaction", BLACK, "o"),
    "head": ("in the head", BLUE, "s"),
    "below": ("below the head", ORANGE, "^"),
}
"""Label, colour and marker of the parts of an interaction."""
_MOST_PANELS = 5


class HeadResults(NamedTuple):
    """Tables about heads, all datasets together.

    Attributes
    ----------
    designs : pandas.DataFrame
        Table ``hessian_head_designs``.
    groups : pandas.DataFrame
        Table ``hessian_groups`` of ``inference.head_strata``.
    """

    designs: pd.DataFrame
    groups: pd.DataFrame


def read_head_results(*, designs: str | Path, groups: str | Path) -> HeadResults:
    """Read both tables."""
    return HeadResults(read_table(designs, "hessian_head_designs"), read_table(groups, "hessian_groups"))


@in_house_style
def origins(results: HeadResults) -> Drawn:
    """Share of the head by design, then signed means in strata for the first design of every dataset."""
    designs = results.designs
    if designs.empty:
        return unavailable("no network was asked where its interactions arise.")
    first = designs.drop_duplicates(["dataset", "motif_pair"])
    shown = first.head(_MOST_PANELS)
    asked = shown.to_dict("records")
    rows = max(len(designs), max(len(_strata(results.groups, design)) for design in asked))
    figure, grid = panels(1 + len(shown), columns=2, height=0.9 + 0.15 * rows)
    _draw_shares(grid[0], designs)
    for axes, design, row in zip(grid[1:], asked, shown.itertuples()):
        _draw_strata(axes, results.groups, design)
        panel_title(
            axes, f"{row.dataset}, {row.motif_pair}", f"{row.arch}, l1 {row.l1:g}, {row.padding} padding"
        )
    entries = [
        Line2D([], [], ls="", marker=marker, color=colour, label=label)
        for label, colour, marker in PARTS.values()
    ]
    shared_legend(figure, entries, columns=3)
    caption = sentences(
        "Interactions of the knock-out test, in the unit of the target, split exactly in two: the mixed "
        "difference of the dense head over the rectangle that both motifs span in the layer below it, and "
        "the rest, which arises below because that layer is not additive.",
        "First panel: mean |head| over mean |head| + mean |below| of "
        f"{span(designs['n_pairs'])} held-out pairs; mean and standard deviation over "
        f"{span(designs['n_networks'])} networks of a design. Other panels: "
        "signed means in strata of pairs, with 95 % intervals over the networks.",
        f"Shown are the first {_MOST_PANELS} of {len(first)} questions." if len(first) > _MOST_PANELS else "",
        "Median |non-additivity| of the layer, in lengths of the effect of motif A: "
        + "; ".join(
            f"{row.dataset} {row.arch} {number(row.non_additivity, 2)}"
            for row in designs.head(8).itertuples()
        )
        + ".",
    )
    return Drawn(figure, caption)


def _draw_shares(axes, designs: pd.DataFrame) -> None:
    places = np.arange(len(designs))[::-1]
    axes.barh(places, designs["head_share"], color=BLUE, height=0.6)
    axes.barh(places, 1 - designs["head_share"], left=designs["head_share"], color=ORANGE, height=0.6)
    known = designs["head_share_sd"].notna()
    axes.errorbar(
        designs.loc[known, "head_share"], places[known], xerr=designs.loc[known, "head_share_sd"],
        fmt="none", ecolor=BLACK, lw=0.8,
    )  # fmt: skip
    labels = [f"{row.dataset} {row.arch} {row.l1:g}, {row.padding}" for row in designs.itertuples()]
    axes.set(yticks=places, yticklabels=labels, xlim=(0, 1), xlabel="share of absolute interaction")
    panel_title(axes, "Head and below")


def _draw_strata(axes, groups: pd.DataFrame, design: Mapping) -> None:
    names = _strata(groups, design)
    places = dict(zip(names, np.arange(len(names))[::-1]))
    for offset, (part, (_, colour, marker)) in zip((0.22, 0, -0.22), PARTS.items()):
        mine = _rows(groups, design, part)
        at = mine["group"].map(places) + offset
        axes.hlines(at, mine["ci_low"], mine["ci_high"], color=colour, lw=0.8)
        axes.plot(mine["mean"], at, marker, color=colour, ms=3)
    zero_lines(axes, y=False)
    edges = [place + 0.5 for name, place in places.items() if _first_of_kind(name, names)]
    for edge in edges[1:]:
        axes.axhline(edge, color=LIGHT_GREY, lw=0.6)
    axes.set(yticks=list(places.values()), yticklabels=names, xlabel="mean, unit of the target")
    axes.locator_params(axis="x", nbins=4)


def _rows(groups: pd.DataFrame, design: Mapping, part: str) -> pd.DataFrame:
    return groups[groups["fit"].isin([head_fit(design, part, stratum) for stratum in STRATA])]


def _strata(groups: pd.DataFrame, design: Mapping) -> list[str]:
    return list(_rows(groups, design, "interaction")["group"])


def _first_of_kind(name: str, names: Sequence[str]) -> bool:
    kind = name.split("=")[0]
    return next(other for other in names if other.split("=")[0] == kind) == name

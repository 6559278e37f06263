"""Attribution maps of single sequences as logos: the truth, the recommended and the least consistent."""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline
from matplotlib.textpath import TextPath

from seqaudit.data.map_tables import maps_from_table
from seqaudit.data.sequences import one_hot
from seqaudit.data.sites import listed_sites
from seqaudit.data.tables import read_table
from seqaudit.figures.captions import counted, number, sentences
from seqaudit.figures.logos import LETTERS
from seqaudit.figures.style import GREY, LIGHT_GREY, PALE_GREY, WIDTH, Drawn, in_house_style, unavailable
from seqaudit.inference.audit_lines import spoken_consistency

_ROW, _BETWEEN, _TOP, _BOTTOM, _LEFT = 0.62, 0.5, 0.42, 0.42, 1.45
"""Inches: height of a logo, room between sequences, above, below, and for names."""


class ExplainedSequences(NamedTuple):
    """A few sequences of a dataset and what attributes their letters.

    Attributes
    ----------
    dataset, method : str
        Dataset, and how the models' maps were made.
    sequences : mapping of str to str
        Letters by name of the sequence; n of them, of one length L.
    maps : mapping of str to numpy.ndarray, float, (n, 4, L)
        By whose they are, such as 'truth'; channels A, C, G, T.
    sites : sequence of sequences of (start, end, name)
        Motif sites of each sequence, 0-based, half-open; empty where unknown.
    """

    dataset: str
    method: str
    sequences: Mapping[str, str]
    maps: Mapping[str, np.ndarray]
    sites: Sequence[Sequence[tuple[int, int, str]]] = ()


SHOWN = 2
"""Sequences in a figure."""
TRUE_MAPS = "true_mutagenesis"
"""Method of the true maps in table ``attribution_maps``."""


def explained_sequences(
    consistency: pd.DataFrame,
    sequences: pd.DataFrame,
    map_files: Mapping[str, str | Path],
    true_maps: str | Path | None = None,
    *,
    motif_names: Mapping[str, str] | None = None,
) -> ExplainedSequences:
    """Read the maps of a dataset's recommended and least consistent model, and the truth.

    Parameters
    ----------
    consistency : pandas.DataFrame
        Table ``consistency_models`` of one dataset.
    sequences : pandas.DataFrame
        Table ``sequences`` of those that were explained; the first are shown.
    map_files : mapping of str to path
        Table ``attribution_maps`` of every model, by its id. Only those shown are read.
    true_maps : path, optional
        The same of the truth.
    motif_names : mapping of str to str, optional
        Names of motifs by their ids in the sequences' embeddings.

    Returns
    -------
    ExplainedSequences
        Without maps where no model has a score.
    """
    spoken = spoken_consistency(consistency)
    scored = spoken[spoken["consistency_geometry"].notna()]
    chosen = scored[scored["selected"]].head(1)
    worst = scored[~scored["selected"]].nsmallest(1, "consistency_geometry")
    shown = sequences.head(SHOWN)
    names = list(shown["sequence_id"])
    maps = {}
    if true_maps is not None:
        maps["truth"] = maps_from_table(read_table(true_maps, "attribution_maps"), names, method=TRUE_MAPS)
    method = ""
    for role, rows in (("recommended", chosen), ("least consistent", worst)):
        for model in rows.itertuples():
            method = model.method
            table = read_table(map_files[model.model_id], "attribution_maps")
            maps[f"{role}: {_design(model)}"] = maps_from_table(table, names, method=method)
    sites = listed_sites(shown["embeddings"])
    sites["motif"] = sites["motif"].replace(dict(motif_names or {}))
    return ExplainedSequences(
        consistency["dataset"].iloc[0],
        method.replace("_", " "),
        dict(zip(names, shown["sequence"])),
        maps if method else {},
        [
            [(site.start, site.end, site.motif) for site in sites[sites["row"] == row].itertuples()]
            for row in range(len(shown))
        ],
    )


@in_house_style
def attribution_logos(explained: ExplainedSequences) -> Drawn:
    """Letters as tall as their attribution, one row per map; a block of rows per sequence.

    Maps are centred over the four letters, read at the letter that is there, and scaled to their
    own largest value over all sequences shown: only shapes can be compared between models.
    """
    if not explained.maps or not explained.sequences:
        return unavailable("no model has attribution maps.")
    sequences = explained.sequences
    heights = {who: letter_heights(maps, sequences.values()) for who, maps in explained.maps.items()}
    n, rows = len(sequences), len(heights)
    height = _TOP + n * rows * _ROW + (n - 1) * _BETWEEN + _BOTTOM
    figure = Figure(figsize=(WIDTH, height))
    for block, (name, letters) in enumerate(sequences.items()):
        for row, (who, tall) in enumerate(heights.items()):
            bottom = height - _TOP - block * (rows * _ROW + _BETWEEN) - (row + 1) * _ROW
            axes = figure.add_axes(
                (_LEFT / WIDTH, (bottom + 0.05) / height, 1 - (_LEFT + 0.1) / WIDTH, (_ROW - 0.1) / height)
            )
            _logo(axes, letters, tall[block])
            sites = explained.sites[block] if len(explained.sites) else ()
            _sites(axes, sites, named=row == 0)
            axes.set_ylabel(who.replace(": ", "\n"), rotation=0, ha="right", va="center", fontsize=7)
            axes.set_xticks([])
            axes.spines[:].set_visible(False)
            if row == 0:
                axes.set_title(name, pad=13)
        _ticks(axes, len(letters))
    return Drawn(figure, _caption(explained))


def letter_heights(maps: np.ndarray, sequences: Sequence[str]) -> np.ndarray:
    """Attribution of the letter that is there.

    Parameters
    ----------
    maps : numpy.ndarray, float, (n, 4, L)
        Channels A, C, G, T.
    sequences : iterable of str
        n of them, of length L; letters other than A, C, G, T get 0.

    Returns
    -------
    numpy.ndarray, float64, (n, L)
        Centred over the four letters, and divided by the largest absolute value of all. Values
        that are not finite become 0.
    """
    maps = np.nan_to_num(np.asarray(maps, dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    centred = maps - maps.mean(axis=1, keepdims=True)
    heights = (centred * one_hot(list(sequences))).sum(axis=1)
    largest = np.abs(heights).max(initial=0.0)
    return heights / largest if largest > 0 else heights


def _logo(axes: Axes, letters: str, tall: np.ndarray) -> None:
    """All copies of a letter are one path: a hundred times faster than a patch for each."""
    for letter, colour in LETTERS.items():
        at = [position for position, found in enumerate(letters.upper()) if found == letter]
        copies = [_stretched(letter, position, tall[position]) for position in at if tall[position]]
        if copies:
            axes.add_patch(PathPatch(Outline.make_compound_path(*copies), fc=colour, lw=0))
    axes.axhline(0, color=LIGHT_GREY, lw=0.5, zorder=0)
    axes.set(xlim=(-0.5, len(letters) - 0.5), ylim=(min(-0.25, tall.min() * 1.05), 1.05), yticks=[])


def _stretched(letter: str, position: int, height: float) -> Outline:
    """A letter that fills one position, from 0 to ``height``; upside down below 0."""
    glyph = _glyph(letter)
    return Outline(glyph.vertices * (0.92, height) + (position - 0.46, 0.0), glyph.codes)


@functools.cache
def _glyph(letter: str) -> Outline:
    """A letter in the unit square."""
    path = TextPath((0, 0), letter, prop=FontProperties(family="DejaVu Sans", weight="bold"))
    low, high = path.vertices.min(axis=0), path.vertices.max(axis=0)
    return Outline((path.vertices - low) / (high - low), path.codes)


def _sites(axes: Axes, sites: Sequence[tuple[int, int, str]], *, named: bool) -> None:
    for start, end, name in sites:
        axes.axvspan(start - 0.5, end - 0.5, color=PALE_GREY, zorder=-1, lw=0)
        if named:
            axes.annotate(
                name, ((start + end - 1) / 2, 1), (0, 2), xycoords=("data", "axes fraction"),
                textcoords="offset points", ha="center", fontsize=6.5, color=GREY,
            )  # fmt: skip


def _design(model) -> str:
    text = f"{model.arch}, L1 {number(model.l1)}, seed {model.seed}"
    if pd.notna(model.truth_cosine):
        text += f": cosine to truth {model.truth_cosine:.2f}"
    return text


def _ticks(axes: Axes, length: int) -> None:
    step = max(10, 10 * round(length / 100))
    axes.set_xticks(range(0, length, step))
    axes.tick_params(length=2, pad=1.5, labelsize=6.2)
    axes.spines["bottom"].set_visible(True)
    axes.set_xlabel("Position (bp)", labelpad=2, fontsize=7)


def _caption(explained: ExplainedSequences) -> str:
    return sentences(
        f"Dataset {explained.dataset}. {counted(len(explained.sequences), 'test sequence')}, attributed by "
        f"{explained.method}.",
        "Letter height: centred attribution of the letter that is there, upside down where negative; every "
        "map is scaled to its own largest value, so shapes can be compared, sizes cannot.",
        "Grey: motif sites." if any(len(sites) for sites in explained.sites) else "",
        "A consistent map is not therefore true, and a map shows no interaction.",
    )

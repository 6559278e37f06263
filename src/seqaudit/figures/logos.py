"""Sequence logos of the motifs."""

import numpy as np
import pandas as pd
from logomaker import Logo

from seqaudit.figures.captions import number, sentences
from seqaudit.figures.results import DatasetResults
from seqaudit.figures.style import BLUE, GREEN, ORANGE, VERMILLION, Drawn, in_house_style, panels, unavailable

LETTERS = {"A": GREEN, "C": BLUE, "G": ORANGE, "T": VERMILLION}
"""Colour of each letter."""


def information(ppm: np.ndarray) -> np.ndarray:
    """Information content of letter probabilities, in bits.

    Parameters
    ----------
    ppm : numpy.ndarray, float64, (width, 4)
        Rows sum to 1.

    Returns
    -------
    numpy.ndarray, float64, (width,)
        ``2 - entropy``: 2 for a fixed letter, 0 for four equally likely ones.
    """
    ppm = np.asarray(ppm, dtype=np.float64)
    return 2 + np.sum(ppm * np.log2(np.where(ppm > 0, ppm, 1)), axis=1)


@in_house_style
def motif_logos(results: DatasetResults) -> Drawn:
    """Logos of the motifs of a dataset; letters as tall as their share of the information."""
    if not results.motifs:
        return unavailable("the dataset names no motif.")
    figure, grid = panels(len(results.motifs), columns=2, height=1.35)
    told = []
    for axes, (name, ppm) in zip(grid, results.motifs.items()):
        bits = information(ppm)
        heights = pd.DataFrame(np.asarray(ppm) * bits[:, None], columns=list("ACGT"))
        Logo(
            heights,
            ax=axes,
            color_scheme=LETTERS,
            font_name="DejaVu Sans",
            font_weight="bold",
            show_spines=False,
        )
        axes.set(title=name, ylabel="Information (bits)", ylim=(0, 2.04), yticks=[0, 1, 2])
        axes.set_xticks(range(0, len(ppm), 2), range(1, len(ppm) + 1, 2))
        axes.spines[["left", "bottom"]].set_visible(True)
        told.append(f"{name}: {len(ppm)} bp, {number(bits.sum())} bits")
    caption = sentences(
        f"Dataset {results.dataset}. Motifs as given, 5' to 3'; {'; '.join(told)}.",
        "Letter height: probability times information content of the position (2 bits for a fixed letter).",
    )
    return Drawn(figure, caption)

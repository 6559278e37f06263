"""Pairs of nodes in pictures: images of one digit each that maximise the nodes of the strongest pairs."""

import numpy as np

from seqaudit.data.digit_pairs import half_images
from seqaudit.data.digits import SIDE
from seqaudit.figures.captions import counted, number, sentences
from seqaudit.figures.hessian_results import HessianResults
from seqaudit.figures.style import (
    GREY,
    VERMILLION,
    Drawn,
    in_house_style,
    panel_title,
    panels,
    unavailable,
)

_MOST_FITS, _MOST_PAIRS = 10, 3
_GAP = 2
"""Pixels between images."""


@in_house_style
def node_pairs(results: HessianResults) -> Drawn:
    """The strongest pairs of every network, as images of their nodes (cf. Fig. 5 and section 5.3)."""
    readings = results.readings
    if readings.empty:
        return unavailable("features of this study are no nodes of a network on images.")
    fits = list(dict.fromkeys(readings["fit"]))
    figure, grid = panels(min(len(fits), _MOST_FITS), columns=5, height=0.62 + 0.42 * _MOST_PAIRS)
    for axes, fit in zip(grid, fits):
        mine = readings[readings["fit"] == fit].sort_values("rank", kind="stable")
        strongest = mine.head(_MOST_PAIRS)
        axes.imshow(_mosaic(strongest), cmap="Greys", vmin=0, vmax=1, interpolation="nearest")
        middles = np.arange(len(strongest)) * (SIDE + _GAP) + SIDE / 2
        for middle, row in zip(middles, strongest.itertuples()):
            axes.annotate(
                number(row.score), (4 * SIDE + _GAP + 1, middle), va="center", fontsize=6.5,
                color=VERMILLION if row.expected else GREY, annotation_clip=False,
                fontweight="bold" if row.expected else "normal",
            )  # fmt: skip
        axes.set(xticks=[], yticks=middles, yticklabels=[f"{rank:g}" for rank in strongest["rank"]])
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        accuracy = mine["classifier_accuracy"].iloc[0]
        panel_title(axes, f"network {mine['replicate'].iloc[0]}", f"accuracy {100 * accuracy:.1f} %")
    top = readings[readings["rank"].eq(readings.groupby("fit")["rank"].transform("min"))]
    reads = int(top.drop_duplicates("fit")["expected"].sum())
    caption = sentences(
        f"Study {results.study}: of each network the {_MOST_PAIRS} pairs of nodes with the largest group "
        "expected Hessian, by rank. Each node is shown as the image of one held-out handwritten "
        "digit, the other half blank, that maximises it; the number is the score.",
        "Bold and vermillion: the two digits are those of the positive pair, each in its half. "
        f"The strongest pair reads so in {reads} of {counted(len(fits), 'network')}; "
        f"{number(100 * readings['expected'].mean())} % of all pairs do.",
        f"Shown are {_MOST_FITS} networks." if len(fits) > _MOST_FITS else "",
        "Counterpart of section 5.3 of Cui et al. (2020), where networks were trained on MNIST.",
    )
    return Drawn(figure, caption)


def _mosaic(strongest) -> np.ndarray:
    """Images of both nodes side by side, one pair below the other; gaps are grey lines of paper."""
    step = SIDE + _GAP
    canvas = np.full((step * len(strongest) - _GAP, 4 * SIDE + _GAP), np.nan)
    for place, row in enumerate(strongest.itertuples()):
        for column, side in enumerate("ab"):
            source = np.array([getattr(row, f"source_{side}")])
            image = half_images(source, getattr(row, f"half_{side}"))[0]
            left = column * (2 * SIDE + _GAP)
            canvas[place * step : place * step + SIDE, left : left + 2 * SIDE] = np.maximum(image, 0.08)
    return canvas

"""Saved figures as sections of a chapter."""

import base64
import re
from collections.abc import Sequence
from pathlib import Path

from seqaudit.errors import SeqauditError
from seqaudit.figures.catalogue import FIGURES
from seqaudit.figures.saved import SavedFigure
from seqaudit.report.page import FigureItem, Gallery, Picture, Section

LARGEST_SVG = 400_000
"""Bytes above which a figure is shown as its PNG, which is then the smaller file."""
PIXELS_PER_POINT = 1.6
"""Size on the screen; 4/3 would be the printed size."""


def figure_sections(figures: Sequence[SavedFigure], category: str) -> list[Section]:
    """Sections of one category; the same figure of several datasets becomes one gallery.

    Both follow the catalogue. Figures that are not in it come last, in the order given.
    """
    place = {entry.name: position for position, entry in enumerate(FIGURES)}
    mine = sorted(
        (figure for figure in figures if figure.category == category),
        key=lambda figure: place.get(figure.name, len(place)),
    )
    sections: dict[str, dict[str, list[FigureItem]]] = {}
    for figure in mine:
        sections.setdefault(figure.section, {}).setdefault(figure.title, []).append(_item(figure))
    return [
        Section(
            anchor(category, title),
            title,
            galleries=[Gallery(name, items) for name, items in galleries.items()],
        )
        for title, galleries in sections.items()
    ]


def anchor(*words: str) -> str:
    """A fragment identifier from any words."""
    return re.sub(r"[^a-z0-9]+", "-", " ".join(words).lower()).strip("-") or "section"


def _item(figure: SavedFigure) -> FigureItem:
    picture = None
    if not figure.why_missing:
        picture = picture_of(*(figure.folder / f"{figure.name}.{suffix}" for suffix in ("svg", "png")))
    return FigureItem(
        anchor("figure", figure.name, figure.dataset),
        figure.title,
        figure.dataset,
        figure.caption,
        picture,
        figure.why_missing,
    )


def picture_of(svg: Path, png: Path) -> Picture:
    """A picture as text and its size on the screen: the SVG, or the PNG where the SVG is large.

    Raises
    ------
    SeqauditError
        If a file cannot be read.
    """
    try:
        drawing = svg.read_bytes()
        small = len(drawing) <= LARGEST_SVG
        content = drawing if small else png.read_bytes()
    except OSError as error:
        raise SeqauditError(
            f"{error.filename}: figure not readable ({error.strerror}). Rerun the rule that draws it."
        ) from error
    kind = "svg+xml" if small else "png"
    return Picture(f"data:image/{kind};base64,{base64.b64encode(content).decode()}", *_pixels(drawing))


def _pixels(drawing: bytes) -> tuple[int, int]:
    """Width and height at which to show an SVG, in CSS pixels."""
    head = drawing[:2000]
    width, height = (re.search(rb'\b%s="([\d.]+)pt"' % side, head) for side in (b"width", b"height"))
    assert width and height, "not an SVG of save_figure"
    return round(float(width[1]) * PIXELS_PER_POINT), round(float(height[1]) * PIXELS_PER_POINT)

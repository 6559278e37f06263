"""Saved figures as sections of a chapter."""

import re
from collections.abc import Sequence

from seqaudit.figures.saved import SavedFigure
from seqaudit.report.page import FigureItem, Gallery, Section, data_uri


def figure_sections(
    figures: Sequence[SavedFigure], category: str, order: Sequence[str] = ()
) -> list[Section]:
    """Sections of one category; the same figure of several datasets becomes one gallery.

    Sections named in ``order`` come first; others and galleries keep their order.
    """
    mine = [figure for figure in figures if figure.category == category]
    present = dict.fromkeys(figure.section for figure in mine)
    sections = []
    for title in [*(title for title in order if title in present), *(t for t in present if t not in order)]:
        members = [figure for figure in mine if figure.section == title]
        galleries = [
            Gallery(same[0].title, [_item(figure) for figure in same])
            for same in (
                [f for f in members if f.name == name] for name in dict.fromkeys(f.name for f in members)
            )
        ]
        sections.append(Section(anchor(category, title), title, galleries=galleries))
    return sections


def anchor(*words: str) -> str:
    """A fragment identifier from any words."""
    return re.sub(r"[^a-z0-9]+", "-", " ".join(words).lower()).strip("-") or "section"


def _item(figure: SavedFigure) -> FigureItem:
    files = [figure.folder / f"{figure.name}.{suffix}" for suffix in ("svg", "png")]
    return FigureItem(
        anchor("figure", figure.name, figure.dataset),
        figure.title,
        figure.dataset,
        figure.caption,
        "" if figure.why_missing else data_uri(*files),
        figure.why_missing,
    )

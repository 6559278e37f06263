"""A report page as data, and its rendering to one self-contained HTML file.

Chapters are built elsewhere, one module per line of evidence, from the pieces below; adding
a chapter never touches the template. All text is escaped: a motif may be called
``<script>``. The page forbids itself, by its content security policy, to load anything and
to run any script but its own.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from seqaudit.errors import SeqauditError

_FOLDER = Path(__file__).parent
LARGEST_SVG = 400_000
"""Bytes above which a figure is shown as its PNG, which is then the smaller file."""


class Badge(NamedTuple):
    """A verdict: a word, with a sign and a colour of its own. ``kind`` is yes, no, maybe or none."""

    text: str
    kind: str


class Cell(NamedTuple):
    """One table cell. ``sort`` orders rows instead of the text (``""`` comes last)."""

    text: str
    sort: float | str | None = None
    badge: Badge | None = None
    detail: str = ""


class Column(NamedTuple):
    """One table column. ``choices``: readers can filter rows by it. ``wide``: it holds sentences."""

    name: str
    help: str = ""
    numeric: bool = False
    choices: bool = False
    wide: bool = False


class Table(NamedTuple):
    """A sortable table. ``searchable`` adds a search box and the columns' filters."""

    id: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    noun: str = "row"
    searchable: bool = False


class FigureItem(NamedTuple):
    """One picture with its caption. Without ``image`` the page says ``why_missing``."""

    id: str
    title: str
    dataset: str
    caption: str
    image: str = ""
    why_missing: str = ""


class Gallery(NamedTuple):
    """The same figure of several datasets."""

    title: str
    figures: Sequence[FigureItem]


class Section(NamedTuple):
    """A heading with text, points, facts, tables and figures, in this order."""

    id: str
    title: str
    paragraphs: Sequence[str] = ()
    points: Sequence[str] = ()
    tables: Sequence[Table] = ()
    galleries: Sequence[Gallery] = ()
    facts: Mapping[str, str] = {}
    code: str = ""


class Chapter(NamedTuple):
    """One line of evidence, or the appendix."""

    id: str
    title: str
    question: str
    sections: Sequence[Section]


class Page(NamedTuple):
    """A whole report. ``summary`` is its first screen."""

    title: str
    run: str
    version: str
    summary: Section
    chapters: Sequence[Chapter]


def render_page(page: Page) -> str:
    """HTML of a page: one file that needs no network."""
    script = (_FOLDER / "page.js").read_text(encoding="utf-8")
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    datasets = dict.fromkeys(
        figure.dataset
        for chapter in page.chapters
        for section in chapter.sections
        for gallery in section.galleries
        for figure in gallery.figures
        if figure.dataset
    )
    return environment.get_template("page.html").render(
        page=page,
        datasets=list(datasets),
        # both are files of this package, not anybody's input
        style=Markup((_FOLDER / "page.css").read_text(encoding="utf-8")),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def data_uri(svg: str | Path, png: str | Path) -> str:
    """A picture as text: the SVG, or the PNG where the SVG is large.

    Raises
    ------
    SeqauditError
        If the file cannot be read.
    """
    svg, png = Path(svg), Path(png)
    try:
        path, kind = (svg, "svg+xml") if svg.stat().st_size <= LARGEST_SVG else (png, "png")
        content = path.read_bytes()
    except OSError as error:
        raise SeqauditError(
            f"{error.filename}: figure not readable ({error.strerror}). Rerun the rule that draws it."
        ) from error
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"

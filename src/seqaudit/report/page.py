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

from seqaudit.report.strips import StripRow

_FOLDER = Path(__file__).parent


class Badge(NamedTuple):
    """A verdict: a word, with a sign and a colour of its own. ``kind`` is yes, no, maybe, none or star."""

    text: str
    kind: str


class Cell(NamedTuple):
    """One table cell. ``sort`` orders rows instead of the text (``""`` comes last).

    ``detail`` is a second line; in a column that folds it is what unfolds. ``strip`` is
    evidence to look at.
    """

    text: str
    sort: float | str | None = None
    badge: Badge | None = None
    detail: str = ""
    strip: Sequence[StripRow] = ()


class Row(NamedTuple):
    """One table row; ``note`` is a sentence or more below it, as wide as the table."""

    cells: Sequence[Cell]
    note: str = ""


class Column(NamedTuple):
    """One table column.

    ``choices``: readers can filter rows by it. ``folds``: details unfold. ``plain``: nothing to sort by.
    """

    name: str
    help: str = ""
    numeric: bool = False
    choices: bool = False
    folds: bool = False
    plain: bool = False


class Table(NamedTuple):
    """A sortable table. ``searchable`` adds a search box and the columns' filters.

    ``style`` is a class of the style sheet for tables of another look.
    """

    id: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    noun: str = "row"
    searchable: bool = False
    style: str = ""


class Picture(NamedTuple):
    """An image as a data URI, with its size on the screen in CSS pixels."""

    source: str
    width: int
    height: int


class FigureItem(NamedTuple):
    """One picture with its caption. Without a picture the page says ``why_missing``."""

    id: str
    title: str
    dataset: str
    caption: str
    picture: Picture | None = None
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

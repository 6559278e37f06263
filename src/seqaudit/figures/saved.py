"""Figures on disk with their captions, so that a report can be built without drawing."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from seqaudit.data.tables import atomic_path
from seqaudit.errors import SeqauditError

CAPTIONS = "captions.json"


class SavedFigure(NamedTuple):
    """A figure in a folder, as ``<name>.svg`` and ``<name>.png``, and what to say about it.

    ``dataset`` is empty for a figure of the whole run. ``why_missing`` is empty, or says why
    the figure is only a note.
    """

    name: str
    dataset: str
    title: str
    category: str
    section: str
    caption: str
    why_missing: str = ""
    folder: Path = Path()


def write_captions(figures: Sequence[SavedFigure], folder: str | Path) -> None:
    """Write ``captions.json`` beside the figures."""
    described = [{k: v for k, v in figure._asdict().items() if k != "folder"} for figure in figures]
    with atomic_path(Path(folder) / CAPTIONS) as unfinished:
        unfinished.write_text(json.dumps(described, indent=1, ensure_ascii=False), encoding="utf-8")


def read_figures(folder: str | Path) -> list[SavedFigure]:
    """Figures of a folder in the catalogue's order.

    Raises
    ------
    SeqauditError
        If ``captions.json`` is missing or damaged.
    """
    path = Path(folder) / CAPTIONS
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
        return [SavedFigure(**figure, folder=Path(folder)) for figure in described]
    except (OSError, TypeError, json.JSONDecodeError) as error:
        raise SeqauditError(
            f"{path}: not readable ({error}), expected the captions of the figures in this folder. "
            "Rerun the rule that draws them."
        ) from error

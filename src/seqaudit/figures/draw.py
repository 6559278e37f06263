"""Draw all figures of a dataset or of a run into a folder, with their captions."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from seqaudit.data.tables import atomic_path
from seqaudit.errors import SeqauditError
from seqaudit.figures import effects, logos, loss, magnitude, simulation, training, verdicts
from seqaudit.figures.catalogue import DATASET_FIGURES, RUN_FIGURES, SUFFIXES, Entry
from seqaudit.figures.results import DatasetResults
from seqaudit.figures.style import Drawn, save_figure

_MODULES = {
    module.__name__.rsplit(".", 1)[-1]: module
    for module in (effects, logos, loss, magnitude, simulation, training, verdicts)
}


def draw_dataset_figures(results: DatasetResults, folder: str | Path) -> None:
    """Draw every figure of ``DATASET_FIGURES`` as SVG and PNG, and write ``captions.json``."""
    _draw_all(DATASET_FIGURES, results, Path(folder), scope=results.dataset)


def draw_run_figures(all_results: Sequence[DatasetResults], folder: str | Path) -> None:
    """Draw every figure of ``RUN_FIGURES``, datasets side by side; see ``draw_dataset_figures``."""
    _draw_all(RUN_FIGURES, list(all_results), Path(folder), scope="")


def draw(entry: Entry, data) -> Drawn:
    """Draw one figure of the catalogue."""
    module, function = entry.draw.split(".")
    return getattr(_MODULES[module], function)(data)


def _draw_all(entries, data, folder: Path, *, scope: str) -> None:
    captions = []
    for entry in entries:
        drawn = draw(entry, data)
        for suffix in SUFFIXES:
            save_figure(drawn.figure, folder / f"{entry.name}.{suffix}")
        captions.append(
            {
                "name": entry.name,
                "dataset": scope,
                "title": entry.title,
                "category": entry.category,
                "section": entry.section,
                "caption": drawn.caption,
                "why_missing": drawn.why_missing,
            }
        )
    with atomic_path(folder / "captions.json") as unfinished:
        unfinished.write_text(json.dumps(captions, indent=1, ensure_ascii=False), encoding="utf-8")


class SavedFigure(NamedTuple):
    """A figure on disk with all that a report says about it. ``dataset`` is empty for a run's."""

    name: str
    dataset: str
    title: str
    category: str
    section: str
    caption: str
    why_missing: str
    folder: Path


def read_figures(folder: str | Path) -> list[SavedFigure]:
    """Figures that one of the functions above wrote into ``folder``, in the catalogue's order."""
    folder = Path(folder)
    try:
        captions = json.loads((folder / "captions.json").read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise SeqauditError(
            f"{folder / 'captions.json'}: not readable ({error}), expected the captions of the figures in "
            "this folder. Rerun the rule that draws them."
        ) from error
    return [SavedFigure(**caption, folder=folder) for caption in captions]

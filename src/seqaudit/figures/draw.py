"""Draw all figures of a dataset, a run, a study or a population into a folder, with their captions."""

from collections.abc import Sequence
from pathlib import Path

from seqaudit.figures import (
    attributions,
    audit,
    consistency,
    consistency_pictures,
    deepmr_loci,
    deepmr_models,
    deepmr_pairs,
    deepmr_scores,
    effects,
    hessian_checks,
    hessian_digits,
    hessian_heads,
    hessian_methods,
    hessian_pairs,
    logos,
    loss,
    magnitude,
    simulation,
    training,
    twin,
    twin_rates,
    verdicts,
)
from seqaudit.figures.attributions import ExplainedSequences
from seqaudit.figures.audit import AuditResults
from seqaudit.figures.catalogue import (
    AUDIT_FIGURES,
    CONSISTENCY_FIGURES,
    DATASET_FIGURES,
    EXPLAINED_FIGURES,
    HEAD_FIGURES,
    HESSIAN_FIGURES,
    RUN_FIGURES,
    STUDY_FIGURES,
    SUFFIXES,
    TWIN_FIGURES,
    Entry,
)
from seqaudit.figures.consistency_results import ConsistencyResults
from seqaudit.figures.deepmr_results import StudyResults
from seqaudit.figures.hessian_heads import HeadResults
from seqaudit.figures.hessian_results import HessianResults
from seqaudit.figures.results import DatasetResults
from seqaudit.figures.saved import SavedFigure, write_captions
from seqaudit.figures.style import Drawn, save_figure
from seqaudit.figures.twin_results import TwinResults

_MODULES = {
    module.__name__.rsplit(".", 1)[-1]: module
    for module in (
        attributions,
        audit,
        consistency,
        consistency_pictures,
        deepmr_loci,
        deepmr_models,
        deepmr_pairs,
        deepmr_scores,
        effects,
        hessian_checks,
        hessian_digits,
        hessian_heads,
        hessian_methods,
        hessian_pairs,
        logos,
        loss,
        magnitude,
        simulation,
        training,
        twin,
        twin_rates,
        verdicts,
    )
}


def draw_dataset_figures(results: DatasetResults, folder: str | Path) -> None:
    """Draw every figure of ``DATASET_FIGURES`` as SVG and PNG, and write ``captions.json``."""
    _draw_all(DATASET_FIGURES, results, Path(folder), scope=results.dataset)


def draw_run_figures(all_results: Sequence[DatasetResults], folder: str | Path) -> None:
    """Draw every figure of ``RUN_FIGURES``, datasets side by side; see ``draw_dataset_figures``."""
    _draw_all(RUN_FIGURES, list(all_results), Path(folder), scope="")


def draw_study_figures(results: StudyResults, folder: str | Path) -> None:
    """Draw every figure of ``STUDY_FIGURES``; see ``draw_dataset_figures``."""
    _draw_all(STUDY_FIGURES, results, Path(folder), scope=results.study)


def draw_consistency_figures(results: ConsistencyResults, folder: str | Path) -> None:
    """Draw every figure of ``CONSISTENCY_FIGURES``; see ``draw_dataset_figures``."""
    _draw_all(CONSISTENCY_FIGURES, results, Path(folder), scope="")


def draw_audit_figures(results: AuditResults, folder: str | Path) -> None:
    """Draw every figure of ``AUDIT_FIGURES``; see ``draw_dataset_figures``."""
    _draw_all(AUDIT_FIGURES, results, Path(folder), scope="")


def draw_explained_figures(explained: ExplainedSequences, folder: str | Path) -> None:
    """Draw every figure of ``EXPLAINED_FIGURES``; see ``draw_dataset_figures``."""
    _draw_all(EXPLAINED_FIGURES, explained, Path(folder), scope=explained.dataset)


def draw_hessian_figures(results: HessianResults, folder: str | Path) -> None:
    """Draw every figure of ``HESSIAN_FIGURES``; see ``draw_dataset_figures``."""
    _draw_all(HESSIAN_FIGURES, results, Path(folder), scope=results.study)


def draw_head_figures(results: HeadResults, folder: str | Path) -> None:
    """Draw every figure of ``HEAD_FIGURES``; see ``draw_dataset_figures``."""
    _draw_all(HEAD_FIGURES, results, Path(folder), scope="")


def draw_twin_figures(results: TwinResults, folder: str | Path) -> None:
    """Draw every figure of ``TWIN_FIGURES``; see ``draw_dataset_figures``."""
    _draw_all(TWIN_FIGURES, results, Path(folder), scope="")


def draw(entry: Entry, data) -> Drawn:
    """Draw one figure of the catalogue."""
    module, function = entry.draw.split(".")
    return getattr(_MODULES[module], function)(data)


def _draw_all(entries, data, folder: Path, *, scope: str) -> None:
    saved = []
    for entry in entries:
        drawn = draw(entry, data)
        for suffix in SUFFIXES:
            save_figure(drawn.figure, folder / f"{entry.name}.{suffix}")
        saved.append(
            SavedFigure(
                entry.name,
                scope,
                entry.title,
                entry.category,
                entry.section,
                drawn.caption,
                drawn.why_missing,
            )
        )
    write_captions(saved, folder)

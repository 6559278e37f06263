"""The chapter about the models: how well each predicts, what it supports, and which one to explain."""

from collections.abc import Mapping, Sequence

import pandas as pd

from seqaudit.figures.audit_entries import MODELS
from seqaudit.figures.captions import counted, sentences
from seqaudit.figures.saved import SavedFigure
from seqaudit.inference.audit_lines import spoken_consistency
from seqaudit.report.cells import MISSING, number_cell, verdict_cell
from seqaudit.report.galleries import figure_sections
from seqaudit.report.page import Badge, Cell, Chapter, Column, Row, Section, Table

QUESTION = "Which networks predict well, agree with the verdicts, and give explanations worth reading?"
_SCORES = ["consistency_geometry", "consistency_spectrum", "selected", "reason"]


def models_chapter(tables: Mapping[str, pd.DataFrame], figures: Sequence[SavedFigure]) -> Chapter:
    """All models of a run, with the recommended ones marked.

    ``tables`` needs ``loss_models``; ``consistency_models`` adds consistency and selection.
    """
    models = model_rows(tables["loss_models"], tables.get("consistency_models"))
    chosen = bool(models["selected"].any())
    return Chapter(
        "models-chapter",
        MODELS,
        QUESTION,
        [
            *figure_sections(figures, MODELS),
            Section(
                "models",
                "Every model",
                paragraphs=[_introduction(models, chosen)],
                tables=[_table(models, chosen)],
            ),
        ],
    )


def model_rows(models: pd.DataFrame, consistency: pd.DataFrame | None) -> pd.DataFrame:
    """One row per model: its design, error, verdict over all its motif pairs, consistency, selection.

    Of several attribution methods or settings the first of each dataset speaks.
    """
    rows = models.drop_duplicates("model_id").set_index("model_id")
    rows = rows[["dataset", "arch", "l1", "seed", "test_mse"]]
    rows = rows.join(models.groupby("model_id", sort=False)["verdict"].agg(_together))
    if consistency is None:
        scores = pd.DataFrame(columns=_SCORES, dtype=object)
    else:
        scores = spoken_consistency(consistency).set_index("model_id")[_SCORES]
    rows = rows.join(scores)
    rows["selected"] = rows["selected"].eq(True)
    return rows.reset_index()


def _together(verdicts: pd.Series) -> str:
    counts = verdicts.value_counts(sort=False)
    if len(counts) == 1:
        return counts.index[0]
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.items())


def _introduction(models: pd.DataFrame, chosen: bool) -> str:
    return sentences(
        f"{counted(len(models), 'trained network')} on {counted(models['dataset'].nunique(), 'dataset')}. "
        "Click a heading to sort.",
        "★ is the model of its dataset to explain: among those with a held-out loss within the error of "
        "the best, the one whose attributions are most consistent. The choice sees no truth. Consistency "
        "says nothing about whether an interaction is real."
        if chosen
        else "Attribution consistency was not computed, so no model is recommended for explanation.",
    )


def _table(models: pd.DataFrame, chosen: bool) -> Table:
    scored = bool(models["consistency_geometry"].notna().any())
    columns = [
        *([Column("Choice", choices=True)] * chosen),
        Column("Dataset", choices=True),
        Column("Architecture", choices=True),
        Column("L1", "weight of the L1 penalty on kernels", True),
        Column("Seed", "of initial weights and batches", True),
        Column("Verdict", "of the model's own loss tests", choices=True),
        Column("Held-out error", "mean squared error on held-out sequences, training space", True),
        *(
            [
                Column("Consistency, directions", "of windowed attributions: raw minus null, nats", True),
                Column("Consistency, words", "at important positions: raw minus null, nats", True),
                Column("Why", folds=True),
            ]
            * scored
        ),
    ]
    rows = []
    for row in models.to_dict("records"):
        cells = [
            *([_choice(row["selected"])] * chosen),
            Cell(row["dataset"]),
            Cell(row["arch"]),
            number_cell(row["l1"], 6),
            Cell(str(row["seed"]), row["seed"]),
            verdict_cell(row["verdict"]),
            number_cell(row["test_mse"], 4),
        ]
        if scored:
            cells += [number_cell(row["consistency_geometry"]), number_cell(row["consistency_spectrum"])]
            cells.append(MISSING if pd.isna(row["reason"]) else Cell("why", detail=row["reason"]))
        rows.append(Row(cells))
    return Table("models-table", "All trained models", columns, rows, "model", True)


def _choice(selected: bool) -> Cell:
    return Cell("selected", 0, Badge("selected", "star")) if selected else Cell("", "")

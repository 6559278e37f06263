"""The chapter about attribution consistency: which model to explain, and what that choice is worth."""

from collections.abc import Mapping, Sequence

import pandas as pd

from seqaudit.figures.captions import counted, number, typeset
from seqaudit.figures.catalogue import OVERVIEW
from seqaudit.figures.consistency_entries import EXPLANATIONS
from seqaudit.figures.consistency_results import SCORE_WORDS, TRUTH_LABEL
from seqaudit.figures.saved import SavedFigure
from seqaudit.inference.consistency_answers import ALL_DATASETS, RANKING, STABILITY, WITHIN
from seqaudit.report.cells import number_cell, p_cell
from seqaudit.report.galleries import figure_sections
from seqaudit.report.page import Cell, Chapter, Column, Row, Section, Table

QUESTION = "Of the networks that predict equally well, whose explanations can be trusted?"
_BY_LOSS = "lowest held-out loss"
_SELECTED = "selected"


def consistency_chapter(tables: Mapping[str, pd.DataFrame], figures: Sequence[SavedFigure]) -> Chapter:
    """All that there is to see about attribution consistency.

    ``tables`` needs ``consistency_models``, ``consistency_choices`` and ``consistency_answers``.
    The attribution method and setting of the first row of the models speak in sentences.
    """
    models, choices, answers = (tables[f"consistency_{name}"] for name in ("models", "choices", "answers"))
    spoken = tuple(models.iloc[0][["method", "setting"]])
    sections = figure_sections(figures, EXPLANATIONS)
    known = not choices.empty
    return Chapter(
        "explanations",
        EXPLANATIONS,
        QUESTION,
        [
            Section(
                "explanations-found",
                "What was found",
                points=[*choice_sentences(_of(models, spoken)), *worth_sentences(choices, answers, spoken)],
            ),
            *(section for section in sections if section.title == OVERVIEW),
            *([_choices_section(choices)] if known else []),
            *(section for section in sections if section.title != OVERVIEW),
            *([_answers_section(answers, spoken)] if len(answers) else []),
            Section("explanations-notes", "What consistency does not say", points=notes(models)),
        ],
    )


def choice_sentences(models: pd.DataFrame) -> list[str]:
    """One sentence per dataset: the recommended model and why."""
    told = []
    for dataset, mine in models.groupby("dataset", sort=False):
        chosen = mine[mine["selected"]]
        if chosen.empty:
            told.append(f"{dataset}: no model could be recommended. {typeset(mine['reason'].iloc[0])}")
        else:
            row = chosen.iloc[0]
            told.append(f"{dataset}: explain {row['model_id']}. {typeset(row['reason'])}")
    return told


def worth_sentences(choices: pd.DataFrame, answers: pd.DataFrame, spoken: tuple[str, str]) -> list[str]:
    """What the recommendation was worth where the truth is known, good or bad; else nothing."""
    told = []
    for dataset, mine in _of(choices, spoken).groupby("dataset", sort=False):
        truth = mine.drop_duplicates("choice").set_index("choice")["truth"]
        if _SELECTED not in truth or _BY_LOSS not in truth:
            continue
        gain = truth[_SELECTED] - truth[_BY_LOSS]
        than = (
            "is that of the lowest loss"
            if gain == 0
            else (
                f"is {number(abs(gain), 2)} {'better' if gain > 0 else 'worse'} than that of the lowest loss"
            )
        )
        told.append(
            f"{dataset}: the truth ({TRUTH_LABEL}) of the recommended model's maps, "
            f"{number(truth[_SELECTED])}, {than}; the best model has {number(truth['best model'])}, a random "
            f"one {number(truth['random model (mean)'])}."
        )
    ranked = _of(answers, spoken)
    ranked = ranked[ranked["question"] == RANKING].dropna(subset=["value"])
    most = ALL_DATASETS if ALL_DATASETS in set(ranked["dataset"]) else None
    for dataset in [most] if most else list(ranked["dataset"].unique()):
        mine = ranked[ranked["dataset"] == dataset].drop_duplicates("quantity").set_index("quantity")
        parts = [
            f"{SCORE_WORDS[column]} {number(row['value'], 2)}{_interval(row)}"
            for column, row in mine.iterrows()
            if column in ("consistency_geometry", "consistency_spectrum", "heldout_mse")
        ]
        if parts:
            told.append(
                f"Over {counted(int(mine['n_models'].max()), 'model')} ({dataset}), rank correlation with "
                f"the truth of maps: {', '.join(parts)}; losses with a minus sign."
            )
    return told


def notes(models: pd.DataFrame) -> list[str]:
    """What a careful reader should know, as far as it applies."""
    unusable = int((models["n_not_finite"] + models["n_zero"] > 0).sum())
    several = models[["method", "setting"]].drop_duplicates()
    return [
        point
        for point in (
            "Consistent is not correct: a model that sees one motif of two, or always the same wrong word, "
            "scores higher than the truth. So consistency only ranks models that predict equally well.",
            "Gradients cannot see whether motifs interact: with and without interaction the true law has the "
            "same consistency. Loss tests answer that.",
            "Both scores are raw scores minus those of a null, near 0 for noise; they compare models on the "
            "same sequences and options only.",
            "The held-out loss that gates is that of the validation split, which also stopped the training; "
            "test sequences choose nothing.",
            f"{counted(unusable, 'row')} of the table of models had maps that were zero or not finite; these "
            "maps were set aside and counted."
            if unusable
            else "",
            f"Attribution methods and options of this run: {_ways(several)}; the first speaks in sentences "
            "and figures."
            if len(several) > 1
            else "",
            "For measured data nobody knows the true attributions, so what the choice is worth can only be "
            "carried over from simulations."
            if models["control"].isna().any()
            else "",
        )
        if point
    ]


def _choices_section(choices: pd.DataFrame) -> Section:
    columns = [
        Column("Dataset", choices=True),
        Column("Maps", choices=True),
        Column("Rule", choices=True),
        Column("Model"),
        Column("Held-out loss", "mean squared error on the validation split", True),
        Column("Truth", f"{TRUTH_LABEL} of its maps", True),
        Column("Regret", "truth of the best model minus that", True),
    ]
    rows = [
        Row(
            [
                Cell(row.dataset),
                Cell(f"{row.method}, {row.setting}"),
                Cell(row.choice),
                Cell("–" if pd.isna(row.model_id) else row.model_id),
                number_cell(row.heldout_mse, 4),
                number_cell(row.truth),
                number_cell(row.regret, 2),
            ]
        )
        for row in choices.itertuples()
    ]
    table = Table("choices-table", "Rules of choice", columns, rows, "row", True)
    return Section(
        "explanations-choices",
        "What each rule of choice finds",
        paragraphs=["No rule sees the truth; it is known here because the data were simulated."],
        tables=[table],
    )


def _answers_section(answers: pd.DataFrame, spoken: tuple[str, str]) -> Section:
    shown = pd.concat(
        [
            _of(answers[answers["question"] != STABILITY], spoken),
            answers[answers["question"] == STABILITY],
        ]
    )
    columns = [
        Column("Question", choices=True),
        Column("Dataset", choices=True),
        Column("Maps", choices=True),
        Column("Of", choices=True),
        Column("Answer", numeric=True),
        Column("95 % interval", "over resampled designs"),
        Column("p", "of a permutation test", True),
        Column("Models", numeric=True),
        Column("Status"),
    ]
    rows = [
        Row(
            [
                Cell(row["question"]),
                Cell(row["dataset"]),
                Cell(f"{row['method']}, {row['setting']}"),
                Cell(SCORE_WORDS.get(row["quantity"], row["quantity"])),
                number_cell(row["value"], 2),
                Cell(_interval(row).strip() or "–", ""),
                p_cell(row["pval"]),
                Cell(str(row["n_models"]), row["n_models"]),
                Cell(row["status"]),
            ]
        )
        for row in shown.to_dict("records")
    ]
    return Section(
        "explanations-answers",
        "Every number about the scores",
        paragraphs=[
            "Losses enter with a minus sign: positive is good. 'Given the design' takes out means of "
            "architecture, L1 weight and padding, so that it asks about models of one design. Answers by "
            "other methods and options are in consistency/answers.parquet."
        ]
        if shown["question"].isin([RANKING, WITHIN]).any()
        else [],
        tables=[Table("answers-table", "Answers", columns, rows, "answer", True)],
    )


def _of(table: pd.DataFrame, spoken: tuple[str, str]) -> pd.DataFrame:
    method, setting = spoken
    return table[(table["method"] == method) & (table["setting"] == setting)]


def _interval(row) -> str:
    if pd.isna(row["ci_low"]):
        return ""
    return f" [{number(row['ci_low'], 2)}, {number(row['ci_high'], 2)}]"


def _ways(several: pd.DataFrame) -> str:
    return "; ".join(
        f"{method.replace('_', ' ')} ({', '.join(group['setting'])})"
        for method, group in several.groupby("method", sort=False)
    )

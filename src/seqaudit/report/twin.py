"""The chapter about the additive twin: what it is, what it says, and how far to trust it."""

from collections.abc import Mapping, Sequence

import pandas as pd

from seqaudit.figures.captions import span, typeset
from seqaudit.figures.catalogue import OVERVIEW
from seqaudit.figures.saved import SavedFigure
from seqaudit.figures.twin_entries import ADDITIVE_TWIN
from seqaudit.inference.twin_power import CONSENSUS
from seqaudit.report.cells import MISSING, number_cell, p_cell, share_cell, share_text, verdict_cell
from seqaudit.report.galleries import figure_sections
from seqaudit.report.page import Cell, Chapter, Column, Row, Section, Table

QUESTION = "Which share of a learned interaction do held-out data confirm?"
_TEST_WORDS = {
    "rejected": "additive twin: confirmed or present",
    "confirmed": "additive twin: confirmed",
    CONSENSUS: "additive twin, all models of a dataset",
    "paired": "loss, paired",
    "unpaired": "loss, unpaired",
    "random_location": "loss, vs random locations",
}


def twin_chapter(tables: Mapping[str, pd.DataFrame], figures: Sequence[SavedFigure]) -> Chapter:
    """All that there is to see about additive twins.

    ``tables`` needs ``twin_summary``; ``twin_power`` adds how often tests reject, where the truth is known.
    """
    summary, power = tables["twin_summary"], tables.get("twin_power")
    sections = figure_sections(figures, ADDITIVE_TWIN)
    return Chapter(
        "additive-twin",
        ADDITIVE_TWIN,
        QUESTION,
        [
            Section(
                "twin-verdicts",
                "Verdicts of the additive twin",
                paragraphs=[_introduction(summary)],
                tables=[_verdict_table(summary)],
            ),
            *(section for section in sections if section.title == OVERVIEW),
            *(section for section in sections if section.title != OVERVIEW),
            *([] if power is None or power.empty else [_power_section(power)]),
            Section("twin-notes", "What the additive twin cannot say", points=notes(summary)),
        ],
    )


def notes(summary: pd.DataFrame) -> list[str]:
    """What a careful reader should know, as far as it applies."""
    untold = summary[summary["verdict_twin"] == "cannot tell"]
    return [
        point
        for point in (
            "Additive means: in the unit of the target (counts, not their logarithm), and between motifs "
            "that are farther apart than the twin's windows are wide.",
            "A share says nothing about size: a model that claims next to nothing has a wide interval, and "
            "may be confirmed in full. Read its mean interaction beside it.",
            "Below 1 does not mean that the model exaggerates as much: the twin takes up part of a real "
            "interaction into its main effects.",
            "Twins of several forms and seeds bear witness on the one that judges. If all are wrong in the "
            "same way, nothing in the data tells.",
            f"Cannot tell, and why: {'; '.join(_why(row) for row in untold.itertuples())}."
            if len(untold)
            else "",
            f"The verdict rests on {span(summary['n_twins'])} twins per dataset; with a single one nothing "
            "can be confirmed."
            if (summary["n_twins"] < 2).any()
            else "",
        )
        if point
    ]


def _introduction(summary: pd.DataFrame) -> str:
    counts = summary["verdict_twin"].value_counts()
    return (
        "An additive twin is a network fitted to the same data that cannot represent an interaction between "
        "distant motifs. Where the model's claimed interaction predicts how held-out targets differ from the "
        "twin, it is real, and beta is the share of it that they confirm: 1 for all of it, 0 for nothing. "
        "The consensus judges the mean prediction of all models of a dataset. Here: "
        + ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
        + "."
    )


def _verdict_table(summary: pd.DataFrame) -> Table:
    columns = [
        Column("Motif pair"),
        Column("Dataset"),
        Column("Consensus"),
        Column("Beta", "share of the claim of the mean prediction that held-out targets confirm", True),
        Column("90 % interval", "noise of the targets and error of the twin"),
        Column("p", "beta above the margin, with noise and twin error, largest over twins", True),
        Column("FDR q", "false discovery rate of p over the motif pairs of a dataset", True),
        Column("Models confirmed", "models with the verdict 'confirmed'", True),
        Column("Present", "models with the verdict 'present, size unconfirmed'", True),
        Column("Mean beta", "random-effects mean over models", True),
        Column("Architectures", "in how many of them the share is confirmed (partial conjunction)", True),
        Column("Twins", "networks that judge or bear witness", True),
    ]
    rows = []
    for row in summary.itertuples():
        cells = [
            Cell(row.motif_pair),
            Cell(row.dataset),
            verdict_cell(row.verdict_twin),
            _share_cell(row.beta),
            _interval_cell(row.ci_low, row.ci_high),
            p_cell(row.twin_p),
            p_cell(row.q_value),
            share_cell(row.n_confirmed, row.n_models),
            share_cell(row.n_present, row.n_models),
            _share_cell(row.mean_beta),
            share_cell(row.n_architectures_confirmed, row.n_architectures),
            Cell(str(row.n_twins), row.n_twins),
        ]
        rows.append(Row(cells, note=typeset(row.reason)))
    return Table("twin-table", "Consensus of the models of every dataset", columns, rows, "question")


def _power_section(power: pd.DataFrame) -> Section:
    columns = [
        Column("Padding", choices=True),
        Column("Exponent", "of the simulated effect; 1 has no interaction", True, choices=True),
        Column("Test", choices=True),
        Column("Rejected", "models of which the test says that motifs interact", True),
        Column("95 % interval", "Clopper and Pearson, as if models were independent"),
        Column("Redrawn labels", "mean share of label sets that are rejected", True),
    ]
    rows = [
        Row(
            [
                Cell(row.padding),
                Cell(f"{row.exponent:g}", row.exponent),
                Cell(_TEST_WORDS.get(row.test, row.test)),
                share_cell(row.n_rejected, row.n_models),
                _interval_cell(row.ci_low, row.ci_high),
                number_cell(row.redraw_rate, 2),
            ]
        )
        for row in power.itertuples()
    ]
    return Section(
        "twin-power",
        "Every test by the size of the effect",
        paragraphs=[
            "The truth of these data is simulated. At exponent 1 nothing interacts, and a test at level 0.05 "
            "should reject at most 5 %."
        ],
        tables=[Table("twin-power-table", "Rejections", columns, rows, "row", True)],
    )


def _share_cell(value) -> Cell:
    return MISSING if pd.isna(value) else Cell(share_text(value), float(value))


def _interval_cell(low, high) -> Cell:
    return MISSING if pd.isna(low) else Cell(f"{share_text(low)} to {share_text(high)}", float(low))


def _why(row) -> str:
    return f"{row.dataset}, {row.motif_pair}: {typeset(row.reason).rstrip('.')}"

"""The chapter about motif interactions: verdicts, models, figures and what to be careful about."""

from collections.abc import Mapping, Sequence

import pandas as pd

from seqaudit.figures.captions import counted, number, p_text, sentences
from seqaudit.figures.catalogue import INTERACTIONS, OVERVIEW
from seqaudit.figures.saved import SavedFigure
from seqaudit.report.cells import MISSING, number_cell, p_cell, share_cell, share_text, verdict_cell
from seqaudit.report.galleries import figure_sections
from seqaudit.report.page import Cell, Chapter, Column, Row, Section, Table

TEST_NAMES = {
    "unpaired_p": "Loss, unpaired",
    "paired_p": "Loss, paired",
    "twin_p": "Additive twin",
    "random_location_p": "Loss, vs random locations",
    "interaction_p": "Interaction not 0",
    "random_location_magnitude_p": "Size, vs random locations",
    "shuffled_p": "Size, vs shuffled",
}
"""Names of tests, columns of the loss_models table, as readers see them."""

_QUESTION = "Is the interaction that a network learned real, or a false positive?"


def loss_verdicts(tables: Mapping[str, pd.DataFrame], *, units: Mapping[str, str]) -> Section:
    """What the loss tests say about every dataset and motif pair, and why.

    ``tables`` needs ``loss_verdicts`` and ``loss_models``; ``units`` gives the unit of each dataset's target.
    """
    verdicts = tables["loss_verdicts"]
    truth_known = bool(verdicts["true_mean_interaction"].notna().any())
    columns = [
        Column("Motif pair"),
        Column("Dataset"),
        Column("Verdict"),
        Column("Mean interaction", "mean over models and held-out pairs, in the unit of the target", True),
        *(
            [Column("True mean", "mean true interaction of the same pairs, from the simulation", True)]
            * truth_known
        ),
        Column(
            "Loss improvement",
            "median over models of the median loss without the interaction minus loss with it; "
            "above 0 the interaction helps to predict held-out data",
            True,
        ),
        Column("Supporting models", "models whose own tests support the interaction", True),
        Column("FDR q", "false discovery rate of the deciding test over motif pairs", True),
    ]
    rows = []
    for row in verdicts.itertuples():
        unit = units.get(row.dataset, "")
        cells = [
            Cell(row.motif_pair),
            Cell(row.dataset, detail=_dataset_words(row)),
            verdict_cell(row.verdict),
            number_cell(row.mean_interaction, unit=unit),
            *([_truth_cell(row.true_mean_interaction, unit)] * truth_known),
            number_cell(row.median_loss_improvement),
            share_cell(row.n_supported, row.n_models),
            p_cell(row.q_value),
        ]
        rows.append(Row(cells, note=row.reason))
    return Section(
        "loss-verdicts",
        "Verdicts of the loss tests",
        paragraphs=[
            _headline(verdicts, tables["loss_models"]),
            "A verdict rests on held-out loss: if an interaction is real, predictions without it fit new "
            "data worse. The size of an interaction decides nothing, because networks show large "
            "interactions also where there are none.",
        ],
        tables=[
            Table("verdicts-table", "Verdict for every dataset and motif pair", columns, rows, "question")
        ],
    )


def loss_chapter(
    tables: Mapping[str, pd.DataFrame], figures: Sequence[SavedFigure], *, units: Mapping[str, str]
) -> Chapter:
    """All that there is to see about the loss tests.

    ``tables`` needs ``loss_models``, ``loss_architectures`` and ``loss_verdicts``.
    """
    sections = figure_sections(figures, INTERACTIONS)
    overview = [section for section in sections if section.title == OVERVIEW]
    return Chapter(
        "interactions",
        INTERACTIONS,
        _QUESTION,
        [
            loss_verdicts(tables, units=units),
            *overview,
            Section(
                "loss-models",
                "Every model",
                paragraphs=[
                    "One row per trained network and motif pair. Click a heading to sort; p-values are "
                    "those of single models and not corrected for their number."
                ],
                tables=[_model_table(tables["loss_models"], units)],
            ),
            Section(
                "architectures",
                "By architecture",
                paragraphs=[
                    "How many models of each architecture pass a test, and the p-value of all of them "
                    "together (Cauchy combination, which holds although the models share their data)."
                ],
                tables=[_architecture_table(tables["loss_architectures"])],
            ),
            *(section for section in sections if section.title != OVERVIEW),
            Section(
                "caveats",
                "What these tests can and cannot say",
                points=caveats(tables["loss_models"], tables["loss_verdicts"]),
            ),
        ],
    )


def caveats(models: pd.DataFrame, verdicts: pd.DataFrame) -> list[str]:
    """What a careful reader should know, as far as it applies to these tables."""
    measured = models.loc[models["control"].isna(), "dataset"].unique()
    negative = verdicts[verdicts["control"] == "negative"]
    clipped = models["fraction_clipped"].max()
    return [
        point
        for point in (
            "The paired test finds very small shifts. In the published negative control with 'same' "
            "padding it called 19 of 45 models significant although the truth holds no interaction. It is "
            "therefore not enough on its own.",
            f"Here, {negative['n_paired'].sum()} of {negative['n_models'].sum()} models of negative controls "
            "pass the paired test."
            if len(negative)
            else "",
            "The unpaired test ignores which loss belongs to which pair. It is conservative: it separates "
            "real from false where real effects are large compared with the noise of the loss. 'Not "
            "supported' is no proof of absence.",
            "Loss tests catch interactions that do not help prediction. A false interaction that happens to "
            "repair a poor fit of the main effects lowers the loss as well; compare the figures of the main "
            "effects' error and of position where the truth is known, and architectures where it is not.",
            "Random locations can overlap a motif, so they are not free of signal. Shuffled sequences lose "
            "all motifs, so larger interactions at real motifs are expected for any model.",
            "Losses on shuffled sequences are against the noise-free truth and cannot be compared with other "
            "losses."
            if models["shuffled_loss_p"].notna().any()
            else "",
            "Tests on training pairs are shown for comparison. A model may have fitted their noise.",
            "With thousands of pairs a tiny p-value can belong to a negligible effect: read the loss "
            "improvement beside it.",
            "Models of one dataset see the same pairs, so their p-values depend on each other. Counts of "
            "significant models are descriptive; the combined p-value allows for dependence.",
            f"For up to {number(100 * clipped, 2)} % of the pairs the prediction without the interaction was "
            "negative and was set to the smallest count."
            if clipped > 0
            else "",
            f"For measured data ({', '.join(measured)}) nobody knows the truth. Motif sites come from "
            "scanning, may be unbound or miss weak sites; letters that replace a site can make or break "
            "others. A verdict says what the networks' predictions gain from the interaction, not that two "
            "factors touch each other."
            if len(measured)
            else "",
            "Some questions could not be tested; their reasons are in the table of verdicts."
            if (verdicts["verdict"] == "not tested").any()
            else "",
        )
        if point
    ]


def _headline(verdicts: pd.DataFrame, models: pd.DataFrame) -> str:
    counts = verdicts["verdict"].value_counts()
    parts = [f"{count} {verdict}" for verdict, count in counts.items()]
    networks = counted(models["model_id"].nunique(), "trained network")
    return sentences(
        "Is the interaction of two motifs that the networks learned real?",
        f"{counted(len(verdicts), 'question')}, asked of {networks}: {', '.join(parts)}.",
    )


def _dataset_words(row) -> str:
    kind = "measured" if pd.isna(row.control) else f"{row.control} control"
    return f"{kind}, padding {row.padding}"


def _truth_cell(value: float, unit: str) -> Cell:
    if pd.isna(value):
        return MISSING
    return Cell("none", 0.0) if abs(value) < 1e-6 else number_cell(value, unit=unit)


def _model_table(models: pd.DataFrame, units: Mapping[str, str]) -> Table:
    common = {units.get(dataset, "") for dataset in models["dataset"]}
    head = f" ({next(iter(common))})" if len(common) == 1 and common != {""} else ""
    twinned = bool(models["twin_verdict"].notna().any())
    columns = [
        Column("Dataset", choices=True),
        Column("Motif pair", choices=True),
        Column("Architecture", choices=True),
        Column("L1", "weight of the L1 penalty on kernels", True),
        Column("Seed", numeric=True),
        Column("Verdict", choices=True),
        Column("Held-out error", "mean squared error on held-out sequences, training space", True),
        Column("Held-out r", "Pearson r on held-out sequences, training space", True),
        Column("Pairs", "held-out motif pairs", True),
        Column(f"Mean interaction{head}", "mean over held-out pairs", True),
        Column(f"Mean |interaction|{head}", "mean absolute interaction over held-out pairs", True),
        Column("Loss improvement", "median loss without the interaction minus loss with it", True),
        *(Column(name, f"p-value, column {test}", True) for test, name in _tests_of(models)),
        *(
            [
                Column("Twin's verdict", "what additive twins say of the model's claim", choices=True),
                Column("Share confirmed", "beta of the additive twin, with its 90 % interval", True),
            ]
            * twinned
        ),
        Column("Why", folds=True),
    ]
    rows = []
    for row in models.to_dict("records"):
        unit = "" if head else units.get(row["dataset"], "")
        why = row["reason"] if row["status"] == "ok" else f"{row['reason']} ({row['status']})"
        cells = [
            Cell(row["dataset"]),
            Cell(row["motif_pair"]),
            Cell(row["arch"]),
            number_cell(row["l1"], 6),
            Cell(str(row["seed"]), row["seed"]),
            verdict_cell(row["verdict"]),
            number_cell(row["test_mse"], 4),
            number_cell(row["test_pearson"], 4),
            Cell(f"{row['n_pairs']:,}", row["n_pairs"]),
            number_cell(row["mean_interaction"], unit=unit),
            number_cell(row["mean_abs_interaction"], unit=unit),
            number_cell(row["median_loss_improvement"]),
            *(p_cell(row[test]) for test, _ in _tests_of(models)),
            *(_twin_cells(row) if twinned else ()),
            Cell("why", detail=why),
        ]
        rows.append(Row(cells))
    return Table("loss-models-table", "All trained models and their tests", columns, rows, "model", True)


def _twin_cells(row: Mapping) -> tuple[Cell, Cell]:
    verdict = MISSING if pd.isna(row["twin_verdict"]) else verdict_cell(row["twin_verdict"])
    if pd.isna(row["twin_beta"]):
        return verdict, MISSING
    beta, low, high = (share_text(row[f"twin_{name}"]) for name in ("beta", "ci_low", "ci_high"))
    return verdict, Cell(f"{beta} [{low}, {high}]", float(row["twin_beta"]))


def _architecture_table(architectures: pd.DataFrame) -> Table:
    tested = architectures.dropna(subset=["combined_p"])
    tests = [(test, name) for test, name in TEST_NAMES.items() if test in set(tested["test"])]
    columns = [
        Column("Dataset"),
        Column("Motif pair"),
        Column("Architecture"),
        *(Column(name, "models with p below alpha, and the combined p-value", True) for _, name in tests),
    ]
    rows = []
    for key, group in architectures.groupby(["dataset", "motif_pair", "arch"], sort=False):
        found = group.set_index("test")
        cells = []
        for test, _ in tests:
            if test not in found.index or pd.isna(found.loc[test, "combined_p"]):
                cells.append(MISSING)
                continue
            one = found.loc[test]
            words = f"{one['n_significant']} of {one['n_models']}, {p_text(one['combined_p'])}"
            cells.append(Cell(words, float(one["combined_p"])))
        rows.append(Row([*map(Cell, key), *cells]))
    return Table("architectures-table", "Tests by architecture", columns, rows, "row")


def _tests_of(models: pd.DataFrame) -> list[tuple[str, str]]:
    return [(test, name) for test, name in TEST_NAMES.items() if models[test].notna().any()]

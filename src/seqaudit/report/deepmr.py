"""The chapter about causal effects: what causes what, how well that was found, and what it means."""

from collections.abc import Mapping, Sequence

import pandas as pd

from seqaudit.figures.captions import counted, number, sentences, span
from seqaudit.figures.catalogue import CAUSES, OVERVIEW
from seqaudit.figures.deepmr_words import (
    class_words,
    classes_of,
    interval_words,
    method_words,
    pair_words,
)
from seqaudit.figures.saved import SavedFigure
from seqaudit.inference.deepmr import GLOBAL_STATUS
from seqaudit.inference.deepmr.headline import Methods, headline_methods, spoken_for
from seqaudit.report.cells import MISSING, number_cell, p_cell
from seqaudit.report.galleries import figure_sections
from seqaudit.report.page import Cell, Chapter, Column, Row, Section, Table

QUESTION = "Do the networks know that one quantity causes another, and how strongly?"
_PAIR = ["study", "exposure", "outcome"]
_MOST_SENTENCES = 24


def deepmr_chapter(
    tables: Mapping[str, pd.DataFrame],
    figures: Sequence[SavedFigure],
    *,
    headline: Mapping[str, str] | None = None,
) -> Chapter:
    """All that there is to see about causal effects.

    ``tables`` needs ``deepmr_global``; ``deepmr_scores`` is shown where there is one. ``headline``
    is the method that speaks for a recipe, as in ``StudyResults``.
    """
    effects = tables["deepmr_global"]
    scores = tables.get("deepmr_scores")
    methods = headline_methods(effects, headline or {})
    shown = spoken_for(effects, methods)
    known = pd.DataFrame() if scores is None else scores.dropna(subset=["bias"])
    sections = figure_sections(figures, CAUSES)
    return Chapter(
        "causes",
        CAUSES,
        QUESTION,
        [
            Section(
                "causes-found",
                "What was found",
                paragraphs=[_headline(effects)],
                points=effect_sentences(shown),
            ),
            *(section for section in sections if section.title == OVERVIEW),
            Section(
                "causes-effects",
                "Every global effect",
                paragraphs=[_rounds_words(effects), *_methods_words(methods)],
                tables=[_effect_table(_first_rounds(shown))],
            ),
            *(
                [
                    Section(
                        "causes-scores",
                        "Scores over rounds of a simulation",
                        paragraphs=[
                            "Estimates against the known truth, over rounds with fresh data and networks. "
                            "R² is about the identity line; coverage is the share of 95 % intervals that "
                            "hold the truth, with its 95 % Wilson interval."
                        ],
                        points=score_sentences(known, methods),
                        tables=[_score_table(known)],
                    )
                ]
                if len(known)
                else []
            ),
            *(section for section in sections if section.title != OVERVIEW),
            Section("causes-notes", "What a causal effect is here", points=notes(effects, methods)),
        ],
    )


def effect_sentences(effects: pd.DataFrame) -> list[str]:
    """One sentence per study, pair, scenario and recipe: effect, interval, loci, class and truth.

    ``effects`` holds one method per recipe; of several rounds the first is told.
    """
    told = []
    for (study, exposure, outcome, scenario, recipe), rows in _first_rounds(effects).groupby(
        [*_PAIR, "scenario", "recipe"], sort=False
    ):
        place = f"{study}, {recipe}" if scenario == "none" else f"{study}, {scenario}, {recipe}"
        start = f"{pair_words(exposure, outcome)} ({place}):"
        estimated = rows.dropna(subset=["b"])
        if estimated.empty:
            told.append(f"{start} no estimate: {GLOBAL_STATUS[rows['status'].iloc[0]]}.")
            continue
        by_class = estimated.set_index("sequence_class", drop=False).loc[classes_of(estimated)]
        parts = [_effect_words(row) for row in by_class.itertuples()]
        told.append(f"{start} one unit more {exposure} changes {outcome} by {'; '.join(parts)}.")
    if len(told) > _MOST_SENTENCES:
        more = len(told) - _MOST_SENTENCES
        told = [*told[:_MOST_SENTENCES], f"{counted(more, 'more effect')} in the table below."]
    return told


def score_sentences(scores: pd.DataFrame, methods: Methods) -> list[str]:
    """One sentence per study, scenario and recipe: bias and coverage where both motifs are.

    ``scores`` are rows of table ``deepmr_scores`` with a known truth, ``methods`` those that
    speak for each study and recipe.
    """
    own = spoken_for(scores, methods)
    own = own[own["gamma_cluster"] == "all"]
    told = []
    for key, rows in own.groupby([*_PAIR, "scenario", "recipe"], sort=False):
        study, exposure, outcome, scenario, recipe = key
        by_class = rows.set_index("sequence_class", drop=False)
        row = by_class.loc["both" if "both" in by_class.index else by_class.index[0]]
        coverage = f"{_percent(row['ci_coverage'])} of {counted(row['n_rounds'], 'round')}"
        limits = f"{_percent(row['ci_coverage_low'])} to {_percent(row['ci_coverage_high'])}"
        told.append(
            f"{pair_words(exposure, outcome)} ({study}, {scenario}, {recipe}), loci with "
            f"{class_words(row['sequence_class'])}: bias {number(row['bias'], 2)} at a mean effect of "
            f"{number(row['truth'])}; the 95 % interval held the truth in {coverage} "
            f"(Wilson interval {limits}), that of a locus in {_percent(row['local_coverage'])} of loci."
        )
    return told


def notes(effects: pd.DataFrame, methods: Methods) -> list[str]:
    """What a careful reader should know, as far as it applies to these tables."""
    own = spoken_for(effects, methods)
    estimands = own.drop_duplicates(["recipe", "estimand"])
    unknown = list(own.loc[own["truth"].isna() & own["b"].notna(), "study"].unique())
    independent = sorted({recipe for (_, recipe), method in methods.items() if "/reml" in method})
    classes = set(own.dropna(subset=["b"])["sequence_class"])
    lost = own.loc[own["sequence_class"] == "all", ["k", "n_loci"]].sum()
    return [
        point
        for point in (
            "An effect is the change of the outcome for one unit of the exposure, when single bases change "
            "the exposure. Both are predictions of the networks in the space they were trained in, so the "
            "effect says what the networks learned; it is a fact about the cell as far as they are right.",
            *(f"Recipe {row.recipe} estimates: {row.estimand}." for row in estimands.itertuples()),
            "Loci with both motifs and loci with the exposure's motif only have different effects: without "
            "a site of the outcome there is little to change. 'All loci' is a mean over the mixture that was "
            "mutated, about half of each in the published design, and not the effect of any locus."
            if {"both", "exposure_only"} <= classes
            else "",
            "Confidence intervals are about the mean over loci, prediction intervals about a single new "
            "locus.",
            f"Pooling by random effects ({', '.join(independent)}) takes loci as independent. They share the "
            "same networks, so these intervals are too narrow."
            if independent
            else "",
            "All networks of an ensemble see the same data. An error that all of them share, such as too "
            "large a predicted effect of single bases when training held whole motifs only, is in no "
            "interval; where the truth is known, the slope of predicted on true effects shows it.",
            "Instruments must change the outcome through the exposure only. A base that also belongs to a "
            "site of something else breaks this; estimators that allow for it (MR Egger and others) need "
            "assumptions of their own and are less precise.",
            f"Of {span([int(lost['n_loci'])])} mutated loci {span([int(lost['k'])])} have an estimate; why "
            "others have none is in the column 'status' of the table of local effects."
            if lost["n_loci"] > lost["k"]
            else "",
            f"For measured data ({', '.join(unknown)}) nobody knows the truth, so bias and coverage can only "
            "be carried over from simulations."
            if unknown
            else "",
        )
        if point
    ]


def _headline(effects: pd.DataFrame) -> str:
    pairs = effects.drop_duplicates(_PAIR)
    ensembles = counted(effects["ensemble"].nunique(), "ensemble")
    return sentences(
        f"{counted(len(pairs), 'ordered pair')} of exposure and outcome, asked of {ensembles} of networks.",
        "Every single-base change of a sequence is a small experiment on the networks; those that move the "
        "exposure serve as instruments (Deep Mendelian randomization, Malina et al. 2022).",
    )


def _first_rounds(effects: pd.DataFrame) -> pd.DataFrame:
    first = effects.groupby(["study", "scenario"])["round"].transform("min")
    return effects[effects["round"] == first]


def _rounds_words(effects: pd.DataFrame) -> str:
    rounds = effects.groupby(["study", "scenario"])["round"].nunique()
    if (rounds == 1).all():
        return "One row per pair and class of sequences. Click a heading to sort."
    return (
        f"The first round of every scenario, of {span(rounds)}; all rounds are in the table of global "
        "effects among the results. Click a heading to sort."
    )


def _methods_words(methods: Methods) -> list[str]:
    told = dict.fromkeys(f"{recipe}: {method_words(method)}" for (_, recipe), method in methods.items())
    return [f"Method of each recipe (local estimator / pooling): {'; '.join(told)}."]


def _effect_words(row) -> str:
    truth = "" if pd.isna(row.truth) else f", true {number(row.truth)}"
    words = interval_words(row.b, row.ci_low, row.ci_high)
    return f"{words} at {_loci(row.k)} with {class_words(row.sequence_class)}{truth}".replace(
        "loci with all loci", "loci in all"
    )


def _loci(k: int) -> str:
    return f"{k:,} {'locus' if k == 1 else 'loci'}"


def _effect_table(effects: pd.DataFrame) -> Table:
    known = bool(effects["truth"].notna().any())
    columns = [
        Column("Pair", choices=True),
        Column("Study", choices=True),
        Column("Scenario", choices=True),
        Column("Recipe", choices=True),
        Column("Loci", "motifs of the sequences", choices=True),
        Column("Effect", "change of the outcome per unit of the exposure, 95 % confidence interval", True),
        *([Column("Truth", "mean true effect of the same loci", True)] * known),
        Column("Prediction interval", "95 %, of a single locus", True),
        Column("p", "two-sided, effect 0", True),
        Column("Between loci", "tau, standard deviation of the effect between loci", True),
        Column("k", "loci with an estimate, of those mutated", True),
        Column("Status", folds=True),
    ]
    rows = []
    for row in effects.itertuples():
        cells = [
            Cell(pair_words(row.exposure, row.outcome)),
            Cell(row.study),
            Cell("–" if row.scenario == "none" else row.scenario),
            Cell(row.recipe),
            Cell(class_words(row.sequence_class)),
            MISSING if pd.isna(row.b) else Cell(interval_words(row.b, row.ci_low, row.ci_high), float(row.b)),
            *([number_cell(row.truth)] * known),
            _range_cell(row.pi_low, row.pi_high),
            p_cell(row.pval),
            number_cell(row.tau),
            Cell(f"{row.k:,} of {row.n_loci:,}", row.k),
            Cell("ok" if row.status == "ok" else "why", detail="" if row.status == "ok" else row.status),
        ]
        rows.append(Row(cells))
    return Table("causes-table", "Global causal effects", columns, rows, "effect", True)


def _score_table(scores: pd.DataFrame) -> Table:
    columns = [
        Column("Study", choices=True),
        Column("Scenario", choices=True),
        Column("Recipe", choices=True),
        Column("Pair", choices=True),
        Column("Loci", choices=True),
        Column("Method", "local estimator / pooling", choices=True),
        Column("Rounds of", "all rounds, or those with a strong (high) or weak (low) effect", choices=True),
        Column("n", "rounds with an estimate, of those run", True),
        Column("Truth", "mean over rounds", True),
        Column("Bias", "mean of estimate minus truth", True),
        Column("RMSE", "root mean squared error", True),
        Column("R²", "about the identity line", True),
        Column("r²", "squared correlation, as published", True),
        Column("CI coverage", "share of rounds, 95 % Wilson interval", True),
        Column("Local coverage", "mean share of loci", True),
        Column("PI coverage", "mean share of loci", True),
        Column("Within 2 tau", "share of rounds; published as coverage, but no interval", True),
        Column("Retained", "share of mutated loci with an estimate", True),
    ]
    rows = [
        Row(
            [
                Cell(row.study),
                Cell(row.scenario),
                Cell(row.recipe),
                Cell(pair_words(row.exposure, row.outcome)),
                Cell(class_words(row.sequence_class)),
                Cell(method_words(row.method)),
                Cell(row.gamma_cluster),
                Cell(f"{row.n_rounds:,} of {row.n_tried:,}", row.n_rounds),
                number_cell(row.truth),
                number_cell(row.bias),
                number_cell(row.rmse),
                number_cell(row.identity_r2),
                number_cell(row.pearson_r2),
                _coverage_cell(row),
                number_cell(row.local_coverage, 2),
                number_cell(row.pi_coverage, 2),
                number_cell(row.tau_coverage, 2),
                number_cell(row.retained, 2),
            ]
        )
        for row in scores.itertuples()
    ]
    return Table("causes-scores-table", "Scores over rounds", columns, rows, "score", True)


def _percent(share: float) -> str:
    return "an unknown share" if pd.isna(share) else f"{100 * share:.0f} %"


def _range_cell(low: float, high: float) -> Cell:
    if pd.isna(low) or pd.isna(high):
        return MISSING
    return Cell(f"{number(low)} to {number(high)}", float(low))


def _coverage_cell(row) -> Cell:
    if pd.isna(row.ci_coverage):
        return MISSING
    limits = f" ({number(row.ci_coverage_low, 2)} to {number(row.ci_coverage_high, 2)})"
    return Cell(number(row.ci_coverage, 2) + limits, float(row.ci_coverage))

"""The chapter about interactions with uncertainty: which pairs act together, and what a call is worth."""

from collections.abc import Mapping, Sequence

import pandas as pd

from seqaudit.figures.captions import counted, number, p_text, sentences
from seqaudit.figures.entry import OVERVIEW
from seqaudit.figures.hessian_entries import UNCERTAINTY
from seqaudit.figures.saved import SavedFigure
from seqaudit.inference.digit_readings import summarise_readings
from seqaudit.report.cells import MISSING, number_cell, p_cell
from seqaudit.report.galleries import figure_sections
from seqaudit.report.page import Cell, Chapter, Column, Row, Section, Table

QUESTION = "Which features act together, how strongly, and how sure is that?"
_MOST_SENTENCES = 12
_MOST_PAIRS = 2000
_RULES = {
    "published": "score above 2 sd (published)",
    "signed_groups": "signed group means",
    "additive_null": "additive null, single pairs",
    "additive_null_family": "additive null, all pairs together",
}
"""Rules in words."""


def hessian_chapter(tables: Mapping[str, pd.DataFrame], figures: Sequence[SavedFigure]) -> Chapter:
    """All that there is to see about Group Expected Hessians.

    ``tables`` needs ``hessian_pairs``; ``hessian_networks``, ``hessian_auc``, ``hessian_coverage``,
    ``hessian_false_positives``, ``hessian_readings`` and ``hessian_head_designs`` are shown where they
    have rows.
    """
    pairs = tables["hessian_pairs"]
    scores = pairs[pairs["measure"] == "geh"]
    sections = figure_sections(figures, UNCERTAINTY)
    compared = [
        make(tables[name])
        for name, make in (
            ("hessian_auc", _auc_table),
            ("hessian_false_positives", _false_positive_table),
            ("hessian_networks", _network_table),
            ("hessian_head_designs", _head_table),
        )
        if name in tables and len(tables[name])
    ]
    return Chapter(
        "uncertainty",
        UNCERTAINTY,
        QUESTION,
        [
            Section(
                "uncertainty-found",
                "What was found",
                paragraphs=[_headline(scores)],
                points=[
                    *fit_sentences(scores),
                    *coverage_sentences(tables.get("hessian_coverage")),
                    *digit_sentences(tables.get("hessian_readings")),
                ],
            ),
            *(section for section in sections if section.title == OVERVIEW),
            Section("uncertainty-pairs", "Every pair", tables=[_pair_table(scores)]),
            *([Section("uncertainty-checks", "Checks of the method", tables=compared)] if compared else []),
            *(section for section in sections if section.title != OVERVIEW),
            Section("uncertainty-notes", "What a score and a call are", points=NOTES),
        ],
    )


NOTES = (
    "A score is the second derivative of the network's prediction by two features, averaged within groups "
    "of held-out points with its sign, then over groups without it (Group Expected Hessian). It is in units "
    "of the target per unit of both features, so scores of features in other units do not compare; the "
    "scaled score does.",
    "The interval is the spread between posterior samples of one network. It says how sure the network is, "
    "not how another data set would come out.",
    "The published rule calls a pair if its score exceeds two standard deviations. A score cannot be "
    "negative, so this is no test: with many groups it calls pairs of pure noise.",
    "Calls rest on the additive null: networks are fitted again to data simulated from main effects alone, "
    "and a score must exceed what these give, over all pairs together. Permuted targets are the easier null: "
    "without main effects there is nothing that a network could mistake for an interaction.",
    "The loss gate is a second line: the network must predict held-out points better than an additive model "
    "of the same features. It says nothing of single pairs, so it can take calls back and make none; the "
    "call itself does not depend on it.",
    "Features of sequences are expected numbers of bound windows, given by the motifs, and not learned. The "
    "question is the one of the loss tests, on the same sequences and counts, but not of the same networks.",
)
"""What a careful reader should know."""


def fit_sentences(scores: pd.DataFrame) -> list[str]:
    """One sentence per network: what each rule calls, and how much of it is true.

    ``scores`` are rows of measure 'geh' in table ``hessian_pairs``.
    """
    told = []
    for fit, rows in scores.groupby("fit", sort=False):
        top = rows.sort_values("rank").iloc[0]
        n_pairs = counted(len(rows), "pair")
        parts = [
            f"{fit}: the largest score of {n_pairs} is {top['feature_a']} × {top['feature_b']}, "
            f"{number(top['score'])} ± {number(top['sd'])}"
        ]
        if rows["call"].notna().any():
            called = rows[rows["call"].eq(True)]
            names = ", ".join(f"{a} × {b}" for a, b in zip(called["feature_a"], called["feature_b"]))
            family = p_text(top["p_null"])
            parts.append(f"the additive null calls {names or 'no pair'} (the first has {family})")
        if pd.notna(top["p_loss"]):
            gated = int(rows["gated_call"].eq(True).sum())
            both = f"; call and loss gate agree on {gated}" if rows["call"].notna().any() else ""
            parts.append(
                f"against main effects alone, held-out loss has {p_text(top['p_loss'])} for no gain{both}"
            )
        parts.append(f"the published rule calls {int(rows['published_call'].eq(True).sum())} of {len(rows)}")
        if rows["interacts"].notna().all():
            parts.append(f"in truth {int(rows['interacts'].eq(True).sum())} interact")
        told.append(f"{'; '.join(parts)}.")
    if len(told) > _MOST_SENTENCES:
        more = len(told) - _MOST_SENTENCES
        told = [*told[:_MOST_SENTENCES], f"{counted(more, 'more network')} in the table below."]
    return told


def coverage_sentences(coverage: pd.DataFrame | None) -> list[str]:
    """How often intervals hold the truth: one sentence per data set, for pairs that interact."""
    if coverage is None or coverage.empty:
        return []
    true = coverage[coverage["interacts"] & (coverage["quantity"] == "geh")]
    return [
        f"{dataset} ({posterior}): intervals of true interactions hold the true value in "
        f"{100 * (rows['coverage'] * rows['n']).sum() / rows['n'].sum():.0f} % of "
        f"{counted(int(rows['n'].sum()), 'case')}."
        for (dataset, posterior), rows in true.groupby(["dataset", "posterior"], sort=False)
    ]


def digit_sentences(readings: pd.DataFrame | None) -> list[str]:
    """How often the strongest pair of nodes is the pair of digits that makes the label, by study."""
    if readings is None or readings.empty:
        return []
    return [
        f"{row.dataset}: the strongest pair of nodes means the two digits of the label in {row.strongest} of "
        f"{counted(row.n_networks, 'network')} (chosen blindly {number(row.chance, 2)}); among pairs of a "
        f"left and a right node in {row.strongest_across} (blindly {number(row.chance_across, 2)}). Networks "
        f"name at least {100 * row.classifier_accuracy:.0f} % of held-out pairs of digits."
        for row in summarise_readings(readings).itertuples()
    ]


def _headline(scores: pd.DataFrame) -> str:
    tested = scores.dropna(subset=["call"])["fit"].nunique()
    return sentences(
        f"{counted(scores['fit'].nunique(), 'Bayesian network')} on "
        f"{counted(scores['dataset'].nunique(), 'data set')}, asked for their second derivatives (Cui, "
        "Marttinen and Kaski 2020).",
        f"{counted(tested, 'network')} can be held against refits to data without interactions."
        if tested
        else "No refits to data without interactions were asked for, so nothing is called.",
    )


def _pair_table(scores: pd.DataFrame) -> Table:
    known = bool(scores["interacts"].notna().any())
    columns = [
        Column("Network", choices=True),
        Column("Pair"),
        Column("Score", "group expected Hessian, mean and standard deviation over posterior samples", True),
        Column("Scaled", "score times the spread of both features: units of the target", True),
        Column("Rank", "1 is the largest of the network", True),
        Column("Call", "additive null, all pairs together", choices=True),
        Column("p", "additive null, all pairs together", True),
        Column("Call and loss", "call, and held-out loss better than that of main effects", choices=True),
        Column("p, loss", "no gain in held-out loss over main effects; one for the network", True),
        Column("p, pair", "additive null, this pair alone", True),
        Column("p, permuted", "refits to permuted targets, all pairs together", True),
        Column("p, groups", "signed group means all 0, all pairs together", True),
        Column("Published rule", "score above 2 standard deviations", choices=True),
        *([Column("Truth", choices=True)] * known),
    ]
    rows = []
    for row in scores.sort_values(["fit", "rank"], kind="stable").head(_MOST_PAIRS).itertuples():
        spread = "" if pd.isna(row.sd) else f" ± {number(row.sd)}"
        cells = [
            Cell(row.fit),
            Cell(f"{row.feature_a} × {row.feature_b}"),
            Cell(f"{number(row.score)}{spread}", float(row.score)),
            number_cell(row.score_scaled),
            Cell(f"{row.rank:g}", float(row.rank)),
            _yes_no(row.call),
            p_cell(row.p_null),
            _yes_no(row.gated_call),
            p_cell(row.p_loss),
            p_cell(row.p_additive),
            p_cell(row.p_permutation_family),
            p_cell(row.p_groups_family),
            _yes_no(row.published_call),
            *([_yes_no(row.interacts, "interacts", "does not")] * known),
        ]
        rows.append(Row(cells))
    return Table("uncertainty-table", "Group Expected Hessian of every pair", columns, rows, "pair", True)


def _auc_table(areas: pd.DataFrame) -> Table:
    columns = [
        Column("Data", choices=True),
        Column("S/N", "variance of the noise-free target over that of the noise", True),
        Column("Method", choices=True),
        Column("AUC", "area under the ROC curve over pairs, ± standard error over data sets", True),
        Column("Rank of true pairs", "mean", True),
        Column("Best possible", "mean rank if all true pairs came first", True),
        Column("n", "data sets", True),
    ]
    rows = []
    for row in areas.itertuples():
        error = "" if pd.isna(row.auc_se) else f" ± {number(row.auc_se, 2)}"
        area = MISSING if pd.isna(row.auc) else Cell(f"{number(row.auc)}{error}", float(row.auc))
        cells = [Cell(row.dataset), number_cell(row.snr), Cell(row.method), area]
        cells += [number_cell(row.true_rank), number_cell(row.ideal_rank), _count_cell(row.n_datasets)]
        rows.append(Row(cells))
    return Table("uncertainty-auc", "Do the scores find the true pairs?", columns, rows, "method", True)


def _false_positive_table(rates: pd.DataFrame) -> Table:
    columns = [
        Column("Data", choices=True),
        Column("Null data", "permuted targets, or simulated from main effects alone", choices=True),
        Column("Measure", choices=True),
        Column("Rule", choices=True),
        Column("Pairs called", "share, 95 % interval over null data sets", True),
        Column("Data sets with a call", "share, 95 % Wilson interval", True),
        Column("Published", "share of pairs in Table 1 of the paper", True),
        Column("n", "null data sets", True),
    ]
    rows = [
        Row(
            [
                Cell(row.dataset),
                Cell(row.null.replace("_", " ")),
                Cell(row.measure.upper()),
                Cell(_RULES[row.rule]),
                _rate_cell(row.rate, row.ci_low, row.ci_high),
                _rate_cell(row.family_rate, row.family_low, row.family_high),
                number_cell(row.published),
                _count_cell(row.n_draws),
            ]
        )
        for row in rates.itertuples()
    ]
    return Table("uncertainty-false", "How often is noise called?", columns, rows, "rule", True)


def _network_table(networks: pd.DataFrame) -> Table:
    columns = [
        Column("Network", choices=True),
        Column("Posterior", choices=True),
        Column("R²", "share of the variance of held-out targets", True),
        Column("Loss gain", "held-out loss per point of main effects alone minus that of the network", True),
        Column("p, loss", "no gain: one-sided paired t-test over held-out points", True),
        Column("Epochs", "kept, of those trained", True),
        Column("Refits", "to null data", True),
    ]
    refits = networks[networks["targets"] != "observed"].groupby("fit").size()
    observed = networks[(networks["targets"] == "observed") & (networks["member"] == 1)]
    rows = [
        Row(
            [
                Cell(row.fit),
                Cell(row.posterior.replace("_", " ")),
                number_cell(row.test_r2),
                _spread_cell(row.loss_gain, row.loss_gain_se),
                p_cell(row.p_loss),
                Cell(f"{row.best_epoch:,} of {row.epochs:,}", row.best_epoch),
                _count_cell(refits.get(row.fit, 0)),
            ]
        )
        for row in observed.itertuples()
    ]
    return Table("uncertainty-networks", "Do the networks predict?", columns, rows, "network", True)


def _head_table(designs: pd.DataFrame) -> Table:
    columns = [
        Column("Dataset", choices=True),
        Column("Pair", choices=True),
        Column("Networks", "architecture, L1 weight and padding of the networks of the loss tests"),
        Column("Interaction", "mean over held-out pairs, ± standard deviation over networks", True),
        Column("In the head", "mixed difference of the dense head over the rectangle of both motifs", True),
        Column("Below", "the rest: the layer below the head is not additive", True),
        Column("Share of the head", "mean |head| over mean |head| + mean |below|", True),
        Column("Truth", "mean true interaction", True),
        Column("n", "networks", True),
    ]
    rows = [
        Row(
            [
                Cell(row.dataset),
                Cell(row.motif_pair),
                Cell(f"{row.arch}, {row.l1:g}, {row.padding}"),
                _spread_cell(row.mean_interaction, row.sd_interaction),
                _spread_cell(row.mean_head, row.sd_head),
                _spread_cell(row.mean_below, row.sd_below),
                number_cell(row.head_share),
                number_cell(row.mean_truth),
                _count_cell(row.n_networks),
            ]
        )
        for row in designs.itertuples()
    ]
    return Table(
        "uncertainty-heads",
        "Where do interactions of trained networks arise?",
        columns,
        rows,
        "network",
        True,
    )


def _rate_cell(rate: float, low: float, high: float) -> Cell:
    return Cell(f"{number(rate)} ({number(low)} to {number(high)})", float(rate))


def _spread_cell(value: float, error: float) -> Cell:
    if pd.isna(value):
        return MISSING
    return Cell(number(value) + ("" if pd.isna(error) else f" ± {number(error, 2)}"), float(value))


def _count_cell(n: int) -> Cell:
    return Cell(f"{n:,}", int(n))


def _yes_no(value, yes: str = "yes", no: str = "no") -> Cell:
    if pd.isna(value):
        return MISSING
    return Cell(yes if value else no, int(not value))

"""Figures of Group Expected Hessians, for the catalogue."""

from seqaudit.figures.entry import HEADS, HESSIAN, OVERVIEW, Entry

UNCERTAINTY = "Interactions with uncertainty"
"""Chapter of the report."""

FOUND = "Are true interactions found?"
NOISE = "Is noise called?"
INSIDE = "Inside the score"
_PAIRS = ("hessian_pairs",)


def _entry(name: str, title: str, section: str, draw: str, tables: tuple[str, ...], reading: str) -> Entry:
    return Entry(name, HESSIAN, title, UNCERTAINTY, section, draw, tables, reading)


HESSIAN_FIGURES: tuple[Entry, ...] = (
    _entry(
        "hessian_pairs",
        "The strongest pairs",
        OVERVIEW,
        "hessian_pairs.ranked_pairs",
        (*_PAIRS, "hessian_nulls"),
        "Filled pairs exceed what networks find in data without interactions; intervals are as published.",
    ),
    _entry(
        "hessian_map",
        "All pairs, and which rule calls them",
        OVERVIEW,
        "hessian_pairs.pair_map",
        _PAIRS,
        "Below the diagonal the score, above it the calls; the published rule calls noise as well.",
    ),
    _entry(
        "hessian_roc",
        "ROC curves of all methods",
        FOUND,
        "hessian_methods.roc_curves",
        ("hessian_roc", "hessian_auc"),
        "Curves near the upper left corner rank true pairs first.",
    ),
    _entry(
        "hessian_auc",
        "Ranking of true pairs by noise",
        FOUND,
        "hessian_methods.auc_by_noise",
        ("hessian_auc",),
        "Area under the ROC curve and mean rank of true pairs, by ratio of signal to noise.",
    ),
    _entry(
        "hessian_coverage",
        "Do intervals hold the truth?",
        FOUND,
        "hessian_checks.coverage",
        ("hessian_coverage",),
        "Scores beside true values, and how often credible intervals hold them.",
    ),
    _entry(
        "hessian_injected",
        "Ranks of injected interactions",
        FOUND,
        "hessian_methods.injected_ranks",
        ("hessian_injections",),
        "Rank 1 is best; methods that see weak interactions reach it further to the left.",
    ),
    _entry(
        "hessian_nulls",
        "The largest scores without interactions",
        NOISE,
        "hessian_pairs.null_maxima",
        ("hessian_nulls", "hessian_pairs"),
        "Scores to the right of both histograms are more than noise.",
    ),
    _entry(
        "hessian_false_positives",
        "False positives by rule",
        NOISE,
        "hessian_methods.false_positives",
        ("hessian_false_positives",),
        "A test at 5 % stays at the dotted line; the published rule is no test.",
    ),
    _entry(
        "hessian_groups",
        "Signed means by group of points",
        INSIDE,
        "hessian_pairs.group_means",
        ("hessian_groups", "hessian_pairs"),
        "Groups on both sides of zero cancel in the overall mean and add up in the score.",
    ),
    _entry(
        "hessian_group_counts",
        "How many groups?",
        INSIDE,
        "hessian_checks.group_counts",
        ("hessian_group_counts",),
        "More groups change no ranks where the curve is flat.",
    ),
    _entry(
        "hessian_screening",
        "Dropped inputs",
        INSIDE,
        "hessian_checks.screening",
        ("hessian_dropout", "hessian_pairs"),
        "Inputs that the network has learned to drop matter little.",
    ),
    _entry(
        "hessian_digits",
        "Pairs of nodes as digits",
        INSIDE,
        "hessian_digits.node_pairs",
        ("hessian_readings",),
        "Bold pairs are those digits, each in its half, that make the label.",
    ),
    _entry(
        "hessian_surfaces",
        "What the interactions look like",
        INSIDE,
        "hessian_checks.surfaces",
        ("hessian_surfaces",),
        "True interactions without their main effects, or the smoothed target over the strongest pairs.",
    ),
)
"""One per Hessian study."""

HEAD_FIGURES: tuple[Entry, ...] = (
    Entry(
        "hessian_heads",
        HEADS,
        "Where interactions of trained networks arise",
        UNCERTAINTY,
        "Networks of the loss tests",
        "hessian_heads.origins",
        ("hessian_head_designs", "hessian_groups"),
        "Blue arises in the dense head, orange below it; black is their sum, that of the knock-out test.",
    ),
)
"""One per run."""

"""Sentences that say why a loss test came to its verdict, with the numbers in them."""

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

TEST_NAMES = {"unpaired": "unpaired", "paired": "paired", "random_location": "random-location"}
"""Tests that may decide, by the name of the option, and what sentences call them."""
PUBLISHED_FALSE_POSITIVES = {"unpaired": 0, "paired": 19, "random_location": 14}
"""Of 45 models of the published same-padding negative control (Finkelstein et al. 2020, App. F and G)."""


class Votes(NamedTuple):
    """Models of one architecture: how many support an interaction, how many were tested, their error."""

    supported: int
    tested: int
    test_mse: float


def explain_model(row: Mapping, *, deciding_test: str, alpha: float) -> str:
    """Why one model's interaction is supported, suggestive, not supported or not tested.

    Parameters
    ----------
    row : mapping
        One row of ``loss_models``, verdict and status included.
    deciding_test : str
        Key of ``TEST_NAMES``.
    alpha : float
        Level of the tests.
    """
    name, verdict, deciding_p = TEST_NAMES[deciding_test], row["verdict"], row[f"{deciding_test}_p"]
    if verdict == "not tested":
        return f"The {name} test could not be computed: {row['status']}."
    if pd.isna(deciding_p):
        return "The model has no interaction that could help: it is additive on these pairs up to rounding."
    numbers = (
        f"{name} {format_p(deciding_p)}, loss without minus loss with it has median "
        f"{row['median_loss_improvement']:+.3g} over {row['n_pairs']} held-out pairs"
    )
    if verdict == "supported":
        reason = f"Held-out predictions get worse without the interaction: {numbers}."
        return reason + _caution(deciding_test) + _random_location_caution(row["random_location_p"], alpha)
    if verdict == "suggestive":
        paired = format_p(row["paired_p"])
        return f"Only the paired test ({paired}) sees a gain: {numbers}." + _caution("paired")
    reason = f"Held-out predictions do not get reliably worse without the interaction: {numbers}."
    if row["shuffled_p"] < 1e-3:
        reason += (
            " That |interaction| exceeds the one in shuffled sequences "
            f"({format_p(row['shuffled_p'])}) says little: it did in all 90 published negative controls."
        )
    return reason


def explain_pair(row: Mapping, *, deciding_test: str, alpha: float) -> str:
    """Why a motif pair's interaction is real, not supported, inconsistent or not tested.

    Parameters
    ----------
    row : mapping
        One row of ``loss_verdicts``, with ``combined_p`` (of the deciding test),
        ``random_location_p`` (combined), ``test_pearson`` (median), ``supporting`` (architecture
        to ``Votes``) and the ``status`` of a model.
    deciding_test : str
        Key of ``TEST_NAMES``.
    alpha : float
        False discovery rate below which q counts as significant.
    """
    if row["verdict"] == "not tested":
        return f"No model could be tested: {row['status']}."
    if pd.isna(row["combined_p"]):
        return (
            f"No model shows an interaction: all {row['n_models']} are additive on the {row['n_pairs']} "
            "held-out pairs up to rounding."
        )
    supporting = row["supporting"]
    counts = ", ".join(f"{arch} {votes.supported}/{votes.tested}" for arch, votes in supporting.items())
    numbers = (
        f"{TEST_NAMES[deciding_test]} test over all models {format_p(row['combined_p'])}, "
        f"{format_p(row['q_value'], 'q')}"
    )
    reason = f"{row['n_supported']} of {row['n_models']} models support it ({counts}; {numbers})."
    if row["verdict"] == "real":
        reason += (
            " Without it they predict held-out targets worse: loss without minus loss with it has median "
            f"{row['median_loss_improvement']:+.3g} over {row['n_pairs']} pairs. {_direction(row)}"
        )
        if len(supporting) == 1:
            reason += " Only one architecture was tested."
        return reason + _caution(deciding_test) + _random_location_caution(row["random_location_p"], alpha)
    if row["verdict"] == "inconsistent across architectures":
        errors = ", ".join(f"{arch} {votes.test_mse:.3g}" for arch, votes in supporting.items())
        return (
            f"{reason} What the interaction is worth depends on the network; the median test errors are "
            f"{errors}. Believe it only if the better predictors support it." + _caution(deciding_test)
        )
    if row["n_supported"] and row["q_value"] < alpha:
        reason += " That is less than half of the models of every architecture."
    if deciding_test != "paired" and row["n_paired"] > row["n_supported"]:
        reason += f" The paired test by itself flags {row['n_paired']}." + _caution("paired")
    return reason + (
        " This does not prove that there is no interaction: one that is small against the noise of the "
        "targets, or that the models have not learned well, goes unseen; their median Pearson r with "
        f"held-out targets is {row['test_pearson']:.3g}."
    )


def _direction(row: Mapping) -> str:
    mean, size = row["mean_interaction"], row["mean_abs_interaction"]
    if abs(mean) < size / 2:
        return f"Its sign varies between sequences: mean {mean:+.3g}, mean size {size:.3g}."
    more = "more" if mean > 0 else "less"
    return f"Together the motifs do {more} than the sum of their single effects, by {mean:+.3g} on average."


def format_p(p: float, name: str = "p") -> str:
    """``p = 0.011``, or ``p < 1e-300`` where digits end."""
    return f"{name} < 1e-300" if p < 1e-300 else f"{name} = {format_number(p)}"


def format_number(value: float) -> str:
    """Two digits, enough for a p-value."""
    return f"{value:.2g}"


def _caution(test: str) -> str:
    false_positives = PUBLISHED_FALSE_POSITIVES[test]
    if not false_positives:
        return ""
    return (
        f" Caution: the {TEST_NAMES[test]} test also flagged {false_positives} of 45 models in the published "
        "negative control (same padding), where there is no interaction."
    )


def _random_location_caution(p: float, alpha: float) -> str:
    if pd.isna(p) or p < alpha:
        return ""
    return (
        f" Caution: knock-outs at random locations gain as much ({format_p(p)}), as when an interaction "
        "makes up for errors of the main effects."
    )

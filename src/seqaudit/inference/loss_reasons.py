"""Sentences that say why a loss test came to its verdict, with the numbers in them."""

from collections.abc import Mapping

import pandas as pd

TEST_NAMES = {
    "unpaired": "unpaired",
    "paired": "paired",
    "random_location": "random-location",
}
PUBLISHED_FALSE_POSITIVES = {"unpaired": 0, "paired": 19, "random_location": 14}
"""Of 45 models of the published same-padding negative control (Finkelstein et al. 2020, App. F and G)."""


def explain_model(row: Mapping, *, deciding_test: str) -> str:
    """Why one model's interaction is supported, suggestive, not supported or not tested.

    Parameters
    ----------
    row : mapping
        One row of ``loss_models``, verdict and status included.
    deciding_test : str
        Key of ``TEST_NAMES``.
    """
    name, verdict, deciding_p = TEST_NAMES[deciding_test], row["verdict"], row[f"{deciding_test}_p"]
    if verdict == "not tested":
        return f"The {name} test could not be computed: {row['status']}."
    if pd.isna(deciding_p):
        return "The model has no interaction that could help: it is additive on these pairs up to rounding."
    numbers = (
        f"{name} {format_p(deciding_p)}, median loss change {row['median_loss_improvement']:+.3g} "
        f"over {row['n_pairs']} held-out pairs"
    )
    if verdict == "supported":
        return f"Held-out predictions get worse without the interaction: {numbers}." + _caution(deciding_test)
    if verdict == "suggestive":
        return f"Only the paired test sees a gain ({format_p(row['paired_p'])}; {numbers})." + _caution(
            "paired"
        )
    reason = f"Held-out predictions do not get reliably worse without the interaction: {numbers}."
    if deciding_p < 0.5 and row["median_loss_improvement"] <= 0:
        reason = f"The typical held-out prediction is no worse without the interaction: {numbers}."
    if row["shuffled_p"] < 1e-3:
        reason += (
            " That |interaction| exceeds the one in shuffled sequences "
            f"({format_p(row['shuffled_p'])}) says little: it did in all 90 published negative controls."
        )
    return reason


def explain_pair(row: Mapping, *, deciding_test: str) -> str:
    """Why a motif pair's interaction is real, not supported, inconsistent or not tested.

    Parameters
    ----------
    row : mapping
        One row of ``loss_verdicts``, with ``combined_p`` (of the deciding test),
        ``supporting`` (architecture to models that support it, models tested) and the
        ``status`` of a model.
    deciding_test : str
        Key of ``TEST_NAMES``.
    """
    if row["verdict"] == "not tested":
        return f"No model could be tested: {row['status']}."
    if pd.isna(row["combined_p"]):
        return (
            f"No model shows an interaction: all {row['n_models']} are additive on the {row['n_pairs']} "
            "held-out pairs."
        )
    counts = ", ".join(f"{arch} {yes}/{tested}" for arch, (yes, tested) in row["supporting"].items())
    found = f"{row['n_supported']} of {row['n_models']} models support it ({counts})"
    numbers = (
        f"{TEST_NAMES[deciding_test]} test over all models {format_p(row['combined_p'])}, "
        f"q = {format_number(row['q_value'])}"
    )
    if row["verdict"] == "real":
        direction = "more" if row["mean_interaction"] > 0 else "less"
        reason = (
            f"{found}: without it they predict held-out targets worse ({numbers}; median loss change "
            f"{row['median_loss_improvement']:+.3g}). Together the motifs do {direction} than the sum of "
            f"their single effects, by {row['mean_interaction']:+.3g} on average over {row['n_pairs']} pairs."
        )
        if len(row["supporting"]) == 1:
            reason += " Only one architecture was tested."
        return reason + _caution(deciding_test)
    if row["verdict"] == "inconsistent across architectures":
        return (
            f"{found}; {numbers}. What an interaction between these motifs is worth depends on the network: "
            "compare the architectures' test errors before believing either side." + _caution(deciding_test)
        )
    reason = f"{found}; {numbers}."
    if deciding_test != "paired" and row["n_paired"] > row["n_supported"]:
        reason += f" The paired test alone flags {row['n_paired']}." + _caution("paired")
    return reason + (
        " This is no proof that there is no interaction: one that is small against the noise of the "
        "targets and the error of the models goes unseen."
    )


def format_p(p: float) -> str:
    """``p = 0.011``, or ``p < 1e-300`` where digits end."""
    return "p < 1e-300" if p < 1e-300 else f"p = {format_number(p)}"


def format_number(value: float) -> str:
    """Two digits, enough for a p-value."""
    return f"{value:.2g}"


def _caution(test: str) -> str:
    false_positives = PUBLISHED_FALSE_POSITIVES[test]
    if not false_positives:
        return ""
    return (
        f" Caution: the {TEST_NAMES[test]} test also flagged {false_positives} of 45 models in the published "
        "negative control, where there is no interaction."
    )

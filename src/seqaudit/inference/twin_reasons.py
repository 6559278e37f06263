"""Sentences that say why the additive twin came to its verdict, with the numbers in them."""

from collections.abc import Mapping

import pandas as pd

from seqaudit.inference.loss_reasons import format_p

CONFIRMED, PRESENT, NOT_SUPPORTED, CANNOT_TELL = (
    "confirmed",
    "present, size unconfirmed",
    "not supported",
    "cannot tell",
)
NO_WITNESS, TWIN_ERROR, WITNESS, SIMULATED, MISFIT = (
    "no witness",
    "twin error",
    "witness disagrees",
    "simulated check",
    "models predict better",
)


def verdict_words(row: Mapping) -> str:
    """The verdict, a confirmed one with its numbers: ``confirmed (beta = .79 [.77, .81])``.

    Parameters
    ----------
    row : mapping
        One row of ``twin_models`` or ``twin_summary``.
    """
    if row["verdict_twin"] != CONFIRMED:
        return row["verdict_twin"]
    return f"{CONFIRMED} (beta = {format_share(row['beta'])} {_interval(row)})"


def explain_twin(row: Mapping, *, margin: float, alpha: float) -> str:
    """Why a claimed interaction is confirmed, present, not supported, or beyond what can be told.

    Parameters
    ----------
    row : mapping
        One row of ``twin_models``, all but ``reason``.
    margin, alpha : float
        As given to ``judge_twin``.
    """
    if pd.isna(row["beta"]):
        if row["verdict_twin"] == NOT_SUPPORTED:
            return "The model claims no interaction: it is additive on these pairs up to rounding."
        return f"No share could be estimated: {row['status']}."
    share = f"beta = {format_share(row['beta'])}"
    if pd.notna(row["ci_low"]):
        share += f", 90 % interval {_interval(row)}"
    numbers = f"{share}, {row['n_pairs']} held-out pairs"
    if row["verdict_twin"] == CONFIRMED:
        return (
            f"Held-out targets confirm more than {margin:g} of the claimed interaction by each of "
            f"{row['n_twins']} additive twins ({numbers}, {format_p(row['twin_p'])})."
        )
    if row["verdict_twin"] == PRESENT:
        return (
            f"The claimed interaction predicts unseen pairs ({format_p(row['present_p'])}), but that more "
            f"than {margin:g} of it is real is not shown ({numbers})."
        )
    if row["verdict_twin"] == CANNOT_TELL:
        return f"{_obstacle(row, margin, alpha)} ({numbers})."
    if row["beta"] + 2 * row["se"] < 0:
        return f"Held-out targets contradict the claim: they deviate the other way ({numbers})."
    return (
        f"What the additive twin leaves unexplained does not follow the claimed interaction ({numbers}, "
        f"{format_p(row['p_margin_0'])} against 0). A small share of it may still be real."
    )


def _obstacle(row: Mapping, margin: float, alpha: float) -> str:
    gate = row["gate"]
    if gate == NO_WITNESS:
        return (
            "One additive twin by itself would support the claim, but without a second one, of another seed "
            "or family, its own error is unknown"
        )
    if gate == WITNESS:
        return (
            "The chosen additive twin supports the claim, others fitted to the same data do not: their "
            f"shares go from {format_share(row['beta_lowest'])} to {format_share(row['beta_highest'])}"
        )
    if gate == MISFIT:
        return (
            "Without any interaction the models predict these pairs better than the additive twin does. An "
            f"error as large as that can make up a share of {format_share(row['misfit'])} by itself, more "
            f"than the margin of {margin:g}, so the twin cannot judge"
        )
    if gate == SIMULATED:
        return (
            f"The cross-fitted test would reject in {row['simulated_rate']:.0%} of label sets drawn without "
            f"any interaction from another twin, more than {2 * alpha:.0%}"
        )
    return (
        f"The additive twins are not good enough: their error moves beta by "
        f"{format_share(row['twin_error'])}, which is too much to judge a margin of {margin:g}"
    )


def _interval(row: Mapping) -> str:
    return f"[{format_share(row['ci_low'])}, {format_share(row['ci_high'])}]"


def format_share(value: float) -> str:
    """Two decimals without the leading zero: ``.79``, ``-.05``, ``1.02``."""
    text = f"{value:.2f}"
    text = "0.00" if text == "-0.00" else text
    return text.replace("0.", ".", 1) if abs(value) < 0.995 else text

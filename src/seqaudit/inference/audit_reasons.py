"""Sentences that say why the lines of evidence came to a verdict together, with the numbers in them."""

from collections.abc import Mapping

import pandas as pd

from seqaudit.inference.deepmr.overall import STATUS
from seqaudit.inference.loss_reasons import format_p

_CLASSES = {"both": " with both motifs", "exposure_only": " with the exposure's motif only", "all": ""}


def explain_interaction(row: Mapping, stances: Mapping[str, str]) -> str:
    """Why a motif pair's interaction is real, not supported, inconsistent, or cannot be told.

    Parameters
    ----------
    row : mapping
        Columns of the audit, verdict included.
    stances : mapping of str to str
        What each line says: ``yes``, ``no``, ``weak no``, ``mixed`` or ``silent``.
    """
    clauses = [_CLAUSES[line](row, said) for line, said in stances.items() if said != "silent"]
    if not clauses:
        return "No line of evidence could judge it; the tables of the lines say why."
    lead = {
        "real": f"{row['n_agree']} of {len(clauses)} lines of evidence find it",
        "not supported": f"None of {len(clauses)} lines of evidence finds it",
        "inconsistent": f"{len(clauses)} lines of evidence do not agree",
    }[row["verdict"]]
    if len(clauses) == 1:
        lead = "One line of evidence"
    gated = [_NAMES[line] for line, said in stances.items() if said == "silent" and _asked(row, line)]
    silent = f"; the {' and the '.join(gated)} cannot tell" if gated else ""
    return f"{lead}: {'; '.join(clauses)}{silent}."


def explain_causes(line: Mapping, negligible: float) -> str:
    """Why an exposure has a causal effect on an outcome, has none, or neither can be told.

    ``line`` holds columns of the audit, and ``exposure``, ``outcome`` and ``status``.
    """
    if pd.isna(line["deepmr_effect"]):
        return f"There is no estimate: {STATUS.get(line['status'], line['status'])}."
    effect = f"{line['deepmr_effect']:.3g}"
    if pd.isna(line["deepmr_low"]):
        return f"The estimate {effect} has no interval, so it could be anything."
    effect += f" [{line['deepmr_low']:.3g}, {line['deepmr_high']:.3g}]"
    loci = f"{line['deepmr_n_loci']:,} loci{_CLASSES.get(line['deepmr_class'], '')}"
    start = f"At {loci}, one unit more {line['exposure']} changes {line['outcome']} by {effect}"
    if line["deepmr_verdict"] == "causal effect":
        return f"{start} ({format_p(line['deepmr_q'], 'q')})."
    if line["deepmr_verdict"] == "none":
        return f"{start}: an effect above {negligible:g} in size is excluded."
    return (
        f"{start} ({format_p(line['deepmr_q'], 'q')}): neither 0 nor an effect above {negligible:g} in size "
        "is excluded."
    )


def _loss(row: Mapping, said: str) -> str:
    votes = f"{row['loss_n_supported']} of {row['loss_n_models']} models predict held-out data"
    p = f"unpaired {format_p(row['loss_unpaired_p'])}" if pd.notna(row["loss_unpaired_p"]) else "no p-value"
    if said == "yes":
        return f"without it {votes} worse ({p})"
    if said == "mixed":
        return f"architectures differ, without it {votes} worse ({p})"
    clause = f"without it {votes} clearly worse ({p})"
    if said == "weak no":
        clause += (
            f", {row['loss_n_suggestive']} more by the paired test, which sees small effects and false ones"
        )
    return clause


def _twin(row: Mapping, said: str) -> str:
    share = f"{row['twin_effect']:.2f} [{row['twin_low']:.2f}, {row['twin_high']:.2f}]"
    verb = "against the additive twin held-out data confirm"
    return f"{verb} a share of {share} of it ({format_p(row['twin_p'])})"


def _hessian(row: Mapping, said: str) -> str:
    score = f"{row['hessian_effect']:.3g} [{row['hessian_low']:.3g}, {row['hessian_high']:.3g}]"
    verb = "exceeds" if said == "yes" else "does not exceed"
    return f"its Group Hessian score {score} {verb} that of additive data ({format_p(row['hessian_p'])})"


def _asked(row: Mapping, line: str) -> bool:
    verdict = row.get(f"{line}_verdict")
    return verdict is not None and not pd.isna(verdict)


_CLAUSES = {"loss": _loss, "twin": _twin, "hessian": _hessian}
_NAMES = {"loss": "loss tests", "twin": "additive twin", "hessian": "Group Hessian"}

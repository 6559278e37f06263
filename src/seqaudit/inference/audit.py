"""The audit: all lines of evidence about a question side by side, and what they say together."""

from collections.abc import Mapping, Sequence

import pandas as pd

from seqaudit.data.schemas import SCHEMAS
from seqaudit.errors import SeqauditError
from seqaudit.inference.audit_lines import (
    consistency_line,
    deepmr_line,
    hessian_line,
    loss_line,
    twin_line,
)
from seqaudit.inference.audit_reasons import explain_causes, explain_interaction

LINES = ("loss", "twin", "hessian")
"""Lines of evidence that say whether an interaction is real: prefixes of the table's columns."""

YES, NO, WEAK_NO, MIXED, SILENT = "yes", "no", "weak no", "mixed", "silent"

STANCES = {
    "loss": {
        "real": YES,
        "not supported": NO,
        "inconsistent across architectures": MIXED,
        "not tested": SILENT,
    },
    "twin": {
        "confirmed": YES,
        "present, size unconfirmed": YES,
        "not supported": NO,
        "cannot tell": SILENT,
    },
    "hessian": {
        "significant": YES,
        "not significant": NO,
        "cannot tell": SILENT,
    },
}
"""What the verdict of a line means for the question."""

_SCHEMA = SCHEMAS["audit"].columns
_COLUMNS = [column.name for column in _SCHEMA]


def audit(
    tables: Mapping[str, pd.DataFrame],
    *,
    headline: Mapping[str, str] | None = None,
    alpha: float = 0.05,
    negligible: float = 0.1,
) -> pd.DataFrame:
    """Join whatever lines of evidence a run has, one row per question.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        By schema. Motif pairs: ``loss_verdicts`` with ``loss_models``, and beside them
        ``twin_summary``, ``hessian_pairs`` and ``consistency_models`` where there are any.
        Causal pairs: ``deepmr_global``.
    headline : mapping of str to str, optional
        Method that speaks for a DeepMR recipe; see ``headline_methods``.
    alpha : float
        Level of causal effects, as a false discovery rate over the pairs of a scenario. Motif
        pairs were judged by their own lines.
    negligible : float
        Size of a causal effect, in units of the outcome per unit of the exposure, below which it
        does not matter: with an interval inside of it the verdict is 'none'.

    Returns
    -------
    pandas.DataFrame
        Table ``audit``: motif pairs first, in the order of ``loss_verdicts``; then causal pairs.

    Raises
    ------
    SeqauditError
        No table with questions, a table without the one it belongs to, or an option out of range.
    """
    if not 0 < alpha < 1 or not negligible >= 0:
        raise SeqauditError(
            f"alpha {alpha}, negligible {negligible}: expected a level between 0 and 1, and a size of at "
            "least 0."
        )
    rows = []
    if "loss_verdicts" in tables:
        if "loss_models" not in tables:
            raise SeqauditError("audit: table 'loss_verdicts' came without 'loss_models'; give both.")
        rows += _motif_questions(tables)
    if "deepmr_global" in tables:
        lines = deepmr_line(tables["deepmr_global"], headline or {}, alpha=alpha, negligible=negligible)
        rows += [_causal_question(line, negligible) for line in lines]
    if not rows:
        raise SeqauditError(
            f"audit: got tables {', '.join(sorted(tables)) or 'none'}, expected loss_verdicts or "
            "deepmr_global."
        )
    found = pd.DataFrame(rows).reindex(columns=_COLUMNS)
    for column in _SCHEMA:
        if column.nullable and column.dtype != "string":
            found[column.name] = found[column.name].astype("Int64" if column.dtype == "int64" else "float64")
    return found


def decide_interaction(stances: Sequence[str]) -> tuple[str, int, int]:
    """What several lines say together about an interaction.

    Parameters
    ----------
    stances : sequence of str
        ``yes``, ``no``, ``weak no`` (of a line that sees little), ``mixed`` or ``silent``.

    Returns
    -------
    verdict : {"real", "not supported", "inconsistent", "cannot tell"}
        ``real``: a line finds it and none contradicts; a weak no does not. ``not supported``: no
        line finds it. ``inconsistent``: lines contradict each other, or one does itself.
        ``cannot tell``: all are silent.
    n_lines, n_agree : int
        Lines that are not silent, and of these those that say what the verdict says.
    """
    speaking = [stance for stance in stances if stance != SILENT]
    if not speaking:
        return "cannot tell", 0, 0
    if MIXED in speaking or {YES, NO} <= set(speaking):
        return "inconsistent", len(speaking), speaking.count(MIXED)
    agreeing = speaking.count(YES)
    if agreeing:
        return "real", len(speaking), agreeing
    return "not supported", len(speaking), len(speaking)


def stance(line: str, row: Mapping) -> str:
    """What one line of an audit row says: a word of :func:`decide_interaction`."""
    verdict = row.get(f"{line}_verdict")
    if verdict is None or pd.isna(verdict):
        return SILENT
    found = STANCES[line].get(verdict)
    if found is None:
        raise SeqauditError(
            f"audit: line '{line}' says {verdict!r}, expected one of {', '.join(STANCES[line])}."
        )
    # the unpaired test sees little: where most models pass the paired one, its no contradicts nobody
    if line == "loss" and found == NO:
        passing = row["loss_n_supported"] + row["loss_n_suggestive"]
        return WEAK_NO if 2 * passing >= row["loss_n_models"] else NO
    return found


def _motif_questions(tables: Mapping[str, pd.DataFrame]) -> list[dict]:
    models = tables["loss_models"]
    lines = [loss_line(tables["loss_verdicts"], models)]
    for name, line in (("twin_summary", twin_line), ("hessian_pairs", hessian_line)):
        if name in tables:
            lines.append(line(tables[name]))
    if "consistency_models" in tables:
        lines.append(consistency_line(tables["consistency_models"], models))
    rows = []
    for (dataset, pair), about in lines[0].items():
        row = {
            "question_id": f"motif_pair.{dataset}.{pair}",
            "kind": "motif_pair",
            "dataset": dataset,
            "scenario": None,
            "pair": pair,
            **about,
        }
        for line in lines[1:]:
            row |= line.get((dataset, pair), {})
        said = {line: stance(line, row) for line in LINES}
        row["verdict"], row["n_lines"], row["n_agree"] = decide_interaction(list(said.values()))
        behind = _models_behind(models, dataset, pair, row["verdict"])
        row |= {"models": ", ".join(behind), "n_models": len(behind)}
        row["reason"] = explain_interaction(row, said)
        rows.append(row)
    return rows


def _models_behind(models: pd.DataFrame, dataset: str, pair: str, verdict: str) -> list[str]:
    """Models that support what is real; all that were tested where nothing is."""
    asked = models[(models["dataset"] == dataset) & (models["motif_pair"] == pair)]
    supporting = asked[asked["verdict"] == "supported"]
    if verdict == "real" and len(supporting):
        return list(supporting["model_id"])
    return list(asked.loc[asked["verdict"] != "not tested", "model_id"])


def _causal_question(line: dict, negligible: float) -> dict:
    verdict = line["deepmr_verdict"]
    speaks = int(verdict != "cannot tell")
    return {
        "kind": "causal_pair",
        **line,
        "verdict": verdict,
        "reason": explain_causes(line, negligible),
        "n_lines": speaks,
        "n_agree": speaks,
        "n_models": 1,
    }

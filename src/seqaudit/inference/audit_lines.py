"""One line of evidence at a time: what its tables say about each question, as columns of the audit."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from seqaudit.inference.combine import false_discovery_rate
from seqaudit.inference.deepmr.headline import headline_methods, spoken_for
from seqaudit.inference.twin_reasons import PRESENT

SPREAD = (0.05, 0.95)
"""Quantiles that say how far models lie apart."""

_CLASSES = ("both", "all")
"""Loci that speak for a causal pair: those with both motifs, where an effect is expected."""
_SCENARIO = ["study", "scenario", "round", "recipe"]
_PAIR = ["study", "scenario", "exposure", "outcome"]

_HESSIAN = {True: "significant", False: "not significant", None: "cannot tell"}

Answers = dict[tuple[str, str], dict]
"""Columns of the audit by dataset and motif pair."""


def loss_line(verdicts: pd.DataFrame, models: pd.DataFrame) -> Answers:
    """Loss tests: tables ``loss_verdicts`` and ``loss_models``."""
    by_question = dict(iter(models.groupby(["dataset", "motif_pair"], sort=False)))
    answers = {}
    for row in verdicts.itertuples():
        asked = by_question[row.dataset, row.motif_pair]
        asked = asked[asked["verdict"] != "not tested"]
        answers[row.dataset, row.motif_pair] = {
            "control": row.control,
            "truth": row.true_mean_interaction,
            "loss_verdict": row.verdict,
            "interaction": row.mean_interaction,
            **_spread(asked["mean_interaction"], "interaction_low", "interaction_high"),
            "loss_effect": row.median_loss_improvement,
            **_spread(asked["median_loss_improvement"], "loss_low", "loss_high"),
            "loss_unpaired_p": row.unpaired_p,
            "loss_paired_p": row.paired_p,
            "loss_q": row.q_value,
            "loss_n_models": row.n_models,
            "loss_n_supported": row.n_supported,
            "loss_n_suggestive": int((asked["verdict"] == "suggestive").sum()),
        }
    return answers


def twin_line(twins: pd.DataFrame) -> Answers:
    """Additive twins: one row per dataset and motif pair, as ``twin_summary`` has them."""
    return {
        (row.dataset, row.motif_pair): {
            "twin_verdict": row.verdict_twin,
            "twin_effect": row.beta,
            "twin_low": row.ci_low,
            "twin_high": row.ci_high,
            "twin_p": row.present_p if row.verdict_twin == PRESENT else row.twin_p,
        }
        for row in twins.itertuples()
    }


def hessian_line(pairs: pd.DataFrame) -> Answers:
    """Group Expected Hessian: rows of measure 'geh' in table ``hessian_pairs``.

    Features are motifs there. Of several networks of a dataset the first speaks.
    """
    answers = {}
    for row in pairs[pairs["measure"] == "geh"].itertuples():
        about = {
            "hessian_verdict": _HESSIAN[None if pd.isna(row.call) else bool(row.call)],
            "hessian_effect": row.score,
            "hessian_low": row.ci_low,
            "hessian_high": row.ci_high,
            "hessian_p": row.p_null,
        }
        for first, second in ((row.feature_a, row.feature_b), (row.feature_b, row.feature_a)):
            answers.setdefault((row.dataset, f"{first}-{second}"), about)
    return answers


def consistency_line(consistency: pd.DataFrame, models: pd.DataFrame) -> Answers:
    """How consistent the models behind a question are, and what the recommended one says.

    ``consistency`` is table ``consistency_models``, of which the first attribution method and
    setting of each dataset speak; ``models`` is table ``loss_models``.
    """
    said = models.set_index(["model_id", "motif_pair"])["verdict"]
    pairs = models.drop_duplicates(["dataset", "motif_pair"])[["dataset", "motif_pair"]]
    first = spoken_consistency(consistency)
    answers = {}
    for dataset, pair in pairs.itertuples(index=False, name=None):
        scored = first[first["dataset"] == dataset]
        if scored.empty:
            continue
        scores = scored["consistency_geometry"]
        columns = {"consistency": scores.median(), **_spread(scores, "consistency_low", "consistency_high")}
        for chosen in scored[scored["selected"]].itertuples():
            columns |= {
                "selected_model": chosen.model_id,
                "selected_consistency": chosen.consistency_geometry,
                "selected_consistency_se": chosen.consistency_geometry_se,
                "selected_verdict": said.get((chosen.model_id, pair)),
            }
        answers[dataset, pair] = columns
    return answers


def spoken_consistency(consistency: pd.DataFrame) -> pd.DataFrame:
    """Rows of ``consistency_models`` of each dataset's first attribution method and setting."""
    keys = ["method", "setting"]
    firsts = consistency.groupby("dataset")[keys].transform("first")
    return consistency[(consistency[keys] == firsts).all(axis=1)]


def deepmr_line(
    effects: pd.DataFrame, headline: Mapping[str, str], *, alpha: float, negligible: float
) -> list[dict]:
    """Deep Mendelian randomization: table ``deepmr_global``, one dict per study, scenario and pair.

    The first recipe of a study and its first round speak; how many others agree is counted.
    """
    spoken = spoken_for(effects, headline_methods(effects, headline))
    # the same class of loci in every round and recipe, or agreement would mean nothing
    spoken = pd.concat([_of_one_class(rows) for _, rows in spoken.groupby(_PAIR, sort=False)])
    spoken = spoken.assign(q=np.nan)
    for _, rows in spoken.groupby(_SCENARIO, sort=False):
        spoken.loc[rows.index, "q"] = false_discovery_rate(rows["pval"])
    spoken["verdict"] = [_causal_verdict(row, alpha, negligible) for row in spoken.itertuples()]
    return [_causal_answer(key, rows) for key, rows in spoken.groupby(_PAIR, sort=False)]


def _of_one_class(rows: pd.DataFrame) -> pd.DataFrame:
    estimated = set(rows.loc[rows["b"].notna(), "sequence_class"])
    present = list(dict.fromkeys(rows["sequence_class"]))
    order = [name for name in _CLASSES if name in estimated] + [*_CLASSES, *present]
    return rows[rows["sequence_class"] == next(name for name in order if name in present)]


def _causal_verdict(row, alpha: float, negligible: float) -> str:
    if pd.isna(row.ci_low) or pd.isna(row.ci_high):
        return "cannot tell"
    if row.q < alpha:
        return "causal effect"
    return "none" if max(abs(row.ci_low), abs(row.ci_high)) <= negligible else "cannot tell"


def _causal_answer(key: tuple, rows: pd.DataFrame) -> dict:
    study, scenario, exposure, outcome = key
    first_round = rows[rows["round"] == rows["round"].min()]
    row = first_round.iloc[0]
    same_recipe = rows[rows["recipe"] == row["recipe"]]
    pair = f"{exposure} → {outcome}"
    return {
        "question_id": f"causal_pair.{study}.{scenario}.{exposure}.{outcome}",
        "dataset": study,
        "scenario": None if scenario == "none" else scenario,
        "pair": pair,
        "truth": row["truth"],
        "models": row["ensemble"],
        "deepmr_verdict": row["verdict"],
        "deepmr_recipe": row["recipe"],
        "deepmr_method": row["method"],
        "deepmr_class": row["sequence_class"],
        "deepmr_effect": row["b"],
        "deepmr_low": row["ci_low"],
        "deepmr_high": row["ci_high"],
        "deepmr_pi_low": row["pi_low"],
        "deepmr_pi_high": row["pi_high"],
        "deepmr_p": row["pval"],
        "deepmr_q": row["q"],
        "deepmr_n_loci": int(row["k"]),
        "deepmr_n_recipes": len(first_round),
        "deepmr_n_recipes_agree": int((first_round["verdict"] == row["verdict"]).sum()),
        "deepmr_n_rounds": len(same_recipe),
        "deepmr_n_rounds_agree": int((same_recipe["verdict"] == row["verdict"]).sum()),
        "status": row["status"],
        "exposure": exposure,
        "outcome": outcome,
    }


def _spread(values: pd.Series, low: str, high: str) -> dict[str, float]:
    present = values.dropna()
    if present.empty:
        return {low: np.nan, high: np.nan}
    return dict(zip((low, high), map(float, present.quantile(list(SPREAD)))))

"""What all models together say about each motif pair: real, not supported, or inconsistent."""

import numpy as np
import pandas as pd
from scipy import stats

from seqaudit.data.schemas import SCHEMAS
from seqaudit.errors import SeqauditError
from seqaudit.inference.combine import cauchy_combination, false_discovery_rate
from seqaudit.inference.loss_reasons import Votes, explain_pair
from seqaudit.inference.loss_tests import HELD_OUT, PairSet, check_options, split_sets
from seqaudit.inference.rank_tests import rank_sum, signed_rank

AGREEMENT = 0.5
"""Share of an architecture's models that must support an interaction."""

_COLUMNS = [column.name for column in SCHEMAS["loss_verdicts"].columns]


def decide_verdicts(
    models: pd.DataFrame,
    pairs: pd.DataFrame,
    oracle: pd.DataFrame | None = None,
    *,
    alpha: float = 0.05,
    deciding_test: str = "unpaired",
) -> pd.DataFrame:
    """Judge every motif pair of one dataset by all its models.

    A pair is ``real`` when two things hold. The deciding test, its p-values combined over
    all models by Cauchy's rule and corrected for the number of motif pairs
    (Benjamini-Hochberg), has q < alpha; and at least half of the tested models of every
    architecture support it. It is ``inconsistent across architectures`` when only some
    architectures reach that half. One network alone, however small its p-value, makes
    nothing real: models are scored on the same pairs, so their number is not evidence,
    but their agreement is a condition.

    Parameters
    ----------
    models : pandas.DataFrame
        Table ``loss_models`` of one dataset.
    pairs : pandas.DataFrame
        Table ``interaction_pairs`` of the same models, for the pooled tests.
    oracle : pandas.DataFrame, optional
        Table ``interaction_pairs`` of the true function; empty or None where unknown.
    alpha : float
        Level, and false discovery rate over motif pairs.
    deciding_test : {"unpaired", "paired", "random_location"}
        As given to ``run_loss_tests``.

    Returns
    -------
    pandas.DataFrame
        Table ``loss_verdicts``, one row per motif pair.

    Raises
    ------
    SeqauditError
        Models of several datasets, no models, or options out of range.
    """
    check_options(alpha=alpha, deciding_test=deciding_test)
    datasets = models["dataset"].unique()
    if len(datasets) != 1:
        raise SeqauditError(
            f"loss_models: got {len(datasets)} datasets ({', '.join(map(str, datasets))}), expected one. "
            "Judge each dataset by itself: its motif pairs are corrected together."
        )
    pooled = _pooled_tests(models, pairs, alpha=alpha)
    truth = _truth(oracle)
    column = f"{deciding_test}_p"
    rows = []
    for motif_pair, group in models.groupby("motif_pair", sort=False):
        tested = group[group["verdict"] != "not tested"]
        rows.append(
            {
                "dataset": datasets[0],
                "motif_pair": motif_pair,
                "control": group["control"].iloc[0],
                "padding": ", ".join(group["padding"].unique()),
                "deciding_test": column,
                "n_models": len(tested),
                "n_supported": int((tested["verdict"] == "supported").sum()),
                "n_paired": int((group["paired_p"] < alpha).sum()),
                "n_unpaired": int((group["unpaired_p"] < alpha).sum()),
                "n_pairs": int(group["n_pairs"].max()),
                "mean_interaction": tested["mean_interaction"].mean(),
                "mean_abs_interaction": tested["mean_abs_interaction"].mean(),
                "median_loss_improvement": tested["median_loss_improvement"].median(),
                "paired_p": cauchy_combination(group["paired_p"]),
                "unpaired_p": cauchy_combination(group["unpaired_p"]),
                "random_location_p": cauchy_combination(group["random_location_p"]),
                "combined_p": cauchy_combination(group[column]),
                **pooled.get(motif_pair, {"pooled_paired_p": np.nan, "pooled_unpaired_p": np.nan}),
                **_error_and_interaction(tested),
                **truth.get(motif_pair, dict.fromkeys(_TRUTH, np.nan)),
                "test_pearson": tested["test_pearson"].median(),
                "supporting": _supporting(tested),
                "status": group["status"].iloc[0],
            }
        )
    q_values = false_discovery_rate([row["combined_p"] for row in rows])
    for row, q_value in zip(rows, q_values):
        row["q_value"] = q_value
        row["verdict"] = _verdict(row, alpha=alpha)
        row["reason"] = explain_pair(row, deciding_test=deciding_test, alpha=alpha)
    return pd.DataFrame(rows)[_COLUMNS]


def _verdict(row: dict, *, alpha: float) -> str:
    if row["n_models"] == 0:
        return "not tested"
    agreeing = [votes.supported >= AGREEMENT * votes.tested for votes in row["supporting"].values()]
    if not row["q_value"] < alpha or not any(agreeing):
        return "not supported"
    return "real" if all(agreeing) else "inconsistent across architectures"


def _supporting(tested: pd.DataFrame) -> dict[str, Votes]:
    return {
        arch: Votes(
            int((group["verdict"] == "supported").sum()), len(group), float(group["test_mse"].median())
        )
        for arch, group in tested.groupby("arch", sort=False)
    }


def _pooled_tests(models: pd.DataFrame, pairs: pd.DataFrame, *, alpha: float) -> dict[str, dict]:
    """Paired and unpaired test on the pooled held-out pairs of the paired-significant models."""
    chosen = set(
        models.loc[models["paired_p"] < alpha, ["model_id", "motif_pair"]].itertuples(index=False, name=None)
    )
    held_out = pairs[(pairs["pair_set"] == "real") & (pairs["split"] == "test")]
    collected: dict[str, list[PairSet]] = {}
    if chosen and len(held_out):
        for model_id, motif_pair, sets in split_sets(held_out):
            if (model_id, motif_pair) in chosen:
                collected.setdefault(motif_pair, []).append(sets[HELD_OUT])
    results = {}
    for motif_pair, parts in collected.items():
        losses = [
            np.concatenate([getattr(part, name) for part in parts]) for name in ("loss_without", "loss_with")
        ]
        without, with_interaction = (loss[~np.isnan(loss)] for loss in losses)
        results[motif_pair] = {
            "pooled_paired_p": signed_rank(np.concatenate([part.improvement for part in parts])).p,
            "pooled_unpaired_p": rank_sum(without, with_interaction).p,
        }
    return results


_TRUTH = ("true_mean_interaction", "true_mean_abs_interaction", "true_mean_loss_improvement")


def _truth(oracle: pd.DataFrame | None) -> dict[str, dict[str, float]]:
    if oracle is None or len(oracle) == 0:
        return {}
    means = {}
    for _, motif_pair, sets in split_sets(oracle):
        held_out = sets[HELD_OUT]
        columns = (held_out.interaction, held_out.magnitude, held_out.improvement)
        if held_out.n_groups:
            means[motif_pair] = {name: float(np.mean(values)) for name, values in zip(_TRUTH, columns)}
    return means


def _error_and_interaction(tested: pd.DataFrame) -> dict[str, float]:
    """Do models with a larger test error claim larger interactions? (Finkelstein et al. 2020, Fig. 2)."""
    shown = tested[["test_mse", "mean_abs_interaction"]].dropna()
    if len(shown) < 3 or (shown.nunique() < 2).any():
        return {"spearman_mse_interaction": np.nan, "spearman_p": np.nan}
    rho, p = stats.spearmanr(shown["test_mse"], shown["mean_abs_interaction"])
    return {"spearman_mse_interaction": float(rho), "spearman_p": float(p)}

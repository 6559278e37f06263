"""How good global and local estimates were, over rounds of a simulation with known truth."""

import numpy as np
import pandas as pd

from seqaudit.data.schemas import SCHEMAS
from seqaudit.errors import SeqauditError
from seqaudit.inference.deepmr.intervals import wilson

_GROUP = ["study", "scenario", "recipe", "exposure", "outcome", "sequence_class", "method"]
_ROUND = ["study", "scenario", "round"]
_LEAST_ROUNDS = 3
"""Two points always lie on a line: a correlation needs more."""


def score_rounds(deepmr_global: pd.DataFrame, rounds: pd.DataFrame | None = None) -> pd.DataFrame:
    """Scores of every method over rounds, for all of them and per cluster of gamma.

    Parameters
    ----------
    deepmr_global : pandas.DataFrame
        Table ``deepmr_global`` of any number of ensembles.
    rounds : pandas.DataFrame, optional
        Table ``cascade_rounds``, joined by study, scenario and round, for ``gamma_cluster``. Studies
        that it does not have are scored over all rounds only.

    Returns
    -------
    pandas.DataFrame
        Table ``deepmr_scores``; groups in the order of their first row, clusters after 'all'. A
        score is null where a round with an estimate lacks what it needs, such as the truth.

    Raises
    ------
    SeqauditError
        A round that is listed twice, or a round of a listed study that is missing.
    """
    table = deepmr_global.assign(gamma_cluster=_clusters(deepmr_global, rounds))
    rows = []
    for key, group in table.groupby(_GROUP, sort=False):
        clusters = {"all": group}
        clusters |= dict(sorted(iter(group.groupby("gamma_cluster"))))
        for cluster, members in clusters.items():
            rows.append(dict(zip(_GROUP, key)) | {"gamma_cluster": cluster} | _scores(members))
    return pd.DataFrame(rows, columns=[column.name for column in SCHEMAS["deepmr_scores"].columns])


def pearson_r2(estimate: np.ndarray, truth: np.ndarray) -> float:
    """Squared correlation: the published accuracy. NaN for fewer than three rounds or constants."""
    if len(truth) < _LEAST_ROUNDS or np.ptp(truth) == 0 or np.ptp(estimate) == 0:
        return np.nan
    return float(np.corrcoef(estimate, truth)[0, 1] ** 2)


def identity_r2(estimate: np.ndarray, truth: np.ndarray) -> float:
    """Share of the truth's variance that the estimates explain as they are, without a fitted line."""
    if len(truth) < _LEAST_ROUNDS or np.ptp(truth) == 0:
        return np.nan
    return float(1 - np.sum((estimate - truth) ** 2) / np.sum((truth - truth.mean()) ** 2))


def _scores(rounds: pd.DataFrame) -> dict:
    estimated = rounds[np.isfinite(rounds["b"].astype(np.float64))]
    n, scores = len(estimated), {"n_tried": len(rounds), "n_rounds": 0}
    loci = rounds["n_loci"].sum()
    scores["retained"] = rounds["k"].sum() / loci if loci else np.nan
    if not n:
        return scores
    values = {
        name: estimated[name].to_numpy(np.float64, na_value=np.nan)
        for name in (
            "b",
            "se",
            "ci_low",
            "ci_high",
            "tau",
            "truth",
            "pi_coverage",
            "local_coverage",
            "local_bias",
            "local_rmse",
        )
    }
    b, truth = values["b"], values["truth"]
    error = b - truth
    # comparisons with NaN are false, not unknown: ask first whether everything is there
    covered = _share(values["ci_low"] <= truth, truth <= values["ci_high"], known=(truth, values["ci_low"]))
    low, high = wilson(np.round(covered * n), n)
    mean_truth = truth.mean()
    return scores | {
        "n_rounds": n,
        "truth": mean_truth,
        **{name: np.median(values[name]) for name in ("se", "tau")},
        "bias": error.mean(),
        "relative_bias": error.mean() / mean_truth if mean_truth else np.nan,
        "rmse": np.sqrt((error**2).mean()),
        "pearson_r2": pearson_r2(b, truth),
        "identity_r2": identity_r2(b, truth),
        "ci_coverage": covered,
        "ci_coverage_low": float(low),
        "ci_coverage_high": float(high),
        "tau_coverage": _share(np.abs(error) < 2 * values["tau"], known=(error, values["tau"])),
        **{name: values[name].mean() for name in ("pi_coverage", "local_coverage", "local_bias")},
        "local_rmse": np.sqrt((values["local_rmse"] ** 2).mean()),
    }


def _share(*conditions: np.ndarray, known: tuple[np.ndarray, ...]) -> float:
    """Share of rounds that meet every condition; NaN unless all that is compared is known."""
    if not all(np.isfinite(values).all() for values in known):
        return np.nan
    return float(np.logical_and.reduce(conditions).mean())


def _clusters(table: pd.DataFrame, rounds: pd.DataFrame | None) -> np.ndarray:
    """Cluster of gamma of every row; None where a study has no such rounds."""
    if rounds is None or rounds.empty:
        return np.full(len(table), None, dtype=object)
    known = pd.MultiIndex.from_frame(rounds[_ROUND])
    if known.has_duplicates:
        study, scenario, number = known[known.duplicated()][0]
        raise SeqauditError(f"cascade_rounds: round {number} of {study}, {scenario} is listed twice.")
    place = known.get_indexer(pd.MultiIndex.from_frame(table[_ROUND]))
    lost = (place < 0) & table["study"].isin(rounds["study"]).to_numpy()
    if lost.any():
        study, scenario, number = table[_ROUND][lost].iloc[0]
        raise SeqauditError(
            f"cascade_rounds: no row for round {number} of {study}, {scenario}, which deepmr_global has. "
            "Give the parameters of every round."
        )
    clusters = rounds["gamma_cluster"].to_numpy(object)
    return np.where(place >= 0, clusters[place], None)

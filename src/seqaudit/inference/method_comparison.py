"""Several methods rank the same pairs of the same data: one table to compare them."""

import logging
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from seqaudit.errors import SeqauditError
from seqaudit.inference.hessian_scores import method_scores
from seqaudit.inference.pairwise_baselines import (
    fit_boosted_trees,
    h_statistic_scores,
    lasso_scores,
    oracle_scores,
    shap_interaction_scores,
)

TABLE_METHODS = ("lasso", "shap", "oracle")
"""Methods that need the data only; the others ask a network."""

_log = logging.getLogger(__name__)

Form = Callable[[np.ndarray, np.ndarray], np.ndarray]


def compare_methods(
    x: np.ndarray,
    y: np.ndarray,
    features: Sequence[str],
    *,
    methods: Sequence[str],
    pairs: pd.DataFrame,
    identity: Mapping,
    predict: Callable[[np.ndarray], np.ndarray],
    network_scores: Mapping[str, np.ndarray],
    forms: Mapping[tuple[int, int], Form] | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Scores of every method: table ``hessian_methods``.

    Parameters
    ----------
    x, y : numpy.ndarray, shapes (n, features) and (n,)
        Training points.
    features : sequence of str
    methods : sequence of str
        ``"lasso"``, ``"shap"``, ``"oracle"``, ``"h_statistic"``, or a key of ``network_scores``.
    pairs : pandas.DataFrame
        Table ``hessian_pairs`` of the network, whose measures come first; it also tells which
        pairs interact.
    identity : mapping
        ``dataset``, ``replicate`` and ``snr``.
    predict : callable
        The network: points to predictions, for the H-statistic.
    network_scores : mapping of str to numpy.ndarray, shape (pairs,)
        What other methods read from the network.
    forms : mapping of (int, int) to function, optional
        True forms of true pairs, for the oracle.
    seed : int

    Returns
    -------
    pandas.DataFrame
        A method that cannot be run keeps its rows, with a ``status`` that says why.
    """
    truth = pairs.drop_duplicates(["feature_a", "feature_b"])["interacts"]
    known = {**identity, "interacts": None if truth.isna().any() else truth.to_numpy(dtype=bool)}
    parts = [
        method_scores(features, rows["score"].to_numpy(), method=str(measure), **known)
        for measure, rows in pairs.groupby("measure", sort=False)
    ]
    for method in methods:
        scores, status = None, "ok"
        try:
            if method in network_scores:
                scores = network_scores[method]
            elif method == "h_statistic":
                scores = h_statistic_scores(predict, x, seed=seed)
            elif method == "oracle" and forms is None:
                status = "no true forms are known"
            else:
                scores = _from_data(method, x, y, forms, seed)
        except SeqauditError as error:
            status = str(error)
            _log.warning("%s: %s", method, error)
        parts.append(method_scores(features, scores, method=method, status=status, **known))
    return pd.concat(parts, ignore_index=True)


def _from_data(method: str, x, y, forms, seed: int) -> np.ndarray:
    if method == "lasso":
        return lasso_scores(x, y)
    if method == "shap":
        return shap_interaction_scores(fit_boosted_trees(x, y, seed=seed), x, seed=seed)
    if method == "oracle":
        return oracle_scores(x, y, forms=forms)
    raise SeqauditError(f"method '{method}' is unknown.")

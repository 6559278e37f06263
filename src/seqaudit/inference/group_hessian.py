"""Group Expected Hessian: how strongly a network lets two features act together, with uncertainty.

Cui, Marttinen and Kaski (2020), sections 4.1 to 4.3 and appendix 1. The input Hessian of every
posterior sample is averaged within groups of points, signs kept; what is done with the signs
makes the measure. Their rule "score above two standard deviations" is reported as published,
but it is no test: a score cannot be negative, so its spread says nothing about 0. Tests are
those of signed group means (``signed_groups``) and of networks refitted to data without
interactions (``hessian_nulls``).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.special import ndtr

from seqaudit.data.hessian import GroupHessians
from seqaudit.errors import SeqauditError
from seqaudit.inference.hessian_measures import (
    MEASURES,
    PUBLISHED_SDS,
    debiased_geh,
    feature_pairs,
    pair_measures,
    published_calls,
    ranks,
)
from seqaudit.inference.signed_groups import signed_group_tests


def score_pairs(
    hessians: GroupHessians,
    features: Sequence[str],
    *,
    identity: Mapping[str, str],
    spread: Sequence[float] | None = None,
) -> pd.DataFrame:
    """Score every pair by the three measures, with the published interval and rule.

    Parameters
    ----------
    hessians : GroupHessians
        Of K posterior samples; K = 1 is a mean network, which has scores but no spread.
    features : sequence of str, length D
    identity : mapping
        Values of ``fit``, ``dataset`` and ``posterior``.
    spread : sequence of float, length D, optional
        Standard deviation of every feature over the points, in the units of the Hessians;
        gives ``score_scaled``, which does not depend on the units of features.

    Returns
    -------
    pandas.DataFrame
        Table ``hessian_pairs``. Columns of null tests, of the loss gate and of the truth are null
        until ``hessian_nulls.add_null_tests``, ``hessian_loss_gate.add_loss_gate`` and
        :func:`add_truth` fill them.

    Raises
    ------
    SeqauditError
        Shapes that do not fit together, values that are not finite, or a bad ``spread``.
    """
    pairs = feature_pairs(features)
    _check_names(features, hessians)
    scale = _pair_spread(spread, len(list(features)))
    n_samples, n_groups = hessians.mean.shape[:2]
    nothing = np.full(len(pairs), np.nan)
    tests, debiased = signed_group_tests(hessians), debiased_geh(hessians)
    parts = []
    for measure, samples in pair_measures(hessians)._asdict().items():
        score = samples.mean(axis=0)
        sd = samples.std(axis=0, ddof=1) if n_samples > 1 else nothing
        grouped = measure == "geh"
        parts.append(
            {
                "measure": np.full(len(pairs), measure, dtype=object),
                "score": score,
                "sd": sd,
                "ci_low": score - PUBLISHED_SDS * sd,
                "ci_high": score + PUBLISHED_SDS * sd,
                "score_scaled": score * scale,
                "debiased": debiased if grouped else nothing,
                "rank": ranks(score),
                "p_bayes": _p_bayes(score, sd),
                "p_groups": tests.p_pair if grouped else nothing,
                "p_groups_family": tests.p_family if grouped else nothing,
            }
        )
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    n_rows = len(columns["score"])
    unknown = pd.array([pd.NA] * n_rows, dtype="boolean")
    unfilled = (
        "p_permutation",
        "p_permutation_family",
        "p_additive",
        "p_additive_family",
        "p_null",
        "p_loss",
    )
    return pd.DataFrame(
        {
            **dict(identity),
            "feature_a": np.tile(pairs["feature_a"].to_numpy(dtype=object), len(parts)),
            "feature_b": np.tile(pairs["feature_b"].to_numpy(dtype=object), len(parts)),
            **columns,
            "published_call": published_calls(columns["score"], columns["sd"]),
            "n_groups": n_groups,
            "n_samples": n_samples,
            **{name: np.full(n_rows, np.nan) for name in (*unfilled, "null_quantile", "truth")},
            "call": unknown,
            "gated_call": unknown,
            "interacts": unknown,
            "status": "ok" if n_samples > 1 else "one posterior sample: no spread",
        }
    )


def add_truth(pairs: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Fill in what is simulated: which pairs interact, and the true value of each measure.

    Parameters
    ----------
    pairs : pandas.DataFrame
        Table ``hessian_pairs``.
    truth : pandas.DataFrame
        Columns ``feature_a``, ``feature_b``, ``interacts`` and, where known, ``aeh``, ``geh``
        and ``eah``, in the units of the scores.

    Raises
    ------
    SeqauditError
        A pair of ``pairs`` that ``truth`` does not have.
    """
    columns = ["feature_a", "feature_b"]
    known = truth.set_index(columns)
    where = known.index.get_indexer(pd.MultiIndex.from_frame(pairs[columns]))
    if (where < 0).any():
        lost = pairs.iloc[int(np.argmax(where < 0))]
        raise SeqauditError(
            f"truth: no row for {lost['feature_a']} x {lost['feature_b']}, expected one for every pair of "
            "the scores, features in the order of the data."
        )
    values = np.full(len(pairs), np.nan)
    for measure in MEASURES:
        if measure in known:
            mine = (pairs["measure"] == measure).to_numpy()
            values[mine] = known[measure].to_numpy(dtype=float)[where[mine]]
    interacts = pd.array(known["interacts"].to_numpy(dtype=bool)[where], dtype="boolean")
    return pairs.assign(interacts=interacts, truth=values)


def _p_bayes(score: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """Normal probability of a score below 0; a score without any spread has 0, or 1 if it is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        p = ndtr(-score / sd)
    return np.where((sd == 0) & (score == 0), 1.0, p)


def _pair_spread(spread, n_features: int) -> np.ndarray:
    if spread is None:
        return np.full(n_features * (n_features - 1) // 2, np.nan)
    spread = np.asarray(spread, dtype=np.float64)
    if spread.shape != (n_features,) or not (np.isfinite(spread) & (spread > 0)).all():
        raise SeqauditError(
            f"spread: got {spread.tolist()}, expected a positive standard deviation for each of the "
            f"{n_features} features. Leave out features that are constant."
        )
    first, second = np.triu_indices(n_features, 1)
    return spread[first] * spread[second]


def _check_names(features: Sequence[str], hessians: GroupHessians) -> None:
    n_features = np.shape(hessians.mean)[-1]
    if len(list(features)) != n_features:
        raise SeqauditError(
            f"features: got {len(list(features))} names, expected {n_features}, one for each row of the "
            "Hessians."
        )

"""What scores look like without interactions: p-values from networks refitted to null data.

Two nulls. ``permutation``: the target is permuted, as published; the refitted networks are
nearly flat, because main effects are gone as well. ``additive``: data simulated from a fit of
main effects only (``additive_model``); the refitted networks still learn everything but the
interactions, and err as the network in question errs. The call rests on the latter.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from seqaudit.data.hessian import GroupHessians
from seqaudit.errors import SeqauditError
from seqaudit.inference.hessian_measures import feature_pairs, pair_measures, published_calls
from seqaudit.inference.signed_groups import signed_group_tests

NULLS = ("permutation", "additive")

_PAIR = ["feature_a", "feature_b"]


def null_rows(
    hessians: GroupHessians, features: Sequence[str], *, identity: Mapping[str, str], null: str, draw: int
) -> pd.DataFrame:
    """Scores of a network refitted to one null data set: rows of table ``hessian_nulls``.

    Parameters
    ----------
    hessians : GroupHessians
        At the points and in the groups of the data.
    features : sequence of str
    identity : mapping
        Values of ``fit``, ``dataset`` and ``posterior``: of the network that is tested.
    null : str
        ``permutation``, ``additive``, or ``main_effects`` for simulated data.
    draw : int
        Number of the null data set, from 1.
    """
    pairs = feature_pairs(features)
    measures = pair_measures(hessians)._asdict()
    p_groups = {"geh": signed_group_tests(hessians).p_pair}
    nothing = np.full(len(pairs), np.nan)
    score = np.concatenate([samples.mean(axis=0) for samples in measures.values()])
    sd = [samples.std(axis=0, ddof=1) if len(samples) > 1 else nothing for samples in measures.values()]
    return pd.DataFrame(
        {
            **dict(identity),
            "null": null,
            "draw": draw,
            "measure": np.repeat(list(measures), len(pairs)),
            "feature_a": np.tile(pairs["feature_a"].to_numpy(dtype=object), len(measures)),
            "feature_b": np.tile(pairs["feature_b"].to_numpy(dtype=object), len(measures)),
            "score": score,
            "published_call": published_calls(score, np.concatenate(sd)),
            "p_groups": np.concatenate([p_groups.get(measure, nothing) for measure in measures]),
        }
    )


class NullTest(NamedTuple):
    """Scores of pairs against null draws.

    Attributes
    ----------
    p : numpy.ndarray, shape (pairs,), float64
        (1 + draws at or above the score) / (1 + draws): of each pair alone.
    p_family : numpy.ndarray, shape (pairs,), float64
        The same with the largest score of each draw: no pair at all interacts.
    critical : numpy.ndarray, shape (pairs,), float64
        Score that must be exceeded for ``p_family <= alpha``; infinite if there are too few
        draws for that.
    """

    p: np.ndarray
    p_family: np.ndarray
    critical: np.ndarray


def null_test(observed, draws, *, balance: bool, alpha: float = 0.05) -> NullTest:
    """Compare scores with those of networks refitted to data without interactions.

    Parameters
    ----------
    observed : array_like, shape (pairs,)
        Scores, at least 0.
    draws : array_like, shape (n_draws, pairs)
        Scores of the null draws. At least 19 are needed for a call at 5 %.
    balance : bool
        Divide every pair by its root mean square over the observed and all null data sets
        before the largest is taken, so that a pair with noisy scores does not drown the
        others. Because the observed data set counts like any other, p-values stay exact.
        False is the published maximum of raw scores.
    alpha : float
        Family-wise level.

    Raises
    ------
    SeqauditError
        Shapes that do not fit, values that are not finite or below 0, or no draw.
    """
    observed, draws = np.asarray(observed, dtype=np.float64), np.asarray(draws, dtype=np.float64)
    if observed.ndim != 1 or draws.ndim != 2 or draws.shape[1] != observed.size or not draws.size:
        raise SeqauditError(
            f"null test: scores {observed.shape} and draws {draws.shape} do not fit together, expected "
            "(pairs,) and (draws, pairs) with at least one of each."
        )
    together = np.vstack([observed, draws])
    if not np.isfinite(together).all() or (together < 0).any():
        raise SeqauditError(
            f"null test: {int((~np.isfinite(together) | (together < 0)).sum())} scores are negative or not "
            "finite, expected absolute Hessians. Look for refits that diverged."
        )
    n_draws = len(draws)
    scale = np.sqrt((together**2).mean(axis=0)) if balance else np.ones(observed.size)
    scale[scale == 0] = 1.0
    largest = np.sort((draws / scale).max(axis=1))
    at_least = n_draws - np.searchsorted(largest, observed / scale, side="left")
    allowed = int(np.floor(alpha * (1 + n_draws) * (1 + 1e-12)))  # rank that the observed score may have
    critical = scale * largest[n_draws - allowed] if allowed >= 1 else np.full(observed.size, np.inf)
    return NullTest(
        (1 + (draws >= observed).sum(axis=0)) / (1 + n_draws), (1 + at_least) / (1 + n_draws), critical
    )


def add_null_tests(pairs: pd.DataFrame, nulls: pd.DataFrame, *, alpha: float = 0.05) -> pd.DataFrame:
    """Fill in the p-values of null draws, and the calls of the additive-null rule.

    Parameters
    ----------
    pairs : pandas.DataFrame
        Table ``hessian_pairs``.
    nulls : pandas.DataFrame
        Table ``hessian_nulls`` of the same fits. Fits and nulls without draws keep their nulls.
    alpha : float
        Level of the calls, over all pairs of a fit and measure.

    Returns
    -------
    pandas.DataFrame
        ``pairs`` with the columns ``p_permutation``, ``p_permutation_family``, ``p_additive``,
        ``p_additive_family``, ``p_null``, ``null_quantile``, ``call`` and ``status``.

    Raises
    ------
    SeqauditError
        Draws that lack pairs or have others, or an unknown null.
    """
    unknown = sorted(set(nulls["null"]) - set(NULLS))
    if unknown:
        raise SeqauditError(f"nulls: unknown null '{unknown[0]}', expected one of {', '.join(NULLS)}.")
    drawn = dict(list(nulls.groupby(["fit", "measure", "null"], sort=False)))
    parts = []
    for (fit, measure), rows in pairs.groupby(["fit", "measure"], sort=False):
        filled = rows.copy()
        for null in NULLS:
            if (fit, measure, null) in drawn:
                draws = draw_matrix(drawn[fit, measure, null], rows)
                test = null_test(rows["score"], draws, balance=null == "additive", alpha=alpha)
                _fill(filled, null, test, alpha, len(draws))
        parts.append(filled)
    return pd.concat(parts).loc[pairs.index]


def draw_matrix(draws: pd.DataFrame, pairs: pd.DataFrame, *, column: str = "score") -> np.ndarray:
    """One column of the draws of one fit, measure and null; shape (draws, pairs), as in ``pairs``.

    Raises
    ------
    SeqauditError
        A draw that lacks a pair, or has pairs that ``pairs`` does not have.
    """
    wide = draws.pivot(index="draw", columns=_PAIR, values=column)
    matrix = wide.reindex(columns=pd.MultiIndex.from_frame(pairs[_PAIR]))
    if matrix.isna().to_numpy().any() or wide.shape[1] != matrix.shape[1]:
        raise SeqauditError(
            f"nulls: draws of fit '{draws['fit'].iloc[0]}' have scores of {wide.shape[1]} pairs, some of "
            f"them missing or others than the {len(pairs)} pairs of the data. Rerun the draws with the "
            "same features."
        )
    return matrix.to_numpy()


def null_maxima(nulls: pd.DataFrame) -> pd.DataFrame:
    """Largest score of every draw, one row per fit, null, measure and draw (appendix Fig. 10)."""
    keys = ["fit", "dataset", "posterior", "null", "measure", "draw"]
    return nulls.groupby(keys, sort=False, as_index=False)["score"].max()


def _fill(rows: pd.DataFrame, null: str, test: NullTest, alpha: float, n_draws: int) -> None:
    rows[f"p_{null}"] = test.p
    rows[f"p_{null}_family"] = test.p_family
    if null != "additive":
        return
    rows["p_null"] = test.p_family
    rows["null_quantile"] = np.where(np.isfinite(test.critical), test.critical, np.nan)
    rows["call"] = pd.array(test.p_family <= alpha, dtype="boolean")
    if not np.isfinite(test.critical).all():
        rows["status"] = f"{n_draws} additive draws are too few for a call at {alpha:g}"

"""Is the mean Hessian of any group of points away from 0? Tests that keep the signs.

A score of absolute values is positive whatever the truth, so no interval around it can test
anything. Its signed group means can be 0, and their posterior says how far from it they are.
The tests take posterior spread for sampling spread, which networks understate: only a null
of refitted networks (``hessian_nulls``) knows what fitting does.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import ndtr

from seqaudit.data.hessian import GroupHessians
from seqaudit.errors import SeqauditError
from seqaudit.inference.hessian_measures import feature_pairs, signed_pairs

_INTERVAL = (2.5, 97.5)


class SignedGroupTests(NamedTuple):
    """Tests of signed group means; NaN with a single posterior sample.

    Attributes
    ----------
    mean, sd : numpy.ndarray, shape (groups, pairs), float64
        Over posterior samples.
    p_normal : numpy.ndarray, shape (groups, pairs), float64
        Two-sided, of mean 0.
    p_holm : numpy.ndarray, shape (groups, pairs), float64
        After Holm's correction over the groups of each pair.
    p_max : numpy.ndarray, shape (groups, pairs), float64
        Share of posterior samples in which, after centring every group at 0, the largest
        standardised mean of the pair's groups is at least as large.
    p_pair : numpy.ndarray, shape (pairs,), float64
        Smallest ``p_max`` of each pair.
    p_family : numpy.ndarray, shape (pairs,), float64
        The same with the largest over all groups of all pairs.
    """

    mean: np.ndarray
    sd: np.ndarray
    p_normal: np.ndarray
    p_holm: np.ndarray
    p_max: np.ndarray
    p_pair: np.ndarray
    p_family: np.ndarray


def signed_group_tests(hessians: GroupHessians) -> SignedGroupTests:
    """Test the signed mean Hessians of the groups of every pair against 0.

    The reference of the largest group is the posterior itself, moved to 0: groups that rise
    and fall together count as one, independent ones as many (a max-type test; the published
    rule breaks because it ignores this).

    Parameters
    ----------
    hessians : GroupHessians
        Of K posterior samples. The smallest p-value of the max-type tests is 1 / (K + 1).
    """
    signed, _ = signed_pairs(hessians)
    n_samples = len(signed)
    mean = signed.mean(axis=0)
    if n_samples == 1:
        unknown = np.full(mean.shape, np.nan)
        return SignedGroupTests(mean, *[unknown] * 4, *[unknown[0]] * 2)
    sd = signed.std(axis=0, ddof=1)
    z = _standardised(np.abs(mean), sd)
    null = _standardised(np.abs(signed - mean), sd)  # (samples, groups, pairs), centred at 0
    largest = np.sort(null.max(axis=1), axis=0)  # (samples, pairs)
    p_max = np.empty(mean.shape)
    for pair in range(mean.shape[1]):
        p_max[:, pair] = _upper_tail(z[:, pair], largest[:, pair])
    family = np.sort(largest.max(axis=1))
    p_normal = 2 * ndtr(-z)
    return SignedGroupTests(
        mean, sd, p_normal, _holm(p_normal), p_max, p_max.min(axis=0), _upper_tail(z.max(axis=0), family)
    )


def group_table(
    hessians: GroupHessians,
    features: Sequence[str],
    *,
    identity: Mapping[str, str],
    names: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Signed mean Hessian of every group and pair, with intervals and tests.

    Parameters
    ----------
    hessians : GroupHessians
    features : sequence of str
    identity : mapping
        Values of ``fit``, ``dataset`` and ``posterior``.
    names : sequence of str, optional
        One per group; ``group_1``, ``group_2``, ... by default.

    Returns
    -------
    pandas.DataFrame
        Table ``hessian_groups``; ``truth`` is null.

    Raises
    ------
    SeqauditError
        Not one different name per group, or bad Hessians.
    """
    signed, _ = signed_pairs(hessians)
    n_samples, n_groups, n_pairs = signed.shape
    names = [f"group_{m + 1}" for m in range(n_groups)] if names is None else list(names)
    if len(set(names)) != n_groups or len(names) != n_groups:
        raise SeqauditError(f"names: got {names}, expected {n_groups} different names, one per group.")
    tests = signed_group_tests(hessians)
    if n_samples > 1:
        low, high = np.percentile(signed, _INTERVAL, axis=0)
        beyond = np.minimum((signed >= 0).sum(axis=0), (signed <= 0).sum(axis=0))
        p_sign = np.minimum(1, 2 * (1 + beyond) / (1 + n_samples))
    else:
        low = high = p_sign = np.full((n_groups, n_pairs), np.nan)
    pairs = feature_pairs(features)
    return pd.DataFrame(
        {
            **dict(identity),
            "group": np.repeat(np.array(names, dtype=object), n_pairs),
            "feature_a": np.tile(pairs["feature_a"].to_numpy(dtype=object), n_groups),
            "feature_b": np.tile(pairs["feature_b"].to_numpy(dtype=object), n_groups),
            "n_points": np.repeat(np.asarray(hessians.sizes, dtype=np.int64), n_pairs),
            "mean": tests.mean.ravel(),
            "sd": tests.sd.ravel(),
            "ci_low": low.ravel(),
            "ci_high": high.ravel(),
            "p_sign": p_sign.ravel(),
            "p_normal": tests.p_normal.ravel(),
            "p_holm": tests.p_holm.ravel(),
            "p_max": tests.p_max.ravel(),
            "truth": np.nan,
        }
    )


def _standardised(values: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """Values in standard deviations; without any spread 0 stays 0 and all else is infinite."""
    with np.errstate(divide="ignore", invalid="ignore"):
        z = values / sd
    return np.where((sd == 0) & (values == 0), 0.0, z)


def _upper_tail(observed: np.ndarray, sorted_null: np.ndarray) -> np.ndarray:
    """Share of null values at least as large, the observed one counted among them."""
    at_least = sorted_null.size - np.searchsorted(sorted_null, observed, side="left")
    return (1 + at_least) / (1 + sorted_null.size)


def _holm(p: np.ndarray) -> np.ndarray:
    """Holm's adjusted p-values along the first axis."""
    order = np.argsort(p, axis=0)
    n = len(p)
    factors = (n - np.arange(n))[:, None]
    stepped = np.maximum.accumulate(np.take_along_axis(p, order, axis=0) * factors, axis=0)
    adjusted = np.empty_like(p)
    np.put_along_axis(adjusted, order, np.minimum(stepped, 1), axis=0)
    return adjusted

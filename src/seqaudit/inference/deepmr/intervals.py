"""Student and Wilson intervals, and variances that borrow strength from each other."""

import numpy as np
from scipy.special import digamma, ndtri, polygamma, stdtr, stdtrit

LEVEL = 0.95
_NEWTON_STEPS = 50


def student(b, se, df):
    """Lower and upper 95 % limit and two-sided p-value of b = 0.

    Infinite ``df`` is the normal distribution; a standard error of 0 gives limits at ``b``, and p
    of 0, or NaN where ``b`` is 0 as well.
    """
    b, se, df = np.broadcast_arrays(*(np.asarray(values, dtype=np.float64) for values in (b, se, df)))
    finite = np.isfinite(df) & (df > 0)
    quantile = np.where(finite, stdtrit(np.where(finite, df, 1.0), (1 + LEVEL) / 2), ndtri((1 + LEVEL) / 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        t = -np.abs(b) / se
    # the t distribution function with enormous df is the normal one to rounding
    pval = 2 * stdtr(np.where(finite, df, 1e12), t)
    return b - quantile * se, b + quantile * se, pval


def wilson(successes, n) -> tuple[np.ndarray, np.ndarray]:
    """95 % limits of a proportion (Wilson 1927); NaN without trials."""
    successes, n = np.asarray(successes, dtype=np.float64), np.asarray(n, dtype=np.float64)
    z2 = ndtri((1 + LEVEL) / 2) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        share = successes / n
        middle = (share + z2 / (2 * n)) / (1 + z2 / n)
        half = np.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n**2))) / (1 + z2 / n)
    return np.maximum(middle - half, 0), np.minimum(middle + half, 1)


def satterthwaite(variances, dfs) -> float:
    """Degrees of freedom of a sum of independent variance estimates (Satterthwaite 1946)."""
    total = sum(variances)
    if not total > 0:
        return float(min(dfs))
    return float(1 / sum((v / total) ** 2 / df for v, df in zip(variances, dfs)))


def moderate(variance: np.ndarray, df: float, *, prior_df: float | None = None):
    """Shrink variances towards a common one, by empirical Bayes (Smyth 2004, limma).

    Parameters
    ----------
    variance : array, shape (n,)
        Estimates with the same degrees of freedom; those that are NaN stay so and do not count.
    df : float
        Their degrees of freedom.
    prior_df : float, optional
        How many degrees of freedom the common variance is worth; estimated from the spread of
        the logarithms by default (infinite where they spread no more than chance).

    Returns
    -------
    variance, df : numpy.ndarray, shape (n,)
        Posterior variances and their degrees of freedom: ``df + prior_df``, at most the sum of
        all ``df``. Fewer than two variances, or only zeros, are returned as they are.
    """
    variance = np.asarray(variance, dtype=np.float64)
    known = np.isfinite(variance)
    sample = variance[known]
    if len(sample) < 2 or not sample.any():
        return variance, np.full(len(variance), float(df))
    # an exact 0 has no logarithm; limma lifts it to this share of the median
    lifted = np.maximum(sample, 1e-5 * (np.median(sample) or sample.max()))
    centred = np.log(lifted) - digamma(df / 2) + np.log(df / 2)
    if prior_df is None:
        excess = centred.var(ddof=1) - polygamma(1, df / 2)
        prior_df = 2 * _inverse_trigamma(excess) if excess > 0 else np.inf
    if np.isfinite(prior_df):
        prior = np.exp(centred.mean() + digamma(prior_df / 2) - np.log(prior_df / 2)) if prior_df > 0 else 0.0
        posterior = (df * variance + prior_df * prior) / (df + prior_df)
    else:
        posterior = np.where(known, sample.mean(), np.nan)
    return posterior, np.full(len(variance), min(df + prior_df, df * len(sample)))


def _inverse_trigamma(value: float) -> float:
    """The x with trigamma(x) = value, by Newton steps on the convex 1 / trigamma (Smyth 2004)."""
    x = 0.5 + 1 / value
    for _ in range(_NEWTON_STEPS):
        trigamma = polygamma(1, x)
        step = trigamma * (1 - trigamma / value) / polygamma(2, x)
        x += step
        if -step / x < 1e-10:
            break
    return float(x)

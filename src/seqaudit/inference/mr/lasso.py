"""MR-LASSO: instruments whose direct effect a penalty leaves at 0 are valid; IVW on those."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtri

from seqaudit.inference.mr.common import (
    DISTRIBUTIONS,
    Instruments,
    build_result,
    check_choice,
    check_effects,
    check_range,
    extend_result,
    map_loci,
    oriented,
)
from seqaudit.inference.mr.kernels import falling_root, row_sum, weighted_least_squares

_PATH = 1e-4 ** (np.arange(100) / 99)
"""Penalties of a path relative to the first: glmnet's 100 steps down to one ten-thousandth."""
_LEAST_STEPS = 5
_LEAST_GAIN = 1e-5
_MOST_EXPLAINED = 0.999
"""glmnet ends a path, after five penalties, when the deviance explained gains less than this
share of itself or exceeds this share of the total."""

LassoResult = extend_result(
    __name__,
    "LassoResult",
    "MR-LASSO estimates.",
    penalty="chosen weight of the penalty (glmnet's lambda)",
    n_valid="instruments with no direct effect at that penalty",
    valid="which they are, (loci, instruments) booleans",
)


def lasso(
    beta_exposure: ArrayLike,
    se_exposure: ArrayLike,
    beta_outcome: ArrayLike,
    se_outcome: ArrayLike,
    used: ArrayLike | None = None,
    *,
    distribution: str = "normal",
    alpha: float = 0.05,
) -> LassoResult:
    """IVW on the instruments that the LASSO leaves without a direct effect.

    Parameters
    ----------
    beta_exposure, se_exposure, beta_outcome, se_outcome : array_like, (loci, instruments) or 1-D
        Effects and standard errors.
    used : array_like of bool, same shape, optional
        Instruments that exist; missing numbers are left out as well.
    distribution : {"normal", "t"}
        t has (valid instruments) - 1 degrees of freedom.
    alpha : float
        One minus the level of the confidence interval.

    Returns
    -------
    LassoResult
        ``no_valid_instruments`` where fewer than two are left.

    Notes
    -----
    For a given causal effect the best direct effect of each instrument is its residual shrunk
    towards 0. What is left is a Huber regression through the origin with a threshold per
    instrument, one convex function of one number, which is minimised exactly for each of
    glmnet's penalties. The penalty is the smallest whose valid instruments are not yet much
    less heterogeneous than those of the next larger one.

    Sources
    -------
    Rees, Wood, Dudbridge, Burgess 2019; Friedman, Hastie, Tibshirani 2010 (the path).
    """
    check_choice("lasso", "distribution", distribution, DISTRIBUTIONS)
    check_range("lasso", "alpha", alpha, 0, 1)
    effects = check_effects(beta_exposure, se_exposure, beta_outcome, se_outcome, used)
    return map_loci(_lasso, effects, distribution=distribution, alpha=alpha)


def _lasso(data: Instruments, *, distribution, alpha) -> LassoResult:
    data = oriented(data)
    threshold, first = _thresholds(data)
    effects = np.empty((len(data.n), len(_PATH)))
    heterogeneity, n_valid, explained = np.empty_like(effects), np.empty_like(effects), np.empty_like(effects)
    effect = row_sum(data.w, data.x, data.y) / row_sum(data.w, data.x, data.x)
    residual = data.y - effect[:, np.newaxis] * data.x
    total = row_sum(data.w, residual, residual)
    for k, share in enumerate(_PATH):
        # At its first penalty glmnet has not left 0 yet.
        limit = threshold * share if k else np.full_like(threshold, np.inf)
        effect = _huber_effect(data, limit, effect) if k else effect
        residual = data.y - effect[:, np.newaxis] * data.x
        valid = data.used & (np.abs(residual) <= limit)
        clipped = np.clip(residual, -limit, limit)
        effects[:, k], n_valid[:, k] = effect, valid.sum(axis=1)
        explained[:, k] = 1 - row_sum(data.w, clipped, clipped) / total
        heterogeneity[:, k] = weighted_least_squares((data.x,), data.y, data.w * valid).residual_se
    chosen = _chosen_step(heterogeneity, n_valid, explained)[:, np.newaxis]

    effect = np.take_along_axis(effects, chosen, axis=1)
    limit = np.where(chosen > 0, threshold * _PATH[chosen], np.inf)
    valid = data.used & (np.abs(data.y - effect * data.x) <= limit)
    count = valid.sum(axis=1)
    fit = weighted_least_squares((data.x,), data.y, data.w * valid)
    result = build_result(
        data,
        b=fit.coef[:, 0],
        se=fit.unit_se[:, 0] * np.maximum(1, fit.residual_se),
        minimum=2,
        alpha=alpha,
        problems=(("no_valid_instruments", count < 2),),
        distribution=distribution,
        df=count - 1,
        residual_se=fit.residual_se,
        q=fit.df * fit.residual_se**2,
        q_df=fit.df,
    )
    penalty = first * _PATH[chosen[:, 0]]
    return LassoResult(*result, np.where(np.isfinite(result.b), penalty, np.nan), count, valid)


def _thresholds(data: Instruments):
    """Largest unexplained residual per instrument at the first penalty, and that penalty.

    Glmnet penalises coefficients of columns in units of their standard deviation; the columns
    are those of the identity, weighted and projected away from the exposure.
    """
    n = data.n[:, np.newaxis]
    root = np.sqrt(data.w)
    b = root * data.x
    length = row_sum(b, b)[:, np.newaxis]
    projected = root * data.y - b * (row_sum(b, root * data.y)[:, np.newaxis] / length)
    mean = root * (1 - b * b.sum(axis=1, keepdims=True) / length) / n
    spread = np.sqrt(np.maximum(data.w * (1 - b**2 / length) / n - mean**2, 0))
    first = np.where(data.used, root * np.abs(projected) / (n * spread), 0.0).max(axis=1)
    threshold = np.where(data.used, n * first[:, np.newaxis] * spread / data.w, 0.0)
    return threshold, first


def _huber_effect(data: Instruments, limit: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Effect at which residuals, cut off at their limits, do not pull any more, ``(loci,)``."""
    ratio = data.y / np.where(data.x > 0, data.x, np.nan)
    low, high = np.fmin.reduce(ratio, axis=1), np.fmax.reduce(ratio, axis=1)
    arrays = (data.x, data.y, data.w * data.x, limit)
    return falling_root(_huber_pull, start, low, high, 1e-15 * (high - low), arrays)


def _huber_pull(effect, x, y, weight, limit):
    residual = y - effect[:, np.newaxis] * x
    pull = row_sum(weight, np.clip(residual, -limit, limit))
    return pull, -row_sum(weight, x, np.abs(residual) <= limit)


def _chosen_step(heterogeneity, n_valid, explained) -> np.ndarray:
    """Step of the path that the heterogeneity rule stops at, ``(loci,)``."""
    gain = np.diff(explained, axis=1)
    ended = (gain < _LEAST_GAIN * explained[:, 1:]) | (explained[:, 1:] > _MOST_EXPLAINED)
    ended[:, : _LEAST_STEPS - 2] = False
    last = np.where(ended.any(axis=1), ended.argmax(axis=1) + 1, len(_PATH) - 1)[:, np.newaxis]
    step = np.arange(len(_PATH))
    on_path = step <= last
    before = heterogeneity[:, :-1]
    drops = (before > 1) & (before - heterogeneity[:, 1:] > chdtri(1, 0.05) / n_valid[:, :-1])
    drops = np.pad(drops, ((0, 0), (1, 0))) & on_path
    stop = np.where(drops, step, 0).max(axis=1)
    enough = np.where((n_valid > 1) & on_path, step, 0).max(axis=1)
    return np.minimum(stop, enough)

"""MR-PRESSO: is there pleiotropy, which instruments are outliers, and does it matter?"""

import numpy as np
from numpy.typing import ArrayLike

from seqaudit.inference.mr.common import (
    DISTRIBUTIONS,
    Instruments,
    build_result,
    canonical_order,
    check_choice,
    check_count,
    check_effects,
    check_range,
    extend_result,
    map_loci,
    oriented,
    reordered,
)
from seqaudit.inference.mr.kernels import Fit, weighted_least_squares

_BLOCK_DRAWS = 1000
"""Simulated data sets per block, to stay in the processor's cache."""

PressoResult = extend_result(
    __name__,
    "PressoResult",
    "MR-PRESSO estimates: IVW without outliers, or of all instruments where there are none.",
    raw_b="IVW estimate from all instruments",
    raw_se="its standard error",
    raw_pval="and p value",
    global_rss="weighted sum of squared leave-one-out residuals",
    global_pval="its p value among simulated data without pleiotropy",
    n_outliers="instruments removed",
    outlier_pval="p value of each instrument, times their number, (loci, instruments); NaN where not used",
    valid="instruments that are kept, (loci, instruments) booleans",
    distortion="(raw_b - b) / abs(b): what the outliers did to the estimate",
    distortion_pval="its p value among random removals of as many instruments",
)


def presso(
    beta_exposure: ArrayLike,
    se_exposure: ArrayLike,
    beta_outcome: ArrayLike,
    se_outcome: ArrayLike,
    used: ArrayLike | None = None,
    *,
    threshold: float = 0.05,
    n_draws: int = 10_000,
    seed: int = 0,
    distribution: str = "normal",
    alpha: float = 0.05,
) -> PressoResult:
    """Test for pleiotropy, remove outlying instruments, test whether that changes the estimate.

    Parameters
    ----------
    beta_exposure, se_exposure, beta_outcome, se_outcome : array_like, (loci, instruments) or 1-D
        Effects and standard errors.
    used : array_like of bool, same shape, optional
        Instruments that exist; missing numbers are left out as well.
    threshold : float
        Where the global p value is below it, instruments whose own (Bonferroni) p value is below
        it are removed.
    n_draws, seed : int
        Simulated data sets and seed. No corrected p value can be below n / (n_draws + 1).
    distribution : {"normal", "t"}
        Reference distribution of the final IVW estimate; t has (valid instruments) - 1 degrees
        of freedom.
    alpha : float
        One minus the level of the confidence interval.

    Returns
    -------
    PressoResult
        p values are ``(more extreme draws + 1) / (n_draws + 1)``, never 0. Standard errors are
        those of random-effects IVW, never smaller than the fixed-effect ones (the R package
        lets them shrink below).

    Notes
    -----
    A data set without pleiotropy draws the exposure effect of every instrument around its own
    and the outcome effect around what the other instruments predict for it.

    Sources
    -------
    Verbanck, Chen, Neale, Do 2018.
    """
    check_range("presso", "threshold", threshold, 0, 1)
    check_count("presso", "n_draws", n_draws, 100)
    check_choice("presso", "distribution", distribution, DISTRIBUTIONS)
    check_range("presso", "alpha", alpha, 0, 1)
    effects = check_effects(beta_exposure, se_exposure, beta_outcome, se_outcome, used)
    options = {"threshold": threshold, "n_draws": n_draws, "seed": seed}
    return map_loci(_presso, effects, **options, distribution=distribution, alpha=alpha)


def _presso(data: Instruments, *, threshold, n_draws, seed, distribution, alpha) -> PressoResult:
    order = canonical_order(data)
    ordered = reordered(oriented(data), order)
    loci, width = data.x.shape
    global_rss, global_pval = np.full((2, loci), np.nan)
    ordered_pval = np.full((loci, width), np.nan)
    generator = np.random.default_rng(seed)
    # Draws belong to a place in the canonical order: a locus has the same ones in every batch.
    noise = generator.standard_normal((width, 2, n_draws))
    for locus, n in enumerate(ordered.used.sum(axis=1)):
        if n >= 3:
            x, sx, y, sy = (values[locus, :n] for values in (ordered.x, ordered.sx, ordered.y, ordered.sy))
            test = _outlier_test(x, sx, y, sy, noise[:n])
            global_rss[locus], global_pval[locus], ordered_pval[locus, :n] = test
    outlier_pval = np.full_like(ordered_pval, np.nan)
    np.put_along_axis(outlier_pval, order, ordered_pval, axis=1)

    outlier = (outlier_pval < threshold) & (global_pval < threshold)[:, np.newaxis]
    valid = data.used & ~outlier
    raw, final = _random_effects(data, data.used), _random_effects(data, valid)
    n_valid, n_outliers = valid.sum(axis=1), outlier.sum(axis=1)
    result = build_result(
        data,
        b=final.coef[:, 0],
        se=_se(final),
        minimum=3,
        alpha=alpha,
        problems=(("no_valid_instruments", n_valid < 2),),
        distribution=distribution,
        df=n_valid - 1,
        residual_se=final.residual_se,
        q=final.df * final.residual_se**2,
        q_df=final.df,
    )
    raw_result = build_result(
        data, b=raw.coef[:, 0], se=_se(raw), minimum=3, alpha=alpha, distribution=distribution, df=data.n - 1
    )
    distortion = (raw_result.b - result.b) / np.abs(result.b)
    distortion_pval = _distortion_pvals(data, outlier, order, raw.coef[:, 0], distortion, n_draws, seed)
    removed = (n_outliers > 0) & np.isfinite(result.b)
    return PressoResult(
        *result,
        raw_result.b,
        raw_result.se,
        raw_result.pval,
        global_rss,
        global_pval,
        n_outliers,
        outlier_pval,
        valid,
        np.where(removed, distortion, np.nan),
        np.where(removed, distortion_pval, np.nan),
    )


def _random_effects(data: Instruments, used: np.ndarray) -> Fit:
    return weighted_least_squares((data.x,), data.y, data.w * used)


def _se(fit: Fit) -> np.ndarray:
    return fit.unit_se[:, 0] * np.maximum(1, fit.residual_se)


def _leave_one_out(x, y, w):
    """Residuals of instruments from the IVW line through all others, along the first axis."""
    xy, xx = w * x * y, w * x * x
    slope = (xy.sum(axis=0) - xy) / (xx.sum(axis=0) - xx)
    return y - slope * x


def _outlier_test(x, sx, y, sy, noise):
    """Observed global statistic, its p value, and the corrected p value of each instrument.

    ``noise`` is ``(instruments, 2, draws)``; every draw is a data set without pleiotropy.
    """
    w, n_draws = 1 / sy**2, noise.shape[2]
    residual = _leave_one_out(x, y, w)
    predicted, square = y - residual, residual**2
    rss = np.sum(w * square)
    more, more_extreme = 0, np.zeros(len(x), dtype=int)
    for start in range(0, n_draws, _BLOCK_DRAWS):
        exposure_noise, outcome_noise = noise[:, :, start : start + _BLOCK_DRAWS].swapaxes(0, 1)
        drawn_x = x[:, np.newaxis] + sx[:, np.newaxis] * exposure_noise
        drawn_y = predicted[:, np.newaxis] + sy[:, np.newaxis] * outcome_noise
        drawn = _leave_one_out(drawn_x, drawn_y, w[:, np.newaxis]) ** 2
        more += np.count_nonzero(w @ drawn > rss)
        more_extreme += np.count_nonzero(drawn > square[:, np.newaxis], axis=1)
    corrected = np.minimum(1, len(x) * (more_extreme + 1) / (n_draws + 1))
    return rss, (more + 1) / (n_draws + 1), corrected


def _distortion_pvals(data: Instruments, outlier, order, raw_b, distortion, n_draws, seed) -> np.ndarray:
    """p value of the change of the estimate: as many instruments removed, but not the outliers.

    As in the original, the others are drawn with replacement.
    """
    pval = np.full(len(data.n), np.nan)
    for locus in np.flatnonzero(outlier.any(axis=1)):
        ranked = order[locus][data.used[locus][order[locus]]]
        others = ranked[~outlier[locus][ranked]]
        extra = len(ranked) - 2 * (len(ranked) - len(others))
        if extra < 1:
            continue
        draws = np.random.default_rng(seed + 1).integers(len(others), size=(extra, n_draws))
        weight = np.zeros((data.x.shape[1], n_draws))
        weight[outlier[locus]] = 1
        np.add.at(weight, (others[draws], np.arange(n_draws)), 1)
        xy, xx = ((data.w * data.x * values)[locus] @ weight for values in (data.y, data.x))
        drawn = (raw_b[locus] - xy / xx) / np.abs(xy / xx)
        more = np.count_nonzero(np.abs(drawn) > np.abs(distortion[locus]))
        pval[locus] = (more + 1) / (n_draws + 1)
    return pval

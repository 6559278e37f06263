"""Median of Wald ratios: consistent while more than half of the (weighted) instruments are valid."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import erfc, ndtr

from seqaudit.inference.mr.common import (
    DISTRIBUTIONS,
    Instruments,
    MRResult,
    build_result,
    check_choice,
    check_count,
    check_effects,
    check_range,
    map_loci,
)
from seqaudit.inference.mr.kernels import row_sum
from seqaudit.inference.mr.ratio import STDERRORS, Ratios, bootstrap, wald_ratios

_PENALTY = 20
"""Ratios with a p value below 1 / this about the weighted median lose weight."""


def median(
    beta_exposure: ArrayLike,
    se_exposure: ArrayLike,
    beta_outcome: ArrayLike,
    se_outcome: ArrayLike,
    used: ArrayLike | None = None,
    *,
    weighting: str = "weighted",
    stderror: str = "simple",
    se_method: str = "bootstrap",
    n_boot: int = 1000,
    seed: int = 0,
    distribution: str = "normal",
    alpha: float = 0.05,
) -> MRResult:
    """Median of the Wald ratios, interpolated between the two middle ones.

    Parameters
    ----------
    beta_exposure, se_exposure, beta_outcome, se_outcome : array_like, (loci, instruments) or 1-D
        Effects and standard errors.
    used : array_like of bool, same shape, optional
        Instruments that exist; missing numbers are left out as well.
    weighting : {"weighted", "simple", "penalized"}
        Inverse variance of the ratio; equal; inverse variance, times 20 p where the ratio's p
        value about the weighted median is below 5 %.
    stderror : {"simple", "delta"}
        Variance of a ratio for the weights: first order (MendelianRandomization) or second
        order (TwoSampleMR).
    se_method : {"bootstrap", "analytic"}
        Standard deviation over parametric resamples of the effects with the weights held, or
        its large-sample value (hundreds of times faster; within 30 % of the bootstrap in nine
        of ten of the reference data sets, usually above it).
    n_boot, seed : int
        Number of resamples and seed.
    distribution : {"normal", "t"}
        t has n - 1 degrees of freedom.
    alpha : float
        One minus the level of the confidence interval.

    Sources
    -------
    Bowden, Davey Smith, Haycock, Burgess 2016.
    """
    check_choice("median", "weighting", weighting, ("weighted", "simple", "penalized"))
    check_choice("median", "stderror", stderror, STDERRORS)
    check_choice("median", "se_method", se_method, ("bootstrap", "analytic"))
    check_choice("median", "distribution", distribution, DISTRIBUTIONS)
    check_range("median", "alpha", alpha, 0, 1)
    check_count("median", "n_boot", n_boot, 2)
    effects = check_effects(beta_exposure, se_exposure, beta_outcome, se_outcome, used)
    resampling = (n_boot, seed) if se_method == "bootstrap" else None
    return map_loci(
        _median,
        effects,
        weighting=weighting,
        stderror=stderror,
        resampling=resampling,
        distribution=distribution,
        alpha=alpha,
    )


def _median(data: Instruments, *, weighting, stderror, resampling, distribution, alpha) -> MRResult:
    ratios = wald_ratios(data, stderror, sort=True)
    weight = ratios.data.used.astype(float) if weighting == "simple" else ratios.data.used / ratios.se**2
    b = _weighted_median(ratios.value, weight)
    if weighting == "penalized":
        distance = weight * (ratios.value - b[:, np.newaxis]) ** 2
        weight = weight * np.minimum(1, _PENALTY * erfc(np.sqrt(distance / 2)))
        b = _weighted_median(ratios.value, weight)
    if resampling is None:
        se = _analytic_se(ratios, weight, b)
    else:
        se = _bootstrap_se(ratios.data, weight, *resampling)
    return build_result(
        ratios.data,
        b=b,
        se=se,
        minimum=3,
        alpha=alpha,
        distribution=distribution,
        df=ratios.data.n - 1,
    )


def _weighted_median(value: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Interpolated weighted median along the last axis.

    Values are placed at the middle of their own weight in the cumulated weights, and the median
    is read at one half; beyond the outermost middles it is the outermost value. Entries of
    weight 0 are ignored.
    """
    order = np.argsort(np.where(weight > 0, value, np.inf), axis=-1)
    value = np.take_along_axis(value, order, axis=-1)
    weight = np.take_along_axis(np.broadcast_to(weight, value.shape), order, axis=-1)
    middle = np.cumsum(weight, axis=-1) - 0.5 * weight
    half = 0.5 * weight.sum(axis=-1, keepdims=True)
    last = (weight > 0).sum(axis=-1, keepdims=True) - 1
    right = np.clip((middle < half).sum(axis=-1, keepdims=True), 0, np.maximum(last, 0))
    left = np.maximum(right - 1, 0)
    low, high, below, above = (
        np.take_along_axis(array, side, axis=-1)[..., 0]
        for array, side in ((value, left), (value, right), (middle, left), (middle, right))
    )
    share = np.clip((half[..., 0] - below) / (above - below), 0, 1)
    return np.where(last[..., 0] < 0, np.nan, np.where(above > below, low + (high - low) * share, low))


def _bootstrap_se(data: Instruments, weight: np.ndarray, n_boot: int, seed: int) -> np.ndarray:
    def medians(locus, exposure_draws, outcome_draws):
        x = data.x[locus] + data.sx[locus] * exposure_draws
        y = data.y[locus] + data.sy[locus] * outcome_draws
        return _weighted_median(y / x, weight[locus])

    return bootstrap(data, medians, lambda sample: sample.std(ddof=1), draws=n_boot, seed=seed)


def _analytic_se(ratios: Ratios, weight: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Large-sample standard deviation of the resampled median.

    The median b solves ``sum_j w_j (P(ratio_j < b) - 1/2) = 0``. Each indicator has variance
    ``P (1 - P)``, and the sum has slope ``sum_j w_j`` density of ratio j at b.
    """
    data = ratios.data
    sd = np.sqrt(data.sy**2 + (b[:, np.newaxis] * data.sx) ** 2)
    z = (b[:, np.newaxis] * data.x - data.y) / sd
    below = ndtr(z)
    density = data.x / sd * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    return np.sqrt(row_sum(weight**2, below, 1 - below)) / row_sum(weight, density)

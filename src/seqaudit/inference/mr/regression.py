"""Regressions through summary effects: IVW, MR-Egger, and the mean of Wald ratios."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import erfc

from seqaudit.errors import SeqauditError
from seqaudit.inference.mr.common import (
    DISTRIBUTIONS,
    Effects,
    Instruments,
    MRResult,
    build_result,
    check_choice,
    check_effects,
    check_range,
    map_loci,
    mean_f_statistic,
)
from seqaudit.inference.mr.kernels import (
    Fit,
    masked_median,
    residual_sum,
    row_sum,
    weighted_least_squares,
    whiten,
)
from seqaudit.inference.mr.robust import mm_regression

MODELS = ("default", "fixed", "random")
"""Whether heterogeneity widens intervals; by default from four instruments on."""


def ivw(
    beta_exposure: ArrayLike,
    se_exposure: ArrayLike,
    beta_outcome: ArrayLike,
    se_outcome: ArrayLike,
    used: ArrayLike | None = None,
    *,
    model: str = "default",
    robust: bool = False,
    penalized: bool = False,
    weights: str = "simple",
    psi: float = 0.0,
    correlation: ArrayLike | None = None,
    distribution: str = "normal",
    alpha: float = 0.05,
) -> MRResult:
    """Inverse-variance weighted estimate: outcome on exposure effects, through the origin.

    Parameters
    ----------
    beta_exposure, se_exposure, beta_outcome, se_outcome : array_like, (loci, instruments) or 1-D
        Effects and standard errors.
    used : array_like of bool, same shape, optional
        Instruments that exist; missing numbers are left out as well.
    model : {"default", "fixed", "random"}
        ``fixed``: the stated errors are all there is. ``random``: multiplicative random
        effects, the se times the residual se where that exceeds 1. ``default``: fixed below
        four instruments, else random.
    robust : bool
        MM-regression instead of least squares: outlying instruments lose their weight.
    penalized : bool
        Down-weight instruments whose ratio is far from the median ratio (p below 1 %).
    weights : {"simple", "delta"}
        First-order weights ``1 / se_outcome**2``, or second-order ones that include the
        exposure's error and its correlation ``psi`` with the outcome's.
    correlation : array_like, (instruments, instruments) or (loci, instruments, instruments), optional
        Correlation (LD) of the instruments: generalized least squares.
    distribution : {"normal", "t"}
        Reference distribution of limits and p value; t has n - 1 degrees of freedom.
    alpha : float
        One minus the level of the confidence interval.

    Returns
    -------
    MRResult
        One instrument gives its ratio, with ``residual_se`` 1, normal limits and no Q.

    Sources
    -------
    Burgess, Butterworth, Thompson 2013 (estimate); Bowden et al. 2017 (random effects);
    Rees et al. 2019 (robust, penalized); Burgess, Dudbridge, Thompson 2016 (correlated).
    """
    check_choice("ivw", "model", model, MODELS)
    check_choice("ivw", "weights", weights, ("simple", "delta"))
    check_range("ivw", "psi", psi, -1, 1)
    effects = check_effects(beta_exposure, se_exposure, beta_outcome, se_outcome, used)
    correlation = _check_regression("ivw", effects, correlation, distribution, alpha, robust or penalized)
    if correlation is not None and weights == "delta":
        raise SeqauditError("mr: ivw cannot combine a correlation matrix with weights='delta'.")
    return map_loci(
        _ivw,
        effects,
        correlation=correlation,
        model=model,
        robust=robust,
        penalized=penalized,
        delta_psi=psi if weights == "delta" else None,
        distribution=distribution,
        alpha=alpha,
    )


def _ivw(
    data: Instruments, *, model, robust, penalized, delta_psi, distribution, alpha, correlation=None
) -> MRResult:
    singular = np.zeros(len(data.n), dtype=bool)
    x, y, w = data.x, data.y, data.w
    f_statistic = mean_f_statistic(data, correlation)
    if correlation is not None:
        (x, y), singular = whiten((x, y), data.sy, data.used, correlation)
        w = data.used.astype(float)
    if delta_psi is not None:
        w = _delta_weights(data, delta_psi)
    if penalized:
        distance = w * (y - masked_median(y / x, data.used)[:, np.newaxis] * x) ** 2
        w = _penalize(w, distance, factor=100 if delta_psi is None else 20)
    fit = _fit((x,), y, w, robust=robust)
    single = data.n == 1
    residual_se = np.where(single, 1.0, fit.residual_se)
    return build_result(
        data,
        b=fit.coef[:, 0],
        se=fit.unit_se[:, 0] * np.where(has_random_effects(model, data.n), np.maximum(1, residual_se), 1),
        minimum=1,
        alpha=alpha,
        problems=(
            ("singular_correlation", singular),
            ("zero_scale", _has_no_scale(fit)),
        ),
        distribution=distribution,
        df=data.n - 1,
        residual_se=residual_se,
        q=np.full(len(data.n), np.nan) if penalized else np.where(single, np.nan, fit.df * residual_se**2),
        q_df=fit.df,
        f_statistic=f_statistic,
    )


def egger(
    beta_exposure: ArrayLike,
    se_exposure: ArrayLike,
    beta_outcome: ArrayLike,
    se_outcome: ArrayLike,
    used: ArrayLike | None = None,
    *,
    robust: bool = False,
    penalized: bool = False,
    correlation: ArrayLike | None = None,
    distribution: str = "normal",
    alpha: float = 0.05,
) -> MRResult:
    """MR-Egger: the same regression with an intercept, after coding exposure effects positive.

    Parameters
    ----------
    beta_exposure, se_exposure, beta_outcome, se_outcome : array_like, (loci, instruments) or 1-D
        Effects and standard errors.
    used : array_like of bool, same shape, optional
        Instruments that exist; missing numbers are left out as well.
    robust : bool
        MM-regression instead of least squares (what R's ``mr_egger(robust = TRUE)`` asks of
        ``robustbase::lmrob``).
    penalized : bool
        Down-weight instruments that lie far from the plain fit (p below 1 %), then refit.
    correlation : array_like, (instruments, instruments) or (loci, instruments, instruments), optional
        Correlation (LD) of the instruments: generalized least squares.
    distribution : {"normal", "t"}
        t has n - 2 degrees of freedom, with the rule for underdispersed loci described in
        :func:`seqaudit.inference.mr.common.limits`.
    alpha : float
        One minus the level of the confidence interval.

    Returns
    -------
    MRResult
        With ``intercept`` and its se, limits and p value, and ``i2_gx`` (not for correlated
        instruments). An exposure effect of exactly 0 counts as positive.

    Sources
    -------
    Bowden, Davey Smith, Burgess 2015; Bowden et al. 2016 (I2_GX); Rees et al. 2019 (robust,
    penalized); Burgess, Thompson 2017 (limits).
    """
    effects = check_effects(beta_exposure, se_exposure, beta_outcome, se_outcome, used)
    correlation = _check_regression("egger", effects, correlation, distribution, alpha, robust or penalized)
    return map_loci(
        _egger,
        effects,
        correlation=correlation,
        robust=robust,
        penalized=penalized,
        distribution=distribution,
        alpha=alpha,
    )


def _egger(data: Instruments, *, robust, penalized, distribution, alpha, correlation=None) -> MRResult:
    singular = np.zeros(len(data.n), dtype=bool)
    # Flipping an instrument to a positive exposure effect flips its row of the design:
    # regressing y on (sign, x) is the same fit as regressing the flipped y on (1, |x|).
    sign = np.where(data.x < 0, -1.0, 1.0)
    x, y, w = data.x, data.y, data.w
    f_statistic = mean_f_statistic(data, correlation)
    if correlation is not None:
        (sign, x, y), singular = whiten((sign, x, y), data.sy, data.used, correlation)
        w = data.used.astype(float)
    columns = (sign, x)
    if penalized:
        plain = weighted_least_squares(columns, y, w)
        distance = w * (y - plain.coef[:, :1] * sign - plain.coef[:, 1:] * x) ** 2
        w = _penalize(w, distance, factor=100)
    fit = _fit(columns, y, w, robust=robust)
    intercept_se, se = (fit.unit_se * np.maximum(1, fit.residual_se)[:, np.newaxis]).T
    nothing = np.full(len(data.n), np.nan)
    return build_result(
        data,
        b=fit.coef[:, 1],
        se=se,
        minimum=3,
        alpha=alpha,
        problems=(
            ("singular_correlation", singular),
            ("no_exposure_variation", fit.singular),
            ("zero_scale", _has_no_scale(fit)),
        ),
        distribution=distribution,
        df=data.n - 2,
        residual_se=fit.residual_se,
        egger_rule=True,
        q=nothing if penalized else residual_sum(columns, fit.coef, y, w),
        q_df=data.n - 2,
        intercept=fit.coef[:, 0],
        intercept_se=intercept_se,
        i2_gx=nothing if correlation is not None else i2_of_exposure(data),
        f_statistic=f_statistic,
    )


def wald_mean(
    beta_exposure: ArrayLike,
    se_exposure: ArrayLike,
    beta_outcome: ArrayLike,
    se_outcome: ArrayLike,
    used: ArrayLike | None = None,
    *,
    distribution: str = "normal",
    alpha: float = 0.05,
) -> MRResult:
    """Unweighted mean of the Wald ratios ``beta_outcome / beta_exposure`` (DeepMR's baseline).

    The standard error is the standard deviation of the ratios over the square root of their
    number; instruments with an exposure effect of 0 have no ratio and are left out. t limits
    have n - 1 degrees of freedom. At least two ratios are needed.
    """
    effects = check_effects(beta_exposure, se_exposure, beta_outcome, se_outcome, used)
    _check_regression("wald_mean", effects, None, distribution, alpha, False)
    return map_loci(_wald_mean, effects, distribution=distribution, alpha=alpha)


def _wald_mean(data: Instruments, *, distribution, alpha) -> MRResult:
    has_ratio = data.used & (data.x != 0)
    ratio = np.where(has_ratio, data.y / data.x, 0.0)
    count = has_ratio.sum(axis=1)
    mean = ratio.sum(axis=1) / count
    spread = np.where(has_ratio, ratio - mean[:, np.newaxis], 0.0)
    sd = np.sqrt(row_sum(spread, spread) / (count - 1))
    return build_result(
        data._replace(n=np.where(data.invalid_se, data.n, count)),
        b=mean,
        se=sd / np.sqrt(count),
        minimum=2,
        alpha=alpha,
        distribution=distribution,
        df=count - 1,
        f_statistic=row_sum(has_ratio, (data.x / data.sx) ** 2) / count,
    )


def has_random_effects(model: str, n: np.ndarray) -> np.ndarray:
    """Return for which loci the model lets heterogeneity widen intervals, ``(loci,)`` booleans."""
    return n >= (4 if model == "default" else 0 if model == "random" else np.inf)


def i2_of_exposure(data: Instruments) -> np.ndarray:
    """Return I2_GX: the share of the spread of ``|x| / sy`` that is not noise, ``(loci,)``."""
    size, w = np.abs(data.x) / data.sy, np.where(data.used, (data.sy / data.sx) ** 2, 0.0)
    spread = size - (row_sum(w, size) / w.sum(axis=1))[:, np.newaxis]
    q = row_sum(w, spread, spread)
    return np.maximum(0, (q - (data.n - 1)) / q)


def _fit(columns, y, w, *, robust: bool) -> Fit:
    return mm_regression(columns, y, w) if robust else weighted_least_squares(columns, y, w)


def _has_no_scale(fit: Fit) -> np.ndarray:
    """Loci at which MM-regression found most instruments on one line, ``(loci,)`` booleans."""
    return (fit.residual_se == 0) & np.isnan(fit.unit_se[:, -1]) & np.isfinite(fit.coef[:, -1])


def _delta_weights(data: Instruments, psi: float) -> np.ndarray:
    slope = data.y / data.x
    variance = data.sy**2 + (slope * data.sx) ** 2 - 2 * psi * slope * data.sx * data.sy
    # Without an exposure effect the variance is infinite (or 0/0): such an instrument says nothing.
    return np.where(data.used & (data.x != 0), 1 / variance, 0.0)


def _penalize(w: np.ndarray, distance: np.ndarray, *, factor: float) -> np.ndarray:
    """Shrink the weights of instruments with a tail probability below ``1 / factor``."""
    return w * np.minimum(1, factor * erfc(np.sqrt(distance / 2)))


def _check_regression(method, effects: Effects, correlation, distribution, alpha, reweighted):
    check_choice(method, "distribution", distribution, DISTRIBUTIONS)
    check_range(method, "alpha", alpha, 0, 1)
    if correlation is None:
        return None
    if reweighted:
        raise SeqauditError(
            f"mr: {method} cannot combine a correlation matrix with robust or penalized weights. "
            "Drop one of the two."
        )
    loci, width = effects.beta_exposure.shape
    correlation = np.asarray(correlation, dtype=np.float64)
    if not correlation.size:
        return None
    if correlation.shape not in ((width, width), (loci, width, width)):
        raise SeqauditError(
            f"mr: {method} got a correlation of shape {correlation.shape}, expected {(width, width)} for all "
            f"loci or {(loci, width, width)}."
        )
    if not np.allclose(correlation, np.swapaxes(correlation, -1, -2), rtol=0, atol=1e-8, equal_nan=True):
        raise SeqauditError(f"mr: {method} got a correlation matrix that is not symmetric.")
    return correlation

"""Debiased and penalized IVW: many weak instruments without the bias towards 0."""

import numpy as np
from numpy.typing import ArrayLike

from seqaudit.inference.mr.common import (
    Instruments,
    build_result,
    check_effects,
    check_range,
    extend_result,
    map_loci,
)
from seqaudit.inference.mr.kernels import row_sum

DebiasedResult = extend_result(
    __name__,
    "DebiasedResult",
    "Debiased or penalized inverse-variance weighted estimates.",
    condition="effective strength of the instruments; dIVW wants more than 20, pIVW more than 5",
)


def divw(
    beta_exposure: ArrayLike,
    se_exposure: ArrayLike,
    beta_outcome: ArrayLike,
    se_outcome: ArrayLike,
    used: ArrayLike | None = None,
    *,
    overdispersion: bool = True,
    alpha: float = 0.05,
) -> DebiasedResult:
    """Debiased IVW: the exposure effects' error variance taken out of the denominator.

    Parameters
    ----------
    beta_exposure, se_exposure, beta_outcome, se_outcome : array_like, (loci, instruments) or 1-D
        Effects and standard errors.
    used : array_like of bool, same shape, optional
        Instruments that exist; missing numbers are left out as well.
    overdispersion : bool
        Whether balanced pleiotropy adds its variance ``tau2`` (not below 0) to the outcome's.
    alpha : float
        One minus the level of the confidence interval.

    Returns
    -------
    DebiasedResult

    Sources
    -------
    Ye, Shao, Kang 2021.
    """
    return _debiased(
        "divw", beta_exposure, se_exposure, beta_outcome, se_outcome, used, 0.0, overdispersion, alpha
    )


def pivw(
    beta_exposure: ArrayLike,
    se_exposure: ArrayLike,
    beta_outcome: ArrayLike,
    se_outcome: ArrayLike,
    used: ArrayLike | None = None,
    *,
    penalty: float = 1.0,
    overdispersion: bool = True,
    alpha: float = 0.05,
) -> DebiasedResult:
    """Penalized IVW: dIVW with a denominator that is kept away from 0.

    Parameters
    ----------
    penalty : float
        Weight lambda of the penalty; 0 is dIVW.

    Other parameters and the result are those of :func:`divw`.

    Sources
    -------
    Xu, Wang, Fung, Liu 2023.
    """
    check_range("pivw", "penalty", penalty, 0, np.inf, closed=True)
    return _debiased(
        "pivw", beta_exposure, se_exposure, beta_outcome, se_outcome, used, penalty, overdispersion, alpha
    )


def _debiased(
    method, beta_exposure, se_exposure, beta_outcome, se_outcome, used, penalty, overdispersion, alpha
):
    check_range(method, "alpha", alpha, 0, 1)
    effects = check_effects(beta_exposure, se_exposure, beta_outcome, se_outcome, used)
    return map_loci(_kernel, effects, penalty=penalty, overdispersion=overdispersion, alpha=alpha)


def _kernel(data: Instruments, *, penalty, overdispersion, alpha) -> DebiasedResult:
    x, y, w, used = data.x, data.y, data.w, data.used
    x_variance, y_variance = np.where(used, data.sx**2, 0.0), data.sy**2
    numerator = row_sum(w, x, y)
    denominator = row_sum(w, x**2 - x_variance)
    if penalty:
        variance = row_sum(w**2, x_variance, 4 * (x**2 - x_variance) + 2 * x_variance)
        covariance = 2 * row_sum(w**2, x * y, x_variance)
        kept_away = denominator / 2 + np.sign(denominator) * np.sqrt(denominator**2 / 4 + penalty * variance)
        # Without error of the exposure there is nothing to keep away from: 0 / 0 stays dIVW.
        ratio = np.divide(covariance, variance, out=np.zeros_like(variance), where=variance != 0)
        numerator = numerator + ratio * (kept_away - denominator)
        denominator = kept_away
    b = numerator / denominator
    slope = b[:, np.newaxis]
    tau2 = np.zeros_like(b)
    if overdispersion:
        excess = (y - slope * x) ** 2 - y_variance - slope**2 * x_variance
        tau2 = np.maximum(0, row_sum(w, excess) / w.sum(axis=1))
    score = w * x**2 * (1 + tau2[:, np.newaxis] * w) + slope**2 * w**2 * x_variance * (x**2 + x_variance)
    result = build_result(
        data,
        b=b,
        se=np.sqrt(score.sum(axis=1)) / np.abs(denominator),
        minimum=1,
        alpha=alpha,
        tau2=tau2,
    )
    condition = (result.f_statistic - 1) * np.sqrt(data.n)
    return DebiasedResult(*result, condition)

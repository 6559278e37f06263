"""Maximum likelihood: errors of both sides, the instruments' true effects profiled out."""

import numpy as np
from numpy.typing import ArrayLike

from seqaudit.inference.mr.common import (
    DISTRIBUTIONS,
    Instruments,
    MRResult,
    build_result,
    check_choice,
    check_effects,
    check_range,
    map_loci,
)
from seqaudit.inference.mr.profile import LOSSES, curvature, global_minimum, objective
from seqaudit.inference.mr.regression import MODELS, has_random_effects


def maxlik(
    beta_exposure: ArrayLike,
    se_exposure: ArrayLike,
    beta_outcome: ArrayLike,
    se_outcome: ArrayLike,
    used: ArrayLike | None = None,
    *,
    model: str = "default",
    distribution: str = "normal",
    alpha: float = 0.05,
) -> MRResult:
    """Maximum likelihood estimate, at the true optimum.

    The true exposure effects have a closed form given the causal effect; what is left,
    ``Q = sum (y - b x)**2 / (sy**2 + b**2 sx**2)``, is minimised globally. R's ``mr_maxlik``
    searches all of them at once and stops early, often by a large part of a standard error.

    Parameters
    ----------
    beta_exposure, se_exposure, beta_outcome, se_outcome : array_like, (loci, instruments) or 1-D
        Effects and standard errors.
    used : array_like of bool, same shape, optional
        Instruments that exist; missing numbers are left out as well.
    model : {"default", "fixed", "random"}
        As in :func:`ivw`: ``random`` multiplies the se by the residual se where that exceeds 1.
    distribution : {"normal", "t"}
        t has n - 1 degrees of freedom.
    alpha : float
        One minus the level of the confidence interval.

    Returns
    -------
    MRResult
        ``no_finite_solution`` where the likelihood keeps growing with the effect.

    Sources
    -------
    Thompson, Minelli, Abrams, Tobin, Riley 2005; Burgess, Butterworth, Thompson 2013.
    """
    check_choice("maxlik", "model", model, MODELS)
    check_choice("maxlik", "distribution", distribution, DISTRIBUTIONS)
    check_range("maxlik", "alpha", alpha, 0, 1)
    effects = check_effects(beta_exposure, se_exposure, beta_outcome, se_outcome, used)
    return map_loci(_maxlik, effects, model=model, distribution=distribution, alpha=alpha)


def _maxlik(data: Instruments, *, model, distribution, alpha) -> MRResult:
    loss = LOSSES["l2"]
    b, unbounded = global_minimum(data, loss)
    q, single = 2 * objective(data, loss, b), data.n == 1
    residual_se = np.where(single, 1.0, np.sqrt(q / (data.n - 1)))
    scale = np.where(has_random_effects(model, data.n), np.maximum(1, residual_se), 1)
    return build_result(
        data,
        b=b,
        se=scale / np.sqrt(curvature(data, loss, b)),
        minimum=1,
        alpha=alpha,
        problems=(("no_finite_solution", unbounded),),
        distribution=distribution,
        df=data.n - 1,
        residual_se=residual_se,
        q=q,
        q_df=data.n - 1,
    )

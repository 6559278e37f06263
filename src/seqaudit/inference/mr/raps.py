"""MR-RAPS: robust adjusted profile scores, for many weak instruments and balanced pleiotropy."""

import functools

import numpy as np
from numpy.typing import ArrayLike

from seqaudit.inference.mr.common import (
    Instruments,
    build_result,
    check_choice,
    check_effects,
    check_range,
    extend_result,
    map_loci,
)
from seqaudit.inference.mr.kernels import falling_root, row_sum
from seqaudit.inference.mr.profile import LOSSES, Loss, global_minimum, local_minimum, residuals, take

_MOST_ROUNDS = 50
_CONVERGED = 1e-12

RapsResult = extend_result(
    __name__,
    "RapsResult",
    "MR-RAPS estimates; ``q`` is the sum of squared standardised residuals.",
    tau2_se="standard error of tau2; NaN for the simple model",
)


def raps(
    beta_exposure: ArrayLike,
    se_exposure: ArrayLike,
    beta_outcome: ArrayLike,
    se_outcome: ArrayLike,
    used: ArrayLike | None = None,
    *,
    overdispersion: bool = True,
    loss: str = "huber",
    alpha: float = 0.05,
) -> RapsResult:
    """Robust adjusted profile score estimate.

    Parameters
    ----------
    beta_exposure, se_exposure, beta_outcome, se_outcome : array_like, (loci, instruments) or 1-D
        Effects and standard errors.
    used : array_like of bool, same shape, optional
        Instruments that exist; missing numbers are left out as well.
    overdispersion : bool
        Whether direct effects of variance ``tau2`` around 0 are estimated along with the effect.
    loss : {"huber", "tukey", "l2"}
        Loss of standardised residuals; the first two bound the influence of outliers.
    alpha : float
        One minus the level of the confidence interval.

    Returns
    -------
    RapsResult
        ``no_finite_solution`` where the likelihood keeps growing with the effect;
        ``not_converged`` where the two equations have no common root (with ``tukey``, when a
        larger tau2 turns outliers into ordinary instruments and back).

    Notes
    -----
    The simple estimate is the global minimum. With overdispersion the effect (minimum at a given
    tau2) and tau2 (root of its own score, 0 if that is negative there) alternate to their fixed
    point: with squared loss from the simple estimate, with others from that of squared loss.
    Where they go round in a circle, both equations are solved at once.
    R's mr.raps 0.4.2 standardises every residual by the largest variance in the robust
    overdispersed case; this is the estimator as published.

    Sources
    -------
    Zhao, Wang, Hemani, Bowden, Small 2020, equations 3.5 to 5.12.
    """
    check_choice("raps", "loss", loss, ("huber", "tukey", "l2"))
    check_range("raps", "alpha", alpha, 0, 1)
    effects = check_effects(beta_exposure, se_exposure, beta_outcome, se_outcome, used)
    return map_loci(_raps, effects, overdispersion=overdispersion, loss=loss, alpha=alpha)


def _raps(data: Instruments, *, overdispersion, loss, alpha) -> RapsResult:
    loss_l2, loss = LOSSES["l2"], LOSSES[loss]
    b, unbounded = global_minimum(data, loss_l2 if overdispersion else loss)
    tau2, converged = np.zeros_like(b), np.ones(len(b), dtype=bool)
    if overdispersion:
        b, tau2, converged = _alternate(data, loss_l2, b, tau2)
        if loss is not loss_l2:
            start = b
            b, tau2, converged = _alternate(data, loss, b, tau2)
            lost = np.flatnonzero(~converged)
            if len(lost):
                b[lost], tau2[lost], converged[lost] = _profile_root(take(data, lost), loss, start[lost])
    se, tau2_se = _standard_errors(data, loss, b, tau2, overdispersion)
    t = residuals(data, b, tau2)
    result = build_result(
        data,
        b=b,
        se=se,
        minimum=1,
        alpha=alpha,
        problems=(("no_finite_solution", unbounded), ("not_converged", ~converged)),
        q=row_sum(t, t),
        q_df=data.n - 1,
        tau2=tau2 if overdispersion else None,
    )
    known = np.isfinite(result.b) & overdispersion
    return RapsResult(*result, np.where(known, tau2_se, np.nan))


def _alternate(data: Instruments, loss: Loss, b: np.ndarray, tau2: np.ndarray):
    """Fixed point of effect given tau2 and tau2 given effect, and whether there is one, ``(loci,)``.

    Every third value of tau2 is Aitken's extrapolation of the two before, where that makes sense.
    """
    all_b, all_tau2 = b.copy(), tau2.copy()
    index = np.arange(len(b))
    for _ in range(_MOST_ROUNDS):
        start = tau2
        b = local_minimum(data, loss, b, start)
        once = _tau2_root(data, loss, b, start)
        b = local_minimum(data, loss, b, once)
        twice = _tau2_root(data, loss, b, once)
        bend = twice - 2 * once + start
        aitken = start - (once - start) ** 2 / bend
        sensible = (
            np.isfinite(aitken) & (aitken >= 0) & (np.abs(aitken - twice) <= 100 * np.abs(twice - once))
        )
        tau2 = np.where(sensible, aitken, twice)
        all_b[index], all_tau2[index] = b, twice
        moving = np.abs(twice - start) > _CONVERGED * _outcome_variance(data)
        index, b, tau2, data = index[moving], b[moving], tau2[moving], take(data, moving)
        if not len(index):
            break
    converged = np.ones(len(all_b), dtype=bool)
    converged[index] = False
    return all_b, all_tau2, converged


def _tau2_root(data: Instruments, loss: Loss, b: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Where the score of tau2 crosses 0 at given effects, and 0 if it starts below, ``(loci,)``."""
    nothing = np.zeros_like(b)
    arrays = _score_arrays(data, b)
    positive = _tau2_score(loss, nothing, *arrays)[0] > 0
    # Beyond this every squared residual is below delta, and so is t psi(t).
    high = arrays[0].max(axis=1) / loss.delta
    root = nothing.copy()
    root[positive] = falling_root(
        functools.partial(_tau2_score, loss),
        start[positive].clip(max=high[positive]),
        nothing[positive],
        high[positive],
        _CONVERGED * _outcome_variance(data)[positive],
        [values[positive] for values in arrays],
    )
    return root


def _profile_root(data: Instruments, loss: Loss, start: np.ndarray):
    """Effect and tau2 that solve both equations at once, and whether they do, ``(loci,)`` each.

    For the loci at which alternating goes round in a circle: the score of tau2, with the effect
    that goes with each tau2, is followed to where it crosses 0.
    """

    def score(tau2, locus):
        part = take(data, locus)
        value, _ = _tau2_score(
            loss, tau2, *_score_arrays(part, local_minimum(part, loss, start[locus], tau2))
        )
        return value, np.full_like(value, np.nan)  # halve the range: the effect moves along

    high = 4 * _score_arrays(data, start)[0].max(axis=1) / loss.delta
    tolerance = _CONVERGED * _outcome_variance(data)
    tau2 = falling_root(score, high / 2, np.zeros_like(high), high, tolerance, (np.arange(len(start)),))
    b = local_minimum(data, loss, start, tau2)
    value, slope = _tau2_score(loss, tau2, *_score_arrays(data, b))
    return b, tau2, np.abs(value) <= 1e-6 * np.abs(slope) * (tau2 + _outcome_variance(data))


def _score_arrays(data: Instruments, b: np.ndarray):
    """Squared residuals, their variances without pleiotropy, and their weights in the score of tau2."""
    slope = b[:, np.newaxis]
    variance = data.sy**2 + (slope * data.sx) ** 2
    return (data.y - slope * data.x) ** 2, variance, np.where(data.used, data.sx**2, 0.0)


def _tau2_score(loss: Loss, tau2, squared, variance, weight):
    """Score of tau2 and its slope, ``(loci,)`` each."""
    v = variance + tau2[:, np.newaxis]
    t = np.sqrt(squared / v)
    excess = t * loss.psi(t) - loss.delta
    fall = 1.5 * excess + 0.5 * loss.delta + 0.5 * t**2 * loss.slope(t)
    return row_sum(weight, excess, 1 / v), -row_sum(weight, fall, 1 / v**2)


def _outcome_variance(data: Instruments) -> np.ndarray:
    """Mean squared standard error of the outcome: the unit in which tau2 is small or large."""
    return np.where(data.used, data.sy**2, 0.0).sum(axis=1) / data.n


def _standard_errors(data: Instruments, loss: Loss, b, tau2, overdispersion: bool):
    """Standard errors of effect and tau2: the sandwich of the two scores."""
    shared = np.where(data.used, data.sx**2, 0.0)
    own = data.sy**2 + tau2[:, np.newaxis]
    v = own + (b[:, np.newaxis] * data.sx) ** 2
    precision = np.where(data.used, 1 / v**2, 0.0)
    strength = row_sum(precision, (data.x**2 - shared) * own + (data.y**2 - own) * shared)
    effect_variance = loss.c1 * (strength + row_sum(precision, shared, own))
    shared_sum = row_sum(precision, shared)
    tau2_variance = loss.c2 * row_sum(precision, shared, shared)
    tau2_slope = 0.5 * (loss.delta + loss.c3) * shared_sum
    simple = effect_variance / (loss.delta * strength) ** 2
    # The score of the effect also depends on tau2: the inverse of a triangular 2 x 2 matrix.
    spill = overdispersion * loss.delta * b * shared_sum / (loss.delta * strength * tau2_slope)
    return np.sqrt(simple + spill**2 * tau2_variance), np.sqrt(tau2_variance) / tau2_slope

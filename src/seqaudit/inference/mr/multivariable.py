"""Multivariable MR: direct effects of several exposures on one outcome."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from seqaudit.errors import SeqauditError
from seqaudit.inference.mr.common import (
    DISTRIBUTIONS,
    check_choice,
    check_range,
    chi_square_tail,
    judge,
    limits,
    map_loci,
)
from seqaudit.inference.mr.kernels import Fit, residual_sum, row_sum, weighted_least_squares
from seqaudit.inference.mr.regression import MODELS, has_random_effects


class MultivariableResult(NamedTuple):
    """Direct effects per locus; arrays ``(loci, exposures)`` for b to conditional_f, else ``(loci,)``."""

    b: np.ndarray
    """Change of the outcome per unit of an exposure, the other exposures held."""
    se: np.ndarray
    ci_low: np.ndarray
    ci_high: np.ndarray
    pval: np.ndarray
    conditional_f: np.ndarray
    """Strength of the instruments for an exposure given the others; below 10 is weak."""
    n_instruments: np.ndarray
    q: np.ndarray
    q_df: np.ndarray
    q_pval: np.ndarray
    status: np.ndarray
    residual_se: np.ndarray
    intercept: np.ndarray
    """Mean direct effect of an instrument (Egger), NaN for IVW."""
    intercept_se: np.ndarray
    intercept_pval: np.ndarray


class _Effects(NamedTuple):
    beta_exposure: np.ndarray
    se_exposure: np.ndarray
    beta_outcome: np.ndarray
    se_outcome: np.ndarray
    used: np.ndarray

    def rows(self, loci) -> "_Effects":
        return _Effects(*(values[loci] for values in self))


class _Instruments(NamedTuple):
    """As the univariable ones, with ``x`` and ``sx`` as ``(loci, instruments, exposures)``."""

    x: np.ndarray
    sx: np.ndarray
    y: np.ndarray
    w: np.ndarray
    used: np.ndarray
    n: np.ndarray
    invalid_se: np.ndarray
    flat: np.ndarray


def mv_ivw(
    beta_exposure: ArrayLike,
    se_exposure: ArrayLike,
    beta_outcome: ArrayLike,
    se_outcome: ArrayLike,
    used: ArrayLike | None = None,
    *,
    model: str = "default",
    exposure_correlation: ArrayLike | None = None,
    distribution: str = "normal",
    alpha: float = 0.05,
) -> MultivariableResult:
    """Multivariable IVW: outcome effects on all exposures' effects, through the origin.

    Parameters
    ----------
    beta_exposure, se_exposure : array_like, (loci, instruments, exposures) or 2-D for one locus
        Effects of the instruments on every exposure.
    beta_outcome, se_outcome : array_like, (loci, instruments) or 1-D
        Effects on the outcome.
    used : array_like of bool, as beta_outcome, optional
        Instruments that exist; those with a missing number are left out as well.
    model : {"default", "fixed", "random"}
        As in :func:`seqaudit.inference.mr.ivw`.
    exposure_correlation : array_like, (exposures, exposures), optional
        Correlation of the exposures' estimation errors (0 without shared samples), for the
        conditional F statistics.
    distribution : {"normal", "t"}
        t has (instruments - exposures) degrees of freedom.
    alpha : float
        One minus the level of the confidence interval.

    Returns
    -------
    MultivariableResult
        ``collinear_exposures`` where one exposure's effects are a combination of the others'.

    Sources
    -------
    Burgess, Thompson 2015; Sanderson, Spiller, Bowden 2021 (conditional F).
    """
    check_choice("mv_ivw", "model", model, MODELS)
    arrays = (beta_exposure, se_exposure, beta_outcome, se_outcome, used)
    return _run("mv_ivw", arrays, exposure_correlation, distribution, alpha, model=model, orientate=None)


def mv_egger(
    beta_exposure: ArrayLike,
    se_exposure: ArrayLike,
    beta_outcome: ArrayLike,
    se_outcome: ArrayLike,
    used: ArrayLike | None = None,
    *,
    orientate: int = 0,
    exposure_correlation: ArrayLike | None = None,
    distribution: str = "normal",
    alpha: float = 0.05,
) -> MultivariableResult:
    """Multivariable MR-Egger: with an intercept, instruments coded positive for one exposure.

    Parameters
    ----------
    orientate : int
        Exposure (counted from 0) whose effects are made positive.

    Other parameters and the result are those of :func:`mv_ivw`; t has (instruments - exposures
    - 1) degrees of freedom.

    Sources
    -------
    Rees, Wood, Burgess 2017.
    """
    arrays = (beta_exposure, se_exposure, beta_outcome, se_outcome, used)
    return _run(
        "mv_egger", arrays, exposure_correlation, distribution, alpha, model="random", orientate=orientate
    )


def _run(
    method, arrays, exposure_correlation, distribution, alpha, *, model, orientate
) -> MultivariableResult:
    check_choice(method, "distribution", distribution, DISTRIBUTIONS)
    check_range(method, "alpha", alpha, 0, 1)
    effects = _check(method, *arrays)
    exposures = effects.beta_exposure.shape[2]
    if orientate is not None:
        check_choice(method, "orientate", orientate, tuple(range(exposures)))
    if exposure_correlation is None:
        exposure_correlation = np.eye(exposures)
    correlation = np.asarray(exposure_correlation, dtype=np.float64)
    if correlation.shape != (exposures, exposures):
        raise SeqauditError(
            f"mr: {method} got an exposure_correlation of shape {correlation.shape}, expected "
            f"{(exposures, exposures)}, one row and column per exposure."
        )
    return map_loci(
        _kernel,
        effects,
        prepare=_usable,
        model=model,
        orientate=orientate,
        exposure_correlation=correlation,
        distribution=distribution,
        alpha=alpha,
    )


def _check(method, beta_exposure, se_exposure, beta_outcome, se_outcome, used) -> _Effects:
    x, sx, y, sy = (
        np.asarray(values, dtype=np.float64)
        for values in (beta_exposure, se_exposure, beta_outcome, se_outcome)
    )
    used = np.ones(y.shape, dtype=bool) if used is None else np.asarray(used, dtype=bool)
    if y.ndim == 1:
        x, sx, y, sy, used = (values[np.newaxis] for values in (x, sx, y, sy, used))
    expected = {"beta_exposure": y.shape, "se_exposure": x.shape[:2], "se_outcome": y.shape, "used": y.shape}
    got = {
        "beta_exposure": x.shape[:2],
        "se_exposure": sx.shape[:2],
        "se_outcome": sy.shape,
        "used": used.shape,
    }
    wrong = [name for name in expected if got[name] != expected[name]]
    if wrong or x.ndim != 3 or sx.shape != x.shape or y.ndim != 2:
        raise SeqauditError(
            f"mr: {method} got beta_exposure {x.shape}, se_exposure {sx.shape}, beta_outcome {y.shape}, "
            f"se_outcome {sy.shape} and used {used.shape}; expected (loci, instruments, exposures) for the "
            "first two and (loci, instruments) for the others, or one dimension less for a single locus."
        )
    return _Effects(x, sx, y, sy, used)


def _usable(effects: _Effects) -> _Instruments:
    x, sx, y, sy, used = effects
    used = used & np.isfinite(x).all(axis=2) & np.isfinite(sx).all(axis=2) & np.isfinite(y) & np.isfinite(sy)
    invalid_se = (used & ((sy <= 0) | (sx < 0).any(axis=2))).any(axis=1)
    n = used.sum(axis=1)
    used = used & ~invalid_se[:, np.newaxis]
    x, sx = np.where(used[:, :, np.newaxis], x, 0.0), np.where(used[:, :, np.newaxis], sx, 1.0)
    flat = (n > 0) & ~invalid_se & ~x.any(axis=(1, 2))
    w = np.where(used, 1 / np.where(used, sy, 1.0) ** 2, 0.0)
    return _Instruments(x, sx, np.where(used, y, 0.0), w, used, n, invalid_se, flat)


def _kernel(
    data: _Instruments, *, model, orientate, exposure_correlation, distribution, alpha
) -> MultivariableResult:
    columns = list(np.moveaxis(data.x, 2, 0))
    exposures = len(columns)
    if orientate is not None:
        # Regressing y on (sign, x) is regressing the flipped y on (1, flipped x).
        columns.append(np.where(columns[orientate] < 0, -1.0, 1.0))
    fit = weighted_least_squares(columns, data.y, data.w)
    df = data.n - len(columns)
    scale = np.where(has_random_effects(model, data.n) & (fit.df > 0), np.fmax(1, fit.residual_se), 1)
    se = fit.unit_se * scale[:, np.newaxis]
    finite = np.isfinite(fit.coef).all(axis=1) & np.isfinite(se).all(axis=1)
    status, blank = judge(
        data, len(columns) + (orientate is not None), (("collinear_exposures", fit.singular),), finite
    )
    low, high, pval = limits(fit.coef, se, alpha=alpha, distribution=distribution, df=df[:, np.newaxis])
    q = residual_sum(columns, fit.coef, data.y, data.w)
    q = np.where(df > 0, q, np.nan)
    nothing = np.full(len(data.n), np.nan)
    per_exposure = [values[:, :exposures] for values in (fit.coef, se, low, high, pval)]
    intercept = [values[:, -1] if orientate is not None else nothing for values in (fit.coef, se, pval)]
    numbers = [
        *per_exposure,
        _conditional_f(data, exposure_correlation),
        data.n,
        q,
        df,
        chi_square_tail(q, df),
        status,
        fit.residual_se,
        *intercept,
    ]
    kept = {"n_instruments", "status"}
    return MultivariableResult(
        *(
            values if name in kept else np.where(blank.reshape(-1, *[1] * (values.ndim - 1)), np.nan, values)
            for name, values in zip(MultivariableResult._fields, numbers, strict=True)
        )
    )


def _conditional_f(data: _Instruments, correlation: np.ndarray) -> np.ndarray:
    """Two-sample conditional F statistics, ``(loci, exposures)``.

    What the other exposures cannot explain of an exposure's effects, in units of its error.
    """
    exposures = data.x.shape[2]
    result = np.empty((len(data.n), exposures))
    for k in range(exposures):
        others = [m for m in range(exposures) if m != k]
        contrast = np.zeros((len(data.n), exposures))
        contrast[:, k] = 1.0
        if others:
            fit: Fit = weighted_least_squares(
                [data.x[:, :, m] for m in others], data.x[:, :, k], data.used.astype(float)
            )
            contrast[:, others] = -fit.coef
        scaled = data.sx * contrast[:, np.newaxis, :]
        variance = np.einsum("lnk,km,lnm->ln", scaled, correlation, scaled)
        unexplained = np.einsum("lnk,lk->ln", data.x, contrast)
        result[:, k] = row_sum(unexplained**2 / variance, data.used) / (data.n - len(others))
    return result

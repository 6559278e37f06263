"""Main effects only: the additive model from which data without interactions are simulated.

Every feature has a smooth curve (cubic B-splines, or one value per level if it has few), all
fitted together. Penalties on curvature are found by restricted maximum likelihood with the
update of Wood and Fasiolo (2017, Biometrics 73). The link is the identity, also for counts,
because interactions are asked for on the scale of the target.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.interpolate import BSpline
from scipy.linalg import cho_factor, cho_solve, null_space

from seqaudit.data.features import check_features
from seqaudit.errors import SeqauditError

FAMILIES = ("gaussian", "poisson")
NOISES = ("parametric", "overdispersed", "permuted", "wild")

_DEGREE = 3
_MOST_LEVELS = 32  # a feature with at most so many values has one coefficient for each
_MAX_ROUNDS = 100
_SETTLED = 1e-3  # change of the effective degrees of freedom that ends the search
_PENALTIES = (1e-9, 1e15)  # range of the search, relative to squared second derivatives
_CLOSEST_KNOTS = 1e-3  # of the range of a feature
_RIDGE = 1e-8  # decides between features that say the same, such as x2 = x3 + 2 x4
_SMALLEST_MEAN = 0.01  # of the mean count: with an identity link a fit can leave the range of means
_ROWS_PER_BLOCK = 8192


class Curve(NamedTuple):
    """Columns of one feature in the design: a straight line, and independent ways to bend.

    Attributes
    ----------
    columns : callable
        Values of the feature, shape (n,), to columns, shape (n, k), centred over the points
        of the fit. Beyond their range the outermost value counts.
    bends : numpy.ndarray of bool, shape (k,)
        Which columns bend; each with an integrated squared second derivative of 1 over the
        range of the feature, scaled to [0, 1].
    """

    columns: Callable[[np.ndarray], np.ndarray]
    bends: np.ndarray


@dataclass(frozen=True, eq=False)
class AdditiveFit:
    """Main effects of all features; see :func:`fit_additive`.

    Attributes
    ----------
    family : str
    curves : tuple of Curve
    intercept : float
        Mean of the fitted values.
    coefficients : tuple of numpy.ndarray
        Of every curve.
    fitted, residuals : numpy.ndarray, shape (n,), float64
        Residuals are target minus fitted value.
    dispersion : float
        Residual variance (gaussian), or variance over mean (poisson).
    degrees_of_freedom : numpy.ndarray, shape (features,), float64
        Effective ones of every curve: 1 is a straight line.
    """

    family: str
    curves: tuple[Curve, ...]
    intercept: float
    coefficients: tuple[np.ndarray, ...]
    fitted: np.ndarray
    residuals: np.ndarray
    dispersion: float
    degrees_of_freedom: np.ndarray

    def effects(self, x: np.ndarray) -> np.ndarray:
        """Main effect of every feature, centred over the points of the fit; shape of ``x``."""
        parts = [
            curve.columns(values) @ coefficients
            for curve, coefficients, values in zip(self.curves, self.coefficients, np.asarray(x).T)
        ]
        return np.column_stack(parts)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Expected targets, shape (n,). Counts are never expected below a hundredth of their mean."""
        mean = self.intercept + self.effects(x).sum(axis=1)
        return _as_means(mean, self.intercept) if self.family == "poisson" else mean

    def simulate(self, *, noise: str = "parametric", seed: int) -> np.ndarray:
        """Targets of the points of the fit if there were no interactions.

        Parameters
        ----------
        noise : {"parametric", "overdispersed", "permuted", "wild"}
            Normal with constant variance, or Poisson; counts with the fitted ratio of variance
            to mean (negative binomial); the residuals in another order; every residual with
            its own or the opposite sign, which keeps noise that differs between points. The
            latter two widen residuals by what the fit has taken from them, and are for
            family ``"gaussian"``.
        seed : int

        Returns
        -------
        numpy.ndarray, shape (n,), float64
        """
        if noise not in NOISES:
            raise SeqauditError(f"noise: got '{noise}', expected one of {', '.join(NOISES)}.")
        if (noise == "overdispersed") != (self.family == "poisson") and noise != "parametric":
            raise SeqauditError(
                f"noise: '{noise}' does not go with family '{self.family}'; 'overdispersed' is for counts, "
                "'permuted' and 'wild' are for gaussian targets."
            )
        rng = np.random.default_rng(seed)
        if self.family == "poisson":
            if noise == "parametric" or self.dispersion <= 1:
                return rng.poisson(self.fitted).astype(np.float64)
            return rng.negative_binomial(self.fitted / (self.dispersion - 1), 1 / self.dispersion).astype(
                float
            )
        if noise == "parametric":
            return self.fitted + rng.normal(0, np.sqrt(self.dispersion), self.fitted.size)
        centred = self.residuals - self.residuals.mean()
        widened = centred * np.sqrt(self.dispersion / np.mean(centred**2))
        if noise == "permuted":
            return self.fitted + rng.permutation(widened)
        return self.fitted + widened * rng.choice([-1.0, 1.0], self.fitted.size)


def fit_additive(x, y, *, family: str = "gaussian", n_basis: int = 20) -> AdditiveFit:
    """Fit one smooth curve per feature, and no interaction.

    Parameters
    ----------
    x : array_like, shape (n, features)
        Features in any unit. Exact dependencies between features are allowed.
    y : array_like, shape (n,)
        Targets; counts for ``family="poisson"``.
    family : {"gaussian", "poisson"}
        Constant variance, or variance proportional to the mean. The link is the identity.
    n_basis : int
        Spline functions of a feature with more than 32 values, at least 5. How wiggly its
        curve is is found by restricted maximum likelihood, so more do no harm.

    Returns
    -------
    AdditiveFit

    Raises
    ------
    SeqauditError
        Bad features (see :func:`seqaudit.data.features.check_features`), targets that are not
        finite, constant, or no counts; fewer than four points per feature.
    """
    x, y = check_features(x), _check_target(y, family)
    n, d = x.shape
    if len(y) != n or n < 4 * d:
        raise SeqauditError(
            f"additive model: got {n} points with {d} features and {len(y)} targets, expected as many "
            "targets as points, and at least four points per feature."
        )
    if n_basis < _DEGREE + 2:
        raise SeqauditError(f"n_basis: got {n_basis}, expected at least {_DEGREE + 2}.")
    n_basis = min(n_basis, max(_DEGREE + 2, n // (2 * d)))
    curves = tuple(_curve(values, n_basis) for values in x.T)
    blocks = [curve.columns(values) for curve, values in zip(curves, x.T)]
    design = np.column_stack([np.ones(n), *blocks])
    ends = np.cumsum([1, *(block.shape[1] for block in blocks)])
    slices = [slice(*pair) for pair in pairwise(ends)]
    bends = [np.flatnonzero(curve.bends) + where.start for curve, where in zip(curves, slices)]
    beta, influence, dispersion = _penalised_fit(design, y, bends, family)
    mean = design @ beta
    fitted = _as_means(mean, y.mean()) if family == "poisson" else mean
    return AdditiveFit(
        family, curves, float(beta[0]), tuple(beta[s] for s in slices), fitted, y - fitted, dispersion,
        np.array([influence[where].sum() for where in slices]),
    )  # fmt: skip


def _penalised_fit(design, y, bends, family):
    """Coefficients, effective degrees of freedom of every column, and dispersion.

    ``bends`` has the penalised columns of every curve; their squared coefficients share one
    penalty, which is found by restricted maximum likelihood.
    """
    n = len(y)
    strengths = np.ones(len(bends))
    mean = np.full(n, y.mean())
    gram, moment = _normal_equations(design, y, np.ones(n))
    df_before = np.inf
    for _ in range(_MAX_ROUNDS):
        if family == "poisson":
            gram, moment = _normal_equations(design, y, 1 / _as_means(mean, y.mean()))
        added = _RIDGE * np.diag(gram)
        for strength, columns in zip(strengths, bends):
            added[columns] += strength
        inverse = _inverse(gram + np.diag(added))
        beta = inverse @ moment
        mean = design @ beta
        influence = np.einsum("ij,ji->i", inverse, gram)
        dispersion = _dispersion(y, mean, n - influence.sum(), family)
        if abs(influence.sum() - df_before) < _SETTLED:
            break
        df_before = influence.sum()
        for j, columns in enumerate(bends):
            if columns.size:
                free = columns.size - strengths[j] * np.trace(inverse[np.ix_(columns, columns)])
                bent = max(np.sum(beta[columns] ** 2), np.finfo(float).tiny)
                strengths[j] = np.clip(dispersion * max(free, 0) / bent, *_PENALTIES)
    return beta, influence, dispersion


def _inverse(matrix: np.ndarray) -> np.ndarray:
    """Of a positive definite matrix, scaled to a diagonal of 1: penalties differ by many decades."""
    scale = 1 / np.sqrt(np.diag(matrix))
    factor = cho_factor(matrix * np.outer(scale, scale))
    return cho_solve(factor, np.diag(scale)) * scale[:, None]


def _normal_equations(design, y, weights):
    gram = np.zeros((design.shape[1],) * 2)
    for first in range(0, len(y), _ROWS_PER_BLOCK):  # never a weighted copy of the whole design
        rows = slice(first, first + _ROWS_PER_BLOCK)
        gram += design[rows].T @ (design[rows] * weights[rows, None])
    return gram, design.T @ (weights * y)


def _dispersion(y, mean, free: float, family: str) -> float:
    squares = (y - mean) ** 2
    if family == "poisson":
        mean = _as_means(mean, y.mean())
        squares = (y - mean) ** 2 / mean
    return float(max(squares.sum() / max(free, 1.0), np.finfo(float).tiny))


def _as_means(mean: np.ndarray, overall: float) -> np.ndarray:
    return np.maximum(mean, _SMALLEST_MEAN * overall)


def _curve(values: np.ndarray, n_basis: int) -> Curve:
    """Columns and penalty of one feature; constants are taken out, the intercept has them."""
    low, width = values.min(), np.ptp(values)
    levels = np.unique((values - low) / width)
    if len(levels) <= _MOST_LEVELS:
        knots, degree = np.concatenate([levels[:1], levels, levels[-1:]]), 1
        penalty = _level_penalty(levels)
    else:
        inner = _spaced(np.quantile((values - low) / width, np.linspace(0, 1, n_basis - _DEGREE + 1)))
        knots, degree = np.concatenate([[0.0] * _DEGREE, inner, [1.0] * _DEGREE]), _DEGREE
        penalty = _bending_penalty(knots)
    n_columns = len(knots) - degree - 1
    spline = BSpline(knots, np.eye(n_columns), degree)

    def raw(new):
        return spline(np.clip((np.asarray(new, dtype=np.float64) - low) / width, 0, 1))

    centre = raw(values).mean(axis=0)
    free = null_space(centre[None])  # combinations whose mean over the points is 0
    bending, directions = np.linalg.eigh(free.T @ penalty @ free)
    bends = np.arange(len(bending)) > 0  # the first is the straight line
    scaled = directions / np.sqrt(np.where(bends, bending, 1.0))
    combined = free @ scaled
    return Curve(lambda new: (raw(new) - centre) @ combined, bends)


def _spaced(knots: np.ndarray) -> np.ndarray:
    """Sorted knots without those too close to the one before; 0 and 1 stay.

    Penalties grow with the third power of one over the distance of knots: where most values of a
    feature are nearly the same, those of smooth curves would be lost in rounding.
    """
    kept = [0.0]
    for knot in knots:
        if knot - kept[-1] >= _CLOSEST_KNOTS and 1 - knot >= _CLOSEST_KNOTS:
            kept.append(float(knot))
    return np.array([*kept, 1.0])


def _level_penalty(levels: np.ndarray) -> np.ndarray:
    """Squared second divided differences of values at levels, integrated over the range."""
    if len(levels) < 3:
        return np.zeros((len(levels),) * 2)
    steps = np.diff(levels)
    inside = np.arange(len(levels) - 2)
    second = np.zeros((len(levels) - 2, len(levels)))
    second[inside, inside] = 1 / steps[:-1]
    second[inside, inside + 1] = -1 / steps[:-1] - 1 / steps[1:]
    second[inside, inside + 2] = 1 / steps[1:]
    return second.T @ (second * (2 / (steps[:-1] + steps[1:]))[:, None])


def _bending_penalty(knots: np.ndarray) -> np.ndarray:
    """Integral of products of second derivatives, exact: they are linear between knots."""
    n_columns = len(knots) - _DEGREE - 1
    second = BSpline(knots, np.eye(n_columns), _DEGREE).derivative(2)
    nodes, weights = np.polynomial.legendre.leggauss(2)
    edges = np.unique(knots)
    half = np.diff(edges) / 2
    at = (edges[:-1] + half)[:, None] + half[:, None] * nodes
    values = second(at.ravel())
    return values.T @ (values * (half[:, None] * weights).ravel()[:, None])


def _check_target(y, family: str) -> np.ndarray:
    if family not in FAMILIES:
        raise SeqauditError(f"family: got '{family}', expected one of {', '.join(FAMILIES)}.")
    y = np.asarray(y, dtype=np.float64)
    if y.ndim != 1 or not np.isfinite(y).all() or np.ptp(y) == 0:
        raise SeqauditError(
            f"targets: got shape {y.shape} with {int((~np.isfinite(y)).sum())} values that are not finite, "
            "expected a vector of finite numbers that are not all equal."
        )
    if family == "poisson" and (y < 0).any():
        raise SeqauditError(f"targets: got {y.min():g}, expected counts of at least 0 for family 'poisson'.")
    return y

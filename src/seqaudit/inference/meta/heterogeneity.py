"""Between-study variance tau2 of random-effects models, for many groups of studies at once.

The model is ``y ~ N(X beta, v + tau2)`` with known ``v`` and a design ``X`` of an intercept
and at most one moderator. Everything below needs the same few sums at a given tau2, which
``project`` provides; with ``P = W - W X (X'W X)^-1 X'W`` and ``W = diag(1 / (v + tau2))``,

- ``Q(tau2) = y'P y`` decreases in tau2, with derivative ``-y'P P y``;
- the REML score is ``(y'P P y - tr P) / 2``, the ML score ``(y'P P y - tr W) / 2``.

Two facts replace tuning. ``1 / Q`` increases and is concave (Cauchy-Schwarz on y'PPy), so
Newton steps on it from the left never overshoot. And the score is negative beyond a bound
that is known in advance, so all its roots lie on a finite interval and the best one is found.

Studies are rescaled by the smallest standard error before anything is iterated: results do
not depend on the unit of the data.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize.elementwise import find_root
from scipy.special import chdtri

METHODS = {
    "FE": "fixed effect: tau2 = 0",
    "DL": "DerSimonian and Laird 1986, truncated at 0",
    "HE": "Hedges and Olkin 1985, truncated at 0",
    "HS": "Hunter and Schmidt 1990, truncated at 0",
    "SJ": "Sidik and Jonkman 2005, started at the uncorrected variance of the effects",
    "ML": "maximum likelihood, global optimum",
    "REML": "restricted maximum likelihood, global optimum",
    "PM": "Paule and Mandel 1982: Q(tau2) equals its degrees of freedom",
    "EB": "empirical Bayes (Morris 1983); the same equation as PM",
}

# The score is followed at this many points per factor e of tau2. Its terms are smooth on the
# log scale of tau2 (each changes over a factor of several e), so no sign change is skipped.
_POINTS_PER_E_FOLD = 3
_NEWTON_STEPS = 200


class Studies(NamedTuple):
    """Groups of studies on a scale of their own, the most precise study first.

    Attributes
    ----------
    effect : numpy.ndarray, shape (groups, studies)
        ``(b - origin) / scale``; 0 for a study that does not count.
    variance : numpy.ndarray, shape (groups, studies)
        ``(se / scale)**2``, at least 1; infinite for a study that does not count.
    design : tuple of numpy.ndarray
        Columns that broadcast against ``effect``: ones, and the moderator if there is one.
    k : numpy.ndarray, shape (groups,)
        Studies that count.
    origin, scale : numpy.ndarray, shape (groups, 1)
        Effect and standard error of the most precise study.
    moderator_origin, moderator_scale : numpy.ndarray, shape (groups, 1)
        The moderator was shifted and scaled likewise (0 and 1 without one).
    """

    effect: np.ndarray
    variance: np.ndarray
    design: tuple[np.ndarray, ...]
    k: np.ndarray
    origin: np.ndarray
    scale: np.ndarray
    moderator_origin: np.ndarray
    moderator_scale: np.ndarray

    @property
    def df(self) -> np.ndarray:
        """Residual degrees of freedom, shape (groups,)."""
        return self.k - len(self.design)

    def take(self, rows: np.ndarray) -> "Studies":
        """The groups of these rows."""
        design = tuple(column if column.shape[0] == 1 else column[rows] for column in self.design)
        parts = {name: getattr(self, name)[rows] for name in self._fields if name != "design"}
        return Studies(design=design, **parts)


class Projection(NamedTuple):
    """Weighted least squares of every group at given weights; sums run over studies.

    Attributes
    ----------
    weight : numpy.ndarray, shape (groups, studies)
    residual : numpy.ndarray, shape (groups, studies)
    basis : list of numpy.ndarray
        Design columns made orthogonal under the weights, not normalised.
    norm2 : list of numpy.ndarray, each (groups, 1)
        Weighted sum of squares of every basis column.
    coefficient : list of numpy.ndarray, each (groups, 1)
        Coefficient of every basis column.
    """

    weight: np.ndarray
    residual: np.ndarray
    basis: list[np.ndarray]
    norm2: list[np.ndarray]
    coefficient: list[np.ndarray]

    @property
    def q(self) -> np.ndarray:
        """Weighted residual sum of squares y'P y, shape (groups,)."""
        return dot(self.weight * self.residual, self.residual)

    @property
    def q_slope(self) -> np.ndarray:
        """``y'P P y``, minus the derivative of ``q`` by tau2, shape (groups,)."""
        weighted = self.weight * self.residual
        return dot(weighted, weighted)

    @property
    def trace(self) -> np.ndarray:
        """``tr P``, the sum of weight times (1 - leverage), shape (groups,)."""
        share = sum(column**2 / norm2 for column, norm2 in zip(self.basis, self.norm2))
        leverage = self.weight * share
        # 1 - leverage of a dominating first study would be rounding; leverages sum to the
        # number of columns, which gives it from the small ones
        first = leverage[:, 1:].sum(axis=1) - (len(self.basis) - 1)
        return self.weight[:, 0] * first + dot(self.weight[:, 1:], 1 - leverage[:, 1:])


def dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Sum over studies of a * b, shape (groups,)."""
    return np.einsum("gk,gk->g", a, b)


def standardise(b, se, usable, moderator=None) -> Studies:
    """Shift and scale every group so that its most precise study is (0, 1) and comes first.

    Parameters
    ----------
    b, se : numpy.ndarray, float64, shape (groups, studies)
    usable : numpy.ndarray, bool, same shape
        Studies that count; every one of them has a finite ``b`` and a finite ``se > 0``.
    moderator : numpy.ndarray, same shape, optional
        Finite where usable.
    """
    se = np.where(usable, se, np.inf)
    first = se.argmin(axis=1)

    def front(values):
        values = values.copy()
        rows = np.arange(len(values))
        values[rows, 0], values[rows, first] = values[rows, first], values[rows, 0]
        return values

    se, counts = front(se), front(usable)
    effect = np.where(counts, front(b), 0.0)
    scale = np.where(counts[:, :1], se[:, :1], 1.0)
    origin = effect[:, :1].copy()
    ones = np.ones((1, 1))
    if moderator is None:
        design, shift, spread = (ones,), np.zeros_like(scale), np.ones_like(scale)
    else:
        centred = np.where(counts, front(moderator), 0.0)
        shift = centred[:, :1].copy()
        centred = np.where(counts, centred - shift, 0.0)
        spread = np.abs(centred).max(axis=1, keepdims=True, initial=0.0)
        spread = np.where(spread > 0, spread, 1.0)
        design = (ones, centred / spread)
    return Studies(
        effect=np.where(counts, (effect - origin) / scale, 0.0),
        variance=(se / scale) ** 2,
        design=design,
        k=usable.sum(axis=1),
        origin=origin,
        scale=scale,
        moderator_origin=shift,
        moderator_scale=spread,
    )


def project(studies: Studies, weight: np.ndarray) -> Projection:
    """Weighted least squares by Gram-Schmidt on the design columns."""
    residual = studies.effect
    basis, norms, coefficients = [], [], []
    for column in studies.design:
        for earlier, norm2 in zip(basis, norms):
            column = column - earlier * (dot(weight * earlier, column)[:, None] / norm2)
        weighted = weight * column
        norm2 = dot(weighted, column)[:, None]
        coefficient = dot(weighted, residual)[:, None] / norm2
        residual = residual - coefficient * column
        basis.append(column)
        norms.append(norm2)
        coefficients.append(coefficient)
    return Projection(weight, residual, basis, norms, coefficients)


def project_at(studies: Studies, tau2: np.ndarray | float) -> Projection:
    """``project`` with weights 1 / (variance + tau2); ``tau2`` of shape (groups,) or a number."""
    return project(studies, 1 / (studies.variance + np.reshape(tau2, (-1, 1))))


def estimate_tau2(studies: Studies, method: str) -> np.ndarray:
    """Estimate tau2 in units of ``studies.scale**2``.

    Parameters
    ----------
    studies : Studies
        Every group has more studies than design columns.
    method : str
        A key of ``METHODS``.

    Returns
    -------
    numpy.ndarray, shape (groups,)
        Not negative.
    """
    if method == "FE":
        return np.zeros(len(studies.k))
    if method in ("PM", "EB"):
        return solve_q(studies, studies.df)
    if method in ("ML", "REML"):
        return _maximise_likelihood(studies, restricted=method == "REML")
    if method in ("DL", "HS"):
        fixed = project_at(studies, 0.0)
        if method == "DL":
            return np.maximum(0, (fixed.q - studies.df) / fixed.trace)
        return np.maximum(0, (fixed.q - studies.k) / fixed.weight.sum(axis=1))
    # HE and SJ start from unweighted least squares
    counts = np.isfinite(studies.variance)
    plain = project(studies, counts.astype(float))
    if method == "HE":
        leverage = sum(column**2 / norm2 for column, norm2 in zip(plain.basis, plain.norm2))
        expected = (np.where(counts, studies.variance, 0.0) * (1 - leverage)).sum(axis=1)
        return np.maximum(0, (plain.q - expected) / studies.df)
    assert method == "SJ", method
    about_mean = project(studies._replace(design=studies.design[:1]), plain.weight)
    start = about_mean.q / studies.k
    return start * project_at(studies, start).q / studies.df


def between_variance(studies: Studies, tau2: str | float) -> np.ndarray:
    """tau2 on the scale of the studies, shape (groups,); 0 for groups that cannot estimate it."""
    if not isinstance(tau2, str):
        return float(tau2) / studies.scale[:, 0] ** 2
    between = np.zeros(len(studies.k))
    several = studies.df > 0
    between[several] = estimate_tau2(studies.take(several), tau2)
    return between


def solve_q(studies: Studies, target: np.ndarray) -> np.ndarray:
    """The tau2 at which Q(tau2) equals ``target``, 0 where Q is below it everywhere.

    Newton steps on 1 / Q, which is concave and increasing: from tau2 = 0 they approach the
    root from the left without ever passing it.
    """
    tau2 = np.zeros(len(studies.k))
    rows = np.arange(len(tau2))
    for _ in range(_NEWTON_STEPS):
        at = project_at(studies.take(rows), tau2[rows])
        q, wanted = at.q, target[rows]
        ahead = q > wanted
        rows, q, wanted, q_slope = rows[ahead], q[ahead], wanted[ahead], at.q_slope[ahead]
        step = (q / wanted - 1) * q / q_slope
        tau2[rows] += step
        rows = rows[step > 1e-15 * tau2[rows]]
        if not rows.size:
            return tau2
    raise AssertionError("Newton steps on a concave function did not end")


def q_profile(studies: Studies, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """Confidence limits of tau2 from the chi-squared distribution of Q(tau2) (Viechtbauer 2007)."""
    return tuple(solve_q(studies, chdtri(studies.df, tail)) for tail in (alpha / 2, 1 - alpha / 2))


def _maximise_likelihood(studies: Studies, *, restricted: bool) -> np.ndarray:
    """Global maximum of the (restricted) profile likelihood over tau2 >= 0."""

    def curvature(at: Projection) -> np.ndarray:
        return at.trace if restricted else at.weight.sum(axis=1)

    # tr P >= df / (v_max + tau2) and y'PPy <= SS / tau2**2: the score is negative beyond here
    counts = np.isfinite(studies.variance)
    mean_square = project(studies, counts.astype(float)).q / studies.df
    widest = np.where(counts, studies.variance, 0.0).max(axis=1)
    top = (mean_square + np.sqrt(mean_square**2 + 4 * mean_square * widest)) / 2
    # variances are at least 1: below 0.01 the score is a straight line
    bottom = np.minimum(0.01, top / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        folds = np.nan_to_num(np.log(top / bottom)).max(initial=1.0)
    steps = np.linspace(0, 1, int(np.ceil(_POINTS_PER_E_FOLD * folds)) + 1)
    grid = [np.zeros_like(top)] + [bottom * (top / np.where(bottom > 0, bottom, 1)) ** step for step in steps]

    # local maxima: the score changes from positive to negative; tau2 = 0 is one where it starts so
    rising, candidates = None, []
    for left, right in zip([None, *grid], grid):
        at = project_at(studies, right)
        was_rising, rising = rising, at.q_slope > curvature(at)
        if left is None:
            candidates.append((np.flatnonzero(~rising), None, None))
        else:
            rows = np.flatnonzero(was_rising & ~rising)
            candidates.append((rows, left[rows], right[rows]))

    def balance(tau2, rows):
        at = project_at(studies.take(rows), tau2)
        return curvature(at) / at.q_slope - 1

    at_zero = candidates[0][0]
    rows = np.concatenate([rows for rows, _, _ in candidates[1:]])
    maxima = np.zeros(len(at_zero))
    if rows.size:
        left, right = (np.concatenate([c[side] for c in candidates[1:]]) for side in (1, 2))
        maxima = np.concatenate([maxima, find_root(balance, (left, right), args=(rows,)).x])
    rows = np.concatenate([at_zero, rows])
    return _best(studies, rows, maxima, restricted=restricted)


def _best(studies: Studies, rows, maxima, *, restricted: bool) -> np.ndarray:
    """Of several local maxima of a group, the highest; one of a group needs no comparison."""
    tau2 = np.zeros(len(studies.k))
    tau2[rows] = maxima
    contested = np.flatnonzero(np.bincount(rows, minlength=len(tau2))[rows] > 1)
    rows, maxima = rows[contested], maxima[contested]
    height = _log_likelihood(studies.take(rows), maxima, restricted=restricted)
    for place in np.argsort(height, kind="stable"):
        tau2[rows[place]] = maxima[place]
    return tau2


def _log_likelihood(studies: Studies, tau2: np.ndarray, *, restricted: bool) -> np.ndarray:
    """Profile log-likelihood of tau2, without its constant, shape (groups,)."""
    at = project_at(studies, tau2)
    log_weights = np.log(at.weight, where=at.weight > 0, out=np.zeros_like(at.weight)).sum(axis=1)
    penalty = sum(np.log(norm2[:, 0]) for norm2 in at.norm2) if restricted else 0.0
    return 0.5 * (log_weights - penalty - at.q)

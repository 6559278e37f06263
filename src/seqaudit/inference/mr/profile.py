"""The adjusted profile likelihood: residuals that know the errors of both sides.

Standardised residuals at an effect b are ``t = (y - b x) / sqrt(sy**2 + tau2 + b**2 sx**2)``.
Maximum likelihood and RAPS minimise the sum of a loss of them; this module does that for many
loci, globally, because the sum has several minima for a loss that ignores outliers.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from seqaudit.inference.mr.common import Instruments
from seqaudit.inference.mr.kernels import falling_root, row_sum

HUBER_TUNING = 1.345
TUKEY_TUNING = 4.685
"""Tuning constants of 95 % efficiency at normal errors."""

_FAR = np.array([2.0, 4.0, 16.0, 256.0])
"""Points beyond the largest ratio at which the loss is compared, in units of that ratio."""
_VALLEYS = 3
_BLOCK_ELEMENTS = 1 << 17
_CONVERGED = 1e-9
"""Step, in standard errors, at which Newton's method has converged (the error is its square)."""


class Loss(NamedTuple):
    """A loss of standardised residuals and its moments at a standard normal variable Z."""

    rho: Callable
    """Loss as a function of the squared residual."""
    psi: Callable
    slope: Callable
    """First and second derivative in the residual."""
    delta: float
    """E[Z psi(Z)]"""
    c1: float
    """E[psi(Z)**2]"""
    c2: float
    """E[Z**2 psi(Z)**2] - delta**2"""
    c3: float
    """E[Z**2 psi'(Z)]"""


def _with_moments(rho: Callable, psi: Callable, slope: Callable, kink: float) -> Loss:
    """Complete a loss by integrating its moments to machine precision; smooth but for the kink."""
    nodes, weights = np.polynomial.legendre.leggauss(80)

    def moment(function):
        pieces = ((0.0, kink), (kink, kink + 12.0))
        return sum(
            (high - low) * np.sum(weights * function(z) * np.exp(-0.5 * z**2)) / np.sqrt(2 * np.pi)
            for low, high in pieces
            for z in [low + (high - low) * (nodes + 1) / 2]
        )

    delta = moment(lambda z: z * psi(z))
    return Loss(
        rho,
        psi,
        slope,
        delta,
        moment(lambda z: psi(z) ** 2),
        moment(lambda z: (z * psi(z)) ** 2) - delta**2,
        moment(lambda z: z**2 * slope(z)),
    )


def _rest(square):
    return np.maximum(1 - square / TUKEY_TUNING**2, 0)


LOSSES = {
    "l2": Loss(lambda square: 0.5 * square, lambda t: t, lambda t: np.ones_like(t), 1.0, 1.0, 2.0, 1.0),
    "huber": _with_moments(
        lambda square: 0.5 * (square - np.maximum(np.sqrt(square) - HUBER_TUNING, 0) ** 2),
        lambda t: np.clip(t, -HUBER_TUNING, HUBER_TUNING),
        lambda t: (np.abs(t) <= HUBER_TUNING).astype(float),
        HUBER_TUNING,
    ),
    "tukey": _with_moments(
        lambda square: TUKEY_TUNING**2 / 6 * (1 - _rest(square) ** 3),
        lambda t: t * _rest(t**2) ** 2,
        lambda t: _rest(t**2) * (5 * _rest(t**2) - 4),
        TUKEY_TUNING,
    ),
}


def residuals(data: Instruments, b: np.ndarray, tau2=0.0) -> np.ndarray:
    """Standardised residuals, ``(loci, instruments)``, 0 where not used."""
    slope = b[:, np.newaxis]
    return (data.y - slope * data.x) / np.sqrt(data.sy**2 + _column(tau2) + (slope * data.sx) ** 2)


def objective(data: Instruments, loss: Loss, b: np.ndarray, tau2=0.0) -> np.ndarray:
    """Sum of losses, ``(loci,)``."""
    return loss.rho(residuals(data, b, tau2) ** 2).sum(axis=1)


def curvature(data: Instruments, loss: Loss, b: np.ndarray) -> np.ndarray:
    """Second derivative of the sum of losses in the effect, ``(loci,)``."""
    return _derivatives(loss, b, data.x, data.y, data.sy**2, data.sx**2)[1]


def global_minimum(data: Instruments, loss: Loss) -> tuple[np.ndarray, np.ndarray]:
    """Effect with the smallest sum of losses (without pleiotropy), and where there is none.

    The sum is compared at all ratios, half way between them and far out. Between the nearest
    higher neighbours of every local minimum of that list there is a minimum; the lowest few are
    followed there.

    Returns
    -------
    array, (loci,)
        Effects, NaN where there is no local minimum.
    array, (loci,)
        Loci at which the sum is smaller 256 times beyond the largest ratio than anywhere before.
    """
    points = _candidates(data)
    values = _values(data, loss, points)
    padded = np.pad(values, ((0, 0), (1, 1)), constant_values=np.inf)
    ranked = np.where((values <= padded[:, :-2]) & (values <= padded[:, 2:]), values, np.inf)
    ranked[:, [0, -1]] = np.inf
    number = min(_VALLEYS, points.shape[1])
    position = np.argpartition(ranked, number - 1, axis=1)[:, :number]
    locus, order = np.nonzero(np.isfinite(np.take_along_axis(ranked, position, axis=1)))
    position = position[locus, order]

    start, value = points[locus, position], values[locus, position, np.newaxis]
    higher, before = values[locus] > value, np.arange(points.shape[1]) < position[:, np.newaxis]
    low = np.where(higher & before, points[locus], -np.inf).max(axis=1)
    high = np.where(higher & ~before, points[locus], np.inf).min(axis=1)
    near = take(data, locus)
    b = local_minimum(near, loss, start, low=low, high=high)
    height = objective(near, loss, b)
    best, lowest = np.full(len(points), np.nan), np.full(len(points), np.inf)
    descending = np.argsort(-height, kind="stable")
    best[locus[descending]] = b[descending]  # the last, lowest one stays
    lowest[locus[descending]] = height[descending]
    return best, np.minimum(values[:, 0], values[:, -1]) < lowest


def local_minimum(data: Instruments, loss: Loss, b, tau2=0.0, *, low=-np.inf, high=np.inf) -> np.ndarray:
    """Follow the sum of losses down from given effects, within limits, ``(loci,)``."""
    low, high, tau2 = (np.broadcast_to(values, b.shape).astype(float) for values in (low, high, tau2))
    own = data.sy**2 + tau2[:, np.newaxis]
    information = row_sum(data.x, data.x, 1 / (own + (b[:, np.newaxis] * data.sx) ** 2))

    def descent(effect, x, y, own, shared):
        first, second, reweighted = _derivatives(loss, effect, x, y, own, shared)
        return -first, -np.where(second > 0, second, reweighted)

    arrays = (data.x, data.y, own, data.sx**2)
    return falling_root(descent, b, low, high, _CONVERGED / np.sqrt(information), arrays)


def take(data: Instruments, loci) -> Instruments:
    """Return the rows of some loci."""
    return Instruments(*(values[loci] for values in data))


def _column(values):
    return values[:, np.newaxis] if np.ndim(values) else values


def _derivatives(loss: Loss, effect, x, y, own, shared):
    """First and second derivative of the sum of losses in the effect, and the second one of
    reweighted least squares, which is never negative, ``(loci,)``."""
    slope = effect[:, np.newaxis]
    v = own + slope**2 * shared
    root = np.sqrt(v)
    t = (y - slope * x) / root
    pull = (x * own + slope * shared * y) / v
    t1 = -pull / root
    t2 = shared * (3 * slope * pull - y) / (v * root)
    psi = loss.psi(t)
    weight = np.divide(psi, t, out=np.ones_like(t), where=t != 0)
    first, own_curvature = row_sum(psi, t1), row_sum(loss.slope(t), t1, t1)
    return first, own_curvature + row_sum(psi, t2), row_sum(weight, t1, t1)


def _candidates(data: Instruments) -> np.ndarray:
    """Sorted effects at which the sum of losses is compared, ``(loci, points)``."""
    ratio = np.where(data.used & (data.x != 0), data.y / data.x, np.nan)
    ratio = np.sort(ratio, axis=1)
    ratio = np.where(np.isnan(ratio), np.fmax.reduce(ratio, axis=1)[:, np.newaxis], ratio)
    ratio = np.nan_to_num(ratio)
    between = (ratio[:, 1:] + ratio[:, :-1]) / 2
    outer = _FAR * np.abs(ratio).max(axis=1)[:, np.newaxis]
    return np.sort(np.concatenate([-outer, ratio, between, outer], axis=1), axis=1)


def _values(data: Instruments, loss: Loss, points: np.ndarray) -> np.ndarray:
    """Sums of losses at many effects per locus, in single precision, ``(loci, points)``."""
    values = np.empty(points.shape, dtype=np.float32)
    block = max(1, _BLOCK_ELEMENTS // (points.shape[1] * data.x.shape[1]))
    # In units of the outcome's errors, for single precision to hold whatever the units are.
    unit = 1 / data.sy
    x, sx, y = (
        (values_ * unit).astype(np.float32)[:, np.newaxis, :] for values_ in (data.x, data.sx, data.y)
    )
    single = points.astype(np.float32)[:, :, np.newaxis]
    for i in range(0, len(points), block):
        part = slice(i, i + block)
        square = single[part] * x[part]
        np.subtract(square, y[part], out=square)
        np.multiply(square, square, out=square)
        spread = single[part] * sx[part]
        np.multiply(spread, spread, out=spread)
        spread += 1
        values[part] = loss.rho(np.divide(square, spread, out=square)).sum(axis=2)
    return values

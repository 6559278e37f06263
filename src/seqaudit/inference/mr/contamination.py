"""Contamination mixture: every ratio either estimates the causal effect or is drawn around 0."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, chdtri

from seqaudit.errors import SeqauditError
from seqaudit.inference.mr.common import (
    Instruments,
    build_result,
    check_effects,
    check_range,
    extend_result,
    map_loci,
)
from seqaudit.inference.mr.kernels import row_sum
from seqaudit.inference.mr.ratio import Ratios, wald_ratios

_MOST_GRID_POINTS = 10_000_000

MixtureResult = extend_result(
    __name__,
    "MixtureResult",
    "Contamination mixture estimates; ``ci_low`` and ``ci_high`` are the outermost limits, ``se`` is NaN.",
    psi="standard deviation of the ratios of invalid instruments",
    intervals="all parts of the confidence set, (loci, parts, 2), NaN where there are fewer",
    valid="instruments that are valid at the estimate, (loci, instruments) booleans",
)


def conmix(
    beta_exposure: ArrayLike,
    se_exposure: ArrayLike,
    beta_outcome: ArrayLike,
    se_outcome: ArrayLike,
    used: ArrayLike | None = None,
    *,
    psi: float | None = None,
    grid_step: float | None = None,
    alpha: float = 0.05,
) -> MixtureResult:
    """Contamination mixture estimate, by exact maximisation of the profile likelihood.

    For a given effect every instrument takes the likelier of two states, valid or not, so that
    the log likelihood is a constant plus truncated parabolas, one per instrument: its maximum
    and the confidence set are found exactly, in any units, without a grid.

    Parameters
    ----------
    beta_exposure, se_exposure, beta_outcome, se_outcome : array_like, (loci, instruments) or 1-D
        Effects and standard errors.
    used : array_like of bool, same shape, optional
        Instruments that exist; missing numbers are left out as well.
    psi : float, optional
        Standard deviation of invalid ratios around 0; 1.5 times that of all ratios by default.
    grid_step : float, optional
        For parity with R only (its default is 0.01): the best point of a grid over R's range,
        limits from that grid, and R's p value, in which overdispersion multiplies the
        likelihood ratio that it should divide.
    alpha : float
        One minus the level of the confidence set.

    Returns
    -------
    MixtureResult
        A confidence limit is infinite where the data do not exclude that no instrument is valid.

    Sources
    -------
    Burgess, Foley, Allara, Staley, Howson 2020.
    """
    check_range("conmix", "alpha", alpha, 0, 1)
    if psi is not None:
        check_range("conmix", "psi", psi, 0, np.inf)
    if grid_step is not None:
        check_range("conmix", "grid_step", grid_step, 0, np.inf)
    effects = check_effects(beta_exposure, se_exposure, beta_outcome, se_outcome, used)
    result = map_loci(
        _conmix,
        effects,
        values_per_instrument=max(1, effects.used.shape[1] // 4),
        psi=psi,
        grid_step=grid_step,
        alpha=alpha,
    )
    parts = max(1, int((~np.isnan(result.intervals[:, :, 0])).sum(axis=1).max(initial=0)))
    return result._replace(intervals=result.intervals[:, :parts])


def _conmix(data: Instruments, *, psi, grid_step, alpha) -> MixtureResult:
    ratios = wald_ratios(data)
    used, n = ratios.data.used, ratios.data.used.sum(axis=1)
    mean = row_sum(ratios.value, used) / n
    if psi is None:
        psi = 1.5 * np.sqrt(row_sum((ratios.value - mean[:, np.newaxis]) ** 2, used) / (n - 1))
    else:
        psi = np.full(len(n), float(psi))
    profile = _profile(ratios, psi)
    if grid_step is None:
        pieces = _pieces(profile)
        b = _highest_point(pieces)
    else:
        grids = _grids(ratios.data, grid_step)
        b = np.array([grid[_heights(profile, row, grid).argmax()] for row, grid in enumerate(grids)])
    gain_at_best = profile.gain - 0.5 * profile.precision * (profile.center - b[:, np.newaxis]) ** 2
    gain_at_zero = profile.gain - 0.5 * profile.precision * profile.center**2
    valid = gain_at_best > 0
    best = np.where(valid, gain_at_best, 0.0).sum(axis=1)
    likelihood_ratio = 2 * (best - np.maximum(gain_at_zero, 0).sum(axis=1))
    overdispersion = _overdispersion(profile, valid)
    threshold = best - 0.5 * chdtri(1, alpha) * overdispersion
    if grid_step is None:
        intervals = _confidence_set(pieces, threshold)
        likelihood_ratio = likelihood_ratio / overdispersion
    else:
        intervals = _confidence_set_on_grids(profile, grids, threshold)
        likelihood_ratio = likelihood_ratio * overdispersion
    result = build_result(
        ratios.data,
        b=b,
        minimum=2,
        alpha=alpha,
        ci_low=np.fmin.reduce(intervals[:, :, 0], axis=1),
        ci_high=np.fmax.reduce(intervals[:, :, 1], axis=1),
        pval=chdtrc(1, np.maximum(likelihood_ratio, 0)),
    )
    blank = ~np.isfinite(result.b)
    return MixtureResult(
        *result,
        np.where(blank, np.nan, psi),
        np.where(blank[:, np.newaxis, np.newaxis], np.nan, intervals),
        valid & ~blank[:, np.newaxis],
    )


class _Profile(NamedTuple):
    """The profile log likelihood, as far as it depends on the effect: a sum of truncated parabolas

    ``max(0, gain - precision (effect - center)**2 / 2)``, arrays ``(loci, instruments)``.
    """

    center: np.ndarray
    precision: np.ndarray
    gain: np.ndarray


def _profile(ratios: Ratios, psi: np.ndarray) -> _Profile:
    used = ratios.data.used
    precision = np.where(used, 1 / ratios.se**2, 0.0)
    invalid_variance = psi[:, np.newaxis] ** 2 + ratios.se**2
    gain = 0.5 * np.log(invalid_variance * precision) + ratios.value**2 / (2 * invalid_variance)
    return _Profile(ratios.value, precision, np.where(used, gain, 0.0))


def _overdispersion(profile: _Profile, valid: np.ndarray) -> np.ndarray:
    """Cochran's Q of the valid instruments over its degrees of freedom, at least 1, ``(loci,)``."""
    w, n = profile.precision * valid, valid.sum(axis=1)
    mean = row_sum(w, profile.center) / w.sum(axis=1)
    q = row_sum(w, (profile.center - mean[:, np.newaxis]) ** 2)
    return np.where(n > 1, np.maximum(1, q / (n - 1)), 1.0)


class _Pieces(NamedTuple):
    """The profile cut where a parabola starts or ends: one quadratic per piece, ``(loci, pieces)``."""

    low: np.ndarray
    high: np.ndarray
    middle: np.ndarray
    height: np.ndarray
    """Value, first and (negative) second derivative at the middle."""
    slope: np.ndarray
    curvature: np.ndarray


def _pieces(profile: _Profile) -> _Pieces:
    center, precision, gain = profile
    reach = np.sqrt(np.where(precision > 0, 2 * gain / precision, 0.0))
    edges = np.sort(np.concatenate([center - reach, center + reach], axis=1), axis=1)
    infinite = np.full((len(edges), 1), np.inf)
    low, high = np.concatenate([-infinite, edges], axis=1), np.concatenate([edges, infinite], axis=1)
    middle = (low + high) / 2
    middle[:, 0], middle[:, -1] = edges[:, 0], edges[:, -1]
    distance = center[:, np.newaxis, :] - middle[:, :, np.newaxis]
    distance[np.abs(distance) >= reach[:, np.newaxis, :]] = np.nan
    inside = np.isfinite(distance)
    pull = precision[:, np.newaxis, :] * np.where(inside, distance, 0.0)
    height = np.where(inside, gain[:, np.newaxis, :] - 0.5 * pull * distance, 0.0).sum(axis=2)
    curvature = np.matmul(inside.astype(float), precision[:, :, np.newaxis])[..., 0]
    # Nothing is inside the two outer pieces; the middles there are only stand-ins.
    height[:, [0, -1]] = curvature[:, [0, -1]] = 0.0
    return _Pieces(low, high, middle, height, pull.sum(axis=2), curvature)


def _highest_point(pieces: _Pieces) -> np.ndarray:
    step = np.where(pieces.curvature > 0, pieces.slope / pieces.curvature, 0.0)
    top = np.clip(pieces.middle + step, pieces.low, pieces.high)
    step = top - pieces.middle
    height = pieces.height + pieces.slope * step - 0.5 * pieces.curvature * step**2
    best = height.argmax(axis=1)[:, np.newaxis]
    return np.take_along_axis(top, best, axis=1)[:, 0]


def _confidence_set(pieces: _Pieces, threshold: np.ndarray) -> np.ndarray:
    """Where the profile exceeds the threshold, ``(loci, pieces, 2)`` padded with NaN."""
    low, high, middle, height, slope, curvature = pieces
    excess = height - threshold[:, np.newaxis]
    root = np.sqrt(slope**2 + 2 * curvature * excess)
    everywhere = np.where(excess > 0, np.inf, np.nan)
    left = np.where(curvature > 0, middle + (slope - root) / curvature, -everywhere)
    right = np.where(curvature > 0, middle + (slope + root) / curvature, everywhere)
    left, right = np.maximum(low, left), np.minimum(high, right)
    part = left <= right
    joined = part[:, 1:] & part[:, :-1] & (left[:, 1:] == low[:, 1:]) & (right[:, :-1] == high[:, :-1])
    starts, ends = part.copy(), part.copy()
    starts[:, 1:] &= ~joined
    ends[:, :-1] &= ~joined
    intervals = np.full((*part.shape, 2), np.nan)
    for side, (bound, marked) in enumerate(((left, starts), (right, ends))):
        number = np.cumsum(marked, axis=1) - 1
        intervals[np.nonzero(marked)[0], number[marked], side] = bound[marked]
    return intervals


def _grids(data: Instruments, step: float) -> list[np.ndarray]:
    """R's grid of each locus: from the smallest (y - 2 sy) / x to the largest (y + 2 sy) / x."""
    ends = (np.where(data.used, (data.y + sign * 2 * data.sy) / data.x, -sign * np.inf) for sign in (-1, 1))
    low, high = next(ends).min(axis=1), next(ends).max(axis=1)
    points = np.where(data.used.any(axis=1), (high - low) / step, 0)
    if points.max(initial=0) > _MOST_GRID_POINTS:
        raise SeqauditError(
            f"mr: conmix got grid_step={step!r}, which needs {points.max():.3g} points for a locus. "
            "Leave grid_step out: the exact solution needs no grid."
        )
    return [
        start + step * np.arange(int(number + 1e-10) + 1) for start, number in zip(low, points, strict=True)
    ]


def _heights(profile: _Profile, row: int, grid: np.ndarray) -> np.ndarray:
    """The profile of one locus at the points of a grid."""
    height = np.zeros_like(grid)
    for center, precision, gain in zip(*(values[row] for values in profile), strict=True):
        height += np.maximum(gain - 0.5 * precision * (grid - center) ** 2, 0)
    return height


def _confidence_set_on_grids(profile: _Profile, grids: list[np.ndarray], threshold: np.ndarray) -> np.ndarray:
    intervals = np.full((len(grids), 2 * profile.center.shape[1] + 1, 2), np.nan)
    for row, grid in enumerate(grids):
        inside = np.flatnonzero(_heights(profile, row, grid) > threshold[row])
        runs = np.split(inside, np.flatnonzero(np.diff(inside) > 1) + 1) if len(inside) else []
        for number, run in enumerate(runs):
            intervals[row, number] = grid[run[0]], grid[run[-1]]
    return intervals

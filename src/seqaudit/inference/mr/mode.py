"""Mode of Wald ratios: consistent while the largest group of agreeing instruments is valid."""

import numpy as np
from numpy.typing import ArrayLike

from seqaudit.inference.mr.common import (
    DISTRIBUTIONS,
    Instruments,
    build_result,
    check_choice,
    check_count,
    check_effects,
    check_range,
    extend_result,
    map_loci,
)
from seqaudit.inference.mr.kernels import falling_root, masked_median, row_sum
from seqaudit.inference.mr.ratio import STDERRORS, Ratios, bootstrap, wald_ratios

_MAD_TO_SD = 1.4826
_CONVERGED = 1e-12
"""Step, in bandwidths, below which a peak has been reached."""
_GRID_ROWS = 128
_HIGH_ENOUGH = 0.8
"""Share of the highest density that a value must have for its hill to be climbed."""
_BLOCK_ELEMENTS = 1 << 18
"""Loci x points x instruments per block of density evaluations (single precision)."""

ModeResult = extend_result(
    __name__,
    "ModeResult",
    "Mode-based estimates.",
    bandwidth="standard deviation of the kernel, in units of the effect",
)


def mode(
    beta_exposure: ArrayLike,
    se_exposure: ArrayLike,
    beta_outcome: ArrayLike,
    se_outcome: ArrayLike,
    used: ArrayLike | None = None,
    *,
    weighting: str = "weighted",
    stderror: str = "delta",
    phi: float = 1.0,
    maximiser: str = "continuous",
    n_boot: int = 1000,
    seed: int = 0,
    distribution: str = "normal",
    alpha: float = 0.05,
) -> ModeResult:
    """Mode of the smoothed distribution of Wald ratios: the true maximum, not that of a grid.

    Parameters
    ----------
    beta_exposure, se_exposure, beta_outcome, se_outcome : array_like, (loci, instruments) or 1-D
        Effects and standard errors.
    used : array_like of bool, same shape, optional
        Instruments that exist; missing numbers are left out as well.
    weighting : {"weighted", "unweighted"}
        Inverse variance of the ratio, or equal.
    stderror : {"delta", "simple"}
        Standard error of a ratio, for weights and resampling: second or first order.
    phi : float
        Factor on the bandwidth, ``0.9 min(sd, 1.4826 MAD) / n**(1/5)``.
    maximiser : {"continuous", "grid"}
        The true maximum; or, for parity with R, the best of the 512 points of its ``density()``
        (release 4.2). Where some ratios are far out, R's grid is coarser than the mode is
        precise, and its standard errors are that of the grid: up to 90 times too large in the
        reference data.
    n_boot, seed : int
        Number of resamples and seed. The se is 1.4826 MAD of the modes of resampled ratios,
        each with its own bandwidth.
    distribution : {"normal", "t"}
        t has n - 1 degrees of freedom.
    alpha : float
        One minus the level of the confidence interval.

    Returns
    -------
    ModeResult
        ``status`` is ``zero_bandwidth`` where half of the ratios or more are equal.

    Sources
    -------
    Hartwig, Davey Smith, Bowden 2017.
    """
    check_choice("mode", "weighting", weighting, ("weighted", "unweighted"))
    check_choice("mode", "stderror", stderror, STDERRORS)
    check_choice("mode", "maximiser", maximiser, tuple(_MAXIMISERS))
    check_range("mode", "phi", phi, 0, np.inf)
    check_choice("mode", "distribution", distribution, DISTRIBUTIONS)
    check_range("mode", "alpha", alpha, 0, 1)
    check_count("mode", "n_boot", n_boot, 2)
    effects = check_effects(beta_exposure, se_exposure, beta_outcome, se_outcome, used)
    return map_loci(
        _mode,
        effects,
        weighted=weighting == "weighted",
        stderror=stderror,
        phi=phi,
        maximiser=maximiser,
        n_boot=n_boot,
        seed=seed,
        distribution=distribution,
        alpha=alpha,
    )


def _mode(
    data: Instruments, *, weighted, stderror, phi, maximiser, n_boot, seed, distribution, alpha
) -> ModeResult:
    ratios = wald_ratios(data, stderror, sort=True)
    kept = ratios.data.used
    weight = np.where(kept, 1 / ratios.se**2, 0.0) if weighted else kept.astype(float)
    bandwidth = phi * _bandwidth(ratios.value, kept)
    flat = ~(bandwidth > 0)
    safe = np.where(flat, 1.0, bandwidth)
    highest = _MAXIMISERS[maximiser]
    result = build_result(
        ratios.data,
        b=highest(ratios.value, weight, safe),
        se=_bootstrap_se(ratios, weight, phi, highest, n_boot, seed),
        minimum=2,
        alpha=alpha,
        problems=(("zero_bandwidth", flat),),
        distribution=distribution,
        df=ratios.data.n - 1,
    )
    return ModeResult(*result, np.where(np.isfinite(result.b), bandwidth, np.nan))


def _bandwidth(value: np.ndarray, used: np.ndarray) -> np.ndarray:
    """Bickel's robust version of Silverman's rule, ``(loci,)``."""
    n = used.sum(axis=1)
    mean = row_sum(value, used) / n
    sd = np.sqrt(row_sum((value - mean[:, np.newaxis]) ** 2, used) / (n - 1))
    distance = np.abs(value - masked_median(value, used)[:, np.newaxis])
    mad = _MAD_TO_SD * masked_median(distance, used)
    return 0.9 * np.minimum(sd, mad) / n**0.2


def _highest_points(value, weight, bandwidth) -> np.ndarray:
    """The highest point of weighted Gaussian kernel densities, ``(loci,)``.

    The density is compared at all values and climbed from each that is higher than both
    neighbours, and high enough: a top is at most 1 / 0.88 times higher than the best value on
    its slopes (two equal values 1.5 bandwidths apart).
    """
    used = weight > 0
    center = row_sum(value, used) / used.sum(axis=1)
    order = np.argsort(np.where(used, value, np.inf), axis=1)
    used, weight = np.take_along_axis(used, order, axis=1), np.take_along_axis(weight, order, axis=1)
    scaled = (np.take_along_axis(value, order, axis=1) - center[:, np.newaxis]) / bandwidth[:, np.newaxis]
    scaled, weight = np.where(used, scaled, 0.0), weight / weight.max(axis=1, keepdims=True)

    density = np.where(used, _density_at_values(scaled, weight), -1.0)
    padded = np.pad(density, ((0, 0), (1, 1)), constant_values=-1.0)
    hilltop = (density >= padded[:, :-2]) & (density >= padded[:, 2:])
    locus, start = np.nonzero(hilltop & (density >= _HIGH_ENOUGH * density.max(axis=1, keepdims=True)))
    scaled, weight, start = scaled[locus], weight[locus], scaled[locus, start]
    infinite, tolerance = np.full_like(start, np.inf), np.full_like(start, _CONVERGED)
    top = falling_root(_slope, start, -infinite, infinite, tolerance, (scaled, weight))
    height = row_sum(weight, np.exp(-0.5 * (scaled - top[:, np.newaxis]) ** 2))
    highest = np.full(len(value), np.nan)
    ascending = np.argsort(height, kind="stable")
    highest[locus[ascending]] = top[ascending]  # the last, highest one stays
    return center + bandwidth * highest


def _density_at_values(scaled: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Kernel density (not normalised) at every value, in single precision, ``(loci, instruments)``."""
    points, single = scaled.astype(np.float32), weight.astype(np.float32)
    density = np.empty_like(points)
    block = max(1, _BLOCK_ELEMENTS // points.shape[1] ** 2)
    for i in range(0, len(points), block):
        part = slice(i, i + block)
        kernel = points[part, :, np.newaxis] - points[part, np.newaxis, :]
        np.multiply(kernel, kernel, out=kernel)
        np.multiply(kernel, -0.5, out=kernel)
        np.exp(kernel, out=kernel)
        density[part] = np.matmul(kernel, single[part, :, np.newaxis])[..., 0]
    return density


def _slope(point, value, weight):
    """Slope of a density and its own slope, made cautious: minus the density, which gives a
    mean-shift step (that always goes up), unless it is concave and Newton's step is short."""
    distance = value - point[:, np.newaxis]
    kernel = weight * np.exp(-0.5 * distance**2)
    density, slope = kernel.sum(axis=1), row_sum(kernel, distance)
    curvature = row_sum(kernel, distance, distance) - density
    concave = (curvature < 0) & (np.abs(slope) < -0.5 * curvature)
    return slope, np.where(concave, curvature, -density)


def _grid_points(value, weight, bandwidth, *, points: int = 512) -> np.ndarray:
    """The highest of 512 grid points of R 4.2's ``density()``, ``(loci,)``; for parity only.

    Weights are binned linearly, convolved with the kernel by Fourier transform and interpolated
    at points from 3 bandwidths below the smallest to 3 above the largest value. The kernel is
    tabulated with a slightly wider spacing than the bins, as R did before release 4.4.
    """
    peaks = np.empty(len(value))
    for i in range(0, len(value), _GRID_ROWS):
        part = slice(i, i + _GRID_ROWS)
        used, h = weight[part] > 0, bandwidth[part, np.newaxis]
        mass = weight[part] / weight[part].sum(axis=1, keepdims=True)
        low = np.where(used, value[part], np.inf).min(axis=1, keepdims=True) - 7 * h
        width = np.where(used, value[part], -np.inf).max(axis=1, keepdims=True) + 7 * h - low
        position = np.where(used, (value[part] - low) / width * (points - 1), 0.0)
        left = np.clip(np.floor(position).astype(int), 0, points - 2)
        right_mass = mass * (position - left)
        cell = left + 2 * points * np.arange(len(left))[:, np.newaxis]
        size = 2 * points * len(left)
        binned = np.bincount(cell.ravel(), (mass - right_mass).ravel(), minlength=size)
        binned += np.bincount(cell.ravel() + 1, right_mass.ravel(), minlength=size)
        lag = (
            np.minimum(np.arange(2 * points), 2 * points - np.arange(2 * points))
            * 2
            * width
            / (2 * points - 1)
        )
        spectrum = (
            np.fft.rfft(binned.reshape(-1, 2 * points)) * np.fft.rfft(np.exp(-0.5 * (lag / h) ** 2)).conj()
        )
        density = np.fft.irfft(spectrum, 2 * points)[:, :points].clip(min=0)
        where = (4 * h + np.arange(points) / (points - 1) * (width - 8 * h)) / width * (points - 1)
        below = np.clip(np.floor(where).astype(int), 0, points - 2)
        step = where - below
        height = (
            np.take_along_axis(density, below, 1) * (1 - step)
            + np.take_along_axis(density, below + 1, 1) * step
        )
        best = height.argmax(axis=1)[:, np.newaxis]
        peaks[part] = (low + np.take_along_axis(where, best, 1) / (points - 1) * width)[:, 0]
    return peaks


_MAXIMISERS = {"continuous": _highest_points, "grid": _grid_points}


def _bootstrap_se(ratios: Ratios, weight: np.ndarray, phi, highest, n_boot: int, seed: int) -> np.ndarray:
    def modes(locus, _, draws):
        value = ratios.value[locus] + ratios.se[locus] * draws
        bandwidth = phi * _bandwidth(value, np.ones(value.shape, dtype=bool))
        return highest(value, np.broadcast_to(weight[locus], value.shape), bandwidth)

    def spread(sample):
        return _MAD_TO_SD * np.median(np.abs(sample - np.median(sample)))

    return bootstrap(ratios.data, modes, spread, draws=n_boot, seed=seed)

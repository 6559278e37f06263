"""Wald ratios and their parametric bootstrap: what medians, modes and mixtures start from."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from seqaudit.inference.mr.common import Instruments, canonical_order, oriented, reordered

STDERRORS = ("simple", "delta")


class Ratios(NamedTuple):
    """Wald ratios; arrays ``(loci, instruments)``."""

    data: Instruments
    """The instruments that have a ratio."""
    value: np.ndarray
    """Outcome effect / exposure effect, 0 where not used."""
    se: np.ndarray
    """Its standard error, 1 where not used."""


def wald_ratios(data: Instruments, stderror: str = "simple", *, sort: bool = False) -> Ratios:
    """Return the ratios of all instruments with an exposure effect.

    Parameters
    ----------
    data : Instruments
    stderror : {"simple", "delta"}
        First order, ``sy / |x|``, or second order, with the error of the exposure.
    sort : bool
        Whether to orient the instruments and bring them into canonical order, as
        :func:`bootstrap` needs them.

    Notes
    -----
    An exposure effect of exactly 0 has no ratio; its instrument is left out here and in
    ``n_instruments``.
    """
    used = data.used & (data.x != 0)
    n = np.where(data.invalid_se, data.n, used.sum(axis=1))
    data = data._replace(used=used, w=data.w * used, n=n)
    data = reordered(oriented(data), canonical_order(data)) if sort else data
    x = np.where(data.used, data.x, 1.0)
    value = np.where(data.used, data.y / x, 0.0)
    variance = (data.sy / x) ** 2
    if stderror == "delta":
        variance = variance + (value * data.sx / x) ** 2
    return Ratios(data, value, np.where(data.used, np.sqrt(variance), 1.0))


def bootstrap(
    data: Instruments, statistic: Callable, spread: Callable, *, draws: int, seed: int
) -> np.ndarray:
    """Return the spread of a statistic over parametric resamples, one locus at a time, ``(loci,)``.

    Every locus sees the same standard normal draws, row by row of its canonical order: its
    answer does not depend on the batch it is in, on the order or coding of its instruments, or
    on masked ones.

    Parameters
    ----------
    data : Instruments
        In canonical order: used instruments first.
    statistic : callable
        ``statistic(locus, exposure_draws, outcome_draws) -> (draws,)`` where ``locus`` indexes
        one row of ``data`` and its used instruments, and draws are ``(draws, instruments)``.
    spread : callable
        ``spread((draws,)) -> float``.
    """
    noise = np.random.default_rng(seed).standard_normal((data.x.shape[1], 2, draws))
    exposure, outcome = np.ascontiguousarray(noise.transpose(1, 2, 0))
    result = np.full(len(data.n), np.nan)
    for locus, n in enumerate(data.used.sum(axis=1)):
        if n:
            index = (locus, slice(n))
            result[locus] = spread(statistic(index, exposure[:, :n], outcome[:, :n]))
    return result

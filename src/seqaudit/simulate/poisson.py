"""What a network that minimises squared error can at best predict: the mean of transformed counts."""

from collections.abc import Callable

import numpy as np
from scipy.special import gammaln, xlogy

from seqaudit.errors import SeqauditError

COUNT_TRANSFORMS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "log1p": np.log1p,
    "anscombe": lambda count: 2 * np.sqrt(count + 3 / 8),
    "identity": lambda count: np.asarray(count, dtype=np.float64),
}
"""Spaces in which counts are learnt."""

_MEANS_PER_BLOCK = 256
_TAIL = (10.0, 40.0)  # less than 1e-20 of a Poisson count lies beyond 10 sd + 40 reads of its mean


def poisson_mean_of(means: np.ndarray, transform: str) -> np.ndarray:
    """Expectation of a transformed Poisson count, ``E[t(N)]``, summed exactly.

    Parameters
    ----------
    means : array_like, any shape
        Expected counts, at least 0. Equal means give equal results to the last bit, in any call.
    transform : {"log1p", "anscombe", "identity"}
        ``log(1 + n)``, ``2 * sqrt(n + 3/8)`` or ``n``.

    Returns
    -------
    numpy.ndarray, float64, same shape

    Raises
    ------
    SeqauditError
        A mean that is negative or not finite, or an unknown transform.
    """
    return _expectation(means, _function(transform))


def poisson_slope_of(means: np.ndarray, transform: str) -> np.ndarray:
    """Derivative of :func:`poisson_mean_of`: ``d E[t(N)] / d mean = E[t(N + 1) - t(N)]``.

    Parameters, result and errors as there.
    """
    function = _function(transform)
    return _expectation(means, lambda count: function(count + 1) - function(count))


def _function(transform: str) -> Callable[[np.ndarray], np.ndarray]:
    if transform not in COUNT_TRANSFORMS:
        raise SeqauditError(
            f"transform: got {transform!r}, expected one of {', '.join(COUNT_TRANSFORMS)} for counts."
        )
    return COUNT_TRANSFORMS[transform]


def _expectation(means: np.ndarray, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """The sum for every mean has terms, and an order, that depend on nothing but this mean."""
    means = np.asarray(means, dtype=np.float64)
    wrong = ~(np.isfinite(means) & (means >= 0))
    if wrong.any():
        raise SeqauditError(f"expected counts: got {means[wrong][0]}, expected finite numbers, at least 0.")
    distinct, where = np.unique(means, return_inverse=True)
    expectation = np.empty(distinct.size)
    magnitude = np.frexp(distinct)[1].clip(min=0)
    for power in np.unique(magnitude):
        reach = _TAIL[0] * np.sqrt(2.0**power) + _TAIL[1]
        of_power = np.flatnonzero(magnitude == power)
        for rows in np.array_split(of_power, -(-of_power.size // _MEANS_PER_BLOCK)):
            first = np.maximum(np.floor(distinct[rows] - reach), 0)
            counts = first[:, None] + np.arange(2 * int(reach) + 1)
            expectation[rows] = _weighted_mean(function(counts), counts, distinct[rows, None])
    return expectation[where].reshape(means.shape)


def _weighted_mean(values: np.ndarray, counts: np.ndarray, means: np.ndarray) -> np.ndarray:
    log_probability = xlogy(counts, means) - gammaln(counts + 1) - means
    probability = np.exp(log_probability)
    return (probability * values).sum(axis=1) / probability.sum(axis=1)

"""The space in which a model is trained: measured targets, transformed and back."""

import numpy as np

from seqaudit.errors import SeqauditError

TRANSFORMS = ("anscombe", "identity", "log1p")
ANSCOMBE_FLOOR = -3 / 8
"""Smallest count that the Anscombe transform accepts."""


def transform_target(target, transform: str) -> np.ndarray:
    """Map measured targets into the space in which squared error is computed.

    Parameters
    ----------
    target : array_like, any shape
        Measured values, in their own unit (read counts for all but ``"identity"``).
    transform : {"anscombe", "identity", "log1p"}
        ``2 * sqrt(target + 3/8)``, which makes Poisson noise about 1, or nothing, or
        ``log(1 + target)``.

    Returns
    -------
    numpy.ndarray, float64, same shape

    Raises
    ------
    SeqauditError
        For an unknown transform, or a target below -3/8 under ``"anscombe"`` or below 0 under
        ``"log1p"``.
    """
    target = np.asarray(target, dtype=np.float64)
    _check(transform)
    if transform == "identity":
        return target.copy()
    below = np.flatnonzero(target.ravel() < (ANSCOMBE_FLOOR if transform == "anscombe" else 0))
    if below.size:
        raise SeqauditError(
            f"target: value {target.ravel()[below[0]]:g} at row {below[0]} is negative "
            f"({below.size} such rows), but transform '{transform}' needs counts >= 0. "
            "Set the dataset's 'transform' to 'identity' or correct the targets."
        )
    return 2 * np.sqrt(target + 3 / 8) if transform == "anscombe" else np.log1p(target)


def invert_target(transformed, transform: str) -> np.ndarray:
    """Map model outputs back to the unit of the measured target.

    The Anscombe inverse is the plain algebraic one, ``(z / 2)**2 - 3/8``, without bias
    correction and without clipping (Finkelstein et al. 2020, section 2.2).
    """
    transformed = np.asarray(transformed, dtype=np.float64)
    _check(transform)
    if transform == "identity":
        return transformed.copy()
    return (transformed / 2) ** 2 - 3 / 8 if transform == "anscombe" else np.expm1(transformed)


def _check(transform: str) -> None:
    if transform not in TRANSFORMS:
        raise SeqauditError(
            f"transform '{transform}' is unknown, expected one of {', '.join(TRANSFORMS)} "
            "(config: datasets.<name>.transform)."
        )

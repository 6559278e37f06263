"""Weighted least squares for many loci at once."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

_RANK_TOLERANCE = 1e-7
"""A column shorter than this share of itself, once the others are projected out, adds no rank."""


class Fit(NamedTuple):
    """A linear fit per locus: ``coef`` with unit-scale standard errors and the residual scale."""

    coef: np.ndarray
    """``(loci, columns)``."""
    unit_se: np.ndarray
    """Standard errors for a residual standard error of 1, ``(loci, columns)``."""
    residual_se: np.ndarray
    """``(loci,)``."""
    df: np.ndarray
    """Residual degrees of freedom: rows with a positive weight less columns, ``(loci,)``."""
    singular: np.ndarray
    """Loci whose columns are linearly dependent, ``(loci,)`` booleans."""


def row_sum(*factors: np.ndarray) -> np.ndarray:
    """Return the sum over instruments of a product of ``(loci, instruments)`` arrays."""
    subscripts = ",".join("ij" for _ in factors)
    return np.einsum(f"{subscripts}->i", *factors)


def weighted_least_squares(columns: Sequence[np.ndarray], y: np.ndarray, w: np.ndarray) -> Fit:
    """Fit ``y`` on the columns with weights ``w``, every locus on its own.

    Modified Gram-Schmidt on the weighted columns, with ``y`` as the last column: as accurate
    as Householder's QR, and nothing but sums over instruments.

    Parameters
    ----------
    columns : sequence of array, (loci, instruments)
        The design, column by column.
    y, w : array, (loci, instruments)
        Response and non-negative weights; a weight of 0 takes the row out.
    """
    root = np.sqrt(w)
    basis = [root * column for column in columns]
    rest = root * y
    p = len(basis)
    r = np.zeros((len(y), p, p))
    rotated = np.zeros((len(y), p))
    singular = np.zeros(len(y), dtype=bool)
    lengths = [np.sqrt(row_sum(column, column)) for column in basis]
    for j in range(p):
        r[:, j, j] = np.sqrt(row_sum(basis[j], basis[j]))
        singular |= ~(r[:, j, j] > _RANK_TOLERANCE * lengths[j])
        unit = basis[j] / np.where(singular, 1.0, r[:, j, j])[:, np.newaxis]
        for k in range(j + 1, p):
            r[:, j, k] = row_sum(unit, basis[k])
            basis[k] = basis[k] - r[:, j, k, np.newaxis] * unit
        rotated[:, j] = row_sum(unit, rest)
        rest = rest - rotated[:, j, np.newaxis] * unit
    inverse = invert_triangles(r)
    coef = np.einsum("ijk,ik->ij", inverse, rotated)
    df = (w > 0).sum(axis=1) - p
    residual_se = np.sqrt(row_sum(rest, rest) / np.where(df > 0, df, np.nan))
    return Fit(coef, np.sqrt((inverse**2).sum(axis=2)), residual_se, df, singular)


def invert_triangles(r: np.ndarray) -> np.ndarray:
    """Return the inverses of upper triangular matrices, ``(loci, p, p)``."""
    p = r.shape[-1]
    inverse = np.zeros_like(r)
    for j in range(p):
        inverse[:, j, j] = 1 / r[:, j, j]
        for i in range(j - 1, -1, -1):
            cross = np.einsum("lk,lk->l", r[:, i, i + 1 : j + 1], inverse[:, i + 1 : j + 1, j])
            inverse[:, i, j] = -cross / r[:, i, i]
    return inverse


def residual_sum(columns: Sequence[np.ndarray], coef: np.ndarray, y: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Return the weighted sum of squared residuals around given coefficients, ``(loci,)``."""
    residual = y - sum(coef[:, j, np.newaxis] * column for j, column in enumerate(columns))
    return row_sum(w, residual, residual)


def masked_median(values: np.ndarray, used: np.ndarray) -> np.ndarray:
    """Return the median over the used entries that are numbers, ``(loci,)``; NaN for none."""
    values = np.sort(np.where(used, values, np.nan), axis=1)
    count = (~np.isnan(values)).sum(axis=1)
    middle = np.stack([(count - 1) // 2, count // 2], axis=1).clip(min=0)
    pair = (
        np.take_along_axis(values, middle, axis=1) if values.shape[1] else np.full((len(values), 2), np.nan)
    )
    low, high = pair.T
    return np.where(low == high, low, (low + high) / 2)


def whiten(
    columns: Sequence[np.ndarray], sy: np.ndarray, used: np.ndarray, correlation: np.ndarray
) -> tuple[list[np.ndarray], np.ndarray]:
    """Turn generalized into ordinary least squares, and say where that is impossible.

    Parameters
    ----------
    columns : sequence of array, (loci, instruments)
        Columns of the design, and the response.
    sy, used : array, (loci, instruments)
        Standard errors of the response and the instruments that count.
    correlation : array, (instruments, instruments) or (loci, instruments, instruments)

    Returns
    -------
    list of array, (loci, instruments)
        The columns, decorrelated and in units of the standard error.
    array, (loci,)
        Loci whose correlation matrix is singular, not positive definite or not finite.
    """
    both = used[:, :, np.newaxis] & used[:, np.newaxis, :]
    identity = np.eye(used.shape[1])
    matrix = np.where(both, correlation, identity)
    singular = ~np.isfinite(matrix).all(axis=(1, 2))
    matrix[singular] = identity
    eigenvalues = np.linalg.eigvalsh(matrix)
    tolerance = np.finfo(float).eps * used.shape[1] * eigenvalues[:, -1]
    singular |= eigenvalues[:, 0] <= tolerance
    matrix[singular] = identity
    lower = np.linalg.cholesky(matrix)
    stacked = np.stack([np.where(used, column / sy, 0.0) for column in columns], axis=-1)
    return list(np.moveaxis(np.linalg.solve(lower, stacked), -1, 0)), singular


def falling_root(
    evaluate: Callable,
    start: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    tolerance: np.ndarray,
    arrays: Sequence[np.ndarray],
    *,
    most_steps: int = 100,
) -> np.ndarray:
    """Find where functions fall through 0, every locus on its own: Newton's method in a bracket.

    Parameters
    ----------
    evaluate : callable
        ``evaluate(x, *arrays) -> (value, slope)``, each ``(loci,)``; a cautious slope (steeper
        than the true one) where Newton's step could not be trusted.
    start, low, high : array, (loci,)
        First guess, and what is known to hold the root (may be infinite).
    tolerance : array, (loci,)
        A step below this ends the search.
    arrays : sequence of array, (loci, ...)
        Handed to ``evaluate``, cut to the loci that are still moving.

    Notes
    -----
    A step that leaves the bracket is replaced by the middle of it, or by its nearer end where
    the other one is infinite.
    """
    root = start.astype(float)
    index, x = np.arange(len(root)), root.copy()
    for _ in range(most_steps):
        value, slope = evaluate(x, *arrays)
        low, high = np.where(value >= 0, x, low), np.where(value <= 0, x, high)
        newton = x - value / slope
        middle = (low + high) / 2
        middle = np.where(np.isfinite(middle), middle, np.clip(newton, low, high))
        new = np.where((slope < 0) & (newton >= low) & (newton <= high), newton, middle)
        new = np.where(np.isfinite(new), new, x)
        moving = np.abs(new - x) > tolerance
        root[index] = x = new
        if not moving.all():
            if not moving.any():
                break
            index, x, low, high, tolerance = (values[moving] for values in (index, x, low, high, tolerance))
            arrays = [values[moving] for values in arrays]
    return root

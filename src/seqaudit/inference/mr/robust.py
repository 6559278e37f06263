"""MM-regression for many loci at once: what ``robustbase::lmrob`` computes, in numpy.

Three steps per locus (Yohai 1987, with the covariance of Croux, Dhaene and Hoorelbeke 2003):

1. S step: the coefficients whose residuals have the smallest M-scale (50 % breakdown).
2. M step: a smoother bisquare loss at that scale, started there (95 % efficiency).
3. Covariance of the pair, which knows that the scale was estimated by the S step.

The S step is a search among many local optima. lmrob draws 500 random elemental fits (as many
rows as columns); here elemental fits are taken by design, all of them where a locus has few
rows, compared in single precision at one common scale, and only the best are improved. The
winner is then found to machine precision by Newton's method.

Arrays are ``(loci, columns + 1, rows)`` "tables": weighted design columns and, last, the
weighted response. Rows of weight 0 are rows of zeros: their residual is 0 and they drop out of
every sum, so that loci with different numbers of rows share one array.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from seqaudit.inference.mr.kernels import Fit, row_sum, weighted_least_squares

_S_TUNING = 1.54764
"""Bisquare constant of the scale: 50 % breakdown together with a mean loss of 1/2."""
_M_TUNING = 4.685061
"""Bisquare constant of the coefficients: 95 % efficiency at normal errors."""
_MEAN_LOSS = 0.5

_STARTS = 200
"""Elemental fits per locus: all of them up to 20 rows, a fixed even sample beyond."""
_FIRST_STARTS = 48
_KEPT = 16
"""Starts that are improved, least squares besides."""
_IMPROVING_STEPS = 4
_FINALISTS = 3
"""Improved starts that are brought to convergence where they still compete."""
_CLOSE = 0.1
"""Coefficients nearer than this many scales are taken to be in the same basin."""
_WITHIN_REACH = 1.15
"""A rival this many times the best scale, before convergence, may still win."""
_EXACT = 1e-10
"""A scale below this share of the response is none: the rows lie on one line (lmrob's zero.tol)."""
_CONVERGED = 1e-11
"""Relative change of scale and of coefficients (in scales) at which a fit has converged."""
_SMALLEST = 1e-12
"""Floor of scales during iterations: below it a fit is exact."""
_MOST_STEPS = 500
_BLOCK_ELEMENTS = 1 << 17
"""Loci x starts x rows per block of the search (single precision, half a megabyte)."""


def mm_regression(columns: Sequence[np.ndarray], y: np.ndarray, w: np.ndarray) -> Fit:
    """Fit ``y`` on the columns by MM-regression, every locus on its own.

    Parameters
    ----------
    columns : sequence of 1 or 2 arrays, (loci, instruments)
        The design, column by column.
    y, w : array, (loci, instruments)
        Response and non-negative weights; a weight of 0 takes the row out.

    Returns
    -------
    Fit
        ``residual_se`` is the S scale, not truncated, and 0 where more than half of the rows
        lie exactly on one line (the coefficients are then that line, without standard errors).
    """
    coef, unit_se, scale, df, singular = weighted_least_squares(columns, y, w)
    rows = (w > 0).sum(axis=1)
    fitted = np.flatnonzero(~singular & (df > 0))
    table = _sorted_table([column[fitted] for column in columns], y[fitted], w[fitted])
    for group in _groups_of_similar_size(rows[fitted]):
        loci = fitted[group]
        count = rows[loci]
        coef[loci], unit_se[loci], scale[loci] = _fit_table(table[group, :, : count.max()], coef[loci], count)
    return Fit(coef, unit_se, scale, df, singular)


def _sorted_table(columns, y, w) -> np.ndarray:
    """Weighted rows, coded to a positive last column and sorted by it, those of weight 0 last."""
    sign = np.where(columns[-1] < 0, -1.0, 1.0)
    order = np.lexsort((w, sign * y, sign * columns[-1], w == 0), axis=1)
    root = np.take_along_axis(np.sqrt(w) * sign, order, axis=1)
    return np.stack([root * np.take_along_axis(values, order, axis=1) for values in (*columns, y)], axis=1)


def _groups_of_similar_size(count: np.ndarray) -> list[np.ndarray]:
    """Indices of loci in groups whose row counts differ by at most an eighth."""
    order = np.argsort(count, kind="stable")
    groups, start = [], 0
    while start < len(order):
        limit = count[order[start]] * 9 // 8
        stop = start + np.searchsorted(count[order[start:]], limit, side="right")
        groups.append(order[start:stop])
        start = stop
    return groups


def _fit_table(table: np.ndarray, least_squares: np.ndarray, count: np.ndarray):
    """Run the three steps on loci of similar size; coefficients, unit standard errors, scale."""
    p = table.shape[1] - 1
    # Work on the residuals of least squares, every column in units of its length: numbers near 1
    # for any units of the effects, and safe in single precision.
    size = _length(table[:, p], count)
    table = np.concatenate([table[:, :p], _residuals(table, least_squares)[:, np.newaxis]], axis=1)
    length = np.stack([_length(table[:, column], count) for column in range(p + 1)], axis=1)
    exact = length[:, p] <= _EXACT * size
    length[exact, p] = 1.0
    table[exact, p] = 0.0
    table = table / length[:, :, np.newaxis]
    unit = length[:, p:] / length[:, :p]

    target = (count - p) * _MEAN_LOSS
    s_coef, scale = _s_step(table, target, count)
    exact |= scale * length[:, p] <= _EXACT * size
    scale[exact] = 1.0
    coef, _ = _descend(table, s_coef, scale, _M_TUNING)
    variance = _variance(table, coef, s_coef, scale, count)
    coef[exact] = s_coef[exact]
    variance[exact] = np.nan
    scale = scale * length[:, p]
    unit_se = np.sqrt(variance) * unit / scale[:, np.newaxis]
    return least_squares + unit * coef, unit_se, np.where(exact, 0.0, scale)


def _length(values: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Root mean square over the rows that count, ``(loci,)``."""
    return np.sqrt((values**2).sum(axis=1) / count)


def _residuals(table: np.ndarray, coef: np.ndarray) -> np.ndarray:
    """Residuals of one set of coefficients per locus, ``(loci, rows)``."""
    p = coef.shape[1]
    return table[:, p] - np.einsum("lp,lpr->lr", coef, table[:, :p])


# --- S step -------------------------------------------------------------------------------------


class _Search(NamedTuple):
    """Loci of one block: the table in single precision, and what all starts share."""

    table: np.ndarray
    """``(loci, columns + 1, rows)``, single precision."""
    products: np.ndarray
    """Per row the products that normal equations sum, ``(loci, rows, products)``."""
    target: np.ndarray
    """Sum of losses that defines the scale, ``(loci, 1)``."""


def _s_step(table: np.ndarray, target: np.ndarray, count: np.ndarray):
    """Coefficients with the smallest scale, ``(loci, columns)``, and that scale, ``(loci,)``."""
    block = max(1, _BLOCK_ELEMENTS // (_KEPT * table.shape[2]))
    parts = [
        _search(table[i : i + block], target[i : i + block], count[i : i + block])
        for i in range(0, len(table), block)
    ]
    finalists, roughly = (np.concatenate(part) for part in zip(*parts, strict=True))
    coef, scale = _descend(table, finalists[:, 0], roughly[:, 0], _S_TUNING, target)
    for f in range(1, finalists.shape[1]):
        # Others may overtake once they have converged, if they are close and not the same.
        apart = np.abs(coef - finalists[:, f]).max(axis=1) > _CLOSE * scale
        rival = np.flatnonzero(apart & (roughly[:, f] < _WITHIN_REACH * scale))
        start = (table[rival], finalists[rival, f], roughly[rival, f])
        rival_coef, rival_scale = _descend(*start, _S_TUNING, target[rival])
        better = rival_scale < scale[rival]
        coef[rival[better]], scale[rival[better]] = rival_coef[better], rival_scale[better]
    return coef, scale


def _search(table: np.ndarray, target: np.ndarray, count: np.ndarray):
    """The most promising coefficients per locus, ``(loci, finalists, columns)``, and their scales."""
    single = table.astype(np.float32)
    p = table.shape[1] - 1
    search = _Search(single, _row_products(single, p + 1), target.astype(np.float32)[:, np.newaxis])
    starts = _elemental_starts(table, count)

    # A scale near the smallest one, at which all starts can be compared: that of least squares
    # (which has zero coefficients here) after some improvement, then of the best of a few starts.
    plain = np.zeros_like(starts[:, :1])
    plain, scale = _improve(search, plain, np.ones_like(plain[:, :, 0]), _IMPROVING_STEPS)
    few = starts[:, :: max(1, starts.shape[1] // _FIRST_STARTS)]
    best = _lowest(few, _losses(search, few, scale), 1)
    scale = np.minimum(scale, _improve(search, best, scale, 2)[1])
    chosen = np.concatenate([_lowest(starts, _losses(search, starts, scale), _KEPT), plain], axis=1)
    return _distinct(*_improve(search, chosen, np.repeat(scale, chosen.shape[1], axis=1), _IMPROVING_STEPS))


def _distinct(coef: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """The best coefficients, then the best of those not close to better ones, with their scales."""
    loci = np.arange(len(coef))
    remaining, chosen, scales = scale.copy(), [], []
    for _ in range(_FINALISTS):
        best = remaining.argmin(axis=1)
        chosen.append(coef[loci, best])
        scales.append(remaining[loci, best])
        distance = np.abs(coef - chosen[-1][:, np.newaxis]).max(axis=2)
        remaining[distance < _CLOSE * scale[loci, best, np.newaxis]] = np.inf
    return np.stack(chosen, axis=1).astype(float), np.stack(scales, axis=1).astype(float)


@lru_cache(maxsize=512)
def _elemental_sets(rows: int, p: int) -> tuple[np.ndarray, ...]:
    """Positions of rows that make up the starts of a locus with that many rows: one array per column.

    All single rows (p = 1) or pairs (p = 2), and a fixed even sample of the pairs where there
    are more than ``_STARTS``.
    """
    if p == 1:
        return (np.arange(rows),)
    first, second = np.triu_indices(rows, 1)
    if len(first) > _STARTS:
        chosen = np.random.default_rng(rows).permutation(len(first))[:_STARTS]
        first, second = first[chosen], second[chosen]
    return first, second


def _elemental_starts(table: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Exact fits through single rows or pairs of rows, ``(loci, starts, columns)`` in single precision."""
    p = table.shape[1] - 1
    sizes, which = np.unique(count, return_inverse=True)
    sets = [_elemental_sets(size, p) for size in sizes]
    most = max(len(rows[0]) for rows in sets)
    # Loci with fewer rows repeat their starts.
    rows = [np.stack([np.resize(rows[column], most) for rows in sets])[which] for column in range(p)]
    corner = [np.take_along_axis(table, position[:, np.newaxis], axis=2) for position in rows]
    if p == 1:
        fits = (corner[0][:, 1] / corner[0][:, 0])[:, :, np.newaxis]
    else:
        (a, b, y), (c, d, z) = (np.moveaxis(values, 1, 0) for values in corner)
        fits = np.stack([y * d - z * b, a * z - c * y], axis=2) / (a * d - b * c)[:, :, np.newaxis]
    bounded = np.abs(fits).max(axis=2, keepdims=True) < 1e6
    return np.where(bounded, fits, 0.0).astype(np.float32)


def _squares(search: _Search, coef: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Squared residuals in units of the tuned scale, ``(loci, starts, rows)``, capped at 1."""
    unit = np.broadcast_to(1 / (_S_TUNING * scale[:, :, np.newaxis]), (*coef.shape[:2], 1))
    u = np.matmul(np.concatenate([coef * unit, -unit], axis=2), search.table)
    np.multiply(u, u, out=u)
    return np.minimum(u, 1, out=u)


def _losses(search: _Search, coef: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Sum of losses of every start at a scale, ``(loci, starts)``."""
    rows = search.table.shape[2]
    losses = np.empty(coef.shape[:2], dtype=np.float32)
    block = max(1, _BLOCK_ELEMENTS // (rows * coef.shape[1]))
    for i in range(0, len(coef), block):
        part = slice(i, i + block)
        rest = _squares(_Search(*(values[part] for values in search)), coef[part], scale[part])
        np.subtract(1, rest, out=rest)
        losses[part] = rows - np.einsum("lsr,lsr->ls", rest * rest, rest)
    return losses


def _improve(search: _Search, coef: np.ndarray, scale: np.ndarray, steps: int):
    """Iterate reweighted least squares and the scale together; coefficients and scales."""
    for _ in range(steps):
        rest = _squares(search, coef, scale)
        np.subtract(1, rest, out=rest)
        weight = rest * rest
        cubes, squares = np.einsum("lsr,lsr->ls", weight, rest), weight.sum(axis=2)
        coef = _solve_normal(np.matmul(weight, search.products), coef)
        scale = _scale_step(scale, squares, cubes, rest.shape[2], search.target)
    return coef, scale


def _scale_step(scale, squares, cubes, rows, target):
    """One step towards the scale at which the losses sum to the target.

    ``squares`` and ``cubes`` are sums over rows of powers of ``1 - (r / (c scale))**2`` (0 for
    the rows beyond ``c scale``). Newton's method for ``scale**-2``: the sum is a concave function
    of it, so that steps from a scale that is too large never overshoot.
    """
    losses = rows - cubes
    slope = 3 * (squares - cubes)
    newton = slope / (slope + target - losses)
    factor = np.sqrt(np.where((newton > 0) & np.isfinite(newton), newton, losses / target))
    return np.maximum(scale * factor, _SMALLEST)


def _solve_normal(sums: np.ndarray, fallback: np.ndarray) -> np.ndarray:
    """Coefficients from sums of products; ``fallback`` where they are not determined."""
    if fallback.shape[2] == 1:
        coef = sums[..., 1:2] / sums[..., 0:1]
    else:
        aa, ab, ay, bb, by = np.moveaxis(sums, -1, 0)
        coef = (
            np.stack([ay * bb - by * ab, aa * by - ab * ay], axis=-1) / (aa * bb - ab * ab)[..., np.newaxis]
        )
    return np.where(np.isfinite(coef).all(axis=2, keepdims=True), coef, fallback)


def _lowest(coef: np.ndarray, value: np.ndarray, number: int) -> np.ndarray:
    """The coefficients with the lowest values, ``(loci, number, columns)``."""
    number = min(number, coef.shape[1])
    chosen = np.argpartition(value, number - 1, axis=1)[:, :number, np.newaxis]
    return np.take_along_axis(coef, chosen, axis=1)


def _row_products(table: np.ndarray, columns: int) -> np.ndarray:
    """Products of design columns with the first so many columns, ``(loci, rows, products)``."""
    p = table.shape[1] - 1
    pairs = [(a, b) for a in range(p) for b in range(a, columns)]
    return np.stack([table[:, a] * table[:, b] for a, b in pairs], axis=2)


# --- Convergence and covariance -----------------------------------------------------------------


def _descend(table, coef, scale, tuning, target=None):
    """Minimise bisquare loss from given coefficients, at a fixed scale or, with a target, with it.

    Newton's steps where the loss is convex and they are short, else reweighted least squares,
    which cannot leave its basin.
    """
    p = coef.shape[1]
    all_coef, all_scale = coef.copy(), scale.copy()
    index, products = np.arange(len(coef)), _row_products(table, p)
    target = np.zeros(len(coef)) if target is None else target
    fixed = not target.any()
    for _ in range(_MOST_STEPS):
        if not len(index):
            break
        residual = _residuals(table, coef)
        change = np.zeros(len(index))
        if not fixed:
            rest = np.maximum(1 - (residual / (tuning * scale[:, np.newaxis])) ** 2, 0)
            squares = rest**2
            new = _scale_step(scale, squares.sum(axis=1), row_sum(squares, rest), rest.shape[1], target)
            change, scale = np.abs(new / scale - 1), new
        rest = np.maximum(1 - (residual / (tuning * scale[:, np.newaxis])) ** 2, 0)
        weight = rest**2
        curvature = rest * (5 * rest - 4)
        gradient = np.einsum("lr,lpr->lp", weight * residual, table[:, :p])
        sums = np.matmul(np.stack([weight, curvature], axis=1), products)
        safe, newton = (np.einsum("lab,lb->la", _inverse(sums[:, k]), gradient) for k in range(2))
        near = _positive(sums[:, 1]) & (np.abs(newton).max(axis=1) < 0.1 * scale)
        step = np.where(near[:, np.newaxis], newton, np.where(np.isfinite(safe), safe, 0.0))
        coef = coef + step
        all_coef[index], all_scale[index] = coef, scale
        change = np.maximum(change, np.abs(step).max(axis=1) / scale)
        moving = (change > _CONVERGED) & (scale > _SMALLEST)
        if not moving.all():
            state = (index, table, products, coef, scale, target)
            index, table, products, coef, scale, target = (values[moving] for values in state)
    return all_coef, all_scale


def _inverse(packed: np.ndarray) -> np.ndarray:
    """Inverses of symmetric 1 x 1 or 2 x 2 matrices given by their upper triangle, ``(loci, p, p)``."""
    if packed.shape[1] == 1:
        return 1 / packed[:, :, np.newaxis]
    a, b, d = packed.T
    inverse = np.stack([d, -b, -b, a], axis=1) / (a * d - b * b)[:, np.newaxis]
    return inverse.reshape(-1, 2, 2)


def _positive(packed: np.ndarray) -> np.ndarray:
    """Whether each matrix is positive definite, ``(loci,)``."""
    first = packed[:, 0] > 0
    return first if packed.shape[1] == 1 else first & (packed[:, 0] * packed[:, 2] > packed[:, 1] ** 2)


def _variance(table, coef, s_coef, scale, count) -> np.ndarray:
    """Variances of the coefficients, ``(loci, columns)``: lmrob's ``.vcov.avar1``."""
    p = coef.shape[1]
    x = table[:, :p]
    u = _residuals(table, coef) / scale[:, np.newaxis]
    s_u = _residuals(table, s_coef) / scale[:, np.newaxis]
    rest = np.maximum(1 - (u / _M_TUNING) ** 2, 0)
    s_rest = np.maximum(1 - (s_u / _S_TUNING) ** 2, 0)
    psi, psi_slope = u * rest**2, rest * (5 * rest - 4)
    chi, chi_slope = 1 - s_rest**3, 6 * s_u * s_rest**2 / _S_TUNING**2
    curvature = np.matmul(psi_slope[:, np.newaxis], _row_products(table, p))[:, 0]
    pull = scale[:, np.newaxis, np.newaxis] * np.matmul(_inverse(curvature), x)
    # pull: change of each coefficient per unit of score of each row, (loci, columns, rows)
    scale_slope = row_sum(chi_slope, s_u) / count
    shift = np.einsum("lpr,lr->lp", pull, psi_slope * u) / scale_slope[:, np.newaxis]
    cross = np.einsum("lpr,lr->lp", pull, psi * chi) / count[:, np.newaxis]
    chi_variance = (row_sum(chi, chi) / count - _MEAN_LOSS**2) / count
    own = np.einsum("lpr,lr->lp", pull**2, psi**2)
    return own - 2 * shift * cross + shift**2 * chi_variance[:, np.newaxis]

"""The share of a claimed interaction that held-out targets confirm, by regression on a twin's residual.

    y = f_T + a1 (f0 - f0_T) + a2 (M_A - M_A_T) + a3 (M_B - M_B_T) + beta I + noise

``f0`` is the prediction without both motifs, ``M`` a main effect, ``I`` the claimed interaction and ``_T``
the additive twin. If the twin is right all coefficients are 0, if the model is right all are 1. There is no
intercept: it would soak up what the twin has absorbed of a true interaction.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, stdtr

from seqaudit.errors import SeqauditError

NOISE = ("poisson", "constant")
SMALLEST_P = float(np.finfo(np.float64).tiny)
"""P-values below 2.2e-308 are returned as this, so that a logarithm stays finite."""
_RANK = 1e-10


class Regression(NamedTuple):
    """The regression of one model on one twin, ready for any labels.

    ``design`` (n_pairs, 4) has the claimed interaction first; ``weights`` (n_pairs,);
    ``solver`` (4, n_pairs) maps residuals to coefficients; ``leverage`` (n_pairs,).
    ``separable`` is False where the claimed interaction cannot be told from the covariates.
    """

    twin: np.ndarray
    design: np.ndarray
    weights: np.ndarray
    starts: np.ndarray
    solver: np.ndarray
    leverage: np.ndarray
    separable: bool


class Shares(NamedTuple):
    """One regression for several label vectors.

    ``beta``, ``se`` (n_labels,); ``coefficients`` (n_labels, 4), interaction first; ``influence``
    (n_labels, n_groups), what every independent group contributes to the error of beta.
    """

    beta: np.ndarray
    se: np.ndarray
    coefficients: np.ndarray
    influence: np.ndarray


def prepare(model: np.ndarray, twin: np.ndarray, starts: np.ndarray, *, noise: str = "poisson") -> Regression:
    """Set up the regression of one model's claims on one twin.

    Parameters
    ----------
    model, twin : numpy.ndarray, shape (4, n_pairs), float64
        Prediction without both motifs, main effects of A and B, interaction (``Claims.parts``
        of one model, and ``twin_parts``), in the unit of the target.
    starts : numpy.ndarray, shape (n_groups,), int
        First pair of every independent group; pairs are sorted by group.
    noise : {"poisson", "constant"}
        Weights 1 / (prediction of the twin), at least 1 read, or equal weights.

    Raises
    ------
    SeqauditError
        An unknown noise model.
    """
    if noise not in NOISE:
        raise SeqauditError(f"noise: got '{noise}', expected one of {', '.join(NOISE)}.")
    level = twin.sum(axis=0)
    weights = 1 / np.maximum(level, 1.0) if noise == "poisson" else np.ones_like(level)
    design = np.column_stack([model[3], *(model[:3] - twin[:3])])
    solver, rank = _solver(design, weights)
    leverage = np.einsum("ij,ji->i", design, solver)
    separable = rank > _solver(design[:, 1:], weights)[1]
    return Regression(level, design, weights, starts, solver, leverage, separable)


def confirmed_share(regression: Regression, labels: np.ndarray, *, covariance: str = "HC0") -> Shares:
    """Estimate beta, with errors that allow for any variance and for dependence within groups.

    Parameters
    ----------
    labels : numpy.ndarray, shape (n_pairs,) or (n_labels, n_pairs)
        Held-out targets. Everything is linear in them, so many redraws cost one product.
    covariance : {"HC0", "HC3"}
        Sandwich as is, or with residuals divided by one minus their leverage (MacKinnon &
        White 1985). Residuals of one group are summed first, so that pairs of one genomic
        element count once; with one pair per group this is the usual HC0 or HC3.

    Returns
    -------
    Shares
        NaN where the claim cannot be told from the covariates.

    Raises
    ------
    SeqauditError
        An unknown covariance.
    """
    if covariance not in ("HC0", "HC3"):
        raise SeqauditError(f"covariance: got '{covariance}', expected 'HC0' or 'HC3'.")
    residual = np.atleast_2d(labels) - regression.twin
    coefficients = residual @ regression.solver.T
    error = residual - coefficients @ regression.design.T
    if covariance == "HC3":
        error /= 1 - regression.leverage
    error *= regression.solver[0]
    influence = sum_groups(error, regression.starts)
    se = np.sqrt((influence**2).sum(axis=1))
    if not regression.separable:
        coefficients, se = np.full_like(coefficients, np.nan), np.full_like(se, np.nan)
    return Shares(coefficients[:, 0], se, coefficients, influence)


def cross_fitted(
    regression: Regression, labels: np.ndarray, *, n_folds: int = 5, seed: int = 0
) -> np.ndarray:
    """P-values that the claimed interaction predicts targets that the regression has not seen.

    Coefficients are fitted with and without the interaction on all folds but one; a one-sided
    t-test asks whether the weighted squared error of the left-out groups is smaller with it. A
    gain with beta <= 0 speaks against the claim, not for it, and has p = 1. Under the null a
    useless term makes predictions slightly worse, so this test is conservative.

    Parameters
    ----------
    labels : numpy.ndarray, shape (n_pairs,) or (n_labels, n_pairs)
    n_folds : int
        Groups are dealt into these at random.

    Returns
    -------
    numpy.ndarray, shape (n_labels,), float64

    Raises
    ------
    SeqauditError
        Fewer than two folds, or more folds than groups.
    """
    n_groups = len(regression.starts)
    if not 2 <= n_folds <= n_groups:
        raise SeqauditError(f"n_folds: got {n_folds}, expected 2 to the number of groups ({n_groups}).")
    labels = np.atleast_2d(labels)
    if not regression.separable:
        return np.full(len(labels), np.nan)
    sizes = np.diff(regression.starts, append=len(regression.twin))
    fold_of_group = np.random.default_rng(seed).permutation(np.arange(n_groups) % n_folds)
    # sorted by fold, folds and groups are slices, and what all folds but one sum to is a difference
    order = np.argsort(np.repeat(fold_of_group, sizes), kind="stable")
    residual = labels[:, order] - regression.twin[order]
    design, weights = regression.design[order], regression.weights[order]
    weighted = design * weights[:, None]
    ends = np.cumsum(np.bincount(fold_of_group, weights=sizes, minlength=n_folds).astype(int))
    folds = [slice(start, end) for start, end in zip((0, *ends[:-1]), ends)]
    grams = np.stack([design[fold].T @ weighted[fold] for fold in folds])
    scores = np.stack([residual[:, fold] @ weighted[fold] for fold in folds])
    gain = np.empty_like(residual)
    for fold, gram, score in zip(folds, grams.sum(axis=0) - grams, scores.sum(axis=0) - scores):
        with_it = score @ _inverse(gram) @ design[fold].T
        without = score[:, 1:] @ _inverse(gram[1:, 1:]) @ design[fold, 1:].T
        gain[:, fold] = (with_it - without) * (2 * residual[:, fold] - with_it - without) * weights[fold]
    gain = sum_groups(gain, np.r_[0, np.cumsum(sizes[np.argsort(fold_of_group, kind="stable")])[:-1]])
    t = gain.mean(axis=1) / (gain.std(axis=1, ddof=1) / np.sqrt(n_groups))
    p = np.maximum(stdtr(n_groups - 1, -t), SMALLEST_P)
    return np.where(residual @ regression.solver[0, order] > 0, p, 1.0)


def upper_tail(beta, se, margin: float = 0.0) -> np.ndarray:
    """One-sided p-values that beta exceeds ``margin``; NaN stays NaN."""
    return np.maximum(ndtr(-(np.asarray(beta) - margin) / np.asarray(se)), SMALLEST_P)


def sum_groups(values: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Sum the last axis over groups that begin at ``starts``."""
    return values if len(starts) == values.shape[-1] else np.add.reduceat(values, starts, axis=-1)


def _solver(design: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, int]:
    """Weighted least squares as a matrix; columns that are zero or repeat others get no share."""
    weighted = design * weights[:, None]
    gram = design.T @ weighted
    scale = _scale(gram)
    rank = np.linalg.matrix_rank(gram / np.outer(scale, scale), tol=_RANK * len(gram), hermitian=True)
    return _inverse(gram) @ weighted.T, int(rank)


def _inverse(gram: np.ndarray) -> np.ndarray:
    """Inverse of a Gram matrix whatever the units of its columns, without those that depend on others."""
    scale = _scale(gram)
    outer = np.outer(scale, scale)
    return np.linalg.pinv(gram / outer, rcond=_RANK, hermitian=True) / outer


def _scale(gram: np.ndarray) -> np.ndarray:
    norms = np.sqrt(np.maximum(np.diag(gram), 0))
    return np.where(norms > 0, norms, 1.0)

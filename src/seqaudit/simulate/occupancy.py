"""How much of a factor is bound to a sequence, and to every single-base mutant of it.

A window is bound with chance ``p = 1 / (1 + exp(-log_odds - mu))``; a sequence is occupied if any
of its windows is: ``q = 1 - prod(1 - p)`` (Malina et al. 2022, S1 Text). Everything is computed
from ``log(1 - p)``, which adds up over windows and stays exact when p is close to 1.
"""

from collections.abc import Sequence

import numpy as np

from seqaudit.data.motifs import scan
from seqaudit.data.sequences import UNKNOWN, letter_codes
from seqaudit.errors import SeqauditError

_FLOOR = -1e3
"""Log-odds that stand for -inf: no window holding one is ever bound, and differences stay finite."""

_CELLS_PER_BLOCK = 4_000_000


def log_unbound(
    sequences: Sequence[str] | np.ndarray,
    matrix: np.ndarray,
    *,
    strand: str = "+",
    mu: float = 0.0,
    min_occupancy: float = 0.0,
) -> np.ndarray:
    """Log of the chance that a window is not bound.

    Parameters
    ----------
    sequences : sequence of str, or letter codes of shape (n, length)
    matrix : numpy.ndarray, shape (width, 4)
        Log-odds, natural logarithm, from :func:`seqaudit.data.motifs.log_odds`.
    strand : {"+", "-", "+-"}
        Strand that is read. With both, a window is bound if either orientation is.
    mu : float
        Chemical potential; negative where binding needs better sites.
    min_occupancy : float, 0 to below 1
        What a window must exceed to be bound at all: ``p`` becomes
        ``max(0, (p - min_occupancy) / (1 - min_occupancy))`` for each orientation. Above 0,
        weak windows have an occupancy of exactly 0.

    Returns
    -------
    numpy.ndarray, float64, shape (n, length - width + 1)
        At most 0; windows inside the sequence, by their start.

    Raises
    ------
    SeqauditError
        The motif is longer than the sequences, an unknown strand, ``min_occupancy`` out of range.
    """
    _check_min_occupancy(min_occupancy)
    scores = scan(sequences, np.maximum(matrix, _FLOOR), strand=strand)
    unbound = _log_unbound_of(scores, mu, min_occupancy)
    return unbound.sum(axis=0) if strand == "+-" else unbound


def occupancies(
    sequences: Sequence[str] | np.ndarray,
    matrix: np.ndarray,
    *,
    strand: str = "+",
    mu: float = 0.0,
    min_occupancy: float = 0.0,
) -> np.ndarray:
    """Chance that at least one window of a sequence is bound; float64, shape (n,).

    Parameters and errors as in :func:`log_unbound`.
    """
    unbound = log_unbound(sequences, matrix, strand=strand, mu=mu, min_occupancy=min_occupancy)
    return chance_of(unbound.sum(axis=1))


def mutant_log_unbound_changes(
    sequences: Sequence[str] | np.ndarray,
    matrix: np.ndarray,
    *,
    strand: str = "+",
    mu: float = 0.0,
    min_occupancy: float = 0.0,
) -> np.ndarray:
    """What each single-base mutation does to the windows that hold it.

    Parameters and errors as in :func:`log_unbound`.

    Returns
    -------
    numpy.ndarray, float64, shape (n, 4, length, width)
        Change of :func:`log_unbound` when the base at a position becomes A, C, G or T, in the
        window that starts ``0 .. width - 1`` positions before it. Exactly 0 where the base is
        already there, and where no window starts.
    """
    _check_min_occupancy(min_occupancy)
    codes = letter_codes(sequences)
    matrix = np.maximum(matrix, _FLOOR)
    width, length = len(matrix), codes.shape[1]
    starts = np.arange(length)[:, None] - np.arange(width)
    exists = (starts >= 0) & (starts <= length - width)
    changes = np.zeros((len(codes), 4, length, width))
    for one in strand:
        scores = scan(codes, matrix, strand=one)[:, np.where(exists, starts, 0)]
        read = matrix if one == "+" else matrix[::-1, ::-1]
        of_letter = np.vstack([read.T, np.zeros(width)])  # N, the last letter, scores 0
        present = of_letter[codes]
        before = _log_unbound_of(scores, mu, min_occupancy)
        for base in range(UNKNOWN):
            after = _log_unbound_of(scores + (of_letter[base] - present), mu, min_occupancy)
            changes[:, base] += np.where(exists, after - before, 0.0)
    return changes


def mutant_occupancies(
    sequences: Sequence[str] | np.ndarray,
    matrix: np.ndarray,
    *,
    strand: str = "+",
    mu: float = 0.0,
    min_occupancy: float = 0.0,
) -> np.ndarray:
    """Occupancy of every single-base mutant.

    Only windows that hold the mutation are scored again; the result is that of
    :func:`occupancies` for each mutant, to rounding.

    Parameters and errors as in :func:`log_unbound`.

    Returns
    -------
    numpy.ndarray, float64, shape (n, 4, length)
        Occupancy with base A, C, G or T at each position. Where that base is already there,
        and wherever a mutation changes no window, it is that of the sequence to the last bit.
    """
    codes = letter_codes(sequences)
    options = {"strand": strand, "mu": mu, "min_occupancy": min_occupancy}
    result = np.empty((len(codes), 4, codes.shape[1]))
    rows_per_block = max(1, _CELLS_PER_BLOCK // (4 * codes.shape[1] * len(matrix)))
    for first in range(0, len(codes), rows_per_block):
        rows = slice(first, first + rows_per_block)
        total = log_unbound(codes[rows], matrix, **options).sum(axis=1)[:, None, None]
        change = mutant_log_unbound_changes(codes[rows], matrix, **options).sum(axis=3)
        result[rows] = np.where(change == 0, chance_of(total), chance_of(total + change))
    return result


def chance_of(log_unbound: np.ndarray) -> np.ndarray:
    """Chance to be bound, ``1 - exp(log_unbound)``, without loss of small ones; any shape."""
    return 0.0 - np.expm1(log_unbound)  # 0 and not -0 where nothing is bound


def _log_unbound_of(scores: np.ndarray, mu: float, min_occupancy: float) -> np.ndarray:
    """``log(1 - p)`` of one orientation of windows with these log-odds."""
    unbound = -np.logaddexp(0, scores + mu)
    return np.minimum(unbound - np.log1p(-min_occupancy), 0) if min_occupancy else unbound


def _check_min_occupancy(min_occupancy: float) -> None:
    if not 0 <= min_occupancy < 1:
        raise SeqauditError(f"min_occupancy: got {min_occupancy}, expected a number from 0 to below 1.")

"""Motifs: probability matrices, their log-odds, and where they match in sequences."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seqaudit.data.sequences import UNKNOWN, letter_codes
from seqaudit.errors import SeqauditError

PADDINGS = ("valid", "same")
STRANDS = ("+", "-", "+-")
ROW_SUM_TOLERANCE = 1e-3
"""How far a row of probabilities may miss 1: files round their digits."""

_WORD = 4  # letters looked up at once in a scan
_ROWS_PER_BLOCK = 1024  # keeps the arrays of a scan in the cache


@dataclass(frozen=True, eq=False)
class Motif:
    """A position probability matrix with a name.

    Parameters
    ----------
    name : str
        Identifier, without spaces and commas.
    ppm : array_like, shape (width, 4)
        Probabilities of A, C, G, T at each position, as the source gives them. They are
        never renormalised, so that published numbers can be reproduced.
    alternative_name : str
        A second name it can be found by, often that of the factor; may be empty.
    n_sites : float, optional
        Number of sites behind the matrix, where the source tells.

    Raises
    ------
    SeqauditError
        Wrong shape, a value that is negative or not finite, or a row whose sum misses 1
        by more than ``ROW_SUM_TOLERANCE``.
    """

    name: str
    ppm: np.ndarray
    alternative_name: str = ""
    n_sites: float | None = None

    def __post_init__(self):
        for name in (self.name, self.alternative_name):
            if any(character.isspace() or character == "," for character in name):
                raise SeqauditError(f"motif name {name!r}: expected no spaces and commas. Rename the motif.")
        if not self.name:
            raise SeqauditError("motif: its name is empty. Give it one.")
        ppm = np.array(self.ppm, dtype=np.float64)
        if ppm.ndim != 2 or ppm.shape[1] != 4 or ppm.shape[0] == 0:
            raise SeqauditError(
                f"motif '{self.name}': matrix of shape {ppm.shape}, expected one row per position with "
                "the four probabilities of A, C, G, T."
            )
        for row, values in enumerate(ppm):
            problem = None
            if not np.isfinite(values).all() or (values < 0).any():
                problem = "expected four numbers from 0 to 1"
            elif abs(values.sum() - 1) > ROW_SUM_TOLERANCE:
                problem = f"its sum is {values.sum():.6g}, expected 1 within {ROW_SUM_TOLERANCE:g}"
            if problem:
                raise SeqauditError(
                    f"motif '{self.name}': row {row} is {' '.join(f'{v:g}' for v in values)}; {problem}. "
                    "Correct the matrix; it is not renormalised for you."
                )
        ppm.flags.writeable = False
        object.__setattr__(self, "ppm", ppm)

    @property
    def width(self) -> int:
        """Number of positions."""
        return len(self.ppm)


def find_motif(motifs: Sequence[Motif], name: str, *, where: str = "motifs") -> Motif:
    """The motif with this name or, if there is none, with this alternative name.

    Raises
    ------
    SeqauditError
        No such motif, or several that share the alternative name.
    """
    for attribute in ("name", "alternative_name"):
        found = [motif for motif in motifs if getattr(motif, attribute) == name]
        if len(found) == 1:
            return found[0]
        if found:
            raise SeqauditError(
                f"{where}: {len(found)} motifs are called '{name}': {', '.join(m.name for m in found)}. "
                "Use one of these names."
            )
    known = [motif.name for motif in motifs]
    close = difflib.get_close_matches(name, known + [m.alternative_name for m in motifs], n=3, cutoff=0.5)
    hint = f"Did you mean {', '.join(close)}?" if close else f"It has {', '.join(known[:20])}."
    raise SeqauditError(f"{where}: no motif '{name}' among {len(known)}. {hint}")


def smooth(ppm: np.ndarray, *, pseudocount: float) -> np.ndarray:
    """Mix probabilities with the uniform distribution: ``(1 - pseudocount) * p + pseudocount / 4``."""
    if not 0 <= pseudocount < 1:
        raise SeqauditError(f"pseudocount: got {pseudocount}, expected a number from 0 to below 1.")
    return np.asarray(ppm, dtype=np.float64) * (1 - pseudocount) + pseudocount / 4


def log_odds(motif: Motif, *, pseudocount: float, background: Sequence[float]) -> np.ndarray:
    """Log-odds matrix of a motif, natural logarithm.

    Parameters
    ----------
    motif : Motif
    pseudocount : float
        See :func:`smooth`. At 0, letters that the motif excludes score -inf.
    background : sequence of four floats
        Probabilities of A, C, G, T outside motifs.

    Returns
    -------
    numpy.ndarray, float64, shape (width, 4)
        ``ln(p / background)``, high = strong.
    """
    background = check_background(background)
    with np.errstate(divide="ignore"):
        return np.log(smooth(motif.ppm, pseudocount=pseudocount) / background)


def check_background(background: Sequence[float]) -> np.ndarray:
    """Letter probabilities as an array; an error unless they are four, positive, with sum 1."""
    checked = np.asarray(background, dtype=np.float64)
    if checked.shape != (4,) or not (checked > 0).all() or abs(checked.sum() - 1) > 1e-6:
        raise SeqauditError(
            f"background: got {list(background)}, expected four positive probabilities of A, C, G, T "
            "with sum 1."
        )
    return checked


def scan(
    sequences: Sequence[str] | np.ndarray,
    matrix: np.ndarray,
    *,
    padding: str = "valid",
    strand: str = "+",
) -> np.ndarray:
    """Score every window of every sequence with a log-odds matrix.

    Parameters
    ----------
    sequences : sequence of str, or letter codes of shape (n, length)
    matrix : numpy.ndarray, shape (width, 4)
        From :func:`log_odds`.
    padding : {"valid", "same"}
        ``"valid"``: windows inside the sequence, ``length - width + 1`` of them.
        ``"same"``: ``length`` windows; the first starts at ``-((width - 1) // 2)``, and
        what lies outside the sequence scores 0, as N does.
    strand : {"+", "-", "+-"}
        Strand that is read; window positions are those of the forward strand in all cases.

    Returns
    -------
    numpy.ndarray, float64
        Shape (n, windows) for one strand, (2, n, windows) for both, forward first.

    Raises
    ------
    SeqauditError
        The motif is longer than the sequences (``"valid"``), unknown padding or strand.

    Notes
    -----
    The sum over a window is taken four letters at a time from a table of all words of four
    letters, which is several times faster than letter by letter.
    """
    if strand not in STRANDS:
        raise SeqauditError(f"strand: got {strand!r}, expected one of {', '.join(STRANDS)}.")
    codes = letter_codes(sequences)
    if strand == "+-":
        return np.stack([scan(codes, matrix, padding=padding, strand=one) for one in strand])
    if strand == "-":
        matrix = matrix[::-1, ::-1]
    width = len(matrix)
    left, right = _padding(width, padding)
    padded_length = left + codes.shape[1] + right
    n_windows = padded_length - width + 1
    if n_windows < 1:
        raise SeqauditError(
            f"motif of width {width} does not fit into sequences of length {codes.shape[1]}. "
            "Use longer sequences or padding 'same'."
        )
    tables = _word_tables(matrix)
    n_rows_missing = len(tables) * _WORD - width
    scores = np.empty((len(codes), n_windows))
    for first in range(0, len(codes), _ROWS_PER_BLOCK):
        block = codes[first : first + _ROWS_PER_BLOCK]
        padded = np.full((len(block), padded_length + n_rows_missing), UNKNOWN, dtype=np.intp)
        padded[:, left : left + codes.shape[1]] = block
        words = padded[:, : 1 - _WORD].copy()
        for letter in range(1, _WORD):
            words *= UNKNOWN + 1
            words += padded[:, letter : letter + words.shape[1]]
        total = scores[first : first + _ROWS_PER_BLOCK]
        total[:] = tables[0].take(words[:, :n_windows])
        for index, table in enumerate(tables[1:], start=1):
            total += table.take(words[:, _WORD * index : _WORD * index + n_windows])
    return scores


def score_sites(sites: Sequence[str] | np.ndarray, matrix: np.ndarray, *, strand: str = "+") -> np.ndarray:
    """Log-odds of sites as long as the motif; float64, shape (n,)."""
    return scan(sites, matrix, strand=strand)[..., 0]


def occupancy(scores: np.ndarray, *, mu: float = 0.0) -> np.ndarray:
    """Chance that a window is bound, from its log-odds: ``1 / (1 + exp(-score - mu))``.

    ``mu`` is the chemical potential of the factor; 0 makes a window with log-odds 0 half
    occupied (Finkelstein et al. 2020, appendix B).
    """
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-(np.asarray(scores) + mu)))


def summed_occupancy(
    sequences: Sequence[str] | np.ndarray, matrix: np.ndarray, *, padding: str = "valid", mu: float = 0.0
) -> np.ndarray:
    """Expected number of bound windows of each sequence, forward strand; float64, shape (n,)."""
    codes = letter_codes(sequences)
    total = np.empty(len(codes))
    for first in range(0, len(codes), _ROWS_PER_BLOCK):
        rows = slice(first, first + _ROWS_PER_BLOCK)
        total[rows] = occupancy(scan(codes[rows], matrix, padding=padding), mu=mu).sum(axis=1)
    return total


def _padding(width: int, padding: str) -> tuple[int, int]:
    if padding not in PADDINGS:
        raise SeqauditError(f"padding: got {padding!r}, expected one of {', '.join(PADDINGS)}.")
    left = (width - 1) // 2 if padding == "same" else 0
    right = width - 1 - left if padding == "same" else 0
    return left, right


def _word_tables(matrix: np.ndarray) -> np.ndarray:
    """Score of every word of four letters at every fourth row, shape (ceil(width / 4), 5**4)."""
    n_words = -(-len(matrix) // _WORD)
    rows = np.zeros((n_words * _WORD, UNKNOWN + 1))
    rows[: len(matrix), :UNKNOWN] = matrix
    tables = []
    for group in rows.reshape(n_words, _WORD, UNKNOWN + 1):
        table = np.zeros(1)
        for row in group:
            table = (table[:, None] + row).ravel()
        tables.append(table)
    return np.array(tables)

"""DNA sequences as text, letter codes and one-hot arrays, and how to shuffle them."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from seqaudit.errors import SeqauditError

ALPHABET = "ACGTN"
"""Letters in the order of their codes 0 to 4; the first four are the one-hot channels."""

UNKNOWN = 4
"""Code of N, which matches nothing: a zero column in one-hot arrays, score 0 in motif scans."""

_LETTERS = np.frombuffer(ALPHABET.encode(), dtype=np.uint8)
_NO_CODE = 255
_CODE_OF_BYTE = np.full(256, _NO_CODE, dtype=np.uint8)
_CODE_OF_BYTE[_LETTERS] = np.arange(len(ALPHABET))
_COMPLEMENT = np.array([3, 2, 1, 0, UNKNOWN], dtype=np.uint8)


def letter_codes(sequences: Sequence[str] | np.ndarray, *, where: str = "sequences") -> np.ndarray:
    """Turn sequences into letter codes, A C G T N = 0 1 2 3 4.

    Parameters
    ----------
    sequences : sequence of str, or numpy.ndarray of uint8, shape (n, length)
        Upper-case DNA of equal length. Letter codes are returned as they are.
    where : str
        What error messages call the sequences, such as a file and column.

    Returns
    -------
    numpy.ndarray, uint8, shape (n, length)

    Raises
    ------
    SeqauditError
        No sequence, an empty one, unequal lengths, or a letter other than A, C, G, T, N.
    """
    if isinstance(sequences, np.ndarray) and sequences.dtype == np.uint8 and sequences.ndim == 2:
        return sequences
    if isinstance(sequences, str):
        raise SeqauditError(f"{where}: got one string, expected several sequences. Put it into a list.")
    sequences = sequences.tolist() if hasattr(sequences, "tolist") else list(sequences)
    if not sequences:
        raise SeqauditError(f"{where}: no sequence given, expected at least one.")
    try:
        joined = "".join(sequences)
    except TypeError as error:
        row = next(i for i, sequence in enumerate(sequences) if not isinstance(sequence, str))
        raise SeqauditError(
            f"{where}: row {row} is {sequences[row]!r}, expected a string of DNA letters. "
            "Remove the row or fill in its sequence."
        ) from error
    lengths = np.fromiter(map(len, sequences), dtype=np.int64, count=len(sequences))
    length = int(lengths[0])
    if length == 0:
        raise SeqauditError(f"{where}: row 0 is an empty sequence, expected DNA letters.")
    if (odd := np.flatnonzero(lengths != length)).size:
        raise SeqauditError(
            f"{where}: row {odd[0]} has length {lengths[odd[0]]}, row 0 has {length} "
            f"({odd.size} rows differ). All sequences must have one length: cut or pad them with N."
        )
    codes = _CODE_OF_BYTE[np.frombuffer(joined.encode("ascii", "replace"), dtype=np.uint8)]
    codes = codes.reshape(len(sequences), length)
    if (codes == _NO_CODE).any():
        row, position = np.argwhere(codes == _NO_CODE)[0]
        letter = sequences[row][position]
        advice = "Convert to upper case." if letter in "acgtn" else "Write other letters as N."
        raise SeqauditError(
            f"{where}: row {row} has letter {letter!r} at position {position}, expected one of "
            f"A, C, G, T, N. {advice}"
        )
    return codes


def decode_letters(codes: np.ndarray) -> list[str]:
    """Turn letter codes, uint8 of shape (n, length), back into sequences."""
    length = codes.shape[1]
    letters = np.ascontiguousarray(_LETTERS[codes])
    return letters.view(f"S{length}").ravel().astype(str).tolist()


def one_hot(sequences: Sequence[str] | np.ndarray) -> np.ndarray:
    """One-hot encode sequences.

    Parameters
    ----------
    sequences : sequence of str, or letter codes
        As in :func:`letter_codes`, which also lists the errors.

    Returns
    -------
    numpy.ndarray, int8, shape (n, 4, length)
        Channels A, C, G, T. N is an all-zero column.
    """
    codes = letter_codes(sequences)
    encoded = np.empty((codes.shape[0], 4, codes.shape[1]), dtype=np.int8)
    for channel in range(4):
        np.equal(codes, channel, out=encoded[:, channel], casting="unsafe")
    return encoded


def letters(encoded: np.ndarray) -> list[str]:
    """Sequences of a one-hot array of shape (n, 4, length); the inverse of :func:`one_hot`.

    Raises
    ------
    SeqauditError
        Another shape, or a column that is neither one-hot nor all zero.
    """
    encoded = np.asarray(encoded)
    if encoded.ndim != 3 or encoded.shape[1] != 4:
        raise SeqauditError(
            f"one-hot array: shape {encoded.shape}, expected (n, 4, length) with channels A, C, G, T."
        )
    filled = encoded.sum(axis=1)
    wrong = ((encoded != 0) & (encoded != 1)).any(axis=1) | (filled > 1)
    if wrong.any():
        row, position = np.argwhere(wrong)[0]
        raise SeqauditError(
            f"one-hot array: row {row}, position {position} holds {encoded[row, :, position].tolist()}, "
            "expected a single 1 (or four zeros for N)."
        )
    codes = np.where(filled == 1, encoded.argmax(axis=1), UNKNOWN)
    return decode_letters(codes.astype(np.uint8))


def reverse_complement(sequences: Sequence[str]) -> list[str]:
    """Sequences of the opposite strand, each read 5' to 3'; N stays N."""
    return decode_letters(_COMPLEMENT[letter_codes(sequences)[:, ::-1]])


def dinucleotide_shuffle(sequences: Sequence[str], *, seed: int) -> list[str]:
    """Shuffle each sequence, keeping its dinucleotide counts, first and last letter.

    Parameters
    ----------
    sequences : sequence of str
        Upper-case DNA of equal length.
    seed : int
        Seeds one stream for all sequences, in order.

    Returns
    -------
    list of str

    Notes
    -----
    The algorithm of deeplift 0.6.10, see :func:`shuffle_dinucleotides`.
    """
    letter_codes(sequences)
    rng = np.random.RandomState(seed)
    return [shuffle_dinucleotides(sequence, rng) for sequence in sequences]


def shuffle_dinucleotides(sequence: str, rng: np.random.RandomState) -> str:
    """Shuffle one sequence, drawing from ``rng`` exactly as deeplift 0.6.10 does.

    Every letter has the list of letters that follow it. The last of each list stays last, so
    that the walk from the first letter uses up all lists; the others are shuffled, letters
    in order of first appearance. The result is not uniform over all sequences with the same
    dinucleotide counts, but it is what Finkelstein et al. (2020) used for their null.
    """
    successors: dict[str, list[str]] = {}
    for letter, following in pairwise(sequence):
        successors.setdefault(letter, []).append(following)
    for letter, following in successors.items():
        last = following.pop()
        rng.shuffle(following)
        following.append(last)
        successors[letter] = following[::-1]  # popping from the end is fast
    shuffled = [sequence[0]]
    for _ in range(len(sequence) - 1):
        shuffled.append(successors[shuffled[-1]].pop())
    return "".join(shuffled)

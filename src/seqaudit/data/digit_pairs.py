"""Two handwritten digits side by side, and the question whether they are one certain ordered pair.

Cui, Marttinen and Kaski (2020), section 5.3, on MNIST. The label is an interaction by
construction: neither half of an image says what it is. No handwritten digit is in two splits.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seqaudit.data.digits import read_digits
from seqaudit.data.readers import SPLITS
from seqaudit.errors import SeqauditError

HALVES = ("left", "right")
SHARES = (0.6, 0.2, 0.2)
"""Of the handwritten digits, for training, validation and test."""


class DigitPairs(NamedTuple):
    """Images of two digits each.

    Attributes
    ----------
    images : numpy.ndarray, shape (n, 8, 16), float64
        0 is paper, 1 is the darkest ink.
    label : numpy.ndarray, shape (n,), float64
        1 for the positive pair, else 0.
    sources : numpy.ndarray, shape (n, 2), int64
        Left and right image, as numbered by ``data.digits.read_digits``.
    split : numpy.ndarray of str, shape (n,)
        train, validation or test.
    held_out : numpy.ndarray, shape (k,), int64
        All images of these digits that only test pairs are made of.
    """

    images: np.ndarray
    label: np.ndarray
    sources: np.ndarray
    split: np.ndarray
    held_out: np.ndarray


def digit_pairs(
    digits: Sequence[int], positive: Sequence[int], *, sizes: Sequence[int], seed: int
) -> DigitPairs:
    """Draw pairs of different digits, every ordered pair equally likely.

    Parameters
    ----------
    digits : sequence of int
        The digits that occur, 0 to 9; the paper has 7, 4, 0 and 5, 4, 3.
    positive : two int
        Left and right digit of the pair with label 1; (7, 0) and (5, 3).
    sizes : three int
        Training, validation and test pairs.
    seed : int
        Of the split of the handwritten digits and of the pairs.

    Returns
    -------
    DigitPairs

    Raises
    ------
    SeqauditError
        Digits that repeat or are none, or a positive pair that is not two different ones of them.
    """
    digits, positive = list(digits), list(positive)
    if len(digits) < 2 or len(set(digits)) < len(digits) or not set(digits) <= set(range(10)):
        raise SeqauditError(f"digits: got {digits}, expected two or more different digits from 0 to 9.")
    if len(positive) != 2 or positive[0] == positive[1] or not set(positive) <= set(digits):
        raise SeqauditError(
            f"positive: got {positive}, expected two different digits, left and right, out of {digits}."
        )
    known, rng = read_digits(), np.random.default_rng(seed)
    by_split = {split: {} for split in SPLITS}
    for digit in digits:
        written = rng.permutation(np.flatnonzero(known.digits == digit))
        ends = np.round(np.cumsum(SHARES)[:-1] * len(written)).astype(int)
        for split, part in zip(SPLITS, np.split(written, ends)):
            by_split[split][digit] = part
    ordered = np.array([(left, right) for left in digits for right in digits if left != right])
    sources, split = [], []
    for name, size in zip(SPLITS, sizes, strict=True):
        drawn = ordered[rng.integers(len(ordered), size=size)]
        sources.append([[rng.choice(by_split[name][digit]) for digit in pair] for pair in drawn])
        split += [name] * size
    sources = np.concatenate([np.array(part, dtype=np.int64) for part in sources])
    return DigitPairs(
        side_by_side(sources),
        (known.digits[sources] == positive).all(axis=1).astype(np.float64),
        sources,
        np.array(split, dtype=object),
        np.concatenate(list(by_split["test"].values())),
    )


def side_by_side(sources: np.ndarray) -> np.ndarray:
    """Images (n, 8, 16) of left and right sources (n, 2)."""
    return np.concatenate(np.moveaxis(read_digits().images[sources], 1, 0), axis=2)


def half_images(sources: np.ndarray, half: str) -> np.ndarray:
    """Images (n, 8, 16) of one digit each, the other half blank.

    Parameters
    ----------
    sources : array of int, shape (n,)
    half : {"left", "right"}
    """
    if half not in HALVES:
        raise SeqauditError(f"half: got '{half}', expected left or right.")
    written = read_digits().images[sources]
    parts = (written, np.zeros_like(written))
    return np.concatenate(parts if half == "left" else parts[::-1], axis=2)

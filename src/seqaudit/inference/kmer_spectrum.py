"""Do a model's attributions pick the same short words again and again? The first score of consistency.

Words of k letters are counted under the most important positions of every sequence, and
their spectrum is compared with that of the whole sequences, as a Kullback-Leibler divergence
in nats (Majdandzic et al. 2022, "KLD (k-mer)"). Few words look uneven by chance, so the same
number of words drawn from the whole sequences is scored as a null and subtracted.
"""

from typing import NamedTuple

import numpy as np

from seqaudit.data.sequences import UNKNOWN
from seqaudit.errors import SeqauditError

PUBLISHED = {"k": 6, "quantile": 0.9, "extension": 2}
"""Options of the published results."""

LARGEST_K = 8
"""Longer words have more bins (65,536) than any set of maps has words."""


class Words(NamedTuple):
    """Words under important positions.

    Attributes
    ----------
    codes : numpy.ndarray, shape (words,), int64
        Each word as a number in base 4, A C G T = 0 1 2 3, first letter first.
    rows : numpy.ndarray, shape (words,), int64
        Sequence of each word.
    prior : numpy.ndarray, shape (4 ** k,), float64
        Share of each word among all words of all sequences.
    """

    codes: np.ndarray
    rows: np.ndarray
    prior: np.ndarray

    def divergence(self, weights: np.ndarray | None = None) -> float:
        """Divergence of the words from the prior, nats; ``weights`` counts each sequence's words."""
        counts = np.bincount(
            self.codes, None if weights is None else weights[self.rows], minlength=self.prior.size
        )
        return float(divergence(counts, self.prior))

    def shares(self) -> np.ndarray:
        """Share of each word among those at important positions; zero without any; shape (4 ** k,)."""
        return np.bincount(self.codes, minlength=self.prior.size) / max(1, len(self.codes))

    def null(self, *, draws: int, seed: int) -> float:
        """Mean divergence of as many words drawn from the prior, nats."""
        counts = np.random.default_rng([seed, 1]).multinomial(len(self.codes), self.prior, size=draws)
        return float(divergence(counts, self.prior).mean())


def important_words(
    maps: np.ndarray, codes: np.ndarray, *, k: int = 4, quantile: float = 0.9, extension: int = 2
) -> Words:
    """Words of k letters in the important blocks of every sequence.

    A position is important if the norm of its four attributions exceeds this ``quantile`` of
    its own map (linear interpolation). Runs of important positions are extended to the
    right, merged where they then overlap, not where they merely touch, and read without
    crossing from one block to the next.

    Parameters
    ----------
    maps : numpy.ndarray, shape (n, 4, L), float
        Finite; zero maps have no important position.
    codes : numpy.ndarray, shape (n, L), uint8
        Letters of the sequences, 0 to 4. Words with an N (4) are not counted.
    k : int
        Letters per word.
    quantile : float
        Between 0 and 1.
    extension : int
        Positions added after each run, cut at the end of the sequence.

    Returns
    -------
    Words

    Raises
    ------
    SeqauditError
        An option out of range, or no word without N.
    """
    length = codes.shape[1]
    if not 1 <= k <= min(LARGEST_K, length):
        raise SeqauditError(f"k: got {k}, expected 1 to {min(LARGEST_K, length)} letters.")
    if not 0 < quantile < 1 or extension < 0:
        raise SeqauditError(
            f"quantile {quantile}, extension {extension}: expected a quantile between 0 and 1 and an "
            "extension of at least 0 positions."
        )
    words, whole = _word_codes(codes, k)
    prior = np.bincount(words[whole], minlength=4**k).astype(np.float64)
    if not prior.sum():
        raise SeqauditError(f"one_hot: no word of {k} letters without N, expected sequences with letters.")
    block = _blocks(maps, quantile=quantile, extension=extension)
    last = length - k + 1
    inside = (block[:, :last] > 0) & (block[:, :last] == block[:, k - 1 :]) & whole
    rows, _ = np.nonzero(inside)
    return Words(words[inside], rows, prior / prior.sum())


def divergence(counts: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Kullback-Leibler divergence of counts ``(..., bins)`` from a prior, nats; NaN without counts."""
    total = counts.sum(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = counts / total
        terms = np.where(counts > 0, share * np.log(share / prior), 0.0)
    return np.where(total[..., 0] > 0, terms.sum(axis=-1), np.nan)


def _word_codes(codes: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The word that starts at each position, and whether it has no N; shapes ``(n, L - k + 1)``."""
    n_words = codes.shape[1] - k + 1
    words = np.zeros((len(codes), n_words), dtype=np.int64)
    whole = np.ones(words.shape, dtype=bool)
    for offset in range(k):
        letters = codes[:, offset : offset + n_words]
        words = words * 4 + letters % UNKNOWN
        whole &= letters < UNKNOWN
    return words, whole


def _blocks(maps: np.ndarray, *, quantile: float, extension: int) -> np.ndarray:
    """Number of the block that each position belongs to, from 1; 0 outside blocks; shape ``(n, L)``."""
    importance = np.sqrt(np.square(maps).sum(axis=1))
    important = importance > np.quantile(importance, quantile, axis=1, keepdims=True)
    before = np.zeros_like(important)
    before[:, 1:] = important[:, :-1]
    # how far each position lies behind the last important one, in its own sequence
    position = np.arange(important.shape[1])
    latest = np.maximum.accumulate(np.where(important, position, -1), axis=1)
    covered = (latest >= 0) & (position - latest <= extension)
    # a run opens a block unless the one before it, extended, reaches into it
    reach = np.full_like(latest, -1)
    reach[:, 1:] = np.where(latest[:, :-1] >= 0, latest[:, :-1] + extension, -1)
    opens = important & ~before & (reach < position)
    return np.where(covered, opens.ravel().cumsum().reshape(opens.shape), 0)

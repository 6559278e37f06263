"""Rank tests in the normal approximation, fast and without underflow to 0."""

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from seqaudit.errors import SeqauditError

SMALLEST_P = float(np.finfo(np.float64).tiny)
"""P-values below 2.2e-308 are returned as this, so that a logarithm stays finite."""


class RankTest(NamedTuple):
    """Outcome of one rank test; ``z``, ``p`` and ``effect`` are NaN where there is nothing to rank.

    ``statistic`` is W+ (signed rank) or U of the first sample (rank sum). ``effect`` is
    the matched-pairs rank-biserial correlation W+ minus W- over their sum, -1 to 1
    (signed rank), or the share of sample pairs in which the first is larger, ties half,
    0 to 1 (rank sum).
    """

    statistic: float
    z: float
    p: float
    effect: float


def signed_rank(differences, *, alternative: str = "greater") -> RankTest:
    """Wilcoxon's one-sample signed-rank test.

    Zeros are dropped, ties share their mean rank, no continuity correction: the defaults
    of ``scipy.stats.wilcoxon`` in the normal approximation (Finkelstein et al. 2020,
    "paired" test).

    Parameters
    ----------
    differences : array_like, shape (n,)
        Finite paired differences, any unit.
    alternative : {"greater", "two-sided"}
        Whether the differences lie above 0, or merely off it.

    Raises
    ------
    SeqauditError
        Differences that are not finite, or an unknown alternative.
    """
    _check_alternative(alternative)
    differences = _finite(differences, "differences")
    up, down = differences[differences > 0], -differences[differences < 0]
    n = up.size + down.size
    if n == 0:
        return RankTest(0.0, np.nan, np.nan, np.nan)
    wins, tie_term = _wins_and_ties(up, down)
    # a rank among all |differences| counts the smaller ones of either sign
    w_plus = wins + up.size * (up.size + 1) / 2
    total = n * (n + 1) / 2
    variance = (n * (n + 1) * (2 * n + 1) - tie_term / 2) / 24
    z = (w_plus - total / 2) / np.sqrt(variance)
    return RankTest(w_plus, z, _p_value(z, alternative), 2 * w_plus / total - 1)


def rank_sum(first, second, *, alternative: str = "greater") -> RankTest:
    """Mann-Whitney's rank-sum test of two independent samples.

    Ties share their mean rank and lower the variance; continuity correction 1/2, as
    ``scipy.stats.mannwhitneyu(first, second, method="asymptotic")``.

    Parameters
    ----------
    first, second : array_like, shapes (n,) and (m,)
        Finite values, any unit. NaN results when a sample is empty or all values are equal.
    alternative : {"greater", "two-sided"}
        Whether ``first`` is stochastically larger, or merely different.

    Raises
    ------
    SeqauditError
        Values that are not finite, or an unknown alternative.
    """
    _check_alternative(alternative)
    first, second = _finite(first, "first"), _finite(second, "second")
    if first.size == 0 or second.size == 0:
        return RankTest(np.nan, np.nan, np.nan, np.nan)
    wins, tie_term = _wins_and_ties(first, second)
    cells, n = first.size * second.size, first.size + second.size
    variance = cells / 12 * ((n + 1) - tie_term / (n * (n - 1)))
    if variance <= 0:
        return RankTest(wins, np.nan, np.nan, wins / cells)
    excess = wins - cells / 2
    excess = abs(excess) - 0.5 if alternative == "two-sided" else excess - 0.5
    z = excess / np.sqrt(variance)
    return RankTest(wins, z, _p_value(z, alternative), wins / cells)


def _wins_and_ties(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Pairs in which ``first`` is larger (ties half), and the sum of t**3 - t over tied groups.

    Two sorts and a merge: a third of the time of ranking the joined samples.
    """
    first, second = np.sort(first), np.sort(second)
    below = np.searchsorted(second, first, side="left").sum(dtype=np.int64)
    up_to = np.searchsorted(second, first, side="right").sum(dtype=np.int64)
    joined = np.sort(np.concatenate([first, second]))
    starts = np.flatnonzero(np.concatenate([[True], joined[1:] != joined[:-1]]))
    tie_term = 0.0
    if starts.size < joined.size:
        sizes = np.diff(starts, append=joined.size).astype(np.float64)
        tie_term = float((sizes**3 - sizes).sum())
    return (int(below) + int(up_to)) / 2, tie_term


def _p_value(z: float, alternative: str) -> float:
    p = ndtr(-z) if alternative == "greater" else min(1.0, 2 * ndtr(-abs(z)))
    return max(float(p), SMALLEST_P)


def _finite(values, name: str) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise SeqauditError(
            f"rank test: '{name}' has shape {values.shape} with {(~np.isfinite(values)).sum()} values "
            "that are not finite, expected a finite vector. Drop rows without a measured value first."
        )
    return values


def _check_alternative(alternative: str) -> None:
    if alternative not in ("greater", "two-sided"):
        raise SeqauditError(f"alternative: got '{alternative}', expected 'greater' or 'two-sided'.")

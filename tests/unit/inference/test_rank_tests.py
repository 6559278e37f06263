"""Rank tests: equal to scipy's, to published check values, and sane at the edges."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from seqaudit.errors import SeqauditError
from seqaudit.inference.rank_tests import SMALLEST_P, rank_sum, signed_rank

# scipy >= 1.15 names the normal approximation of both tests "asymptotic"
ASYMPTOTIC = {"method": "asymptotic"}


def differences_with_w_plus(w_plus, n):
    """Distinct differences whose positive ranks sum to ``w_plus``."""
    ranks, left = np.arange(n, 0, -1), w_plus
    signs = np.full(n, -1.0)
    for place, rank in enumerate(ranks):
        if rank <= left:
            signs[place], left = 1.0, left - rank
    assert left == 0
    return signs * ranks


def test_published_check_values():
    """Finkelstein et al. 2020, notebook of the evaluation: W+ and p of two models, 7,971 pairs."""
    significant = signed_rank(differences_with_w_plus(16_443_682, 7_971))
    assert significant.statistic == 16_443_682
    assert significant.p == pytest.approx(0.0033301321, abs=5e-11)
    assert signed_rank(differences_with_w_plus(14_145_376, 7_971)).p == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("alternative", ["greater", "two-sided"])
@pytest.mark.parametrize("decimals", [0, 1, 12])
@pytest.mark.parametrize("shift", [-0.1, 0.0, 0.2])
def test_equal_to_scipy_with_and_without_ties(alternative, decimals, shift):
    rng = np.random.default_rng(5)
    differences = np.round(rng.normal(shift, 1, 700), decimals)
    first, second = np.round(rng.normal(shift, 1, 500), decimals), np.round(rng.normal(0, 1, 300), decimals)

    expected = stats.wilcoxon(differences, alternative=alternative, correction=False, **ASYMPTOTIC)
    assert signed_rank(differences, alternative=alternative).p == pytest.approx(expected.pvalue, rel=1e-12)
    expected = stats.mannwhitneyu(first, second, alternative=alternative, **ASYMPTOTIC)
    result = rank_sum(first, second, alternative=alternative)
    assert result.statistic == expected.statistic
    assert result.p == pytest.approx(expected.pvalue, rel=1e-12)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(-4, 4), min_size=2, max_size=12),
    st.lists(st.integers(-4, 4), min_size=1, max_size=12),
)
def test_equal_to_counting_by_hand(first, second):
    """U counts the wins of every pair; W+ counts, for every positive value, the smaller sizes."""
    first, second = np.array(first, float), np.array(second, float)
    wins = sum((x > y) + (x == y) / 2 for x in first for y in second)
    assert rank_sum(first, second).statistic == wins
    assert rank_sum(first, second).effect == pytest.approx(wins / (len(first) * len(second)))

    sizes = np.abs(first[first != 0])
    w_plus = sum((sizes < x).sum() + ((sizes == x).sum() + 1) / 2 for x in first[first > 0])
    result = signed_rank(first)
    assert result.statistic == w_plus
    if sizes.size:
        total = sizes.size * (sizes.size + 1) / 2
        assert result.effect == pytest.approx((w_plus - (total - w_plus)) / total)


def test_order_and_monotone_maps_change_nothing():
    rng = np.random.default_rng(1)
    x, y = rng.normal(0.1, 1, 400), rng.normal(0, 1, 300)
    assert rank_sum(rng.permutation(x), rng.permutation(y)) == rank_sum(x, y)
    assert rank_sum(np.exp(x), np.exp(y)) == rank_sum(x, y)
    assert signed_rank(rng.permutation(x)) == signed_rank(x)
    assert signed_rank(np.sinh(3 * x)) == signed_rank(x)


def test_zeros_are_dropped():
    x = np.random.default_rng(2).normal(0.2, 1, 200)
    assert signed_rank(np.r_[np.zeros(50), x]) == signed_rank(x)


def test_far_tails_keep_digits_and_never_reach_zero():
    every_one_positive = np.arange(1.0, 401)
    p = signed_rank(every_one_positive).p
    assert p == pytest.approx(stats.wilcoxon(every_one_positive, alternative="greater", **ASYMPTOTIC).pvalue)
    assert 0 < p < 1e-60
    assert signed_rank(np.arange(1.0, 8001)).p == SMALLEST_P > 0
    assert rank_sum(np.arange(9000.0, 18000), np.arange(9000.0)).p == SMALLEST_P


def test_nothing_to_rank_gives_nan():
    assert np.isnan(signed_rank(np.zeros(9)).p)
    assert np.isnan(signed_rank([]).p)
    assert np.isnan(rank_sum(np.ones(9), np.ones(4)).p)
    assert np.isnan(rank_sum([], [1.0]).p)


def test_errors_name_the_sample():
    with pytest.raises(SeqauditError, match=r"'second' has shape \(2,\) with 1 values that are not finite"):
        rank_sum([1.0], [np.nan, 2.0])
    with pytest.raises(SeqauditError, match="'less', expected 'greater' or 'two-sided'"):
        signed_rank([1.0], alternative="less")

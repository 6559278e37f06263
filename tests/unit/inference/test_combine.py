"""Combined p-values and false discovery rates."""

import numpy as np
import pytest
from scipy import stats

from seqaudit.errors import SeqauditError
from seqaudit.inference.combine import LARGEST_P, cauchy_combination, false_discovery_rate


@pytest.mark.parametrize("p", [1e-300, 1e-12, 0.003, 0.5, 0.9])
def test_copies_of_one_p_value_combine_to_it(p):
    assert cauchy_combination([p]) == pytest.approx(p, rel=1e-12)
    assert cauchy_combination([p] * 45) == pytest.approx(p, rel=1e-12)


def test_two_p_values_by_hand():
    """tan(45 degrees) = 1 and tan(0) = 0 average to 1/2."""
    assert cauchy_combination([0.25, 0.5]) == pytest.approx(0.5 - np.arctan(0.5) / np.pi, rel=1e-14)


def test_a_small_p_value_counts_about_its_share():
    assert cauchy_combination([1e-9] + [0.5] * 9) == pytest.approx(1e-8, rel=1e-6)


def test_one_hopeless_model_hides_no_other():
    assert cauchy_combination([1.0, 1.0, 1.0]) == pytest.approx(LARGEST_P)
    assert cauchy_combination([1e-6, 1.0]) == pytest.approx(2e-6, rel=1e-4)
    assert cauchy_combination([1e-6, 1 - 1e-16]) == cauchy_combination([1e-6, 1.0])


def test_missing_p_values_are_left_out():
    assert cauchy_combination([0.01, np.nan, 0.2]) == cauchy_combination([0.01, 0.2])
    assert np.isnan(cauchy_combination([np.nan]))
    assert np.isnan(cauchy_combination([]))


def test_the_smallest_numbers_do_not_overflow():
    assert 0 < cauchy_combination([0.0] * 45) < 1e-307
    assert 0 < cauchy_combination([np.finfo(float).tiny] * 180) < 1e-307


@pytest.mark.parametrize("correlation, highest", [(0.0, 0.058), (0.3, 0.085), (0.9, 0.06)])
def test_level_under_dependence(correlation, highest):
    """The docstring's claim: at most 0.08 at alpha 0.05, near 0.01 at alpha 0.01."""
    rng = np.random.default_rng(0)
    shared = rng.standard_normal((4000, 1))
    own = rng.standard_normal((4000, 45))
    p_values = stats.norm.sf(np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own)
    combined = np.array([cauchy_combination(row) for row in p_values])
    assert 0.035 < (combined < 0.05).mean() < highest
    assert (combined < 0.01).mean() < 0.018


def test_false_discovery_rate_equals_scipy():
    p = np.random.default_rng(3).random(40) ** 2
    np.testing.assert_allclose(false_discovery_rate(p), stats.false_discovery_control(p), rtol=1e-13)


def test_untested_questions_do_not_count():
    q = false_discovery_rate([0.01, np.nan, 0.04])
    np.testing.assert_allclose(q, [0.02, np.nan, 0.04])
    assert np.isnan(false_discovery_rate([np.nan])).all()


def test_errors():
    with pytest.raises(SeqauditError, match=r"got 1.5, expected values from 0 to 1"):
        cauchy_combination([0.5, 1.5])

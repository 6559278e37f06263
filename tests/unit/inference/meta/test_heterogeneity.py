"""tau2 by other means: dense searches of the likelihood, and the equations that define it."""

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import chi2

from seqaudit.inference.meta import random_effects


def log_likelihood(b, se, tau2, restricted):
    """Profile likelihood at many tau2 by the textbook formula, shape of tau2."""
    variance = se**2 + np.asarray(tau2)[:, None]
    information = (1 / variance).sum(axis=1)
    mean = (b / variance).sum(axis=1) / information
    height = np.log(variance).sum(axis=1) + ((b - mean[:, None]) ** 2 / variance).sum(axis=1)
    return -0.5 * (height + np.log(information) * restricted)


def difficult_groups(seed, n):
    """Few studies with very different standard errors: the likelihood often has several optima."""
    rng = np.random.default_rng(seed)
    for _ in range(n):
        k = rng.integers(2, 16)
        se = np.exp(rng.normal(0, rng.choice([0.3, 1.5, 3.0, 6.0]), k))
        yield 1.5 * rng.standard_t(2, k) * se + rng.normal(0, rng.choice([0.3, 3.0]), k), se


@pytest.mark.parametrize("method", ["ML", "REML"])
def test_the_likelihood_is_maximised_globally(method):
    several = 0
    for b, se in difficult_groups(11, 150):
        got = random_effects(b, se, tau2=method).tau2
        top = np.ptp(b) ** 2 + se.max() ** 2
        grid = np.concatenate([[0.0], np.geomspace(se.min() ** 2 * 1e-3, top, 400)])
        heights = log_likelihood(b, se, grid, method == "REML")
        found = log_likelihood(b, se, [got], method == "REML")[0]
        assert found >= heights.max() - 1e-10, (b, se)
        inner = (heights[1:-1] > heights[:-2]) & (heights[1:-1] > heights[2:])
        several += inner.sum() + (heights[0] > heights[1]) > 1
    assert several >= 3, "the groups should be difficult"


def test_a_likelihood_with_two_peaks():
    # two precise studies far apart and many vague ones close together: a peak at 0 and one beyond
    b = np.array([0.0, 0.05, 4.0, -4.0, 3.5, -3.5])
    se = np.array([0.01, 0.01, 2.0, 2.0, 2.0, 2.0])
    got = random_effects(b, se, tau2="ML").tau2
    grid = np.geomspace(1e-6, 100, 4000)
    heights = log_likelihood(b, se, grid, False)
    assert got == pytest.approx(grid[heights.argmax()], rel=0.01)


def generalised_q(b, se, tau2):
    w = 1 / (se**2 + tau2)
    return (w * (b - (w * b).sum() / w.sum()) ** 2).sum()


def test_the_q_profile_solves_its_equation():
    for b, se in difficult_groups(5, 30):
        got = random_effects(b, se, tau2="PM")
        df = len(b) - 1
        for value, target in (
            (got.tau2, df),
            (got.tau2_low, chi2.ppf(0.975, df)),
            (got.tau2_high, chi2.ppf(0.025, df)),
        ):
            if generalised_q(b, se, 0.0) <= target:
                assert value == 0
                continue
            top = np.ptp(b) ** 2 * df / target + 1
            root = brentq(lambda t: generalised_q(b, se, t) - target, 0, top, xtol=1e-300, rtol=1e-13)  # noqa: B023
            assert value == pytest.approx(root, rel=1e-9)


def test_standard_errors_over_twelve_orders_of_magnitude():
    rng = np.random.default_rng(2)
    se = 10.0 ** np.linspace(-6, 6, 25)
    b = rng.normal(0, 1, 25) + rng.normal(0, se)
    reml = random_effects(b, se, tau2="REML").tau2
    # REML score by matrix algebra at both sides of the answer
    for t, sign in ((reml * 0.999, 1), (reml * 1.001, -1)):
        inverse = np.diag(1 / (se**2 + t))
        ones = np.ones((25, 1))
        p = inverse - inverse @ ones @ ones.T @ inverse / (ones.T @ inverse @ ones)
        assert np.sign(b @ p @ p @ b - np.trace(p)) == sign


def test_coverage_of_the_q_profile_interval_is_nominal():
    rng = np.random.default_rng(8)
    se = np.exp(rng.normal(-1, 0.5, 12))
    b = rng.normal(0, 0.5, (4000, 12)) + rng.normal(0, se, (4000, 12))
    got = random_effects(b, se, tau2="DL")
    covered = ((got.tau2_low <= 0.25) & (got.tau2_high >= 0.25)).mean()
    assert abs(covered - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 4000), "the interval is exact under the model"


def test_reml_is_less_biased_than_ml():
    rng = np.random.default_rng(9)
    b = rng.normal(0, 1, (3000, 6)) + rng.normal(0, 0.5, (3000, 6))
    reml, ml = (random_effects(b, 0.5, tau2=method).tau2.mean() for method in ("REML", "ML"))
    assert reml == pytest.approx(1.0, abs=0.06)
    assert ml == pytest.approx(1.25 * 5 / 6 - 0.25, abs=0.06), "with equal errors ML divides by k"

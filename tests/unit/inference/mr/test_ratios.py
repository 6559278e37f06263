"""Median, mode and contamination mixture of Wald ratios against naive versions."""

import numpy as np
import pytest
from mr_made_up import SIX, loci
from scipy import stats

from seqaudit.errors import SeqauditError
from seqaudit.inference import mr


def interpolated_median(ratio, weight):
    order = np.argsort(ratio)
    ratio, weight = ratio[order], weight[order]
    return np.interp(0.5, (np.cumsum(weight) - weight / 2) / weight.sum(), ratio)


@pytest.mark.parametrize("stderror", ["simple", "delta"])
@pytest.mark.parametrize("weighting", ["simple", "weighted", "penalized"])
def test_medians_by_interpolation(weighting, stderror):
    effects = loci(0, 8, 9, outliers=0.3)
    ours = mr.median(*effects, weighting=weighting, stderror=stderror, se_method="analytic")
    for row, (x, sx, y, sy) in enumerate(zip(*effects)):
        ratio, variance = y / x, (sy / x) ** 2
        variance = variance + (y * sx / x**2) ** 2 if stderror == "delta" else variance
        weight = np.ones(9) if weighting == "simple" else 1 / variance
        if weighting == "penalized":
            tail = stats.chi2.sf(weight * (ratio - interpolated_median(ratio, weight)) ** 2, 1)
            weight = weight * np.minimum(1, 20 * tail)
        np.testing.assert_allclose(ours.b[row], interpolated_median(ratio, weight), rtol=1e-10)


def test_a_dominant_instrument_is_the_median_wherever_it_lies():
    x, sx, _, _ = SIX
    y, sy = np.arange(1, 7) * x, np.full(6, 0.1)
    for dominant in range(6):
        small = np.where(np.arange(6) == dominant, 1e-4, sy)
        np.testing.assert_allclose(
            mr.median(x, sx, y, small, n_boot=5).b, y[dominant] / x[dominant], rtol=1e-3
        )


def test_bootstrapped_se_of_the_median_by_a_plain_loop():
    x, sx, y, sy = SIX
    ours = mr.median(*SIX, n_boot=4000, seed=1)
    rng, weight = np.random.default_rng(0), (x / sy) ** 2
    sample = [
        interpolated_median((y + sy * rng.normal(size=6)) / (x + sx * rng.normal(size=6)), weight)
        for _ in range(4000)
    ]
    np.testing.assert_allclose(ours.se, np.std(sample, ddof=1), rtol=0.06)
    assert mr.median(*SIX, n_boot=4000, seed=2).se != ours.se


def test_analytic_se_is_close_to_the_bootstrap_for_many_instruments():
    effects = loci(7, 30, 200)
    analytic, resampled = (
        mr.median(*effects, se_method=name, n_boot=300) for name in ("analytic", "bootstrap")
    )
    assert abs(np.median(analytic.se / resampled.se) - 1) < 0.06


def test_instruments_without_exposure_effect_have_no_ratio():
    x, sx, y, sy = (np.append(values, extra) for values, extra in zip(SIX, (0.0, 0.01, 0.5, 0.01)))
    for method in (mr.median, mr.mode):
        ours, six = method(x, sx, y, sy, n_boot=10), method(*SIX, n_boot=10)
        assert ours.b == six.b and ours.n_instruments == [6]
    assert mr.conmix(x, sx, y, sy).b == mr.conmix(*SIX).b


@pytest.mark.parametrize("phi", [0.3, 1.0])
@pytest.mark.parametrize("weighting", ["weighted", "unweighted"])
def test_mode_is_the_highest_point_of_a_dense_grid(weighting, phi):
    effects = loci(1, 8, 12, outliers=0.15)
    ours = mr.mode(*effects, weighting=weighting, phi=phi, n_boot=2)
    for row, (x, sx, y, sy) in enumerate(zip(*effects)):
        ratio = y / x
        mad = 1.4826 * np.median(np.abs(ratio - np.median(ratio)))
        h = phi * 0.9 * min(ratio.std(ddof=1), mad) / 12**0.2
        np.testing.assert_allclose(ours.bandwidth[row], h)
        weight = 1 / ((sy / x) ** 2 + (y * sx / x**2) ** 2) if weighting == "weighted" else np.ones(12)
        grid = np.linspace(ratio.min(), ratio.max(), 20_001)
        density = sum(w * stats.norm.pdf((grid - r) / h) for w, r in zip(weight, ratio))
        at_ours = np.sum(weight * stats.norm.pdf((ours.b[row] - ratio) / h))
        assert at_ours >= density.max() * (1 - 1e-12)
        assert abs(ours.b[row] - grid[density.argmax()]) <= 2 * (grid[1] - grid[0])


def test_two_values_at_the_hardest_distance_share_one_mode():
    x, ratio = np.ones(4), np.array([0.0, 1.0, 4.0, 9.0])
    ours = mr.mode(x, 1e-3 * x, ratio, 1e-3 * x, weighting="unweighted", phi=1.0, n_boot=2)
    grid = np.linspace(-1, 10, 20_001)
    density = sum(stats.norm.pdf((grid - r) / ours.bandwidth[0]) for r in ratio)
    np.testing.assert_allclose(ours.b, grid[density.argmax()], atol=1e-3)


def test_equal_ratios_have_no_density():
    x, sx, _, sy = SIX
    ours = mr.mode(x, sx, 2 * x, sy, n_boot=5)
    assert ours.status == ["zero_bandwidth"] and np.isnan(ours.b) and np.isnan(ours.bandwidth)


def profile(grid, effects, psi):
    x, _, y, sy = effects
    ratio, se = (y / x)[:, None], np.abs(sy / x)[:, None]
    valid = stats.norm.logpdf(ratio, grid, se)
    invalid = stats.norm.logpdf(ratio, 0, np.hypot(psi, se))
    return np.maximum(valid, invalid).sum(axis=0), (valid > invalid)


@pytest.mark.parametrize("row", range(6))
def test_mixture_is_the_maximum_of_its_likelihood(row):
    effects = [values[row] for values in loci(2, 6, 10, outliers=0.2)]
    ours = mr.conmix(*effects)
    np.testing.assert_allclose(ours.psi, 1.5 * np.std(effects[2] / effects[0], ddof=1))
    grid = np.linspace(ours.b[0] - 4, ours.b[0] + 4, 80_001)
    height, valid = profile(grid, effects, ours.psi[0])
    assert abs(grid[height.argmax()] - ours.b[0]) <= grid[1] - grid[0]
    assert valid[:, height.argmax()].tolist() == ours.valid[0].tolist()
    ratio, w = (effects[2] / effects[0])[ours.valid[0]], ((effects[0] / effects[3]) ** 2)[ours.valid[0]]
    phi2 = max(1, np.sum(w * (ratio - np.average(ratio, weights=w)) ** 2) / (len(ratio) - 1))
    inside = 2 * height > 2 * height.max() - stats.chi2.isf(0.05, 1) * phi2
    edges = np.flatnonzero(np.diff(inside.astype(int)))
    found = ours.intervals[0][~np.isnan(ours.intervals[0][:, 0])].ravel()
    finite = found[np.abs(found - ours.b[0]) < 4]
    np.testing.assert_allclose(finite, grid[edges], atol=2 * (grid[1] - grid[0]))
    at_zero = profile(np.zeros(1), effects, ours.psi[0])[0]
    np.testing.assert_allclose(ours.pval, stats.chi2.sf(2 * (height.max() - at_zero) / phi2, 1), rtol=1e-4)


def test_mixture_on_a_grid_is_near_the_exact_one():
    effects = loci(3, 4, 8)
    exact, grid = mr.conmix(*effects), mr.conmix(*(np.abs(v) if i == 0 else v for i, v in enumerate(effects)))
    assert exact.intervals.shape[0] == grid.intervals.shape[0] == 4
    sign = np.sign(effects[0])
    coded = (np.abs(effects[0]), effects[1], sign * effects[2], effects[3])
    np.testing.assert_allclose(mr.conmix(*coded, grid_step=0.001).b, exact.b, atol=0.001)


def test_a_grid_that_cannot_be_held_is_refused():
    with pytest.raises(SeqauditError, match=r"grid_step=1e-12, which needs .* points"):
        mr.conmix(*SIX, grid_step=1e-12)


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("median", {"weighting": "heavy"}, "weighting='heavy'"),
        ("median", {"se_method": "guess"}, "se_method='guess'"),
        ("mode", {"maximiser": "r"}, "maximiser='r', expected one of 'continuous', 'grid'"),
        ("mode", {"phi": 0.0}, "phi=0.0"),
        ("conmix", {"psi": -1.0}, "psi=-1.0"),
        ("pivw", {"penalty": -1.0}, "penalty=-1.0, expected a number between 0 and inf"),
    ],
)
def test_options_are_checked(method, options, message):
    with pytest.raises(SeqauditError, match=message):
        getattr(mr, method)(*SIX, **options)

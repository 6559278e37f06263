"""Main effects are recovered within their noise, interactions never, and nulls have their noise."""

import numpy as np
import pytest

from seqaudit.errors import SeqauditError
from seqaudit.inference.additive_model import fit_additive

RNG = np.random.default_rng


def world(n, seed=0):
    rng = RNG(seed)
    x = rng.uniform(size=(n, 5))
    x[:, 3] = rng.integers(0, 5, n)
    x[:, 4] = rng.integers(0, 2, n)
    x[:, 1] = 1000 * x[:, 1] - 300  # units do not matter
    level = np.array([0, 1, 0.2, 3, 0.1])
    return x, np.sin(6 * x[:, 0]) + 3 * (x[:, 1] + 300) / 1000 + level[x[:, 3].astype(int)] + 2 * x[:, 4]


@pytest.mark.parametrize("n", [400, 4000])
def test_additive_truths_are_recovered_within_their_noise(n):
    x, mean = world(n)
    fit = fit_additive(x, mean + RNG(1).normal(0, 0.5, n))
    error = np.sqrt(np.mean((fit.fitted - mean) ** 2))
    assert error < 1.3 * 0.5 * np.sqrt((1 + fit.degrees_of_freedom.sum()) / n)
    assert np.sqrt(fit.dispersion) == pytest.approx(0.5, rel=4 / np.sqrt(2 * n))
    new, new_mean = world(500, seed=9)
    assert np.sqrt(np.mean((fit.predict(new) - new_mean) ** 2)) < 2 * error


def test_a_straight_line_costs_one_degree_of_freedom_and_is_exact_without_noise():
    x = RNG(2).uniform(-3, 5, size=(500, 3))
    y = 1 + 2 * x[:, 0] - x[:, 1]
    fit = fit_additive(x, y + RNG(3).normal(0, 1, 500))
    assert fit.degrees_of_freedom[:2].max() < 2.5
    exact = fit_additive(x, y)
    np.testing.assert_allclose(exact.fitted, y, atol=1e-5)
    np.testing.assert_allclose(exact.effects(x)[:, 0], 2 * (x[:, 0] - x[:, 0].mean()), atol=1e-3)


def test_products_leave_nothing_but_their_main_effects():
    x = RNG(4).uniform(size=(5000, 2))
    fit = fit_additive(x, x[:, 0] * x[:, 1])
    # E[ab|a] + E[ab|b] - E[ab] = a/2 + b/2 - 1/4, and the variance left is 1/144
    np.testing.assert_allclose(fit.fitted, x.mean(axis=1) - 0.25, atol=0.02)
    assert fit.dispersion == pytest.approx(1 / 144, rel=0.05)


def test_effects_are_centred_and_add_up():
    x, mean = world(800)
    fit = fit_additive(x, mean + RNG(5).normal(0, 0.5, 800))
    np.testing.assert_allclose(fit.effects(x).mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(fit.intercept + fit.effects(x).sum(axis=1), fit.fitted, atol=1e-9)
    np.testing.assert_allclose(fit.predict(x), fit.fitted, atol=1e-9)


def test_features_that_determine_each_other_do_no_harm():
    rng = RNG(6)
    wall, roof = rng.integers(3, 9, 768) * 24.5, rng.integers(2, 6, 768) * 36.75
    x = np.column_stack([wall + 2 * roof, wall, roof, rng.uniform(size=768)])
    mean = wall / 100 + (roof / 100) ** 2
    fit = fit_additive(x, mean + rng.normal(0, 0.1, 768))
    assert np.sqrt(np.mean((fit.fitted - mean) ** 2)) < 0.03
    assert np.isfinite(fit.effects(x)).all()


@pytest.mark.parametrize("scale", [3.0, 100.0])
def test_counts_with_an_identity_link(scale):
    x, mean = world(6000)
    mean = scale * (mean - mean.min() + 0.3)
    y = RNG(7).poisson(mean)
    fit = fit_additive(x, y, family="poisson")
    error = np.sqrt(np.mean((fit.fitted - mean) ** 2 / mean))
    assert error < 1.4 * np.sqrt((1 + fit.degrees_of_freedom.sum()) / 6000)
    assert fit.dispersion == pytest.approx(1, abs=0.08)
    drawn = fit.simulate(seed=1)
    assert (drawn >= 0).all() and (drawn == np.round(drawn)).all()
    assert np.mean((drawn - fit.fitted) ** 2 / fit.fitted) == pytest.approx(1, abs=0.1)


def test_weights_of_counts_pay_off_against_a_plain_fit():
    x = RNG(8).uniform(size=(2000, 2))
    mean = 0.5 + 200 * x[:, 0] ** 4
    y = RNG(9).poisson(mean)
    low = x[:, 0] < 0.4
    errors = {
        family: np.mean((fit_additive(x, y, family=family).fitted - mean)[low] ** 2)
        for family in ("poisson", "gaussian")
    }
    assert errors["poisson"] < errors["gaussian"]


def test_overdispersed_counts_keep_their_ratio_of_variance_to_mean():
    x = RNG(10).uniform(size=(5000, 2))
    mean = 20 + 30 * x[:, 0]
    y = RNG(11).negative_binomial(mean / 3, 1 / 4)  # variance 4 times the mean
    fit = fit_additive(x, y, family="poisson")
    assert fit.dispersion == pytest.approx(4, rel=0.1)
    drawn = fit.simulate(noise="overdispersed", seed=2)
    assert np.mean((drawn - fit.fitted) ** 2 / fit.fitted) == pytest.approx(4, rel=0.15)
    assert drawn.mean() == pytest.approx(y.mean(), rel=0.02)


def test_noise_of_nulls():
    x = RNG(12).uniform(size=(4000, 2))
    sd = 0.2 + 2 * x[:, 0]
    fit = fit_additive(x, x[:, 1] + sd * RNG(13).standard_t(4, 4000))
    for noise in ("parametric", "permuted", "wild"):
        added = fit.simulate(noise=noise, seed=3) - fit.fitted
        assert added.var() == pytest.approx(fit.dispersion, rel=0.1)
        ratio = added[x[:, 0] > 0.8].std() / added[x[:, 0] < 0.2].std()
        assert ratio > 3 if noise == "wild" else 0.8 < ratio < 1.25
    permuted = np.sort(fit.simulate(noise="permuted", seed=4) - fit.fitted)
    assert np.corrcoef(permuted, np.sort(fit.residuals))[0, 1] > 1 - 1e-9


def test_nulls_are_reproducible_and_differ_by_seed():
    x, mean = world(300)
    fit = fit_additive(x, mean + RNG(14).normal(size=300))
    assert (fit.simulate(seed=1) == fit.simulate(seed=1)).all()
    assert (fit.simulate(seed=1) != fit.simulate(seed=2)).any()


def test_beyond_the_range_the_outermost_value_counts():
    x = RNG(15).uniform(size=(300, 2))
    fit = fit_additive(x, x[:, 0] + RNG(16).normal(0, 0.1, 300))
    edge, beyond = np.array([[x[:, 0].max(), 0.5]]), np.array([[7.0, 0.5]])
    np.testing.assert_allclose(fit.predict(beyond), fit.predict(edge))


def test_errors():
    x, y = RNG(17).uniform(size=(50, 3)), RNG(18).normal(size=50)
    with pytest.raises(SeqauditError, match=r"feature 'x2' is 0\.5 in all 50 rows"):
        fit_additive(np.column_stack([x[:, 0], np.full(50, 0.5)]), y)
    with pytest.raises(SeqauditError, match="at least four points per feature"):
        fit_additive(x[:11], y[:11])
    with pytest.raises(SeqauditError, match="1 values that are not finite"):
        fit_additive(x, np.where(np.arange(50) == 3, np.nan, y))
    with pytest.raises(SeqauditError, match="counts of at least 0"):
        fit_additive(x, y, family="poisson")
    with pytest.raises(SeqauditError, match="one of gaussian, poisson"):
        fit_additive(x, y, family="binomial")
    with pytest.raises(SeqauditError, match="'wild' does not go with family 'poisson'"):
        fit_additive(x, np.arange(50), family="poisson").simulate(noise="wild", seed=1)
    with pytest.raises(SeqauditError, match="one of parametric"):
        fit_additive(x, y).simulate(noise="none", seed=1)


def test_features_with_most_values_nearly_the_same_are_fitted():
    # like the occupancy of a motif that few sequences hold: quantiles lie 1e-9 of the range apart
    rng = np.random.default_rng(3)
    x = np.column_stack([rng.uniform(size=2000), 1e-9 * rng.uniform(size=2000)])
    x[:20, 1] += rng.uniform(0.5, 1, 20)
    y = np.sin(3 * x[:, 0]) + 2 * x[:, 1] + 0.1 * rng.standard_normal(2000)
    fit = fit_additive(x, y)
    assert np.isfinite(fit.fitted).all()
    effect = fit.effects(np.array([[0.5, 0.0], [0.5, 1.0]]))[:, 1]
    assert effect[1] - effect[0] == pytest.approx(2, abs=0.3)
    assert np.sqrt(fit.dispersion) == pytest.approx(0.1, rel=0.1)

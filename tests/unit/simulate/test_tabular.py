"""Tabular worlds: the spec's numbers, Hessians against differences, twins without interactions."""

import numpy as np
import pytest

from seqaudit.errors import SeqauditError
from seqaudit.simulate.tabular import (
    interaction_snr,
    main_effects_twin,
    seven_interactions,
    simulate_tabular,
)
from seqaudit.simulate.tabular_suites import INJECTIONS, inject_interaction, nid_demo, random_pairs
from seqaudit.simulate.tabular_truth import interaction_surfaces, population_measures, true_measures

NEIGHBOURS = [(k, k + 1) for k in range(7)]


def mixed_difference(function, x, i, j, step=1e-3):
    a, b = np.zeros(x.shape[1]), np.zeros(x.shape[1])
    a[i], b[j] = step, step
    corners = function(x + a + b) - function(x + a - b) - function(x - a + b) + function(x - a - b)
    return corners / (4 * step**2)


def anova_rest(function, x, rng, i, j, n=400):
    """Mixed differences over random rectangles: 0 for any additive function."""
    first, second = x[:n].copy(), x[n : 2 * n]
    values = 0
    for sign_i in (0, 1):
        for sign_j in (0, 1):
            corner = first.copy()
            corner[:, i] = np.where(sign_i, second[:, i], first[:, i])
            corner[:, j] = np.where(sign_j, second[:, j], first[:, j])
            values = values + (-1) ** (sign_i + sign_j) * function(corner)
    return np.abs(values).max()


def test_the_seven_functions_have_the_digitised_effects():
    table = population_measures(seven_interactions())
    true = table[table["interacts"]]
    assert list(zip(true["feature_a"], true["feature_b"])) == [(f"x{k}", f"x{k + 1}") for k in range(1, 8)]
    np.testing.assert_allclose(true["eah"], [3.4, 4.0, 2.9, 4.1, 2.6, 1.9, 4.3], atol=0.015)
    np.testing.assert_allclose(true["aeh"], [3.4, 0, 2.9, 0, 2.6, 0, 4.19], atol=0.015)
    assert (table.loc[~table["interacts"], ["aeh", "eah"]] == 0).all().all()


def test_variances_of_the_spec_and_by_monte_carlo():
    law = seven_interactions()
    np.testing.assert_allclose(
        law.pure_variances, [0.080, 0.031, 0.050, 0.031, 0.043, 0.0065, 0.166], rtol=0.03
    )
    x = law.draw(200_000, np.random.default_rng(0))
    assert law.variance == pytest.approx(law.mean(x).var(), rel=0.02)
    assert law.terms_variance == pytest.approx(law.terms_sum(x).var(), rel=0.02)
    assert interaction_snr(law, 2.0) == pytest.approx(2 * law.terms_variance / law.variance)


def test_the_other_profile_makes_interactions_equally_loud():
    law, plain = seven_interactions(profile="equal_variance"), seven_interactions()
    np.testing.assert_allclose(law.pure_variances, np.mean(plain.pure_variances), rtol=1e-9)


@pytest.mark.parametrize("profile", ["hessian_size", "equal_variance"])
def test_closed_forms_equal_finite_differences(profile):
    law = seven_interactions(profile=profile)
    x = law.draw(40, np.random.default_rng(1))
    hessians = law.hessians(x)
    np.testing.assert_array_equal(hessians, np.swapaxes(hessians, 1, 2))
    assert np.isnan(hessians[:, range(8), range(8)]).all()
    for i in range(8):
        for j in range(i + 1, 8):
            np.testing.assert_allclose(hessians[:, i, j], mixed_difference(law.mean, x, i, j), atol=2e-4)
    assert law.interacting() == NEIGHBOURS


def test_measures_at_points_are_ordered_and_reach_their_limits():
    law = seven_interactions()
    x = law.draw(600, np.random.default_rng(2))
    coarse = true_measures(law, x, np.zeros(600, int))
    np.testing.assert_allclose(coarse["geh"], coarse["aeh"])
    fine = true_measures(law, x, np.arange(600))
    np.testing.assert_allclose(fine["geh"], fine["eah"])
    # by the sign of x7 interaction 6, b / sqrt(a), cancels nowhere
    halves = true_measures(law, x, (x[:, 6] > 0).astype(int)).set_index(["feature_a", "feature_b"])
    assert halves.loc[("x6", "x7"), "geh"] == pytest.approx(halves.loc[("x6", "x7"), "eah"])
    assert halves.loc[("x6", "x7"), "aeh"] < 0.2 * halves.loc[("x6", "x7"), "geh"]


@pytest.mark.parametrize("law", [seven_interactions(), nid_demo(), random_pairs(seed=3, n_pairs=8)])
def test_twins_have_the_main_effects_and_nothing_else(law):
    rng = np.random.default_rng(4)
    twin = main_effects_twin(law)
    x = law.draw(40_000, rng)
    assert twin.interacting() == []
    for i, j in law.interacting()[:4]:
        assert anova_rest(twin.mean, x, rng, i, j) < 1e-9 * np.abs(law.mean(x)).max()
        assert anova_rest(law.mean, x, rng, i, j) > 0.01
    rest, kept = law.mean(x) - twin.mean(x), twin.mean(x)
    # the best additive approximation leaves a rest that no main effect explains
    assert abs(rest.mean()) < 5 * rest.std() / 200
    assert abs(np.corrcoef(rest, kept)[0, 1]) < 0.025
    for j in range(x.shape[1]):
        assert abs(np.corrcoef(rest, x[:, j])[0, 1]) < 0.025
    assert twin.variance == pytest.approx(kept.var(), rel=0.04)


@pytest.mark.parametrize("snr", [0.5, 10.0])
def test_noise_is_as_loud_as_asked(snr):
    law = seven_interactions()
    table = simulate_tabular(law, snr=snr, sizes=(20_000, 10, 10), seed=5)
    noise = table.y - law.mean(table.x)
    assert law.variance / noise.var() == pytest.approx(snr, rel=0.05)
    assert (simulate_tabular(law, snr=None, sizes=(20_000, 10, 10), seed=5).y == law.mean(table.x)).all()
    low, high = table.x.min(axis=0), table.x.max(axis=0)
    np.testing.assert_allclose(low, [0.5, -0.5, 0.5, -0.5, 0.5, 0.5, -0.5, 0.5], atol=1e-3)
    np.testing.assert_allclose(high - low, 1, atol=1e-3)


def test_splits_and_seeds():
    law = seven_interactions()
    table = simulate_tabular(law, snr=1.0, sizes=(30, 20, 10), seed=6)
    assert [(table.split == name).sum() for name in ("train", "validation", "test")] == [30, 20, 10]
    assert (table.y == simulate_tabular(law, snr=1.0, sizes=(30, 20, 10), seed=6).y).all()
    assert (table.y != simulate_tabular(law, snr=1.0, sizes=(30, 20, 10), seed=7).y).all()
    assert (table.x == simulate_tabular(law, snr=5.0, sizes=(30, 20, 10), seed=6).x).all()


def test_surfaces_are_the_interactions_without_main_effects():
    surfaces = interaction_surfaces(seven_interactions(), dataset="suite", n_cells=41)
    product = surfaces[surfaces["feature_a"] == "x1"]
    expected = 3.4 * (product["value_a"] - 1) * product["value_b"]  # 3.4 a b, a about 1 and b about 0
    np.testing.assert_allclose(product["value"], expected, atol=1e-9)
    assert surfaces["label"].nunique() == 7 and len(surfaces) == 7 * 41**2


def test_the_nid_demo_by_hand():
    law = nid_demo()
    x = np.array([[0.5, -0.25, 0.5, -1.0, 0.5, 0.3, 0.5, 0.5, 0.7, 1.0]])
    by_hand = np.exp(0.75) + 0.125 - 0.25 + 0.25 + np.log(1 + 3 * 0.25) + 0.7 + 0.5
    assert law.mean(x)[0] == pytest.approx(by_hand)
    ring, clique = [(0, 1), (0, 3), (1, 2), (2, 3)], [(3, 4), (3, 6), (3, 7), (4, 6), (4, 7), (6, 7)]
    assert law.interacting() == sorted(ring + clique)
    assert population_measures(law).query("interacts")["eah"].isna().all()


def test_random_pairs_are_different_and_unit_sized():
    law = random_pairs(seed=8)
    assert len(law.interacting()) == 20 and len(law.features) == 10
    x = law.draw(50_000, np.random.default_rng(9))
    for term in law.terms:
        values = term.weight * term.value(*(x[:, j] for j in term.features))
        assert values.std() == pytest.approx(1, abs=0.05)
    assert random_pairs(seed=8).interacting() == law.interacting() != random_pairs(seed=9).interacting()
    with pytest.raises(SeqauditError, match="expected 1 to 3"):
        random_pairs(n_features=3, n_pairs=4, seed=1)


@pytest.mark.parametrize("form", INJECTIONS)
def test_injected_interactions_have_the_variance_asked_for(form):
    rng = np.random.default_rng(10)
    x, y = rng.normal(size=(5000, 3)) * [1, 40, 3], 100 * rng.normal(size=5000)
    injected = inject_interaction(x, y, pair=(0, 2), form=form, share=0.03)
    added = injected.y - y
    assert added.var() / y.var() == pytest.approx(0.03) and added.mean() == pytest.approx(0, abs=1e-9)
    a, b = ((x[:, j] - x[:, j].min()) / np.ptp(x[:, j]) + 0.5 for j in (0, 2))
    expected = {"product": a * b, "exponential": np.exp(a) * np.exp(b), "division": a / b}[form]
    np.testing.assert_allclose(added, injected.weight * (expected - expected.mean()))
    assert (inject_interaction(x, y, pair=(0, 2), form=form, share=0.0).y == y).all()


def test_errors():
    law = seven_interactions()
    with pytest.raises(SeqauditError, match="snr: got 0"):
        simulate_tabular(law, snr=0, seed=1)
    with pytest.raises(SeqauditError, match="three positive numbers"):
        simulate_tabular(law, snr=1, sizes=(5, 0, 5), seed=1)
    with pytest.raises(SeqauditError, match="hessian_size, equal_variance"):
        seven_interactions(profile="loud")
    with pytest.raises(SeqauditError, match="one of product, exponential, division"):
        inject_interaction(np.ones((4, 2)), np.ones(4), pair=(0, 1), form="sum", share=0.1)
    with pytest.raises(SeqauditError, match="are constant"):
        inject_interaction(np.ones((4, 2)), np.arange(4.0), pair=(0, 1), form="product", share=0.1)

"""Other methods that rank pairs: closed forms, and what each of them cannot see."""

import importlib.util
import sys

import numpy as np
import pytest

from seqaudit.errors import SeqauditError
from seqaudit.inference.pairwise_baselines import (
    fit_boosted_trees,
    h_statistic_scores,
    lasso_scores,
    oracle_scores,
    shap_interaction_scores,
)

RNG = np.random.default_rng
NEEDS_SHAP = pytest.mark.skipif(
    importlib.util.find_spec("shap") is None, reason="shap, an optional peer, is not installed"
)


def product_world(n=2000, noise=0.3, seed=0):
    """Pairs in the order 01, 02, 03, 12, 13, 23; only 0 and 1, and 2 and 3 interact."""
    x = RNG(seed).uniform(-1, 1, (n, 4))
    y = 3 * x[:, 0] * x[:, 1] + x[:, 2] + np.abs(x[:, 2]) * x[:, 3]
    return x, y + noise * RNG(seed + 1).normal(size=n)


def test_lasso_is_soft_thresholding_of_independent_products():
    rng = RNG(2)
    x = rng.choice([-1.0, 1.0], (4096, 3))
    x = np.array(np.meshgrid(*[[-1.0, 1.0]] * 3)).reshape(3, -1).T.repeat(50, axis=0)  # orthogonal design
    y = 2 * x[:, 0] * x[:, 1] - x[:, 1] * x[:, 2]
    scores = lasso_scores(x, y, penalty=0.1)
    sd = np.sqrt(5)
    np.testing.assert_allclose(scores, [2 / sd - 0.1, 0, 1 / sd - 0.1], atol=1e-6)


def test_lasso_does_not_depend_on_units():
    x, y = product_world()
    np.testing.assert_allclose(
        lasso_scores(x * [1, 100, 0.1, 7] + 5, 30 * y - 4), lasso_scores(x, y), atol=1e-4
    )


def test_lasso_misses_what_is_no_product():
    x, y = product_world(noise=0.01)
    scores = lasso_scores(x, y)
    assert scores[0] > 0.8 and scores[5] < 0.1


def test_the_oracle_recovers_weights_of_the_true_forms():
    x, y = product_world(noise=0.0)
    scores = oracle_scores(x, y, forms={(0, 1): lambda a, b: a * b, (2, 3): lambda a, b: np.abs(a) * b})
    assert scores[0] == pytest.approx(3 * np.std(x[:, 0] * x[:, 1]))
    assert scores[5] == pytest.approx(np.std(np.abs(x[:, 2]) * x[:, 3]))
    np.testing.assert_allclose(scores[1:5], 0, atol=1e-12)
    with pytest.raises(SeqauditError, match=r"\(3, 2\) is no pair of the 4 features"):
        oracle_scores(x, y, forms={(3, 2): np.multiply})


def test_h_of_a_product_in_closed_form():
    x, _ = product_world(n=150)
    scores = h_statistic_scores(lambda p: 3 * p[:, 0] * p[:, 1] + p[:, 2] ** 2, x)
    a, b = x[:, 0] - x[:, 0].mean(), x[:, 1] - x[:, 1].mean()
    joint = 3 * (a * b - np.mean(a * b))  # ab less its partial dependences
    assert scores[0] == pytest.approx(np.sqrt(np.mean(joint**2)))
    np.testing.assert_allclose(scores[1:], 0, atol=1e-12)


def test_h_equals_a_plain_loop():
    x = RNG(3).normal(size=(12, 3))

    def predict(p):
        return np.sin(p[:, 0] * p[:, 1]) + p[:, 2] * p[:, 0] ** 2

    def dependence(fixed):
        values = []
        for point in x:
            moved = x.copy()
            moved[:, fixed] = point[fixed]
            values.append(predict(moved).mean())
        return np.array(values) - np.mean(values)

    expected = [
        np.sqrt(np.mean((dependence([i, j]) - dependence([i]) - dependence([j])) ** 2))
        for i, j in ((0, 1), (0, 2), (1, 2))
    ]
    np.testing.assert_allclose(h_statistic_scores(predict, x), expected)


def test_h_takes_a_seeded_choice_of_points():
    x, _ = product_world(n=500)
    one, same, other = (
        h_statistic_scores(lambda p: p[:, 0] * p[:, 1], x, max_points=40, seed=seed)[0] for seed in (1, 1, 2)
    )
    assert one == same != other


@NEEDS_SHAP
def test_shap_finds_the_pairs_and_adds_up():
    x, y = product_world(noise=0.1)
    model = fit_boosted_trees(x, y, n_trees=60, learning_rate=0.1, depth=3)
    scores = shap_interaction_scores(model, x, max_points=60)
    assert set(np.argsort(scores)[-2:]) == {0, 5}
    assert (scores == shap_interaction_scores(model, x, max_points=60)).all()


@NEEDS_SHAP
def test_shap_of_a_single_tree_by_the_definition_of_shapley_interactions():
    # the tree is y = 1 if both features are above 1/2; half of the points lie on either side
    x = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]] * 25)
    y = (x.sum(axis=1) > 1.5).astype(float)
    model = fit_boosted_trees(x, y, n_trees=1, learning_rate=1.0, depth=2)
    model = model.set_params(subsample=1.0).fit(x, y)
    # v(12) - v(1) - v(2) + v() is 1/4 or -1/4 in absolute value at every point
    assert shap_interaction_scores(model, x)[0] == pytest.approx(0.25)


def test_without_shap_the_message_names_the_pin(monkeypatch):
    monkeypatch.setitem(sys.modules, "shap", None)
    x, y = product_world(n=100)
    with pytest.raises(SeqauditError, match=r"pip install shap==0\.51\.0"):
        shap_interaction_scores(fit_boosted_trees(x, y, n_trees=2), x)


def test_trees_are_reproducible():
    x, y = product_world(n=300)
    predictions = [fit_boosted_trees(x, y, n_trees=20, seed=seed).predict(x) for seed in (1, 1, 2)]
    assert (predictions[0] == predictions[1]).all() and (predictions[0] != predictions[2]).any()


def test_errors():
    x, y = product_world(n=60)
    with pytest.raises(SeqauditError, match="expected 60 finite numbers"):
        lasso_scores(x, y[:-1])
    with pytest.raises(SeqauditError, match="at least two of both"):
        lasso_scores(x[:, :1], y)
    with pytest.raises(SeqauditError, match="got 0, expected a positive number"):
        lasso_scores(x, y, penalty=0)
    with pytest.raises(SeqauditError, match="expected at least 2"):
        h_statistic_scores(lambda p: p[:, 0], x, max_points=1)

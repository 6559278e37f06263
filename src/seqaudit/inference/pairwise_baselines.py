"""Other methods that rank pairs of features: Lasso, oracle regression, H-statistic, tree SHAP.

The baselines of Cui, Marttinen and Kaski (2020), section 5.1, that need no neural network, and
Friedman and Popescu's (2008) H-statistic, which asks any prediction function. All return one
score of at least 0 per pair, in the order of ``hessian_measures.feature_pairs``.
"""

from collections.abc import Callable, Mapping
from types import ModuleType

import numpy as np
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import Lasso

from seqaudit.data.features import check_features
from seqaudit.errors import SeqauditError

SHAP_PIN = "shap==0.51.0"

LASSO_PENALTY = 5e-4
"""Published; of what scaling is not stated, here of standardised products and target."""

_ROWS_PER_BLOCK = 65_536


def lasso_scores(x, y, *, penalty: float = LASSO_PENALTY) -> np.ndarray:
    """Absolute coefficients of all pairwise products in one Lasso, with the features themselves.

    Features are standardised before they are multiplied, and the products and the target
    after, so the penalty means the same for every pair.

    Parameters
    ----------
    x : array_like, shape (n, features)
    y : array_like, shape (n,)
    penalty : float
        Of scikit-learn's Lasso.

    Returns
    -------
    numpy.ndarray, shape (pairs,), float64

    Raises
    ------
    SeqauditError
        Bad features or target, or a penalty that is not positive.
    """
    x, y = _checked(x, y)
    if not penalty > 0:
        raise SeqauditError(f"penalty: got {penalty}, expected a positive number.")
    x = _standardised(x)
    design = _standardised(np.column_stack([x, _products(x)]))
    model = Lasso(alpha=penalty, max_iter=10_000).fit(design, _standardised(y))
    return np.abs(model.coef_[x.shape[1] :])


def oracle_scores(
    x, y, *, forms: Mapping[tuple[int, int], Callable[[np.ndarray, np.ndarray], np.ndarray]]
) -> np.ndarray:
    """Least squares with the true form of every true pair, and products for all others.

    The upper bound of a regression that knows everything but the weights (section 5.1). A
    score is the absolute coefficient times the spread of its column.

    Parameters
    ----------
    x : array_like, shape (n, features)
        In the units that the forms take.
    y : array_like, shape (n,)
    forms : mapping of (int, int) to function
        Of both features, first before second.
    """
    x, y = _checked(x, y)
    first, second = np.triu_indices(x.shape[1], 1)
    pairs = list(zip(first.tolist(), second.tolist()))
    unknown = [pair for pair in forms if pair not in pairs]
    if unknown:
        raise SeqauditError(
            f"forms: {unknown[0]} is no pair of the {x.shape[1]} features, first before second."
        )
    centred = x - x.mean(axis=0)
    columns = [
        forms[i, j](x[:, i], x[:, j]) if (i, j) in forms else centred[:, i] * centred[:, j] for i, j in pairs
    ]
    design = _standardised(np.column_stack([x, *columns]))
    coefficients = np.linalg.lstsq(design, y - y.mean(), rcond=None)[0]
    return np.abs(coefficients[x.shape[1] :])


def h_statistic_scores(
    predict: Callable[[np.ndarray], np.ndarray], x, *, max_points: int = 200, seed: int = 0
) -> np.ndarray:
    """Friedman and Popescu's H: how far two features are from acting alone, in target units.

    The square root of the numerator of their statistic (section 8.1): the root mean square of
    the joint partial dependence of two features less both single ones. The ratio H itself
    calls pairs strong that have no effect at all.

    Parameters
    ----------
    predict : callable
        Points, shape (m, features), to predictions, shape (m,).
    x : array_like, shape (n, features)
    max_points : int
        Points that are asked about and averaged over; the cost is its square per pair.
    seed : int
        Of their choice, if there are more.
    """
    x = check_features(x)
    if max_points < 2:
        raise SeqauditError(f"max_points: got {max_points}, expected at least 2.")
    if len(x) > max_points:
        x = x[np.random.default_rng(seed).choice(len(x), max_points, replace=False)]
    single = np.stack([_partial_dependence(predict, x, [j]) for j in range(x.shape[1])])
    scores = [
        np.sqrt(np.mean((_partial_dependence(predict, x, [i, j]) - single[i] - single[j]) ** 2))
        for i, j in zip(*np.triu_indices(x.shape[1], 1))
    ]
    return np.array(scores)


def fit_boosted_trees(
    x, y, *, n_trees: int = 300, depth: int = 4, learning_rate: float = 0.05, seed: int = 0
) -> GradientBoostingRegressor:
    """Gradient-boosted trees on half of the points per tree.

    The paper states a learning rate of 0.01 and nothing else; ``learning_rate=0.01`` wants
    about five times as many trees.
    """
    x, y = _checked(x, y)
    model = GradientBoostingRegressor(
        n_estimators=n_trees, max_depth=depth, learning_rate=learning_rate, subsample=0.5,
        min_samples_leaf=min(10, max(1, len(x) // 20)), random_state=seed,
    )  # fmt: skip
    return model.fit(x, y)


def shap_interaction_scores(model, x, *, max_points: int = 500, seed: int = 0) -> np.ndarray:
    """Mean absolute SHAP interaction value of every pair in a tree ensemble.

    Parameters
    ----------
    model : fitted tree ensemble
        One that ``shap.TreeExplainer`` knows, such as that of :func:`fit_boosted_trees`.
    x : array_like, shape (n, features)
    max_points : int
        Points that are explained, a random choice if there are more.
    seed : int

    Returns
    -------
    numpy.ndarray, shape (pairs,), float64
        Both halves of an interaction, which SHAP splits evenly, together; target units.

    Raises
    ------
    SeqauditError
        If shap is not installed, or bad features.
    """
    x = check_features(x)
    shap = _import_shap()
    if len(x) > max_points:
        x = x[np.random.default_rng(seed).choice(len(x), max_points, replace=False)]
    values = np.abs(shap.TreeExplainer(model).shap_interaction_values(x)).mean(axis=0)
    first, second = np.triu_indices(x.shape[1], 1)
    return values[first, second] + values[second, first]


def _import_shap() -> ModuleType:
    try:
        import shap
    except ImportError as error:
        raise SeqauditError(
            f"SHAP interaction values need the package shap, which is not installed ({error}). Install it "
            f"with 'pip install {SHAP_PIN}', or leave 'shap' out of the methods in the config."
        ) from error
    return shap


def _partial_dependence(predict, x: np.ndarray, fixed: list[int]) -> np.ndarray:
    """Prediction at each point's values of the fixed features, averaged over the others, centred."""
    n = len(x)
    per_block = max(1, _ROWS_PER_BLOCK // n)
    dependence = np.empty(n)
    for first in range(0, n, per_block):
        rows = np.arange(first, min(first + per_block, n))
        points = np.tile(x, (len(rows), 1))
        points[:, fixed] = np.repeat(x[rows][:, fixed], n, axis=0)
        dependence[rows] = np.asarray(predict(points)).reshape(len(rows), n).mean(axis=1)
    return dependence - dependence.mean()


def _products(x: np.ndarray) -> np.ndarray:
    first, second = np.triu_indices(x.shape[1], 1)
    return x[:, first] * x[:, second]


def _standardised(values: np.ndarray) -> np.ndarray:
    """Mean 0 and variance 1 by column; a constant column, such as a product of 0 and 1, is 0."""
    centred = values - values.mean(axis=0)
    sd = centred.std(axis=0)
    return centred / np.where(sd > 0, sd, 1.0)


def _checked(x, y) -> tuple[np.ndarray, np.ndarray]:
    x, y = check_features(x), np.asarray(y, dtype=np.float64)
    if y.shape != (len(x),) or not np.isfinite(y).all() or np.ptp(y) == 0:
        raise SeqauditError(
            f"y: got shape {y.shape} with {int((~np.isfinite(y)).sum())} values that are not finite, "
            f"expected {len(x)} finite numbers that are not all equal."
        )
    return x, y

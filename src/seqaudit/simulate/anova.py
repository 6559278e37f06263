"""Main effects and variances of functions of independent features, by quadrature."""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.interpolate import CubicSpline

NODES = {1: 256, 2: 96, 3: 32, 4: 20}
"""Quadrature nodes per feature, by features of a term."""

_GRID = 129


class Feature(NamedTuple):
    """Distribution of one feature: uniform on (low, high), or standard normal."""

    name: str
    low: float = 0.0
    high: float = 1.0
    distribution: str = "uniform"


class Term(NamedTuple):
    """A part of the law that takes some of the features.

    Attributes
    ----------
    features : tuple of int
        Positions of its features.
    value : callable
        Their values, one array each, to the term's values.
    mixed : callable or None
        For two features: second derivative by both; None if it does not exist everywhere.
    weight : float
    name : str
        The formula in words.
    """

    features: tuple[int, ...]
    value: Callable[..., np.ndarray]
    mixed: Callable[..., np.ndarray] | None = None
    weight: float = 1.0
    name: str = ""


def quadrature(feature: Feature, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights (sum 1) of the distribution of a feature."""
    if feature.distribution == "normal":
        nodes, weights = np.polynomial.hermite_e.hermegauss(min(n, 128))
        return nodes, weights / weights.sum()
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return feature.low + (feature.high - feature.low) * (nodes + 1) / 2, weights / 2


def tensor_rule(features: tuple[Feature, ...], n: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Nodes of all features, flattened, and the product of their weights."""
    rules = [quadrature(feature, n) for feature in features]
    nodes = np.meshgrid(*(rule[0] for rule in rules), indexing="ij")
    weights = rules[0][1]
    for rule in rules[1:]:
        weights = np.multiply.outer(weights, rule[1])
    return [node.ravel() for node in nodes], weights.ravel()


@lru_cache(maxsize=256)
def moments(term: Term, features: tuple[Feature, ...]) -> tuple[float, float]:
    """Mean and variance of an unweighted term."""
    nodes, weights = tensor_rule(tuple(features[j] for j in term.features), NODES[len(term.features)])
    values = term.value(*nodes)
    mean = float(weights @ values)
    return mean, float(weights @ (values - mean) ** 2)


@lru_cache(maxsize=256)
def main_effect(term: Term, features: tuple[Feature, ...], j: int) -> Callable[[np.ndarray], np.ndarray]:
    """Mean of an unweighted term over its other features, less its overall mean, as a function of j."""
    mean = moments(term, features)[0]
    own = features[j]
    low, high = (-6.0, 6.0) if own.distribution == "normal" else (own.low, own.high)
    grid = np.linspace(low, high, _GRID)
    others = tuple(k for k in term.features if k != j)
    if not others:
        return lambda x: term.value(x) - mean
    nodes, weights = tensor_rule(tuple(features[k] for k in others), NODES[len(term.features)])
    values = np.empty(_GRID)
    for place, at in enumerate(grid):
        arguments = dict(zip(others, nodes)) | {j: np.full(weights.shape, at)}
        values[place] = weights @ term.value(*(arguments[k] for k in term.features)) - mean
    return CubicSpline(grid, values)  # tabulated once, a term may be called for a million points


def main_variances(term: Term, features: tuple[Feature, ...]) -> list[float]:
    """Variances of the main effects of an unweighted term."""
    variances = []
    for j in term.features:
        x, weights = quadrature(features[j], NODES[1])
        variances.append(float(weights @ main_effect(term, features, j)(x) ** 2))
    return variances


def pairs_of(term: Term) -> list[tuple[int, int]]:
    """Positions of all pairs of a term's features, sorted."""
    ordered = sorted(term.features)
    return [(i, j) for place, i in enumerate(ordered) for j in ordered[place + 1 :]]

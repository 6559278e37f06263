"""Tabular worlds whose interactions are known: features, a law for the target, true Hessians.

The simulated suite of Cui, Marttinen and Kaski (2020), section 5.1, whose seven functions are
only in a figure: :func:`seven_interactions` has substitutes with every property that the text
states. Two more suites, with known pairs but kinks instead of Hessians, are those of Neural
Interaction Detection and of Integrated Hessians (``simulate/tabular_suites.py``).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from seqaudit.data.features import FeatureTable
from seqaudit.errors import SeqauditError
from seqaudit.simulate.anova import (
    NODES,
    Feature,
    Term,
    main_effect,
    main_variances,
    moments,
    pairs_of,
    quadrature,
)

PROFILES = ("hessian_size", "equal_variance")

PAPER_SIZES = (20_000, 5_000, 5_000)
"""Training, validation and test points of the paper."""


@dataclass(frozen=True, eq=False)
class TabularLaw:
    """How features make the expected target: linear main effects plus terms.

    Attributes
    ----------
    features : tuple of Feature
        Independent of each other.
    main_weights : tuple of float
        Of the features themselves.
    terms : tuple of Term
        No two share a pair of features.
    """

    features: tuple[Feature, ...]
    main_weights: tuple[float, ...]
    terms: tuple[Term, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features."""
        return tuple(feature.name for feature in self.features)

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Independent points, shape (n, features), float64."""
        unit = rng.random((n, len(self.features)))
        normal = rng.standard_normal((n, len(self.features)))
        columns = [
            normal[:, j] if f.distribution == "normal" else f.low + (f.high - f.low) * unit[:, j]
            for j, f in enumerate(self.features)
        ]
        return np.column_stack(columns)

    def mean(self, x: np.ndarray) -> np.ndarray:
        """Expected target without noise, shape (n,)."""
        x = np.asarray(x, dtype=np.float64)
        return x @ np.asarray(self.main_weights) + self.terms_sum(x)

    def terms_sum(self, x: np.ndarray) -> np.ndarray:
        """The terms without the linear part, shape (n,)."""
        total = np.zeros(len(x))
        for term in self.terms:
            total += term.weight * term.value(*(x[:, j] for j in term.features))
        return total

    def hessians(self, x: np.ndarray) -> np.ndarray:
        """True second derivatives by two different features, in closed form.

        Returns
        -------
        numpy.ndarray, shape (n, features, features), float64
            Symmetric; the diagonal is not a number. NaN also for pairs of terms that are not
            smooth.
        """
        d = len(self.features)
        hessians = np.zeros((len(x), d, d))
        hessians[:, np.arange(d), np.arange(d)] = np.nan
        for term in self.terms:
            for i, j in pairs_of(term):
                if term.mixed is None:
                    values = np.nan
                else:
                    values = term.weight * term.mixed(x[:, term.features[0]], x[:, term.features[1]])
                hessians[:, i, j] = hessians[:, j, i] = values
        return hessians

    def interacting(self) -> list[tuple[int, int]]:
        """Positions of pairs of features that interact, sorted."""
        return sorted({pair for term in self.terms for pair in pairs_of(term)})

    @cached_property
    def variance(self) -> float:
        """Variance of the expected target, by quadrature."""
        return sum(self._feature_variances) + sum(self.pure_variances)

    @cached_property
    def terms_variance(self) -> float:
        """Variance of the sum of the terms, their main effects included."""
        without = replace(self, main_weights=(0.0,) * len(self.features))
        return without.variance

    @cached_property
    def pure_variances(self) -> list[float]:
        """Of every term, what is left of its variance after its main effects."""
        return [
            term.weight**2 * (moments(term, self.features)[1] - sum(main_variances(term, self.features)))
            for term in self.terms
        ]

    @property
    def _feature_variances(self) -> list[float]:
        """Of every feature, the variance of its linear part and its share of all terms together."""
        variances = []
        for j, feature in enumerate(self.features):
            x, weights = quadrature(feature, NODES[1])
            curve = self.main_weights[j] * x
            for term in self.terms:
                if j in term.features:
                    curve = curve + term.weight * main_effect(term, self.features, j)(x)
            variances.append(float(weights @ curve**2 - (weights @ curve) ** 2))
        return variances


def seven_interactions(
    *, profile: str = "hessian_size", main_weights: Sequence[float] = (1.0,) * 8
) -> TabularLaw:
    """Eight features, seven interactions of neighbours: substitutes for the paper's functions.

    Domain, places and symmetries are the paper's: interactions 2, 4 and 6 change sign within
    the domain and cancel in the mean Hessian.

    Parameters
    ----------
    profile : {"hessian_size", "equal_variance"}
        Weights that give the true effects read from the paper's appendix (Figs 4 and 5) as
        expected absolute Hessians, or the same variance of every interaction, free of main
        effects; the latter sum to that of the former.
    main_weights : sequence of 8 float
        Of the linear part, which the paper does not state.
    """
    if profile not in PROFILES or len(main_weights) != 8:
        raise SeqauditError(
            f"seven_interactions: got profile '{profile}' and {len(main_weights)} main weights, expected one "
            f"of {', '.join(PROFILES)} and 8."
        )
    signed = {2, 4, 7}
    features = tuple(Feature(f"x{k}", *((-0.5, 0.5) if k in signed else (0.5, 1.5))) for k in range(1, 9))
    law = TabularLaw(features, tuple(float(w) for w in main_weights), _SEVEN)
    if profile == "equal_variance":
        pure = np.array(law.pure_variances)
        each = [term.weight * np.sqrt(pure.mean() / v) for term, v in zip(_SEVEN, pure)]
        law = replace(law, terms=tuple(t._replace(weight=w) for t, w in zip(_SEVEN, each)))
    return law


def main_effects_twin(law: TabularLaw) -> TabularLaw:
    """The same law with every term replaced by its main effects: nothing interacts any more.

    Main effects are conditional means over the distribution of the features, tabulated by
    quadrature, so the twin is the best additive approximation.
    """
    terms = [
        Term((j,), main_effect(term, law.features, j), None, term.weight, f"main effect of {term.name}")
        for term in law.terms
        for j in term.features
    ]
    constants = sum(term.weight * moments(term, law.features)[0] for term in law.terms)
    terms.append(Term((0,), lambda x: np.full(np.shape(x), constants), name="constant"))
    return replace(law, terms=tuple(terms))


def simulate_tabular(
    law: TabularLaw, *, snr: float | None, sizes: Sequence[int] = PAPER_SIZES, seed: int
) -> FeatureTable:
    """Draw points and noisy targets.

    Parameters
    ----------
    law : TabularLaw
    snr : float or None
        Variance of the expected target over that of the Gaussian noise; None is no noise.
    sizes : three ints
        Training, validation and test points.
    seed : int
        Points do not depend on ``snr``.

    Raises
    ------
    SeqauditError
        An ``snr`` that is not positive, or sizes below 1.
    """
    if snr is not None and not 0 < snr < np.inf:
        raise SeqauditError(f"snr: got {snr}, expected a positive number, or None for no noise.")
    if len(sizes) != 3 or min(sizes) < 1:
        raise SeqauditError(f"sizes: got {list(sizes)}, expected three positive numbers of points.")
    rng = np.random.default_rng(seed)
    x = law.draw(sum(sizes), rng)
    sd = 0.0 if snr is None else np.sqrt(law.variance / snr)
    y = law.mean(x) + sd * rng.standard_normal(len(x))
    split = np.repeat(np.array(["train", "validation", "test"], dtype=object), sizes)
    return FeatureTable(x, y, law.names, "y", split)


def interaction_snr(law: TabularLaw, snr: float) -> float:
    """Variance of the terms over that of the noise, for a given ratio of the whole target."""
    return snr * law.terms_variance / law.variance


_SEVEN = (
    Term((0, 1), lambda a, b: a * b, lambda a, b: np.ones_like(a), 3.40, "a b"),
    Term(
        (1, 2),
        lambda a, b: np.cos(np.pi * a) * b,
        lambda a, b: -np.pi * np.sin(np.pi * a),
        2.00,
        "cos(pi a) b",
    ),
    Term((2, 3), lambda a, b: b / a, lambda a, b: -1 / a**2, 2.175, "b / a"),
    Term((3, 4), lambda a, b: a**2 * np.exp(b), lambda a, b: 2 * a * np.exp(b), 2.894, "a^2 exp(b)"),
    Term((4, 5), lambda a, b: np.log(a + b), lambda a, b: -1 / (a + b) ** 2, 9.04, "log(a + b)"),
    Term((5, 6), lambda a, b: np.sqrt(a) * b**2, lambda a, b: b / np.sqrt(a), 7.36, "sqrt(a) b^2"),
    Term(
        (6, 7),
        lambda a, b: np.sin(1.5 * a * b),
        lambda a, b: 1.5 * np.cos(1.5 * a * b) - 2.25 * a * b * np.sin(1.5 * a * b),
        3.91,
        "sin(1.5 a b)",
    ),
)

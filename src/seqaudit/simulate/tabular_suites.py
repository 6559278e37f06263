"""Two more tabular worlds with known pairs, and interactions put into measured tables."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from seqaudit.errors import SeqauditError
from seqaudit.simulate.anova import Feature, Term
from seqaudit.simulate.tabular import TabularLaw

INJECTIONS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "product": lambda a, b: a * b,
    "exponential": lambda a, b: np.exp(a + b),
    "division": lambda a, b: a / b,
}
"""Forms of an injected interaction, of features in [0.5, 1.5] (section 5.2, experiment 2).

The paper names multiplication, an exponential and a division; its formulas are only in a figure.
"""

PAIR_FORMS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "product": lambda a, b: a * b,
    "max": np.maximum,
    "min": np.minimum,
    "squared_sum": lambda a, b: (a + b) ** 2,
    "signed": lambda a, b: a * np.sign(b),
    "cosine": lambda a, b: np.cos(a + b),
    "tanh": lambda a, b: np.tanh(a + b),
}


class Injected(NamedTuple):
    """A target with an interaction added.

    Attributes
    ----------
    y : numpy.ndarray, shape (n,), float64
    weight : float
        Of the form, in units of the target.
    interaction : numpy.ndarray, shape (n,), float64
        What was added, centred.
    """

    y: np.ndarray
    weight: float
    interaction: np.ndarray


def nid_demo() -> TabularLaw:
    """Demonstration function of Neural Interaction Detection (Tsang et al. 2018, their repository).

    Ten features, uniform on (-1, 1); x1 to x4 interact in a ring, x4, x5, x7 and x8 all
    together: ten pairs. Absolute values have kinks, so true Hessians are not available.
    """
    features = tuple(Feature(f"x{k}", -1.0, 1.0) for k in range(1, 11))
    terms = (
        Term((0, 1), lambda a, b: np.exp(np.abs(a - b)), name="exp|x1 - x2|"),
        Term((1, 2), lambda a, b: np.abs(a * b), name="|x2 x3|"),
        Term((2, 3), lambda a, b: -((a**2) ** np.abs(b)), name="-(x3^2)^|x4|"),
        Term((0, 3), lambda a, b: (a * b) ** 2, name="(x1 x4)^2"),
        Term(
            (3, 4, 6, 7),
            lambda a, b, c, d: np.log(a**2 + b**2 + c**2 + d**2),
            name="log(x4^2 + x5^2 + x7^2 + x8^2)",
        ),
        Term((9,), lambda a: 1 / (1 + a**2), name="1 / (1 + x10^2)"),
    )
    weights = [0.0] * 10
    weights[8] = 1.0
    return TabularLaw(features, tuple(weights), terms)


def random_pairs(*, n_features: int = 10, n_pairs: int = 20, seed: int) -> TabularLaw:
    """Random pairs of standard-normal features (simulation of Janizek et al. 2021).

    Every pair takes one of ``PAIR_FORMS``, scaled to unit variance; there are no other main
    effects than those of the forms. True Hessians are not available: some forms have kinks.

    Raises
    ------
    SeqauditError
        More pairs than there are.
    """
    first, second = np.triu_indices(n_features, 1)
    if not 1 <= n_pairs <= len(first):
        raise SeqauditError(
            f"n_pairs: got {n_pairs}, expected 1 to {len(first)}, as many as {n_features} features have."
        )
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.choice(len(first), n_pairs, replace=False))
    features = tuple(Feature(f"x{k + 1}", distribution="normal") for k in range(n_features))
    forms = list(PAIR_FORMS)
    reference = rng.standard_normal((2, 100_000))
    terms = []
    for pair in chosen:
        name = forms[rng.integers(len(forms))]
        form = PAIR_FORMS[name]
        weight = 1 / float(np.std(form(*reference)))
        i, j = int(first[pair]), int(second[pair])
        terms.append(Term((i, j), form, None, weight, f"{name} of x{i + 1} and x{j + 1}"))
    return TabularLaw(features, (0.0,) * n_features, tuple(terms))


def inject_interaction(
    x: np.ndarray, y: np.ndarray, *, pair: tuple[int, int], form: str, share: float
) -> Injected:
    """Add an interaction of two features to a measured target (section 5.2, experiment 2).

    Parameters
    ----------
    x : numpy.ndarray, shape (n, features)
        In any unit; the two features are scaled to [0.5, 1.5] by their range.
    y : numpy.ndarray, shape (n,)
    pair : two ints
        Positions of the features.
    form : {"product", "exponential", "division"}
    share : float
        Variance of what is added over that of ``y``; main effects of the form count in.

    Raises
    ------
    SeqauditError
        An unknown form, a negative share, one feature twice, or a constant one.
    """
    if form not in INJECTIONS or not 0 <= share < np.inf or pair[0] == pair[1]:
        raise SeqauditError(
            f"injection: got form '{form}', share {share} and features {pair}, expected one of "
            f"{', '.join(INJECTIONS)}, a share of at least 0 and two different features."
        )
    a, b = (x[:, j] for j in pair)
    if min(np.ptp(a), np.ptp(b), np.ptp(y)) == 0:
        raise SeqauditError(
            f"injection: features {pair} or the target are constant; nothing can be injected."
        )
    values = INJECTIONS[form](*((v - v.min()) / np.ptp(v) + 0.5 for v in (a, b)))
    weight = float(np.sqrt(share) * np.std(y) / np.std(values))
    interaction = weight * (values - values.mean())
    return Injected(y + interaction, weight, interaction)

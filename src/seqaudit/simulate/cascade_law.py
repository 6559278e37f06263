"""How bound factors set the expected reads of a transcription-factor cascade, and how strongly."""

from collections.abc import Mapping, Sequence

import numpy as np

from seqaudit.errors import SeqauditError

BACKGROUND = (0.27, 0.23, 0.23, 0.27)
"""Published probabilities of A, C, G, T outside motifs."""

PSEUDOCOUNT = 1e-5
"""Published share of a uniform distribution in every motif position."""

GAMMAS = ("published", "balanced", "log_uniform")
"""Ways to draw the causal effect of a round."""

_GAMMA_MEANS = {"high": 10.0, "low": 1.0}
_GAMMA_SD = 0.5
_GAMMA_RANGE = (0.3, 15.0)


def cascade_means(
    parameters: Mapping[str, float],
    occupancy: Sequence[np.ndarray],
    *,
    random_confounder: np.ndarray | float,
) -> np.ndarray:
    """Expected reads of exposure and outcome.

    Parameters
    ----------
    parameters : mapping
        A row of table ``cascade_rounds``.
    occupancy : sequence of 2 or 3 arrays of one shape
        By exposure, outcome and, where there is one, confounder motif; 0 to 1.
    random_confounder : array of that shape, or number
        1 where the random confounder is present, 0 elsewhere.

    Returns
    -------
    numpy.ndarray, float64, shape (2, ...)
        ``1 + alpha qE + eta qC + tau_exposure z`` and
        ``1 + alpha gamma qE qO + nu qC + tau_outcome z``, at least 0 (Malina et al. 2022,
        *Simulation*).
    """
    bound, outcome_bound, *others = occupancy
    exposure = 1 + parameters["alpha"] * bound
    outcome = 1 + parameters["alpha"] * parameters["gamma"] * bound * outcome_bound
    for confounder_bound in others:
        exposure = exposure + parameters["eta"] * confounder_bound
        outcome = outcome + parameters["nu"] * confounder_bound
    exposure = exposure + parameters["tau_exposure"] * random_confounder
    outcome = outcome + parameters["tau_outcome"] * random_confounder
    return np.maximum([exposure, outcome], 0)


def draw_effects(
    rng: np.random.Generator, *, alpha_mean: float, alpha_sd: float, gamma: str | float, round: int
) -> tuple[float, float, str]:
    """Effects of one round.

    Parameters
    ----------
    rng : numpy.random.Generator
        The same draws are taken from it whatever the options.
    alpha_mean, alpha_sd : float
        Of the normal distribution of alpha.
    gamma : str or float
        ``"published"``: normal with sd 0.5 around 10 or 1, each with chance one half, at
        least 0. ``"balanced"``: the same, 10 in odd rounds and 1 in even ones.
        ``"log_uniform"``: 0.3 to 15. A number is taken as it is.
    round : int

    Returns
    -------
    alpha, gamma : float
    cluster : {"high", "low", "continuous"}
        Which of two values gamma was drawn around; ``"continuous"`` if it was not.

    Raises
    ------
    SeqauditError
        ``gamma`` is neither a known word nor a number of at least 0.
    """
    if not (gamma in GAMMAS if isinstance(gamma, str) else 0 <= gamma < np.inf):
        raise SeqauditError(f"gamma: got {gamma!r}, expected {', '.join(GAMMAS)}, or a number of at least 0.")
    alpha = alpha_mean + alpha_sd * rng.standard_normal()
    high, noise, uniform = rng.random() < 0.5, _GAMMA_SD * rng.standard_normal(), rng.random()
    if gamma == "log_uniform":
        low, top = np.log(_GAMMA_RANGE)
        return alpha, float(np.exp(low + (top - low) * uniform)), "continuous"
    if not isinstance(gamma, str):
        return alpha, float(gamma), "continuous"
    if gamma == "balanced":
        high = round % 2 == 1
    cluster = "high" if high else "low"
    return alpha, max(0.0, _GAMMA_MEANS[cluster] + noise), cluster

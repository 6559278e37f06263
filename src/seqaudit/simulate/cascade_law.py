"""How bound factors set the expected reads of a transcription-factor cascade."""

from collections.abc import Mapping, Sequence

import numpy as np

BACKGROUND = (0.27, 0.23, 0.23, 0.27)
"""Published probabilities of A, C, G, T outside motifs."""

PSEUDOCOUNT = 1e-5
"""Published share of a uniform distribution in every motif position."""


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

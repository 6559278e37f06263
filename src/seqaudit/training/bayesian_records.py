"""How networks on tables were trained, and how well they predict: one row per network."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from seqaudit.models.posterior import Posterior
from seqaudit.training.bayesian import Fitted


def training_records(
    fitted: Sequence[Fitted],
    *,
    identity: Mapping[str, str],
    targets: str,
    draws: Sequence[int],
    test_points: np.ndarray | None = None,
    test_target: np.ndarray | None = None,
) -> pd.DataFrame:
    """Table ``hessian_networks``.

    Parameters
    ----------
    fitted : sequence of Fitted
        One per draw of targets.
    identity : mapping
        Values of ``fit``, ``dataset`` and ``posterior``.
    targets : str
        What they were fitted to.
    draws : sequence of int
        Numbers of the draws.
    test_points, test_target : array, shapes (n, D) and (n,), optional
        Held-out points, for the share of the variance that is predicted.
    """
    rows = []
    for draw, one in zip(draws, fitted, strict=True):
        r2 = np.nan
        if test_points is not None:
            errors = test_target - mean_prediction(one.posterior, test_points)
            r2 = 1 - float(np.mean(errors**2) / np.var(test_target))
        for member, record in enumerate(one.records, start=1):
            named = {"targets": targets, "draw": int(draw), "member": member, "test_r2": r2}
            rows.append({**identity, **named, **record})
    return pd.DataFrame(rows)


def mean_prediction(posterior: Posterior, points: np.ndarray) -> np.ndarray:
    """Prediction of the network in the middle, or the average over an ensemble's members.

    Parameters
    ----------
    posterior : Posterior
    points : array, shape (n, D)

    Returns
    -------
    numpy.ndarray, float64, shape (n,)
    """
    return posterior.mean().predict(points).mean(axis=0)

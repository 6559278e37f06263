"""How networks on tables were trained, and how well they predict: one row per network."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from seqaudit.data.schemas import SCHEMAS
from seqaudit.models.posterior import Posterior
from seqaudit.training.bayesian import Fitted

_COLUMNS = [column.name for column in SCHEMAS["hessian_networks"].columns]


def training_records(
    fitted: Sequence[Fitted],
    *,
    identity: Mapping[str, str],
    targets: str,
    draws: Sequence[int],
    held_out: Mapping[str, float] | None = None,
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
    held_out : mapping, optional
        Losses on held-out points, see ``inference.hessian_loss_gate``; null without them.
    """
    rows = []
    for draw, one in zip(draws, fitted, strict=True):
        for member, record in enumerate(one.records, start=1):
            named = {"targets": targets, "draw": int(draw), "member": member}
            rows.append({**identity, **named, **record, **(held_out or {})})
    return pd.DataFrame(rows).reindex(columns=_COLUMNS)


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

"""The loss gate: does the network predict held-out points better than main effects alone?

Where interactions are called, leaving them out must cost something. The network and the additive
model predict the same held-out points; the difference of their deviances is tested point by
point. The gate speaks for a network, not for a pair, so it can take a call back but make none.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import xlogy

from seqaudit.data.features import FeatureTable
from seqaudit.inference.additive_model import fit_additive

POINTS_PER_FEATURE = 4
"""Fewer known points allow no additive model, and so no gate."""
_SMALLEST_MEAN = 0.01  # of the mean count, as in the additive model: means of counts are positive
_COLUMNS = ("test_r2", "test_deviance", "additive_deviance", "loss_gain", "loss_gain_se", "p_loss")


def held_out_losses(
    table: FeatureTable, predict: Callable[[np.ndarray], np.ndarray], *, family: str
) -> dict[str, float]:
    """Losses of a network and of main effects alone on the same held-out points.

    Parameters
    ----------
    table : FeatureTable
        The additive model is fitted to its training and validation points, all that the network
        has seen; test points are judged.
    predict : callable
        From points (n, features) to the network's means (n,).
    family : {"gaussian", "poisson"}
        Squared error, or deviance of counts, whose means are then kept above a hundredth of the
        mean count in both models.

    Returns
    -------
    dict of str to float
        ``test_r2``; ``test_deviance`` and ``additive_deviance``, means over points; ``loss_gain``,
        the latter minus the former; ``loss_gain_se``; ``p_loss``, one-sided paired t-test of a gain
        of 0. Not a number where there are no test points, and all but the first two where there are
        too few others for an additive model.
    """
    losses = dict.fromkeys(_COLUMNS, np.nan)
    test = table.split == "test"
    if not test.any():
        return losses
    x, y, known, seen = table.x[test], table.y[test], table.x[~test], table.y[~test]
    predicted = predict(x)
    variance = np.var(y)
    if variance > 0:
        losses["test_r2"] = 1 - float(np.mean((y - predicted) ** 2) / variance)
    floor = _SMALLEST_MEAN * float(seen.mean())
    own = point_deviances(y, predicted, family=family, floor=floor)
    losses["test_deviance"] = float(own.mean())
    if len(known) < POINTS_PER_FEATURE * known.shape[1] or len(y) < 2:
        return losses
    additive = point_deviances(
        y, fit_additive(known, seen, family=family).predict(x), family=family, floor=floor
    )
    gain = additive - own
    mean, error = float(gain.mean()), float(gain.std(ddof=1) / np.sqrt(len(gain)))
    p = float(stats.t.sf(mean / error, len(gain) - 1)) if error > 0 else float(mean <= 0)
    return losses | {
        "additive_deviance": float(additive.mean()),
        "loss_gain": mean,
        "loss_gain_se": error,
        "p_loss": p,
    }


def point_deviances(y: np.ndarray, mean: np.ndarray, *, family: str, floor: float) -> np.ndarray:
    """Deviance of every point: squared error, or 2 (y log(y / mean) - y + mean) with means at ``floor``."""
    if family == "gaussian":
        return (y - mean) ** 2
    mean = np.maximum(mean, floor)
    return 2 * (xlogy(y, y / mean) - y + mean)


def add_loss_gate(pairs: pd.DataFrame, networks: pd.DataFrame, *, alpha: float = 0.05) -> pd.DataFrame:
    """Put the gate beside the calls: columns ``p_loss`` and ``gated_call``.

    ``call`` stays as it is.

    Parameters
    ----------
    pairs : pandas.DataFrame
        Table ``hessian_pairs`` after ``hessian_nulls.add_null_tests``.
    networks : pandas.DataFrame
        Table ``hessian_networks``; rows of observed targets are used.
    alpha : float
    """
    observed = networks[(networks["targets"] == "observed") & (networks["member"] == 1)]
    p = pairs["fit"].map(observed.set_index("fit")["p_loss"]).astype(float)
    open_gate = (p <= alpha).astype("boolean").mask(p.isna())
    called = pairs["call"].astype("boolean")
    return pairs.assign(p_loss=p, gated_call=called & open_gate)

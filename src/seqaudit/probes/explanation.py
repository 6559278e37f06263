"""Explain one model: maps of a fixed list of sequences by several methods, and its loss on others."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from torch import nn

from seqaudit.data.sequences import one_hot
from seqaudit.data.targets import transform_target
from seqaudit.errors import SeqauditError
from seqaudit.models.predict import predict
from seqaudit.probes.attribution import attribute

HELD_OUT = "validation"
"""Split whose loss chooses between models: neither test nor maps use it."""


class Explanation(NamedTuple):
    """One model explained.

    Attributes
    ----------
    maps : dict of str to numpy.ndarray, float32, (n, 4, L)
        Centred, by method.
    summary : pandas.DataFrame
        Table ``explanations``, without the loss.
    heldout, target : numpy.ndarray, (n_validation,)
        Predictions and targets of the validation split, training space.
    """

    maps: dict[str, np.ndarray]
    summary: pd.DataFrame
    heldout: np.ndarray
    target: np.ndarray


def explain_model(
    model: nn.Module,
    chosen: pd.DataFrame,
    sequences: pd.DataFrame,
    *,
    model_id: str,
    transform: str,
    methods: Sequence[str],
    device: str = "auto",
    **options,
) -> Explanation:
    """Maps of every method, and the loss on sequences kept for selection.

    Parameters
    ----------
    model : torch.nn.Module
        With one output, in the training space.
    chosen : pandas.DataFrame
        Rows of table ``sequences`` to explain.
    sequences : pandas.DataFrame
        Table ``sequences``; the validation split is used.
    model_id : str
        Goes into the table.
    transform : str
        Space of the loss, see :mod:`seqaudit.data.targets`.
    methods : sequence of str
        See :func:`seqaudit.probes.attribution.attribute`.
    device : str
        ``"auto"`` (CUDA if present), ``"cpu"`` or ``"cuda"``.
    **options
        Passed to ``attribute``; the same seed gives all models the same noise and shuffles.

    Returns
    -------
    Explanation

    Raises
    ------
    SeqauditError
        A dataset without validation split, or what ``attribute`` refuses.
    """
    heldout = sequences[sequences["split"] == HELD_OUT]
    if len(heldout) < 2:
        raise SeqauditError(
            f"sequences: {len(heldout)} of split {HELD_OUT}, expected at least 2: they choose between models."
        )
    predicted = predict(model, one_hot(heldout["sequence"]), device=device)[:, 0]
    letters = one_hot(chosen["sequence"])
    maps, rows = {}, []
    for method in methods:
        found = attribute(model, letters, method=method, device=device, **options)
        maps[method] = found.maps
        rows.append(
            {
                "model_id": model_id,
                "method": method,
                "n_sequences": len(chosen),
                "off_simplex_30": np.nan if found.off_simplex is None else found.off_simplex[30],
                "n_heldout": len(heldout),
            }
        )
    target = transform_target(heldout["target"], transform)
    return Explanation(maps, pd.DataFrame(rows), predicted, target)

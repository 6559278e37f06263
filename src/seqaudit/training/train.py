"""Train one network of a population on the train and validation splits of a dataset."""

from collections.abc import Mapping

import pandas as pd

from seqaudit.data.sequences import one_hot
from seqaudit.data.targets import transform_target
from seqaudit.errors import SeqauditError
from seqaudit.models.cnn import build_cnn
from seqaudit.training.loop import FitResult, fit


def train_model(
    sequences: pd.DataFrame,
    *,
    architecture: Mapping | str,
    padding: str,
    transform: str,
    l1: float,
    seed: int,
    **options,
) -> FitResult:
    """Build a network for a dataset and fit it to the transformed targets.

    Parameters
    ----------
    sequences : pandas.DataFrame
        Table ``sequences``; rows of split train and validation are used.
    architecture : mapping or str
        See :func:`seqaudit.models.cnn.build_cnn`.
    padding : {"valid", "same"}
    transform : {"anscombe", "identity"}
        Space in which squared error is computed, see :mod:`seqaudit.data.targets`.
    l1 : float
        Weight of the L1 penalty.
    seed : int
        Seed of initial weights and batch order.
    **options
        Passed to :func:`seqaudit.training.loop.fit` (epochs, device, checkpoint, ...).

    Returns
    -------
    FitResult

    Raises
    ------
    SeqauditError
        A split without sequences, or what the functions above refuse.
    """
    arrays = []
    for split in ("train", "validation"):
        rows = sequences[sequences["split"] == split]
        if rows.empty:
            raise SeqauditError(f"sequences: no row of split '{split}', training needs train and validation.")
        arrays += [one_hot(rows["sequence"]), transform_target(rows["target"], transform)]
    model = build_cnn(architecture, padding=padding, length=arrays[0].shape[2], seed=seed)
    return fit(model, *arrays, l1=l1, seed=seed, **options)

"""Train a network again on targets drawn from an additive twin: one model of the bootstrap null."""

import copy

import pandas as pd

from seqaudit.data.sequences import one_hot
from seqaudit.data.targets import transform_target
from seqaudit.models.cnn import Cnn, build_cnn
from seqaudit.training.loop import FitResult, fit


def retrain_model(
    model: Cnn,
    sequences: pd.DataFrame,
    *,
    transform: str,
    l1: float,
    seed: int,
    warm_start: bool,
    **options,
) -> FitResult:
    """Fit a network of the same architecture to other targets of the same sequences.

    Parameters
    ----------
    model : Cnn
        The trained model whose null is wanted; not changed.
    sequences : pandas.DataFrame
        Table ``sequences`` with the other targets; rows of split train and validation are used.
    transform : {"anscombe", "identity", "log1p"}
    l1 : float
        Weight of the L1 penalty, as in the training of ``model``.
    seed : int
        Of initial weights and batch order.
    warm_start : bool
        Whether to start from the weights of ``model``. Much faster, but what the model
        learnt of the real targets has to be unlearnt: an interaction of real data may remain
        in part, which makes the null too wide and the test conservative.
    **options
        Passed to :func:`seqaudit.training.loop.fit` (max_epochs, learning_rate, ...).

    Returns
    -------
    FitResult
    """
    arrays = []
    for split in ("train", "validation"):
        rows = sequences[sequences["split"] == split]
        arrays += [one_hot(rows["sequence"]), transform_target(rows["target"], transform)]
    if warm_start:
        network = copy.deepcopy(model)
    else:
        network = build_cnn(model.architecture, padding=model.padding, length=model.length, seed=seed)
    return fit(network, *arrays, l1=l1, seed=seed, **options)

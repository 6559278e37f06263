"""Do effects of mutations have the right size? Checked, and put right, with labelled mutants.

Networks that saw few mutants predict too complete knock-outs, all members alike, so that neither
their spread nor any estimator shows it. Mutants that were measured and held back from training
do: the slope of measured on predicted effects says by which factor effects on an output are
to be multiplied. Measured effects are noisy, but noise in the outcome of a regression does not bias it.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from seqaudit.data.sequences import letter_codes
from seqaudit.data.sites import listed_sites
from seqaudit.errors import SeqauditError
from seqaudit.inference.deepmr.intervals import student

METHOD = "calibrated_slope"
_LEAST = 30


class SlopeFactor(NamedTuple):
    """What the slope of an outcome on an exposure is to be multiplied with.

    Attributes
    ----------
    ratio : float
        Factor of effects on the outcome over factor of effects on the exposure; NaN where
        there are too few labelled mutants.
    se : float
        Its standard error, parents as clusters.
    exposure_factor, outcome_factor : float
        Slopes through the origin of measured on predicted effects.
    n_mutants, n_parents : int
        Labelled mutants in sites of the exposure, and sequences that they were made from.
    """

    ratio: float
    se: float
    exposure_factor: float
    outcome_factor: float
    n_mutants: int
    n_parents: int


class LabelledMutants(NamedTuple):
    """Single-base mutants with measured targets that no network was trained on.

    Attributes
    ----------
    predicted : numpy.ndarray, shape (mutants, outputs)
        Mean over members of prediction for the mutant minus prediction for its parent.
    measured : numpy.ndarray, shape (mutants, outputs)
        The same difference of targets, in the training space.
    outputs : list of str
    position : numpy.ndarray, shape (mutants,), int64
        Where a mutant differs from its parent.
    parent : numpy.ndarray, shape (mutants,)
        Number of the parent.
    sites : pandas.DataFrame
        Sites of the mutants, as ``data.sites.listed_sites``; ``row`` is the mutant.
    """

    predicted: np.ndarray
    measured: np.ndarray
    outputs: list[str]
    position: np.ndarray
    parent: np.ndarray
    sites: pd.DataFrame


def labelled_mutants(
    predictions: pd.DataFrame, sequences: pd.DataFrame, *, split: str = "calibration"
) -> LabelledMutants:
    """Predicted and measured effects of held-out labelled mutants.

    Parameters
    ----------
    predictions : pandas.DataFrame
        Table ``ensemble_predictions``, mutants and their parents among its rows.
    sequences : pandas.DataFrame
        Table ``causal_sequences``. Mutants that differ from their parent in more than one base
        are left out.
    split : str
        Split of the mutants; nothing else may have been fitted on it.

    Raises
    ------
    SeqauditError
        Members without a prediction of some sequence, or a mutant whose parent is not predicted.
    """
    rows = sequences[sequences["split"] == split]
    codes = letter_codes(rows["sequence"])
    parent = pd.Index(rows["sequence_id"]).get_indexer(rows["parent"])
    differs = codes != codes[parent]
    single = rows["mutated"].to_numpy(bool) & (parent >= 0) & (differs.sum(axis=1) == 1)
    chosen = np.flatnonzero(single)

    held_out = predictions[predictions["split"] == split]
    outputs = list(dict.fromkeys(held_out["output"]))
    means, targets = (
        held_out.pivot_table(index="sequence_id", columns="output", values=column, aggfunc="mean")
        .reindex(index=rows["sequence_id"], columns=outputs)
        .to_numpy(np.float64)
        for column in ("prediction", "target")
    )
    known = np.isfinite(means).all(axis=1) & np.isfinite(targets).all(axis=1)
    if not (known[chosen] & known[parent[chosen]]).all():
        lost = chosen[~(known[chosen] & known[parent[chosen]])][0]
        raise SeqauditError(
            f"ensemble_predictions: labelled mutant '{rows['sequence_id'].iloc[lost]}' or its parent has no "
            f"prediction in split '{split}'. Predict all sequences of that split."
        )
    return LabelledMutants(
        means[chosen] - means[parent[chosen]],
        targets[chosen] - targets[parent[chosen]],
        outputs,
        differs[chosen].argmax(axis=1),
        parent[chosen],
        listed_sites(rows["embeddings"].iloc[chosen].tolist()),
    )


def slope_factor(mutants: LabelledMutants, *, exposure: str, outcome: str, motif: str) -> SlopeFactor:
    """Factor on slopes of ``outcome`` on ``exposure``, from mutants in sites of the exposure.

    Parameters
    ----------
    mutants : LabelledMutants
    exposure, outcome : str
        Outputs.
    motif : str
        Name of the exposure's motif in the sites.
    """
    sites = mutants.sites[mutants.sites["motif"] == motif]
    position = mutants.position[sites["row"].to_numpy(int)]
    hit = (sites["start"].to_numpy() <= position) & (position < sites["end"].to_numpy())
    rows = np.unique(sites["row"].to_numpy(int)[hit])
    parents, cluster = np.unique(mutants.parent[rows], return_inverse=True)
    if len(rows) < _LEAST:
        return SlopeFactor(np.nan, np.nan, np.nan, np.nan, len(rows), len(parents))
    columns = [mutants.outputs.index(exposure), mutants.outputs.index(outcome)]
    predicted, measured = mutants.predicted[rows][:, columns], mutants.measured[rows][:, columns]
    scale = (predicted**2).sum(axis=0)
    factors = (predicted * measured).sum(axis=0) / scale
    # relative change of each factor by each mutant; one measurement of a parent serves all its mutants
    influence = predicted * (measured - factors * predicted) / (scale * factors)
    of_ratio = np.bincount(cluster, influence[:, 1] - influence[:, 0])
    n = len(parents)
    ratio = factors[1] / factors[0]
    se = abs(ratio) * np.sqrt((of_ratio**2).sum() * n / (n - 1))
    return SlopeFactor(float(ratio), float(se), float(factors[0]), float(factors[1]), len(rows), n)


def calibrated_rows(local: pd.DataFrame, factor: SlopeFactor) -> pd.DataFrame:
    """Rows of ``member_slope`` multiplied by a factor whose own error goes into the interval.

    Parameters
    ----------
    local : pandas.DataFrame
        Rows of table ``deepmr_local`` of one pair with method ``member_slope``.
    factor : SlopeFactor
    """
    b = local["b"].to_numpy() * factor.ratio
    se = np.hypot(local["se"].to_numpy() * factor.ratio, local["b"].to_numpy() * factor.se)
    low, high, pval = student(b, se, local["df"].to_numpy())
    status = local["status"]
    if not np.isfinite(factor.ratio):
        status = status.where(status != "ok", "too_few_labelled_mutants")
    estimand = local["estimand"] + "; size of effects calibrated with held-out labelled mutants"
    return local.assign(
        method=METHOD, b=b, se=se, ci_low=low, ci_high=high, pval=pval, status=status, estimand=estimand
    )

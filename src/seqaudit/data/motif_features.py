"""Sequences as points: how often each of several motifs is bound, and a count to predict."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from seqaudit.data.features import FeatureTable, check_features
from seqaudit.data.motifs import Motif, log_odds, summed_occupancy
from seqaudit.data.readers import SPLITS
from seqaudit.data.targets import transform_target
from seqaudit.errors import SeqauditError


def score_motifs(
    sequences: pd.DataFrame,
    motifs: Sequence[Motif],
    *,
    padding: str,
    pseudocount: float,
    background: Sequence[float],
    scale: str = "identity",
    max_points: Sequence[int | None] = (None, None, None),
) -> FeatureTable:
    """Expected number of bound windows of every motif in every sequence.

    The decoys among the motifs are features like any other: what is called there is false.

    Parameters
    ----------
    sequences : pandas.DataFrame
        Table ``sequences``.
    motifs : sequence of Motif
        Named as the features shall be.
    padding, pseudocount, background
        See :mod:`seqaudit.data.motifs`.
    scale : str
        Of the target, see ``data.targets.transform_target``. On the scale of counts,
        ``"identity"``, motifs of an additive law do not interact; on that of their Anscombe
        transform they do.
    max_points : three int or None
        Most training, validation and test sequences, the first ones of each.

    Returns
    -------
    FeatureTable

    Raises
    ------
    SeqauditError
        Sequences without counts, or a motif that varies in none of them.
    """
    parts = [
        sequences[sequences["split"] == split].head(most if most is not None else len(sequences))
        for split, most in zip(SPLITS, max_points, strict=True)
    ]
    chosen = pd.concat(parts)
    counts = chosen["count"].to_numpy(dtype=np.float64, na_value=np.nan)
    if np.isnan(counts).any():
        raise SeqauditError(
            f"sequences: column 'count' is empty in {int(np.isnan(counts).sum())} of {len(counts)} rows, "
            "expected a count for every sequence."
        )
    y = transform_target(counts, scale)
    names = tuple(motif.name for motif in motifs)
    letters = chosen["sequence"].tolist()
    x = np.column_stack(
        [
            summed_occupancy(
                letters,
                log_odds(motif, pseudocount=pseudocount, background=background),
                padding=padding,
            )
            for motif in motifs
        ]
    )
    check_features(x, names=names, where="motif scores")
    return FeatureTable(x, y, names, "count", chosen["split"].to_numpy(dtype=object))

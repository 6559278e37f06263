"""Which sequences get attribution maps: a fixed list per dataset, the same for all models."""

import numpy as np
import pandas as pd

from seqaudit.errors import SeqauditError


def choose_sequences(
    sequences: pd.DataFrame, *, n_sequences: int, seed: int, pairs: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Draw test sequences to explain.

    Parameters
    ----------
    sequences : pandas.DataFrame
        Table ``sequences``. Only the test split is drawn from: what models were trained on, or
        chosen by, is explained too well.
    n_sequences : int
        All of them where there are fewer.
    seed : int
    pairs : pandas.DataFrame, optional
        Table ``knockouts``: draw only sequences with a motif pair in it. Scores of attributions
        need sequences in which something is to be found.

    Returns
    -------
    pandas.DataFrame
        Rows of ``sequences``, in their order.

    Raises
    ------
    SeqauditError
        Nothing to draw from.
    """
    eligible = (sequences["split"] == "test").to_numpy()
    what = "of split test"
    if pairs is not None:
        eligible = eligible & sequences["sequence_id"].isin(pairs["sequence_id"]).to_numpy()
        what += " with a motif pair"
    rows = np.flatnonzero(eligible)
    if not rows.size:
        raise SeqauditError(f"sequences: none {what}, expected at least one to explain.")
    if rows.size > n_sequences:
        rows = np.sort(np.random.default_rng(seed).choice(rows, n_sequences, replace=False))
    return sequences.iloc[rows].reset_index(drop=True)

"""What models claim about held-out motif pairs, lined up with what an additive twin says of them."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from seqaudit.errors import SeqauditError

_PARTS = ("f_both_off", "main_a", "main_b", "interaction")
ROUNDING = 1e-4
"""A twin's interaction below this share of its mean |prediction| is float32 rounding."""


class Claims(NamedTuple):
    """Predictions of several models at the held-out pairs of one motif pair, sorted by group.

    ``label`` has shape (n_pairs,), ``parts`` (n_models, 4, n_pairs): the prediction without
    both motifs, the main effects of A and B, and the interaction; these four add up to the
    prediction. ``starts`` (n_groups,) holds the first pair of every independent group.
    Float64, in the unit of the target.
    """

    motif_pair: str
    model_ids: tuple[str, ...]
    pair_ids: np.ndarray
    label: np.ndarray
    parts: np.ndarray
    starts: np.ndarray
    n_unlabelled: int

    @property
    def n_pairs(self) -> int:
        """Labelled held-out pairs."""
        return len(self.label)

    @property
    def n_groups(self) -> int:
        """Independent groups of them."""
        return len(self.starts)

    @property
    def prediction(self) -> np.ndarray:
        """Predictions for the sequences with both motifs, (n_models, n_pairs)."""
        return self.parts.sum(axis=1)

    @property
    def interaction(self) -> np.ndarray:
        """Claimed interactions, (n_models, n_pairs)."""
        return self.parts[:, 3]

    def mean_model(self, model_id: str) -> "Claims":
        """The ensemble: one model that predicts the mean of all."""
        return self._replace(model_ids=(model_id,), parts=self.parts.mean(axis=0, keepdims=True))


def read_claims(pairs: pd.DataFrame) -> Iterator[Claims]:
    """Yield the claims of all models, one motif pair at a time.

    Parameters
    ----------
    pairs : pandas.DataFrame
        Table ``interaction_pairs``. Only real, held-out pairs are used; pairs without a
        label are counted and left out. The order of rows does not matter.

    Raises
    ------
    SeqauditError
        No held-out pairs, or models that were asked about different pairs or labels: their
        errors could not be compared pair by pair.
    """
    held_out = pairs[(pairs["pair_set"] == "real") & (pairs["split"] == "test")]
    if held_out.empty:
        raise SeqauditError(
            "interaction_pairs: no held-out pair (pair_set 'real', split 'test'), so nothing can be held "
            "against an additive twin. Probe at least one motif pair in test sequences."
        )
    for motif_pair, rows in held_out.groupby("motif_pair", sort=False):
        rows = rows.sort_values(["model_id", "group", "pair_id"], kind="stable")
        model_ids = tuple(rows["model_id"].drop_duplicates())
        # one row per model: ids, groups and labels must then repeat from model to model
        n = len(rows) // len(model_ids)
        first = rows.iloc[:n]
        _check_same_pairs(rows, first, model_ids, motif_pair)
        label = first["label"].to_numpy(np.float64)
        known = ~np.isnan(label)
        parts = np.stack([rows[name].to_numpy(np.float64).reshape(-1, n) for name in _PARTS], axis=1)
        groups = pd.factorize(first["group"])[0][known]
        yield Claims(
            motif_pair=str(motif_pair),
            model_ids=model_ids,
            pair_ids=first["pair_id"].to_numpy()[known],
            label=label[known],
            parts=parts[:, :, known],
            starts=np.flatnonzero(np.diff(groups, prepend=-1)),
            n_unlabelled=int((~known).sum()),
        )


def twin_parts(twin: pd.DataFrame, claims: Claims) -> np.ndarray:
    """What an additive twin predicts for the pairs of ``claims``, in their order.

    Parameters
    ----------
    twin : pandas.DataFrame
        Table ``interaction_pairs`` of one twin.

    Returns
    -------
    numpy.ndarray, shape (4, n_pairs), float64
        As one model of ``Claims.parts``; the interaction is 0.

    Raises
    ------
    SeqauditError
        Several models in the table, pairs it lacks, or a twin that interacts: its windows
        are wider than the motifs are apart.
    """
    model_ids = twin["model_id"].unique()
    if len(model_ids) != 1:
        raise SeqauditError(
            f"twin: got {len(model_ids)} models in one table, expected one. Give several twins as "
            "several tables."
        )
    known = (
        (twin["pair_set"] == "real") & (twin["split"] == "test") & (twin["motif_pair"] == claims.motif_pair)
    )
    rows = twin[known].set_index("pair_id")
    repeats = not rows.index.is_unique
    where = np.full(claims.n_pairs, -1) if repeats else rows.index.get_indexer(claims.pair_ids)
    missing = where < 0
    if missing.any():
        what = "repeats a pair" if repeats else f"lacks pair '{claims.pair_ids[missing][0]}'"
        raise SeqauditError(
            f"twin '{model_ids[0]}': {what} ({missing.sum()} of {claims.n_pairs} could not be joined at "
            f"{claims.motif_pair}). Probe the twin at the pairs of the models."
        )
    parts = rows[list(_PARTS)].to_numpy(np.float64)[where].T.copy()
    interacting = np.abs(parts[3]) > ROUNDING * np.abs(parts.sum(axis=0)).mean()
    if interacting.any():
        raise SeqauditError(
            f"twin '{model_ids[0]}': its motifs interact at {interacting.sum()} of {claims.n_pairs} pairs of "
            f"{claims.motif_pair}, first at '{claims.pair_ids[interacting][0]}' "
            f"({parts[3][interacting][0]:.3g}), but a twin must be additive. Its windows have to be "
            "narrower than the distance of the motifs, and its output linear in the unit of the target."
        )
    parts[0] += parts[3]
    parts[3] = 0
    return parts


def split_twins(table: pd.DataFrame) -> list[pd.DataFrame]:
    """One table per twin, in order of first appearance: the chosen twin stands first.

    Parameters
    ----------
    table : pandas.DataFrame
        Table ``interaction_pairs`` of the twins of one data set.
    """
    return [of_twin for _, of_twin in table.groupby("model_id", sort=False)]


def _check_same_pairs(rows: pd.DataFrame, first: pd.DataFrame, model_ids: tuple, motif_pair) -> None:
    n, k = len(first), len(model_ids)
    same = len(rows) == n * k and bool((rows["model_id"].to_numpy() == np.repeat(model_ids, n)).all())
    for column in ("pair_id", "label"):
        if same:
            values = rows[column].to_numpy().reshape(k, n)
            equal = values == values[0]
            if column == "label":
                equal |= pd.isna(values) & pd.isna(values[0])
            same = bool(equal.all())
    if not same:
        counts = rows.groupby("model_id", sort=False).size()
        raise SeqauditError(
            f"interaction_pairs: the models were not asked about the same labelled pairs of {motif_pair} "
            f"({counts.min()} to {counts.max()} pairs per model). Test models of one dataset together, and "
            "models of different labels (such as null models) one label set at a time."
        )

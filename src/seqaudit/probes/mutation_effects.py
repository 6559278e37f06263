"""Which mutations a sequence has, and their effects as a table."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from seqaudit.data.schemas import SCHEMAS
from seqaudit.errors import SeqauditError

BASES = np.array(list("ACGT"))


class Mutations(NamedTuple):
    """All single-base mutations, ordered by sequence, position and alternative; int64 each."""

    sequence: np.ndarray
    position: np.ndarray
    ref: np.ndarray
    alt: np.ndarray

    def of(self, values: np.ndarray) -> np.ndarray:
        """Pick the rows' values out of an array ``(n, 4, L, ...)``."""
        return values[self.sequence, self.alt, self.position]


def list_mutations(one_hot: np.ndarray) -> Mutations:
    """All mutations of sequences ``(n, 4, L)``: three per base, none at an N."""
    one_hot = np.asarray(one_hot)
    columns = one_hot.transpose(0, 2, 1)
    sequence, position, alt = np.nonzero((columns == 0) & columns.any(axis=2, keepdims=True))
    return Mutations(sequence, position, columns.argmax(axis=2)[sequence, position], alt)


def member_table(
    effects: np.ndarray,
    reference: np.ndarray,
    one_hot: np.ndarray,
    *,
    locus_ids: Sequence[str],
    outputs: Sequence[str],
) -> pd.DataFrame:
    """One row per member, locus, output and mutation, of all sequences or of a chunk.

    Parameters
    ----------
    effects : array, shape (members, n, 4, L, outputs)
        Of ``probes.mutagenesis``.
    reference : array, shape (members, n, outputs)
        Predictions for the sequences themselves.
    one_hot : array, shape (n, 4, L)
    locus_ids : sequence of str, length n
    outputs : sequence of str
        A name for each output.

    Returns
    -------
    pandas.DataFrame
        Table ``mutation_effects``.
    """
    _check_names(effects.shape[1], effects.shape[-1], locus_ids, outputs)
    mutations = list_mutations(one_hot)
    described = pd.DataFrame(
        {
            "locus_id": np.asarray(locus_ids)[mutations.sequence],
            "position": mutations.position,
            "ref": BASES[mutations.ref],
            "alt": BASES[mutations.alt],
        }
    )
    tables = [
        described.assign(
            member=member,
            output=name,
            effect=mutations.of(effects[member, ..., index]),
            reference=reference[member, mutations.sequence, index],
        )
        for member in range(len(effects))
        for index, name in enumerate(outputs)
    ]
    columns = [column.name for column in SCHEMAS["mutation_effects"].columns]
    return pd.concat(tables, ignore_index=True)[columns]


def _check_names(n: int, predicted: int, locus_ids: Sequence[str], outputs: Sequence[str]) -> None:
    for what, names, expected in (("locus_ids", locus_ids, n), ("outputs", outputs, predicted)):
        if len(names) != expected:
            raise SeqauditError(f"{what}: got {len(names)} names, expected {expected}, one for each.")
        if len(set(names)) != expected:
            raise SeqauditError(f"{what}: names are repeated; every name must be its own.")

"""Which motifs the mutated sequences hold, and which mutations lie in their sites."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from seqaudit.data.sites import listed_sites
from seqaudit.errors import SeqauditError
from seqaudit.inference.deepmr.effects import EnsembleEffects

CLASSES = {
    "exposure_only": "a site of the exposure and none of the outcome",
    "both": "sites of both",
    "outcome_only": "a site of the outcome and none of the exposure",
    "neither": "no site of either",
    "unknown": "the sites of the sequence are not known",
}
"""Every value of ``sequence_class`` of a locus, and what it means."""


class Sites(NamedTuple):
    """Motif sites of the loci of an ensemble.

    Attributes
    ----------
    table : pandas.DataFrame
        ``row`` (index of the locus), ``motif``, ``start`` and ``end`` of every site.
    known : numpy.ndarray, shape (loci,), bool
        Whether the sites of a locus are known.
    motifs : mapping of str to str
        The motif of every output.
    """

    table: pd.DataFrame
    known: np.ndarray
    motifs: Mapping[str, str]

    def has(self, output: str) -> np.ndarray:
        """Loci with a site of an output's motif, shape (loci,), bool."""
        present = np.zeros(len(self.known), dtype=bool)
        present[self._of(output)["row"]] = True
        return present

    def inside(self, output: str, effects: EnsembleEffects) -> np.ndarray:
        """Mutations inside a site of an output's motif, shape (mutations,), bool."""
        position = effects.mutations["position"].to_numpy()
        inside = np.zeros(len(position), dtype=bool)
        # mutations are ordered by locus: those of one locus are a slice
        ends = np.searchsorted(effects.locus, np.arange(len(effects.loci) + 1))
        for row, start, end in self._of(output)[["row", "start", "end"]].itertuples(index=False):
            rows = slice(ends[row], ends[row + 1])
            inside[rows] |= (position[rows] >= start) & (position[rows] < end)
        return inside

    def classify(self, exposure: str, outcome: str) -> np.ndarray:
        """Class of every locus (a key of ``CLASSES``), shape (loci,), str."""
        x, y = self.has(exposure), self.has(outcome)
        return np.select(
            [~self.known, x & y, x, y], ["unknown", "both", "exposure_only", "outcome_only"], "neither"
        )

    def _of(self, output: str) -> pd.DataFrame:
        return self.table[self.table["motif"] == self.motifs.get(output, output)]


def locate_sites(
    sequences: pd.DataFrame | None, effects: EnsembleEffects, motifs: Mapping[str, str] | None = None
) -> Sites:
    """Motif sites of the mutated sequences, joined by id.

    Parameters
    ----------
    sequences : pandas.DataFrame, optional
        ``sequence_id`` and ``embeddings`` of table ``causal_sequences``; others than the loci are
        ignored. Without it no sites are known.
    effects : EnsembleEffects
    motifs : mapping of str to str, optional
        Motif name in the embeddings for outputs that are not called like their motif.

    Raises
    ------
    SeqauditError
        A locus that is not among the sequences, or an id that is repeated.
    """
    motifs = dict(motifs or {})
    if sequences is None:
        return Sites(listed_sites([]), np.zeros(len(effects.loci), dtype=bool), motifs)
    ids = pd.Index(sequences["sequence_id"])
    if ids.has_duplicates:
        raise SeqauditError(f"causal_sequences: sequence_id '{ids[ids.duplicated()][0]}' is repeated.")
    place = ids.get_indexer(effects.loci)
    if (place < 0).any():
        raise SeqauditError(
            f"causal_sequences: no sequence '{effects.loci[place < 0][0]}' ({int((place < 0).sum())} of "
            f"{len(place)} mutated loci are missing). Give the table that the mutated sequences came from."
        )
    embeddings = sequences["embeddings"].iloc[place]
    return Sites(listed_sites(embeddings.tolist()), embeddings.notna().to_numpy(), motifs)

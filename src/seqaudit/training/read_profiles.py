"""Where along each sequence the reads of each output lie, stored without the zeros."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from seqaudit.errors import SeqauditError

STRANDS = ("+", "-")


class ReadProfiles(NamedTuple):
    """Read profiles of ``n`` sequences, sparse: real ones are zero nearly everywhere.

    Attributes
    ----------
    first : tensor, int64, shape (n + 1,)
        Entries of sequence ``i`` are those from ``first[i]`` to ``first[i + 1]`` (excluded).
    where : tensor, int64, shape (entries,)
        Index into the flattened ``shape`` of one sequence.
    reads : tensor, float32, shape (entries,)
    shape : (int, int, int)
        Outputs, strands, positions.
    """

    first: torch.Tensor
    where: torch.Tensor
    reads: torch.Tensor
    shape: tuple[int, int, int]

    def __len__(self) -> int:
        return len(self.first) - 1

    def dense(self, rows: torch.Tensor) -> torch.Tensor:
        """Reads of some sequences, ``(rows, outputs, strands, positions)``, float32."""
        row, entry = self._entries(rows)
        dense = self.reads.new_zeros(len(rows), int(np.prod(self.shape)))
        dense[row, self.where[entry]] = self.reads[entry]
        return dense.unflatten(1, self.shape)

    def select(self, rows: torch.Tensor) -> "ReadProfiles":
        """Profiles of some sequences, in the order of ``rows``."""
        row, entry = self._entries(rows)
        first = torch.searchsorted(row, torch.arange(len(rows) + 1, device=row.device))
        return ReadProfiles(first, self.where[entry], self.reads[entry], self.shape)

    def totals(self) -> torch.Tensor:
        """Reads by output and strand, ``(n, outputs, strands)``, float32."""
        outputs, strands, positions = self.shape
        row = torch.repeat_interleave(torch.arange(len(self)), self.first.diff())
        track = row * outputs * strands + self.where // positions
        totals = torch.bincount(track, weights=self.reads, minlength=len(self) * outputs * strands)
        return totals.float().view(-1, outputs, strands)

    def to(self, device: torch.device) -> "ReadProfiles":
        """The same on a device."""
        return ReadProfiles(*(tensor.to(device) for tensor in self[:3]), self.shape)

    def _entries(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Of every entry of some sequences: which of them it belongs to, and its index."""
        lengths = self.first[rows + 1] - self.first[rows]
        row = torch.repeat_interleave(torch.arange(len(rows), device=rows.device), lengths)
        before = (lengths.cumsum(0) - lengths)[row]
        return row, self.first[rows][row] + torch.arange(len(row), device=rows.device) - before


def read_profiles(dense: np.ndarray | torch.Tensor) -> ReadProfiles:
    """Make sparse profiles of dense ones.

    Parameters
    ----------
    dense : array, shape (n, outputs, strands, positions)
        Reads, at least 0.

    Raises
    ------
    SeqauditError
        Another shape, or values that are negative or not finite.
    """
    dense = torch.as_tensor(dense)
    if dense.ndim != 4 or dense.shape[2] not in (1, 2):
        raise SeqauditError(
            f"profiles: got shape {tuple(dense.shape)}, expected (n, outputs, strands, positions) with one "
            "or two strands."
        )
    wrong = torch.nonzero(~((dense >= 0) & (dense < torch.inf)).flatten(1).all(1))[:, 0]
    if len(wrong):
        raise SeqauditError(
            f"profiles: sequence {int(wrong[0])} has reads that are negative or not finite ({len(wrong)} "
            "such sequences), expected numbers of reads."
        )
    row, where = torch.nonzero(dense.flatten(1), as_tuple=True)
    return ReadProfiles(
        torch.searchsorted(row, torch.arange(len(dense) + 1)),
        where,
        dense.flatten(1)[row, where].float(),
        tuple(dense.shape[1:]),
    )


def profiles_from_table(
    table: pd.DataFrame, sequence_ids: Sequence[str], *, outputs: Sequence[str], strands: int, length: int
) -> ReadProfiles:
    """Profiles of sequences, joined by id.

    Parameters
    ----------
    table : pandas.DataFrame
        Table ``causal_profiles``; rows of other sequences and outputs are ignored, reads of
        one place are added.
    sequence_ids : sequence of str
        Sequences, in the order of the result. One without a row has no reads.
    outputs : sequence of str
        Names, in the order of the result.
    strands : {1, 2}
        Two, ``+`` first, or their sum.
    length : int
        Sequence length, bp.

    Returns
    -------
    ReadProfiles

    Raises
    ------
    SeqauditError
        Profiles of none of the outputs, an unknown strand, a position outside the
        sequence, or reads below 1.
    """
    sequence = pd.Index(sequence_ids).get_indexer(table["sequence_id"])
    output = pd.Index(list(outputs)).get_indexer(table["output"])
    missing = sorted(set(outputs) - set(table["output"].unique()))
    if missing:
        raise SeqauditError(
            f"profiles: no row of output '{missing[0]}', expected profiles of {', '.join(outputs)}. Train "
            "on counts alone without 'profiles'."
        )
    used = (sequence >= 0) & (output >= 0)
    rows = table[used]
    strand = pd.Index(STRANDS).get_indexer(rows["strand"])
    position, reads = rows["position"].to_numpy(), rows["reads"].to_numpy()
    for problem, expected in (
        (strand < 0, f"strand {' or '.join(STRANDS)}"),
        ((position < 0) | (position >= length), f"a position from 0 to {length - 1}"),
        (~(reads >= 1), "at least 1 read"),
    ):
        if problem.any():
            bad = rows.iloc[int(np.argmax(problem))]
            raise SeqauditError(
                f"profiles: sequence '{bad['sequence_id']}', output '{bad['output']}' has a row of strand "
                f"{bad['strand']}, position {bad['position']}, {bad['reads']} reads ({problem.sum()} such "
                f"rows), expected {expected}."
            )
    shape = (len(outputs), strands, length)
    place = np.ravel_multi_index((output[used], strand if strands == 2 else 0 * strand, position), shape)
    key = sequence[used] * np.prod(shape) + place
    unique, inverse = np.unique(key, return_inverse=True)
    summed = np.bincount(inverse, weights=reads, minlength=len(unique))
    of_sequence, where = np.divmod(unique, np.prod(shape))
    first = np.searchsorted(of_sequence, np.arange(len(sequence_ids) + 1))
    return ReadProfiles(
        torch.from_numpy(first), torch.from_numpy(where), torch.from_numpy(summed).float(), shape
    )

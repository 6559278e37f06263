"""Sequences with several measured outputs: families, targets as a matrix, and the loci to mutate."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from seqaudit.data.sites import listed_sites
from seqaudit.errors import SeqauditError


def target_matrix(
    sequences: pd.DataFrame, targets: pd.DataFrame, *, outputs: Sequence[str], column: str = "target"
) -> np.ndarray:
    """Targets of sequences, joined by id.

    Parameters
    ----------
    sequences : pandas.DataFrame
        Rows of table ``causal_sequences``.
    targets : pandas.DataFrame
        Table ``causal_targets``; rows of other sequences and outputs are ignored.
    outputs : sequence of str
        Names, in the order of the result's columns.
    column : {"target", "expected"}
        What to return. Only ``"expected"`` may be null, where it is unknown.

    Returns
    -------
    numpy.ndarray, float64, shape (sequences, outputs)
        In the order of ``sequences``.

    Raises
    ------
    SeqauditError
        An output that the table does not have, a sequence without a row, two rows of
        one sequence and output, or a target that is not a finite number.
    """
    outputs = list(outputs)
    known = targets["output"].unique().tolist()
    missing = [name for name in outputs if name not in known]
    if missing or not outputs or len(set(outputs)) < len(outputs):
        problem = f"{', '.join(missing)} has no targets" if missing else f"got {outputs!r}"
        raise SeqauditError(
            f"outputs: {problem}, expected one or more different outputs of the table of targets, which has "
            f"{', '.join(map(str, known)) or 'none'}."
        )
    matrix = np.empty((len(sequences), len(outputs)))
    for index, name in enumerate(outputs):
        values = targets.loc[targets["output"] == name].set_index("sequence_id")[column]
        if not values.index.is_unique:
            twice = values.index[values.index.duplicated()][0]
            raise SeqauditError(f"targets: sequence '{twice}' has two rows of output '{name}', expected one.")
        where = values.index.get_indexer(sequences["sequence_id"])
        if (where < 0).any():
            lost = sequences["sequence_id"].iloc[int(np.argmax(where < 0))]
            raise SeqauditError(
                f"targets: no row of output '{name}' for sequence '{lost}' ({(where < 0).sum()} such "
                "sequences). Every sequence needs a target of every output; remove those without."
            )
        matrix[:, index] = values.to_numpy(np.float64, na_value=np.nan)[where]
    if column == "target" and not np.isfinite(matrix).all():
        row, index = np.argwhere(~np.isfinite(matrix))[0]
        raise SeqauditError(
            f"targets: sequence '{sequences['sequence_id'].iloc[row]}' has target {matrix[row, index]} of "
            f"output '{outputs[index]}' ({(~np.isfinite(matrix)).any(axis=1).sum()} such sequences), "
            "expected finite numbers. Remove these sequences or correct their targets."
        )
    return matrix


def families(sequences: pd.DataFrame) -> np.ndarray:
    """Number the sequences that belong together: a labelled mutant and its parent.

    Parameters
    ----------
    sequences : pandas.DataFrame
        Rows of table ``causal_sequences``: originals and mutants of them.

    Returns
    -------
    numpy.ndarray, int64, shape (sequences,)
        Originals are counted from 0 in their order; mutants have their parent's number.

    Raises
    ------
    SeqauditError
        A mutant whose parent is not among the originals.
    """
    originals = pd.Index(sequences.loc[~sequences["mutated"], "sequence_id"])
    mutated = sequences["mutated"].to_numpy(bool)
    family = originals.get_indexer(sequences["parent"].where(mutated, sequences["sequence_id"]))
    if (family < 0).any():
        orphan = sequences.iloc[int(np.argmax(family < 0))]
        raise SeqauditError(
            f"sequences: '{orphan['sequence_id']}' is a mutant of '{orphan['parent']}', which is not an "
            f"unmutated sequence of the same split ({(family < 0).sum()} such mutants). Add the parents or "
            "remove the mutants: a mutant must stay with its parent when sequences are split."
        )
    return family


def choose_loci(sequences: pd.DataFrame, *, motif: str | None, max_loci: int | None = None) -> pd.DataFrame:
    """Held-out sequences whose mutations are asked about: the first of split test with a motif.

    Parameters
    ----------
    sequences : pandas.DataFrame
        Table ``causal_sequences``.
    motif : str or None
        Name of a motif in ``embeddings`` that loci must hold; None takes every sequence.
    max_loci : int, optional
        Take at most so many, the first in the table.

    Returns
    -------
    pandas.DataFrame
        Rows of ``sequences``; labelled mutants are never among them.

    Raises
    ------
    SeqauditError
        No sequence left.
    """
    chosen = sequences[(sequences["split"] == "test") & ~sequences["mutated"].to_numpy(bool)]
    if motif is not None:
        sites = listed_sites(chosen["embeddings"].tolist())
        chosen = chosen.iloc[np.unique(sites.loc[sites["motif"] == motif, "row"].to_numpy(dtype=int))]
    if chosen.empty:
        holding = "" if motif is None else f" with a site of '{motif}' in 'embeddings'"
        raise SeqauditError(
            f"sequences: no unmutated sequence of split 'test'{holding}, expected at least one to mutate. "
            "Simulate more test sequences, or check the motif's name."
        )
    return chosen.head(max_loci) if max_loci is not None else chosen

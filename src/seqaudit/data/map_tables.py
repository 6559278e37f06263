"""Attribution maps as tables: one row per position, so that a few sequences can be read without the rest."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from seqaudit.data.tables import read_table
from seqaudit.errors import SeqauditError

BASES = ("a", "c", "g", "t")
"""Columns of table ``attribution_maps`` in the order of the channels."""

BITS = 11
"""Binary digits that are stored of a value: relative errors up to 0.03 %, half the size on disk."""


def maps_to_table(maps: Mapping[str, np.ndarray], sequence_ids: Sequence[str]) -> pd.DataFrame:
    """Maps of several methods as one table.

    Parameters
    ----------
    maps : mapping of str to array, shape (n, 4, L)
        By method; all of the same sequences.
    sequence_ids : sequence of str, length n

    Returns
    -------
    pandas.DataFrame
        Table ``attribution_maps``, in the order of methods, sequences and positions; values
        rounded to ``BITS`` binary digits.

    Raises
    ------
    SeqauditError
        No method, or maps of another shape.
    """
    parts = []
    for method, its_maps in maps.items():
        its_maps = np.asarray(its_maps)
        if its_maps.ndim != 3 or its_maps.shape[:2] != (len(sequence_ids), 4):
            raise SeqauditError(
                f"maps: '{method}' has shape {its_maps.shape}, expected ({len(sequence_ids)}, 4, L), a "
                "map for every sequence."
            )
        cells = _rounded(its_maps).transpose(0, 2, 1).reshape(-1, 4)
        places = position_rows(sequence_ids, its_maps.shape[2])
        parts.append(places.assign(**dict(zip(BASES, cells.T))).assign(method=method))
    if not parts:
        raise SeqauditError("maps: no method given, expected at least one.")
    return pd.concat(parts, ignore_index=True)[["method", "sequence_id", "position", *BASES]]


def maps_from_table(table: pd.DataFrame, sequence_ids: Sequence[str], *, method: str) -> np.ndarray:
    """Maps of one method from a table.

    Parameters
    ----------
    table : pandas.DataFrame
        Table ``attribution_maps``.
    sequence_ids : sequence of str
        Which sequences, in which order.
    method : str

    Returns
    -------
    numpy.ndarray, float32, shape (n, 4, L)
        NaN where a value is not finite.

    Raises
    ------
    SeqauditError
        A method or a sequence that the table does not have.
    """
    rows = table[table["method"] == method]
    if rows.empty:
        raise SeqauditError(
            f"method '{method}' is not in the table, which has {', '.join(table['method'].unique())}."
        )
    length = int(rows["position"].max()) + 1
    order = _rows_of(rows["sequence_id"].to_numpy()[::length], sequence_ids)
    return rows[list(BASES)].to_numpy(np.float32).reshape(-1, length, 4)[order].transpose(0, 2, 1)


def position_rows(sequence_ids: Sequence[str], length: int) -> pd.DataFrame:
    """One row per sequence and position: ``sequence_id`` and ``position``."""
    return pd.DataFrame(
        {
            "sequence_id": np.repeat(np.asarray(sequence_ids, dtype=object), length),
            "position": np.tile(np.arange(length), len(sequence_ids)),
        }
    )


def masks_from_table(table: pd.DataFrame, sequence_ids: Sequence[str]) -> dict[str, np.ndarray]:
    """``signal`` and ``background`` of table ``true_sites``; bool, shape (n, L) each.

    Raises
    ------
    SeqauditError
        A sequence that the table does not have.
    """
    length = int(table["position"].max()) + 1
    order = _rows_of(table["sequence_id"].to_numpy()[::length], sequence_ids)
    return {
        name: table[name].to_numpy(dtype=bool).reshape(-1, length)[order] for name in ("signal", "background")
    }


def _rounded(maps: np.ndarray) -> np.ndarray:
    fraction, exponent = np.frexp(maps.astype(np.float32))
    return np.ldexp(np.round(fraction * 2**BITS) / 2**BITS, exponent).astype(np.float32)


def _rows_of(stored: np.ndarray, wanted: Sequence[str]) -> np.ndarray:
    order = pd.Index(stored).get_indexer(pd.Index(wanted))
    if missing := [name for name, row in zip(wanted, order) if row < 0]:
        raise SeqauditError(
            f"sequence '{missing[0]}' has no map in the table ({len(missing)} such sequences). Rerun the "
            "rule that makes it."
        )
    return order


def read_maps(
    paths: Mapping[str, str | Path], sequence_ids: Sequence[str], model_id: str, method: str
) -> np.ndarray:
    """Maps of one model by one method from its file; see :func:`maps_from_table`."""
    return maps_from_table(read_table(paths[model_id], "attribution_maps"), sequence_ids, method=method)

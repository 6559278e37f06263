"""Parquet tables with a declared schema: checked on write and on read, written atomically."""

import glob
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from seqaudit import __version__
from seqaudit.data.schemas import SCHEMAS, Schema
from seqaudit.errors import SeqauditError

_ARROW = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "float32": pa.float32(),
    "bool": pa.bool_(),
}
_PREFIX = b"seqaudit."


def write_table(
    table: pd.DataFrame, path: str | Path, schema: str, *, provenance: Mapping | None = None
) -> None:
    """Check a table against its schema and write it as Parquet, all or nothing.

    Parameters
    ----------
    table : pandas.DataFrame
        Must hold exactly the columns of the schema, in any order.
    path : path
        Folders are made. The file appears under its name only when it is complete.
    schema : str
        Name in ``data/schemas``.
    provenance : mapping of str to str, optional
        Stored as key-value metadata (git commit, config hash, seed, ...).

    Raises
    ------
    SeqauditError
        Wrong, missing or surplus columns, nulls where none may be, repeated keys, a
        column that cannot take its type, or a disk that cannot take the file.
    """
    declared = _declared(schema)
    arrow = _to_arrow(table, declared, where=str(path))
    metadata = {
        "schema": declared.name,
        "schema_version": str(declared.version),
        "seqaudit_version": __version__,
        "rows": str(len(table)),
        "units": "; ".join(f"{c.name}: {c.unit}" for c in declared.columns if c.unit),
        **{key: str(value) for key, value in (provenance or {}).items()},
    }
    arrow = arrow.replace_schema_metadata(
        {**(arrow.schema.metadata or {}), **{_PREFIX + k.encode(): v.encode() for k, v in metadata.items()}}
    )
    with atomic_path(path) as unfinished:
        pq.write_table(arrow, unfinished, compression="zstd", write_page_checksum=True)


def read_table(path: str | Path, schema: str, *, columns: list[str] | None = None) -> pd.DataFrame:
    """Read a Parquet file and check it against its schema.

    Parameters
    ----------
    path : path
    schema : str
        Name in ``data/schemas``.
    columns : list of str, optional
        Read only these; all by default.

    Raises
    ------
    SeqauditError
        Missing, empty, truncated or altered file, or one written with another schema.
    """
    declared = _declared(schema)
    path = Path(path)
    if not path.exists():
        raise SeqauditError(f"{path}: no such file, expected a '{schema}' table. Run the rule that makes it.")
    try:
        stored = pq.read_schema(path)
        found = read_metadata(path)
        _check_columns(stored.names, declared, where=str(path))
        if found.get("schema_version") != str(declared.version):
            raise SeqauditError(
                f"{path}: written as version {found.get('schema_version', 'unknown')} of table "
                f"'{schema}', this seqaudit reads version {declared.version}. Rerun the rule that makes it."
            )
        wanted = columns or [column.name for column in declared.columns]
        assert set(wanted) <= set(stored.names), f"columns {columns} are not all in table '{schema}'"
        # without this, most flipped bits would only give other numbers
        arrow = pq.read_table(path, columns=wanted, page_checksum_verification=True)
        if found.get("rows", str(arrow.num_rows)) != str(arrow.num_rows):
            raise OSError(f"{arrow.num_rows} rows instead of {found['rows']}")
        for column in declared.columns:
            if column.name in wanted and arrow.schema.field(column.name).type != _ARROW[column.dtype]:
                raise OSError(f"column '{column.name}' is not of type {column.dtype}")
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise SeqauditError(
            f"{path}: not a readable Parquet file ({error}); it may be truncated or damaged. "
            "Delete it and rerun the rule that makes it."
        ) from error
    return arrow.to_pandas()


def read_tables(
    paths, schema: str, *, columns: list[str] | None = None, optional: bool = False
) -> pd.DataFrame:
    """Read several files of one schema into one table, in the order given.

    With ``optional``, no file gives a table without rows; otherwise it is an error.
    """
    parts = [read_table(path, schema, columns=columns) for path in paths]
    if not parts and optional:
        declared = [
            column for column in _declared(schema).columns if columns is None or column.name in columns
        ]
        return pd.DataFrame(
            {c.name: pd.Series(dtype="str" if c.dtype == "string" else c.dtype) for c in declared}
        )
    if not parts:
        raise SeqauditError(f"table '{schema}': no file given, expected at least one.")
    return pd.concat(parts, ignore_index=True)


def read_metadata(path: str | Path) -> dict[str, str]:
    """Provenance of a Parquet file written by ``write_table``."""
    metadata = pq.read_schema(path).metadata or {}
    return {
        key[len(_PREFIX) :].decode(): value.decode()
        for key, value in metadata.items()
        if key.startswith(_PREFIX)
    }


class atomic_path:
    """Context manager: a temporary name beside ``path`` that becomes ``path`` on success.

    On any error, a full disk included, the temporary file is removed and ``path`` is as
    it was before. What a killed process left is removed by the next that succeeds.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)

    def __enter__(self) -> Path:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        except OSError as error:
            raise self._unwritable(error) from error
        os.close(handle)
        self.unfinished = Path(name)
        # mkstemp makes private files; results belong to the user's group like any other
        mask = os.umask(0)
        os.umask(mask)
        self.unfinished.chmod(0o666 & ~mask)
        return self.unfinished

    def __exit__(self, kind, error, trace) -> None:
        if error is None:
            try:
                self._publish()
                return
            except OSError as failure:
                error = failure
        self.unfinished.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise self._unwritable(error) from error

    def _publish(self) -> None:
        with self.unfinished.open("rb") as complete:
            os.fsync(complete.fileno())  # or a power cut could leave an empty file under the final name
        os.replace(self.unfinished, self.path)
        for left in self.path.parent.glob(f".{glob.escape(self.path.name)}.*"):
            left.unlink(missing_ok=True)

    def _unwritable(self, error: OSError) -> SeqauditError:
        reason = os.strerror(error.errno) if error.errno else error
        return SeqauditError(
            f"{self.path}: cannot be written ({reason}). Nothing was left half-written; "
            "free disk space or permissions and rerun."
        )


def _declared(schema: str) -> Schema:
    assert schema in SCHEMAS, f"schema '{schema}' is not declared in data/schemas"
    return SCHEMAS[schema]


def _check_columns(names, declared: Schema, *, where: str) -> None:
    expected = [column.name for column in declared.columns]
    missing = [name for name in expected if name not in names]
    surplus = [name for name in names if name not in expected]
    if missing or surplus:
        problems = [f"missing {', '.join(missing)}"] * bool(missing)
        problems += [f"unknown {', '.join(map(str, surplus))}"] * bool(surplus)
        raise SeqauditError(
            f"{where}: not a '{declared.name}' table: columns {' and '.join(problems)}. "
            f"Expected {', '.join(expected)}."
        )


def _to_arrow(table: pd.DataFrame, declared: Schema, *, where: str) -> pa.Table:
    _check_columns(list(table.columns), declared, where=where)
    arrays = []
    for column in declared.columns:
        values = table[column.name]
        empty = np.flatnonzero(values.isna().to_numpy())
        if empty.size and not column.nullable:
            raise SeqauditError(
                f"{where}: column '{column.name}' of table '{declared.name}' is null at row {empty[0]} "
                f"({empty.size} such rows), but it must always have a value."
            )
        try:
            arrays.append(pa.Array.from_pandas(values, type=_ARROW[column.dtype]))
        except (pa.ArrowException, TypeError, ValueError) as error:
            raise SeqauditError(
                f"{where}: column '{column.name}' of table '{declared.name}' cannot be stored as "
                f"{column.dtype} ({error})."
            ) from error
    repeated = table.duplicated(list(declared.key))
    if repeated.any():
        row = table.loc[repeated.to_numpy(), list(declared.key)].iloc[0]
        raise SeqauditError(
            f"{where}: {int(repeated.sum())} rows of table '{declared.name}' repeat a key, first "
            f"{', '.join(f'{k}={v}' for k, v in row.items())}; every {declared.row} has one row."
        )
    fields = [pa.field(c.name, _ARROW[c.dtype], nullable=c.nullable) for c in declared.columns]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))

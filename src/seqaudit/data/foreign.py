"""Tables of other people's making: CSV, TSV or Parquet files, read whole or refused with a reason."""

import gzip
import warnings
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from seqaudit.errors import SeqauditError

_SEPARATORS = {".tsv": "\t", ".txt": "\t", ".csv": ","}
_DAMAGED = (
    pa.ArrowException,
    pd.errors.ParserError,
    pd.errors.ParserWarning,
    EOFError,
    OSError,
    UnicodeDecodeError,
    zlib.error,
)


def read_foreign_table(
    path: str | Path,
    *,
    columns: Callable[[Sequence[str]], Iterable[str]] | None = None,
    as_text: bool = False,
    row: str = "point",
    also: str = "",
) -> pd.DataFrame:
    """Read a table that somebody else wrote.

    Parameters
    ----------
    path : path
        .csv, .tsv, .txt (tabs) or .parquet; text also with .gz.
    columns : callable, optional
        From the names of the columns that are there to those that are wanted; may refuse them. All by
        default.
    as_text : bool
        Leave the cells of text files as they are, empty ones included.
    row : str
        What a row stands for, for messages.
    also : str
        Other kinds of file that the caller reads, for messages.

    Raises
    ------
    SeqauditError
        Missing, empty, unknown or damaged files, and tables without rows.
    """
    path = Path(path)
    suffix = kind_of(path)
    check_present(path)
    try:
        if suffix == ".parquet":
            present = pq.read_schema(path).names
            wanted = None if columns is None else list(dict.fromkeys(columns(present)))
            table = pd.read_parquet(path, columns=wanted)
        elif suffix in _SEPARATORS:
            table = _read_text(path, _SEPARATORS[suffix], as_text=as_text)
            if columns is not None:
                table = table[list(dict.fromkeys(columns(list(table.columns))))]
        else:
            raise SeqauditError(
                f"{path}: unknown kind of file '{suffix}', expected .parquet, .tsv, .txt, .csv (also .gz)"
                f"{also}."
            )
    except _DAMAGED as error:
        raise SeqauditError(
            f"{path}: cannot be read as a {suffix[1:]} table ({error}); it may be truncated or damaged."
        ) from error
    except pd.errors.EmptyDataError:
        table = pd.DataFrame()
    if not len(table):
        raise SeqauditError(f"{path}: the table has no rows, expected one per {row}.")
    return table


def read_foreign_text(path: Path, what: str, *, encoding: str = "ascii") -> str:
    """A text file, also with .gz; ``what`` it should be is for the message."""
    check_present(path)
    open_text = gzip.open if path.suffix == ".gz" else open
    try:
        with open_text(path, "rt", encoding=encoding) as file:
            return file.read()
    except _DAMAGED as error:
        raise SeqauditError(f"{path}: cannot be read as {what} ({error}).") from error


def kind_of(path: Path) -> str:
    """Suffix in lower case, without .gz."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def check_present(path: Path) -> None:
    """Refuse a file that is missing or has no byte."""
    if not path.is_file():
        raise SeqauditError(f"{path}: no such file. Check the path in the config.")
    if path.stat().st_size == 0:
        raise SeqauditError(f"{path}: the file is empty.")


def _read_text(path: Path, separator: str, *, as_text: bool) -> pd.DataFrame:
    cells = {"dtype": str, "keep_default_na": False} if as_text else {}
    with warnings.catch_warnings():
        # a row longer than the header would shift its values into other columns
        warnings.simplefilter("error", pd.errors.ParserWarning)
        return pd.read_csv(path, sep=separator, index_col=False, encoding="utf-8-sig", **cells)

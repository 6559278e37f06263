"""Read and check a user's table of instrument effects, under our names or TwoSampleMR's."""

import csv
import difflib
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from seqaudit.errors import SeqauditError
from seqaudit.inference.mr_tables import DOTTED_EFFECTS, EFFECTS, GROUP

_DEFAULTS = {"locus": "all", "exposure": "exposure", "outcome": "outcome"}


def read_effects(path: str | Path) -> pd.DataFrame:
    """Read an ``mr_effects`` table from Parquet, or from text with a header line.

    Text may be separated by tabs, commas, semicolons or spaces, and compressed (``.gz``).

    Raises
    ------
    SeqauditError
        No such file, not readable, or as ``check_effects``.
    """
    path = Path(path)
    if not path.is_file():
        raise SeqauditError(f"{path}: no such file, expected a table of effects (TSV, CSV or Parquet).")
    try:
        if ".parquet" in path.suffixes:
            table = pd.read_parquet(path)
        else:
            header = pd.read_csv(path, nrows=0, sep="\0", engine="python", quoting=csv.QUOTE_NONE).columns[0]
            separator = next((mark for mark in "\t,;" if mark in header), r"\s+")
            table = pd.read_csv(path, sep=separator)
    except (ValueError, OSError, EOFError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise SeqauditError(f"{path}: cannot be read as a table ({reason}).") from error
    return check_effects(table, where=str(path))


def check_effects(table: pd.DataFrame, *, where: str = "effects") -> pd.DataFrame:
    """Return the columns of the ``mr_effects`` table, whatever they were called.

    Parameters
    ----------
    table : pandas.DataFrame
        ``beta_exposure``, ``se_exposure``, ``beta_outcome`` and ``se_outcome``, or the same names
        with dots; optionally ``locus``, ``exposure`` and ``outcome``, which make the groups, and
        ``instrument`` or ``SNP``. Rows with ``mr_keep`` false are dropped.
    where : str
        What to call the table in an error.

    Raises
    ------
    SeqauditError
        A column is missing (with the nearest name that is there) or given twice; a number is
        missing, infinite or no number; a standard error is negative; an instrument is repeated
        in its group; or no row is left.
    """
    table = _our_names(table.reset_index(drop=True), where)
    if "mr_keep" in table:
        table = table[table["mr_keep"].astype(bool)]
    if table.empty:
        raise SeqauditError(f"{where}: no row, expected one per instrument.")
    columns = {name: table.get(name, pd.Series(default, table.index)) for name, default in _DEFAULTS.items()}
    for name, values in columns.items():
        _refuse(values.isna(), where, name, values, "a name in every row")
    columns = {name: values.astype(str) for name, values in columns.items()}
    numbered = (table.groupby(GROUP).cumcount() if set(GROUP) <= set(table) else np.arange(len(table))) + 1
    columns["instrument"] = table.get("instrument", pd.Series(numbered, table.index)).astype(str)
    for name in EFFECTS:
        numbers = pd.to_numeric(table[name], errors="coerce")
        _refuse(numbers.isna() & table[name].notna(), where, name, table[name], "a number")
        _refuse(~np.isfinite(numbers), where, name, table[name], "a finite number; leave out missing rows")
        columns[name] = numbers.astype(float)
    _refuse(
        columns["se_exposure"] < 0,
        where,
        "se_exposure",
        table["se_exposure"],
        "a standard error of at least 0",
    )
    _refuse(columns["se_outcome"] <= 0, where, "se_outcome", table["se_outcome"], "a standard error above 0")
    effects = pd.DataFrame(columns)
    repeated = effects.duplicated([*GROUP, "instrument"])
    _refuse(repeated, where, "instrument", effects["instrument"], "every instrument once per locus and pair")
    return effects.reset_index(drop=True)


def _our_names(table: pd.DataFrame, where: str) -> pd.DataFrame:
    """Rename dotted columns, refuse doubles, and say which name comes nearest to a missing one."""
    dotted = {theirs: ours for ours, theirs in DOTTED_EFFECTS.items()}
    for theirs, ours in dotted.items():
        if theirs in table and ours in table:
            raise SeqauditError(f"{where}: has the columns '{ours}' and '{theirs}', expected one of them.")
    table = table.rename(columns=dotted)
    for side in ("exposure", "outcome"):
        if side not in table and f"id.{side}" in table:
            table = table.rename(columns={f"id.{side}": side})
    missing = [name for name in EFFECTS if name not in table]
    if missing:
        found = [str(name) for name in table.columns]
        alike = {
            name.lower().replace(".", "_").replace(" ", "_"): name for name in found if name not in EFFECTS
        }
        near = difflib.get_close_matches(missing[0], alike, n=1)
        hint = f" Did you mean '{alike[near[0]]}'?" if near else ""
        raise SeqauditError(
            f"{where}: no column {' or '.join(repr(name) for name in missing[:1])}.{hint} "
            f"Found {', '.join(found)}; expected {', '.join(EFFECTS)} (or with dots, as TwoSampleMR)."
        )
    return table


def _refuse(wrong: pd.Series, where: str, column: str, values: pd.Series, expected: str) -> None:
    """Raise for the first wrong row, counting from 1 below the header."""
    rows = np.flatnonzero(wrong.to_numpy())
    if rows.size:
        row, got = wrong.index[rows[0]] + 1, values.iloc[rows[0]]
        shown = "nothing" if pd.isna(got) else f"'{got}'"
        more = f" ({rows.size} such rows)" if rows.size > 1 else ""
        raise SeqauditError(f"{where}: column '{column}', row {row}: got {shown}, expected {expected}{more}.")

"""Users' own sequences and measured targets: tables or FASTA, checked, with a split."""

import difflib
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from seqaudit.data.foreign import kind_of, read_foreign_table, read_foreign_text
from seqaudit.data.sequences import letter_codes
from seqaudit.data.targets import transform_target
from seqaudit.errors import SeqauditError

SPLITS = ("train", "validation", "test")
LOW_TARGETS = ("clip", "drop")
COLUMNS = {"id": "sequence_id", "sequence": "sequence", "target": "target"}
"""Columns that every table has, and their names unless told otherwise."""

_OPTIONAL_COLUMNS = ("group", "split", "embeddings")
_SPLIT_NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "held-out", "heldout"), "test"),
}
_FASTA = (".fa", ".fasta", ".fna")

_log = logging.getLogger(__name__)


def read_sequences(
    path: str | Path,
    *,
    targets: str | Path | None = None,
    columns: Mapping[str, str | None] | None = None,
    split_fractions: Sequence[float] = (0.7, 0.1, 0.2),
    split_seed: int = 1234,
    min_target: float | None = None,
    low_targets: str = "clip",
    transform: str = "identity",
) -> pd.DataFrame:
    """Read own data into a ``sequences`` table.

    Parameters
    ----------
    path : path
        Table (.parquet, .tsv, .txt with tabs, .csv) or FASTA (.fa, .fasta, .fna); all text
        formats also with .gz. Lower-case letters, as in soft-masked genomes, count as upper.
    targets : path, optional
        With FASTA: the table of targets, joined by the id (first word of the header).
    columns : mapping, optional
        Names of the columns ``id``, ``sequence``, ``target`` and, where there are any,
        ``group``, ``split``, ``embeddings``.
    split_fractions : three floats
        Shares of train, validation and test; used if no split column is named.
    split_seed : int
        Seeds that split. Whole groups are drawn, so no group straddles splits (without a
        group column, equal sequences are a group). The order of rows has no influence.
    min_target : float, optional
        Smallest target that is believed, such as the activity of elements without reads.
    low_targets : {"clip", "drop"}
        Raise targets below ``min_target`` to it, or leave their sequences out. How many is
        logged as a warning.
    transform : {"anscombe", "identity"}
        Space of training, to find targets early that it cannot take.

    Returns
    -------
    pandas.DataFrame
        A ``sequences`` table, in the order of the file.

    Raises
    ------
    SeqauditError
        Missing, empty or damaged files; missing columns (with those present); unequal
        lengths or unknown letters (file, row, position); targets that are no finite number;
        repeated ids; a group in two splits; an empty split, or one in which all targets
        are equal, as when one of two classes is absent.
    """
    path = Path(path)
    names = {role: name for role, name in {**COLUMNS, **(columns or {})}.items() if name is not None}
    table = _read_joined(path, targets, names)
    where = str(path)
    _check_ids(table["id"], where)
    table["sequence"] = _upper_case(table["sequence"], where)
    letter_codes(table["sequence"], where=where if targets else f"{where}, column '{names['sequence']}'")
    target_file = where if targets is None else str(targets)
    table["target"] = _finite_targets(table["target"], f"{target_file}, column '{names['target']}'")
    table = _handle_low_targets(table, min_target, low_targets, where)
    _check_transform(table, transform, target_file)
    if "split" in table:
        table["split"] = _known_splits(table["split"], where)
        _check_groups(table, where)
    else:
        groups = table.get("group", table["sequence"])
        table["split"] = split_by_group(groups, split_fractions, seed=split_seed)
    _check_splits(table, where)
    nothing = pd.Series(None, index=table.index, dtype="str")
    return pd.DataFrame(
        {
            "sequence_id": table["id"],
            "split": table["split"],
            "sequence": table["sequence"],
            "target": table["target"],
            "count": pd.Series(pd.NA, index=table.index, dtype="Int64"),
            "expected_count": np.nan,
            "embeddings": table.get("embeddings", nothing),
            "group": table.get("group", nothing),
        }
    ).reset_index(drop=True)


def split_by_group(groups: Sequence[str], fractions: Sequence[float], *, seed: int) -> np.ndarray:
    """Assign sequences to train, validation and test so that no group straddles splits.

    Groups are shuffled and laid out along a line, each as long as it has sequences; a group
    belongs to the split that its middle falls into. So every group has the same chance
    of each split, whatever its size, and the shares are met as well as groups allow.

    Parameters
    ----------
    groups : sequence of str, length n
    fractions : three floats
        Of train, validation and test; their sum is 1.
    seed : int

    Returns
    -------
    numpy.ndarray of str, shape (n,)
    """
    shares = np.asarray(fractions, dtype=np.float64)
    if shares.shape != (3,) or (shares <= 0).any() or abs(shares.sum() - 1) > 1e-9:
        raise SeqauditError(
            f"split_fractions: got {list(fractions)}, expected three positive shares (train, validation, "
            "test) with sum 1."
        )
    _, group_of_row, sizes = np.unique(np.asarray(groups, dtype=str), return_inverse=True, return_counts=True)
    order = np.random.default_rng(seed).permutation(sizes.size)
    middles = np.empty(sizes.size)
    middles[order] = np.cumsum(sizes[order]) - sizes[order] / 2
    split_of_group = np.searchsorted(np.cumsum(shares)[:2] * sizes.sum(), middles, side="right")
    return np.array(SPLITS)[split_of_group[group_of_row]]


def _read_joined(path: Path, targets, names: Mapping[str, str]) -> pd.DataFrame:
    """Columns named by role: id, sequence, target and whichever optional ones were named."""
    if kind_of(path) not in _FASTA:
        if targets is not None:
            raise SeqauditError(
                f"{path}: a table holds its targets itself; 'targets' ({targets}) goes with a FASTA file. "
                "Remove it from the config."
            )
        return _read_columns(path, names)
    if targets is None:
        raise SeqauditError(
            f"{path}: a FASTA file has no targets. Name a table of targets in the config "
            "(datasets.<name>.targets)."
        )
    fasta = _read_fasta(path)
    table = _read_columns(Path(targets), {role: name for role, name in names.items() if role != "sequence"})
    _check_ids(table["id"], str(targets))
    joined = fasta.merge(table, on="id", how="left", indicator="origin")
    missing = joined.loc[joined.pop("origin") == "left_only", "id"]
    if len(missing):
        raise SeqauditError(
            f"{targets}: no target for {len(missing)} of {len(fasta)} sequences of {path}, first "
            f"'{missing.iloc[0]}'. Ids are the first word of the FASTA header and column '{names['id']}'."
        )
    if surplus := len(table) - len(fasta):
        _log.warning("%s: %d targets have no sequence in %s and are not used.", targets, surplus, path)
    return joined


def _read_columns(path: Path, names: Mapping[str, str]) -> pd.DataFrame:
    """The named columns of a table; text in all of them but numeric Parquet targets."""

    def named(present: Sequence[str]) -> Iterable[str]:
        _check_columns(present, names, path)
        return names.values()

    table = read_foreign_table(
        path, columns=named, as_text=True, row="sequence", also=f", or FASTA: {', '.join(_FASTA)}"
    )
    table = pd.DataFrame({role: table[name] for role, name in names.items()})
    for role in table.columns.drop("target"):
        if role == "embeddings":
            table[role] = table[role].fillna("")
        elif (empty := np.flatnonzero(table[role].isna() | (table[role] == ""))).size:
            raise SeqauditError(
                f"{path}: column '{names[role]}' is empty at row {empty[0]} ({empty.size} such rows), "
                f"expected a {role} for every sequence."
            )
        table[role] = table[role].astype(str)
    return table


def _read_fasta(path: Path) -> pd.DataFrame:
    text = read_foreign_text(path, "FASTA text")
    before, *records = ("\n" + text).split("\n>")
    if before.strip() or not records:
        raise SeqauditError(f"{path}: begins with {text.strip()[:40]!r}, expected FASTA: '>name'.")
    ids, sequences = [], []
    for record in records:
        header, _, sequence = record.partition("\n")
        if not header.split():
            raise SeqauditError(f"{path}: record {len(ids)} has no name after '>'. Give it one.")
        ids.append(header.split()[0])
        sequences.append("".join(sequence.split()))
    table = pd.DataFrame({"id": pd.Series(ids, dtype="str"), "sequence": pd.Series(sequences, dtype="str")})
    _check_ids(table["id"], str(path))
    return table


def _check_columns(present: Sequence[str], names: Mapping[str, str], path: Path) -> None:
    for role, name in names.items():
        if role not in COLUMNS and role not in _OPTIONAL_COLUMNS:
            known = ", ".join([*COLUMNS, *_OPTIONAL_COLUMNS])
            raise SeqauditError(f"columns: unknown role '{role}', expected one of {known}.")
        if name not in present:
            close = difflib.get_close_matches(name, present, n=1, cutoff=0.65)
            hint = f" Did you mean '{close[0]}'?" if close else ""
            raise SeqauditError(
                f"{path}: no column '{name}' for the {role}; present are {', '.join(map(str, present))}."
                f"{hint} Set datasets.<name>.columns.{role} in the config."
            )


def _check_ids(ids: pd.Series, where: str) -> None:
    repeated = np.flatnonzero(ids.duplicated())
    if repeated.size:
        raise SeqauditError(
            f"{where}: id '{ids.iloc[repeated[0]]}' occurs again at row {repeated[0]} ({repeated.size} such "
            "rows); every sequence needs its own."
        )


def _upper_case(sequences: pd.Series, where: str) -> pd.Series:
    upper = sequences.str.upper()
    if lowered := int((upper != sequences).sum()):
        _log.warning("%s: %d sequences have lower-case letters, read as upper case.", where, lowered)
    return upper


def _finite_targets(values: pd.Series, where: str) -> pd.Series:
    numbers = pd.to_numeric(values, errors="coerce").astype(np.float64)
    wrong = np.flatnonzero(~np.isfinite(numbers))
    if wrong.size:
        raise SeqauditError(
            f"{where}: row {wrong[0]} is '{values.iloc[wrong[0]]}' ({wrong.size} such rows), expected a "
            "finite number. Fill in or remove these rows."
        )
    return numbers


def _handle_low_targets(table: pd.DataFrame, min_target, low_targets: str, where: str) -> pd.DataFrame:
    if low_targets not in LOW_TARGETS:
        raise SeqauditError(f"low_targets: got {low_targets!r}, expected one of {', '.join(LOW_TARGETS)}.")
    if min_target is None or not (low := table["target"] < min_target).any():
        return table
    action = {"clip": f"raised to {min_target:g}", "drop": "left out"}[low_targets]
    _log.warning(
        "%s: %d of %d targets are below min_target=%g and were %s.",
        where, low.sum(), len(table), min_target, action,
    )  # fmt: skip
    if low_targets == "clip":
        return table.assign(target=table["target"].clip(lower=min_target))
    if low.all():
        raise SeqauditError(
            f"{where}: all {len(table)} targets are below min_target={min_target:g}. Lower it in the config."
        )
    return table.loc[~low]


def _check_transform(table: pd.DataFrame, transform: str, where: str) -> None:
    try:
        transform_target(table["target"], transform)
    except SeqauditError as error:
        raise SeqauditError(f"{where}: {error}") from None


def _known_splits(splits: pd.Series, where: str) -> pd.Series:
    known = splits.str.lower().map(_SPLIT_NAMES)
    wrong = np.flatnonzero(known.isna())
    if wrong.size:
        raise SeqauditError(
            f"{where}: row {wrong[0]} has split '{splits.iloc[wrong[0]]}' ({wrong.size} such rows), expected "
            f"one of {', '.join(_SPLIT_NAMES)}."
        )
    return known


def _check_groups(table: pd.DataFrame, where: str) -> None:
    if "group" not in table:
        return
    splits_of_group = table.groupby("group", sort=False)["split"].unique()
    torn = splits_of_group[splits_of_group.str.len() > 1]
    if len(torn):
        raise SeqauditError(
            f"{where}: group '{torn.index[0]}' is in {' and '.join(sorted(torn.iloc[0]))} ({len(torn)} such "
            "groups); related sequences in training and test make models look better than they are. Correct "
            "the split column, or leave it out (columns.split: null) for a split by group."
        )


def _check_splits(table: pd.DataFrame, where: str) -> None:
    for split in SPLITS:
        target = table.loc[table["split"] == split, "target"]
        if not len(target):
            raise SeqauditError(
                f"{where}: no sequence in split '{split}' ({len(table)} sequences in all), expected some in "
                f"{', '.join(SPLITS)}. Correct the split column, or change split_fractions or split_seed."
            )
        if target.nunique() == 1:
            raise SeqauditError(
                f"{where}: all {len(target)} targets of split '{split}' are {target.iloc[0]:g}, as when "
                "one class is empty; nothing can be learned or tested from them. Correct the targets or "
                "the split."
            )

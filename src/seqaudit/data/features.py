"""Tables of numeric features and a target: checked, split, scaled, to long form and back."""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from seqaudit.data.foreign import read_foreign_table
from seqaudit.data.readers import SPLITS, split_by_group
from seqaudit.errors import SeqauditError


class FeatureTable(NamedTuple):
    """Points with features and one target.

    Attributes
    ----------
    x : numpy.ndarray, shape (points, features), float64
    y : numpy.ndarray, shape (points,), float64
    features : tuple of str
    target : str
    split : numpy.ndarray of str, shape (points,)
        train, validation or test.
    """

    x: np.ndarray
    y: np.ndarray
    features: tuple[str, ...]
    target: str
    split: np.ndarray


def read_features(
    path: str | Path,
    *,
    target: str,
    features: Sequence[str] | None = None,
    split_fractions: Sequence[float] = (0.7, 0.2, 0.1),
    split_seed: int = 1234,
) -> FeatureTable:
    """Read a table of one's own.

    Parameters
    ----------
    path : path
        .csv, .tsv, .txt (tabs) or .parquet with one row per point; text also with .gz.
    target : str
        Column to predict.
    features : sequence of str, optional
        Columns to predict from; all others by default.
    split_fractions : three floats
        Shares of train, validation and test. Rows with equal features stay together.
    split_seed : int

    Raises
    ------
    SeqauditError
        A missing, damaged or empty file; a missing column (with the nearest name); text,
        missing or infinite values (with row); a constant column; fewer than two features.
    """
    table = read_foreign_table(path)
    present = [str(name) for name in table.columns]
    table.columns = present
    chosen = [name for name in present if name != target] if features is None else list(features)
    for name in (target, *chosen):
        if name not in present:
            close = difflib.get_close_matches(name, present, n=1, cutoff=0.6)
            hint = f" Did you mean '{close[0]}'?" if close else ""
            raise SeqauditError(f"{path}: no column '{name}'; present are {', '.join(present)}.{hint}")
    if target in chosen:
        raise SeqauditError(f"{path}: '{target}' is the target and a feature, expected one of them.")
    return feature_table(
        table, target=target, features=chosen, split_fractions=split_fractions, split_seed=split_seed,
        where=str(path),
    )  # fmt: skip


def feature_table(
    table: pd.DataFrame,
    *,
    target: str,
    features: Sequence[str],
    split_fractions: Sequence[float] = (0.7, 0.2, 0.1),
    split_seed: int = 1234,
    where: str = "table",
) -> FeatureTable:
    """Features and target of a table in memory; parameters and errors as in :func:`read_features`."""
    columns = {name: _numbers(table[name], name, where) for name in (*features, target)}
    x = np.column_stack([columns[name] for name in features]) if len(features) else np.empty((len(table), 0))
    check_features(x, names=features, where=where)
    y = columns[target]
    if np.ptp(y) == 0:
        raise SeqauditError(f"{where}: target '{target}' is {y[0]:g} in all {len(y)} rows; nothing to learn.")
    same_point = np.unique(x, axis=0, return_inverse=True)[1].astype(str)
    split = split_by_group(same_point, split_fractions, seed=split_seed)
    empty = [name for name in SPLITS if name not in split]
    if empty:
        raise SeqauditError(
            f"{where}: no row in split '{empty[0]}' of {len(y)} rows, {len(set(same_point))} of them with "
            "different features. Give more rows, or other split_fractions."
        )
    return FeatureTable(x, y, tuple(features), target, split)


def check_features(x, *, names: Sequence[str] | None = None, where: str = "x") -> np.ndarray:
    """Features as float64, if they can be asked about interactions.

    Parameters
    ----------
    x : array_like, shape (points, features)
    names : sequence of str, optional
        Of the features, for messages; x1, x2, ... by default.
    where : str
        What to call the table in messages.

    Raises
    ------
    SeqauditError
        Another shape, fewer than two points or features, a value that is no finite number,
        or a constant feature.
    """
    x = np.asarray(x)
    if x.ndim != 2 or x.dtype.kind not in "fiub":
        raise SeqauditError(
            f"{where}: got shape {x.shape} of {x.dtype}, expected numbers of shape (points, features). "
            "Recode text as numbers first."
        )
    x = x.astype(np.float64)
    names = [f"x{j + 1}" for j in range(x.shape[1])] if names is None else list(names)
    if len(x) < 2 or x.shape[1] < 2:
        raise SeqauditError(
            f"{where}: got {len(x)} points and {x.shape[1]} features ({', '.join(names) or 'none'}), "
            "expected at least two of both: one feature has nothing to interact with."
        )
    wrong = np.argwhere(~np.isfinite(x))
    if len(wrong):
        row, column = wrong[0]
        raise SeqauditError(
            f"{where}: feature '{names[column]}' is {x[row, column]} in row {row} ({len(wrong)} such "
            "values), expected finite numbers. Fill in or remove these rows."
        )
    constant = np.flatnonzero(np.ptp(x, axis=0) == 0)
    if constant.size:
        raise SeqauditError(
            f"{where}: feature '{names[constant[0]]}' is {x[0, constant[0]]:g} in all {len(x)} rows "
            f"({constant.size} such features); it cannot interact with anything. Leave it out."
        )
    return x


def min_max_scaled(table: FeatureTable, *, shift: float = 0.5) -> FeatureTable:
    """Features from [shift, 1 + shift] and targets from [0, 1], by the range of the training points.

    The units of the published scores on real tables: targets in their range, features in
    theirs. The shift of the authors' demo is that of the simulated features.

    Raises
    ------
    SeqauditError
        A feature or target that is constant over the training points.
    """
    train = table.split == "train"
    x = check_features(table.x[train], names=table.features, where="training points")
    low, width = table.y[train].min(), np.ptp(table.y[train])
    if width == 0:
        raise SeqauditError(f"training points: target '{table.target}' is constant ({low:g}).")
    return table._replace(x=(table.x - x.min(axis=0)) / np.ptp(x, axis=0) + shift, y=(table.y - low) / width)


def to_points(table: FeatureTable) -> pd.DataFrame:
    """Long form: table ``hessian_points``."""
    n, d = table.x.shape
    columns = [*table.features, table.target]
    return pd.DataFrame(
        {
            "row": np.repeat(np.arange(n), d + 1),
            "split": np.repeat(table.split.astype(object), d + 1),
            "variable": np.tile(np.array(columns, dtype=object), n),
            "role": np.tile(np.array(["feature"] * d + ["target"], dtype=object), n),
            "value": np.column_stack([table.x, table.y]).ravel(),
        }
    )


def from_points(points: pd.DataFrame) -> FeatureTable:
    """Back from table ``hessian_points``; features in their order of appearance.

    Raises
    ------
    SeqauditError
        Not exactly one target, or a row without a value of some variable.
    """
    roles = points.drop_duplicates("variable").set_index("variable")["role"]
    features, targets = list(roles.index[roles == "feature"]), list(roles.index[roles == "target"])
    if len(targets) != 1:
        raise SeqauditError(f"points: got {len(targets)} targets ({', '.join(targets)}), expected one.")
    wide = points.pivot(index="row", columns="variable", values="value")
    if wide.isna().to_numpy().any():
        row, column = np.argwhere(wide.isna().to_numpy())[0]
        raise SeqauditError(f"points: row {wide.index[row]} has no value of '{wide.columns[column]}'.")
    split = points.drop_duplicates("row").set_index("row")["split"].loc[wide.index]
    x = check_features(wide[features].to_numpy(), names=features, where="points")
    return FeatureTable(x, wide[targets[0]].to_numpy(), tuple(features), targets[0], split.to_numpy(object))


def _numbers(values: pd.Series, name: str, where: str) -> np.ndarray:
    """A column as float64; text and gaps are errors that say where."""
    numbers = pd.to_numeric(values, errors="coerce")
    text = values[numbers.isna() & values.notna()]
    if len(text):
        shown = ", ".join(repr(str(value)) for value in text.unique()[:3])
        raise SeqauditError(
            f"{where}: column '{name}' holds text in row {text.index[0]} ({len(text)} such rows: {shown}), "
            "expected numbers. Recode categories as numbers: an order if they have one, else a column of 0 "
            "and 1 for each."
        )
    numbers = numbers.to_numpy(np.float64, na_value=np.nan)
    wrong = np.flatnonzero(~np.isfinite(numbers))
    if wrong.size:
        raise SeqauditError(
            f"{where}: column '{name}' is {numbers[wrong[0]]} in row {wrong[0]} ({wrong.size} such rows), "
            "expected finite numbers. Fill in or remove these rows."
        )
    return numbers

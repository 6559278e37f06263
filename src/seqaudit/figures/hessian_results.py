"""What the figures of one Group Expected Hessian study are drawn from, and the looks they share."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from seqaudit.data.tables import read_tables
from seqaudit.figures.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION

Paths = str | Path | Sequence[str | Path]

MEASURES = {"aeh": "AEH", "geh": "GEH", "eah": "EAH"}
MEASURE_COLOURS = {"aeh": ORANGE, "geh": BLUE, "eah": PURPLE}

METHODS = {
    "geh": ("GEH", BLUE, "o"),
    "aeh": ("AEH", ORANGE, "s"),
    "eah": ("EAH", PURPLE, "^"),
    "nid": ("NID", GREEN, "D"),
    "shap": ("tree SHAP", VERMILLION, "v"),
    "lasso": ("Lasso", SKY, "P"),
    "oracle": ("oracle", BLACK, "X"),
    "h_statistic": ("H-statistic", GREY, "p"),
    "integrated": ("integrated Hessians", "#8C6D1F", "<"),
}
"""Label, colour and marker of every method."""

_TABLES = {
    "pairs": "hessian_pairs",
    "groups": "hessian_groups",
    "group_counts": "hessian_group_counts",
    "nulls": "hessian_nulls",
    "dropout": "hessian_dropout",
    "auc": "hessian_auc",
    "roc": "hessian_roc",
    "coverage": "hessian_coverage",
    "false_positives": "hessian_false_positives",
    "injections": "hessian_injections",
    "surfaces": "hessian_surfaces",
    "readings": "hessian_readings",
}


class HessianResults(NamedTuple):
    """Tables of one study. Every table holds rows of this study only and may be empty.

    Attributes
    ----------
    study : str
        Its id in the config.
    pairs, groups, group_counts, nulls, dropout : pandas.DataFrame
        Tables of single networks: ``hessian_pairs`` and so on.
    auc, roc, coverage, false_positives, injections, surfaces : pandas.DataFrame
        Tables of comparisons: ``hessian_auc`` and so on.
    readings : pandas.DataFrame
        Table ``hessian_readings``, of studies of digits.
    alpha : float
        Level of the tests.
    """

    study: str
    pairs: pd.DataFrame
    groups: pd.DataFrame
    group_counts: pd.DataFrame
    nulls: pd.DataFrame
    dropout: pd.DataFrame
    auc: pd.DataFrame
    roc: pd.DataFrame
    coverage: pd.DataFrame
    false_positives: pd.DataFrame
    injections: pd.DataFrame
    surfaces: pd.DataFrame
    readings: pd.DataFrame
    alpha: float = 0.05

    @property
    def fits(self) -> list[str]:
        """Networks in the order of the table of pairs."""
        return list(dict.fromkeys(self.pairs["fit"]))


def read_hessian_results(study: str, *, alpha: float = 0.05, **paths: Paths) -> HessianResults:
    """Read the tables of a study; those without files are empty.

    Parameters
    ----------
    study : str
    alpha : float
    paths
        Files of ``pairs``, ``groups``, ``group_counts``, ``nulls``, ``dropout``, ``auc``, ``roc``,
        ``coverage``, ``false_positives``, ``injections``, ``surfaces`` and ``readings``.
    """
    unknown = set(paths) - set(_TABLES)
    assert not unknown, f"unknown tables {unknown}"
    tables = {}
    for name, schema in _TABLES.items():
        given = paths.get(name, ())
        files = [given] if isinstance(given, str | Path) else list(given)
        tables[name] = read_tables(files, schema, optional=True)
    return HessianResults(study, **tables, alpha=alpha)


def yes(column: pd.Series) -> np.ndarray:
    """A column of yes, no and unknown as booleans: unknown is no."""
    return np.array([value is True or value is np.True_ for value in column.astype(object)], dtype=bool)


def method_look(method: str) -> tuple[str, str, str]:
    """Label, colour and marker of a method; unlisted ones are grey crosses."""
    return METHODS.get(method, (method, GREY, "x"))


def in_order(methods) -> list[str]:
    """Methods in the order of ``METHODS``, unlisted ones last."""
    found = list(dict.fromkeys(methods))
    return [name for name in METHODS if name in found] + [name for name in found if name not in METHODS]


def pair_labels(table: pd.DataFrame) -> list[str]:
    """``longitude × latitude`` of every row."""
    return [f"{a} × {b}" for a, b in zip(table["feature_a"], table["feature_b"])]

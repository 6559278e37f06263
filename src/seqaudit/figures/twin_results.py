"""What the figures of the additive twin are drawn from, and the looks they share."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from seqaudit.data.tables import read_tables
from seqaudit.figures.style import BLUE, GREY, ORANGE, VERMILLION
from seqaudit.inference.twin_reasons import CANNOT_TELL, CONFIRMED, NOT_SUPPORTED, PRESENT

VERDICT_LOOKS = {
    CONFIRMED: (VERMILLION, "o", True),
    PRESENT: (ORANGE, "s", True),
    NOT_SUPPORTED: (BLUE, "v", False),
    CANNOT_TELL: (GREY, "D", False),
}
"""Colour, marker and whether it is filled."""

_TABLES = {
    "models": "loss_models",
    "summary": "twin_summary",
    "redraws": "twin_redraws",
    "power": "twin_power",
    "fits": "twin_fits",
    "null_tests": "null_tests",
    "null_statistics": "null_statistics",
}


class TwinResults(NamedTuple):
    """Tables of a run. Those that it does without are empty.

    Attributes
    ----------
    models, summary, redraws, power, fits, null_tests, null_statistics : pandas.DataFrame
        Tables ``loss_models``, ``twin_summary``, ``twin_redraws``, ``twin_power``, ``twin_fits``,
        ``null_tests`` and ``null_statistics``, all datasets together.
    margin : float
        Share of a claim that must be confirmed.
    alpha : float
        Level of the tests.
    """

    models: pd.DataFrame
    summary: pd.DataFrame
    redraws: pd.DataFrame
    power: pd.DataFrame
    fits: pd.DataFrame
    null_tests: pd.DataFrame
    null_statistics: pd.DataFrame
    margin: float = 0.25
    alpha: float = 0.05

    def questions(self) -> list[tuple[str, str]]:
        """Datasets and motif pairs that were judged, in the order of the summary."""
        return list(zip(self.summary["dataset"], self.summary["motif_pair"]))

    def judged(self, dataset: str, motif_pair: str) -> pd.DataFrame:
        """Judged models of one question by architecture, L1 weight and seed."""
        models = self.models
        rows = models[(models["dataset"] == dataset) & (models["motif_pair"] == motif_pair)]
        return rows.dropna(subset=["twin_verdict"]).sort_values(["arch", "l1", "seed"], kind="stable")

    def with_design(self, table: pd.DataFrame) -> pd.DataFrame:
        """Rows of a table about models and motif pairs, with dataset, control and architecture."""
        key = ["model_id", "motif_pair"]
        return table.merge(self.models[[*key, "dataset", "control", "padding", "arch", "l1", "seed"]], on=key)


def read_twin_results(
    *, margin: float = 0.25, alpha: float = 0.05, **paths: str | Path | Sequence[str | Path]
) -> TwinResults:
    """Read the tables; those without files are empty.

    Parameters
    ----------
    margin, alpha : float
    paths
        One file or several of ``models``, ``summary``, ``redraws``, ``power``, ``fits``,
        ``null_tests`` and ``null_statistics``.
    """
    unknown = set(paths) - set(_TABLES)
    assert not unknown, f"unknown tables {unknown}"
    tables = {}
    for name, schema in _TABLES.items():
        given = paths.get(name, ())
        files = [given] if isinstance(given, str | Path) else list(given)
        tables[name] = read_tables(files, schema, optional=True)
    return TwinResults(**tables, margin=margin, alpha=alpha)


def question_words(dataset: str, motif_pair: str, all_pairs: Sequence[str]) -> str:
    """The dataset, with the motif pair where there are several."""
    return f"{dataset} · {motif_pair}" if len(set(all_pairs)) > 1 else dataset

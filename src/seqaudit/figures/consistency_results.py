"""What the figures of attribution consistency are drawn from, and the words they share."""

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from seqaudit.data.tables import read_table

SCORE_WORDS = {
    "consistency_geometry": "consistency of directions",
    "consistency_spectrum": "consistency of words",
    "consistency_geometry_raw": "directions, raw",
    "consistency_spectrum_raw": "words, raw",
    "seed_stability": "agreement between seeds",
    "heldout_mse": "held-out loss",
    "test_mse": "test loss",
}
TRUTH_LABEL = "cosine to true mutagenesis"
"""Score ``truth_cosine`` on an axis."""

_TABLES = {
    "models": "consistency_models",
    "choices": "consistency_choices",
    "answers": "consistency_answers",
    "words": "attribution_words",
    "directions": "attribution_directions",
    "loss_models": "loss_models",
}


class ConsistencyResults(NamedTuple):
    """Tables of a run.

    Attributes
    ----------
    models, choices, answers, words, directions : pandas.DataFrame
        Tables ``consistency_models``, ``consistency_choices``, ``consistency_answers``,
        ``attribution_words`` and ``attribution_directions``. The method and setting of the
        first row of ``models`` speak in figures; others are compared with them.
    loss_models : pandas.DataFrame
        Table ``loss_models``.
    criterion : str
        Score that decides between models.
    deciding_test : str
        Loss test behind the verdicts, such as ``unpaired``.
    alpha : float
        Its level.
    """

    models: pd.DataFrame
    choices: pd.DataFrame
    answers: pd.DataFrame
    words: pd.DataFrame
    directions: pd.DataFrame
    loss_models: pd.DataFrame
    criterion: str = "consistency_geometry"
    deciding_test: str = "unpaired"
    alpha: float = 0.05

    @property
    def datasets(self) -> list[str]:
        """Datasets in the order of the table."""
        return list(self.models["dataset"].unique())

    @property
    def spoken(self) -> tuple[str, str]:
        """Attribution method and setting that speak in figures."""
        return tuple(self.models.iloc[0][["method", "setting"]])

    def of_spoken(self, table: pd.DataFrame) -> pd.DataFrame:
        """Rows of that method and setting."""
        method, setting = self.spoken
        return table[(table["method"] == method) & (table["setting"] == setting)].reset_index(drop=True)

    def considered(self) -> pd.DataFrame:
        """Models that have both a loss and a score, by that method and setting."""
        shown = self.of_spoken(self.models)
        return shown[shown["status"] == "ok"].reset_index(drop=True)

    def answer(self, dataset: str, question: str, quantity: str) -> pd.Series | None:
        """One row of the answers, by that method and setting."""
        rows = self.of_spoken(self.answers)
        rows = rows[
            (rows["dataset"] == dataset) & (rows["question"] == question) & (rows["quantity"] == quantity)
        ]
        return None if rows.empty else rows.iloc[0]


def read_consistency_results(
    *,
    models: str | Path,
    choices: str | Path,
    answers: str | Path,
    words: str | Path,
    directions: str | Path,
    loss_models: str | Path,
    **settings,
) -> ConsistencyResults:
    """Read the tables; ``settings`` are criterion, deciding_test and alpha."""
    paths = {
        "models": models,
        "choices": choices,
        "answers": answers,
        "words": words,
        "directions": directions,
        "loss_models": loss_models,
    }
    tables = {name: read_table(path, _TABLES[name]) for name, path in paths.items()}
    return ConsistencyResults(**tables, **settings)

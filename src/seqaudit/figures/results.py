"""What the figures of one dataset are drawn from: its tables and a few settings."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from seqaudit.data.motif_files import read_motifs
from seqaudit.data.tables import read_metadata, read_table

PAIR_COLUMNS = [
    "model_id",
    "pair_id",
    "motif_pair",
    "pair_set",
    "split",
    "main_a",
    "main_b",
    "interaction",
    "loss_with",
    "loss_without",
]
"""Columns of the interaction_pairs table that figures need."""

_KNOCKOUT_COLUMNS = [
    "pair_id",
    "split",
    "motif_pair",
    "motif_a",
    "motif_b",
    "start_a",
    "start_b",
    "orig",
    "expected_orig",
    "expected_a_off",
    "expected_b_off",
    "expected_both_off",
]
_SEQUENCE_COLUMNS = ["split", "target", "expected_count"]


class Effect(NamedTuple):
    """Simulated effect: expected count = ``scale * occupancy ** exponent``."""

    scale: float
    exponent: float


class DatasetResults(NamedTuple):
    """Tables and settings of one dataset. Every table holds rows of this dataset only.

    Attributes
    ----------
    dataset : str
        Its id in the config.
    sequences, knockouts, pairs, history, models, verdicts : pandas.DataFrame
        Tables ``sequences``, ``knockouts`` (the real pairs), ``interaction_pairs`` (real,
        held-out pairs), ``training_history``, ``loss_models``, ``loss_verdicts``. Of the
        first three only the columns that figures use are needed.
    motifs : mapping of str to numpy.ndarray, float64, (width, 4)
        Letter probabilities A, C, G, T of every motif by name.
    alpha : float
        Level below which a p-value counts as significant.
    unit : str
        Unit of targets, predictions and interactions.
    transform : {"anscombe", "identity"}
        Space of the loss, see ``data/targets.py``.
    effect : Effect, optional
        Simulated data only.
    """

    dataset: str
    sequences: pd.DataFrame
    knockouts: pd.DataFrame
    pairs: pd.DataFrame
    history: pd.DataFrame
    models: pd.DataFrame
    verdicts: pd.DataFrame
    motifs: Mapping[str, np.ndarray]
    alpha: float = 0.05
    unit: str = "reads"
    transform: str = "anscombe"
    effect: Effect | None = None


def read_results(
    dataset: str,
    *,
    sequences: str | Path,
    knockouts: str | Path,
    pairs: Sequence[str | Path],
    history: Sequence[str | Path],
    models: str | Path,
    verdicts: str | Path,
    motif_file: str | Path,
    motif_names: Mapping[str, str],
    **settings,
) -> DatasetResults:
    """Read what the figures of ``dataset`` need from its files.

    ``pairs`` and ``history`` may be one file per model. ``models`` and ``verdicts`` may hold
    other datasets as well. ``motif_names`` are names by id in ``motif_file``. ``settings``
    are alpha, unit and transform. Memory stays small: only real, held-out pairs and only the
    columns drawn are kept.
    """
    loss_models, loss_verdicts = read_table(models, "loss_models"), read_table(verdicts, "loss_verdicts")
    return DatasetResults(
        dataset,
        sequences=read_table(sequences, "sequences", columns=_SEQUENCE_COLUMNS),
        knockouts=read_table(knockouts, "knockouts", columns=_KNOCKOUT_COLUMNS),
        pairs=pd.concat([_real_held_out(path) for path in pairs], ignore_index=True),
        history=pd.concat([read_table(path, "training_history") for path in history], ignore_index=True),
        models=loss_models[loss_models["dataset"] == dataset].reset_index(drop=True),
        verdicts=loss_verdicts[loss_verdicts["dataset"] == dataset].reset_index(drop=True),
        motifs={motif.name: motif.ppm for motif in read_motifs(motif_file, motif_names)},
        effect=_stored_effect(knockouts),
        **settings,
    )


def _stored_effect(knockouts: str | Path) -> Effect | None:
    """The simulated effect, which the rule that knows it writes beside the knock-outs."""
    metadata = read_metadata(knockouts)
    if "effect_scale" not in metadata:
        return None
    return Effect(float(metadata["effect_scale"]), float(metadata["effect_exponent"]))


def _real_held_out(path: str | Path) -> pd.DataFrame:
    pairs = read_table(path, "interaction_pairs", columns=PAIR_COLUMNS)
    return pairs[(pairs["pair_set"] == "real") & (pairs["split"] == "test")]


def motif_pairs_of(results: DatasetResults) -> list[str]:
    """Motif pairs of a dataset in the order of its verdicts."""
    return list(dict.fromkeys(results.verdicts["motif_pair"]))


def of_pair(table: pd.DataFrame, motif_pair: str) -> pd.DataFrame:
    """Rows of one motif pair."""
    return table[table["motif_pair"] == motif_pair]


def below(p_values: pd.Series, alpha: float) -> np.ndarray:
    """Which p-values are below alpha; a missing one is not."""
    return (p_values < alpha).fillna(False).to_numpy(dtype=bool)

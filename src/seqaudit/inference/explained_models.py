"""From the maps of many models to one table per dataset: scores, choice, and what the maps look like."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from seqaudit.data.map_tables import maps_from_table, masks_from_table
from seqaudit.data.schemas import SCHEMAS
from seqaudit.data.sequences import one_hot
from seqaudit.inference.attribution_maps import check_maps
from seqaudit.inference.attribution_scores import score_truth, score_truth_of_models, seed_stability
from seqaudit.inference.consistency import score_models
from seqaudit.inference.map_pictures import DIRECTION_COLUMNS, WORD_COLUMNS, picture
from seqaudit.inference.model_selection import compare_choices, select_models

TRUTH = "truth_cosine"
"""Score that says how true the maps of a chosen model are."""

ReadMaps = Callable[[str, str], np.ndarray]
"""Maps of a model by a method, shape (n, 4, L)."""


class Comparison(NamedTuple):
    """Models of one dataset.

    Attributes
    ----------
    models, choices, words, directions : pandas.DataFrame
        Tables ``consistency_models``, ``consistency_choices``, ``attribution_words`` and
        ``attribution_directions``; the last two of the first method and setting only.
    """

    models: pd.DataFrame
    choices: pd.DataFrame
    words: pd.DataFrame
    directions: pd.DataFrame


def score_explanation(
    maps: Mapping[str, np.ndarray],
    sequences: pd.DataFrame,
    *,
    model_id: str,
    settings: Mapping[str, Mapping],
    seed: int,
) -> pd.DataFrame:
    """Consistency of one model's maps by every method and setting.

    Parameters
    ----------
    maps : mapping of str to array, shape (n, 4, L)
        By method.
    sequences : pandas.DataFrame
        Rows of table ``sequences``, in the order of the maps.
    model_id : str
    settings : mapping of str to mapping
        Options of :func:`seqaudit.inference.consistency.score_consistency` by name.
    seed : int
        Of nulls and resamples.

    Returns
    -------
    pandas.DataFrame
        Table ``consistency_scores``.
    """
    letters = one_hot(sequences["sequence"])
    scores = [
        score_models([(model_id, its_maps)], letters, method=method, setting=setting, seed=seed, **options)
        for method, its_maps in maps.items()
        for setting, options in settings.items()
    ]
    return pd.concat(scores, ignore_index=True)


def score_explanation_truth(
    maps: Mapping[str, np.ndarray],
    sequences: pd.DataFrame,
    true_maps: pd.DataFrame,
    true_sites: pd.DataFrame,
    *,
    model_id: str,
) -> pd.DataFrame:
    """How true one model's maps are by every method; arguments as of :func:`score_explanation`.

    ``true_maps`` and ``true_sites`` are tables ``attribution_maps`` and ``true_sites``; without
    rows, where nobody knows the truth, the result (table ``attribution_scores``) has none either.
    """
    if true_maps.empty:
        return pd.DataFrame(columns=[column.name for column in SCHEMAS["attribution_scores"].columns])
    letters = one_hot(sequences["sequence"])
    truth = _truth(true_maps, true_sites, sequences["sequence_id"])
    scores = [
        score_truth_of_models([(model_id, its_maps)], letters, method=method, **truth)
        for method, its_maps in maps.items()
    ]
    return pd.concat(scores, ignore_index=True)


def compare_explanations(
    tables: Mapping[str, pd.DataFrame],
    read_maps: ReadMaps,
    *,
    settings: Mapping[str, Mapping],
    criterion: str = "consistency_geometry",
    margin: float = 1.0,
    min_usable: float = 0.9,
) -> Comparison:
    """Recommend one model of a dataset, beside what other rules of choice would give.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        By schema: ``sequences`` (those with maps), ``consistency_scores``, ``explanations``,
        ``evaluations`` and ``loss_models`` of all models; ``attribution_scores``,
        ``attribution_maps`` and ``true_sites`` of the truth, without rows where unknown.
    read_maps : callable
        Maps of a model by a method. Few are held at a time.
    settings : mapping of str to mapping
        Options of the scores by name, as given to :func:`score_explanation`.
    criterion, margin, min_usable
        See :func:`seqaudit.inference.model_selection.select_models`.

    Returns
    -------
    Comparison
    """
    scores, evaluations = tables["consistency_scores"], tables["evaluations"]
    models, choices = [], []
    for method in scores["method"].unique():
        described = tables["explanations"].query("method == @method").set_index("model_id")
        stability, mean_map = _agreement(evaluations, read_maps, method)
        decided = select_models(
            scores[scores["method"] == method].reset_index(drop=True),
            evaluations,
            described[["heldout_mse", "heldout_mse_se"]].reset_index(),
            loss_models=tables["loss_models"],
            truth=tables["attribution_scores"],
            stability=stability,
            off_simplex=described["off_simplex_30"],
            criterion=criterion,
            margin=margin,
            min_usable=min_usable,
        )
        models.append(decided)
        ensemble = _truth_of_mean(mean_map, tables, evaluations["dataset"].iloc[0])
        choices.append(compare_choices(decided, truth=TRUTH, criterion=criterion, ensemble=ensemble))
    words, directions = _pictures(models[0], tables, read_maps, settings, criterion)
    return Comparison(
        pd.concat(models, ignore_index=True), pd.concat(choices, ignore_index=True), words, directions
    )


def _agreement(evaluations: pd.DataFrame, read_maps: ReadMaps, method: str) -> tuple[pd.Series, np.ndarray]:
    """Agreement between seeds of a design, and the mean map of all models; one design at a time."""
    stability, total = [], 0.0
    for _, cell in evaluations.groupby(["arch", "l1", "padding"], sort=False):
        maps = {model_id: read_maps(model_id, method) for model_id in cell["model_id"]}
        stability.append(seed_stability(maps, dict.fromkeys(maps, "one design")))
        total = total + sum(check_maps(its_maps).maps for its_maps in maps.values())
    return pd.concat(stability), total / len(evaluations)


def _truth_of_mean(
    mean_map: np.ndarray, tables: Mapping[str, pd.DataFrame], dataset: str
) -> dict[str, float] | None:
    if tables["attribution_maps"].empty:
        return None
    sequences = tables["sequences"]
    truth = _truth(tables["attribution_maps"], tables["true_sites"], sequences["sequence_id"])
    score = score_truth(mean_map, one_hot(sequences["sequence"]), **truth)
    return {dataset: score._asdict()[TRUTH.removeprefix("truth_")]}


def _truth(true_maps: pd.DataFrame, true_sites: pd.DataFrame, sequence_ids: pd.Series) -> dict:
    return {
        "mutagenesis": maps_from_table(true_maps, sequence_ids, method="true_mutagenesis"),
        "log_odds": maps_from_table(true_maps, sequence_ids, method="true_log_odds"),
        **masks_from_table(true_sites, sequence_ids),
    }


def _pictures(
    decided: pd.DataFrame,
    tables: Mapping[str, pd.DataFrame],
    read_maps: ReadMaps,
    settings: Mapping[str, Mapping],
    criterion: str,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Words and directions of the truth, the selected and the least consistent model."""
    setting = next(iter(settings))
    models = decided[(decided["setting"] == setting) & (decided["status"] == "ok")]
    if models.empty:
        return pd.DataFrame(columns=WORD_COLUMNS), pd.DataFrame(columns=DIRECTION_COLUMNS)
    method, dataset = models.iloc[0][["method", "dataset"]]
    sequences, shown = tables["sequences"], {}
    if not tables["attribution_maps"].empty:
        true_maps = tables["attribution_maps"]
        shown["truth"] = (
            None,
            maps_from_table(true_maps, sequences["sequence_id"], method="true_mutagenesis"),
        )
    for role, row in (
        ("selected", models["selected"].idxmax()),
        ("least consistent", models[criterion].idxmin()),
    ):
        model_id = models.at[row, "model_id"]
        shown[role] = (model_id, read_maps(model_id, method))
    letters = one_hot(sequences["sequence"])
    words, directions = [], []
    for role, (model_id, maps) in shown.items():
        drawn = picture(maps, letters, **settings[setting])
        about = {"dataset": dataset, "method": method, "setting": setting, "role": role, "model_id": model_id}
        words.append(drawn.words.assign(**about)[WORD_COLUMNS])
        directions.append(drawn.directions.assign(**about)[DIRECTION_COLUMNS])
    return pd.concat(words, ignore_index=True), pd.concat(directions, ignore_index=True)

"""How true attribution maps are, where the truth is known, and how well models agree with each other."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from seqaudit.data.schemas import SCHEMAS
from seqaudit.errors import SeqauditError
from seqaudit.inference.attribution_maps import CheckedMaps, check_letters, check_maps

STRONGEST_BACKGROUND = 10
"""Background positions whose mean is the noise of a signal-to-noise ratio, as published."""

SNR_FLOOR = 0.01
"""Smallest signal and noise, relative to the root mean square of a map: ratios stay finite."""

_CELLS_AT_ONCE = 4_000_000
_COLUMNS = [column.name for column in SCHEMAS["attribution_scores"].columns]


class TruthScores(NamedTuple):
    """Means over sequences; NaN where no sequence could be scored.

    Attributes
    ----------
    auroc, aupr : float
        How well the value at the base that is there tells signal from background: area under
        the ROC curve, and average precision.
    log10_snr : float
        log10 of mean signal over the mean of the ten strongest background positions.
    cosine, cosine_log_odds : float
        Cosine of whole maps to true mutagenesis, and to log-odds weighted by occupancy.
    n_scored : int
        Sequences with a usable map.
    """

    auroc: float
    aupr: float
    log10_snr: float
    cosine: float
    cosine_log_odds: float
    n_scored: int


def score_truth(
    maps, one_hot, *, mutagenesis, log_odds, signal: np.ndarray, background: np.ndarray
) -> TruthScores:
    """Compare the maps of one model with the truth.

    Parameters
    ----------
    maps : array_like, shape (n, 4, L)
        Not multiplied by the sequence. All maps are centred first.
    one_hot : array_like, shape (n, 4, L)
    mutagenesis, log_odds : array_like, shape (n, 4, L)
        True maps, such as those of ``simulate.attribution_truth``.
    signal, background : numpy.ndarray, shape (n, L), bool
        Positions that should and should not matter; others are not judged.

    Returns
    -------
    TruthScores

    Raises
    ------
    SeqauditError
        Shapes that do not match.
    """
    found = check_maps(maps)
    shape = found.maps.shape
    check_letters(one_hot, shape=shape)
    _check_shape(signal, (shape[0], shape[2]), "signal")
    _check_shape(background, (shape[0], shape[2]), "background")
    at_base = (found.maps * np.asarray(one_hot)).sum(axis=1)
    judged = found.usable & signal.any(axis=1) & background.any(axis=1)
    auroc, precision = _ranking(at_base[judged], signal[judged], background[judged])
    return TruthScores(
        _mean(auroc),
        _mean(precision),
        _mean(_log10_snr(at_base[judged], signal[judged], background[judged])),
        _mean(_cosines(found, _reference(mutagenesis, shape, "mutagenesis"))),
        _mean(_cosines(found, _reference(log_odds, shape, "log_odds"))),
        int(found.usable.sum()),
    )


def score_truth_of_models(
    maps: Iterable[tuple[str, np.ndarray]], one_hot, *, method: str, **truth
) -> pd.DataFrame:
    """Compare the maps of many models with the truth.

    Parameters
    ----------
    maps : iterable of (str, array)
        Model id and its maps; read one at a time.
    one_hot : array_like, shape (n, 4, L)
    method : str
        How the maps were made; goes into the table.
    **truth
        As in :func:`score_truth`.

    Returns
    -------
    pandas.DataFrame
        Table ``attribution_scores``.
    """
    rows = [
        {
            "model_id": model_id,
            "method": method,
            "n_sequences": len(its_maps),
            **score_truth(its_maps, one_hot, **truth)._asdict(),
        }
        for model_id, its_maps in maps
    ]
    if not rows:
        raise SeqauditError("maps: no model given, expected at least one.")
    scores = {name: f"truth_{name}" for name in TruthScores._fields if name != "n_scored"}
    return pd.DataFrame(rows).rename(columns=scores)[_COLUMNS]


def seed_stability(maps: Mapping[str, np.ndarray], cells: Mapping[str, object]) -> pd.Series:
    """How well each model's maps agree with those of the same design and another seed.

    Parameters
    ----------
    maps : mapping of str to array, shape (n, 4, L)
        By model id, on the same sequences.
    cells : mapping of str to object
        Design of each model, all but its seed.

    Returns
    -------
    pandas.Series
        By model id: mean over the other models of its cell of the mean cosine of centred
        maps, over sequences usable in both. NaN for a model alone in its cell.

    Raises
    ------
    SeqauditError
        A model without a cell, or maps of different shapes.
    """
    if missing := [model_id for model_id in maps if model_id not in cells]:
        raise SeqauditError(f"cells: no design for model '{missing[0]}' ({len(missing)} such models).")
    stability = pd.Series(np.nan, index=list(maps), name="seed_stability", dtype=np.float64)
    designs = pd.Series([cells[model_id] for model_id in maps], index=list(maps))
    for _, cell in designs.groupby(designs, sort=False):
        stability[cell.index] = _mean_agreement([maps[model_id] for model_id in cell.index])
    return stability


def _mean_agreement(members: list[np.ndarray]) -> np.ndarray:
    """Mean cosine of each of several sets of maps with all others."""
    checked = [check_maps(maps) for maps in members]
    for one in checked:
        _check_shape(one.maps, checked[0].maps.shape, "maps")
    units = np.stack([_units(one.maps).reshape(-1) for one in checked])
    usable = np.stack([one.usable for one in checked]).astype(np.float64)
    with np.errstate(invalid="ignore"):
        cosines = (units @ units.T) / (usable @ usable.T)
    np.fill_diagonal(cosines, np.nan)
    known = np.isfinite(cosines)
    total = np.where(known, cosines, 0).sum(axis=1)
    return np.divide(total, known.sum(axis=1), out=np.full(len(members), np.nan), where=known.any(axis=1))


def _ranking(values: np.ndarray, signal: np.ndarray, background: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Area under the ROC curve and average precision of every row."""
    n, length = values.shape
    auroc, precision = np.empty(n), np.empty(n)
    step = max(1, _CELLS_AT_ONCE // length**2)
    for first in range(0, n, step):
        rows = slice(first, first + step)
        value, true, false = values[rows], signal[rows], background[rows]
        # for each position, how many signal and background positions reach at least its value
        reach = (value[:, None, :] >= value[:, :, None]).astype(np.float32)
        signal_reach = np.matmul(reach, true[:, :, None].astype(np.float32))[..., 0]
        background_reach = np.matmul(reach, false[:, :, None].astype(np.float32))[..., 0]
        ties = (value[:, None, :] == value[:, :, None]).astype(np.float32)
        tied = np.matmul(ties, false[:, :, None].astype(np.float32))[..., 0]
        n_true, n_false = true.sum(axis=1), false.sum(axis=1)
        beaten = n_false[:, None] - background_reach + tied / 2
        auroc[rows] = (beaten * true).sum(axis=1) / (n_true * n_false)
        reached = np.maximum(signal_reach + background_reach, 1)
        precision[rows] = (signal_reach / reached * true).sum(axis=1) / n_true
    return auroc, precision


def _log10_snr(values: np.ndarray, signal: np.ndarray, background: np.ndarray) -> np.ndarray:
    mean_signal = (values * signal).sum(axis=1) / signal.sum(axis=1)
    positive = np.where(background, np.maximum(values, 0), 0)
    # with fewer than ten positive background positions zeros fill up, where the published ratio is 0 / 0
    strongest = np.sort(positive, axis=1)[:, -STRONGEST_BACKGROUND:].mean(axis=1)
    judged = signal | background
    size = np.sqrt((np.square(values) * judged).sum(axis=1) / judged.sum(axis=1))
    floor = np.maximum(SNR_FLOOR * size, np.finfo(np.float64).tiny)
    return np.log10(np.maximum(mean_signal, floor) / np.maximum(strongest, floor))


def _cosines(found: CheckedMaps, reference: CheckedMaps) -> np.ndarray:
    both = found.usable & reference.usable
    return (_units(found.maps[both]) * _units(reference.maps[both])).sum(axis=(1, 2))


def _units(maps: np.ndarray) -> np.ndarray:
    size = np.sqrt(np.square(maps).sum(axis=(1, 2), keepdims=True))
    return np.divide(maps, size, out=np.zeros_like(maps), where=size > 0)


def _reference(maps, shape: tuple[int, ...], name: str) -> CheckedMaps:
    _check_shape(maps, shape, name)
    return check_maps(maps)


def _check_shape(values, shape: tuple[int, ...], name: str) -> None:
    if np.shape(values) != shape:
        raise SeqauditError(f"{name}: got shape {np.shape(values)}, expected {shape}, that of the maps.")


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else float("nan")

"""How consistent a model's attributions are over many sequences, in two ways, and against noise.

Both scores rise when fewer words or directions explain the important positions. Neither
knows the truth: a model that sees one motif of two, or a wrong one, scores higher. They may
rank models that predict equally well, and nothing else. Both are biased upwards by small
samples, so each comes raw and with the score of its null subtracted, which is near 0 for noise.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd

from seqaudit.data.schemas import SCHEMAS
from seqaudit.errors import SeqauditError
from seqaudit.inference.attribution_angles import windowed_points
from seqaudit.inference.attribution_maps import check_letters, check_maps
from seqaudit.inference.kmer_spectrum import important_words

_COLUMNS = [column.name for column in SCHEMAS["consistency_scores"].columns]


class ConsistencyScores(NamedTuple):
    """Both scores of one set of maps, in nats.

    Attributes
    ----------
    spectrum, spectrum_raw, spectrum_null, spectrum_se : float
        Score of words (:mod:`seqaudit.inference.kmer_spectrum`): raw minus null, raw, null, and
        standard error over resampled sequences. NaN where there is no word.
    geometry, geometry_raw, geometry_null, geometry_se : float
        The same of directions (:mod:`seqaudit.inference.attribution_angles`).
    n_sequences, n_not_finite, n_zero : int
        Maps given, and those set aside because a value is not finite or nothing is left
        after centring.
    n_words, n_windows : int
        What the scores were computed from: words, and windows retained.
    status : str
        ``"ok"``, or why a score is missing.
    """

    spectrum: float
    spectrum_raw: float
    spectrum_null: float
    spectrum_se: float
    geometry: float
    geometry_raw: float
    geometry_null: float
    geometry_se: float
    n_sequences: int
    n_not_finite: int
    n_zero: int
    n_words: int
    n_windows: int
    status: str


def score_consistency(
    maps,
    one_hot,
    *,
    k: int = 4,
    quantile: float = 0.9,
    extension: int = 2,
    window: int = 3,
    retained: float = 0.1,
    basis: str = "orthonormal",
    wrap: bool = False,
    centre: bool = True,
    crop: int = 0,
    null_draws: int = 20,
    resamples: int = 200,
    seed: int = 1,
) -> ConsistencyScores:
    """Score the attribution maps of one model.

    Compare models on the same sequences and options only: raw scores depend on the number and
    length of sequences, on ``k`` and on ``retained``.

    Parameters
    ----------
    maps : array_like, shape (n, 4, L)
        Attributions of all four channels A, C, G, T, not multiplied by the sequence; any unit
        and any positive scale per sequence. Maps that are not finite or zero are set aside and
        counted.
    one_hot : array_like, shape (n, 4, L)
        The sequences, in the same order; N is all zero.
    k, quantile, extension
        Of the words, see :func:`seqaudit.inference.kmer_spectrum.important_words`. The
        published k is 6; 4 needs a hundredth of the sequences for the same bias.
    window, retained, basis, wrap
        Of the directions, see :func:`seqaudit.inference.attribution_angles.windowed_points`.
    centre : bool
        Subtract the mean of the channels first. The directions are always of centred maps.
    crop : int
        Positions left out at either end, where padding disturbs attributions.
    null_draws : int
        Draws of each null.
    resamples : int
        Bootstrap samples of as many sequences for the standard errors; 0 for none.
    seed : int
        Of nulls and resamples. The same for all models, so that they share their noise.

    Returns
    -------
    ConsistencyScores

    Raises
    ------
    SeqauditError
        Shapes that do not match, a column that is not one-hot, or an option out of range.
    """
    for name, value, least in (("null_draws", null_draws, 1), ("resamples", resamples, 0), ("crop", crop, 0)):
        if value < least:
            raise SeqauditError(f"{name}: got {value}, expected at least {least}.")
    maps, one_hot = _cropped(maps, crop), _cropped(one_hot, crop)
    centred = check_maps(maps)
    of_words = centred.maps if centre else check_maps(maps, centre=False).maps
    codes = check_letters(one_hot, shape=maps.shape)
    rng = np.random.default_rng([seed, 0])

    words = important_words(of_words, codes, k=k, quantile=quantile, extension=extension)
    counts = _resample(rng, len(maps), resamples)
    spectrum = _scores(
        words.divergence(),
        words.null(draws=null_draws, seed=seed),
        np.array([words.divergence(times) for times in counts]),
    )
    usable = np.flatnonzero(centred.usable)
    if usable.size:
        windows = windowed_points(
            centred.maps[usable], window=window, retained=retained, basis=basis, wrap=wrap
        )
        geometry = _scores(
            windows.score(),
            windows.null(draws=null_draws, seed=seed),
            windows.resampled(_resample(rng, usable.size, resamples)),
        )
    else:
        geometry = (np.nan,) * 4
    status = "ok"
    if not usable.size:
        status = "no map to score: every one is zero or not finite"
    elif not words.codes.size:
        status = f"no block of {k} important positions in any map"
    return ConsistencyScores(
        *spectrum,
        *geometry,
        n_sequences=len(maps),
        n_not_finite=centred.n_not_finite,
        n_zero=centred.n_zero,
        n_words=words.codes.size,
        n_windows=windows.n_retained - 1 if usable.size else 0,
        status=status,
    )


def score_models(
    maps: Iterable[tuple[str, np.ndarray]], one_hot, *, method: str, setting: str = "default", **options
) -> pd.DataFrame:
    """Score many models on the same sequences.

    Parameters
    ----------
    maps : iterable of (str, array)
        Model id and its maps, shape (n, 4, L); read one at a time.
    one_hot : array_like, shape (n, 4, L)
    method : str
        How the maps were made, such as ``"saliency"``; goes into the table.
    setting : str
        Name of the options, where a table holds scores by several; goes into the table.
    **options
        As in :func:`score_consistency`, the same for all models.

    Returns
    -------
    pandas.DataFrame
        Table ``consistency_scores``, one row per model.

    Raises
    ------
    SeqauditError
        No model, a model that comes twice, or as :func:`score_consistency`, naming the model.
    """
    rows: dict[str, dict] = {}
    for model_id, its_maps in maps:
        if model_id in rows:
            raise SeqauditError(f"maps: model '{model_id}' comes twice, expected one set of maps per model.")
        try:
            scores = score_consistency(its_maps, one_hot, **options)
        except SeqauditError as error:
            raise SeqauditError(f"model '{model_id}': {error}") from error
        rows[model_id] = {"model_id": model_id, "method": method, "setting": setting, **scores._asdict()}
    if not rows:
        raise SeqauditError("maps: no model given, expected at least one.")
    return pd.DataFrame(rows.values()).rename(columns=_NAMES)[_COLUMNS]


_NAMES = {
    f"{score}{part}": f"consistency_{score}{part}"
    for score in ("spectrum", "geometry")
    for part in ("", "_raw", "_null", "_se")
}


def _cropped(values, crop: int) -> np.ndarray:
    values = np.asarray(values)
    length = values.shape[-1] if values.ndim else 0
    if 2 * crop >= max(length, 1):
        raise SeqauditError(f"crop: {crop} positions at either end leave nothing of {length}.")
    return values[..., crop : length - crop] if crop else values


def _scores(raw: float, null: float, resampled: np.ndarray) -> tuple[float, float, float, float]:
    spread = np.nanstd(resampled, ddof=1) if np.isfinite(resampled).sum() > 1 else np.nan
    return raw - null, raw, null, float(spread)


def _resample(rng: np.random.Generator, n: int, resamples: int) -> np.ndarray:
    """How often each of n sequences occurs in each sample of n; shape (resamples, n)."""
    return rng.multinomial(n, np.full(n, 1 / n), size=resamples)

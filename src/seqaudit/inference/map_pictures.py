"""What the scores of consistency see of a set of maps: its words, and the directions of its windows."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from seqaudit.data.schemas import SCHEMAS
from seqaudit.inference.attribution_angles import BOX, windowed_points
from seqaudit.inference.attribution_maps import check_letters, check_maps
from seqaudit.inference.kmer_spectrum import important_words

WORD_COLUMNS = [column.name for column in SCHEMAS["attribution_words"].columns]
DIRECTION_COLUMNS = [column.name for column in SCHEMAS["attribution_directions"].columns]


class Picture(NamedTuple):
    """Both distributions behind the scores of one set of maps.

    Attributes
    ----------
    words : pandas.DataFrame
        ``word``, ``share`` among words at important positions, ``prior``; every word that occurs.
    directions : pandas.DataFrame
        ``half_azimuth``, ``polar`` (middle of the box, rad) and ``share`` of the squared norm.
    """

    words: pd.DataFrame
    directions: pd.DataFrame


def picture(
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
    crop: int = 0,
    **_,
) -> Picture:
    """Words and directions of one set of maps.

    Parameters
    ----------
    maps, one_hot : array_like, shape (n, 4, L)
    k, quantile, extension, window, retained, basis, wrap, crop
        As given to :func:`seqaudit.inference.consistency.score_consistency`, whose options of
        nulls and resamples may be given too and are not used.

    Returns
    -------
    Picture
    """
    maps, one_hot = (np.asarray(a)[..., crop : np.shape(a)[-1] - crop] for a in (maps, one_hot))
    centred = check_maps(maps)
    codes = check_letters(one_hot, shape=maps.shape)
    words = important_words(centred.maps, codes, k=k, quantile=quantile, extension=extension)
    windows = windowed_points(
        centred.maps[centred.usable], window=window, retained=retained, basis=basis, wrap=wrap
    )
    shares = windows.shares()
    azimuth, polar = np.nonzero(shares)
    return Picture(
        pd.DataFrame(
            {"word": _letters(np.arange(4**k), k), "share": words.shares(), "prior": words.prior}
        ).query("share > 0 or prior > 0", engine="python"),
        pd.DataFrame(
            {
                "half_azimuth": (azimuth + 0.5) * BOX,
                "polar": (polar + 0.5) * BOX,
                "share": shares[azimuth, polar],
            }
        ),
    )


def _letters(codes: np.ndarray, k: int) -> list[str]:
    digits = codes[:, None] // 4 ** np.arange(k - 1, -1, -1) % 4
    return ["".join(word) for word in np.array(list("ACGT"))[digits]]

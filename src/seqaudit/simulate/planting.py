"""What simulations of planted motif sites share: drawing letters, placing sites, recording them."""

from collections.abc import Sequence

import numpy as np

from seqaudit.data.motifs import Motif


def pick_letters(uniforms: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Letter codes: the first letter whose cumulative probability reaches the uniform.

    Parameters
    ----------
    uniforms : numpy.ndarray, shape (..., length)
    probabilities : numpy.ndarray, shape (4,) or (length, 4)
        Of A, C, G, T; the last takes what is left of 1.

    Returns
    -------
    numpy.ndarray, uint8, shape of ``uniforms``
    """
    cumulative = np.cumsum(probabilities, axis=-1)
    codes = np.zeros(uniforms.shape, dtype=np.uint8)
    for letter in range(3):
        codes += uniforms > cumulative[..., letter]
    return codes


def plant_sites(codes: np.ndarray, rows: np.ndarray, starts: np.ndarray, sites: np.ndarray) -> None:
    """Write sites, shape (len(rows), width), into these rows of letter codes, in place.

    ``starts``, shape (n,), has the position for every row of ``codes``.
    """
    codes[rows[:, None], starts[rows, None] + np.arange(sites.shape[1])] = sites


def describe_embeddings(sequences: Sequence[str], motifs: Sequence[Motif], starts: np.ndarray) -> list[str]:
    """Column ``embeddings`` of sequences: ``pos-<start>_<motif>-<letters>``, by commas.

    ``starts``, shape (n, motifs), is negative where a motif is absent.
    """
    described = []
    for sequence, row in zip(sequences, starts.tolist()):
        sites = (
            f"pos-{start}_{motif.name}-{sequence[start : start + motif.width]}"
            for motif, start in zip(motifs, row)
            if start >= 0
        )
        described.append(",".join(sites))
    return described

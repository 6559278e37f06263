"""True attributions of simulated sequences, from the law that set their read counts.

Three references and one check, in the order of their worth. Mutagenesis of the law is what a
perfect network would show. Log-odds weighted by occupancy show the motifs themselves, and do
not saturate where a site is bound for sure. Masks say where sites were placed. The gradient
vanishes at strong sites, so it checks other code and is no measure of quality.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from seqaudit.data.map_tables import maps_to_table, position_rows
from seqaudit.data.motifs import Motif, find_motif, occupancy, scan
from seqaudit.data.sequences import letter_codes
from seqaudit.data.sites import listed_sites
from seqaudit.data.targets import transform_target
from seqaudit.errors import SeqauditError
from seqaudit.simulate.motif_pairs import CountLaw


class SiteMasks(NamedTuple):
    """Where true signal lies and where there is none; positions in neither are not judged.

    Attributes
    ----------
    signal, background : numpy.ndarray, shape (n, L), bool
    """

    signal: np.ndarray
    background: np.ndarray


def truth_tables(
    law: CountLaw, sequences: pd.DataFrame, motifs: Sequence[Motif], *, transform: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What the maps of a dataset's models are compared with.

    Parameters
    ----------
    law : CountLaw
    sequences : pandas.DataFrame
        Rows of table ``sequences``.
    motifs : sequence of Motif
        Every motif that was placed.
    transform : str
        Space in which models predict.

    Returns
    -------
    (pandas.DataFrame, pandas.DataFrame)
        Table ``attribution_maps`` with methods ``true_mutagenesis`` and ``true_log_odds``,
        centred, and table ``true_sites``.
    """
    letters, ids = sequences["sequence"], sequences["sequence_id"]
    truth = {
        "true_mutagenesis": true_mutagenesis(law, letters, transform=transform),
        "true_log_odds": occupancy_log_odds(law, letters),
    }
    centred = {name: maps - maps.mean(axis=1, keepdims=True) for name, maps in truth.items()}
    masks = site_masks(law, letters, sequences["embeddings"], motifs)
    sites = position_rows(ids, masks.signal.shape[1]).assign(
        signal=masks.signal.ravel(), background=masks.background.ravel()
    )
    return maps_to_table(centred, ids), sites


def true_mutagenesis(
    law: CountLaw, sequences: Sequence[str] | np.ndarray, *, transform: str = "identity"
) -> np.ndarray:
    """Change of the expected count by every single-base mutation.

    Parameters
    ----------
    law : CountLaw
    sequences : sequence of str, or letter codes of shape (n, L)
    transform : {"identity", "anscombe", "log1p"}
        Space of the expected count before the difference is taken.

    Returns
    -------
    numpy.ndarray, float64, shape (n, 4, L)
        With base A, C, G or T at a position minus as it is; exactly 0 where it is already
        there. Not centred. Reads, or the unit of the transform.
    """
    codes = letter_codes(sequences)
    total = np.zeros((len(codes), 1, 1))
    change = np.zeros((len(codes), 4, codes.shape[1]))
    for matrix in law.matrices:
        of_letter = np.vstack([matrix.T, np.zeros(len(matrix))])  # N, the last letter, scores 0
        scores = scan(codes, matrix, padding=law.padding)
        bound = occupancy(scores, mu=law.mu)
        total += bound.sum(axis=1)[:, None, None]
        for row, windows, positions in _overlaps(law, matrix, codes.shape[1]):
            here = of_letter[codes[:, positions], row]
            for base in range(4):
                # the difference of letters first: it is exactly 0 where the base is there already
                mutant = scores[:, windows] + (of_letter[base, row] - here)
                change[:, base, positions] += occupancy(mutant, mu=law.mu) - bound[:, windows]
    return transform_target(law.counts_at(total + change), transform) - transform_target(
        law.counts_at(total), transform
    )


def occupancy_log_odds(law: CountLaw, sequences: Sequence[str] | np.ndarray) -> np.ndarray:
    """Log-odds of both motifs, laid over every window and weighted by its occupancy.

    The occupancy is that of the window as it is, so the map does not saturate.

    Returns
    -------
    numpy.ndarray, float64, shape (n, 4, L)
        Natural logarithm; not centred.
    """
    return _overlaid(law, letter_codes(sequences), lambda bound: bound)


def true_gradient(law: CountLaw, sequences: Sequence[str] | np.ndarray) -> np.ndarray:
    """Gradient of the expected count with respect to the one-hot sequence.

    A window contributes ``p (1 - p)`` times its log-odds: next to nothing at sites that are
    bound for sure. Only to check other code.

    Returns
    -------
    numpy.ndarray, float64, shape (n, 4, L)
        Reads; not centred.
    """
    codes = letter_codes(sequences)
    slope = law.scale * law.exponent * law.occupancy(codes) ** (law.exponent - 1)
    return slope[:, None, None] * _overlaid(law, codes, lambda bound: bound * (1 - bound))


def site_masks(
    law: CountLaw,
    sequences: Sequence[str] | np.ndarray,
    embeddings: Sequence[str],
    motifs: Sequence[Motif],
    *,
    min_information: float = 0.1,
    max_occupancy: float | None = None,
) -> SiteMasks:
    """Positions that carry a placed site's information, and positions outside all sites.

    Parameters
    ----------
    law : CountLaw
    sequences : sequence of str, or letter codes of shape (n, L)
    embeddings : sequence of str, length n
        What the simulator placed, see :func:`seqaudit.data.sites.listed_sites`.
    motifs : sequence of Motif
        Every motif that was placed.
    min_information : float
        A motif's positions are signal above this, bits.
    max_occupancy : float, optional
        Leave background under a window that is bound with a larger chance unjudged: 14 % of
        the published signal lies in sites that arose by chance. By default all counts.

    Returns
    -------
    SiteMasks

    Raises
    ------
    SeqauditError
        As many embeddings as sequences are needed, and a motif for each of them.
    """
    codes = letter_codes(sequences)
    if len(embeddings) != len(codes):
        raise SeqauditError(
            f"embeddings: got {len(embeddings)}, expected one for each of {len(codes)} sequences."
        )
    signal = np.zeros(codes.shape, dtype=bool)
    background = np.ones(codes.shape, dtype=bool)
    sites = listed_sites(embeddings)
    for name, placed in sites.groupby("motif", sort=False):
        ppm = find_motif(motifs, name, where="embeddings").ppm
        informative = 2 + np.where(ppm > 0, ppm * np.log2(np.where(ppm > 0, ppm, 1)), 0).sum(axis=1)
        positions = placed["start"].to_numpy()[:, None] + np.arange(len(ppm))
        rows = np.broadcast_to(placed["row"].to_numpy()[:, None], positions.shape)
        background[rows, positions] = False
        signal[rows, positions] |= informative > min_information
    if max_occupancy is not None:
        background &= _largest_occupancy(law, codes) <= max_occupancy
    return SiteMasks(signal, background)


def _overlaid(law: CountLaw, codes: np.ndarray, weight) -> np.ndarray:
    laid = np.zeros((len(codes), 4, codes.shape[1]))
    for matrix in law.matrices:
        weights = weight(occupancy(scan(codes, matrix, padding=law.padding), mu=law.mu))
        for row, windows, positions in _overlaps(law, matrix, codes.shape[1]):
            laid[:, :, positions] += weights[:, None, windows] * matrix[row][:, None]
    return laid


def _largest_occupancy(law: CountLaw, codes: np.ndarray) -> np.ndarray:
    """Of the windows over each position; shape (n, L)."""
    largest = np.zeros(codes.shape)
    for matrix in law.matrices:
        bound = occupancy(scan(codes, matrix, padding=law.padding), mu=law.mu)
        for _, windows, positions in _overlaps(law, matrix, codes.shape[1]):
            largest[:, positions] = np.maximum(largest[:, positions], bound[:, windows])
    return largest


def _overlaps(law: CountLaw, matrix: np.ndarray, length: int) -> Iterator[tuple[int, slice, slice]]:
    """For each row of a matrix, the windows that lay it inside the sequence, and where they lay it."""
    width = len(matrix)
    left = (width - 1) // 2 if law.padding == "same" else 0  # as data.motifs.scan places windows
    n_windows = length if law.padding == "same" else length - width + 1
    for row in range(width):
        first, last = max(0, left - row), min(n_windows, length + left - row)
        yield row, slice(first, last), slice(first - left + row, last - left + row)

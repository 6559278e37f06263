"""Groups of motif pairs by what may matter for an interaction: copies, distance, edge, composition."""

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from seqaudit.data.motifs import Motif, log_odds, summed_occupancy
from seqaudit.data.sequences import letter_codes
from seqaudit.errors import SeqauditError

STRATA = ("copies", "spacing", "edge", "gc")
"""Columns of :func:`pair_strata`."""
_ONE_COPY = 1.5
"""Occupancy above which a sequence has more than the copy that is knocked out."""
_TERTILES = ("low", "middle", "high")
_G_OR_C = (1, 2)


def pair_strata(
    pairs: pd.DataFrame,
    motifs: Sequence[Motif],
    *,
    background: Sequence[float],
    pseudocount: float,
    padding: str,
    spacing_bins: Sequence[int],
    edge_bins: Sequence[int],
) -> pd.DataFrame:
    """Stratum of every motif pair, in words.

    Parameters
    ----------
    pairs : pandas.DataFrame
        Table ``knockouts``.
    motifs : sequence of Motif
        Named as in ``motif_a`` and ``motif_b``.
    background, pseudocount, padding
        See :mod:`seqaudit.data.motifs`.
    spacing_bins : sequence of int
        Edges of bins of the letters between both sites; an edge belongs to the upper bin.
    edge_bins : sequence of int
        Edges of bins of the letters between the outer site and the nearer end of the sequence.

    Returns
    -------
    pandas.DataFrame
        Columns ``copies`` (by occupancy: ``1+1``, ``2+1`` for a second copy of motif A, ...),
        ``spacing``, ``edge`` (both bp) and ``gc`` (tertile over the given pairs).

    Raises
    ------
    SeqauditError
        A motif of a pair that is not among ``motifs``.
    """
    by_name = {motif.name: motif for motif in motifs}
    unknown = (set(pairs["motif_a"]) | set(pairs["motif_b"])) - set(by_name)
    if unknown:
        raise SeqauditError(
            f"motifs: '{sorted(unknown)[0]}' of the pairs is not among {', '.join(by_name)}. Give the motifs "
            "that were knocked out."
        )
    letters = pairs["orig"].to_numpy()
    length = pairs["orig"].str.len().to_numpy()
    start_a, start_b = pairs["start_a"].to_numpy(), pairs["start_b"].to_numpy()
    end_a, end_b = (
        start + pairs[f"motif_{side}"].map(lambda name: by_name[name].width).to_numpy()
        for side, start in (("a", start_a), ("b", start_b))
    )
    spacing = np.maximum(start_a, start_b) - np.minimum(end_a, end_b)
    edge = np.minimum(np.minimum(start_a, start_b), length - np.maximum(end_a, end_b))
    scored = {
        name: summed_occupancy(
            letters,
            log_odds(by_name[name], pseudocount=pseudocount, background=background),
            padding=padding,
        )
        for name in set(pairs["motif_a"]) | set(pairs["motif_b"])
    }
    copies = [
        np.select(
            [pairs[f"motif_{side}"].to_numpy() == name for name in scored],
            [np.where(scored[name] > _ONE_COPY, "2", "1") for name in scored],
            default="1",
        )
        for side in "ab"
    ]
    gc = np.isin(letter_codes(letters), _G_OR_C).mean(axis=1)
    tertiles = np.searchsorted(np.quantile(gc, [1 / 3, 2 / 3]), gc, side="left")
    return pd.DataFrame(
        {
            "copies": [f"{a}+{b}" for a, b in zip(*copies)],
            "spacing": _in_words(spacing, spacing_bins),
            "edge": _in_words(edge, edge_bins),
            "gc": np.array(_TERTILES, dtype=object)[tertiles],
        },
        index=pairs.index,
    )


def _in_words(values: np.ndarray, edges: Sequence[int]) -> np.ndarray:
    edges = sorted(edges)
    words = [f"<{edges[0]}", *(f"{low}..{high - 1}" for low, high in pairwise(edges)), f">={edges[-1]}"]
    return np.array(words, dtype=object)[np.searchsorted(edges, values, side="right")]


def ordered_strata(strata: pd.DataFrame) -> pd.DataFrame:
    """Strata as ordered categories: bins by their edges, copies by number, tertiles from low to high."""
    return strata.apply(lambda words: pd.Categorical(words, sorted(set(words), key=_rank), ordered=True))


def _rank(words: str) -> tuple[int, ...]:
    if words in _TERTILES:
        return (_TERTILES.index(words),)
    if words.startswith("<"):
        return ()
    return tuple(int(digits) for digits in re.findall(r"\d+", words))


def choose_pairs(pairs: pd.DataFrame, *, max_pairs: int | None, seed: int) -> pd.DataFrame:
    """Held-out motif pairs, at most so many of each two motifs: a random choice, in their order.

    Parameters
    ----------
    pairs : pandas.DataFrame
        Table ``knockouts``.
    max_pairs : int or None
        None takes all.
    seed : int

    Raises
    ------
    SeqauditError
        No pair in a test sequence.
    """
    held_out = pairs[pairs["split"] == "test"]
    if held_out.empty:
        raise SeqauditError(f"pairs: none of {len(pairs)} is in a test sequence, expected one or more.")
    rng = np.random.default_rng(seed)
    chosen = []
    for _, mine in held_out.groupby("motif_pair", sort=False):
        rows = np.arange(len(mine))
        if max_pairs is not None and len(mine) > max_pairs:
            rows = np.sort(rng.choice(len(mine), max_pairs, replace=False))
        chosen.append(mine.iloc[rows])
    return pd.concat(chosen, ignore_index=True)

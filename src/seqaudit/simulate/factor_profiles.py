"""Where the reads of a factor lie: around the sites that it binds, on both strands."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from seqaudit.errors import SeqauditError
from seqaudit.simulate.factor_grammar import FactorGrammar
from seqaudit.simulate.occupancy import chance_of

_ROWS_PER_BLOCK = 1024


@dataclass(frozen=True)
class ReadShape:
    """Reads around a site, as 5' ends in ChIP-nexus: ``offset`` bp before its centre on the
    + strand and after it on the - strand, with standard deviation ``sd`` bp."""

    offset: float = 8.0
    sd: float = 4.0

    def __post_init__(self):
        if not (np.isfinite(self.offset) and self.sd >= 0):
            raise SeqauditError(
                f"read_shape: got offset {self.offset} and sd {self.sd}, expected a number and a number "
                "of at least 0, in bp."
            )


def place_reads(
    grammar: FactorGrammar,
    codes: np.ndarray,
    counts: np.ndarray,
    *,
    sequence_ids: pd.Series,
    shape: ReadShape | None,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Draw a position and a strand for every read.

    A read of a factor comes from background (anywhere, share ``base`` of the expectation), from
    one of its own windows (in proportion to their occupancy), or from a window of a factor
    that recruited it. Positions that fall outside the sequence are moved to its edge, so no
    read is lost.

    Parameters
    ----------
    grammar : FactorGrammar
    codes : numpy.ndarray, uint8, shape (n, length)
    counts : numpy.ndarray, int64, shape (n, factors)
        Reads of every factor.
    sequence_ids : pandas.Series of str, length n
    shape : ReadShape or None
        None gives an empty table.
    rng : numpy.random.Generator

    Returns
    -------
    pandas.DataFrame
        Table ``causal_profiles``.
    """
    n, length = codes.shape
    n_factors = len(grammar.factors)
    keys, reads = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for first in range(0, n if shape else 0, _ROWS_PER_BLOCK):
        rows = slice(first, first + _ROWS_PER_BLOCK)
        unbound = grammar.log_unbound(codes[rows])
        occupancy, closeness = grammar.binding_at(unbound)
        for factor in range(n_factors):
            row = np.repeat(np.arange(len(occupancy)), counts[rows, factor])
            source = _draw_sources(grammar, occupancy, closeness, factor, row, rng)
            position = rng.integers(0, length, row.size)
            backward = rng.random(row.size) < 0.5
            for g in range(n_factors):
                drawn = np.flatnonzero(source == g)
                centre = _draw_windows(chance_of(unbound[g]), row[drawn], rng)
                centre = centre + (len(grammar.matrices[g]) - 1) / 2
                shift = np.where(backward[drawn], shape.offset, -shape.offset)
                jitter = rng.normal(0, shape.sd, drawn.size)
                position[drawn] = np.clip(np.rint(centre + shift + jitter), 0, length - 1)
            key = (((first + row) * n_factors + factor) * 2 + backward) * length + position
            distinct, times = np.unique(key, return_counts=True)
            keys.append(distinct)
            reads.append(times)
    key, reads = np.concatenate(keys), np.concatenate(reads)
    order = np.argsort(key)
    key, reads = key[order], reads[order]
    rest, position = np.divmod(key, length)
    rest, backward = np.divmod(rest, 2)
    row, factor = np.divmod(rest, n_factors)
    return pd.DataFrame(
        {
            "sequence_id": pd.Series(sequence_ids, dtype="str").take(row).to_numpy(),
            "output": pd.Series(grammar.factors, dtype="str").take(factor).to_numpy(),
            "strand": pd.Series(["+", "-"], dtype="str").take(backward).to_numpy(),
            "position": position,
            "reads": reads,
        }
    )


def _draw_sources(grammar, occupancy, closeness, factor, row, rng) -> np.ndarray:
    """Factor whose window each read comes from; the number of factors stands for background."""
    n_factors = len(grammar.factors)
    weights = grammar.gain[factor] * occupancy * grammar.recruitment[:, factor]
    helped = (occupancy * grammar.help[:, factor] * closeness[:, :, factor]).sum(axis=1)
    weights[:, factor] = grammar.gain[factor] * occupancy[:, factor] * (1 + helped)
    # a factor that hinders takes reads away from the others, it is no source of its own
    weights = np.concatenate([np.maximum(weights, 0), np.full((len(weights), 1), grammar.base[factor])], 1)
    cumulative = np.cumsum(weights / weights.sum(axis=1, keepdims=True), axis=1)[row, :n_factors]
    return (rng.random(row.size)[:, None] >= cumulative).sum(axis=1)


def _draw_windows(bound: np.ndarray, row: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """For each read, a window of its row in proportion to the chance that it is bound."""
    cumulative = np.cumsum(bound, axis=1)
    uniform = rng.random(row.size) * cumulative[row, -1]
    # rows are laid end to end, so that one sorted array serves all reads
    step = cumulative[:, -1].max(initial=0) + 1
    laid_out = (cumulative + step * np.arange(len(bound))[:, None]).ravel()
    found = np.searchsorted(laid_out, uniform + step * row, side="right") - row * bound.shape[1]
    return np.minimum(found, bound.shape[1] - 1)

"""True effects in a world of factors: of every mutation, and of one factor on another."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from seqaudit.data.sequences import ALPHABET, UNKNOWN, letter_codes
from seqaudit.simulate.factor_grammar import Binding, FactorGrammar, closeness_ratio
from seqaudit.simulate.occupancy import chance_of, mutant_log_unbound_changes
from seqaudit.simulate.poisson import poisson_mean_of, poisson_slope_of

_LOCI_PER_BLOCK = 8


def true_effects(grammar: FactorGrammar, loci: pd.DataFrame, *, transform: str = "log1p") -> pd.DataFrame:
    """What every single-base mutation of loci does to the expected training target of every output.

    Parameters
    ----------
    grammar : FactorGrammar
    loci : pandas.DataFrame
        Rows of table ``causal_sequences``. 200 loci of 500 bp with four factors make 1.2 million
        rows, about 0.2 GB; pass fewer at a time where that is too much.
    transform : {"log1p", "anscombe", "identity"}
        Space in which networks are trained.

    Returns
    -------
    pandas.DataFrame
        Table ``true_effects``: ``E[t(N)]`` of the mutant minus that of the locus, N Poisson. It is
        exactly 0 where the mutation moves no site that matters to the output. N is not mutated.
    """
    effects = np.concatenate([_effects(mutants, transform) for _, mutants in _blocks(grammar, loci)])
    codes = letter_codes(loci["sequence"])
    n, n_factors, length = len(codes), len(grammar.factors), codes.shape[1]
    mutated = (codes[:, None, :, None] != np.arange(UNKNOWN)) & (codes != UNKNOWN)[:, None, :, None]
    mutated = np.broadcast_to(mutated, (n, n_factors, length, UNKNOWN))
    locus, output, position, alt = np.nonzero(mutated)
    bases = pd.Series(list(ALPHABET), dtype="str")
    return pd.DataFrame(
        {
            "locus_id": pd.Series(loci["sequence_id"], dtype="str").take(locus).to_numpy(),
            "output": pd.Series(grammar.factors, dtype="str").take(output).to_numpy(),
            "position": position,
            "ref": bases.take(codes[locus, position]).to_numpy(),
            "alt": bases.take(alt).to_numpy(),
            "effect": effects.transpose(0, 3, 2, 1)[mutated],
        }
    )


def direct_effects(grammar: FactorGrammar, loci: pd.DataFrame, *, transform: str = "log1p") -> pd.DataFrame:
    """True causal effect of every factor on every other at loci: what happens if only it is moved.

    The occupancy of the exposure is set by hand, all other occupancies stay as they are. The
    effect is the change of the outcome's expected training target per change of the exposure's
    own. It depends on how far the exposure is moved, so there are three: for a little, for
    everything, and for what single-base mutations do to it. They are exactly 0 where the
    grammar holds no effect.

    Parameters
    ----------
    grammar : FactorGrammar
    loci : pandas.DataFrame
        Rows of table ``causal_sequences``.
    transform : {"log1p", "anscombe", "identity"}
        Space in which networks are trained.

    Returns
    -------
    pandas.DataFrame
        Table ``direct_effects``, one row per locus and ordered pair. ``small_change``: the
        limit of ever smaller changes. ``knockout``: the exposure is removed. ``through_exposure``:
        slope through the origin over all single-base mutations, of which only the change of
        the exposure's occupancy is let through. ``over_mutations``: the same over the mutations as
        they are, weighted alike, which is what the best instruments see; it differs from
        ``through_exposure`` where these mutations move other factors too (pleiotropy:
        overlapping and composite sites, sites that a mutation creates). ``exposure_change``: what
        the knock-out does to the exposure. Where the exposure is not bound, ``status`` says so
        and these are null.
    """
    parts = []
    for rows, mutants in _blocks(grammar, loci):
        reference = mutants.reference
        counts = grammar.counts_at(*reference)
        level, steepness = poisson_mean_of(counts, transform), poisson_slope_of(counts, transform)
        all_moved = _effects(mutants, transform)
        for x, exposure in enumerate(grammar.factors):
            bound = reference.occupancy[:, x] > 0
            removed = reference.occupancy.copy()
            removed[:, x] = 0
            lost = level - poisson_mean_of(grammar.counts_at(removed, reference.closeness), transform)
            gradient = steepness * _count_gradient(grammar, reference, x)
            moved = _effects(mutants, transform, only=x)
            for y in np.delete(np.arange(len(grammar.factors)), x):
                parts.append(
                    pd.DataFrame(
                        {
                            "locus_id": loci["sequence_id"].iloc[rows].to_numpy(),
                            "exposure": exposure,
                            "outcome": grammar.factors[y],
                            "small_change": _ratio(gradient[:, y], gradient[:, x], bound),
                            "knockout": _ratio(lost[:, y], lost[:, x], bound),
                            "through_exposure": _slope(moved[..., x], moved, x, y),
                            "over_mutations": _slope(moved[..., x], all_moved, x, y),
                            "exposure_change": np.where(bound, -lost[:, x], np.nan),
                            "exposure_occupancy": reference.occupancy[:, x],
                            "outcome_occupancy": reference.occupancy[:, y],
                            "status": np.where(bound, "ok", "exposure not bound"),
                        }
                    )
                )
    return pd.concat(parts, ignore_index=True)


class Mutants:
    """All single-base mutants of a few sequences; only windows that hold a mutation are scored again.

    Parameters
    ----------
    grammar : FactorGrammar
    codes : numpy.ndarray, uint8, shape (n, length)

    Attributes
    ----------
    reference : Binding
        Of the sequences.
    """

    def __init__(self, grammar: FactorGrammar, codes: np.ndarray):
        self.grammar = grammar
        self.length = codes.shape[1]
        self._unbound = grammar.log_unbound(codes)
        self._changes = [
            mutant_log_unbound_changes(codes, matrix, **grammar.scan_options(f))
            for f, matrix in enumerate(grammar.matrices)
        ]
        self.reference = grammar.binding_at(self._unbound)

    def binding(self, *, only: int | None = None) -> Binding:
        """Binding of the mutants, or what it would be if they moved one factor only.

        Returns
        -------
        Binding
            With two more axes, (n, 4, length, ...): base A, C, G or T at each position. What a
            mutation does not move is that of the sequence to the last bit.
        """
        n_factors = len(self._unbound)
        moved = range(n_factors) if only is None else (only,)
        shape = (len(self._unbound[0]), 4, self.length, n_factors)
        occupancy = np.broadcast_to(self.reference.occupancy[:, None, None], shape).copy()
        for f in moved:
            total, change = self._unbound[f].sum(axis=1)[:, None, None], self._changes[f].sum(axis=3)
            occupancy[..., f] = np.where(change == 0, occupancy[..., f], chance_of(total + change))
        closeness = self.reference.closeness[:, None, None]
        if self.grammar.decay_length is not None:
            closeness = np.broadcast_to(closeness, (*shape, n_factors)).copy()
            for g in range(n_factors):
                for f in range(n_factors):
                    if g != f and (g in moved or f in moved):
                        closeness[..., g, f] = self._closeness(g, f, g in moved, f in moved)
        return Binding(occupancy, closeness)

    def _closeness(self, g: int, f: int, g_moves: bool, f_moves: bool) -> np.ndarray:
        """Closeness of two factors in all mutants, (n, 4, length)."""
        bound_g, bound_f = chance_of(self._unbound[g]), chance_of(self._unbound[f])
        matrix = self.grammar.closeness_matrix(g, f, self.length)
        from_g, from_f = bound_g @ matrix, bound_f @ matrix.T
        near = np.einsum("nj,nj->n", from_g, bound_f)[:, None, None]
        gain_g, near_g = self._gain(g, from_f) if g_moves else (0.0, 0.0)
        gain_f, near_f = self._gain(f, from_g) if f_moves else (0.0, 0.0)
        # windows of both factors that hold the mutation overlap
        near = near + near_g + near_f + gain_g * gain_f * self.grammar.closeness_at(0)
        sum_g, sum_f = bound_g.sum(axis=1)[:, None, None], bound_f.sum(axis=1)[:, None, None]
        untouched = np.equal(gain_g, 0) & np.equal(gain_f, 0)
        kept = self.reference.closeness[:, g, f, None, None]
        return np.where(untouched, kept, closeness_ratio(near, sum_g + gain_g, sum_f + gain_f))

    def _gain(self, factor: int, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What mutations add to the summed occupancy of windows, plain and weighted by window."""
        unbound, change = self._unbound[factor], self._changes[factor]
        width = change.shape[3]
        starts = np.clip(np.arange(self.length)[:, None] - np.arange(width), 0, self.length - width)
        gain = -np.exp(unbound)[:, None, starts] * np.expm1(change)  # 0 for windows that do not exist
        return gain.sum(axis=3), (gain * weight[:, None, starts]).sum(axis=3)


def _blocks(grammar: FactorGrammar, loci: pd.DataFrame) -> Iterator[tuple[slice, Mutants]]:
    """A few loci at a time, which bounds the memory."""
    codes = letter_codes(loci["sequence"])
    for first in range(0, len(codes), _LOCI_PER_BLOCK):
        rows = slice(first, first + _LOCI_PER_BLOCK)
        yield rows, Mutants(grammar, codes[rows])


def _effects(mutants: Mutants, transform: str, *, only: int | None = None) -> np.ndarray:
    """Change of the expected target of mutants, (n, 4, length, factors)."""
    counts_at = mutants.grammar.counts_at
    level = poisson_mean_of(counts_at(*mutants.reference), transform)
    return poisson_mean_of(counts_at(*mutants.binding(only=only)), transform) - level[:, None, None]


def _count_gradient(grammar: FactorGrammar, binding: Binding, x: int) -> np.ndarray:
    """Change of the expected reads of every factor per occupancy of factor x, (n, factors)."""
    occupancy, closeness = binding
    gradient = grammar.gain * (occupancy * grammar.help[x] * closeness[:, x] + grammar.recruitment[x])
    helped = (occupancy * grammar.help[:, x] * closeness[:, :, x]).sum(axis=1)
    gradient[:, x] = grammar.gain[x] * (1 + helped)
    return gradient


def _slope(instrument: np.ndarray, effects: np.ndarray, x: int, y: int) -> np.ndarray:
    """Slope of the effects on y on those on x at each locus, with an instrument for the latter."""
    top, bottom = ((instrument * effects[..., output]).sum(axis=(1, 2)) for output in (y, x))
    return _ratio(top, bottom, bottom != 0)


def _ratio(top: np.ndarray, bottom: np.ndarray, defined: np.ndarray) -> np.ndarray:
    return np.divide(top, bottom, out=np.full(top.shape, np.nan), where=defined)

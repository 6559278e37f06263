"""A world of several factors that help each other to bind DNA, with known causal effects.

Every factor binds its own motif. A factor that is bound may help others: it multiplies their
binding at sites in reach, or recruits them where they have no site. Which factor acts on
which, and how strongly, is chosen; so for every ordered pair the true causal effect is known,
exactly zero included. The simulated counterpart of the four reprogramming factors of Malina et
al. (2022), where no truth is known. ``docs/methods/reprogramming.md`` describes it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from seqaudit.data.motifs import STRANDS, Motif, check_background, log_odds, smooth
from seqaudit.errors import SeqauditError
from seqaudit.simulate.motif_pairs import BACKGROUND
from seqaudit.simulate.occupancy import chance_of, log_unbound

REPROGRAMMING_HELP = {
    "Sox2": {"Oct4": 1.5, "Nanog": 1.0, "Klf4": 0.5},
    "Oct4": {"Nanog": 0.8, "Sox2": 0.6},
    "Klf4": {"Nanog": 0.4},
    "Nanog": {"Sox2": 0.3},
}
"""Default help between Oct4, Sox2, Nanog and Klf4: seven effects of different size, five of zero."""


class Binding(NamedTuple):
    """What sequences offer to every factor.

    ``occupancy``: float64, (n, factors), chance that the factor is bound. ``closeness``:
    float64, (n, factors, factors), ``[:, g, f]`` is the share of its help that g can give to f,
    0 to 1; all 1 where distance does not matter.
    """

    occupancy: np.ndarray
    closeness: np.ndarray


@dataclass(frozen=True, eq=False)
class FactorGrammar:
    """How the motifs of a sequence set the expected reads of every factor.

    Reads of factor f: ``base + gain * (q_f * (1 + sum_g help[g, f] * q_g * d_gf)
    + sum_g recruitment[g, f] * q_g)`` with occupancies q and closeness d. Build it with
    :func:`factor_grammar`.
    """

    motifs: Mapping[str, Motif]
    probabilities: tuple[np.ndarray, ...]
    matrices: tuple[np.ndarray, ...]
    base: np.ndarray
    gain: np.ndarray
    help: np.ndarray
    recruitment: np.ndarray
    mu: np.ndarray
    strand: str
    min_occupancy: float
    background: np.ndarray
    decay_length: float | None
    decay_floor: float

    @property
    def factors(self) -> tuple[str, ...]:
        """Names of the factors, in the order of all arrays."""
        return tuple(self.motifs)

    def scan_options(self, factor: int) -> dict:
        """Options of :mod:`seqaudit.simulate.occupancy` for a factor."""
        return {"strand": self.strand, "mu": self.mu[factor], "min_occupancy": self.min_occupancy}

    def log_unbound(self, sequences: Sequence[str] | np.ndarray) -> list[np.ndarray]:
        """For each factor, log of the chance that a window is not bound, (n, windows)."""
        return [log_unbound(sequences, m, **self.scan_options(f)) for f, m in enumerate(self.matrices)]

    def closeness_at(self, gap: np.ndarray) -> np.ndarray:
        """Share of help that remains at a distance, in bp between the nearest edges of two sites."""
        if self.decay_length is None:
            return np.ones(np.shape(gap))
        return self.decay_floor + (1 - self.decay_floor) * np.exp(-np.asarray(gap) / self.decay_length)

    def closeness_matrix(self, giver: int, taker: int, length: int) -> np.ndarray:
        """Closeness of every window of one factor to every window of another, (windows, windows)."""
        width_g, width_t = len(self.matrices[giver]), len(self.matrices[taker])
        start_g, start_t = np.arange(length - width_g + 1)[:, None], np.arange(length - width_t + 1)
        gap = np.maximum(start_t - start_g - width_g, start_g - start_t - width_t)
        return self.closeness_at(np.maximum(gap, 0))

    def binding_at(self, unbound: Sequence[np.ndarray]) -> Binding:
        """Occupancy and closeness from the output of :meth:`log_unbound`.

        A factor is thought of as one molecule, which sits in a window with probability
        proportional to its chance there; closeness is expected over both molecules.
        """
        n, n_factors = len(unbound[0]), len(unbound)
        occupancy = np.stack([chance_of(u.sum(axis=1)) for u in unbound], axis=1)
        closeness = np.ones((n, n_factors, n_factors))
        if self.decay_length is not None:
            bound = [chance_of(u) for u in unbound]
            length = bound[0].shape[1] + len(self.matrices[0]) - 1
            for g in range(n_factors):
                for f in np.delete(np.arange(n_factors), g):
                    near = np.einsum("nj,nj->n", bound[g] @ self.closeness_matrix(g, f, length), bound[f])
                    closeness[:, g, f] = closeness_ratio(near, bound[g].sum(axis=1), bound[f].sum(axis=1))
        return Binding(occupancy, closeness)

    def binding(self, sequences: Sequence[str] | np.ndarray) -> Binding:
        """Occupancy and closeness of sequences."""
        return self.binding_at(self.log_unbound(sequences))

    def counts_at(self, occupancy: np.ndarray, closeness: np.ndarray) -> np.ndarray:
        """Expected reads at given occupancies (..., factors) and closeness (..., factors, factors).

        Sums run over factors in a fixed order, so that a factor without effect changes no bit.
        """
        helped = np.zeros(occupancy.shape)
        recruited = np.zeros(occupancy.shape)
        for g in range(len(self.motifs)):
            helped += occupancy[..., g, None] * self.help[g] * closeness[..., g, :]
            recruited += occupancy[..., g, None] * self.recruitment[g]
        return self.base + self.gain * (occupancy * (1 + helped) + recruited)

    def expected_counts(self, sequences: Sequence[str] | np.ndarray) -> np.ndarray:
        """Noise-free expectation of the reads of every factor; float64, shape (n, factors)."""
        return self.counts_at(*self.binding(sequences))


def closeness_ratio(near: np.ndarray, total_g: np.ndarray, total_f: np.ndarray) -> np.ndarray:
    """Mean closeness over pairs of windows; 1 where a factor has no window, as it cannot matter."""
    total = np.asarray(total_g * total_f)
    ratio = np.divide(near, total, out=np.ones(total.shape), where=total > 0)
    return np.clip(ratio, 0, 1)  # sums of next to nothing may round to anything


def factor_grammar(
    motifs: Mapping[str, Motif],
    *,
    help: Mapping[str, Mapping[str, float]],
    recruitment: Mapping[str, Mapping[str, float]] | None = None,
    base: float | Mapping[str, float] = 30.0,
    gain: float | Mapping[str, float] = 100.0,
    mu: float | Mapping[str, float] = -6.0,
    sharpness: float = 3.0,
    pseudocount: float = 0.001,
    background: Sequence[float] = BACKGROUND,
    strand: str = "+-",
    min_occupancy: float = 0.02,
    decay_length: float | None = None,
    decay_floor: float = 0.0,
) -> FactorGrammar:
    """Describe which factors there are and how they act on each other.

    Parameters
    ----------
    motifs : mapping of str to Motif
        One motif per factor, by the name that its output has in tables.
    help : mapping of str to mapping of str to float
        ``{"Sox2": {"Oct4": 1.5}}``: bound Sox2 raises the reads of Oct4 at its own sites to
        2.5-fold. Pairs that are not listed have no effect; negative values hinder.
    recruitment : mapping of str to mapping of str to float, optional
        ``{"Sox2": {"Oct4": 0.2}}``: bound Sox2 brings 0.2 times ``gain`` reads of Oct4, whether
        or not Oct4 has a site.
    base, gain : float, or mapping of str to float
        Reads of a factor without any site, and of a fully bound site that nobody helps.
    mu : float, or mapping of str to float
        Chemical potential: windows with log-odds of ``-mu`` are bound half of the time.
    sharpness : float
        Probabilities of the motifs are raised to this power and rescaled. 1 keeps them as they
        are; above, the same consensus gets more information, so that chance sites are rare.
    pseudocount, background
        Of the log-odds, see :mod:`seqaudit.data.motifs`.
    strand : {"+-", "+", "-"}
        Strand that factors read; both is what they do in cells.
    min_occupancy : float
        See :func:`seqaudit.simulate.occupancy.log_unbound`. Above 0, mutations that touch no
        site of a factor leave it exactly as it was.
    decay_length : float, optional
        Help falls with the distance between sites as ``exp(-gap / decay_length)``, bp between
        their nearest edges; by default distance does not matter.
    decay_floor : float, 0 to 1
        Share of help that remains at any distance.

    Returns
    -------
    FactorGrammar

    Raises
    ------
    SeqauditError
        Fewer than two factors, an unknown one, an effect of a factor on itself, hindrance that
        makes expected reads negative, or an option out of range.
    """
    factors = list(motifs)
    if len(factors) < 2:
        raise SeqauditError(f"motifs: got {len(factors)} factor, expected at least two that can interact.")
    if strand not in STRANDS:
        raise SeqauditError(f"strand: got {strand!r}, expected one of {', '.join(STRANDS)}.")
    _check_number("sharpness", sharpness, sharpness > 0, "a positive number")
    _check_number("decay_floor", decay_floor, 0 <= decay_floor <= 1, "a number from 0 to 1")
    if decay_length is not None:
        _check_number("decay_length", decay_length, decay_length > 0, "a positive number of bp, or none")
    _check_number("min_occupancy", min_occupancy, 0 <= min_occupancy < 1, "a number from 0 to below 1")
    background = check_background(background)
    sharp = [
        Motif(motif.name, _sharpen(motif.ppm, sharpness), motif.alternative_name) for motif in motifs.values()
    ]
    grammar = FactorGrammar(
        motifs=dict(motifs),
        probabilities=tuple(smooth(motif.ppm, pseudocount=pseudocount) for motif in sharp),
        matrices=tuple(log_odds(motif, pseudocount=pseudocount, background=background) for motif in sharp),
        base=_per_factor("base", base, factors),
        gain=_per_factor("gain", gain, factors),
        help=_effect_matrix("help", help, factors),
        recruitment=_effect_matrix("recruitment", recruitment or {}, factors),
        mu=_per_factor("mu", mu, factors),
        strand=strand,
        min_occupancy=min_occupancy,
        background=background,
        decay_length=decay_length,
        decay_floor=decay_floor,
    )
    _check_reads(grammar)
    return grammar


def _sharpen(ppm: np.ndarray, sharpness: float) -> np.ndarray:
    powered = ppm**sharpness
    return powered / powered.sum(axis=1, keepdims=True)


def _per_factor(name: str, value, factors: list[str]) -> np.ndarray:
    values = value if isinstance(value, Mapping) else dict.fromkeys(factors, value)
    if set(values) != set(factors):
        raise SeqauditError(
            f"{name}: got values of {', '.join(values)}; expected one number, or one for each of "
            f"{', '.join(factors)}."
        )
    array = np.array([values[factor] for factor in factors], dtype=np.float64)
    _check_number(name, array.tolist(), np.isfinite(array).all(), "finite numbers")
    return array


def _effect_matrix(name: str, effects: Mapping, factors: list[str]) -> np.ndarray:
    """``[giver, taker]``; 0 where no effect is listed."""
    matrix = np.zeros((len(factors), len(factors)))
    for giver, of_giver in effects.items():
        for taker, value in of_giver.items():
            for factor in (giver, taker):
                if factor not in factors:
                    raise SeqauditError(
                        f"{name}: '{factor}' (in {giver}: {taker}) is no factor, expected one of "
                        f"{', '.join(factors)}."
                    )
            if giver == taker:
                raise SeqauditError(f"{name}: {giver} acts on itself; remove {giver}: {taker}.")
            _check_number(f"{name}: {giver}: {taker}", value, np.isfinite(value), "a finite number")
            matrix[factors.index(giver), factors.index(taker)] = value
    return matrix


def _check_reads(grammar: FactorGrammar) -> None:
    """Reads are lowest where all that hinder are bound, and nobody else."""
    hindered = 1 + np.minimum(grammar.help, 0).sum(axis=0)
    lowest = grammar.base + grammar.gain * (
        np.minimum(hindered, 0) + np.minimum(grammar.recruitment, 0).sum(axis=0)
    )
    for factor, base, gain, low in zip(grammar.factors, grammar.base, grammar.gain, lowest):
        if base < 0 or gain <= 0 or low < 0:
            raise SeqauditError(
                f"{factor}: expected reads could become {min(low, base):g} with base {base:g} and gain "
                f"{gain:g}, expected at least 0 and a positive gain. Weaken what hinders {factor} or raise "
                "its base."
            )


def _check_number(name: str, value, fine: bool, expected: str) -> None:
    if not fine:
        raise SeqauditError(f"{name}: got {value}, expected {expected}.")

"""Sequences with sites of several factors, their reads, and where the reads lie."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from seqaudit.data.sequences import decode_letters
from seqaudit.errors import SeqauditError
from seqaudit.simulate.factor_grammar import FactorGrammar
from seqaudit.simulate.factor_profiles import ReadShape, place_reads

SITE_NUMBERS = (0.45, 0.45, 0.1)
"""Default chances that a sequence has 0, 1 or 2 planted sites of a factor."""


@dataclass(frozen=True)
class Composite:
    """Two sites that are always planted together.

    ``second`` follows ``first`` after ``gap`` bp; a negative gap lets the sites share bases, as in
    the composite site of Oct4 and Sox2, where a mutation moves both. ``probability``: that a
    sequence has one, besides the single sites.
    """

    first: str
    second: str
    gap: int
    probability: float


class FactorTables(NamedTuple):
    """Tables ``causal_sequences``, ``causal_targets`` and ``causal_profiles``."""

    sequences: pd.DataFrame
    targets: pd.DataFrame
    profiles: pd.DataFrame


class _Sites(NamedTuple):
    """Planted sites: row of the sequence, factor, start, whether on the reverse strand."""

    row: np.ndarray
    factor: np.ndarray
    start: np.ndarray
    reverse: np.ndarray


class _Block(NamedTuple):
    """What is planted as a whole: letter probabilities, and the sites in it (factor, offset)."""

    ppm: np.ndarray
    sites: tuple[tuple[int, int], ...]


def simulate_factors(
    grammar: FactorGrammar,
    *,
    length: int = 500,
    n_train: int = 3500,
    n_calibration: int = 500,
    n_test: int = 500,
    n_mutants: int = 0,
    n_calibration_mutants: int = 0,
    site_numbers: Sequence[float] | Mapping[str, Sequence[float]] = SITE_NUMBERS,
    composites: Sequence[Composite] = (),
    planted_within: int | None = None,
    read_shape: ReadShape | None = None,
    seed: int = 1,
) -> FactorTables:
    """Simulate sequences of a world of factors, and the reads of each factor.

    Background letters are independent. The number of sites of every factor is drawn on its own;
    sites and composites are planted in random order at uniform positions without overlap and, if
    the grammar reads both strands, in either orientation.

    Parameters
    ----------
    grammar : FactorGrammar
    length : int
        Of every sequence, in bp.
    n_train, n_calibration, n_test : int
        Sequences of each split.
    n_mutants, n_calibration_mutants : int
        Labelled copies of training and of calibration sequences with one base changed: inside a
        planted site, or anywhere where there is none. Parents are taken in turn, so they differ
        until there are more mutants than parents.
    site_numbers : sequence of float, or mapping of factor to one
        Chances of 0, 1, 2, ... planted sites of a factor.
    composites : sequence of Composite
    planted_within : int, optional
        Sites are planted in so many bp in the middle, as in windows around a peak; by default
        anywhere.
    read_shape : ReadShape, optional
        How reads lie around a site; None for no profiles, which leaves that table empty.
    seed : int
        Sequences, mutants, counts and positions of reads have streams of their own: asking for
        mutants or profiles changes nothing else.

    Returns
    -------
    FactorTables
        Targets are Poisson counts, ``occupancy`` is that of the factor's own motif. Reads of a
        profile add up to the target.

    Raises
    ------
    SeqauditError
        An option out of range, or sequences too short for the sites they may get.
    """
    for name, size, least in (
        ("n_train", n_train, 1),
        ("n_calibration", n_calibration, 0),
        ("n_test", n_test, 0),
        ("n_mutants", n_mutants, 0),
        ("n_calibration_mutants", n_calibration_mutants, 0),
    ):
        if size < least:
            raise SeqauditError(f"{name}: got {size}, expected at least {least}.")
    if n_calibration_mutants and not n_calibration:
        raise SeqauditError(
            f"n_calibration_mutants: got {n_calibration_mutants} with n_calibration 0; mutants need parents."
        )
    chances = _site_chances(site_numbers, grammar.factors)
    blocks = _blocks(grammar, composites)
    if planted_within is None:
        planted_within = length
    _check_room(blocks, chances, composites, length, planted_within)
    planting, mutating, counting, reading, calibrating, reading_calibration = (
        np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(6)
    )

    n = n_train + n_calibration + n_test
    codes, sites = _plant(grammar, blocks, chances, composites, n, length, planted_within, planting)
    split = np.repeat(["train", "calibration", "test"], [n_train, n_calibration, n_test])
    ids = [f"{name}-{row}" for name, row in zip(split, _count_within(split))]
    parent = np.arange(n)
    for name, n_of_split, rng in (
        ("train", n_mutants, mutating),
        ("calibration", n_calibration_mutants, calibrating),
    ):
        if n_of_split:
            originals = np.flatnonzero(split[:n] == name)
            mutants, parents, copied = _mutate(codes, sites, originals, n_of_split, rng, grammar)
            ids += [f"{ids[row]}-mutant-{index}" for index, row in enumerate(parents)]
            copied = copied._replace(row=copied.row + len(codes))
            sites = _Sites(*map(np.concatenate, zip(sites, copied)))
            codes, parent = np.concatenate([codes, mutants]), np.concatenate([parent, parents])
            split = np.concatenate([split, np.full(n_of_split, name)])

    sequences = pd.DataFrame(
        {
            "sequence_id": pd.Series(ids, dtype="str"),
            "split": split,
            "sequence": decode_letters(codes),
            "parent": pd.Series(ids, dtype="str").take(parent).to_numpy(),
            "mutated": np.arange(len(ids)) >= n,
            "embeddings": _describe(codes, sites, grammar),
        }
    )
    binding = grammar.binding(codes)
    expected = grammar.counts_at(*binding)
    # a stream per part, so that nothing depends on the number of mutants of any kind
    last = n + n_mutants
    parts = zip((counting, mutating, calibrating), np.split(expected, [n, last]))
    counts = np.concatenate([rng.poisson(of_part) for rng, of_part in parts])
    targets = pd.DataFrame(
        {
            "sequence_id": np.repeat(sequences["sequence_id"].to_numpy(), len(grammar.factors)),
            "output": np.tile(np.array(grammar.factors), len(ids)),
            "target": counts.ravel().astype(np.float64),
            "expected": expected.ravel(),
            "occupancy": binding.occupancy.ravel(),
        }
    )
    profiles = [
        place_reads(
            grammar, codes[rows], counts[rows], sequence_ids=sequences["sequence_id"].iloc[rows],
            shape=read_shape, rng=rng,
        )
        for rows, rng in ((slice(last), reading), (slice(last, None), reading_calibration))
        if len(codes[rows])
    ]  # fmt: skip
    return FactorTables(sequences, targets, pd.concat(profiles, ignore_index=True))


def _plant(grammar, blocks, chances, composites, n, length, planted_within, rng) -> tuple[np.ndarray, _Sites]:
    """Letter codes (n, length), and the sites planted in them."""
    n_factors = len(grammar.factors)
    codes = _draw(rng, np.broadcast_to(grammar.background, (n, length, 4)))
    numbers = np.zeros((n, len(blocks)), dtype=np.int64)
    for factor, chance in enumerate(chances):
        numbers[:, factor] = rng.choice(len(chance), size=n, p=chance)
    for index, composite in enumerate(composites):
        numbers[:, n_factors + index] = rng.random(n) < composite.probability
    planted = []
    for row in range(n):
        order = rng.permutation(np.repeat(np.arange(len(blocks)), numbers[row]))
        widths = np.array([len(blocks[block].ppm) for block in order], dtype=np.int64)
        # free bases are split by sorted cuts: all ways to lay out the blocks are equally likely
        cuts = np.sort(rng.integers(0, planted_within - widths.sum() + 1, size=order.size))
        starts = (length - planted_within) // 2 + cuts + np.cumsum(widths) - widths
        turned = rng.random(order.size) < {"+": 0.0, "-": 1.0, "+-": 0.5}[grammar.strand]
        for block, start, reverse in zip(order, starts, turned):
            letters = _draw(rng, blocks[block].ppm)
            width = letters.size
            codes[row, start : start + width] = 3 - letters[::-1] if reverse else letters
            for factor, offset in blocks[block].sites:
                if reverse:
                    offset = width - offset - len(grammar.matrices[factor])
                planted.append((row, factor, start + offset, reverse))
    row, factor, start, reverse = np.array(planted, dtype=np.int64).reshape(-1, 4).T
    return codes, _Sites(row, factor, start, reverse.astype(bool))


def _draw(rng: np.random.Generator, probabilities: np.ndarray) -> np.ndarray:
    """One letter code from each row of probabilities (..., 4)."""
    uniforms = rng.random(probabilities.shape[:-1])
    cumulative = np.cumsum(probabilities[..., :3], axis=-1)
    return (uniforms[..., None] > cumulative).sum(axis=-1).astype(np.uint8)


def _mutate(
    codes, sites: _Sites, originals: np.ndarray, n_mutants: int, rng, grammar
) -> tuple[np.ndarray, np.ndarray, _Sites]:
    """Mutants of these rows of ``codes``, the rows of their parents, and their sites."""
    n, length = codes.shape
    turns = -(-n_mutants // len(originals))
    parents = originals[np.concatenate([rng.permutation(len(originals)) for _ in range(turns)])[:n_mutants]]
    first_site = np.searchsorted(sites.row, np.arange(n + 1))
    n_sites = np.diff(first_site)[parents]
    chosen = first_site[parents] + np.minimum((rng.random(n_mutants) * n_sites).astype(int), n_sites - 1)
    chosen = np.where(n_sites > 0, chosen, 0)
    uniform = rng.random(n_mutants)
    position = (uniform * length).astype(int)
    if sites.row.size:
        widths = np.array([len(matrix) for matrix in grammar.matrices])[sites.factor[chosen]]
        position = np.where(n_sites > 0, sites.start[chosen] + (uniform * widths).astype(int), position)
    mutants = codes[parents].copy()
    rows = np.arange(n_mutants)
    mutants[rows, position] = (mutants[rows, position] + rng.integers(1, 4, n_mutants)) % 4
    copies = np.concatenate([np.arange(first_site[p], first_site[p + 1]) for p in parents])
    copied = _Sites(*(values[copies] for values in sites))
    return mutants, parents, copied._replace(row=np.repeat(rows, n_sites))


def _describe(codes: np.ndarray, sites: _Sites, grammar: FactorGrammar) -> list[str]:
    """Embeddings of every sequence, by start; letters are those of the strand of the motif."""
    names = [motif.name for motif in grammar.motifs.values()]
    widths = [len(matrix) for matrix in grammar.matrices]
    described: list[list[str]] = [[] for _ in codes]
    for index in np.lexsort([sites.start, sites.row]).tolist():
        row, factor, start = int(sites.row[index]), sites.factor[index], int(sites.start[index])
        letters = codes[row, start : start + widths[factor]]
        instance = decode_letters((3 - letters[::-1] if sites.reverse[index] else letters)[None])[0]
        described[row].append(f"pos-{start}_{names[factor]}-{instance}")
    return [",".join(items) for items in described]


def _blocks(grammar: FactorGrammar, composites: Sequence[Composite]) -> list[_Block]:
    """Single sites of every factor, then the composites."""
    blocks = [_Block(ppm, ((factor, 0),)) for factor, ppm in enumerate(grammar.probabilities)]
    for composite in composites:
        for name in (composite.first, composite.second):
            if name not in grammar.factors:
                raise SeqauditError(
                    f"composites: '{name}' is no factor, expected one of {', '.join(grammar.factors)}."
                )
        if not 0 <= composite.probability <= 1:
            raise SeqauditError(f"composites: probability {composite.probability}, expected 0 to 1.")
        first, second = (grammar.factors.index(name) for name in (composite.first, composite.second))
        ppm_first, ppm_second = grammar.probabilities[first], grammar.probabilities[second]
        offset = len(ppm_first) + composite.gap
        if offset < 0 or offset + len(ppm_second) < len(ppm_first):
            raise SeqauditError(
                f"composites: gap {composite.gap} puts {composite.second} before the start or inside of "
                f"{composite.first}; expected at least {max(-len(ppm_first), -len(ppm_second))}."
            )
        # bases that both sites share must suit both; those between them are background
        weight = np.ones((offset + len(ppm_second), 4))
        weight[: len(ppm_first)] *= ppm_first
        weight[offset:] *= ppm_second
        weight[len(ppm_first) : offset] = grammar.background
        ppm = weight / weight.sum(axis=1, keepdims=True)
        blocks.append(_Block(ppm, ((first, 0), (second, offset))))
    return blocks


def _site_chances(site_numbers, factors: Sequence[str]) -> list[np.ndarray]:
    by_factor = site_numbers if isinstance(site_numbers, Mapping) else dict.fromkeys(factors, site_numbers)
    if set(by_factor) != set(factors):
        raise SeqauditError(
            f"site_numbers: got chances for {', '.join(by_factor)}; expected one list, or one for each of "
            f"{', '.join(factors)}."
        )
    chances = []
    for factor in factors:
        chance = np.asarray(by_factor[factor], dtype=np.float64)
        if chance.ndim != 1 or not (chance >= 0).all() or abs(chance.sum() - 1) > 1e-9:
            raise SeqauditError(
                f"site_numbers: {factor} has {list(by_factor[factor])}, expected chances of 0, 1, 2, ... "
                "sites with sum 1."
            )
        chances.append(chance)
    return chances


def _check_room(blocks, chances, composites, length: int, planted_within: int) -> None:
    most = [len(chance) - 1 for chance in chances] + [1] * len(composites)
    needed = max(
        sum(number * len(block.ppm) for number, block in zip(most, blocks)),
        *(len(block.ppm) for block in blocks),
    )
    if not needed <= planted_within <= length:
        raise SeqauditError(
            f"planted_within: {planted_within} of {length} bp, expected at least {needed} for all sites that "
            "a sequence may get, and no more than the sequence has. Lower site_numbers or lengthen the "
            "sequences."
        )


def _count_within(split: np.ndarray) -> np.ndarray:
    """0, 1, 2, ... within each run of equal values."""
    starts = np.flatnonzero(np.r_[True, split[1:] != split[:-1]])
    return np.arange(split.size) - np.repeat(starts, np.diff(np.r_[starts, split.size]))

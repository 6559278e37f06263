"""Sequences of a transcription-factor cascade: where the sites lie, and their labelled mutants."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from seqaudit.simulate.planting import pick_letters, plant_sites

# Every array has a random stream of its own, so that none shifts when another is drawn for more
# sequences or for another scenario. A stream is known by its place here: append, never reorder.
_PARTS = ("parameters", "train", "calibration", "test", "train mutants", "calibration mutants")
_DRAWS = (
    "parameters",
    "background",
    "content",
    "gaps",
    "places",
    "planted confounders",
    "confounder places",
    "exposure sites",
    "outcome sites",
    "confounder sites",
    "random confounder",
    "exposure counts",
    "outcome counts",
    "parents",
    "mutated positions",
    "mutated bases",
    "mutated sites",
)

Streams = Callable[[str], np.random.Generator]
"""A generator for each thing that is drawn, by its name; a fresh one at every call."""


class PlantedSequences(NamedTuple):
    """Sequences and their sites.

    ``codes``: letter codes, uint8, shape (n, length). ``starts``: int64, shape (n, motifs), -1
    where a motif is absent.
    """

    codes: np.ndarray
    starts: np.ndarray


def part_streams(seed: int, scenario: int, round: int, part: str) -> Streams:
    """Random streams of one part of a round, independent of those of all other parts and rounds."""
    return partial(_stream, seed, (scenario, round, _PARTS.index(part)))


def draw_originals(
    n: int,
    length: int,
    ppms: Sequence[np.ndarray],
    background: np.ndarray,
    *,
    confounder_probability: float,
    streams: Streams,
) -> PlantedSequences:
    """Sequences with up to one site of each of two or three motifs, all on the forward strand.

    A fourth each holds no site, one of the exposure, one of the outcome, and both: the exposure
    first, and a gap of uniform length from the widest motif to what leaves room for all. A third
    motif, the confounder, is planted with the given probability where nothing is.

    ``ppms`` are letter probabilities of the motifs, shape (width, 4) each, smoothed. The
    ``length`` must be at least the sum of the widths and the largest of them.
    """
    codes = pick_letters(streams("background").random((n, length)), background)
    starts = _draw_starts(n, length, [len(ppm) for ppm in ppms], confounder_probability, streams)
    for motif, (ppm, draw) in enumerate(zip(ppms, ("exposure sites", "outcome sites", "confounder sites"))):
        sites = pick_letters(streams(draw).random((n, len(ppm))), ppm)
        planted = np.flatnonzero(starts[:, motif] >= 0)
        plant_sites(codes, planted, starts[:, motif], sites[planted])
    return PlantedSequences(codes, starts)


def draw_mutants(
    parents: PlantedSequences, n: int, *, every_site: bool, widths: Sequence[int], streams: Streams
) -> tuple[PlantedSequences, np.ndarray]:
    """Copies of sequences with one base changed in a site, or anywhere if there is none.

    The site is one of the sequence's, drawn at random; with ``every_site`` a base is changed in
    each of them. Parents are taken in random order, each once before any is taken again.

    Returns
    -------
    mutants : PlantedSequences
    parent : numpy.ndarray, int64, shape (n,)
        Row of the parent.
    """
    n_parents, length = parents.codes.shape
    order = streams("parents")
    turns = [order.permutation(n_parents) for _ in range(-(-n // n_parents))]
    parent = np.concatenate(turns)[:n]
    codes, starts = parents.codes[parent], parents.starts[parent]
    # the last column stands for the whole sequence
    present = np.column_stack([starts >= 0, (starts < 0).all(axis=1)])
    if not every_site:
        lottery = np.where(present, streams("mutated sites").random(present.shape), -1)
        present = lottery == lottery.max(axis=1, keepdims=True)
    first = np.column_stack([starts, np.zeros(n, dtype=np.int64)])
    position = first + streams("mutated positions").integers(0, [*widths, length], size=first.shape)
    shift = streams("mutated bases").integers(1, 4, size=first.shape)
    row, site = np.nonzero(present)
    where = row, position[row, site]
    codes[where] = (codes[where] + shift[row, site]) % 4
    return PlantedSequences(codes, starts), parent


def _draw_starts(
    n: int, length: int, widths: Sequence[int], confounder_probability: float, streams: Streams
) -> np.ndarray:
    """Starts of sites, shape (n, motifs); -1 where a motif is absent."""
    content = streams("content").integers(4, size=n)
    has_exposure, has_outcome = content % 2 == 1, content >= 2
    gap = streams("gaps").integers(max(widths), length - sum(widths) + 1, size=n)
    block = has_exposure * widths[0] + has_outcome * widths[1] + (has_exposure & has_outcome) * gap
    first = streams("places").integers(0, length - block + 1)
    after_exposure = np.where(has_exposure, first + widths[0] + gap, first)
    starts = [np.where(has_exposure, first, -1), np.where(has_outcome, after_exposure, -1)]
    if len(widths) == 3:
        planted = streams("planted confounders").random(n) < confounder_probability
        free = _free_starts(starts, widths, length)
        rank = streams("confounder places").integers(0, free.sum(axis=1))
        start = (np.cumsum(free, axis=1) > rank[:, None]).argmax(axis=1)
        starts.append(np.where(planted, start, -1))
    return np.column_stack(starts)


def _free_starts(starts: Sequence[np.ndarray], widths: Sequence[int], length: int) -> np.ndarray:
    """Where the last motif would overlap none of the others, shape (n, length - width + 1)."""
    *others, width = widths
    candidate = np.arange(length - width + 1)
    free = np.ones((len(starts[0]), candidate.size), dtype=bool)
    for start, other in zip(starts, others):
        start = start[:, None]
        free &= (start < 0) | (candidate + width <= start) | (candidate >= start + other)
    return free


def _stream(seed: int, key: tuple[int, ...], draw: str) -> np.random.Generator:
    sequence = np.random.SeedSequence(seed, spawn_key=(*key, _DRAWS.index(draw)))
    return np.random.default_rng(sequence)

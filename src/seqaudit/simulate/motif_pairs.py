"""A world in which two motifs act together, or do not: DNA with read counts.

The simulation of Finkelstein, Shrikumar and Kundaje (2020), "Look at the Loss", for any two
motifs. With the default options and seed 1234 it returns the published data bit for bit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from seqaudit.data.motifs import PADDINGS, Motif, check_background, log_odds, smooth, summed_occupancy
from seqaudit.data.sequences import decode_letters
from seqaudit.errors import SeqauditError
from seqaudit.simulate.planting import describe_embeddings, pick_letters, plant_sites

BACKGROUND = (0.27, 0.23, 0.23, 0.27)
"""Published probabilities of A, C, G, T outside motifs."""

EFFECTS = {"additive": (100.0, 1.0), "super_additive": (60.0, 1.5)}
"""Scale and exponent of the published negative and positive control."""

DRAW_ORDERS = ("published", "independent")

_ROWS_PER_BLOCK = 2048


@dataclass(frozen=True, eq=False)
class CountLaw:
    """Expected reads of a sequence: ``scale * q ** exponent``.

    q is the number of bound windows of both motifs, expected from their log-odds on the
    forward strand. Build it with :func:`count_law`.
    """

    matrices: tuple[np.ndarray, np.ndarray]
    padding: str
    mu: float
    scale: float = 1.0
    exponent: float = 1.0

    def occupancy(self, sequences: Sequence[str] | np.ndarray) -> np.ndarray:
        """Expected number of bound windows q of each sequence; float64, shape (n,)."""
        first, second = (
            summed_occupancy(sequences, m, padding=self.padding, mu=self.mu) for m in self.matrices
        )
        return first + second

    def expected_counts(self, sequences: Sequence[str] | np.ndarray) -> np.ndarray:
        """Noise-free expectation of the read count of each sequence; float64, shape (n,)."""
        return self.counts_at(self.occupancy(sequences))

    def counts_at(self, occupancy: np.ndarray) -> np.ndarray:
        """Expected reads at given numbers of bound windows."""
        return self.scale * occupancy**self.exponent

    def described(self) -> dict[str, str]:
        """Scale and exponent to all digits, to be stored with tables as their provenance."""
        return {"effect_scale": repr(self.scale), "effect_exponent": repr(self.exponent)}


def count_law(
    motif_a: Motif,
    motif_b: Motif,
    *,
    effect: str | float,
    padding: str,
    pseudocount: float = 0.001,
    background: Sequence[float] = BACKGROUND,
    mu: float = 0.0,
    training_sequences: Sequence[str] | np.ndarray | None = None,
) -> CountLaw:
    """How two motifs set the expected read count.

    Parameters
    ----------
    motif_a, motif_b : Motif
    effect : {"additive", "super_additive"} or float
        ``"additive"``: 100 q, no interaction. ``"super_additive"``: 60 q**1.5. A number e, a
        dose of interaction: 100 q**e, rescaled to the mean of 100 q over the training
        sequences; above 1 motifs amplify each other, below 1 they saturate.
    padding : {"valid", "same"}
        Windows that count, see :func:`seqaudit.data.motifs.scan`.
    pseudocount, background, mu
        Of the log-odds and of the occupancy, see :mod:`seqaudit.data.motifs`.
    training_sequences : sequence of str, optional
        Needed only if ``effect`` is a number: all sequences that are not held out.

    Returns
    -------
    CountLaw
        Its ``expected_counts(sequences)`` works for any sequences, knock-outs included.
    """
    matrices = tuple(log_odds(m, pseudocount=pseudocount, background=background) for m in (motif_a, motif_b))
    _check_choice(padding, PADDINGS, "padding")
    if effect in EFFECTS and isinstance(effect, str):
        return CountLaw(matrices, padding, mu, *EFFECTS[effect])
    if isinstance(effect, str | bool) or not 0 < effect < np.inf:
        raise SeqauditError(
            f"effect: got {effect!r}, expected {', '.join(EFFECTS)}, or a positive exponent such as 1.1."
        )
    if training_sequences is None:
        raise SeqauditError(
            f"effect {effect}: its scale is set by the training sequences; pass training_sequences."
        )
    occupancy = CountLaw(matrices, padding, mu).occupancy(training_sequences)
    scale = 100 * occupancy.mean() / (occupancy**effect).mean()
    return CountLaw(matrices, padding, mu, float(scale), float(effect))


def simulate_motif_pairs(
    motif_a: Motif,
    motif_b: Motif,
    *,
    effect: str | float,
    padding: str,
    length: int = 100,
    n_train: int = 40_000,
    n_validation: int = 10_000,
    n_test: int = 50_000,
    embedding_probability: float = 0.5,
    pseudocount: float = 0.001,
    background: Sequence[float] = BACKGROUND,
    mu: float = 0.0,
    seed: int = 1234,
    draw_order: str = "published",
) -> pd.DataFrame:
    """Simulate sequences with up to one site of each of two motifs, and their read counts.

    Each motif is embedded with the given probability, independently of the other, at a
    uniform position on the forward strand; the second never overlaps the first. Counts are
    Poisson with the expectation of :func:`count_law`.

    Parameters
    ----------
    motif_a, motif_b : Motif
        In the order of the draws. Sites are sampled from, and windows scored with, the
        matrix smoothed by ``pseudocount``.
    effect, padding, pseudocount, background, mu
        As in :func:`count_law`. They change labels only, but for ``pseudocount`` and
        ``background``, which the sequences depend on as well.
    length : int
        Of every sequence, in bp.
    n_train, n_validation, n_test : int
        Sequences of each split, in this order.
    embedding_probability : float
        Of each motif, 0 to 1.
    seed : int
        See Notes.
    draw_order : {"published", "independent"}
        ``"published"``: the stream of the paper. ``"independent"``: NumPy's newer generator,
        vectorised, for large sets.

    Returns
    -------
    pandas.DataFrame
        A ``sequences`` table. ``embeddings`` is written as published,
        ``pos-<start>_<motif>-<site>``, A before B.

    Raises
    ------
    SeqauditError
        An option out of range, or sequences too short for both motifs.

    Notes
    -----
    Published order: one ``RandomState(seed)`` makes all sequences. A second one, fresh for
    each padding, draws training counts of the additive, then of the super-additive effect,
    then test counts of both. All other labels (a dose of interaction, or
    ``draw_order="independent"``) have a stream of their own, seeded by ``seed``, the bits of
    the exponent as a 64-bit float, and the padding (0 valid, 1 same), so that no two
    data sets share their noise.
    """
    motifs = (motif_a, motif_b)
    _check_choice(draw_order, DRAW_ORDERS, "draw_order")
    _check_sizes(motifs, length, n_train, n_validation, n_test, embedding_probability)
    probabilities = [smooth(motif.ppm, pseudocount=pseudocount) for motif in motifs]
    draw = _draw_as_published if draw_order == "published" else _draw_independently
    n_training, n = n_train + n_validation, n_train + n_validation + n_test
    codes, starts = draw(n, length, probabilities, check_background(background), embedding_probability, seed)

    law = count_law(
        motif_a,
        motif_b,
        effect=effect,
        padding=padding,
        pseudocount=pseudocount,
        background=background,
        mu=mu,
        training_sequences=codes[:n_training],
    )
    occupancy = law.occupancy(codes)
    expected = law.counts_at(occupancy)
    if draw_order == "published" and isinstance(effect, str):
        count = _published_counts(occupancy, n_training, effect, seed)
    else:
        bits = int(np.float64(law.exponent).view(np.uint64))
        count = np.random.default_rng([seed, bits, PADDINGS.index(padding)]).poisson(expected)

    sequence = decode_letters(codes)
    training = np.arange(n) < n_training
    return pd.DataFrame(
        {
            "sequence_id": [f"{'train' if row < n_training else 'test'}sim-synth{row}" for row in range(n)],
            "split": np.where(np.arange(n) < n_train, "train", np.where(training, "validation", "test")),
            "sequence": sequence,
            "target": count.astype(np.float64),
            "count": count,
            "expected_count": expected,
            "embeddings": describe_embeddings(sequence, motifs, starts),
            "group": pd.Series([None] * n, dtype="str"),
        }
    )


def _draw_as_published(n, length, probabilities, background, embedding_probability, seed):
    """Letter codes (n, length) and start positions (n, 2), -1 where a motif is absent.

    Uniforms are drawn in bulk and read through a moving position, because how many a
    sequence takes depends on what they are.
    """
    rng = np.random.RandomState(seed)
    width_a, width_b = map(len, probabilities)
    n_starts_a, n_starts_b = length - width_a + 1, length - width_b + 1
    reserve = length + width_a + width_b + 4
    codes = np.empty((n, length), dtype=np.uint8)
    starts = np.full((n, 2), -1)
    sites_at = np.full((n, 2), -1)
    uniforms, at = np.empty(0), 0
    for first in range(0, n, _ROWS_PER_BLOCK):
        rows = range(first, min(first + _ROWS_PER_BLOCK, n))
        uniforms, at = uniforms[at:], 0
        background_at = np.empty(len(rows), dtype=np.intp)
        for row in rows:
            if at + reserve > uniforms.size:
                uniforms = np.concatenate([uniforms, rng.random_sample(reserve * _ROWS_PER_BLOCK // 4)])
            background_at[row - first] = at
            at += length
            start_a = -width_a - width_b  # absent: overlaps nothing
            if uniforms[at] < embedding_probability:
                sites_at[row, 0] = at + 1
                start_a = starts[row, 0] = int(uniforms[at + 1 + width_a] * n_starts_a)
                at += width_a + 1
            at += 1
            if uniforms[at] < embedding_probability:
                sites_at[row, 1] = at + 1
                at += width_b
                start_b = start_a
                while start_a - width_b < start_b < start_a + width_a:
                    at += 1
                    if at == uniforms.size:
                        uniforms = np.concatenate([uniforms, rng.random_sample(reserve)])
                    start_b = int(uniforms[at] * n_starts_b)
                starts[row, 1] = start_b
            at += 1
        block = slice(first, rows.stop)
        background_uniforms = uniforms[background_at[:, None] + np.arange(length)]
        codes[block] = pick_letters(background_uniforms, background)
        for motif, ppm in enumerate(probabilities):
            embedded = np.flatnonzero(sites_at[block, motif] >= 0)
            site_uniforms = uniforms[sites_at[block, motif][embedded, None] + np.arange(len(ppm))]
            plant_sites(codes[block], embedded, starts[block, motif], pick_letters(site_uniforms, ppm))
    return codes, starts


def _draw_independently(n, length, probabilities, background, embedding_probability, seed):
    """As ``_draw_as_published`` in distribution, with vectorised draws from one Generator."""
    rng = np.random.default_rng(seed)
    width_a, width_b = map(len, probabilities)
    codes = np.empty((n, length), dtype=np.uint8)
    starts = np.full((n, 2), -1)
    for first in range(0, n, _ROWS_PER_BLOCK):
        block = slice(first, min(first + _ROWS_PER_BLOCK, n))
        size = block.stop - first
        codes[block] = pick_letters(rng.random((size, length)), background)
        embed = rng.random((size, 2)) < embedding_probability
        start_a = rng.integers(0, length - width_a + 1, size)
        # starts of B that end before A, then those after it; all if A is absent
        before = np.where(embed[:, 0], np.maximum(start_a - width_b + 1, 0), length - width_b + 1)
        after = np.where(embed[:, 0], np.maximum(length - width_b + 1 - start_a - width_a, 0), 0)
        start_b = rng.integers(0, before + after)
        start_b = np.where(start_b < before, start_b, start_b - before + start_a + width_a)
        starts[block] = np.where(embed, np.column_stack([start_a, start_b]), -1)
        for motif, ppm in enumerate(probabilities):
            embedded = np.flatnonzero(embed[:, motif])
            sites = pick_letters(rng.random((embedded.size, len(ppm))), ppm)
            plant_sites(codes[block], embedded, starts[block, motif], sites)
    return codes, starts


def _published_counts(occupancy, n_training, effect, seed) -> np.ndarray:
    rng = np.random.RandomState(seed)
    parts = []
    for part in (occupancy[:n_training], occupancy[n_training:]):
        drawn = {name: rng.poisson(scale * part**exponent) for name, (scale, exponent) in EFFECTS.items()}
        parts.append(drawn[effect])
    return np.concatenate(parts)


def _check_choice(value, choices, name) -> None:
    if value not in choices:
        raise SeqauditError(f"{name}: got {value!r}, expected one of {', '.join(choices)}.")


def _check_sizes(motifs, length, n_train, n_validation, n_test, embedding_probability) -> None:
    for name, size in {"n_train": n_train, "n_validation": n_validation, "n_test": n_test}.items():
        if size < 1:
            raise SeqauditError(f"{name}: got {size}, expected at least 1 sequence.")
    if not 0 <= embedding_probability <= 1:
        raise SeqauditError(f"embedding_probability: got {embedding_probability}, expected 0 to 1.")
    # wherever A lies, B must find room on one of its sides
    needed = motifs[0].width + 2 * motifs[1].width - 1
    if length < needed:
        raise SeqauditError(
            f"length: {length} bp is too short for {motifs[0].name} ({motifs[0].width} bp) and "
            f"{motifs[1].name} ({motifs[1].width} bp) side by side; expected at least {needed}."
        )

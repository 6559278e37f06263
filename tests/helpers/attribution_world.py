"""A small simulated world with true attribution maps, and noise to add to them."""

from functools import cache
from pathlib import Path

import numpy as np

from seqaudit.data.motif_files import read_motifs
from seqaudit.data.sequences import one_hot
from seqaudit.simulate.attribution_truth import true_mutagenesis
from seqaudit.simulate.motif_pairs import count_law, simulate_motif_pairs

MEME = Path(__file__).resolve().parents[2] / "resources/motifs/encode.meme"
MOTIFS = read_motifs(MEME, ["GATA_disc1", "TAL1_known1"])


@cache
def both_motif_sequences(n: int = 2000):
    """Rows of table ``sequences``, each with a site of both motifs, 100 bp."""
    table = simulate_motif_pairs(
        *MOTIFS,
        effect="additive",
        padding="valid",
        n_train=n,
        n_validation=1,
        n_test=1,
        embedding_probability=1.0,
        draw_order="independent",
        seed=5,
    )
    return table.head(n)


def law(effect="additive", padding="valid"):
    return count_law(*MOTIFS, effect=effect, padding=padding)


@cache
def letters_and_truth(n: int = 2000, effect: str = "additive"):
    """One-hot sequences, and centred true effects of mutations with root mean square 1 each."""
    table = both_motif_sequences().head(n)
    return one_hot(table["sequence"]), scaled(true_mutagenesis(law(effect), table["sequence"]))


def noise_maps(n: int, seed: int, length: int = 100) -> np.ndarray:
    return scaled(np.random.default_rng(seed).standard_normal((n, 4, length)))


def scaled(maps: np.ndarray) -> np.ndarray:
    maps = maps - maps.mean(axis=1, keepdims=True)
    return maps / np.sqrt(np.square(maps).mean(axis=(1, 2), keepdims=True))

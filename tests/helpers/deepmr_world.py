"""A small world for tests of DeepMR: tables of effects whose causal effects are known."""

from typing import NamedTuple

import numpy as np
import pandas as pd

DESIGN = {"ensemble": "s.none.round_1.r", "study": "s", "scenario": "none", "round": 1, "recipe": "r"}
PAIR = ("GATA1", "TAL1")
WIDTH = 8
SLOPES = {"exposure_only": 0.0, "both": 3.0}


class World(NamedTuple):
    effects: pd.DataFrame
    """Table ``mutation_effects``."""
    sequences: pd.DataFrame
    """``sequence_id`` and ``embeddings``."""
    truth: pd.DataFrame
    """Table ``true_effects``."""
    slopes: pd.Series
    """True causal effect of every locus."""


def make_world(
    *,
    loci: int = 6,
    length: int = 20,
    members: int = 5,
    spread: float = 0.1,
    noise: float = 0.05,
    seed: int = 0,
) -> World:
    """Every second locus has both motifs (slope 3), the others that of the exposure only (slope 0).

    Mutations inside the exposure's site change the exposure by -5 to -15, others by almost
    nothing. Member i says ``dY = (slope + spread * z_i) dX + noise``.
    """
    rng = np.random.default_rng(seed)
    ids = [f"locus_{number}" for number in rng.permutation(loci)]
    mutations, embeddings = [], []
    for row, locus in enumerate(ids):
        codes = rng.integers(4, size=length)
        start = int(rng.integers(length - WIDTH + 1))
        sites = [f"pos-{start}_GATA1-{'A' * WIDTH}"] + [f"pos-0_TAL1-{'C' * 4}"] * (row % 2)
        embeddings.append(",".join(sites))
        for position in range(length):
            inside = start <= position < start + WIDTH
            for base in range(4):
                if base != codes[position]:
                    change = -rng.uniform(5, 15) if inside else rng.normal(0, 0.01)
                    mutations.append((locus, position, "ACGT"[codes[position]], "ACGT"[base], change))
    mutations = pd.DataFrame(mutations, columns=["locus_id", "position", "ref", "alt", "dx"])
    slopes = pd.Series([SLOPES["both" if row % 2 else "exposure_only"] for row in range(loci)], index=ids)
    slope = mutations["locus_id"].map(slopes).to_numpy()
    dx = mutations.pop("dx").to_numpy()
    truth = pd.concat(
        [mutations.assign(output=name, effect=effect) for name, effect in zip(PAIR, (dx, slope * dx))]
    )
    tables = []
    for member in range(members):
        said = dx + rng.normal(0, noise, len(dx)), (slope + spread * rng.normal()) * dx
        said = said[0], said[1] + rng.normal(0, noise, len(dx))
        tables += [
            mutations.assign(
                member=member, output=name, effect=effect.astype(np.float32), reference=np.float32(0)
            )
            for name, effect in zip(PAIR, said)
        ]
    return World(
        pd.concat(tables, ignore_index=True),
        pd.DataFrame({"sequence_id": ids, "embeddings": embeddings}),
        truth.reset_index(drop=True),
        slopes,
    )


def shuffled(table: pd.DataFrame, seed: int = 1) -> pd.DataFrame:
    return table.sample(frac=1, random_state=seed).reset_index(drop=True)

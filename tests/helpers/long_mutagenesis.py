"""Mutants of 60 loci for three networks: long enough to be killed. As a script, in chunks and to a file."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from seqaudit.data.tables import write_table
from seqaudit.models.cnn import build_cnn
from seqaudit.probes import locus_effects

LOCI, PER_CHUNK, LENGTH = 60, 2, 60
ARCHITECTURE = {"convolutions": [{"filters": 8, "width": 7}], "dense": [8]}


def long_mutagenesis(store: Path | None = None) -> pd.DataFrame:
    """Table ``mutation_effects``; ``store`` as in :func:`seqaudit.probes.locus_effects.mutate_loci`."""
    letters = np.random.default_rng(1).choice(list("ACGT"), size=(LOCI, LENGTH))
    loci = pd.DataFrame(
        {"sequence_id": [f"test_{i}" for i in range(LOCI)], "sequence": ["".join(row) for row in letters]}
    )
    models = [
        build_cnn(ARCHITECTURE, padding="valid", length=LENGTH, outputs=2, seed=seed).eval()
        for seed in (1, 2, 3)
    ]
    return locus_effects.mutate_loci(models, loci, outputs=["x", "y"], store=store, device="cpu")


if __name__ == "__main__":
    torch.set_num_threads(1)
    locus_effects.CHUNK = PER_CHUNK
    write_table(long_mutagenesis(Path(sys.argv[1])), sys.argv[2], "mutation_effects")

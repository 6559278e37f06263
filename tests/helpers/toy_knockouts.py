"""Knock-outs of two sites in random sequences, and small networks to ask about them."""

import numpy as np
import pandas as pd

from seqaudit.data.knockouts import VERSIONS
from seqaudit.models.cnn import build_cnn

LENGTH, OFF = 60, "TTTT"


def written(sequence, start, letters):
    return sequence[:start] + letters + sequence[start + len(letters) :]


def knockouts(start_a=10, start_b=40, n=25):
    """Table ``knockouts`` with both sites at the same places in every sequence; no known truth."""
    rng = np.random.default_rng(0)
    dna = ["".join(row) for row in rng.choice(list("ACGT"), (n, LENGTH))]
    orig = [written(written(s, start_a, "GATA"), start_b, "CAGC") for s in dna]
    table = pd.DataFrame({"pair_id": [f"p{i}" for i in range(n)], "sequence_id": [f"s{i}" for i in range(n)]})
    table = table.assign(split="test", motif_pair="A-B", motif_a="A", motif_b="B", orig=orig)
    table["a_off"] = [written(s, start_a, OFF) for s in orig]
    table["b_off"] = [written(s, start_b, OFF) for s in orig]
    table["both_off"] = [written(s, start_b, OFF) for s in table["a_off"]]
    return table.assign(**{f"expected_{version}": np.nan for version in VERSIONS})


def network(*, dense, pooling="average", activation="relu", padding="valid", seed=0):
    """Two small convolutions of width 5, and dense layers."""
    architecture = {
        "convolutions": [{"filters": 6, "width": 5, "activation": activation}] * 2,
        "pooling": pooling,
        "dense": dense,
    }
    model = build_cnn(
        architecture, padding=padding, length=LENGTH, outputs=1, initial_weights="torch", seed=seed
    )
    return model.eval()

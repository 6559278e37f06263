"""A tiny world with two outputs, in the tables that ensembles are trained on."""

import numpy as np
import pandas as pd

LENGTH = 20
ARCHITECTURE = {"convolutions": [{"filters": 6, "width": 5}], "pooling": "flatten", "dense": [6]}


def toy_tables(n_train=120, n_held_out=30, n_mutants=60, seed=1):
    """Tables causal_sequences and causal_targets: reads of 'x' count A, reads of 'y' count A and G.

    Mutants, each with one base changed, come last; some parents have several.
    """
    rng = np.random.default_rng(seed)
    n = n_train + 2 * n_held_out
    letters = rng.integers(4, size=(n, LENGTH))
    parents = rng.permutation(np.arange(n_mutants) % (n_train // 2))
    copies = letters[parents]
    positions = rng.integers(LENGTH, size=n_mutants)
    each = np.arange(n_mutants)
    copies[each, positions] = (copies[each, positions] + rng.integers(1, 4, size=n_mutants)) % 4

    splits = np.repeat(["train", "calibration", "test"], [n_train, n_held_out, n_held_out])
    originals = [f"{split}_{row}" for row, split in enumerate(splits)]
    mutants = [f"mutant_{row}" for row in each]
    everything = np.concatenate([letters, copies])
    sequences = pd.DataFrame(
        {
            "sequence_id": [*originals, *mutants],
            "split": [*splits, *["train"] * n_mutants],
            "sequence": ["".join("ACGT"[letter] for letter in row) for row in everything],
            "parent": [*originals, *(originals[parent] for parent in parents)],
            "mutated": np.arange(len(everything)) >= n,
            "embeddings": "",
        }
    )
    number_of_a, number_of_g = (everything == 0).sum(1), (everything == 2).sum(1)
    means = {"x": 5.0 + 10 * number_of_a, "y": 2.0 + 3 * number_of_a * number_of_g}
    targets = [
        pd.DataFrame(
            {
                "sequence_id": sequences["sequence_id"],
                "output": output,
                "target": rng.poisson(mean).astype(float),
                "expected": mean,
                "occupancy": np.nan,
            }
        )
        for output, mean in means.items()
    ]
    return sequences, pd.concat(targets, ignore_index=True)

"""How close additive twins come to the best possible prediction, by family, and what they cost.

Twins are fitted to the published negative controls, in which a sum over windows is the truth, and to the
positive ones, in which it is not. The oracle predicts the expected count. Losses are mean squared
errors on the Anscombe scale; processor time is measured, with one thread.

    python benchmarks/additive_twin.py --datasets neg_same neg_valid
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

from seqaudit.data.motif_files import read_motifs
from seqaudit.data.targets import transform_target
from seqaudit.models.additive import FAMILIES
from seqaudit.probes.twins import predict_twins
from seqaudit.simulate.motif_pairs import simulate_motif_pairs
from seqaudit.training.additive import fit_twins

MOTIFS = Path(__file__).parents[1] / "resources/motifs/encode.meme"
NAMES = ("GATA_disc1", "TAL1_known1")
WIDTH = 16
WORLDS = {
    "neg_same": {"effect": "additive", "padding": "same"},
    "neg_valid": {"effect": "additive", "padding": "valid"},
    "pos_same": {"effect": "super_additive", "padding": "same"},
    "pos_valid": {"effect": "super_additive", "padding": "valid"},
}


def losses(sequences: pd.DataFrame, expected: np.ndarray) -> dict[str, float]:
    error = (transform_target(expected, "anscombe") - transform_target(sequences["target"], "anscombe")) ** 2
    return {split: error[(sequences["split"] == split).to_numpy()].mean() for split in ("validation", "test")}


def measure(name: str, n_train: int, seeds: int) -> pd.DataFrame:
    """One row per family and for the oracle."""
    motifs = read_motifs(str(MOTIFS), list(NAMES))
    sizes = {"n_train": n_train, "n_validation": n_train // 4, "n_test": n_train}
    sequences = simulate_motif_pairs(*motifs, **WORLDS[name], **sizes)
    rows = [{"twin": "oracle", **losses(sequences, sequences["expected_count"].to_numpy())}]
    for family in FAMILIES:
        started = time.process_time()
        population = fit_twins(
            sequences,
            width=WIDTH,
            transform="anscombe",
            families={family: family},
            seeds=range(1, seeds + 1),
            halves=False,
            device="cpu",
        )
        seconds = time.process_time() - started
        chosen = {"twin": population.twins["twin"]}
        predicted = predict_twins(chosen, sequences, dataset=name)["prediction"].to_numpy()
        rows.append({"twin": family, **losses(sequences, predicted), "cpu_seconds": round(seconds)})
    return pd.DataFrame(rows).assign(dataset=name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--datasets", nargs="+", choices=list(WORLDS), default=list(WORLDS))
    parser.add_argument("--n-train", type=int, default=40_000)
    parser.add_argument("--seeds", type=int, default=4)
    options = parser.parse_args()
    table = pd.concat([measure(name, options.n_train, options.seeds) for name in options.datasets])
    table["above oracle"] = table["test"] / table.groupby("dataset")["test"].transform("first") - 1
    print(table.set_index(["dataset", "twin"]).round(4).to_string())


if __name__ == "__main__":
    main()

"""Turn the published simulation files (Finkelstein et al. 2020) into a table that seqaudit reads as own data.

    python docs/published_to_table.py FOLDER_OF_THE_FILES OUTPUT_FOLDER

writes ``published_neg.tsv.gz`` and ``published_pos.tsv.gz`` for config/test/published_files.yaml.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd


def published_table(folder: Path, control: str) -> pd.DataFrame:
    """Sequences, embeddings and counts of one control; the authors' first 40,000 rows train."""
    parts = []
    for part in ("train", "test"):
        sequences = pd.read_csv(folder / f"{part}_simulation.simdata.gz", sep="\t", keep_default_na=False)
        labels = pd.read_csv(folder / f"{part}_{control}_labels.txt.gz", sep="\t", header=None)
        in_order = np.arange(len(sequences))
        split = np.where(in_order < 40_000, "train", "validation") if part == "train" else "test"
        parts.append(sequences[["seqName", "sequence", "embeddings"]].assign(count=labels[0], split=split))
    return pd.concat(parts, ignore_index=True)


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    target.mkdir(parents=True, exist_ok=True)
    for control in ("neg", "pos"):
        published_table(source, control).to_csv(target / f"published_{control}.tsv.gz", sep="\t", index=False)

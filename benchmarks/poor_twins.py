"""Deliberately poor additive twins on trained networks: does the gate catch them?

    OMP_NUM_THREADS=1 python benchmarks/poor_twins.py results/power e100_same_1 half_width

Takes a results folder, one of its simulated datasets, and how the twins are made poor: ``half_width``
(windows half as wide), ``tenth`` and ``hundredth`` (of the training sequences), ``unpolished`` (one
Gauss-Newton step each) or ``none``. Prints what every network's verdict is, and how often it is rejected
when the labels are drawn again, and adds the counts to ``<results folder>/poor_twins.csv``. A case is a
network for which the rule without any gate rejects more than 5 % of redraws; it is caught if the gated
rule does not. Cases mean something only in datasets without interaction.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from seqaudit.data.tables import read_table, read_tables
from seqaudit.inference.additive_twin import judge_twin
from seqaudit.inference.twin_claims import split_twins
from seqaudit.inference.twin_redraw import redraw_level
from seqaudit.models.additive import FAMILIES
from seqaudit.probes.knockout import oracle_interactions
from seqaudit.probes.twins import probe_twins
from seqaudit.training.additive import fit_twins
from seqaudit.training.twin_window import widest_window

MAX_WIDTH, TRANSFORM, SEEDS = 20, "anscombe", (1, 2, 3, 4)
SHARES = {"tenth": 10, "hundredth": 100}
HOW = ("none", "half_width", *SHARES, "unpolished")
ALLOWED = 0.05
"""Share of redraws in which a test at level 0.05 may reject."""


def poor_twins(sequences: pd.DataFrame, knockouts: list[pd.DataFrame], how: str):
    """The population of twins that the workflow would fit, made poor."""
    width = widest_window(*knockouts, at_most=MAX_WIDTH)
    if how in SHARES:
        dropped = np.arange(len(sequences)) % SHARES[how] != 0
        sequences = sequences[~(dropped & (sequences["split"] == "train").to_numpy())]
    return fit_twins(
        sequences,
        width=width // 2 if how == "half_width" else width,
        transform=TRANSFORM,
        families=FAMILIES,
        seeds=SEEDS,
        polish_steps=1 if how == "unpolished" else 15,
        halves=False,
    )


def judge(results: Path, dataset: str, how: str) -> pd.DataFrame:
    """Verdict of every network, and rates over redraws of the labels of ungated and gated rule."""
    folder = results / "data" / dataset
    sequences = read_table(folder / "sequences.parquet", "sequences")
    knockouts = [
        read_table(folder / f"{name}.parquet", "knockouts")
        for name in ("pairs", "random_location", "shuffled")
    ]
    population = poor_twins(sequences, knockouts, how)
    print(population.candidates.to_string(index=False), flush=True)
    held_out = knockouts[0][knockouts[0]["split"] == "test"]
    twins = split_twins(probe_twins(population.twins, held_out, None, None, sequences, dataset=dataset))
    claims = read_tables(sorted((results / "loss/pairs").glob(f"{dataset}.*.parquet")), "interaction_pairs")
    judged = judge_twin(claims, twins).set_index("model_id")
    truth = oracle_interactions(held_out, None, None, sequences, transform=TRANSFORM)
    redraws = redraw_level(claims, twins, truth)
    rates = redraws.pivot(index="model_id", columns="test", values="rate")
    return judged[["beta", "se", "twin_error", "misfit", "verdict_twin", "gate"]].join(
        rates[["ungated", "rejected", "cannot_tell"]]
    )


def main(results: Path, dataset: str, how: str) -> None:
    if how not in HOW:
        raise SystemExit(f"{how}: expected one of {', '.join(HOW)}")
    torch.set_num_threads(1)
    judged = judge(results, dataset, how)
    print(judged.round(3).to_string())
    case = judged["ungated"] > ALLOWED
    counts = pd.DataFrame(
        [
            {
                "dataset": dataset,
                "twins": how,
                "networks": len(judged),
                "cases": case.sum(),
                "caught": (case & (judged["rejected"] <= ALLOWED)).sum(),
                "cannot_tell": (judged["verdict_twin"] == "cannot tell").sum(),
                "highest_rejected": judged["rejected"].max(),
                "smallest_misfit": judged["misfit"].min(),
            }
        ]
    )
    print(counts.to_string(index=False))
    table = results / "poor_twins.csv"
    counts.to_csv(table, mode="a", header=not table.exists(), index=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:4])

"""Twins are probed like any model, with interactions of 0; their predictions are in the target's unit."""

import numpy as np
import pandas as pd
import pytest
import torch

from seqaudit.data.tables import read_table, write_table
from seqaudit.models.additive import build_twin
from seqaudit.probes.twins import predict_twins, probe_twins, twin_model_id

LENGTH, WIDTH, N = 20, 5, 12


@pytest.fixture(scope="module")
def world():
    """Sequences, a pair table with A at 2..4 and B at 9..12, and two twins with large random weights."""
    rng = np.random.default_rng(0)
    versions = {"orig": rng.integers(0, 4, (N, LENGTH))}
    replaced = rng.integers(0, 4, (N, LENGTH))
    sites = {"a_off": slice(2, 5), "b_off": slice(9, 13)}
    for name, site in sites.items():
        versions[name] = versions["orig"].copy()
        versions[name][:, site] = replaced[:, site]
    versions["both_off"] = versions["a_off"].copy()
    versions["both_off"][:, sites["b_off"]] = replaced[:, sites["b_off"]]
    letters = {name: ["".join("ACGT"[c] for c in row) for row in codes] for name, codes in versions.items()}
    ids = [f"s{row}" for row in range(N)]
    sequences = pd.DataFrame(
        {
            "sequence_id": ids,
            "split": "test",
            "sequence": letters["orig"],
            "target": np.arange(N, dtype=float),
            "group": pd.Series([None] * N, dtype="str"),
        }
    )
    pairs = pd.DataFrame(
        {
            "pair_id": [f"p{i}" for i in ids],
            "sequence_id": ids,
            "split": "test",
            "motif_pair": "A-B",
            **letters,
        }
    )
    twins = {}
    for seed, name in enumerate(("twin", "layered.seed_1")):
        family = {"units": 3, "hidden": 0 if seed == 0 else 4}
        twin = build_twin(family, width=WIDTH, length=LENGTH, transform="anscombe", scale=40.0, seed=seed)
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in twin.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator))
        twins[name] = twin.eval()
    return sequences, pairs, twins


def test_interactions_are_zero_and_main_effects_are_not(world):
    sequences, pairs, twins = world
    table = probe_twins(twins, pairs, None, None, sequences, dataset="mine")
    assert list(table["model_id"].unique()) == ["mine.twin", "mine.twin.layered.seed_1"]
    assert table["interaction"].abs().max() < 1e-11
    assert table["main_a"].abs().max() > 1
    assert table["f_orig"].to_numpy() == pytest.approx(
        (table["f_both_off"] + table["main_a"] + table["main_b"]).to_numpy(), rel=1e-13
    )


def test_predictions_are_those_of_the_probe(world, tmp_path):
    sequences, pairs, twins = world
    table = predict_twins(twins, sequences, dataset="mine")
    probed = probe_twins(twins, pairs, None, None, sequences, dataset="mine")
    assert table["prediction"].to_numpy() == pytest.approx(probed["f_orig"].to_numpy(), rel=1e-12)
    assert list(table["sequence_id"]) == 2 * list(sequences["sequence_id"])
    write_table(table, tmp_path / "t.parquet", "twin_predictions")
    assert len(read_table(tmp_path / "t.parquet", "twin_predictions")) == 2 * N


def test_twins_stay_in_single_precision(world):
    sequences, _, twins = world
    predict_twins(twins, sequences, dataset="mine")
    assert {parameter.dtype for twin in twins.values() for parameter in twin.parameters()} == {torch.float32}


def test_names():
    assert twin_model_id("neg", "twin") == "neg.twin"
    assert twin_model_id("neg", "sigmoid.seed_2") == "neg.twin.sigmoid.seed_2"

"""A model that knows the truth gets the oracle's numbers on the published simulated data.

Expected numbers: recomputed from the authors' files by an independent script ('valid'
padding, positive control, Finkelstein et al. 2020).
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from seqaudit.data.knockouts import knock_out_motifs
from seqaudit.data.motif_files import read_motifs
from seqaudit.inference.loss_tests import run_loss_tests
from seqaudit.inference.loss_verdicts import decide_verdicts
from seqaudit.probes.knockout import evaluate, oracle_interactions, probe_interactions
from seqaudit.simulate.motif_pairs import BACKGROUND, count_law, simulate_motif_pairs

MOTIF_FILE = Path(__file__).resolve().parents[3] / "resources/motifs/encode.meme"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def world():
    motifs = read_motifs(MOTIF_FILE, {"GATA_disc1": "GATA1", "TAL1_known1": "TAL1"})
    sequences = simulate_motif_pairs(*motifs, effect="super_additive", padding="valid")
    training = sequences.loc[sequences["split"] != "test", "sequence"]
    law = count_law(*motifs, effect="super_additive", padding="valid", training_sequences=training)
    tables = knock_out_motifs(
        sequences, motifs, [("GATA1", "TAL1")], background=BACKGROUND, expected=law.expected_counts
    )

    def perfect_model(one_hot):
        codes = one_hot.argmax(axis=1).astype(np.uint8)
        return 2 * np.sqrt(law.expected_counts(codes) + 3 / 8)

    return sequences, tables, perfect_model


@pytest.fixture(scope="module")
def interactions(world):
    sequences, tables, perfect_model = world
    return probe_interactions(
        perfect_model, *tables, sequences, model_id="perfect", transform="anscombe", batch_size=5000
    )


@pytest.mark.parametrize(
    "pair_set, split, n, mean, size, median, main, orig, mean_gain, median_gain",
    [
        ("real", "test", 7971, 41.499, 41.572, 46.038, 152.432, 213.805, 11.1145, 10.2102),
        ("real", "train", 6451, 41.054, None, 46.110, 151.714, 213.323, None, 9.8038),
        ("random_location", "test", 7971, 4.388, 6.129, 0.0, 73.212, 213.805, 1.2256, 0.0),
        ("shuffled", "test", 7971, -0.016, 1.142, 0.0, 2.527, 28.199, 0.4260, 0.0),
    ],
)
def test_true_effects(
    interactions, pair_set, split, n, mean, size, median, main, orig, mean_gain, median_gain
):
    rows = interactions.query("pair_set == @pair_set and split == @split")
    gain = rows["loss_without"] - rows["loss_with"]
    assert len(rows) == n
    found = {
        mean: rows["interaction"].mean(),
        size: rows["interaction"].abs().mean(),
        median: rows["interaction"].median(),
        main: (rows["main_a"] + rows["main_b"]).mean(),
        orig: rows["f_orig"].mean(),
    }
    for printed, value in found.items():
        assert printed is None or value == pytest.approx(printed, abs=6e-4)
    for printed, value in ((mean_gain, gain.mean()), (median_gain, gain.median())):
        assert printed is None or value == pytest.approx(printed, abs=6e-5)


def test_losses_and_clipping(interactions):
    real = interactions.query("pair_set == 'real' and split == 'test'")
    assert real["loss_with"].mean() == pytest.approx(1.0012, abs=6e-5)
    assert real["loss_with"].median() == pytest.approx(0.4524, abs=6e-5)
    assert real["loss_without"].mean() == pytest.approx(12.116, abs=6e-4)
    assert real["loss_without"].median() == pytest.approx(10.774, abs=6e-4)
    assert not real["clipped"].any()
    assert interactions.query("pair_set == 'shuffled'")["clipped"].mean() == pytest.approx(0.016, abs=5e-4)


def test_the_oracle_equals_a_perfect_model(world, interactions):
    sequences, tables, _ = world
    oracle = oracle_interactions(*tables, sequences, transform="anscombe", model_id="perfect")
    pd.testing.assert_frame_equal(oracle, interactions, rtol=1e-9, atol=1e-9)


def test_a_perfect_model_is_supported_and_its_pair_real(world, interactions):
    sequences, tables, perfect_model = world
    evaluation = evaluate(perfect_model, sequences, transform="anscombe", batch_size=5000)
    assert evaluation.n_test == 50_000
    assert evaluation.test_mse == pytest.approx(0.9144, abs=6e-5)
    design = {
        "dataset": "pos",
        "control": "positive",
        "padding": "valid",
        "arch": "oracle",
        "l1": 0.0,
        "seed": 0,
    }
    training = {"epochs": 1, "best_epoch": 1, "seconds": 0.0}
    row = {"model_id": "perfect", **design, **training, **evaluation._asdict()}
    models = run_loss_tests(interactions, pd.DataFrame([row]))
    assert models.loc[0, "verdict"] == "supported"
    p_values = models.loc[0, ["paired_p", "unpaired_p", "random_location_p", "train_unpaired_p"]]
    assert (p_values < 1e-200).all() and (p_values > 0).all()
    verdict = decide_verdicts(
        models, interactions, oracle_interactions(*tables, sequences, transform="anscombe")
    )
    assert verdict.loc[0, "verdict"] == "real"
    assert verdict.loc[0, "true_mean_interaction"] == pytest.approx(41.499, abs=6e-4)
    assert verdict.loc[0, "true_mean_loss_improvement"] == pytest.approx(11.1145, abs=6e-5)

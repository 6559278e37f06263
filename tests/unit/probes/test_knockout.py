"""Knock-out probes: the algebra, the labels, the null sets, and what bad input is told."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from seqaudit.data.knockouts import VERSIONS
from seqaudit.data.tables import write_table
from seqaudit.errors import SeqauditError
from seqaudit.probes import knockout
from seqaudit.probes.knockout import evaluate, oracle_interactions, probe_interactions

LENGTH = 20
SITE_A, SITE_B = slice(2, 6), slice(12, 16)
A, B, OFF = "GATA", "CAGC", "TTTT"


def random_dna(rng, n):
    return ["".join(row) for row in rng.choice(list("ACGT"), (n, LENGTH))]


def write_site(sequence, site, letters):
    return sequence[: site.start] + letters + sequence[site.stop :]


def make_pairs(sequences, *, motif_pair="A-B", site_a=SITE_A, site_b=SITE_B):
    """Table ``knockouts`` with both sites of every sequence replaced by T; no known truth."""
    table = pd.DataFrame(
        {
            "pair_id": [f"{motif_pair}.{i}" for i in sequences["sequence_id"]],
            "sequence_id": sequences["sequence_id"],
            "split": sequences["split"].replace("validation", "train"),
            "motif_pair": motif_pair,
            "orig": sequences["sequence"],
            "a_off": [write_site(s, site_a, OFF) for s in sequences["sequence"]],
            "b_off": [write_site(s, site_b, OFF) for s in sequences["sequence"]],
            **{f"expected_{version}": np.nan for version in VERSIONS},
        }
    )
    table["both_off"] = [write_site(s, site_b, OFF) for s in table["a_off"]]
    return table


@pytest.fixture
def world():
    """Sequences with both sites, real pairs, random locations and shuffled sequences."""
    rng = np.random.default_rng(0)
    dna = [write_site(write_site(s, SITE_A, A), SITE_B, B) for s in random_dna(rng, 60)]
    sequences = pd.DataFrame(
        {
            "sequence_id": [f"s{i}" for i in range(60)],
            "split": ["train"] * 20 + ["test"] * 40,
            "sequence": dna,
            "target": rng.integers(0, 300, 60).astype(float),
            "group": None,
        }
    )
    shuffled = make_pairs(sequences.assign(sequence=random_dna(rng, 60)))
    return {
        "pairs": make_pairs(sequences),
        "random_location": make_pairs(sequences, site_a=slice(7, 11), site_b=slice(16, 20)),
        "shuffled": shuffled[shuffled["split"] == "test"].reset_index(drop=True),
        "sequences": sequences,
    }


def probe(predictor, world, **options):
    tables = (world["pairs"], world["random_location"], world["shuffled"], world["sequences"])
    return probe_interactions(predictor, *tables, **{"model_id": "m", "transform": "identity", **options})


def has_site(one_hot, site, letters):
    return np.all([one_hot[:, "ACGT".index(x), site.start + i] for i, x in enumerate(letters)], axis=0)


def synergy(one_hot):
    """10, plus 3 for A, 5 for B, and 20 more for both."""
    a, b = has_site(one_hot, SITE_A, A), has_site(one_hot, SITE_B, B)
    return 10.0 + 3 * a + 5 * b + 20 * (a & b)


def test_hand_computed_example(world):
    result = probe(synergy, world)
    real = result[result["pair_set"] == "real"]
    expected = {"f_orig": 38, "f_a_off": 15, "f_b_off": 13, "f_both_off": 10}
    expected |= {"main_a": 3, "main_b": 5, "interaction": 20}
    for column, value in expected.items():
        assert (real[column] == value).all(), column
    target = world["sequences"]["target"].to_numpy()
    np.testing.assert_array_equal(real["label"], target)
    np.testing.assert_array_equal(real["loss_with"], (38 - target) ** 2)
    np.testing.assert_array_equal(real["loss_without"], (18 - target) ** 2)


def test_anscombe_losses_and_the_clip():
    """Interaction in counts, losses after 2 sqrt(x + 3/8); f - I below -3/8 counts as -3/8.

    Both sites give 25 - 3/8 counts, one gives 1 - 3/8, none 9 - 3/8 (or 0.25 - 3/8).
    """
    sequence = write_site(write_site("A" * LENGTH, SITE_A, A), SITE_B, B)
    sequences = pd.DataFrame(
        {"sequence_id": ["s"], "split": "test", "sequence": [sequence], "target": [1.0], "group": None}
    )

    def roots(neither):
        def predict(one_hot):
            number = has_site(one_hot, SITE_A, A).astype(int) + has_site(one_hot, SITE_B, B)
            return np.array([2 * neither, 2.0, 10.0])[number]

        return predict

    tables = (make_pairs(sequences), None, None, sequences)
    label = 2 * np.sqrt(1.375)
    inside = probe_interactions(roots(0.5), *tables, model_id="m", transform="anscombe").iloc[0]
    assert (inside["main_a"], inside["main_b"], inside["interaction"]) == (0.75, 0.75, 23.25)
    assert inside["loss_with"] == pytest.approx((10 - label) ** 2, rel=1e-14)
    assert inside["loss_without"] == pytest.approx((2 * np.sqrt(25 - 23.25) - label) ** 2, rel=1e-14)
    assert not inside["clipped"]

    outside = probe_interactions(roots(3), *tables, model_id="m", transform="anscombe").iloc[0]
    assert outside["f_orig"] - outside["interaction"] == 9 - 8 - 8 - 3 / 8
    assert outside["loss_without"] == pytest.approx(label**2, rel=1e-14)
    assert outside["clipped"]


def test_additive_models_have_exactly_no_interaction(world):
    weights = np.arange(4)[:, None] * np.arange(1, LENGTH + 1)

    def additive(one_hot):
        return (one_hot * weights).sum(axis=(1, 2)).astype(np.float32)

    result = probe(additive, world)
    assert (result["interaction"] == 0).all()
    pd.testing.assert_series_equal(result["loss_with"], result["loss_without"], check_names=False)


def test_the_table_fits_its_schema_and_names_every_pair(world, tmp_path):
    result = probe(synergy, world)
    write_table(result, tmp_path / "pairs.parquet", "interaction_pairs")
    assert result.groupby(["pair_set", "split"]).size().to_dict() == {
        ("random_location", "test"): 40,
        ("random_location", "train"): 20,
        ("real", "test"): 40,
        ("real", "train"): 20,
        ("shuffled", "test"): 40,
    }
    assert (result["model_id"] == "m").all()


def test_labels_are_joined_by_id(world):
    """Rows in any order give the same label for the same id."""
    result = probe(synergy, world)
    mixed = {name: table.sample(frac=1, random_state=i) for i, (name, table) in enumerate(world.items())}
    key = ["pair_set", "pair_id"]
    pd.testing.assert_frame_equal(
        probe(synergy, mixed).sort_values(key, ignore_index=True), result.sort_values(key, ignore_index=True)
    )


def test_shuffled_sequences_are_labelled_by_their_expectation(world):
    assert probe(synergy, world).query("pair_set == 'shuffled'")[["label", "loss_with"]].isna().all(axis=None)
    world["shuffled"]["expected_orig"] = 7.0
    known = probe(synergy, world).query("pair_set == 'shuffled'")
    assert (known["label"] == 7).all()
    np.testing.assert_array_equal(known["loss_with"], (known["f_orig"] - 7) ** 2)


def test_groups_default_to_the_sequence(world):
    world["sequences"].loc[:1, "group"] = "locus"
    groups = probe(synergy, world).query("pair_set == 'real'")["group"].tolist()
    assert groups[:3] == ["locus", "locus", "s2"]


def test_each_distinct_sequence_is_asked_for_once(world):
    seen = []

    def predictor(one_hot):
        seen.extend(row.tobytes() for row in one_hot)
        return synergy(one_hot)

    second = make_pairs(world["sequences"], motif_pair="A-C", site_b=slice(7, 11))
    world["pairs"] = pd.concat([world["pairs"], second], ignore_index=True)
    result = probe(predictor, world, batch_size=7)
    assert len(seen) == len(set(seen))
    tables = (world[name] for name in ("pairs", "random_location", "shuffled"))
    assert len(seen) == len({sequence for table in tables for v in VERSIONS for sequence in table[v]})
    assert result["motif_pair"].value_counts().to_dict() == {"A-B": 160, "A-C": 60}


def test_several_motif_pairs_at_once_equal_one_at_a_time(world):
    second = make_pairs(world["sequences"], motif_pair="A-C", site_b=slice(7, 11))
    both = probe(synergy, {**world, "pairs": pd.concat([world["pairs"], second], ignore_index=True)})
    alone = probe(synergy, {**world, "pairs": second})
    key = "motif_pair == 'A-C'"
    pd.testing.assert_frame_equal(
        both.query(key).reset_index(drop=True), alone.query(key).reset_index(drop=True)
    )


def test_networks_and_functions_agree_at_any_batch_size(world, monkeypatch):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv1d(4, 8, 5), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 16, 1)).train()

    def function(one_hot):
        with torch.no_grad():
            return network(torch.as_tensor(one_hot, dtype=torch.float32)).numpy()

    whole = probe(network, world, device="cpu")
    assert network.training
    monkeypatch.setattr(knockout, "_ENCODED_AT_ONCE", 50)
    numbers = whole.select_dtypes("float").columns
    for predictor, batch_size in ((network, 3), (function, 11), (function, 10_000)):
        other = probe(predictor, world, batch_size=batch_size, device="cpu")
        np.testing.assert_allclose(other[numbers], whole[numbers], rtol=1e-4, atol=2e-5)


def test_the_oracle_takes_the_same_way(world):
    """A predictor that answers the truth equals the oracle, with and without the transform."""
    for name in ("pairs", "random_location", "shuffled"):
        for version in VERSIONS:
            encoded = knockout.one_hot(list(world[name][version]))
            world[name][f"expected_{version}"] = synergy(encoded)
    tables = (world["pairs"], world["random_location"], world["shuffled"], world["sequences"])
    for transform, to_output in (("identity", lambda x: x), ("anscombe", lambda x: 2 * np.sqrt(x + 3 / 8))):
        oracle = oracle_interactions(*tables, transform=transform, model_id="m")
        model = probe(lambda one_hot, f=to_output: f(synergy(one_hot)), world, transform=transform)
        pd.testing.assert_frame_equal(oracle, model, rtol=1e-12, atol=1e-12)


def test_the_oracle_leaves_out_what_nobody_knows(world):
    tables = (world["pairs"], world["random_location"], world["shuffled"], world["sequences"])
    assert oracle_interactions(*tables, transform="identity").empty
    world["pairs"].loc[3, [f"expected_{version}" for version in VERSIONS]] = [4.0, 2.0, 1.0, 0.5]
    known = oracle_interactions(*tables, transform="identity")
    assert known["pair_id"].tolist() == ["A-B.s3"]
    assert known["interaction"].tolist() == [4.0 - 0.5 - 0.5 - 1.5]


def test_evaluate(world):
    held_out = world["sequences"].query("split == 'test'")
    target = held_out["target"].to_numpy()
    exact = evaluate(lambda one_hot: np.full(len(one_hot), 5.0), world["sequences"], transform="identity")
    assert exact.n_test == 40
    assert exact.test_mse == pytest.approx(np.mean((5 - target) ** 2))
    assert np.isnan(exact.test_pearson) and np.isnan(exact.test_spearman)

    by_sequence = dict(zip(held_out["sequence"], target))

    def off_by_one(one_hot):
        letters = ["".join("ACGT"[c] for c in row.argmax(axis=0)) for row in one_hot]
        return 2 * np.sqrt([by_sequence[x] + 3 / 8 for x in letters]) + 1

    counts = evaluate(off_by_one, world["sequences"], transform="anscombe", batch_size=9)
    assert counts.test_mse == pytest.approx(1)
    assert counts.test_pearson == pytest.approx(1) and counts.test_spearman == pytest.approx(1)
    assert evaluate(synergy, world["sequences"], transform="identity", split="train").n_test == 20


def test_errors_say_what_to_do(world):
    with pytest.raises(SeqauditError, match=r"table of motif pairs is empty.*Lower the score threshold"):
        probe(synergy, {**world, "pairs": world["pairs"].iloc[:0]})
    with pytest.raises(SeqauditError, match=r"random_location pairs: sequence_id 's0' at row 0 \(1 such"):
        pairs = world["pairs"].iloc[1:]
        probe(synergy, {**world, "pairs": pairs, "sequences": world["sequences"].iloc[1:]})
    with pytest.raises(SeqauditError, match="sequence_id 's1' is repeated"):
        ids = world["sequences"]["sequence_id"].replace("s0", "s1")
        probe(synergy, {**world, "sequences": world["sequences"].assign(sequence_id=ids)})
    with pytest.raises(SeqauditError, match=r"real pairs: 'orig' of pair 'A-B.s0' \(60 such pairs\) is not"):
        other = world["sequences"]["sequence"].iloc[::-1].to_numpy()
        probe(synergy, {**world, "sequences": world["sequences"].assign(sequence=other)})
    with pytest.raises(SeqauditError, match=r"answered shape \(7, 2\) for 7 sequences.*wrap a model"):
        probe(lambda one_hot: np.zeros((len(one_hot), 2)), world, batch_size=7)
    with pytest.raises(SeqauditError, match=r"answered nan for sequence [ACGT]{20} \(\d+ of \d+ sequences\)"):
        probe(lambda one_hot: np.where(has_site(one_hot, SITE_A, A), np.nan, 1), world)
    with pytest.raises(SeqauditError, match="transform 'log' is unknown"):
        probe(synergy, world, transform="log")
    with pytest.raises(SeqauditError, match=r"no row has split 'final' \(found train, test\)"):
        evaluate(synergy, world["sequences"], transform="identity", split="final")

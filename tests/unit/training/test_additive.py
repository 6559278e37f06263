"""Additive twins find a simulated truth that is a sum over windows, and say how they fared."""

import numpy as np
import pandas as pd
import pytest
import torch

from seqaudit.data.sequences import decode_letters, letter_codes
from seqaudit.errors import SeqauditError
from seqaudit.models.twin_sets import load_twins, save_twins
from seqaudit.training.additive import fit_twins, refit_twin

LENGTH, WIDTH = 16, 4
QUICK = {
    "families": {"sigmoid": {"units": 3}, "layered": {"units": 2, "hidden": 4}},
    "seeds": [1, 2],
    "screening_steps": 100,
    "batch_size": 50,
    "search_sequences": 300,
    "polish_steps": 25,
}


def world(transform, *, n=900, seed=0):
    """Sequences whose expected target is a level plus so much per site like 'GAT', and their targets."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 4, (n, LENGTH)).astype(np.uint8)
    planted = rng.random(n) < 0.7
    starts = rng.integers(0, LENGTH - 2, n)
    for row in np.flatnonzero(planted):
        codes[row, starts[row] : starts[row] + 3] = (2, 0, 3)
    letters = decode_letters(codes)
    matches = sum((codes[:, place : LENGTH - 2 + place] == letter) for place, letter in enumerate((2, 0, 3)))
    hits = (1 / (1 + np.exp(-4 * (matches - 2.5)))).sum(axis=1)
    if transform == "identity":
        expected = 1.5 - 2.0 * hits
        target = rng.normal(expected, 0.1)
    else:
        expected = 20.0 + 60.0 * hits
        target = rng.poisson(expected).astype(float)
    split = np.where(np.arange(n) < 600, "train", np.where(np.arange(n) < 800, "validation", "test"))
    return pd.DataFrame(
        {
            "sequence_id": [f"s{row}" for row in range(n)],
            "split": split,
            "sequence": letters,
            "target": target,
            "expected_count": expected,
        }
    )


@pytest.fixture(scope="module")
def counts():
    return world("anscombe")


@pytest.fixture(scope="module")
def population(counts):
    return fit_twins(counts, width=WIDTH, transform="anscombe", **QUICK)


def predicted(twin, sequences):
    codes = letter_codes(sequences["sequence"])
    one_hot = np.eye(4, dtype=np.float32)[codes].transpose(0, 2, 1)
    with torch.no_grad():
        return twin.predict_target(torch.from_numpy(one_hot)).numpy()


def test_finds_the_truth_of_counts(counts, population):
    test = counts[counts["split"] == "test"]
    off = predicted(population.twins["twin"], test) / test["expected_count"] - 1
    assert np.sqrt((off**2).mean()) < 0.1  # a level of 20 by itself would be off by 0.5
    assert population.record["validation_mse"] < 1.15  # noise alone: 1


def test_finds_the_truth_of_measured_targets():
    measured = world("identity")
    settings = {**QUICK, "families": {"sigmoid": {"units": 3}}}
    twin = fit_twins(measured, width=WIDTH, transform="identity", **settings).twins["twin"]
    test = measured[measured["split"] == "test"]
    off = predicted(twin, test) - test["expected_count"]
    assert np.sqrt((off**2).mean()) < 0.1  # the targets' noise
    assert predicted(twin, test).min() < -0.3


def test_every_candidate_has_a_row(population):
    table = population.candidates
    assert sorted(zip(table["family"], table["seed"])) == [
        ("layered", 1),
        ("layered", 2),
        ("sigmoid", 1),
        ("sigmoid", 2),
    ]
    chosen = table[table["status"] == "chosen"]
    names = {f"{family}.seed_{seed}" for family, seed in zip(chosen["family"], chosen["seed"])}
    assert names == set(population.record["members"])
    # the mean is taken only where it is better than the best alone
    assert population.record["validation_mse"] <= table["validation_mse"].min() + 1e-9
    assert (table["validation_mse"] <= table["screening_mse"]).all()


def test_chosen_first_then_witnesses_then_halves(population):
    names = list(population.twins)
    assert names[0] == "twin"
    assert names[-2:] == ["half_1", "half_2"]
    assert all(name.split(".seed_")[0] in QUICK["families"] for name in names[1:-2])


def test_halves_differ_from_the_whole_by_its_sampling_error(counts, population):
    test = counts[counts["split"] == "test"]
    whole, first, second = (predicted(population.twins[name], test) for name in ("twin", "half_1", "half_2"))
    for half in (first, second):
        assert 0 < np.sqrt(np.mean((half / whole - 1) ** 2)) < 0.12


def test_same_call_same_bits(counts):
    few = {**QUICK, "families": {"layered": {"units": 1, "hidden": 2}}, "seeds": [5], "polish_steps": 2}
    first, second = (fit_twins(counts, width=WIDTH, transform="anscombe", **few).twins for _ in range(2))
    for name, twin in first.items():
        for key, value in twin.state_dict().items():
            assert torch.equal(value, second[name].state_dict()[key]), (name, key)


def test_refitting_follows_other_labels(counts, population):
    """Labels of a world in which every 'GAT' counts half: the refitted twin says so, the old one does not."""
    rng = np.random.default_rng(3)
    expected = 20 + (counts["expected_count"] - 20) / 2
    other = counts.assign(target=rng.poisson(expected).astype(float))
    twin = population.twins["twin"]
    before = predicted(twin, counts)
    refitted = refit_twin(twin, other)
    test = (counts["split"] == "test").to_numpy()
    off = predicted(refitted, counts)[test] / expected[test] - 1
    assert np.sqrt((off**2).mean()) < 0.1
    assert np.array_equal(predicted(twin, counts), before)


def test_a_set_of_twins_survives_the_disk(population, counts, tmp_path):
    save_twins(tmp_path / "models", population.twins, population.record)
    loaded = load_twins(tmp_path / "models")
    assert list(loaded) == list(population.twins)
    for name, twin in loaded.items():
        assert np.array_equal(predicted(twin, counts), predicted(population.twins[name], counts))
    with pytest.raises(SeqauditError, match="has no additive twin"):
        load_twins(tmp_path)
    with pytest.raises(SeqauditError, match="expected one named 'twin'"):
        save_twins(tmp_path, {"other": loaded["twin"]}, {})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seeds": []}, "got 0 seeds and 2 families"),
        ({"families": {}}, "got 2 seeds and 0 families"),
        ({"polish_steps": 0}, "additive_twin.polish_steps: got 0, expected a positive number"),
        ({"width": 99}, "width: got 99, expected 1 to the length of the sequences, 16 bp"),
        ({"learning_rate": 1e37}, "all 4 candidates diverged. Lower additive_twin.learning_rate"),
    ],
)
def test_refuses(counts, changes, said):
    settings = {"width": WIDTH, "transform": "anscombe", **QUICK, "screening_steps": 3, **changes}
    with pytest.raises(SeqauditError, match=said):
        fit_twins(counts, **settings)


def test_refuses_sequences_it_cannot_use(counts):
    with pytest.raises(SeqauditError, match="no row of split 'validation'"):
        fit_twins(counts[counts["split"] == "train"], width=WIDTH, transform="anscombe", **QUICK)
    broken = counts.copy()
    broken.loc[3, "target"] = np.inf
    with pytest.raises(SeqauditError, match="target of 's3' is inf"):
        fit_twins(broken, width=WIDTH, transform="anscombe", **QUICK)

"""Targets as a matrix by id, which sequences belong together, and which are mutated."""

import numpy as np
import pandas as pd
import pytest
from toy_causal import toy_tables

from seqaudit.data.causal import choose_loci, families, target_matrix
from seqaudit.errors import SeqauditError


def small():
    sequences = pd.DataFrame({"sequence_id": ["b", "a", "c"]})
    targets = pd.DataFrame(
        {
            "sequence_id": ["a", "b", "c", "a", "b", "c", "other"],
            "output": ["x", "x", "x", "y", "y", "y", "x"],
            "target": [1.0, 2, 3, 10, 20, 30, 99],
            "expected": [1.5, np.nan, 3.5, 10.5, 20.5, 30.5, 99],
        }
    )
    return sequences, targets


def test_rows_follow_the_sequences_and_columns_the_outputs():
    sequences, targets = small()
    assert target_matrix(sequences, targets, outputs=["y", "x"]).tolist() == [[20, 2], [10, 1], [30, 3]]
    shuffled = targets.sample(frac=1, random_state=1)
    assert target_matrix(sequences, shuffled, outputs=["x"]).tolist() == [[2], [1], [3]]


def test_only_expectations_may_be_unknown():
    sequences, targets = small()
    found = target_matrix(sequences, targets, outputs=["x"], column="expected")
    np.testing.assert_array_equal(found, [[np.nan], [1.5], [3.5]])
    found = target_matrix(sequences, targets.assign(expected=None), outputs=["x"], column="expected")
    assert np.isnan(found).all()


@pytest.mark.parametrize(
    ("change", "outputs", "message"),
    [
        (lambda t: t, ["x", "z", "w"], "outputs: z, w has no targets, expected .* which has x, y"),
        (lambda t: t, [], r"outputs: got \[\]"),
        (lambda t: t, ["x", "x"], r"outputs: got \['x', 'x'\]"),
        (lambda t: t.iloc[0:0], ["x"], "which has none"),
        (lambda t: t.drop(2), ["x"], r"no row of output 'x' for sequence 'c' \(1 such"),
        (lambda t: pd.concat([t, t.iloc[[1]]]), ["x"], "sequence 'b' has two rows of output 'x'"),
        (
            lambda t: t.assign(target=t["target"].where(t["target"] != 30)),
            ["x", "y"],
            r"sequence 'c' has target nan of output 'y' \(1 such sequences\)",
        ),
        (lambda t: t.assign(target=np.inf), ["y"], r"'b' has target inf of output 'y' \(3 such"),
    ],
)
def test_bad_targets_are_named(change, outputs, message):
    sequences, targets = small()
    with pytest.raises(SeqauditError, match=message):
        target_matrix(sequences, change(targets), outputs=outputs)


def test_mutants_belong_to_their_parents():
    sequences, _ = toy_tables()
    rows = sequences[sequences["split"] == "train"]
    numbers = pd.Series(families(rows), index=rows["sequence_id"])
    originals = rows[~rows["mutated"]]
    assert numbers[originals["sequence_id"]].tolist() == list(range(len(originals)))
    for mutant, parent in rows.loc[rows["mutated"], ["sequence_id", "parent"]].itertuples(index=False):
        assert numbers[mutant] == numbers[parent]


def test_orphans_are_named():
    sequences, _ = toy_tables()
    rows = sequences[(sequences["split"] == "train") & (sequences["sequence_id"] != "train_0")]
    with pytest.raises(SeqauditError, match=r"'mutant_\d+' is a mutant of 'train_0', which is not an"):
        families(rows)


def held_out() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "sequence_id": ["a", "b", "c", "d", "e"],
            "split": ["test", "train", "test", "test", "test"],
            "mutated": [False, False, True, False, False],
            "embeddings": [
                "pos-1_X-ACG,pos-9_Y-TT",
                "pos-1_X-ACG",
                "pos-1_X-ACG",
                "pos-2_Y-TT",
                "pos-5_X-ACT",
            ],
        }
    )


def test_loci_are_unmutated_test_sequences_with_the_motif():
    assert choose_loci(held_out(), motif="X")["sequence_id"].tolist() == ["a", "e"]
    assert choose_loci(held_out(), motif="X", max_loci=1)["sequence_id"].tolist() == ["a"]
    assert choose_loci(held_out(), motif=None)["sequence_id"].tolist() == ["a", "d", "e"]


def test_no_locus_with_the_motif_is_an_error():
    with pytest.raises(SeqauditError, match="with a site of 'Z' in 'embeddings'"):
        choose_loci(held_out(), motif="Z")

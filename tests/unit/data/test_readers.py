"""Own data: every format, the split by group, and every defect that users bring."""

import gzip
import logging

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqaudit.data.readers import read_sequences, split_by_group
from seqaudit.data.tables import read_table, write_table
from seqaudit.errors import SeqauditError

N = 40
FRACTIONS = (0.7, 0.1, 0.2)


def raw(**columns):
    rng = np.random.default_rng(0)
    table = {
        "sequence_id": [f"s{i}" for i in range(N)],
        "sequence": ["".join(rng.choice(list("ACGTN"), 12)) for _ in range(N)],
        "target": rng.normal(size=N),
        "family": [f"f{i // 3}" for i in range(N)],
        "part": ["train" if i < 24 else "valid" if i < 30 else "test" for i in range(N)],
        **columns,
    }
    return pd.DataFrame({name: values for name, values in table.items() if values is not None})


def save(folder, table, name="data.tsv"):
    path = folder / name
    if ".parquet" in name:
        table.to_parquet(path)
    else:
        table.to_csv(path, sep="," if ".csv" in name else "\t", index=False)
    return path


@pytest.mark.parametrize("name", ["d.parquet", "d.tsv", "d.csv", "d.txt", "d.tsv.gz", "d.csv.gz"])
def test_every_format_gives_the_same_table(tmp_path, name):
    table = raw()
    columns = {"group": "family", "split": "part"}
    read = read_sequences(save(tmp_path, table, name), columns=columns)
    assert read["sequence_id"].tolist() == table["sequence_id"].tolist()
    assert read["sequence"].tolist() == table["sequence"].tolist()
    assert read["group"].tolist() == table["family"].tolist()
    assert read["split"].tolist() == table["part"].replace("valid", "validation").tolist()
    np.testing.assert_array_equal(read["target"], table["target"])
    assert read[["count", "expected_count", "embeddings"]].isna().all(axis=None)
    write_table(read, tmp_path / "out.parquet", "sequences")
    stored = read_table(tmp_path / "out.parquet", "sequences")
    pd.testing.assert_frame_equal(stored, read, check_dtype=False)


def test_columns_may_have_any_name_and_other_columns_are_ignored(tmp_path):
    table = raw().rename(columns={"sequence_id": "element", "sequence": "dna", "target": "activity"})
    names = {"id": "element", "sequence": "dna", "target": "activity", "group": None}
    read = read_sequences(save(tmp_path, table.assign(extra=1)), columns=names)
    assert read["sequence_id"].tolist() == table["element"].tolist()
    assert read["group"].isna().all()


def test_ids_that_look_like_numbers_or_missing_values_stay_text(tmp_path):
    ids = ["NA", "nan", "007", "1e5", *[f"s{i}" for i in range(N - 4)]]
    assert read_sequences(save(tmp_path, raw(sequence_id=ids)))["sequence_id"].tolist() == ids


def write_fasta(path, table, width=5):
    text = ""
    for name, sequence in zip(table["sequence_id"], table["sequence"]):
        lines = [sequence[i : i + width] for i in range(0, len(sequence), width)]
        text += "\n".join([f">{name} chr1:1-12 some words", *lines, ""])
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.mark.parametrize("name", ["d.fa", "d.fasta.gz"])
def test_fasta_joins_its_targets_by_name(tmp_path, name, caplog):
    table = raw()
    fasta = write_fasta(tmp_path / name, table)
    shuffled = table.drop(columns="sequence").sample(frac=1, random_state=0)
    extra = shuffled.iloc[:2].assign(sequence_id=["x", "y"])
    targets = save(tmp_path, pd.concat([shuffled, extra]), "targets.csv")
    columns = {"group": "family", "split": "part"}
    read = read_sequences(fasta, targets=targets, columns=columns)
    direct = read_sequences(save(tmp_path, table), columns=columns)
    pd.testing.assert_frame_equal(read, direct)
    assert "2 targets have no sequence" in caplog.text


def test_soft_masked_sequences_are_read_as_upper_case(tmp_path, caplog):
    table = raw()
    masked = table.assign(sequence=[s.lower() if i < 3 else s for i, s in enumerate(table["sequence"])])
    read = read_sequences(save(tmp_path, masked))
    assert read["sequence"].tolist() == table["sequence"].tolist()
    assert "3 sequences have lower-case letters" in caplog.text


def test_low_targets_are_clipped_or_dropped_with_a_count(tmp_path, caplog):
    path = save(tmp_path, raw(target=np.arange(N, dtype=float)))
    with caplog.at_level(logging.WARNING):
        clipped = read_sequences(path, min_target=5)
    assert clipped["target"].tolist() == [5.0] * 5 + list(range(5, N))
    assert "5 of 40 targets are below min_target=5 and were raised to 5" in caplog.text
    dropped = read_sequences(path, min_target=5, low_targets="drop")
    assert dropped["target"].tolist() == list(range(5, N))
    assert dropped.index.tolist() == list(range(N - 5))
    assert "were left out" in caplog.text


def test_known_embeddings_are_kept(tmp_path):
    table = raw(sites=["pos-1_CRX-CTAAT", *[""] * (N - 1)])
    read = read_sequences(save(tmp_path, table), columns={"embeddings": "sites"})
    assert read["embeddings"].tolist() == table["sites"].tolist()


groups_of_rows = st.lists(st.integers(0, 12).map(str), min_size=1, max_size=200)


@given(groups_of_rows, st.integers(0, 2**31), st.randoms(use_true_random=False))
def test_no_group_straddles_splits_and_row_order_does_not_matter(groups, seed, random):
    splits = split_by_group(groups, FRACTIONS, seed=seed)
    by_group = dict(zip(groups, splits))
    assert [by_group[group] for group in groups] == splits.tolist()
    rows = list(range(len(groups)))
    random.shuffle(rows)
    assert split_by_group([groups[i] for i in rows], FRACTIONS, seed=seed).tolist() == splits[rows].tolist()


@given(st.integers(10, 500), st.integers(0, 1000))
def test_single_sequences_meet_the_shares(n, seed):
    splits = split_by_group([str(i) for i in range(n)], FRACTIONS, seed=seed)
    for split, share in zip(("train", "validation", "test"), FRACTIONS):
        assert abs((splits == split).sum() - share * n) <= 1


def test_every_group_has_the_same_chance_whatever_its_size():
    groups = np.repeat(np.arange(60), np.arange(1, 61)).astype(str)
    large_in_test = [
        np.unique(split_by_group(groups, FRACTIONS, seed=seed)[groups == "59"])[0] == "test"
        for seed in range(600)
    ]
    assert abs(np.mean(large_in_test) - 0.2) < 0.05


def test_equal_sequences_share_a_split_without_a_group_column(tmp_path):
    sequences = raw()["sequence"].tolist()
    table = raw(sequence=sequences[: N // 2] * 2)
    read = read_sequences(save(tmp_path, table), split_seed=3)
    assert (read.groupby("sequence")["split"].nunique() == 1).all()
    assert read["split"].nunique() == 3


def test_the_seed_decides_the_split(tmp_path):
    path = save(tmp_path, raw())
    columns = {"group": "family"}
    first, again, other = (
        read_sequences(path, columns=columns, split_seed=seed)["split"] for seed in (2, 2, 4)
    )
    assert first.equals(again) and not first.equals(other)


def changed(column, row, value):
    values = raw()[column].astype(object).tolist()
    values[row] = value
    return {column: values}


BY_PART = {"columns": {"split": "part"}}
BY_FAMILY = {"columns": {"group": "family"}}


@pytest.mark.parametrize(
    "table, options, message",
    [
        (
            raw(target=None),
            {},
            r"no column 'target' for the target; present are sequence_id, sequence, family, part\. "
            r"Set datasets\.<name>\.columns\.target",
        ),
        (raw().rename(columns={"target": "targets"}), {}, "Did you mean 'targets'"),
        (raw(), {"columns": {"groop": "x"}}, "columns: unknown role 'groop', expected one of id, sequence"),
        (raw()[:0], {}, "the table has no rows"),
        (raw(**changed("sequence", 7, "ACGT")), {}, "column 'sequence': row 7 has length 4, row 0 has 12"),
        (
            raw(**changed("sequence", 7, "ACGTACGTACXT")),
            {},
            "'sequence': row 7 has letter 'X' at position 10",
        ),
        (raw(**changed("sequence", 7, "")), {}, "column 'sequence' is empty at row 7"),
        (raw(**changed("target", 3, "n/a")), {}, "column 'target': row 3 is 'n/a' .1 such rows., expected a"),
        (raw(**changed("target", 3, "")), {}, "row 3 is ''"),
        (raw(**changed("target", 3, np.inf)), {}, "row 3 is 'inf'"),
        (raw(**changed("sequence_id", 9, "s4")), {}, "id 's4' occurs again at row 9"),
        (raw(**changed("part", 1, "hold")), BY_PART, "row 1 has split 'hold'"),
        (raw(**changed("part", 1, "")), BY_PART, "column 'part' is empty at row 1"),
        (
            raw(**changed("part", 1, "test")),
            {"columns": {"split": "part", "group": "family"}},
            r"group 'f0' is in test and train \(1 such groups\)",
        ),
        (raw(part=["train"] * 20 + ["test"] * 20), BY_PART, "no sequence in split 'validation'"),
        (raw(family=["one"] * N), BY_FAMILY, "no sequence in split 'validation' .40 sequences"),
        (
            raw(target=[i % 2 if i < 30 else 1 for i in range(N)]),
            BY_PART,
            "all 10 targets of split 'test' are 1, as when one class is empty",
        ),
        (raw(), {"split_fractions": (0.5, 0.5)}, r"split_fractions: got \[0.5, 0.5\], expected three"),
        (raw(), {"split_fractions": (0.9, 0.2, -0.1)}, "expected three positive shares"),
        (raw(), {"low_targets": "ignore"}, "low_targets: got 'ignore', expected one of clip, drop"),
        (raw(), {"min_target": 99, "low_targets": "drop"}, "all 40 targets are below min_target=99"),
        (raw(), {"transform": "anscombe"}, r"data\.tsv: target: value -\d.* is negative"),
        (raw(), {"transform": "log"}, "transform 'log' is unknown"),
        (raw(), {"targets": "t.csv"}, "a table holds its targets itself"),
    ],
)
def test_defects_are_named(tmp_path, table, options, message):
    with pytest.raises(SeqauditError, match=message) as caught:
        read_sequences(save(tmp_path, table), **options)
    named = ("data.tsv", "columns:", "split_fractions:", "low_targets:")
    assert any(part in str(caught.value) for part in named)


@pytest.mark.parametrize("value", [np.nan, None, np.inf])
def test_missing_numbers_in_parquet_are_named(tmp_path, value):
    targets = raw()["target"].tolist()
    targets[5] = value
    with pytest.raises(SeqauditError, match=r"column 'target': row 5 is '(nan|None|inf)'"):
        read_sequences(save(tmp_path, raw(target=targets), "d.parquet"))


def test_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(SeqauditError, match=r"none\.tsv: no such file"):
        read_sequences(tmp_path / "none.tsv")
    for name in ("empty.tsv", "empty.parquet"):
        (tmp_path / name).touch()
        with pytest.raises(SeqauditError, match=r"empty\.\w+: the file is empty"):
            read_sequences(tmp_path / name)
    for name in ("cut.parquet", "cut.tsv.gz"):
        whole = save(tmp_path, raw(), name)
        whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
        with pytest.raises(
            SeqauditError, match=r"cut\.\w+.*: cannot be read as a \w+ table .*truncated or damaged"
        ):
            read_sequences(whole)
    with pytest.raises(SeqauditError, match=r"unknown kind of file '\.xlsx', expected \.parquet"):
        read_sequences(save(tmp_path, raw(), "data.xlsx"))
    (tmp_path / "blank.tsv").write_text("\n\n")
    with pytest.raises(SeqauditError, match=r"blank\.tsv: .*"):
        read_sequences(tmp_path / "blank.tsv")


def test_rows_with_too_many_fields_do_not_shift_columns(tmp_path):
    path = save(tmp_path, raw())
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], *(line + "\tmore" for line in lines[1:])]))
    with pytest.raises(SeqauditError, match="cannot be read as a tsv table"):
        read_sequences(path)


def test_tables_from_spreadsheets_may_start_with_a_byte_order_mark(tmp_path):
    path = save(tmp_path, raw(), "d.csv")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(read_sequences(path)) == N


@pytest.mark.parametrize(
    "text, message",
    [
        (None, "no such file"),
        ("ACGT\n>s0\nACGT\n", "begins with 'ACGT.*', expected FASTA"),
        ("> \nACGT\n", "record 0 has no name after '>'"),
        (">s0\nACGT\n>s0\nACGT\n", "id 's0' occurs again at row 1"),
        (">s0\nACGT\n>s99\nACGT\n", r"no target for 1 of 2 sequences of .*d\.fa, first 's99'"),
        (">s0\nACGT\n>s1\nACG\n", r"d\.fa: row 1 has length 3"),
        (">s0\nACGT\n>s1\nAC-T\n", r"d\.fa: row 1 has letter '-' at position 2"),
    ],
)
def test_defects_of_fasta_are_named(tmp_path, text, message):
    fasta = tmp_path / "d.fa"
    if text is not None:
        fasta.write_text(text)
    with pytest.raises(SeqauditError, match=message):
        read_sequences(fasta, targets=save(tmp_path, raw(sequence=None)))


def test_fasta_alone_lacks_targets(tmp_path):
    with pytest.raises(SeqauditError, match=r"a FASTA file has no targets.*datasets\.<name>\.targets"):
        read_sequences(write_fasta(tmp_path / "d.fa", raw()))

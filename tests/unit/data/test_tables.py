"""Parquet tables: checked on write and read, all or nothing."""

import os
import stat

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqaudit.data import tables
from seqaudit.data.schemas import SCHEMAS, Column, Schema
from seqaudit.data.tables import atomic_path, read_metadata, read_table, read_tables, write_table
from seqaudit.errors import SeqauditError

TOY = Schema(
    "toy",
    3,
    "thing",
    ("name",),
    (
        Column("name", "string", "what it is called"),
        Column("size", "float64", "how large", "bp"),
        Column("count", "int64", "how many", "reads", True),
        Column("good", "bool", "whether it is good"),
        Column("note", "string", "anything", "", True),
        Column("small", "float32", "less exact"),
    ),
)


@pytest.fixture(autouse=True)
def toy_schema(monkeypatch):
    monkeypatch.setitem(SCHEMAS, "toy", TOY)


def toy(**columns):
    table = {
        "name": ["a", "b"],
        "size": [1.5, np.inf],
        "count": pd.array([1, None], dtype="Int64"),
        "good": [True, False],
        "note": [None, "x"],
        "small": np.array([0.5, 0.25], dtype=np.float32),
        **columns,
    }
    return pd.DataFrame({name: values for name, values in table.items() if values is not None})


def test_tables_come_back_with_their_values_types_and_provenance(tmp_path):
    path = tmp_path / "deep" / "toy.parquet"
    write_table(
        toy()[["small", "note", "good", "count", "size", "name"]], path, "toy", provenance={"seed": 5}
    )
    back = read_table(path, "toy")
    assert back.columns.tolist() == [column.name for column in TOY.columns]
    pd.testing.assert_frame_equal(back, toy(), check_dtype=False)
    assert back.dtypes[["size", "good", "small"]].astype(str).tolist() == ["float64", "bool", "float32"]
    metadata = read_metadata(path)
    assert metadata["schema"] == "toy" and metadata["schema_version"] == "3" and metadata["seed"] == "5"
    assert metadata["units"] == "size: bp; count: reads"


def test_some_columns_and_several_files(tmp_path):
    paths = [tmp_path / "1.parquet", tmp_path / "2.parquet"]
    for path, names in zip(paths, (["a", "b"], ["c", "d"])):
        write_table(toy(name=names), path, "toy")
    together = read_tables(paths, "toy", columns=["name", "size"])
    assert together["name"].tolist() == ["a", "b", "c", "d"]
    assert together.columns.tolist() == ["name", "size"] and together.index.tolist() == [0, 1, 2, 3]
    with pytest.raises(SeqauditError, match="table 'toy': no file given"):
        read_tables([], "toy")
    with pytest.raises(AssertionError, match="are not all in table"):
        read_table(paths[0], "toy", columns=["nome"])


def test_empty_tables_keep_their_columns(tmp_path):
    write_table(toy()[:0], tmp_path / "t.parquet", "toy")
    assert len(read_table(tmp_path / "t.parquet", "toy")) == 0


@pytest.mark.parametrize(
    "table, message",
    [
        (toy(size=None), "not a 'toy' table: columns missing size. Expected name, size"),
        (toy(extra=1), "columns unknown extra"),
        (toy(size=None, extra=1), "columns missing size and unknown extra"),
        (toy(size=[1.0, np.nan]), "column 'size' of table 'toy' is null at row 1 .1 such rows."),
        (toy(name=[None, "b"]), "column 'name' of table 'toy' is null at row 0"),
        (toy(name=["a", "a"]), "1 rows of table 'toy' repeat a key, first name=a; every thing has one row"),
        (toy(count=[1.5, 2.0]), "column 'count' of table 'toy' cannot be stored as int64"),
        (toy(size=["1", "big"]), "column 'size' of table 'toy' cannot be stored as float64"),
        (toy(name=[1, 2]), "column 'name' of table 'toy' cannot be stored as string"),
    ],
)
def test_bad_tables_are_named_and_leave_nothing_behind(tmp_path, table, message):
    with pytest.raises(SeqauditError, match=message) as caught:
        write_table(table, tmp_path / "toy.parquet", "toy")
    assert str(caught.value).startswith(str(tmp_path / "toy.parquet"))
    assert not list(tmp_path.iterdir())


def test_files_that_are_not_the_table_are_named(tmp_path):
    path = tmp_path / "toy.parquet"
    with pytest.raises(SeqauditError, match=r"toy\.parquet: no such file, expected a 'toy' table"):
        read_table(path, "toy")
    write_table(toy(), path, "toy")
    whole = path.read_bytes()
    for content in (b"", whole[: len(whole) // 2], b"not parquet at all"):
        path.write_bytes(content)
        with pytest.raises(SeqauditError, match="not a readable Parquet file"):
            read_table(path, "toy")
    pq.write_table(pa.table({"name": ["a"]}), path)
    with pytest.raises(SeqauditError, match="not a 'toy' table: columns missing size"):
        read_table(path, "toy")


def test_tables_of_another_version_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "toy.parquet"
    write_table(toy(), path, "toy")
    monkeypatch.setitem(SCHEMAS, "toy", TOY._replace(version=4))
    with pytest.raises(
        SeqauditError, match="written as version 3 of table 'toy', this seqaudit reads version 4"
    ):
        read_table(path, "toy")


def test_a_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "toy.parquet"
    write_table(toy(), path, "toy")
    before = path.read_bytes()

    def full_disk(table, where, **options):
        where.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tables.pq, "write_table", full_disk)
    with pytest.raises(SeqauditError, match=r"cannot be written \(No space left on device\)"):
        write_table(toy(name=["c", "d"]), path, "toy")
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["toy.parquet"]


def test_interrupted_writes_leave_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), atomic_path(tmp_path / "f") as unfinished:
        unfinished.write_text("half")
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_what_a_killed_process_left_is_cleared_away(tmp_path):
    for left in (".toy.parquet.abcd1234", ".toy.parquet.zyxw9876"):
        (tmp_path / left).write_text("half")
    beside = tmp_path / ".other.parquet.abcd1234"
    beside.write_text("somebody else's")
    write_table(toy(), tmp_path / "toy.parquet", "toy")
    assert sorted(path.name for path in tmp_path.iterdir()) == [beside.name, "toy.parquet"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SeqauditError, match=r"file/toy\.parquet: cannot be written"):
        write_table(toy(), tmp_path / "file" / "toy.parquet", "toy")


def test_files_have_the_permissions_of_any_other(tmp_path):
    write_table(toy(), tmp_path / "t.parquet", "toy")
    (tmp_path / "other").touch()
    modes = [stat.S_IMODE(os.stat(tmp_path / name).st_mode) for name in ("t.parquet", "other")]
    assert modes[0] == modes[1]

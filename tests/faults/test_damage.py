"""Files that a disk or a network cut short or altered: noticed, named, and made again on request."""

import random

import numpy as np
import pandas as pd
import pytest

from seqaudit.data.schemas import SCHEMAS, Column, Schema
from seqaudit.data.tables import read_table, write_table
from seqaudit.errors import SeqauditError
from seqaudit.models.checkpoint import load_model, save_model
from seqaudit.models.cnn import build_cnn
from seqaudit.training.progress import Progress, load_progress, save_progress

TOY = Schema(
    "toy",
    1,
    "thing",
    ("name",),
    (
        Column("name", "string", "what it is called"),
        Column("size", "float64", "how large", "bp"),
        Column("count", "int64", "how many", "reads", True),
        Column("good", "bool", "whether it is good"),
    ),
)


@pytest.fixture
def table(tmp_path, monkeypatch):
    """A stored table: its path and content."""
    monkeypatch.setitem(SCHEMAS, "toy", TOY)
    draw = np.random.default_rng(1)
    content = pd.DataFrame(
        {
            "name": [f"thing {i}" for i in range(40)],
            "size": draw.normal(size=40),
            "count": pd.array([None if i % 7 == 0 else i for i in range(40)], dtype="Int64"),
            "good": draw.random(40) < 0.5,
        }
    )
    path = tmp_path / "toy.parquet"
    write_table(content, path, "toy", provenance={"seed": 1})
    return path, read_table(path, "toy")


def flipped(whole: bytes, position: int, bit: int) -> bytes:
    return whole[:position] + bytes([whole[position] ^ 1 << bit]) + whole[position + 1 :]


def test_no_flipped_bit_of_a_table_changes_its_values_unnoticed(table):
    """Every byte once. Without page checksums, two of three flips gave other numbers and no error."""
    path, content = table
    whole = path.read_bytes()
    draw = random.Random(5)
    refused = 0
    for position in range(len(whole)):
        path.write_bytes(flipped(whole, position, draw.randrange(8)))
        try:
            back = read_table(path, "toy")
        except SeqauditError as error:
            refused += 1
            assert str(path) in str(error)
            assert (
                "Delete it and rerun" in str(error)
                or "not a 'toy' table" in str(error)
                or "version" in str(error)
            )
        else:
            assert back.equals(content), f"byte {position}"
    assert refused > len(whole) / 2


def test_tables_cut_short_are_refused_wherever_they_end(table):
    path, _ = table
    whole = path.read_bytes()
    for length in [*range(0, len(whole), 37), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(SeqauditError, match=r"toy\.parquet: not a readable Parquet file"):
            read_table(path, "toy")


@pytest.fixture
def model_folder(tmp_path):
    architecture = {"convolutions": [{"filters": 2, "width": 3}], "dense": [3]}
    save_model(tmp_path, build_cnn(architecture, padding="same", length=12, seed=1), {"epochs": 3})
    return tmp_path


@pytest.mark.parametrize("name", ["weights.safetensors", "model.json"])
def test_no_flipped_bit_or_missing_end_of_a_model_goes_unnoticed(model_folder, name):
    path = model_folder / name
    whole = path.read_bytes()
    draw = random.Random(5)
    damaged = [flipped(whole, position, draw.randrange(8)) for position in range(len(whole) - 1)]
    damaged += [whole[:length] for length in range(0, len(whole) - 1, 101)]
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(SeqauditError, match="Delete its folder and train the model again"):
            load_model(model_folder)


def test_no_flipped_bit_of_a_checkpoint_is_trained_on(tmp_path):
    import torch

    state = Progress({"weights/a": torch.arange(6.0)}, [{"epoch": 1, "best": True}])
    save_progress(tmp_path, state, fingerprint="mine")
    path = tmp_path / "progress.safetensors"
    whole = path.read_bytes()
    draw = random.Random(5)
    for position in range(len(whole)):
        path.write_bytes(flipped(whole, position, draw.randrange(8)))
        found = load_progress(tmp_path, fingerprint="mine")
        if found is not None:
            assert found.history == state.history, f"byte {position}"
            assert torch.equal(found.tensors["weights/a"], state.tensors["weights/a"]), f"byte {position}"

"""Models on disk: the same after a round trip, and no damage goes unnoticed."""

import json
import shutil

import numpy as np
import pytest
import torch

from seqaudit.errors import SeqauditError
from seqaudit.models.checkpoint import load_model, save_model
from seqaudit.models.cnn import build_cnn

ARCHITECTURE = {
    "convolutions": [{"filters": 5, "width": 3, "batch_norm": True}, {"filters": 4, "width": 2}],
    "pooling": "flatten",
    "dense": [3],
}
RECORD = {"l1": 1e-4, "seed": 3, "best_epoch": np.int64(7), "validation_loss": np.float32(0.5), "who": "µ"}


def made(seed=1):
    model = build_cnn(ARCHITECTURE, padding="same", length=12, outputs=2, seed=seed)
    with torch.no_grad():
        model.convolutions[0].norm.running_mean += 0.3
    return model


@pytest.fixture
def saved(tmp_path):
    save_model(tmp_path / "model", made(), RECORD)
    return tmp_path / "model"


def test_round_trip(saved):
    model, record = load_model(saved)
    original = made()
    assert not model.training
    assert (model.padding, model.length, model.outputs) == ("same", 12, 2)
    assert model.architecture == original.architecture
    for name, tensor in original.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor), name
    assert record == {
        "torch": torch.__version__,
        "l1": 1e-4,
        "seed": 3,
        "best_epoch": 7,
        "validation_loss": 0.5,
        "who": "µ",
    }
    assert sorted(path.name for path in saved.iterdir()) == ["model.json", "weights.safetensors"]


def test_saving_again_replaces(saved):
    save_model(saved, made(seed=2), {"seed": 2})
    model, record = load_model(saved)
    assert record["seed"] == 2
    assert torch.equal(model.output.weight, made(seed=2).output.weight)


@pytest.mark.parametrize("name", ["weights.safetensors", "model.json"])
def test_every_truncation_and_many_bit_flips_are_found(saved, name, tmp_path):
    path = saved / name
    whole = path.read_bytes()
    generator = np.random.default_rng(1)
    for kept in (0, 1, 8, len(whole) // 2, len(whole) - 2):
        path.write_bytes(whole[:kept])
        with pytest.raises(SeqauditError, match=f"{name}: damaged or altered"):
            load_model(saved)
    for position in generator.integers(len(whole), size=40):
        flipped = bytearray(whole)
        flipped[position] ^= 1 << int(generator.integers(8))
        path.write_bytes(bytes(flipped))
        try:
            loaded, record = load_model(saved)
        except SeqauditError as error:
            assert name in str(error)
        else:  # white space between JSON tokens carries no meaning
            assert name == "model.json"
            assert record["seed"] == 3
            assert torch.equal(loaded.output.weight, made().output.weight)


def test_files_of_two_models_do_not_mix(saved, tmp_path):
    save_model(tmp_path / "other", made(seed=2), RECORD)
    shutil.copy(tmp_path / "other" / "weights.safetensors", saved / "weights.safetensors")
    with pytest.raises(
        SeqauditError, match=r"weights.safetensors: damaged.*sha256 is not the one in model.json"
    ):
        load_model(saved)


def test_an_edited_record_is_found(saved):
    path = saved / "model.json"
    path.write_text(path.read_text().replace('"l1": 0.0001', '"l1": 0.001'))
    with pytest.raises(SeqauditError, match=r"model.json: damaged or altered, its content"):
        load_model(saved)


def test_another_format_is_named(saved):
    path = saved / "model.json"
    path.write_text(json.dumps({"format": "seqaudit-model/9"}))
    with pytest.raises(SeqauditError, match="its format is 'seqaudit-model/9', expected 'seqaudit-model/1'"):
        load_model(saved)
    path.write_text("[]")
    with pytest.raises(SeqauditError, match="its format is None"):
        load_model(saved)


def test_missing_files_are_named(saved, tmp_path):
    with pytest.raises(SeqauditError, match=r"nowhere/model.json: cannot be read.*Run the rule"):
        load_model(tmp_path / "nowhere")
    (saved / "weights.safetensors").unlink()
    with pytest.raises(SeqauditError, match=r"weights.safetensors: cannot be read"):
        load_model(saved)


@pytest.mark.parametrize("value", [float("nan"), object(), np.zeros(2)])
def test_records_that_json_cannot_hold_are_refused_before_anything_is_written(tmp_path, value):
    with pytest.raises(SeqauditError, match="record: cannot be stored as JSON"):
        save_model(tmp_path / "model", made(), {"bad": value})
    assert not (tmp_path / "model").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SeqauditError, match=r"weights.safetensors: cannot be written"):
        save_model(tmp_path / "file" / "model", made(), {})

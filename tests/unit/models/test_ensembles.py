"""Ensembles on disk and their predictions."""

import json
import shutil

import numpy as np
import pytest
import torch
from toy_causal import ARCHITECTURE, LENGTH, toy_tables

from seqaudit.data.sequences import one_hot
from seqaudit.data.tables import read_table, write_table
from seqaudit.errors import SeqauditError
from seqaudit.models.cnn import build_cnn
from seqaudit.models.ensembles import load_ensemble, predict_ensemble, save_ensemble
from seqaudit.models.predict import predict

OUTPUTS = ["y", "x"]
RECORD = {"seed": 3, "members": [{"member": 0, "epochs": 5}, {"member": 1, "epochs": 7}]}


def made(seed=1, outputs=2):
    return build_cnn(ARCHITECTURE, padding="valid", length=LENGTH, outputs=outputs, seed=seed).eval()


@pytest.fixture
def saved(tmp_path):
    save_ensemble(tmp_path / "ensemble", [made(1), made(2)], outputs=OUTPUTS, record=RECORD)
    return tmp_path / "ensemble"


def test_round_trip(saved):
    models, outputs, record = load_ensemble(saved)
    assert outputs == OUTPUTS
    for index, model in enumerate(models):
        assert not model.training
        for name, tensor in made(index + 1).state_dict().items():
            assert torch.equal(model.state_dict()[name], tensor), name
    assert record["seed"] == 3
    assert [member["epochs"] for member in record["members"]] == [5, 7]
    assert sorted(path.name for path in saved.iterdir()) == ["ensemble.json", "member_0", "member_1"]


def test_one_member_without_a_record(tmp_path):
    save_ensemble(tmp_path, [made()], outputs=OUTPUTS, record={})
    assert len(load_ensemble(tmp_path).models) == 1


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: shutil.rmtree(f / "member_1"), "names 2 members, but there are 1 folders of members"),
        (lambda f: shutil.copytree(f / "member_1", f / "member_2"), "names 2 members, but there are 3"),
        (lambda f: (f / "ensemble.json").unlink(), r"ensemble.json: cannot be read.*Run the rule"),
        (
            lambda f: (f / "ensemble.json").write_text("{"),
            "ensemble.json: damaged.* it is not JSON",
        ),
        (lambda f: (f / "ensemble.json").write_text("[1]"), "its format is None, expected 'seqaudit-ensem"),
        (
            lambda f: (f / "member_0" / "weights.safetensors").unlink(),
            r"member_0/weights.safetensors: cannot be read",
        ),
        (
            lambda f: (f / "member_1" / "model.json").write_text("{}"),
            r"member_1/model.json: damaged or altered",
        ),
    ],
)
def test_damage_is_named(saved, damage, message):
    damage(saved)
    with pytest.raises(SeqauditError, match=message):
        load_ensemble(saved)


def test_an_edited_description_is_found(saved):
    path = saved / "ensemble.json"
    path.write_text(path.read_text().replace('"y",', '"z",'))
    with pytest.raises(SeqauditError, match="its content does not match its own sha256"):
        load_ensemble(saved)


def test_members_of_two_ensembles_do_not_mix(saved, tmp_path):
    save_ensemble(tmp_path / "other", [made(3), made(4)], outputs=OUTPUTS, record=RECORD)
    shutil.rmtree(saved / "member_1")
    shutil.copytree(tmp_path / "other" / "member_1", saved / "member_1")
    with pytest.raises(SeqauditError, match=r"member_1/model.json: damaged.*is not the member that"):
        load_ensemble(saved)


@pytest.mark.parametrize(
    ("models", "outputs", "record", "message"),
    [
        ([], OUTPUTS, {}, "got 0 networks and 0 records"),
        ([made()], OUTPUTS, RECORD, "got 1 networks and 2 records of members"),
        ([made()], ["x"], {}, r"outputs: got \['x'\], expected 2 different names.*models\[0\]"),
        ([made(), made(outputs=1)], OUTPUTS, {}, r"expected 1 different names.*models\[1\]"),
        ([made()], ["x", "x"], {}, "expected 2 different names"),
        ([made()], OUTPUTS, {"bad": float("nan")}, "record: cannot be stored as JSON"),
        ([made()], OUTPUTS, {"members": [{"bad": object()}]}, "record: cannot be stored as JSON"),
    ],
)
def test_what_cannot_be_stored_is_refused_before_anything_is_written(
    tmp_path, models, outputs, record, message
):
    with pytest.raises(SeqauditError, match=message):
        save_ensemble(tmp_path / "new", models, outputs=outputs, record=record)
    assert not (tmp_path / "new").exists()


def test_descriptions_are_readable(saved):
    described = json.loads((saved / "ensemble.json").read_text())
    assert described["format"] == "seqaudit-ensemble/1"
    assert len(described["members_sha256"]) == 2


def test_predictions_are_joined_by_id(tmp_path):
    sequences, targets = toy_tables()
    models = [made(1), made(2)]
    table = predict_ensemble(models, sequences, targets, outputs=OUTPUTS, transform="anscombe")
    write_table(table, tmp_path / "t.parquet", "ensemble_predictions")
    table = read_table(tmp_path / "t.parquet", "ensemble_predictions")
    assert len(table) == 2 * 60 * 2
    assert set(table["split"]) == {"calibration", "test"}
    by_id = table.set_index(["member", "sequence_id", "output"])
    measured = targets.set_index(["sequence_id", "output"])
    for name in ("calibration_125", "test_150", "test_179"):
        letters = one_hot(sequences.loc[sequences["sequence_id"] == name, "sequence"])
        for member, model in enumerate(models):
            for column, output in enumerate(OUTPUTS):
                row, truth = by_id.loc[(member, name, output)], measured.loc[(name, output)]
                assert row["prediction"] == pytest.approx(predict(model, letters)[0, column], abs=1e-5)
                assert row["target"] == pytest.approx(2 * np.sqrt(truth["target"] + 0.375))
                assert row["expected"] == pytest.approx(2 * np.sqrt(truth["expected"] + 0.375))


def test_unknown_expectations_and_other_splits():
    sequences, targets = toy_tables()
    table = predict_ensemble(
        [made()],
        sequences,
        targets.assign(expected=None),
        outputs=OUTPUTS,
        transform="identity",
        splits=("test",),
    )
    assert table["expected"].isna().all()
    assert set(table["split"]) == {"test"}
    assert table["target"].notna().all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"models": []}, "models: the ensemble has no member"),
        ({"models": [made(), made(outputs=1)]}, r"models\[1\]: predicts 1 outputs, expected 2 \(y, x\)"),
        ({"outputs": ["y", "z"]}, "outputs: z has no targets"),
        ({"splits": ("test", "holdout")}, "no row of split 'holdout', predictions need test, holdout"),
    ],
)
def test_bad_input_is_refused(options, message):
    sequences, targets = toy_tables()
    options = {"models": [made()], "outputs": OUTPUTS, "transform": "anscombe", **options}
    with pytest.raises(SeqauditError, match=message):
        predict_ensemble(options.pop("models"), sequences, targets, **options)

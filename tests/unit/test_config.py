"""The configuration: defaults, refusals with the nearest key, contradictions."""

import copy
import re
from pathlib import Path

import pytest
import yaml

from seqaudit.config import complete_config, documented_keys, load_schema
from seqaudit.errors import SeqauditError
from seqaudit.inference import mr

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = load_schema(ROOT / "workflow/schemas/config.schema.yaml")
MEASURED = {
    "kind": "measured",
    "sequences": "assay.tsv",
    "motif_file": "motifs.meme",
    "motifs": [{"id": "A"}, {"id": "B", "name": "b"}],
    "motif_pairs": [["A", "b"]],
}


def minimal(**changes) -> dict:
    dataset = {"kind": "motif_pairs", "effect": "additive", "padding": "same"}
    return {"run": "r", "datasets": {"neg": dataset}, **changes}


@pytest.mark.parametrize("path", sorted((ROOT / "config").rglob("*.yaml")), ids=lambda p: p.stem)
def test_every_config_that_we_ship_is_valid(path):
    complete_config(yaml.safe_load(path.read_text()), SCHEMA)


def test_the_paper_design_has_180_models():
    config = complete_config(yaml.safe_load((ROOT / "config/paper.yaml").read_text()), SCHEMA)
    population = config["population"]
    n_models = len(population["architectures"]) * len(population["l1"]) * len(population["seeds"])
    assert n_models * len(config["datasets"]) == 180


def test_defaults_are_filled_at_every_depth_and_the_input_is_left_alone():
    given = minimal(population={"seeds": [7]})
    before = copy.deepcopy(given)
    config = complete_config(given, SCHEMA)
    assert given == before
    assert config["population"] == {
        "seeds": [7],
        "architectures": ["arch1", "arch2", "arch3"],
        "l1": [0, 0.0001, 0.001],
    }
    assert config["datasets"]["neg"]["n_train"] == 40_000
    assert config["datasets"]["neg"]["knockouts"]["min_log_odds"] == 2.0
    assert config["datasets"]["neg"]["control"] == "negative"


def test_a_section_without_entries_means_its_defaults():
    assert complete_config(minimal(training=None), SCHEMA)["training"]["patience"] == 15


@pytest.mark.parametrize(
    "effect, control", [("super_additive", "positive"), (1.05, "positive"), (1, "negative")]
)
def test_the_control_follows_from_the_effect(effect, control):
    config = minimal()
    config["datasets"]["neg"]["effect"] = effect
    assert complete_config(config, SCHEMA)["datasets"]["neg"]["control"] == control


def test_motif_names_default_to_their_ids():
    config = complete_config(minimal(datasets={"own": MEASURED}), SCHEMA)
    assert [motif["name"] for motif in config["datasets"]["own"]["motifs"]] == ["A", "b"]


def changed(path: str, value) -> dict:
    """The minimal config with one key set, or removed where the value is ``...``."""
    config = minimal(datasets={"neg": minimal()["datasets"]["neg"], "own": copy.deepcopy(MEASURED)})
    *parents, last = path.split(".")
    node = config
    for parent in parents:
        node = node.setdefault(parent, {})
    if value is ...:
        del node[last]
    else:
        node[last] = value
    return config


@pytest.mark.parametrize(
    "path, value, message",
    [
        ("trainig", {}, r"'trainig' is unknown. Did you mean 'training'\?"),
        ("training.patince", 3, r"'training.patince' is unknown. Did you mean 'patience'\?"),
        ("datasets.neg.efect", 3, r"'datasets.neg.efect' is unknown. Did you mean 'effect'\?"),
        ("datasets.own.columns.grup", "x", r"'datasets.own.columns.grup' is unknown. Did you mean 'group'\?"),
        ("run", ..., "'run' is missing. Name of the run"),
        ("run", "a b", "'run': got 'a b', expected text that matches"),
        ("datasets", {}, "'hessian.studies' are all empty"),
        ("datasets.neg.padding", ..., "'datasets.neg.padding' is missing"),
        ("datasets.neg.padding", "full", "'datasets.neg.padding': got 'full', expected one of valid, same"),
        ("datasets.neg.effect", "multiply", "'datasets.neg.effect': got 'multiply', expected: 'additive'"),
        ("datasets.neg.kind", "x", "'datasets.neg.kind': got 'x', expected one of motif_pairs, measured"),
        ("datasets.neg.n_train", 0, "'datasets.neg.n_train': got 0, expected at least 1"),
        ("datasets.neg.background", [0.3, 0.3, 0.3, 0.3], "sums to 1.2, expected 1"),
        ("datasets.own.split_fractions", [0.5, 0.1, 0.1], "sums to 0.7, expected 1"),
        ("datasets.own.motif_pairs", [["A", "C"]], "motif 'C' is not among the names"),
        ("datasets.own.motifs", [{"id": "A"}, {"id": "A"}], "the name 'A' is used twice"),
        (
            "datasets.own.sequences",
            "x.fa.gz",
            "'datasets.own.targets' is missing: a FASTA file holds no targets",
        ),
        ("population.l1", [-1], r"'population.l1\[0\]': got -1, expected at least 0"),
        ("population.l1", ["1e-4"], "write 0.0001 or 1.0e-4"),
        ("population.seeds", [1, 1], "entries that do not repeat"),
        ("population.seeds", [], "at least 1 entries"),
        ("population.architectures", ["arhc1"], r"architecture 'arhc1' is unknown. Did you mean 'arch1'\?"),
        ("architectures.arch1", {"convolutions": [{"filters": 1, "width": 1}]}, "the published architecture"),
        ("architectures.own", {"convolutions": []}, "at least 1 entries, got 0"),
        ("loss_tests.alpha", 1.5, "'loss_tests.alpha': got 1.5, expected less than 1"),
        ("loss_tests.deciding_test", "t", "expected one of unpaired, paired, random_location"),
        ("training.device", "gpu", "'training.device': got 'gpu'"),
    ],
)
def test_bad_settings_name_the_key_and_what_to_do(path, value, message):
    with pytest.raises(SeqauditError, match=message):
        complete_config(changed(path, value), SCHEMA)


def test_every_key_is_described():
    undescribed = [path for path, key in documented_keys(SCHEMA) if not key.get("description")]
    assert not undescribed


def study(**changes) -> dict:
    return minimal(
        deepmr={
            "recipes": {"corrected": {}},
            "studies": {"cascade": {"kind": "tf_cascade", "recipes": ["corrected"], **changes}},
        }
    )


def test_a_study_gets_its_defaults():
    config = complete_config(study(), SCHEMA)["deepmr"]
    cascade = config["studies"]["cascade"]
    assert cascade["exposure"] == {"id": "GATA_disc1", "name": "GATA1"} and cascade["rounds"] == 50
    assert config["recipes"]["corrected"]["instruments"]["min_abs_beta"] == 1


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"recipes": ["correct"]}, "recipe 'correct' is unknown. Did you mean 'corrected'"),
        ({"outcome": {"id": "GATA1"}}, "the name 'GATA1' is used by another motif"),
        ({"scenarios": ["confounded"]}, "expected one of unconfounded, random, sequence, both"),
        ({"gamma": "wide"}, "deepmr.studies.cascade.gamma"),
    ],
)
def test_bad_studies_are_refused(changes, message):
    with pytest.raises(SeqauditError, match=re.escape(message)):
        complete_config(study(**changes), SCHEMA)


def test_a_recipe_needs_a_known_architecture():
    config = study()
    config["deepmr"]["recipes"]["corrected"] = {"architecture": "depmr"}
    with pytest.raises(SeqauditError, match="Did you mean 'deepmr'"):
        complete_config(config, SCHEMA)


def test_a_run_needs_datasets_or_studies():
    with pytest.raises(SeqauditError, match=r"'hessian\.studies' are all empty"):
        complete_config({"run": "r"}, SCHEMA)
    config = {**study(), "datasets": {}}
    assert complete_config(config, SCHEMA)["datasets"] == {}


def test_mr_methods_of_the_schema_are_those_of_the_library():
    listed = SCHEMA["$defs"]["recipe"]["properties"]["methods"]["items"]["enum"]
    assert listed == list(mr.methods()["method"])

"""Settings of Hessian studies that contradict each other."""

from pathlib import Path

import pytest

from seqaudit.config import complete_config, load_schema
from seqaudit.errors import SeqauditError

SCHEMA = load_schema(Path(__file__).resolve().parents[2] / "workflow/schemas/config.schema.yaml")
DATASET = {"kind": "motif_pairs", "effect": "additive", "padding": "same"}


def completed(studies: dict, recipes: dict | None = None, **more) -> dict:
    hessian = {"studies": studies, "recipes": recipes or {"small": {}}}
    return complete_config({"run": "r", "hessian": hessian, **more}, SCHEMA)


def simulated(**changes) -> dict:
    return {"kind": "simulated", "recipes": ["small"], **changes}


def scored(**changes) -> dict:
    return {"kind": "motif_scores", "recipes": ["small"], "datasets": ["neg"], **changes}


def test_a_hessian_study_needs_nothing_else():
    config = completed({"suite": simulated()})
    assert config["hessian"]["studies"]["suite"]["n_train"] == 20_000
    assert config["hessian"]["recipes"]["small"]["samples"] == 400


def test_decoys_get_their_names():
    config = completed({"m": scored(decoys=[{"id": "SIX5_known1"}])}, datasets={"neg": DATASET})
    assert config["hessian"]["studies"]["m"]["decoys"] == [{"id": "SIX5_known1", "name": "SIX5_known1"}]


@pytest.mark.parametrize(
    "studies, message",
    [
        ({"a": simulated(recipes=["smal"])}, r"recipe 'smal' is unknown. Did you mean 'small'\?"),
        ({"a": simulated(snr=[0])}, r"'hessian.studies.a.snr\[0\]': got 0, expected more than 0"),
        ({"a": scored(datasets=["pos"])}, "simulated dataset 'pos' is unknown"),
        ({"a": scored(decoys=[{"id": "X", "name": "TAL1"}])}, "the name 'TAL1' is used twice"),
        ({"a": scored(), "b": scored()}, "'neg' is already the name of a data set of study 'a'"),
        ({"neg": simulated()}, "'neg' is already the name of a dataset"),
        (
            {"a": {"kind": "uci", "recipes": ["small"], "table": "bike", "split_fractions": [0.5, 0.5, 0.5]}},
            "sums to 1.5, expected 1",
        ),
        ({"a": {"kind": "table", "recipes": ["small"], "file": "f.csv"}}, "a.target' is missing"),
    ],
)
def test_contradictions_are_refused_with_their_key(studies, message):
    with pytest.raises(SeqauditError, match=message):
        completed(studies, datasets={"neg": DATASET})


def test_strata_must_be_named_where_a_recipe_wants_them():
    with pytest.raises(SeqauditError, match=r"'hessian.studies.a.strata' is empty, but recipe 'small'"):
        completed({"a": simulated()}, {"small": {"groups": "strata"}})
    completed({"a": simulated(strata={"x1": [1.0]})}, {"small": {"groups": "strata"}})


def test_one_dataset_can_be_asked_on_two_scales():
    completed({"a": scored(), "b": scored(scale="anscombe")}, datasets={"neg": DATASET})


def test_heads_need_networks_and_a_chapter():
    recipes = {"small": {}}
    with pytest.raises(SeqauditError, match="asks the networks of 'datasets', beside the studies"):
        complete_config(
            {"run": "r", "hessian": {"heads": {}, "studies": {"a": simulated()}, "recipes": recipes}}, SCHEMA
        )
    hessian = {"heads": {}, "studies": {"a": simulated()}, "recipes": recipes}
    config = complete_config({"run": "r", "datasets": {"neg": DATASET}, "hessian": hessian}, SCHEMA)
    assert config["hessian"]["heads"]["spacing_bins"] == [10, 25, 50]


def test_the_positive_pair_of_digits_is_among_the_digits():
    study = {"kind": "digits", "recipes": ["small"], "digits": [7, 4, 0], "positive": [7, 0]}
    assert completed({"a": study})["hessian"]["studies"]["a"]["nodes"] == 20
    with pytest.raises(SeqauditError, match=r"'hessian.studies.a.positive': got \[7, 1\], expected two of"):
        completed({"a": {**study, "positive": [7, 1]}})

"""A study is judged from its tables: calls, false positives over several networks, injections."""

import numpy as np
import pandas as pd
import pytest

from seqaudit.data.features import FeatureTable
from seqaudit.data.hessian import GroupHessians
from seqaudit.data.tables import read_tables, write_table
from seqaudit.inference.group_hessian import score_pairs
from seqaudit.inference.hessian_refits import score_draws
from seqaudit.inference.hessian_scores import method_scores
from seqaudit.inference.hessian_study import judge_study, strongest_surfaces
from seqaudit.inference.signed_groups import group_table

FEATURES = ["a", "b", "c"]


def network(rng, strength: float = 0.0) -> GroupHessians:
    """Posterior samples of noise, with an interaction of a and b."""
    mean = 0.3 * rng.normal(size=(1, 2, 3, 3)) + 0.1 * rng.normal(size=(20, 2, 3, 3))
    mean[:, :, 0, 1] += strength
    return GroupHessians(mean, np.abs(mean).mean(axis=1), np.array([6, 6]))


def identity(fit: str) -> dict:
    return {"fit": fit, "dataset": "d", "posterior": "concrete"}


@pytest.fixture(scope="module")
def tables():
    rng = np.random.default_rng(1)
    fits = ["one", "two"]
    parts = {"pairs": [], "groups": [], "nulls": [], "methods": []}
    for fit in fits:
        named = {"identity": identity(fit)}
        found = network(rng, strength=3.0)
        parts["pairs"].append(score_pairs(found, FEATURES, **named))
        parts["groups"].append(group_table(found, FEATURES, **named))
        for null, n in (("additive", 39), ("main_effects", 10), ("main_effects_reference", 10)):
            networks = [network(rng) for _ in range(n)]
            parts["nulls"].append(score_draws(networks, FEATURES, null=null, draws=range(1, n + 1), **named))
    for dataset, scores in (("d", [3.0, 1.0, 2.0]), ("d.product_0.1", [1.0, 2.0, 5.0])):
        parts["methods"].append(method_scores(FEATURES, np.array(scores), method="geh", dataset=dataset))
    made = {name: pd.concat(some, ignore_index=True) for name, some in parts.items()}
    named = {"targets": "observed", "member": 1}
    return made | {
        "networks": pd.DataFrame(
            [{"fit": "one", "p_loss": 0.001, **named}, {"fit": "two", "p_loss": 0.3, **named}]
        )
    }


def test_calls_rest_on_the_additive_null_of_each_network(tables):
    judged = judge_study(**tables, study="d", alpha=0.05)
    geh = judged.pairs[judged.pairs["measure"] == "geh"]
    called = geh[geh["call"].eq(True)]
    assert set(called["fit"]) == {"one", "two"}
    assert set(zip(called["feature_a"], called["feature_b"])) == {("a", "b")}
    assert geh["p_null"].min() == pytest.approx(1 / 40)
    # the second network predicts no better than main effects: its call stays, but not behind the gate
    assert set(geh.loc[geh["gated_call"].eq(True), "fit"]) == {"one"}


def test_null_data_of_all_networks_count(tables):
    rates = judge_study(**tables, study="d").false_positives
    assert set(rates["null"]) == {"main_effects"} and set(rates["n_draws"]) == {20}
    assert set(rates["rule"]) >= {"published", "additive_null", "additive_null_family"}


def test_injections_are_ranked_under_the_name_of_the_study(tables):
    injections = {"d.product_0.1": {"pair": ("b", "c"), "form": "product", "share": 0.1}}
    judged = judge_study(**tables, study="d", injections=injections)
    assert judged.injections[["dataset", "form", "rank"]].values.tolist() == [["d", "product", 1.0]]


def test_a_study_without_truth_and_nulls_has_empty_tables_that_can_be_written(tables, tmp_path):
    bare = {**tables, "nulls": read_tables([], "hessian_nulls", optional=True)}
    judged = judge_study(**bare, study="d")
    assert judged.coverage.empty and judged.false_positives.empty and judged.injections.empty
    assert judged.auc.empty and judged.roc.empty
    for name, table in judged._asdict().items():
        write_table(table, tmp_path / f"{name}.parquet", f"hessian_{name}")
    assert judged.pairs["call"].isna().all()


def test_surfaces_show_the_strongest_pairs(tables):
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(200, 3))
    table = FeatureTable(x, x[:, 0] * x[:, 1], tuple(FEATURES), "y", np.full(200, "train", dtype=object))
    one = tables["pairs"][tables["pairs"]["fit"] == "one"]
    surfaces = strongest_surfaces(table, one, dataset="d", n_pairs=1)
    assert set(zip(surfaces["feature_a"], surfaces["feature_b"])) == {("a", "b")}
    top = surfaces.dropna().sort_values("value").iloc[-1]
    assert top["value_a"] > 0.7 and top["value_b"] > 0.7

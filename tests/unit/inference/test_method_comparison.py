"""Methods beside each other: ranks, truth, and what cannot be run."""

import numpy as np
import pytest

from seqaudit.data.hessian import GroupHessians
from seqaudit.inference import pairwise_baselines
from seqaudit.inference.group_hessian import add_truth, score_pairs
from seqaudit.inference.method_comparison import compare_methods
from seqaudit.simulate.tabular_worlds import pair_truth

FEATURES = ["a", "b", "c"]
IDENTITY = {"dataset": "d", "replicate": 2, "snr": None}


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (400, 3))
    return x, x[:, 0] + 2 * x[:, 0] * x[:, 2] + 0.1 * rng.standard_normal(400)


def predict(x):
    return x[:, 0] + 2 * x[:, 0] * x[:, 2]


def compared(data, methods, **options):
    mean = np.zeros((3, 1, 3, 3))
    mean[:, 0, 0, 2] = mean[:, 0, 2, 0] = [1.9, 2.0, 2.1]
    pairs = score_pairs(
        GroupHessians(mean, np.abs(mean)[:, 0], np.array([400])),
        FEATURES,
        identity={"fit": "f", "dataset": "d", "posterior": "p"},
    )
    truth = pair_truth(FEATURES, data[0], np.zeros(400, int), interacting=[["a", "c"]])
    pairs = add_truth(pairs, truth)
    network = {"predict": predict, "network_scores": {"nid": np.array([0.1, 5.0, 0.2])}}
    return compare_methods(
        *data, FEATURES, methods=methods, pairs=pairs, identity=IDENTITY, **network, **options
    )


def test_every_method_ranks_every_pair_and_finds_the_product(data):
    forms = {(0, 2): lambda a, b: a * b}
    methods = ["lasso", "oracle", "h_statistic", "nid"]
    table = compared(data, methods, forms=forms)
    assert set(table["method"]) == {"aeh", "geh", "eah", *methods} and len(table) == 21
    best = table[table["rank"] == 1]
    assert set(zip(best["feature_a"], best["feature_b"])) == {("a", "c")}
    assert table.loc[table["feature_b"].eq("c") & table["feature_a"].eq("a"), "interacts"].all()
    assert table["interacts"].sum() == 7 and (table["replicate"] == 2).all()


def test_what_cannot_be_run_says_why(data, monkeypatch):
    def missing(*_, **__):
        raise pairwise_baselines.SeqauditError("SHAP interaction values need the package shap")

    monkeypatch.setattr("seqaudit.inference.method_comparison.shap_interaction_scores", missing)
    table = compared(data, ["oracle", "shap"])
    status = table[table["score"].isna()].groupby("method")["status"].first()
    assert status["oracle"] == "no true forms are known"
    assert "need the package shap" in status["shap"]

"""A made Group Expected Hessian study with the shape of real tables, for tests of figures.

Networks are the true law of the seven interactions with an error of their own in every group,
and posterior samples around them; null data sets are networks of the law without interactions.
"""

import numpy as np
import pandas as pd

from seqaudit.data.hessian import GroupHessians
from seqaudit.data.tables import read_tables
from seqaudit.figures.hessian_results import HessianResults
from seqaudit.inference.digit_readings import read_node_pairs
from seqaudit.inference.group_hessian import add_truth, score_pairs
from seqaudit.inference.hessian_group_counts import distance_curve, kmeans_groups
from seqaudit.inference.hessian_nulls import add_null_tests, null_rows
from seqaudit.inference.hessian_scores import (
    auc_table,
    coverage_table,
    false_positive_table,
    injection_table,
    method_scores,
    roc_table,
)
from seqaudit.inference.signed_groups import group_table
from seqaudit.simulate.tabular import seven_interactions
from seqaudit.simulate.tabular_truth import interaction_surfaces, true_group_hessians, true_measures

LAW = seven_interactions()
PAIR = ["feature_a", "feature_b"]


def network(truth: GroupHessians, rng, *, error=0.35, spread=0.35, samples=60) -> GroupHessians:
    """Posterior samples of a network that errs by ``error`` in every group and says ``spread``."""
    shape = truth.mean.shape[1:]
    wrong = error * rng.normal(size=(1, *shape))
    mean = truth.mean + wrong + spread * rng.normal(size=(samples, *shape))
    return GroupHessians(mean, np.abs(mean).mean(axis=1) + truth.absolute * 0.4, truth.sizes)


def toy_results(*, known: bool = True, nulls: bool = True, seed: int = 1) -> HessianResults:
    """One study; ``known=False`` is measured data, without truth and comparisons."""
    rng = np.random.default_rng(seed)
    x = LAW.draw(300, rng)
    labels = kmeans_groups(x, n_groups=6)
    truth = true_group_hessians(LAW, x, labels)
    flat = truth._replace(mean=0 * truth.mean, absolute=0 * truth.absolute)
    told = true_measures(LAW, x, labels)
    pairs, groups, counts, drawn, dropout = [], [], [], [], []
    for posterior in ("concrete_dropout", "ensemble"):
        identity = {"fit": f"suite.{posterior}", "dataset": "suite", "posterior": posterior}
        hessians = network(truth, rng)
        scored = score_pairs(hessians, LAW.names, identity=identity, spread=x.std(axis=0))
        one_null = pd.concat(
            [
                _draws(flat, rng, identity, null, draw)
                for null in ("permutation", "additive")
                for draw in range(1, 21)
            ],
            ignore_index=True,
        )
        drawn.append(one_null)
        scored = add_null_tests(scored, one_null) if nulls else scored
        pairs.append(add_truth(scored, told) if known else scored)
        grouped = group_table(hessians, LAW.names, identity=identity)
        groups.append(
            grouped.assign(truth=truth.mean[0][:, *np.triu_indices(8, 1)].ravel() if known else np.nan)
        )
        counts.append(distance_curve(LAW.hessians(x), x, identity=identity, max_groups=14, seeds=(0, 1)))
        dropout.append(
            pd.DataFrame(
                {
                    **identity,
                    "layer": 0,
                    "node": range(8),
                    "feature": LAW.names,
                    "drop_probability": rng.beta(1, 12, 8),
                }
            )
        )
    made = {
        "pairs": pd.concat(pairs, ignore_index=True),
        "groups": pd.concat(groups, ignore_index=True),
        "group_counts": pd.concat(counts, ignore_index=True),
        "dropout": pd.concat(dropout, ignore_index=True),
    }
    if nulls:
        made["nulls"] = pd.concat(drawn, ignore_index=True)
        made["false_positives"] = _false_positives(flat, rng)
    if known:
        methods = _methods(told, rng)
        made |= {"auc": auc_table(methods), "roc": roc_table(methods), "injections": _injections(rng)}
        made["coverage"] = _coverage(truth, told, rng)
        made["readings"] = _readings(rng)
        made["surfaces"] = interaction_surfaces(LAW, dataset="suite", n_cells=21)
    names = [name for name in HessianResults._fields if name not in ("study", "alpha")]
    empty = {name: read_tables([], f"hessian_{name}", optional=True) for name in names}
    return HessianResults("suite", **(empty | made))


def _readings(rng) -> pd.DataFrame:
    """Two networks of five nodes: two for the 7, two for the 0, one for a 4."""
    nodes = pd.DataFrame(
        {
            "node": [f"node_{number}" for number in range(5)],
            "half": ["left", "right", "left", "right", "left"],
            "digit": [7, 0, 7, 0, 4],
            "source": [7, 0, 17, 10, 4],
            "classifier_accuracy": 0.99,
        }
    )
    first, second = np.triu_indices(5, 1)
    tables = []
    for replicate in (1, 2):
        pairs = pd.DataFrame(
            {
                "measure": "geh",
                "feature_a": nodes["node"].to_numpy()[first],
                "sd": 0.1,
                "score": rng.random(10),
            }
        )
        pairs["feature_b"] = nodes["node"].to_numpy()[second]
        pairs["rank"] = pairs["score"].rank(ascending=False)
        networks = pd.DataFrame({"targets": ["observed"], "test_r2": [0.9]})
        identity = {"fit": f"digits.{replicate}", "dataset": "digits", "replicate": replicate}
        tables.append(read_node_pairs(pairs, nodes, networks, positive=[7, 0], identity=identity))
    return pd.concat(tables, ignore_index=True)


def _draws(flat, rng, identity, null, draw) -> pd.DataFrame:
    hessians = network(flat, rng, error=0.1 if null == "permutation" else 0.35, spread=0.1, samples=20)
    return null_rows(hessians, LAW.names, identity=identity, null=null, draw=draw)


def _false_positives(flat, rng) -> pd.DataFrame:
    tables = []
    for dataset in ("bike",):
        identity = {"fit": dataset, "dataset": dataset, "posterior": "concrete_dropout"}
        for null in ("permutation", "main_effects"):
            parts = [_draws(flat, rng, identity, null, draw) for draw in range(1, 41)]
            halves = pd.concat(parts[:20]), pd.concat(parts[20:])
            references = halves[1].assign(draw=halves[1]["draw"] - 20)
            tables.append(false_positive_table(halves[0], references=references))
    return pd.concat(tables, ignore_index=True)


def _methods(told, rng) -> pd.DataFrame:
    quality = {"geh": 0.5, "aeh": 0.9, "eah": 1.1, "nid": 1.4, "shap": 0.7, "lasso": 1.6, "oracle": 0.3}
    parts = []
    for snr in (0.1, 0.5, 1.0, 5.0):
        for replicate in range(1, 7):
            for method, noise in quality.items():
                scores = np.abs(told["eah"] + noise / np.sqrt(snr) * rng.normal(size=len(told)))
                parts.append(
                    method_scores(
                        LAW.names,
                        scores.to_numpy(),
                        method=method,
                        dataset="suite",
                        replicate=replicate,
                        snr=snr,
                        interacts=told["interacts"],
                    )
                )
    return pd.concat(parts, ignore_index=True)


def _injections(rng) -> pd.DataFrame:
    parts = []
    for form in ("product", "exponential", "division"):
        for share in (0.001, 0.003, 0.01, 0.03, 0.1):
            for method, gain in {"geh": 30, "shap": 20, "lasso": 12}.items():
                scores = rng.gamma(2, size=28)
                scores[0] += gain * share * 3
                rows = method_scores(LAW.names, scores, method=method, dataset="california")
                parts.append(injection_table(rows, pair=("x1", "x2"), form=form, share=share))
    return pd.concat(parts, ignore_index=True)


def _coverage(truth, told, rng) -> pd.DataFrame:
    pairs, groups = [], []
    for number in range(8):
        identity = {"fit": str(number), "dataset": "suite", "posterior": "concrete_dropout"}
        hessians = network(truth, rng, error=0.2, spread=0.2, samples=40)
        pairs.append(add_truth(score_pairs(hessians, LAW.names, identity=identity), told))
        grouped = group_table(hessians, LAW.names, identity=identity)
        groups.append(grouped.assign(truth=truth.mean[0][:, *np.triu_indices(8, 1)].ravel()))
    return coverage_table(pd.concat(pairs, ignore_index=True), pd.concat(groups, ignore_index=True))

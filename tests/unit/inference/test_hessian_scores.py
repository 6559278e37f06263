"""Areas, coverage and false-positive rates, by counting."""

import numpy as np
import pandas as pd
import pytest

from seqaudit.data.tables import write_table
from seqaudit.errors import SeqauditError
from seqaudit.inference.hessian_measures import feature_pairs
from seqaudit.inference.hessian_scores import (
    PUBLISHED_FALSE_POSITIVES,
    area_under_curve,
    auc_table,
    coverage_table,
    false_positive_table,
    injection_table,
    method_scores,
    roc_at,
    roc_table,
    smoothed_target,
)

FEATURES = ["a", "b", "c"]
IDENTITY = {"fit": "toy", "dataset": "bike", "posterior": "concrete_dropout"}


def test_area_is_the_share_of_ordered_pairs():
    scores, interacts = [5.0, 3, 3, 1], [True, False, True, False]
    # 5 > 3, 5 > 1, 3 = 3, 3 > 1
    assert area_under_curve(scores, interacts) == (1 + 1 + 0.5 + 1) / 4
    assert np.isnan(area_under_curve(scores, [True] * 4))


@pytest.mark.parametrize("seed", range(5))
def test_the_area_is_under_the_roc_curve(seed):
    rng = np.random.default_rng(seed)
    scores, interacts = rng.integers(0, 6, 40), rng.random(40) < 0.4
    fine = np.linspace(0, 1, 20_001)
    assert np.trapezoid(roc_at(scores, interacts, fine), fine) == pytest.approx(
        area_under_curve(scores, interacts), abs=1e-3
    )


def test_roc_steps_up_before_it_goes_right():
    scores, interacts = [4.0, 3, 2, 1], [True, False, True, False]
    assert roc_at(scores, interacts, [0, 0.25, 0.5, 1]).tolist() == [0.5, 0.5, 1, 1]
    tied = roc_at([1.0, 1, 0], [True, False, False], [0, 0.25, 0.5])
    assert tied.tolist() == [0, 0.5, 1], "a tie is a diagonal"


def methods(scores, *, method="geh", replicate=1, interacts=(True, False, False), **options):
    return method_scores(
        FEATURES, scores, method=method, dataset="suite", replicate=replicate, snr=1.0, interacts=interacts,
        **options,
    )  # fmt: skip


def test_areas_and_ranks_over_data_sets(tmp_path):
    table = pd.concat(
        [
            methods(np.array([3.0, 2, 1])),
            methods(np.array([2.0, 3, 1]), replicate=2),
            methods(None, replicate=3, status="shap is not installed"),
            methods(np.array([1.0, 1, 1]), method="lasso"),
        ],
        ignore_index=True,
    )
    write_table(table, tmp_path / "methods.parquet", "hessian_methods")
    areas = auc_table(table).set_index("method")
    assert areas.loc["geh", ["auc", "true_rank", "ideal_rank", "n_datasets"]].tolist() == [0.75, 1.5, 1, 2]
    assert areas.loc["geh", "auc_se"] == pytest.approx(0.25)
    assert areas.loc["lasso", "auc"] == 0.5 and np.isnan(areas.loc["lasso", "auc_se"])
    write_table(auc_table(table), tmp_path / "auc.parquet", "hessian_auc")
    curve = roc_table(table)
    at_zero = curve[(curve["method"] == "geh") & (curve["false_positive_rate"] == 0)]
    assert at_zero["true_positive_rate"].tolist() == [0.5]
    write_table(curve, tmp_path / "roc.parquet", "hessian_roc")


def test_measured_data_have_no_areas(tmp_path):
    table = methods(np.array([3.0, 2, 1]), interacts=None)
    assert auc_table(table).empty and roc_table(table).empty
    write_table(roc_table(table), tmp_path / "roc.parquet", "hessian_roc")
    write_table(auc_table(table), tmp_path / "auc.parquet", "hessian_auc")


def test_coverage_counts_intervals():
    rows = []
    for fit, (low, high) in enumerate([(0.5, 1.5), (1.2, 2.0), (0.9, 1.1), (-0.5, 0.5)]):
        rows.append(
            {**IDENTITY, "fit": str(fit), "measure": "geh", "feature_a": "a", "feature_b": "b",
             "score": (low + high) / 2, "ci_low": low, "ci_high": high, "interacts": True, "truth": 1.0}
        )  # fmt: skip
    rows.append({**rows[0], "fit": "no spread", "ci_low": np.nan})
    table = coverage_table(pd.DataFrame(rows))
    assert table["n"].tolist() == [4] and table["coverage"].tolist() == [0.5]
    # Wilson 1927 for 2 of 4
    assert table["ci_low"][0] == pytest.approx(0.150, abs=1e-3)
    assert table["ci_high"][0] == pytest.approx(0.850, abs=1e-3)


def test_coverage_of_signed_group_means():
    groups = pd.DataFrame(
        {
            **IDENTITY,
            "group": ["g1", "g2", "g1", "g2"],
            "feature_a": "a",
            "feature_b": ["b", "b", "c", "c"],
            "mean": [1.0, -1, 0, 0.5],
            "ci_low": [0.5, -2, -1, 0.1],
            "ci_high": [1.5, -1.5, 1, 0.9],
            "truth": [1.0, -1, 0, 0],
        }
    )
    table = coverage_table(None, groups).set_index("feature_b")
    assert table["coverage"].to_dict() == {"b": 0.5, "c": 0.5}
    assert table["interacts"].to_dict() == {"b": True, "c": False}


def draws(scores, calls, p_groups, null="permutation"):
    pairs = feature_pairs(FEATURES)
    return pd.concat(
        [
            pairs.assign(score=s, published_call=c, p_groups=p, draw=k, null=null, measure="geh")
            for k, (s, c, p) in enumerate(zip(scores, calls, p_groups), start=1)
        ],
        ignore_index=True,
    ).assign(**IDENTITY)


def test_false_positives_by_counting(tmp_path):
    calls = [[True, True, False], [False, False, False], [True, False, False], [False, False, False]]
    p_groups = np.full((4, 3), 0.5)
    p_groups[0, 0] = 0.01
    table = false_positive_table(draws(np.ones((4, 3)), calls, p_groups)).set_index("rule")
    assert table.loc["published", "rate"] == 3 / 12 and table.loc["published", "family_rate"] == 0.5
    assert table.loc["published", "published"] == PUBLISHED_FALSE_POSITIVES["bike"]["geh"] == 0.042
    assert table.loc["signed_groups", "rate"] == pytest.approx(1 / 12)
    assert np.isnan(table.loc["signed_groups", "published"]) and "additive_null" not in table.index
    write_table(table.reset_index(), tmp_path / "fp.parquet", "hessian_false_positives")


def test_the_additive_rule_keeps_its_level_with_one_refit_per_null_data_set():
    rng = np.random.default_rng(1)
    shared = np.array([1.0, 5.0, 0.2])
    none, half = np.zeros((250, 3), bool), np.full((250, 3), 0.5)
    nulls = draws(shared * rng.gamma(2, size=(250, 3)), none, half)
    references = draws(shared * rng.gamma(2, size=(250, 3)), none, half)
    table = false_positive_table(nulls, references=references).set_index("rule")
    assert 0.025 <= table.loc["additive_null", "rate"] <= 0.085
    assert 0.02 <= table.loc["additive_null_family", "family_rate"] <= 0.09
    few = false_positive_table(nulls, references=references[references["draw"] < 19])
    assert set(few["rule"]) == {"published", "signed_groups"}, "18 refits cannot reach 5 %"
    assert few["ci_high"].between(0.005, 0.03).all(), "no call in 250 is not certainty"
    louder = references.assign(score=references["score"] / 4)
    assert false_positive_table(nulls, references=louder).set_index("rule").loc["additive_null", "rate"] > 0.3


def test_scores_must_fit_the_pairs():
    with pytest.raises(SeqauditError, match=r"scores of 'nid': got shape \(2,\), expected \(3,\)"):
        methods(np.ones(2), method="nid")


def test_ranks_of_an_injected_pair(tmp_path):
    table = pd.concat([methods(np.array([1.0, 3, 2])), methods(np.array([9.0, 3, 2]), method="lasso")])
    rows = injection_table(table, pair=("a", "b"), form="product", share=0.01)
    assert dict(zip(rows["method"], rows["rank"])) == {"geh": 3, "lasso": 1} and set(rows["n_pairs"]) == {3}
    write_table(rows, tmp_path / "injections.parquet", "hessian_injections")
    with pytest.raises(SeqauditError, match="order of the data"):
        injection_table(table, pair=("b", "a"), form="product", share=0.01)


def test_smoothing_keeps_planes_and_leaves_gaps(tmp_path):
    rng = np.random.default_rng(2)
    x = rng.uniform(0, 2, (4000, 3))
    x = x[(x[:, 0] < 1) | (x[:, 2] < 1)]
    y = x[:, 0] - 2 * x[:, 2]
    surface = smoothed_target(x, y, FEATURES, pairs=[("a", "c")], dataset="toy", n_cells=20)
    corner = (surface["value_a"] > 1.3) & (surface["value_b"] > 1.3)
    assert surface.loc[corner, "value"].isna().all() and len(surface) == 400
    inside = surface[surface["value_a"].between(0.2, 0.8) & surface["value_b"].between(0.2, 1.8)]
    np.testing.assert_allclose(inside["value"], inside["value_a"] - 2 * inside["value_b"], atol=0.1)
    write_table(surface, tmp_path / "surface.parquet", "hessian_surfaces")

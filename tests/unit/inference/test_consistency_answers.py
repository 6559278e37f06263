"""Answers about populations whose answer is known by construction."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from seqaudit.data.schemas import SCHEMAS
from seqaudit.data.tables import write_table
from seqaudit.errors import SeqauditError
from seqaudit.inference.consistency_answers import (
    ALL_DATASETS,
    FALSE_INTERACTIONS,
    RANKING,
    STABILITY,
    WITHIN,
    _correlations,
    answer_everything,
    answer_questions,
    setting_agreement,
)


def population(between=0.0, within=0.0, seed=1):
    """45 models of 9 designs; truth follows consistency between designs, and within them."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        [(f"arch{a}", l1, s) for a in (1, 2, 3) for l1 in (0.0, 1e-4, 1e-3) for s in range(5)],
        columns=["arch", "l1", "seed"],
    )
    shift = table.groupby(["arch", "l1"]).ngroup().to_numpy() // 3 + 0.0
    own = rng.normal(size=45)
    for column in SCHEMAS["consistency_models"].columns:
        if column.name not in table:
            table[column.name] = rng.normal(size=45) if column.dtype == "float64" else "x"
    table["consistency_geometry"] = 3 * shift + own
    table["truth_cosine"] = 3 * between * shift + within * own + 0.1 * rng.normal(size=45)
    table["control"], table["padding"], table["dataset"], table["status"] = "negative", "valid", "d", "ok"
    table["model_id"] = [f"m{i}" for i in range(45)]
    return table


def answer(table, question, quantity="consistency_geometry", **options):
    found = answer_questions(table, **{"resamples": 200, **options})
    return found[(found["question"] == question) & (found["quantity"] == quantity)].iloc[0]


def test_ranking_is_spearmans_and_its_interval_counts_designs():
    table = population(between=1, within=1)
    found = answer(table, RANKING)
    assert found["value"] == pytest.approx(
        stats.spearmanr(table["consistency_geometry"], table["truth_cosine"]).statistic
    )
    assert found["ci_low"] < found["value"] < found["ci_high"] <= 1
    assert found["value"] > 0.9


def test_a_difference_between_designs_is_no_correlation_within():
    # the published correlation may be one activation against another: given the design nothing is left
    table = population(between=1, within=0)
    assert answer(table, RANKING)["value"] > 0.6
    assert abs(answer(table, WITHIN)["value"]) < 0.35
    table = population(between=-1, within=3)
    assert answer(table, WITHIN)["value"] > 0.9


def test_the_partial_correlation_is_that_of_residual_ranks():
    table = population(between=1, within=1)
    design = pd.get_dummies(table[["arch", "l1"]].astype(str), drop_first=True).to_numpy(float)
    design = np.column_stack([np.ones(45), design])
    left = []
    for column in ("consistency_geometry", "truth_cosine"):
        ranks = stats.rankdata(table[column])
        left.append(ranks - design @ np.linalg.solve(design.T @ design, design.T @ ranks))
    assert answer(table, WITHIN)["value"] == pytest.approx(np.corrcoef(*left)[0, 1])


def test_losses_rank_the_other_way():
    table = population()
    table["test_mse"] = -table["truth_cosine"]
    assert answer(table, RANKING, "test_mse")["value"] == pytest.approx(1)


def test_false_interactions_seen_and_unseen():
    table = population()
    table["paired_p"] = np.where(
        table["consistency_geometry"] < table["consistency_geometry"].median(), 0.01, 0.5
    )
    seen = answer(table, FALSE_INTERACTIONS)
    assert seen["value"] == 1 and seen["pval"] == pytest.approx(1 / 201)
    table["paired_p"] = np.random.default_rng(0).uniform(0, 0.1, 45)
    unseen = answer(table, FALSE_INTERACTIONS)
    false = table["paired_p"] < 0.05
    u = stats.mannwhitneyu(
        table.loc[~false, "consistency_geometry"], table.loc[false, "consistency_geometry"]
    )
    assert unseen["value"] == pytest.approx(u.statistic / (false.sum() * (~false).sum()))
    assert unseen["pval"] == pytest.approx(u.pvalue, abs=0.1)
    table["paired_p"] = 0.5
    assert answer(table, FALSE_INTERACTIONS)["status"].startswith("0 of 45 models have a false interaction")


def test_models_that_were_not_considered_are_left_out(tmp_path):
    table = population(within=1)
    table.loc[:40, "status"] = "dead"
    found = answer_questions(table, resamples=10)
    few = found[found["question"] == WITHIN].iloc[0]
    assert few["n_models"] == 4
    table.loc[:42, "status"] = "dead"
    found = answer_questions(table, resamples=10)
    assert (found.loc[found["question"] == RANKING, "status"] == "too few models with different values").all()
    write_table(found, tmp_path / "a.parquet", "consistency_answers")


def test_settings_that_rank_alike(tmp_path):
    rng = np.random.default_rng(1)
    base = rng.normal(size=30)
    parts = []
    for method, setting, values in (
        ("saliency", "default", base),
        ("saliency", "wide", base**3),
        ("ism", "default", rng.normal(size=30)),
    ):
        parts.append(
            pd.DataFrame({"model_id": [f"m{i}" for i in range(30)], "method": method, "setting": setting})
        )
        parts[-1]["consistency_geometry"] = values
    designs = pd.DataFrame({"model_id": [f"m{i}" for i in range(30)], "dataset": "d"})
    found = setting_agreement(pd.concat(parts, ignore_index=True), designs)
    value = found.set_index(["method", "setting"])["value"]
    assert value["saliency", "default"] == pytest.approx(1)
    assert value["saliency", "wide"] == pytest.approx(1)
    assert abs(value["ism", "default"]) < 0.5
    write_table(found, tmp_path / "a.parquet", "consistency_answers")


def test_an_unknown_truth_is_refused():
    with pytest.raises(SeqauditError, match="no column 'truth_spearman'"):
        answer_questions(population(), truth="truth_spearman")


def test_resampled_correlations_are_those_of_the_repeated_models():
    rng = np.random.default_rng(3)
    x = rng.integers(0, 8, 14).astype(float)  # with ties
    y = x + rng.normal(0, 2, 14)
    design = np.column_stack([np.ones(14), rng.integers(0, 2, (14, 2))]).astype(float)
    counts = rng.multinomial(14, np.full(14, 1 / 14), size=20).astype(float)
    overall = _correlations(x, y, counts, None)
    within = _correlations(x, y, counts, design)
    for times, one, other in zip(counts.astype(int), overall, within):
        rows = np.repeat(np.arange(14), times)
        assert one == pytest.approx(stats.spearmanr(x[rows], y[rows]).statistic)
        ranks = [stats.rankdata(values[rows]) for values in (x, y)]
        left = [r - design[rows] @ np.linalg.lstsq(design[rows], r)[0] for r in ranks]
        assert other == pytest.approx(np.corrcoef(*left)[0, 1])


def test_all_datasets_together_compare_ranks_within_each():
    # within each dataset truth falls with consistency; between them both rise
    first, second = population(within=-1, seed=1), population(within=-1, seed=2)
    second = second.assign(
        dataset="e",
        model_id="e" + second["model_id"],
        consistency_geometry=second["consistency_geometry"] + 50,
        truth_cosine=second["truth_cosine"] + 50,
    )
    both = pd.concat([first, second], ignore_index=True)
    both[["method", "setting"]] = ["saliency", "default"]
    found = answer_everything(both).query("quantity == 'consistency_geometry'")
    pooled = found[(found["dataset"] == ALL_DATASETS) & (found["question"] == RANKING)].iloc[0]
    assert pooled["n_models"] == 90 and pooled["value"] < -0.2
    assert set(found["dataset"]) == {"d", "e", ALL_DATASETS}
    assert STABILITY in set(found["question"])
    alone = answer_everything(first.assign(method="saliency", setting="default"))
    assert ALL_DATASETS not in set(alone["dataset"])

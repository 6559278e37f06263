"""Scores over rounds, by hand."""

import numpy as np
import pandas as pd
import pytest

from seqaudit.data.tables import write_table
from seqaudit.errors import SeqauditError
from seqaudit.inference.deepmr import score_rounds
from seqaudit.inference.deepmr.scores import identity_r2, pearson_r2

ROUNDS = pd.DataFrame(
    {
        "study": "s",
        "scenario": "none",
        "round": [1, 2, 3, 4],
        "gamma_cluster": ["low", "high", "low", "high"],
    }
)


def overall(**columns) -> pd.DataFrame:
    table = {
        "study": "s",
        "scenario": "none",
        "round": [1, 2, 3, 4],
        "recipe": "r",
        "exposure": "X",
        "outcome": "Y",
        "sequence_class": "both",
        "method": "member_slope/mean",
        "b": [1.0, 3.5, 1.5, 4.0],
        "se": 0.25,
        "ci_low": [0.5, 3.0, 1.0, 3.5],
        "ci_high": [1.5, 4.0, 2.0, 4.5],
        "tau": [0.1, 0.3, 0.1, 0.5],
        "truth": [1.0, 3.0, 2.25, 3.75],
        "k": [9, 8, 10, 5],
        "n_loci": 10,
        "pi_coverage": [1.0, 0.9, 0.8, 0.7],
        "local_coverage": [1.0, 0.8, 0.9, 0.9],
        "local_bias": [0.0, 0.2, -0.2, 0.4],
        "local_rmse": [0.3, 0.4, 0.0, 0.5],
    }
    return pd.DataFrame(table | columns)


def test_scores_by_hand():
    row = score_rounds(overall()).iloc[0]
    # errors: 0, 0.5, -0.75, 0.25; truth: mean 2.5, squared deviations 2.25, .25, .0625, 1.5625
    assert (row["n_tried"], row["n_rounds"], row["gamma_cluster"]) == (4, 4, "all")
    assert row["bias"] == 0
    assert row["relative_bias"] == 0
    assert row["truth"] == 2.5
    assert row["rmse"] == pytest.approx(np.sqrt(0.875 / 4))
    assert row["identity_r2"] == pytest.approx(1 - 0.875 / 4.125)
    # deviations of b from 2.5: -1.5, 1, -1, 1.5
    products = -1.5 * -1.5 + 1 * 0.5 + -1 * -0.25 + 1.5 * 1.25
    assert row["pearson_r2"] == pytest.approx(products**2 / (6.5 * 4.125))
    assert row["ci_coverage"] == 0.75
    assert (row["ci_coverage_low"], row["ci_coverage_high"]) == pytest.approx((0.3006, 0.9544), abs=1e-4)
    assert row["tau_coverage"] == 0.75
    assert row["pi_coverage"] == pytest.approx(0.85)
    assert row["local_coverage"] == pytest.approx(0.9)
    assert row["local_bias"] == pytest.approx(0.1)
    assert row["local_rmse"] == pytest.approx(np.sqrt((0.09 + 0.16 + 0.25) / 4))
    assert row["retained"] == pytest.approx(0.8)
    assert (row["se"], row["tau"]) == (0.25, pytest.approx(0.2))


def test_relative_bias():
    row = score_rounds(overall(b=[1.1, 3.1, 2.35, 3.85])).iloc[0]
    assert row["bias"] == pytest.approx(0.1)
    assert row["relative_bias"] == pytest.approx(0.04)


def test_clusters_of_gamma():
    scores = score_rounds(overall(), ROUNDS.sample(frac=1, random_state=0)).set_index("gamma_cluster")
    assert scores.index.tolist() == ["all", "high", "low"]
    assert scores["n_rounds"].tolist() == [4, 2, 2]
    assert scores.loc["high", "bias"] == pytest.approx(0.375)
    assert scores.loc["low", "bias"] == pytest.approx(-0.375)
    assert np.isnan(scores.loc["low", "pearson_r2"])  # two points always lie on a line


def test_order_of_rows_does_not_matter():
    table = pd.concat([overall(), overall(method="ivw/reml_hk", b=2.0)], ignore_index=True)
    scores = score_rounds(table, ROUNDS)
    other = score_rounds(table.sample(frac=1, random_state=3), ROUNDS.iloc[::-1])
    keys = ["method", "gamma_cluster"]
    pd.testing.assert_frame_equal(
        scores.sort_values(keys, ignore_index=True), other.sort_values(keys, ignore_index=True)
    )


def test_rounds_without_an_estimate_are_counted():
    table = overall(b=[1.0, np.nan, 1.5, 4.0], k=[9, 0, 10, 5])
    row = score_rounds(table).iloc[0]
    assert (row["n_tried"], row["n_rounds"]) == (4, 3)
    assert row["bias"] == pytest.approx(-0.5 / 3)
    assert row["retained"] == pytest.approx(0.6)
    nothing = score_rounds(overall(b=np.nan, k=0)).iloc[0]
    assert (nothing["n_rounds"], nothing["retained"]) == (0, 0)
    assert np.isnan(nothing["bias"])


def test_without_truth_there_are_no_scores(tmp_path):
    unknown = dict.fromkeys(["truth", "pi_coverage", "local_coverage", "local_bias", "local_rmse"], np.nan)
    scores = score_rounds(overall(**unknown))
    row = scores.iloc[0]
    assert row["n_rounds"] == 4 and row["se"] == 0.25
    names = ["bias", "rmse", "pearson_r2", "identity_r2", "ci_coverage", "ci_coverage_low", "tau_coverage"]
    assert row[names].isna().all()
    write_table(scores, tmp_path / "scores.parquet", "deepmr_scores")
    some = score_rounds(overall(truth=[1.0, np.nan, 2.25, 3.75])).iloc[0]
    assert some[names].isna().all()


def test_groups_stay_apart():
    table = pd.concat([overall(), overall(scenario="both", b=9.0), overall(sequence_class="all")])
    assert len(score_rounds(table)) == 3
    assert score_rounds(table)["rmse"].nunique() == 2


def test_other_studies_need_no_clusters():
    scores = score_rounds(pd.concat([overall(), overall(study="measured")]), ROUNDS)
    assert scores.groupby("study")["gamma_cluster"].agg(list).to_dict() == {
        "measured": ["all"],
        "s": ["all", "high", "low"],
    }


def test_rounds_must_be_listed_once():
    with pytest.raises(SeqauditError, match="cascade_rounds: round 2 of s, none is listed twice"):
        score_rounds(overall(), pd.concat([ROUNDS, ROUNDS.iloc[[1]]]))
    with pytest.raises(SeqauditError, match="no row for round 3 of s, none, which deepmr_global has"):
        score_rounds(overall(), ROUNDS[ROUNDS["round"] != 3])


def test_correlations_without_variation():
    assert np.isnan(pearson_r2(np.array([1.0, 2, 3]), np.ones(3)))
    assert np.isnan(identity_r2(np.array([1.0, 2, 3]), np.ones(3)))
    assert identity_r2(np.array([2.0, 3, 4]), np.array([1.0, 2, 3])) == pytest.approx(1 - 3 / 2)
    assert pearson_r2(np.array([2.0, 3, 4]), np.array([1.0, 2, 3])) == pytest.approx(1)

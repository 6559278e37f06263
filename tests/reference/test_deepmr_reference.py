"""The scores of the published simulation rounds, computed again from its tables.

Reads the rounds of Malina, Cizin, Knowles 2022 that the rendered figures of its repository
hold, from the folder that the environment variable SEQAUDIT_DEEPMR_ROUNDS names,
``../shared/data/deepmr/sim_rounds`` beside the repository by default. Expected values: Table 1
of the paper (squared correlations, 2-tau coverage) and an independent calculation.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from seqaudit.inference.deepmr import score_rounds

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("SEQAUDIT_DEEPMR_ROUNDS", ROOT / "../shared/data/deepmr/sim_rounds"))

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"no published rounds in {FOLDER} (SEQAUDIT_DEEPMR_ROUNDS)"
)

EGGER = {
    "pearson_r2": (0.973, 0.9835, 0.971),
    "identity_r2": (0.972, 0.974, 0.927),
    "bias": (-0.031, 0.056, -0.202),
    "rmse": (0.184, 0.180, 0.300),
    "ci_coverage": (0.52, 0.30, 0.14),
    "tau_coverage": (1.00, 1.00, 0.98),
}
WALD = {
    "pearson_r2": (0.979, 0.970, 0.982),
    "identity_r2": (0.793, 0.908, 0.944),
    "bias": (-0.424, -0.276, -0.178),
    "tau_coverage": (1.00, 0.96, 0.86),
}
# n, bias, median tau, median se, mean local coverage
CLUSTERS = {
    ("unconfounded", "low"): (24, 0.011, 0.15, 0.015, 0.93),
    ("unconfounded", "high"): (26, -0.069, 1.84, 0.099, 0.82),
    ("random", "low"): (24, -0.028, 0.15, 0.011, 0.81),
    ("random", "high"): (26, 0.134, 1.34, 0.082, 0.80),
    ("sequence", "low"): (29, -0.072, 0.11, 0.008, 0.83),
    ("sequence", "high"): (21, -0.381, 0.72, 0.066, 0.92),
}
WITHIN_CLUSTER = {
    ("unconfounded", "low"): 0.985,
    ("unconfounded", "high"): -0.07,
    ("random", "low"): 0.977,
    ("random", "high"): 0.21,
    ("sequence", "low"): 0.981,
    ("sequence", "high"): 0.54,
}
# Table 1 of the paper: squared correlation of Egger and Wald, mean local coverage
PAPER = {"unconfounded": (0.97, 0.98, 0.87), "random": (0.98, 0.97, 0.81), "sequence": (0.97, 0.98, 0.87)}


@pytest.fixture(scope="module")
def scores() -> pd.DataFrame:
    tables = [published(scenario) for scenario in PAPER]
    rounds = pd.concat(tables)[["study", "scenario", "round", "truth"]].drop_duplicates()
    rounds["gamma_cluster"] = np.where(rounds["truth"] < 2, "low", "high")
    table = score_rounds(pd.concat(tables, ignore_index=True), rounds)
    return table.set_index(["method", "scenario", "gamma_cluster"])


def published(scenario: str) -> pd.DataFrame:
    """The columns of ``deepmr_global`` that the published rounds have, limits at 2 standard errors."""
    rounds = pd.read_csv(FOLDER / f"{scenario}.csv")
    shared = {
        "study": "published",
        "scenario": scenario,
        "round": np.arange(1, len(rounds) + 1),
        "recipe": "published",
        "exposure": "GATA1",
        "outcome": "TAL1",
        "sequence_class": "all",
        "truth": rounds["true_ce_est"],
        "pi_coverage": np.nan,
        "local_coverage": rounds["calibration"],
        "local_bias": np.nan,
        "local_rmse": np.nan,
        "k": 1,
        "n_loci": 1,
    }
    egger = {
        "method": "egger_published/reml",
        "b": rounds["ce_est"],
        "se": rounds["ce_se"],
        "tau": rounds["ce_tau"],
        "ci_low": rounds["ce_est"] - 2 * rounds["ce_se"],
        "ci_high": rounds["ce_est"] + 2 * rounds["ce_se"],
    }
    wald = {
        "method": "wald_mean/sd",
        "b": rounds["naive_est"],
        "se": np.nan,
        "tau": (rounds["naive_mr_upper"] - rounds["naive_mr_lower"]) / 4,
        "ci_low": np.nan,
        "ci_high": np.nan,
    }
    return pd.concat([pd.DataFrame({**shared, **method}) for method in (egger, wald)], ignore_index=True)


@pytest.mark.parametrize("method, expected", [("egger_published/reml", EGGER), ("wald_mean/sd", WALD)])
def test_scores_of_published_rounds(scores, method, expected):
    for name, values in expected.items():
        found = [scores.loc[(method, scenario, "all"), name] for scenario in PAPER]
        exact = name.endswith("coverage")  # a share of 50 rounds; others are known to three digits
        assert found == pytest.approx(list(values), abs=1e-9 if exact else 0.00055), name


@pytest.mark.parametrize("scenario", PAPER)
def test_paper_table_1(scores, scenario):
    egger, wald, local = PAPER[scenario]
    assert round(scores.loc[("egger_published/reml", scenario, "all"), "pearson_r2"], 2) == egger
    assert round(scores.loc[("wald_mean/sd", scenario, "all"), "pearson_r2"], 2) == wald
    assert scores.loc[("egger_published/reml", scenario, "all"), "local_coverage"] == pytest.approx(
        local, abs=0.0051
    )


@pytest.mark.parametrize("scenario, cluster", CLUSTERS)
def test_clusters_of_gamma(scores, scenario, cluster):
    row = scores.loc[("egger_published/reml", scenario, cluster)]
    n, bias, tau, se, local = CLUSTERS[scenario, cluster]
    assert row["n_rounds"] == n
    assert row["bias"] == pytest.approx(bias, abs=0.00051)
    assert row["tau"] == pytest.approx(tau, abs=0.0051)
    assert row["se"] == pytest.approx(se, abs=0.00051)
    assert row["local_coverage"] == pytest.approx(local, abs=0.0051)
    assert row["pearson_r2"] == pytest.approx(WITHIN_CLUSTER[scenario, cluster] ** 2, abs=0.011)


def test_two_standard_errors_do_not_cover(scores):
    """The Wilson interval of the published coverage excludes 95 % in every scenario."""
    rows = scores.loc["egger_published/reml"].xs("all", level="gamma_cluster")
    assert (rows["ci_coverage_high"] < 0.95).all()

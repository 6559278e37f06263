"""Hessian studies in the workflow: what they make, what they remake, and what they say when input is bad."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from workflow_runner import ROOT, Workflow

from seqaudit.data.tables import read_table

SHOWING = {"judge_study", "collect_hessian", "plot_hessian", "audit_run", "build_report", "all"}


def folder_of(workflow: Workflow, run: str = "smoke") -> Path:
    return workflow.folder / "results" / run / "hessian"


def edited(tmp_path, edit) -> str:
    config = yaml.safe_load((ROOT / "config/test/smoke.yaml").read_text())
    edit(config["hessian"])
    path = tmp_path / "edited.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return str(path)


def test_pairs_of_all_studies_are_scored_and_held_against_refits(smoke):
    pairs = read_table(folder_of(smoke) / "pairs.parquet", "hessian_pairs")
    geh = pairs[pairs["measure"] == "geh"].set_index("fit")
    assert len(geh.loc["suite.snr_10.round_1.tiny"]) == 28
    motifs = geh.loc["motif_scores.pos_same.strata"]
    assert set(motifs["feature_a"]) | set(motifs["feature_b"]) == {"GATA1", "TAL1", "SIX5"}
    assert motifs["p_additive"].between(0.25, 1).all() and motifs["p_permutation"].between(1 / 3, 1).all()
    # with three refits nothing can be called at 5 %, and the table says so
    assert not motifs["call"].any() and motifs["status"].str.contains("too few").all()
    assert motifs.set_index(["feature_a", "feature_b"]).loc[("GATA1", "TAL1"), "interacts"]
    by_size = pairs.pivot(index=["fit", "feature_a", "feature_b"], columns="measure", values="score")
    assert (by_size["aeh"] <= by_size["geh"] + 1e-9).all() and (by_size["geh"] <= by_size["eah"] + 1e-9).all()


def test_methods_false_positives_and_coverage_are_counted(smoke):
    areas = read_table(folder_of(smoke) / "auc.parquet", "hessian_auc")
    suite = areas[areas["dataset"] == "suite"]
    assert set(suite["method"]) >= {"geh", "aeh", "eah", "lasso", "oracle", "nid", "integrated"}
    rates = read_table(folder_of(smoke) / "false_positives.parquet", "hessian_false_positives")
    assert set(rates["null"]) == {"permutation", "main_effects"} and set(rates["n_draws"]) == {2}
    assert len(read_table(folder_of(smoke) / "coverage.parquet", "hessian_coverage")) > 28


def test_the_report_has_the_chapter_and_the_audit_the_line(smoke):
    page = (smoke.folder / "results/smoke/report.html").read_text()
    assert "Interactions with uncertainty" in page
    audit = read_table(smoke.folder / "results/smoke/audit.parquet", "audit").set_index("question_id")
    asked = audit.loc["motif_pair.pos_same.GATA1-TAL1"]
    assert asked["hessian_verdict"] == "not significant" and np.isfinite(asked["hessian_p"])
    assert pd.isna(audit.loc["motif_pair.neg_valid.GATA1-TAL1", "hessian_verdict"])


def test_trained_networks_are_asked_where_interactions_arise(smoke):
    heads = read_table(folder_of(smoke) / "heads/by_dataset/neg_valid.parquet", "hessian_heads")
    assert heads["model_id"].nunique() == 4 and (heads.groupby("model_id").size() == 50).all()
    np.testing.assert_array_equal(heads["interaction"] - heads["head"], heads["below"])
    designs = read_table(folder_of(smoke) / "heads/designs.parquet", "hessian_head_designs")
    # two seeds of two architectures for two datasets
    assert len(designs) == 4 and (designs["n_networks"] == 2).all()
    assert (smoke.folder / "results/smoke/figures/heads/captions.json").exists()


def test_another_level_trains_and_asks_nothing(smoke, tmp_path):
    planned = smoke.planned(config=edited(tmp_path, lambda hessian: hessian.update(alpha=0.2)))
    assert set(planned) == SHOWING


def test_other_groups_ask_the_same_networks_again(smoke, tmp_path):
    planned = smoke.planned(config=edited(tmp_path, lambda h: h["recipes"]["strata"].update(groups=3)))
    assert planned["ask_hessian"] == 1 and planned["score_nulls"] == 5
    assert set(planned) - SHOWING == {"ask_hessian", "score_nulls", "rank_pairs", "describe_table"}


def test_more_refits_leave_the_observed_network_alone(smoke, tmp_path):
    planned = smoke.planned(config=edited(tmp_path, lambda h: h["recipes"]["strata"].update(permutations=4)))
    assert (
        planned["fit_hessian"] == planned["score_nulls"] == 2
    )  # permutations and what they are held against
    assert "ask_hessian" not in planned


def test_another_training_fits_that_recipe_only(smoke, tmp_path):
    def train_longer(hessian):
        hessian["recipes"]["tiny"]["network"]["max_epochs"] = 3

    planned = smoke.planned(config=edited(tmp_path, train_longer))
    assert planned["fit_hessian"] == planned["ask_hessian"] == planned["rank_pairs"] == 1
    assert "simulate_table" not in planned and "score_nulls" not in planned


def own_table(folder, **changes) -> Workflow:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.uniform(-1, 1, (400, 3)), columns=["heat", "light", "water"])
    table["growth"] = 2 * table["heat"] * table["light"] + table["water"]
    table.assign(**changes).to_csv(folder / "plants.csv", index=False)
    recipe = {"network": {"hidden": [8]}, "samples": 6, "groups": 2, "baselines": []}
    study = {"kind": "table", "recipes": ["small"], "file": "plants.csv", "target": "growth"}
    config = {
        "run": "own",
        "data_folder": str(folder),
        "hessian": {"studies": {"plants": study}, "recipes": {"small": recipe}},
    }
    (folder / "own.yaml").write_text(yaml.safe_dump(config))
    return Workflow(folder, folder / "own.yaml")


def test_an_own_table_is_answered_without_any_dataset(tmp_path):
    workflow = own_table(tmp_path)
    done = workflow("hessian")
    assert done.returncode == 0, done.stdout + done.stderr
    pairs = read_table(folder_of(workflow, "own") / "pairs.parquet", "hessian_pairs")
    best = pairs[(pairs["measure"] == "geh") & (pairs["rank"] == 1)].iloc[0]
    assert (best["feature_a"], best["feature_b"]) == ("heat", "light") and pd.isna(best["call"])
    assert best["score"] == pytest.approx(2, abs=0.6)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"light": "bright"}, "plants.csv: column 'light' holds text in row 0"),
        ({"water": 1.0}, "plants.csv: feature 'water' is 1 in all 400 rows"),
    ],
)
def test_a_bad_table_ends_with_one_message(tmp_path, changes, message):
    workflow = own_table(tmp_path, **changes)
    done = workflow("results/own/hessian/data/plants.measured.parquet")
    assert done.returncode != 0 and message in done.stderr

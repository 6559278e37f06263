"""The rule that recommends a model: each step, its reasons, and that it never sees the truth."""

import numpy as np
import pandas as pd
import pytest

from seqaudit.data.schemas import SCHEMAS
from seqaudit.data.tables import read_table, write_table
from seqaudit.errors import SeqauditError
from seqaudit.inference.model_selection import compare_choices, heldout_losses, pareto_front, select_models

# model, loss, geometry, spectrum, truth; the loss has a standard error of 0.05
POPULATION = [
    ("best", 1.00, 0.30, 0.10, 0.60),
    ("beaten", 1.03, 0.25, 0.50, 0.50),
    ("chosen", 1.04, 0.60, 0.20, 0.80),
    ("tied", 1.02, 0.595, 0.20, 0.70),
    ("fancy", 1.06, 2.00, 0.90, 0.10),
    ("dead", 1.01, np.nan, np.nan, np.nan),
    ("diverged", np.nan, 0.9, 0.9, 0.2),
    ("half", 1.00, 0.8, 0.9, 0.3),
]


def tables(population=POPULATION):
    scores, evaluations, heldout, truth = [], [], [], []
    columns = [c.name for c in SCHEMAS["consistency_scores"].columns]
    for seed, (model_id, loss, geometry, spectrum, cosine) in enumerate(population):
        score = dict.fromkeys(columns, 0.0) | {
            "model_id": model_id,
            "method": "saliency",
            "setting": "default",
        }
        score |= {
            "n_sequences": 100,
            "n_zero": 0,
            "n_not_finite": 0,
            "n_words": 9,
            "n_windows": 9,
            "status": "ok",
        }
        for name, value in (("geometry", geometry), ("spectrum", spectrum)):
            score |= {f"consistency_{name}": value, f"consistency_{name}_raw": value + 0.1}
            score[f"consistency_{name}_se"] = 0.01
        if model_id == "dead":
            score |= {"n_zero": 100, "status": "no map to score: every one is zero or not finite"}
        if model_id == "half":
            score |= {"n_not_finite": 50}
        scores.append(score)
        evaluations.append(
            {
                "model_id": model_id,
                "dataset": "neg_valid",
                "control": "negative",
                "padding": "valid",
                "arch": "arch1",
                "l1": 0.0,
                "seed": seed,
                "epochs": 9,
                "best_epoch": 5,
                "seconds": 1.0,
                "n_test": 50,
                "test_mse": 1.8,
                "test_pearson": 0.9,
                "test_spearman": 0.9,
            }
        )
        heldout.append({"model_id": model_id, "heldout_mse": loss, "heldout_mse_se": 0.05})
        columns_of_truth = [c.name for c in SCHEMAS["attribution_scores"].columns]
        truth.append(
            dict.fromkeys(columns_of_truth, cosine)
            | {"model_id": model_id, "method": "saliency", "n_sequences": 100, "n_scored": 100}
        )
    return tuple(pd.DataFrame(rows) for rows in (scores, evaluations, heldout, truth))


def select(population=POPULATION, **options):
    scores, evaluations, heldout, truth = tables(population)
    options = {"truth": truth, "stability": pd.Series({"chosen": 0.9, "tied": 0.5}), **options}
    return select_models(scores, evaluations, heldout, **options)


def test_each_step_of_the_rule():
    table = select().set_index("model_id")
    assert table.index[table["within_loss_gate"]].tolist() == ["best", "beaten", "chosen", "tied"]
    assert table.index[table["pareto"]].tolist() == ["best", "chosen", "tied"]
    assert table.index[table["selected"]].tolist() == ["chosen"]
    assert (table.loc[["dead", "diverged", "half"], "status"] != "ok").all()


def test_reasons_tell_the_numbers():
    reason = select().set_index("model_id")["reason"]
    assert reason["chosen"] == (
        "Selected: 4 of 5 models have a held-out loss within 1 standard error of the best (1), 3 on the "
        "Pareto front, where it is the most consistent (geometry score 0.6) within error; of 2 such models "
        "its seeds agree best."
    )
    assert reason["best"] == (
        "On the Pareto front, but less consistent (geometry score 0.3) than the selected model (0.6)."
    )
    assert reason["beaten"].startswith("'tied' has no higher held-out loss (1.02 against 1.03)")
    assert reason["tied"].startswith("As consistent as the selected model within its error")
    assert reason["fancy"].startswith("Its held-out loss (1.06) exceeds the best, 1 of 'best', by more than")
    assert reason["dead"] == (
        "Not considered: it has no consistency score (no map to score: every one is zero or not finite)."
    )
    assert reason["diverged"] == "Not considered: its held-out loss is not finite."
    assert reason["half"] == "Not considered: 50 of its 100 maps are zero or not finite."


def test_seeds_break_ties_only_within_the_error():
    assert select(stability=pd.Series({"tied": 0.9, "chosen": 0.5}))["selected"].tolist().index(True) == 3
    assert select(stability=pd.Series({"best": 1.0}))["selected"].tolist().index(True) == 2
    assert select(stability=None)["selected"].tolist().index(True) == 2


def test_the_truth_changes_nothing():
    rng = np.random.default_rng(1)
    decision = ["within_loss_gate", "pareto", "selected", "reason", "status"]
    expected = select(truth=None)[decision]
    for _ in range(5):
        shuffled = [(*row[:4], rng.normal()) for row in POPULATION]
        assert select(shuffled)[decision].equals(expected)


def test_another_criterion_and_margin():
    assert select(criterion="consistency_spectrum").query("selected")["model_id"].tolist() == ["beaten"]
    assert select(margin=2.0).query("selected")["model_id"].tolist() == ["fancy"]
    # without a margin only models as good as the best are left
    assert select(margin=0.0).query("selected")["model_id"].tolist() == ["best"]


def test_every_dataset_method_and_setting_is_decided_by_itself():
    scores, evaluations, heldout, _ = tables()
    scores.loc[scores["model_id"] == "best", "method"] = "ism"
    table = select_models(scores, evaluations, heldout)
    assert table.groupby("method")["selected"].sum().to_dict() == {"ism": 1, "saliency": 1}
    nothing = select_models(scores.query("model_id == 'dead'"), evaluations, heldout)
    assert not nothing["selected"].any()


def test_loss_tests_are_shown():
    loss_models = pd.DataFrame(
        {
            "model_id": ["best", "chosen", "chosen"],
            "verdict": ["supported", "supported", "not supported"],
            "paired_p": [0.01, 0.5, 0.5],
        }
    )
    table = select(loss_models=loss_models).set_index("model_id")
    assert table.loc["best", ["loss_verdict", "paired_p"]].tolist() == ["supported", 0.01]
    assert table.loc["chosen", "loss_verdict"] == "supported: 1, not supported: 1"
    assert table.loc["chosen", "paired_p"] == pytest.approx(0.5)
    assert pd.isna(table.loc["tied", "loss_verdict"])


def test_tables_can_be_stored(tmp_path):
    table = select(off_simplex=pd.Series({"best": 0.2}))
    write_table(table, tmp_path / "m.parquet", "consistency_models")
    assert read_table(tmp_path / "m.parquet", "consistency_models")["off_simplex_30"][0] == 0.2
    write_table(compare_choices(table), tmp_path / "c.parquet", "consistency_choices")
    bare = select(truth=None, stability=None)
    write_table(bare, tmp_path / "b.parquet", "consistency_models")
    assert compare_choices(bare).empty
    write_table(compare_choices(bare), tmp_path / "e.parquet", "consistency_choices")


def test_choices_and_their_regret():
    found = compare_choices(select(), ensemble={"neg_valid": 0.75}).set_index("choice")
    assert found.loc["selected", ["model_id", "truth"]].tolist() == ["chosen", 0.8]
    assert found.loc["lowest held-out loss", "model_id"] == "best"
    assert found.loc["most consistent, raw, no loss gate", "model_id"] == "fancy"
    assert found["regret"].to_dict() == pytest.approx(
        {
            "selected": 0,
            "lowest held-out loss": 0.2,
            "most consistent, raw, no loss gate": 0.7,
            "best model": 0,
            "random model (mean)": 0.8 - 0.54,
            "mean map of all models": 0.05,
        }
    )
    assert (found["n_models"] == 5).all()


def front_by_loop(loss, consistency):
    return [
        not any(
            loss[j] <= loss[i]
            and consistency[j] >= consistency[i]
            and (loss[j] < loss[i] or consistency[j] > consistency[i])
            for j in range(len(loss))
        )
        for i in range(len(loss))
    ]


@pytest.mark.parametrize("seed", range(5))
def test_pareto_front_equals_a_loop(seed):
    loss, consistency = np.random.default_rng(seed).integers(6, size=(2, 25))
    assert pareto_front(loss, consistency).tolist() == front_by_loop(loss, consistency)


def test_heldout_losses():
    found = heldout_losses({"a": np.array([1.0, 2, 4]), "b": np.array([1.0, np.nan, 4])}, [1, 1, 1])
    errors = np.array([0, 1, 9])
    assert found.loc[0, "heldout_mse"] == pytest.approx(10 / 3)
    assert found.loc[0, "heldout_mse_se"] == pytest.approx(errors.std(ddof=1) / np.sqrt(3))
    assert found.loc[1].isna().tolist() == [False, True, True]
    with pytest.raises(SeqauditError, match=r"model 'a' has shape \(2,\), the target \(3,\)"):
        heldout_losses({"a": np.zeros(2)}, np.zeros(3))


def test_bad_input_is_refused():
    scores, evaluations, heldout, _ = tables()
    with pytest.raises(SeqauditError, match="evaluations: model 'best' has consistency scores but no row"):
        select_models(scores, evaluations.iloc[1:], heldout)
    with pytest.raises(SeqauditError, match="heldout: model 'half'"):
        select_models(scores, evaluations, heldout.iloc[:-1])
    with pytest.raises(SeqauditError, match="criterion: got 'truth_cosine'"):
        select(criterion="truth_cosine")
    with pytest.raises(SeqauditError, match="margin -1"):
        select(margin=-1)
    with pytest.raises(SeqauditError, match="truth: got 'heldout_mse'"):
        compare_choices(select(), truth="heldout_mse")

"""Verdicts on motif pairs: when is an interaction real, and what do the sentences say?"""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from seqaudit.data.schemas import SCHEMAS
from seqaudit.data.tables import write_table
from seqaudit.errors import SeqauditError
from seqaudit.inference.loss_verdicts import decide_verdicts


def models_of(votes, *, motif_pair="A-B", dataset="toy", **columns):
    """Rows of ``loss_models``. ``votes`` maps an architecture to unpaired p-values, NaN for untested."""
    rows = []
    for arch, p_values in votes.items():
        for seed, p in enumerate(p_values):
            verdict = "not tested" if np.isnan(p) else "supported" if p < 0.05 else "not supported"
            rows.append(
                {
                    **{column.name: 1.0 for column in SCHEMAS["loss_models"].columns},
                    "model_id": f"{arch}.{seed}",
                    "dataset": dataset,
                    "control": None,
                    "padding": "same",
                    "arch": arch,
                    "motif_pair": motif_pair,
                    "n_pairs": 500,
                    "test_mse": 1.0 + 0.1 * len(rows),
                    "test_pearson": 0.87,
                    "mean_interaction": 30.0,
                    "mean_abs_interaction": 31.0 + len(rows) ** 2,
                    "median_loss_improvement": 2.5,
                    "unpaired_p": p,
                    "paired_p": p,
                    "random_location_p": 1e-9,
                    "verdict": verdict,
                    "status": "no held-out pairs (unpaired_p not computed)" if np.isnan(p) else "ok",
                }
            )
    return pd.DataFrame(rows).assign(**columns)


def pairs_of(models, *, n=40, gain=1.0, seed=0):
    """Held-out rows of ``interaction_pairs`` for every model."""
    rng = np.random.default_rng(seed)
    parts = []
    for row in models.itertuples():
        loss = rng.chisquare(1, n)
        table = {
            "model_id": row.model_id,
            "pair_id": [f"p{i}" for i in range(n)],
            "motif_pair": row.motif_pair,
            "pair_set": "real",
            "split": "test",
            "group": [f"g{i}" for i in range(n)],
            "label": 100.0,
            **{f"f_{version}": 100.0 for version in ("orig", "a_off", "b_off", "both_off")},
            "main_a": 10.0,
            "main_b": 10.0,
            "interaction": rng.normal(5, 1, n),
            "loss_with": loss,
            "loss_without": np.abs(loss + rng.normal(gain, 1, n)),
            "clipped": False,
        }
        parts.append(pd.DataFrame(table))
    return pd.concat(parts, ignore_index=True)


def judge(votes, **options):
    models = models_of(votes)
    return decide_verdicts(models, pairs_of(models), **options).iloc[0]


YES, NO = 1e-8, 0.6


@pytest.mark.parametrize(
    "votes, verdict, says",
    [
        (
            {"cnn": [YES] * 3, "deep": [YES] * 3},
            "real",
            "6 of 6 models support it (cnn 3/3, deep 3/3; unpaired",
        ),
        ({"cnn": [YES, YES, NO], "deep": [YES, NO]}, "real", "3 of 5 models"),
        ({"cnn": [YES] * 3}, "real", "Only one architecture was tested."),
        ({"cnn": [YES] * 3, "deep": [NO] * 3}, "inconsistent across architectures", "cnn 3/3, deep 0/3"),
        ({"cnn": [YES] * 3, "deep": [YES, NO, NO]}, "inconsistent across architectures", "deep 1/3"),
        ({"cnn": [NO] * 3, "deep": [NO] * 3}, "not supported", "does not prove that there is no interaction"),
        ({"cnn": [NO] * 3}, "not supported", "their median Pearson r with held-out targets is 0.87"),
        ({"cnn": [YES] + [NO] * 9}, "not supported", "less than half of the models of every architecture"),
        ({"cnn": [0.04] + [NO] * 9}, "not supported", "1 of 10 models support it (cnn 1/10;"),
        ({"cnn": [YES] * 3, "deep": [np.nan] * 3}, "real", "3 of 3 models"),
        ({"cnn": [np.nan] * 2}, "not tested", "No model could be tested: no held-out pairs"),
    ],
)
def test_verdict_of_a_motif_pair(votes, verdict, says):
    row = judge(votes)
    assert row["verdict"] == verdict
    assert says in row["reason"]


def test_one_weak_model_of_many_is_no_evidence_for_its_pair():
    """45 models, one p just below alpha (the published valid-padding control): not supported."""
    assert judge({"cnn": [0.011] + [0.9] * 44})["verdict"] == "not supported"


def test_columns_of_a_verdict():
    row = judge({"cnn": [1e-8, 1e-8], "deep": [0.2]})
    assert (row["n_models"], row["n_supported"], row["n_paired"], row["n_unpaired"]) == (3, 2, 2, 2)
    assert (row["n_pairs"], row["padding"], row["deciding_test"]) == (500, "same", "unpaired_p")
    assert row["mean_abs_interaction"] == pytest.approx((31 + 32 + 35) / 3)
    assert row["spearman_mse_interaction"] == pytest.approx(1)
    mean_tangent = np.mean(1 / np.tan(np.pi * np.array([1e-8, 1e-8, 0.2])))
    assert row["unpaired_p"] == pytest.approx(1 / (np.pi * mean_tangent), rel=1e-6)
    assert row["q_value"] == row["unpaired_p"]
    assert np.isnan(row["true_mean_interaction"])


def test_additive_models_are_tested_and_not_supported():
    models = models_of({"cnn": [0.5, 0.5]}).assign(
        paired_p=np.nan, unpaired_p=np.nan, verdict="not supported"
    )
    row = decide_verdicts(models, pairs_of(models)).iloc[0]
    assert row["verdict"] == "not supported" and row["n_models"] == 2
    assert "all 2 are additive on the 500 held-out pairs" in row["reason"]


def test_motif_pairs_are_corrected_together(tmp_path):
    """One p of 0.03 is enough alone, not among ten motif pairs."""
    models = [models_of({"cnn": [0.03 if i == 0 else 0.6]}, motif_pair=f"A-{i}") for i in range(10)]
    alone = decide_verdicts(models[0], pairs_of(models[0])).iloc[0]
    assert alone["verdict"] == "real" and alone["q_value"] == pytest.approx(0.03)
    together = pd.concat(models, ignore_index=True)
    verdicts = decide_verdicts(together, pairs_of(together))
    np.testing.assert_allclose(
        verdicts["q_value"], stats.false_discovery_control(verdicts["unpaired_p"]), rtol=1e-12
    )
    assert verdicts["verdict"].tolist() == ["not supported"] * 10
    write_table(verdicts, tmp_path / "verdicts.parquet", "loss_verdicts")


def test_pooled_tests_take_the_paired_significant_models_only():
    models = models_of({"cnn": [1e-4, 1e-4, 0.5]})
    pairs = pairs_of(models, gain=0.2)
    chosen = pairs[pairs["model_id"].isin(["cnn.0", "cnn.1"])]
    row = decide_verdicts(models, pairs.sample(frac=1, random_state=2)).iloc[0]
    difference = chosen["loss_without"] - chosen["loss_with"]
    paired = stats.wilcoxon(difference, alternative="greater", method="asymptotic").pvalue
    unpaired = stats.mannwhitneyu(
        chosen["loss_without"], chosen["loss_with"], alternative="greater", method="asymptotic"
    ).pvalue
    assert row["pooled_paired_p"] == pytest.approx(paired, rel=1e-12)
    assert row["pooled_unpaired_p"] == pytest.approx(unpaired, rel=1e-12)
    assert np.isnan(judge({"cnn": [0.4]})["pooled_paired_p"])


def test_truth_comes_from_the_oracle():
    models = models_of({"cnn": [1e-8]})
    oracle = pairs_of(models).assign(model_id="oracle")
    row = decide_verdicts(models, pairs_of(models, seed=1), oracle).iloc[0]
    assert row["true_mean_interaction"] == pytest.approx(oracle["interaction"].mean())
    gain = oracle["loss_without"] - oracle["loss_with"]
    assert row["true_mean_loss_improvement"] == pytest.approx(gain.mean())
    assert np.isnan(
        decide_verdicts(models, pairs_of(models), oracle.iloc[:0]).iloc[0]["true_mean_interaction"]
    )


@pytest.mark.parametrize(
    "deciding_test, warned", [("unpaired", False), ("paired", True), ("random_location", True)]
)
def test_the_deciding_test_is_the_callers_choice(deciding_test, warned):
    models = models_of({"cnn": [1e-8] * 3}).assign(random_location_p=1e-7)
    row = decide_verdicts(models, pairs_of(models), deciding_test=deciding_test).iloc[0]
    assert row["deciding_test"] == f"{deciding_test}_p" and row["verdict"] == "real"
    assert ("in the published negative control" in row["reason"]) == warned
    expected = 1e-7 if deciding_test == "random_location" else 1e-8
    assert row["q_value"] == pytest.approx(expected)


def test_help_that_random_places_give_as_well_is_pointed_out():
    models = models_of({"cnn": [1e-8] * 3})
    assert "random locations" not in decide_verdicts(models, pairs_of(models)).iloc[0]["reason"]
    reason = decide_verdicts(models.assign(random_location_p=0.5), pairs_of(models)).iloc[0]["reason"]
    assert "Caution: knock-outs at random locations gain as much (p = 0.5)" in reason


def test_paired_only_support_is_put_into_perspective():
    models = models_of({"cnn": [0.4] * 5}).assign(paired_p=1e-4)
    reason = decide_verdicts(models, pairs_of(models)).iloc[0]["reason"]
    assert "The paired test by itself flags 5." in reason
    assert "19 of 45 models in the published negative control" in reason


@pytest.mark.parametrize(
    "mean, says",
    [(30, "more than the sum"), (-30, "less than the sum"), (2, "sign varies between sequences")],
)
def test_direction_in_words(mean, says):
    models = models_of({"cnn": [1e-8]}).assign(mean_interaction=mean)
    assert says in decide_verdicts(models, pairs_of(models)).iloc[0]["reason"]


def test_errors_say_what_to_do():
    models = models_of({"cnn": [0.5]})
    both = pd.concat([models, models.assign(dataset="other")])
    with pytest.raises(SeqauditError, match=r"got 2 datasets \(toy, other\), expected one"):
        decide_verdicts(both, pairs_of(models))
    with pytest.raises(SeqauditError, match="deciding_test: got 'best'"):
        decide_verdicts(models, pairs_of(models), deciding_test="best")

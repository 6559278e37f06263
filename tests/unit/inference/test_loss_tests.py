"""Loss tests of models at motif pairs: right samples, right labels, honest where they cannot be computed."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from seqaudit.data.schemas import SCHEMAS
from seqaudit.data.tables import write_table
from seqaudit.errors import SeqauditError
from seqaudit.inference.loss_tests import P_COLUMNS, run_loss_tests, summarise_architectures

ALL_SETS = [
    ("real", "test"),
    ("real", "train"),
    ("random_location", "test"),
    ("random_location", "train"),
    ("shuffled", "test"),
]


def pair_rows(model_id, interaction, loss_with, loss_without, *, pair_set="real", split="test", **columns):
    """Rows of ``interaction_pairs``; predictions about 100, main effects 40 and 20."""
    n = len(interaction)
    table = {
        "model_id": model_id,
        "pair_id": [f"{columns.get('motif_pair', 'A-B')}.{split}.{i}" for i in range(n)],
        "motif_pair": "A-B",
        "pair_set": pair_set,
        "split": split,
        "group": [f"{split}.{i}" for i in range(n)],
        "label": 100.0,
        **{f"f_{version}": 100.0 for version in ("orig", "a_off", "b_off", "both_off")},
        "main_a": np.linspace(30, 50, n),
        "main_b": 20.0,
        "interaction": interaction,
        "loss_with": loss_with,
        "loss_without": loss_without,
        "clipped": False,
    }
    return pd.DataFrame({**table, **columns})


def random_rows(model_id, rng, *, sets=ALL_SETS, n=80, gain=0.0, **columns):
    """One model's rows of several sets, each of another length, losses better by ``gain``."""
    parts = []
    for extra, (pair_set, split) in enumerate(sets):
        m = n + 5 * extra
        loss = rng.chisquare(1, m)
        without = np.abs(loss + rng.normal(gain, 0.3, m))
        interaction = rng.normal(1, 5, m)
        options = {"pair_set": pair_set, "split": split, **columns}
        parts.append(pair_rows(model_id, interaction, loss, without, **options))
    return pd.concat(parts, ignore_index=True)


def evaluations_of(pairs, **columns):
    models = list(dict.fromkeys(pairs["model_id"]))
    table = {
        "model_id": models,
        "dataset": "toy",
        "control": "negative",
        "padding": "valid",
        "arch": "arch1",
        "l1": 0.0,
        "seed": 100,
        "epochs": 7,
        "best_epoch": 5,
        "seconds": 1.0,
        "n_test": 500,
        "test_mse": np.linspace(1, 2, len(models)),
        "test_pearson": 0.9,
        "test_spearman": 0.9,
    }
    return pd.DataFrame({**table, **columns})


def of(pairs, pair_set, split):
    return pairs[(pairs["pair_set"] == pair_set) & (pairs["split"] == split)]


def gains(pairs, pair_set="real", split="test"):
    rows = of(pairs, pair_set, split)
    return (rows["loss_without"] - rows["loss_with"]).to_numpy()


@pytest.fixture
def pairs():
    return random_rows("m1", np.random.default_rng(7), gain=0.05)


def test_every_test_takes_the_samples_of_the_paper(pairs):
    """Spec of each p-value written out with scipy, one by one."""

    def wilcoxon(values, alternative="greater"):
        return stats.wilcoxon(values, alternative=alternative, correction=False, method="asymptotic").pvalue

    def mann_whitney(first, second):
        return stats.mannwhitneyu(first, second, alternative="greater", method="asymptotic").pvalue

    test, train = of(pairs, "real", "test"), of(pairs, "real", "train")
    size = {key: of(pairs, *key)["interaction"].abs() for key in ALL_SETS}
    expected = {
        "paired_p": wilcoxon(gains(pairs)),
        "unpaired_p": mann_whitney(test["loss_without"], test["loss_with"]),
        "shuffled_p": mann_whitney(size["real", "test"], size["shuffled", "test"]),
        "shuffled_loss_p": mann_whitney(gains(pairs), gains(pairs, "shuffled")),
        "random_location_p": mann_whitney(gains(pairs), gains(pairs, "random_location")),
        "random_location_magnitude_p": mann_whitney(size["real", "test"], size["random_location", "test"]),
        "interaction_p": wilcoxon(test["interaction"], "two-sided"),
        "train_paired_p": wilcoxon(gains(pairs, split="train")),
        "train_unpaired_p": mann_whitney(train["loss_without"], train["loss_with"]),
        "train_random_location_p": mann_whitney(
            gains(pairs, split="train"), gains(pairs, "random_location", "train")
        ),
    }
    result = run_loss_tests(pairs, evaluations_of(pairs)).iloc[0]
    assert set(expected) | {"twin_p"} == set(P_COLUMNS)
    for column, p in expected.items():
        assert result[column] == pytest.approx(p, rel=1e-12), column
    assert result["status"] == "ok"


def test_summaries(pairs):
    result = run_loss_tests(pairs, evaluations_of(pairs)).iloc[0]
    test = of(pairs, "real", "test")
    size, main = test["interaction"].abs(), test["main_a"] + test["main_b"]
    assert (result["n_pairs"], result["n_pairs_train"], result["n_groups"]) == (80, 85, 80)
    assert result["mean_abs_interaction"] == pytest.approx(size.mean())
    assert result["sem_abs_interaction"] == pytest.approx(stats.sem(size))
    assert result["median_interaction"] == pytest.approx(test["interaction"].median())
    assert result["median_loss_improvement"] == pytest.approx(np.median(gains(pairs)))
    assert result["sem_loss_improvement"] == pytest.approx(stats.sem(gains(pairs)))
    assert result["median_loss_improvement_train"] == pytest.approx(np.median(gains(pairs, split="train")))
    random = gains(pairs, "random_location")
    assert result["mean_loss_improvement_random_location"] == pytest.approx(random.mean())
    assert result["r_abs_interaction_main"] == pytest.approx(np.corrcoef(size, main)[0, 1])
    assert result["r_interaction_main"] == pytest.approx(np.corrcoef(test["interaction"], main)[0, 1])
    assert result["paired_effect"] == pytest.approx(_rank_biserial(gains(pairs)))
    without, with_it = test["loss_without"].to_numpy(), test["loss_with"].to_numpy()
    assert result["unpaired_effect"] == pytest.approx((without[:, None] > with_it).mean())


def _rank_biserial(values):
    ranks = stats.rankdata(np.abs(values))
    return (ranks[values > 0].sum() - ranks[values < 0].sum()) / ranks.sum()


def test_result_fits_its_schema(pairs, tmp_path):
    models = run_loss_tests(pairs, evaluations_of(pairs, control=None))
    write_table(models, tmp_path / "models.parquet", "loss_models")
    write_table(summarise_architectures(models), tmp_path / "arch.parquet", "loss_architectures")


def test_row_order_and_other_models_change_nothing():
    rng = np.random.default_rng(3)
    parts = [random_rows(f"m{i}", rng, n=40, motif_pair=pair) for i in range(3) for pair in ("A-B", "A-C")]
    pairs = pd.concat(parts, ignore_index=True)
    evaluations = evaluations_of(pairs)
    models = run_loss_tests(pairs, evaluations)
    assert list(zip(models["model_id"], models["motif_pair"])) == [
        (f"m{i}", pair) for i in range(3) for pair in ("A-B", "A-C")
    ]

    key = ["model_id", "motif_pair"]
    shuffled = run_loss_tests(pairs.sample(frac=1, random_state=1), evaluations.iloc[::-1])
    pd.testing.assert_frame_equal(
        shuffled.sort_values(key, ignore_index=True), models.sort_values(key, ignore_index=True)
    )
    alone = pd.concat([run_loss_tests(part, evaluations) for part in parts], ignore_index=True)
    pd.testing.assert_frame_equal(alone, models)


def test_pairs_of_one_group_are_averaged_first():
    """Six noisy copies of every pair are no more evidence than their means."""
    rng = np.random.default_rng(4)
    means = random_rows("m1", rng, n=60, gain=0.05)
    jitter = [rng.normal(0, 0.01, len(means)) for _ in range(3)]
    copies = []
    for i, noise in enumerate([*jitter, *(-noise for noise in jitter)]):
        copy = means.assign(pair_id=means["pair_id"] + f".{i}", interaction=means["interaction"] + noise)
        copies.append(copy.assign(loss_with=means["loss_with"] + noise))
    repeated = pd.concat(copies, ignore_index=True)
    once = run_loss_tests(means, evaluations_of(means)).iloc[0]
    result = run_loss_tests(repeated, evaluations_of(means)).iloc[0]
    assert (result["n_pairs"], result["n_groups"]) == (360, 60)
    for column in ("paired_p", "unpaired_p", "random_location_p", "interaction_p", "sem_loss_improvement"):
        assert result[column] == pytest.approx(once[column], rel=1e-9), column


@pytest.mark.parametrize(
    "deciding_test, gain, helps, expected",
    [
        ("unpaired", 1.0, 1, "supported"),
        ("unpaired", 0.02, 1, "suggestive"),
        ("unpaired", 0.02, -1, "not supported"),
        ("paired", 0.02, 1, "supported"),
        ("random_location", 0.02, 1, "supported"),
        ("random_location", 0.02, -1, "not supported"),
    ],
)
def test_verdict_of_a_model(deciding_test, gain, helps, expected):
    """A tiny, sure gain is seen by the paired test only; a large one by all."""
    rng = np.random.default_rng(6)
    loss = rng.chisquare(1, 300)
    real = pair_rows("m1", rng.normal(0, 3, 300), loss, loss + helps * gain * rng.random(300))
    null = pair_rows("m1", rng.normal(0, 3, 300), loss, loss, pair_set="random_location")
    pairs = pd.concat([real, null])
    result = run_loss_tests(pairs, evaluations_of(pairs), deciding_test=deciding_test).iloc[0]
    assert result["verdict"] == expected
    assert "300 held-out pairs" in result["reason"]
    warned = "19 of 45 models in the published negative control" in result["reason"]
    assert warned == (expected == "suggestive" or deciding_test == "paired")


def test_help_that_random_places_give_as_well_is_pointed_out():
    """Every knock-out 'interaction' of this model helps: that is its main effects, not the motifs."""
    rng = np.random.default_rng(6)
    loss, gain = rng.chisquare(1, 300), rng.random(300)
    everywhere = [
        pair_rows("m1", rng.normal(0, 3, 300), loss, loss + gain, pair_set=pair_set)
        for pair_set in ("real", "random_location")
    ]
    pairs = pd.concat(everywhere)
    result = run_loss_tests(pairs, evaluations_of(pairs)).iloc[0]
    assert result["verdict"] == "supported"
    assert "Caution: knock-outs at random locations gain as much" in result["reason"]


def test_a_model_without_interaction_is_not_supported():
    """Float32 rounding is no interaction: no p-value is made from it."""
    rng = np.random.default_rng(8)
    rounding, loss = rng.normal(0, 1e-5, 200), rng.chisquare(1, 200)
    pairs = pair_rows("m1", rounding, loss, loss + 1e-7 * rounding)
    result = run_loss_tests(pairs, evaluations_of(pairs)).iloc[0]
    assert np.isnan(result["paired_p"]) and np.isnan(result["interaction_p"])
    assert result["verdict"] == "not supported"
    assert "additive" in result["reason"] and "float32 rounding" in result["status"]


def test_zero_differences_give_no_p_value():
    rng = np.random.default_rng(9)
    loss = rng.chisquare(1, 100)
    pairs = pair_rows("m1", rng.normal(0, 3, 100), loss, loss)
    result = run_loss_tests(pairs, evaluations_of(pairs)).iloc[0]
    assert np.isnan(result["paired_p"])
    assert "only 0 differences are not zero, expected at least 30 (paired_p not computed)" in result["status"]
    assert result["unpaired_p"] == pytest.approx(0.5, abs=0.01)


def test_missing_sets_are_named_and_nothing_fails(pairs):
    only_test = of(pairs, "real", "test")
    result = run_loss_tests(only_test, evaluations_of(pairs)).iloc[0]
    assert result[["train_paired_p", "shuffled_p", "random_location_p"]].isna().all()
    assert result["paired_p"] > 0 and result["n_pairs_train"] == 0
    for text in ("no training pairs (train_paired_p", "no shuffled sequences (shuffled_p, shuffled_loss_p"):
        assert text in result["status"]

    only_train = run_loss_tests(of(pairs, "real", "train"), evaluations_of(pairs)).iloc[0]
    assert only_train["verdict"] == "not tested"
    assert "no held-out pairs" in only_train["reason"]
    assert only_train["train_paired_p"] > 0


def test_too_few_pairs(pairs):
    few = pairs.groupby(["pair_set", "split"], sort=False).head(12)
    result = run_loss_tests(few, evaluations_of(pairs)).iloc[0]
    assert result[P_COLUMNS].isna().all()
    assert result["verdict"] == "not tested"
    assert "12 independent held-out pairs, fewer than 30" in result["reason"]
    assert run_loss_tests(few, evaluations_of(pairs), min_pairs=12).iloc[0]["paired_p"] > 0


def test_unlabelled_shuffled_sequences(pairs):
    """Measured data: nobody knows what shuffled DNA would have measured."""
    losses = ["label", "loss_with", "loss_without"]
    pairs.loc[pairs["pair_set"] == "shuffled", losses] = np.nan
    result = run_loss_tests(pairs, evaluations_of(pairs)).iloc[0]
    assert np.isnan(result["shuffled_loss_p"]) and result["shuffled_p"] > 0
    assert result["status"] == "shuffled sequences have no labels (shuffled_loss_p not computed)"


def test_some_missing_labels_are_counted(pairs):
    pairs.loc[:9, ["label", "loss_with", "loss_without"]] = np.nan
    result = run_loss_tests(pairs, evaluations_of(pairs)).iloc[0]
    complete = run_loss_tests(pairs.iloc[10:], evaluations_of(pairs)).iloc[0]
    assert result["paired_p"] == complete["paired_p"] and result["unpaired_p"] == complete["unpaired_p"]
    assert "10 of 80 independent held-out pairs have no label" in result["status"]


def simulated_models(rng, *, n_models, n_pairs, true_share, false_size):
    """Models that know the expectation but for an error and a false interaction of random sign.

    ``true_share`` of the expected count is a real interaction, which all models have.
    """
    expected = rng.uniform(150, 300, n_pairs)
    measured = rng.poisson(expected)
    middle = expected * np.exp(rng.normal(0, 0.03, (n_models, n_pairs)))
    false = rng.normal(0, false_size, (n_models, n_pairs))
    interaction = true_share * expected + false
    f_orig = middle + false / 2

    def loss(prediction):
        return 4 * (np.sqrt(prediction + 3 / 8) - np.sqrt(measured + 3 / 8)) ** 2

    with_it, without = loss(f_orig), loss(f_orig - interaction)
    models = [pair_rows(f"m{i}", interaction[i], with_it[i], without[i]) for i in range(n_models)]
    return pd.concat(models, ignore_index=True)


@pytest.mark.parametrize("false_size, unpaired_level", [(4, 0.0), (20, 0.05)])
def test_level_on_false_interactions(false_size, unpaired_level):
    """Pure noise: the paired test is exact, the unpaired one never flags more, and none of small noise."""
    rng = np.random.default_rng(10)
    worlds = []
    for world in range(20):
        pairs = simulated_models(rng, n_models=10, n_pairs=250, true_share=0, false_size=false_size)
        worlds.append(pairs.assign(model_id=pairs["model_id"] + f".{world}"))
    pairs = pd.concat(worlds)
    models = run_loss_tests(pairs, evaluations_of(pairs))
    assert len(models) == 200
    assert (models["paired_p"] < 0.05).mean() == pytest.approx(0.05, abs=0.035)
    assert (models["unpaired_p"] < 0.05).mean() == pytest.approx(unpaired_level, abs=0.035)


@pytest.mark.parametrize("true_share, found_by_the_unpaired", [(0.02, False), (0.2, True)])
def test_power_on_true_interactions(true_share, found_by_the_unpaired):
    """A fifth of the expectation is found by both tests, a fiftieth reliably only by the paired one."""
    rng = np.random.default_rng(11)
    pairs = simulated_models(rng, n_models=20, n_pairs=4000, true_share=true_share, false_size=2)
    models = run_loss_tests(pairs, evaluations_of(pairs))
    assert (models["paired_p"] < 0.05).mean() > 0.9
    share = (models["unpaired_p"] < 0.05).mean()
    assert share == 1 if found_by_the_unpaired else share < 0.5


def test_architectures_are_counted_and_combined():
    models = pd.DataFrame(
        {
            **dict.fromkeys(P_COLUMNS, np.nan),
            "dataset": "toy",
            "motif_pair": "A-B",
            "arch": ["arch1", "arch1", "arch2", "arch2"],
            "unpaired_p": [0.01, 0.01, 0.5, np.nan],
        }
    )
    result = summarise_architectures(models).set_index(["arch", "test"])
    assert list(result.reset_index().columns[:2]) == ["arch", "test"]
    assert len(result) == 2 * len(P_COLUMNS)
    first, second = result.loc["arch1", "unpaired_p"], result.loc["arch2", "unpaired_p"]
    assert (first["n_models"], first["n_significant"]) == (2, 2)
    assert first["combined_p"] == pytest.approx(0.01)
    assert (second["n_models"], second["n_significant"], second["combined_p"]) == (1, 0, pytest.approx(0.5))
    assert result.loc["arch1", "paired_p"]["n_models"] == 0
    assert np.isnan(result.loc["arch1", "paired_p"]["combined_p"])


def test_errors_say_what_to_do(pairs):
    evaluations = evaluations_of(pairs)
    with pytest.raises(
        SeqauditError, match=r"interaction_pairs: the table is empty.*Probe at least one model"
    ):
        run_loss_tests(pairs.iloc[:0], evaluations)
    with pytest.raises(SeqauditError, match="model 'm1' has motif pairs but no row here"):
        run_loss_tests(pairs, evaluations.iloc[:0])
    with pytest.raises(SeqauditError, match="'real/tset' is unknown, expected one of real/test, real/train"):
        run_loss_tests(pairs.assign(split="tset"), evaluations)
    with pytest.raises(SeqauditError, match="deciding_test: got 'twin', expected one of unpaired, paired"):
        run_loss_tests(pairs, evaluations, deciding_test="twin")
    with pytest.raises(SeqauditError, match="alpha: got 5, expected a level between 0 and 1"):
        run_loss_tests(pairs, evaluations, alpha=5)
    with pytest.raises(SeqauditError, match="min_pairs: got 1, expected at least 2"):
        run_loss_tests(pairs, evaluations, min_pairs=1)


def test_every_declared_test_is_computed():
    declared = {c.name for c in SCHEMAS["loss_models"].columns if c.meaning.startswith("p-value: ")}
    assert declared <= set(P_COLUMNS)

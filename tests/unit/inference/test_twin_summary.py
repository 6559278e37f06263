"""Many models, one data set: joint errors, heterogeneity, architectures, and redraws of the labels."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from twin_worlds import make_world, pair_table

from seqaudit.data.tables import write_table
from seqaudit.data.targets import transform_target
from seqaudit.errors import SeqauditError
from seqaudit.inference.additive_twin import judge_twin
from seqaudit.inference.rank_tests import rank_sum, signed_rank
from seqaudit.inference.twin_redraw import _sum_of_ranks, redraw_level
from seqaudit.inference.twin_summary import partial_conjunction, random_effects, summarise_twin

ARCHITECTURES = {f"cnn.{i}": f"arch{i // 2 + 1}" for i in range(4)}


@pytest.fixture(scope="module")
def world():
    return make_world(3, exponent=1.4, twin_errors=(0.7, 0.7, 1.0), n_models=4, n_pairs=700)


def test_independent_models_without_heterogeneity_are_weighted_by_precision():
    # influences on disjoint groups: no covariance; equal betas: no heterogeneity
    influence = np.kron(np.diag([1.0, 2.0, 4.0]), np.ones((1, 5))) / np.sqrt(5)
    beta = np.array([0.5, 0.5, 0.5])
    mean = random_effects(beta, influence)
    precision = 1 / np.array([1.0, 4.0, 16.0])
    np.testing.assert_allclose(mean.weights, precision / precision.sum())
    np.testing.assert_allclose([mean.mean, mean.se, mean.tau], [0.5, precision.sum() ** -0.5, 0])


def test_copies_of_one_model_are_one_model():
    influence = np.random.default_rng(0).normal(size=200) / 100
    one = random_effects([0.4], influence[None])
    many = random_effects([0.4] * 30, np.tile(influence, (30, 1)))
    np.testing.assert_allclose([many.mean, many.se], [one.mean, one.se], rtol=1e-4)


def test_heterogeneity_is_recovered_and_the_interval_covers():
    rng = np.random.default_rng(1)
    covered, taus = 0, []
    for _ in range(200):
        common, own = rng.normal(0, 0.05, 300), rng.normal(0, 0.03, (20, 300))
        influence = (common + own) / np.sqrt(300)
        signs = rng.choice([-1.0, 1.0], 300)
        beta = 0.5 + rng.normal(0, 0.1, 20) + influence @ signs
        mean = random_effects(beta, influence)
        covered += abs(mean.mean - 0.5) < 1.96 * mean.se
        taus.append(mean.tau)
    assert covered / 200 > 0.9
    assert abs(np.mean(taus) - 0.1) < 0.01


def test_partial_conjunction_counts_architectures():
    np.testing.assert_allclose(partial_conjunction([0.04, 0.001, np.nan, 0.01]), [0.003, 0.02, 0.04])
    # made monotone: 2 * 0.04 beats 3 * 0.03 only without it
    np.testing.assert_allclose(partial_conjunction([0.03, 0.04, 0.05]), [0.09, 0.09, 0.09])
    assert partial_conjunction([]).size == 0


def test_partial_conjunction_keeps_its_level_under_dependence():
    rng = np.random.default_rng(2)
    shared = rng.normal(size=(4000, 1))
    p = stats.norm.sf(np.sqrt(0.7) * shared + np.sqrt(0.3) * rng.normal(size=(4000, 3)))
    p[:, 0] = 1e-6  # one real architecture: 'at least two' is still false
    rate = np.mean([partial_conjunction(row)[1] < 0.05 for row in p])
    assert rate < 0.06


def test_summary_of_a_strong_interaction(world, tmp_path):
    table = summarise_twin(world.models, world.twins, ARCHITECTURES, dataset="toy")
    write_table(table, tmp_path / "t.parquet", "twin_summary")
    row = table.iloc[0]
    models = judge_twin(world.models, world.twins)
    assert row["n_models"] == 4
    assert row["n_confirmed"] == (models["verdict_twin"] == "confirmed").sum()
    assert (row["verdict_twin"], row["n_architectures"]) == ("confirmed", 2)
    assert row["n_architectures_confirmed"] == 2
    assert models["beta"].min() - 0.1 < row["mean_beta"] < models["beta"].max() + 0.1
    assert row["mean_ci_low"] < row["mean_beta"] < row["mean_ci_high"]


def test_the_ensemble_is_the_mean_prediction(world):
    table = summarise_twin(world.models, world.twins, ARCHITECTURES, dataset="toy")
    mean = pair_table("mean", world.predicted.mean(axis=0), world.label)
    alone = judge_twin(mean, world.twins).iloc[0]
    for column in ("beta", "se", "twin_error", "twin_p", "cross_p"):
        np.testing.assert_allclose(table[column].iloc[0], alone[column], rtol=1e-6)


def test_redraws_reject_as_often_as_the_verdicts_on_each_redraw(world):
    truth = pair_table("oracle", world.truth, world.label)
    labels = np.random.default_rng(4).poisson(world.truth[0], (6, 700))
    # at random locations a model claims something else, of either sign
    chance = np.random.default_rng(5).normal(0, 8, 4 * 700)
    at_random = world.models.assign(pair_set="random_location", interaction=chance).sample(
        frac=1, random_state=1
    )
    table = redraw_level(pd.concat([world.models, at_random]), world.twins, truth, n_redraws=6, seed=4)
    verdicts, published = [], {"paired": [], "unpaired": [], "random_location": []}
    for label in labels:
        models = world.models.assign(label=np.tile(label, 4).astype(float))
        verdicts.append(judge_twin(models, world.twins, seed=4)["verdict_twin"].to_numpy())
        cnn = models.iloc[:700]
        z = transform_target(label, "anscombe")
        with_it = (transform_target(cnn["f_orig"], "anscombe") - z) ** 2
        without = (transform_target(cnn["f_orig"] - cnn["interaction"], "anscombe") - z) ** 2
        published["paired"].append(signed_rank(without - with_it).p < 0.05)
        published["unpaired"].append(rank_sum(without, with_it).p < 0.05)
        moved = (transform_target(cnn["f_orig"] - chance[:700], "anscombe") - z) ** 2
        published["random_location"].append(rank_sum(without - with_it, moved - with_it).p < 0.05)
    rates = table[table["model_id"] == "cnn.0"].set_index("test")["rate"]
    first = np.array(verdicts)[:, 0]
    assert rates["confirmed"] == np.mean(first == "confirmed")
    assert rates["cannot_tell"] == np.mean(first == "cannot tell")
    assert rates["paired"] == np.mean(published["paired"])
    assert rates["unpaired"] == np.mean(published["unpaired"])
    assert rates["random_location"] == np.mean(published["random_location"])
    with pytest.raises(SeqauditError, match="has no random location for pair"):
        redraw_level(pd.concat([world.models, at_random.iloc[1:]]), world.twins, truth, n_redraws=2)


def test_ranks_of_signed_numbers_are_those_of_a_plain_sort():
    values = np.random.default_rng(0).normal(size=(3, 41))
    chosen = np.random.default_rng(1).random((3, 41)) < 0.4
    plain = (np.argsort(np.argsort(values, axis=1), axis=1) + 1) * chosen
    np.testing.assert_array_equal(_sum_of_ranks(values, chosen), plain.sum(axis=1))


def test_redraws_keep_the_level_with_the_true_twin():
    world = make_world(6, twin_errors=(0.0, 0.3), n_pairs=600)
    table = redraw_level(world.models, world.twins, pair_table("o", world.truth, world.label), n_redraws=400)
    rates = table.set_index("test")["rate"]
    assert rates["rejected"] <= 0.05
    assert 0.02 < rates["margin_0"] < 0.09


def test_wrong_input_is_named(world):
    with pytest.raises(SeqauditError, match=r"model 'cnn\.3'"):
        summarise_twin(world.models, world.twins, {f"cnn.{i}": "a" for i in range(3)}, dataset="toy")
    truth = pair_table("oracle", world.truth, world.label)
    with pytest.raises(SeqauditError, match="no true expectation"):
        redraw_level(world.models, world.twins, truth.iloc[1:])
    with pytest.raises(SeqauditError, match="random effects: got beta"):
        random_effects([0.1, 0.2], np.ones((3, 4)))
    with pytest.raises(SeqauditError, match="not finite"):
        random_effects([np.nan], np.ones((1, 4)))

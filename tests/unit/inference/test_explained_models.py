"""From maps to a recommendation: models that know the truth are found, whatever else is known."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from attribution_world import MOTIFS, both_motif_sequences, law, letters_and_truth, noise_maps

from seqaudit.data.map_tables import maps_from_table
from seqaudit.data.schemas import SCHEMAS
from seqaudit.inference.attribution_scores import score_truth
from seqaudit.inference.explained_models import (
    compare_explanations,
    score_explanation,
    score_explanation_truth,
)
from seqaudit.inference.map_pictures import picture
from seqaudit.simulate.attribution_truth import truth_tables

N = 120
NOISE = {"good.1": 0.2, "good.2": 0.3, "bad.1": 3.0, "bad.2": 4.0}
SETTINGS = {"default": {"resamples": 10}, "wide": {"retained": 0.5, "resamples": 0}}


@cache
def maps_of(model_id: str, method: str = "saliency") -> np.ndarray:
    seed = 1 + list(NOISE).index(model_id)
    return letters_and_truth(N)[1] + NOISE[model_id] * noise_maps(N, seed)


@pytest.fixture(scope="module")
def chosen():
    return both_motif_sequences().head(N)


@pytest.fixture(scope="module")
def tables(chosen):
    true_maps, true_sites = truth_tables(law(), chosen, MOTIFS, transform="identity")
    found = {"attribution_maps": true_maps, "true_sites": true_sites, "sequences": chosen}
    scores, truth = [], []
    for model_id in NOISE:
        maps = {"saliency": maps_of(model_id)}
        scores.append(score_explanation(maps, chosen, model_id=model_id, settings=SETTINGS, seed=1))
        truth.append(score_explanation_truth(maps, chosen, true_maps, true_sites, model_id=model_id))
    ids = list(NOISE)
    evaluations = pd.DataFrame(
        {
            "model_id": ids,
            "dataset": "d",
            "control": "negative",
            "padding": "valid",
            "arch": [name.split(".")[0] for name in ids],
            "l1": 0.0,
            "seed": [1, 2, 1, 2],
            "epochs": 3,
            "test_mse": 1.0,
            "test_pearson": 0.5,
        }
    )
    explanations = pd.DataFrame(
        {
            "model_id": ids,
            "method": "saliency",
            "off_simplex_30": 0.1,
            "heldout_mse": [1.0, 1.1, 0.9, 1.05],
            "heldout_mse_se": 0.5,
        }
    )
    loss_models = pd.DataFrame({"model_id": ids, "verdict": "not supported", "paired_p": 0.4})
    return found | {
        "consistency_scores": pd.concat(scores, ignore_index=True),
        "attribution_scores": pd.concat(truth, ignore_index=True),
        "evaluations": evaluations,
        "explanations": explanations,
        "loss_models": loss_models,
    }


def test_every_method_and_setting_gets_a_row(tables):
    scores = tables["consistency_scores"]
    assert list(scores["setting"][:2]) == ["default", "wide"] and len(scores) == 8
    assert list(scores.columns) == [column.name for column in SCHEMAS["consistency_scores"].columns]


def test_true_maps_in_a_table_score_as_the_maps_they_are(tables, chosen):
    # the cosine to the truth of the truth plus noise of relative size s is 1 / sqrt(1 + s^2)
    cosine = tables["attribution_scores"].set_index("model_id")["truth_cosine"]
    for model_id, noise in NOISE.items():
        assert cosine[model_id] == pytest.approx(1 / np.sqrt(1 + noise**2), abs=0.02)


def test_the_rule_finds_a_model_that_knows_the_truth(tables):
    compared = compare_explanations(tables, maps_of, settings=SETTINGS)
    models = compared.models
    assert list(models.columns) == [column.name for column in SCHEMAS["consistency_models"].columns]
    assert models.groupby("setting")["selected"].sum().tolist() == [1, 1]
    first = models[models["setting"] == "default"].set_index("model_id")
    assert first.index[first["selected"]].item() == "good.1"
    choices = compared.choices.query("setting == 'default'").set_index("choice")
    assert choices.at["selected", "regret"] == 0
    assert choices.at["lowest held-out loss", "model_id"] == "bad.1"


def test_seeds_agree_as_their_maps_do_and_the_mean_map_is_scored(tables, chosen):
    compared = compare_explanations(tables, maps_of, settings=SETTINGS)
    stability = compared.models.drop_duplicates("model_id").set_index("model_id")["seed_stability"]
    a, b = maps_of("good.1"), maps_of("good.2")
    cosine = (a * b).sum(axis=(1, 2)) / np.sqrt(np.square(a).sum(axis=(1, 2)) * np.square(b).sum(axis=(1, 2)))
    assert stability["good.1"] == stability["good.2"] == pytest.approx(cosine.mean())
    ids = chosen["sequence_id"]
    truth = {
        name: maps_from_table(tables["attribution_maps"], ids, method=f"true_{name}")
        for name in ("mutagenesis", "log_odds")
    }
    everywhere = np.ones((N, 100), dtype=bool)
    mean = np.mean([maps_of(model_id) for model_id in NOISE], axis=0)
    expected = score_truth(mean, letters_and_truth(N)[0], signal=everywhere, background=everywhere, **truth)
    found = compared.choices.set_index("choice").loc["mean map of all models", "truth"].iloc[0]
    assert found == pytest.approx(expected.cosine)


def test_pictures_are_of_the_truth_the_selected_and_the_least_consistent(tables):
    compared = compare_explanations(tables, maps_of, settings=SETTINGS)
    for table in (compared.words, compared.directions):
        assert list(table["role"].unique()) == ["truth", "selected", "least consistent"]
        assert table.groupby("role")["share"].sum().to_numpy() == pytest.approx(1)
        assert set(table["setting"]) == {"default"}
        assert table.query("role == 'truth'")["model_id"].isna().all()
    least = (
        compared.models.query("setting == 'default'").set_index("model_id")["consistency_geometry"].idxmin()
    )
    assert set(compared.words.query("role == 'least consistent'")["model_id"]) == {least}


def test_without_a_truth_nothing_is_said_about_it(tables):
    unknown = tables | {name: tables[name].iloc[:0] for name in ("attribution_maps", "true_sites")}
    scores = score_explanation_truth(
        {"saliency": maps_of("good.1")},
        tables["sequences"],
        unknown["attribution_maps"],
        unknown["true_sites"],
        model_id="m",
    )
    assert scores.empty
    compared = compare_explanations(unknown | {"attribution_scores": scores}, maps_of, settings=SETTINGS)
    assert compared.models["truth_cosine"].isna().all() and compared.choices.empty
    assert list(compared.words["role"].unique()) == ["selected", "least consistent"]
    # the rule saw no truth: it decides the same with it
    known = compare_explanations(tables, maps_of, settings=SETTINGS).models
    pd.testing.assert_series_equal(compared.models["selected"], known["selected"])


def test_models_without_usable_maps_leave_no_picture(tables):
    scores = tables["consistency_scores"].assign(n_zero=N, status="no map to score")
    compared = compare_explanations(tables | {"consistency_scores": scores}, maps_of, settings=SETTINGS)
    assert not compared.models["selected"].any()
    assert compared.words.empty and compared.directions.empty and compared.choices.empty


def test_a_picture_holds_the_words_and_directions_of_a_planted_motif():
    letters = np.random.default_rng(1).integers(4, size=(50, 30))
    letters[:, 10:14] = [2, 0, 3, 0]  # GATA
    one_hot = np.eye(4)[letters].transpose(0, 2, 1)
    maps = 1e-3 * np.random.default_rng(2).normal(size=one_hot.shape)
    maps[:, 0, 10:14] += 1.0  # a window of pure A
    drawn = picture(maps, one_hot, k=4, quantile=0.85, extension=0, retained=0.06, resamples=5)
    words = drawn.words.set_index("word")
    assert words["share"].idxmax() == "GATA" and words["prior"].sum() == pytest.approx(1)
    top = drawn.directions.loc[drawn.directions["share"].idxmax()]
    axis = np.array([0.75, -0.25, -0.25, -0.25])
    first = np.array([-1, 1, 0, 0]) / np.sqrt(2)
    assert top["polar"] == pytest.approx(np.arccos(axis @ first / np.sqrt(axis @ axis)), abs=0.06)

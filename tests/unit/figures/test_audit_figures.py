"""Figures of the audit: every model has its cell, every letter its height."""

import numpy as np
import pandas as pd
import pytest
from toy_audit import toy_consistency, toy_explained
from toy_tables import toy_dataset

from seqaudit.data.map_tables import maps_to_table
from seqaudit.data.schemas import SCHEMAS
from seqaudit.data.tables import write_table
from seqaudit.figures.attributions import (
    ExplainedSequences,
    attribution_logos,
    explained_sequences,
    letter_heights,
)
from seqaudit.figures.audit import AuditResults, model_cells, model_map


def texts(figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


@pytest.fixture(scope="module")
def models() -> pd.DataFrame:
    return pd.concat(
        [toy_dataset(name, n_pairs=6, motif_pairs=("A-B", "A-C")).models for name in ("one", "two")],
        ignore_index=True,
    )


def test_a_cell_holds_the_share_of_supported_pairs(models):
    verdicts = models.copy()
    first, second, third = verdicts["model_id"].unique()[:3]
    verdicts["verdict"] = "supported"
    verdicts.loc[verdicts["model_id"] == first, "verdict"] = ["supported", "not supported"]
    verdicts.loc[verdicts["model_id"] == second, "verdict"] = ["not tested", "suggestive"]
    verdicts.loc[verdicts["model_id"] == third, "verdict"] = "not tested"
    cells = model_cells(AuditResults(verdicts)).set_index("model_id")
    assert len(cells) == 24
    assert cells.loc[first, "supported"] == 0.5 and cells.loc[second, "supported"] == 0
    assert np.isnan(cells.loc[third, "supported"]) and (cells["supported"].iloc[3:] == 1).all()
    assert not cells["selected"].any() and cells["consistency"].isna().all()


def test_consistency_and_selection_come_by_model(models):
    consistency = toy_consistency(models)
    shuffled = consistency.sample(frac=1, random_state=1)
    cells = model_cells(AuditResults(models, shuffled)).set_index("model_id")
    expected = consistency.set_index("model_id")["consistency_geometry"]
    pd.testing.assert_series_equal(cells["consistency"], expected, check_names=False)
    assert cells.groupby("dataset")["selected"].sum().tolist() == [1, 1]


def test_every_model_has_a_cell_in_every_panel(models):
    consistency = toy_consistency(models)
    drawn = model_map(AuditResults(models, consistency))
    assert len(drawn.figure.axes) == 2 * 3, "a block per dataset, a panel per measure"
    shown = texts(drawn.figure)
    for error in models.drop_duplicates("model_id")["test_mse"]:
        assert f"{error:#.3g}" in shown
    frames = [patch for axes in drawn.figure.axes for patch in axes.patches if not patch.get_fill()]
    assert len(frames) == 2 * 3, "the recommended model of each dataset is framed in every panel"
    assert "24 models on 2 datasets, 12 each" in drawn.caption and "Black frame" in drawn.caption


def test_without_consistency_two_panels_are_left(models):
    drawn = model_map(AuditResults(models))
    assert len(drawn.figure.axes) == 2 * 2
    assert "consistency was not computed" in drawn.caption and "Black frame" not in drawn.caption


def test_models_that_were_not_trained_leave_a_hatched_cell(models):
    drawn = model_map(AuditResults(models[models["model_id"] != models["model_id"].iloc[0]]))
    hatched = [patch for patch in drawn.figure.axes[0].patches if patch.get_hatch()]
    assert len(hatched) == 1
    assert model_map(AuditResults(models.iloc[:0])).why_missing


def test_errors_of_different_data_do_not_share_colours(models):
    scaled = models.copy()
    scaled.loc[scaled["dataset"] == "two", "test_mse"] *= 1000
    first, second = (axes.collections[0] for axes in model_map(AuditResults(scaled)).figure.axes[::2])
    assert second.norm.vmin == pytest.approx(scaled.loc[scaled["dataset"] == "two", "test_mse"].min())
    assert first.norm.vmax < 10


def test_letters_are_as_tall_as_their_centred_attribution():
    maps = np.zeros((1, 4, 3))
    maps[0, :, 0] = [4, 0, 0, 0]  # A is there: 4 - 1
    maps[0, :, 1] = [4, 0, 0, 0]  # C is there: 0 - 1
    maps[0, :, 2] = 7  # the same for all letters: nothing
    np.testing.assert_allclose(letter_heights(maps, ["ACG"]), [[1, -1 / 3, 0]])
    np.testing.assert_allclose(letter_heights(maps, ["NCG"]), [[0, -1, 0]], err_msg="N has no height")
    assert not letter_heights(np.full((1, 4, 3), np.nan), ["ACG"]).any()


def test_logos_show_every_map_of_every_sequence():
    explained = toy_explained(n=2)
    drawn = attribution_logos(explained)
    assert len(drawn.figure.axes) == 2 * 3
    labels = [axes.get_ylabel() for axes in drawn.figure.axes]
    assert labels[:3] == [
        "truth",
        "recommended\narch2, L1 0, seed 300",
        "least consistent\narch1, L1 0.001, seed 200",
    ]
    assert texts(drawn.figure).count("GATA1") == 2 and "Grey: motif sites." in drawn.caption
    # the truth is zero outside of its sites, so its letters lie within them
    for patch in drawn.figure.axes[0].patches:
        box = patch.get_extents().transformed(drawn.figure.axes[0].transData.inverted())
        assert box.x0 >= 19 and box.x1 <= 77
    assert attribution_logos(ExplainedSequences("d", "", {}, {})).why_missing


def test_maps_are_read_of_the_recommended_and_the_least_consistent(tmp_path, models):
    consistency = toy_consistency(models[models["dataset"] == "one"])
    consistency["truth_cosine"] = 0.5
    rng = np.random.default_rng(1)
    names = ["s1", "s2", "s3"]
    maps = {model_id: rng.normal(size=(3, 4, 8)) for model_id in consistency["model_id"]}
    files = {}
    for model_id, its_maps in {**maps, "truth": rng.normal(size=(3, 4, 8))}.items():
        methods = (
            {"true_mutagenesis": its_maps}
            if model_id == "truth"
            else {"ism": -its_maps, "saliency": its_maps}
        )
        files[model_id] = tmp_path / f"{model_id}.parquet"
        write_table(maps_to_table(methods, names), files[model_id], "attribution_maps")
    sequences = pd.DataFrame({column.name: None for column in SCHEMAS["sequences"].columns}, index=range(3))
    sequences["sequence_id"], sequences["sequence"] = names, ["ACGTACGT", "CCCCGGGG", "TTTTAAAA"]
    sequences["embeddings"] = ["pos-2_M1-GTA", "", None]
    shown = explained_sequences(
        consistency, sequences, files, files.pop("truth"), motif_names={"M1": "GATA1"}
    )
    assert list(shown.sequences) == ["s1", "s2"] and shown.sites == [[(2, 5, "GATA1")], []]
    best = consistency.loc[consistency["consistency_geometry"].idxmax(), "model_id"]
    worst = consistency.loc[consistency["consistency_geometry"].idxmin(), "model_id"]
    roles = list(shown.maps)
    assert [role.split(":")[0] for role in roles] == ["truth", "recommended", "least consistent"]
    assert "cosine to truth 0.50" in roles[1]
    # maps are stored with 11 binary digits
    np.testing.assert_allclose(shown.maps[roles[1]], maps[best][:2], rtol=2**-11)
    np.testing.assert_allclose(shown.maps[roles[2]], maps[worst][:2], rtol=2**-11)
    unscored = explained_sequences(
        consistency.assign(consistency_geometry=np.nan, selected=False), sequences, files
    )
    assert attribution_logos(unscored).why_missing

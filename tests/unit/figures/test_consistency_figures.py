"""Figures of attribution consistency draw what the tables hold, whatever they hold."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from toy_consistency import DATASETS, toy_consistency

from seqaudit.data.schemas import SCHEMAS
from seqaudit.data.tables import write_table
from seqaudit.figures import consistency, consistency_pictures
from seqaudit.figures.catalogue import CONSISTENCY_FIGURES, consistency_figure_files
from seqaudit.figures.consistency_results import ConsistencyResults, read_consistency_results
from seqaudit.figures.draw import draw, draw_consistency_figures
from seqaudit.figures.saved import read_figures
from seqaudit.figures.style import SIGNIFICANT, VERMILLION

TABLES = {
    "models": "consistency_models",
    "choices": "consistency_choices",
    "answers": "consistency_answers",
    "words": "attribution_words",
    "directions": "attribution_directions",
    "loss_models": "loss_models",
}
ONE = {"methods": ("saliency",), "settings": ("default",)}
KINDS = {
    "two controls": {},
    "measured, names like code": {
        "datasets": {"<b>$x$": None},
        "archs": ("A&B",),
        "known": False,
        **ONE,
    },
}


@pytest.fixture(scope="module")
def worlds() -> dict[str, ConsistencyResults]:
    return {name: toy_consistency(**kind) for name, kind in KINDS.items()}


DRAWN = [(entry, name) for entry in CONSISTENCY_FIGURES for name in KINDS]


@pytest.mark.parametrize(("entry", "name"), DRAWN, ids=[f"{entry.name}-{name}" for entry, name in DRAWN])
def test_every_figure_draws_for_every_kind_of_data(entry, name, worlds):
    drawn = draw(entry, worlds[name])
    drawn.figure.draw_without_rendering()
    assert drawn.caption.endswith(".")
    if not drawn.why_missing:
        assert "saliency" in drawn.caption and any(letter.isdigit() for letter in drawn.caption)
        assert any(axes.get_xlabel() for axes in drawn.figure.axes)


@pytest.mark.parametrize("entry", CONSISTENCY_FIGURES, ids=lambda entry: entry.name)
def test_without_models_every_figure_says_why(entry, worlds):
    full = worlds["two controls"]
    empty = {name: getattr(full, name).iloc[:0] for name in TABLES if name != "models"}
    assert draw(entry, full._replace(models=full.models.assign(status="no map"), **empty)).why_missing


def test_what_cannot_be_drawn_says_why(worlds):
    measured = worlds["measured, names like code"]
    for figure in (consistency.against_truth, consistency.choices):
        assert "measured data" in figure(measured).why_missing
    assert "control" in consistency.controls(measured).why_missing
    assert "one attribution method" in consistency.other_options(measured).why_missing


def test_the_selected_model_is_ringed_where_it_is(worlds):
    results = worlds["two controls"]
    chosen = results.considered().query("selected")
    figure = consistency.against_loss(results).figure
    rings = [
        tuple(layer.get_offsets()[0])
        for axes in figure.axes
        for layer in axes.collections
        if hasattr(layer, "get_sizes")
        and len(layer.get_sizes())
        and layer.get_sizes()[0] > 80
        and to_hex(layer.get_edgecolor()[0]).upper() == VERMILLION
    ]
    assert sorted(rings) == sorted(zip(chosen["heldout_mse"], chosen["consistency_geometry"]))


def test_controls_are_filled_where_the_deciding_test_is_significant(worlds):
    results = worlds["two controls"]
    left = consistency.controls(results).figure.axes[0]
    filled = sum(
        len(layer.get_offsets())
        for layer in left.collections
        if len(layer.get_facecolor()) and to_hex(layer.get_facecolor()[0]).upper() == SIGNIFICANT
    )
    tested = results.loss_models.set_index("model_id")["unpaired_p"]
    assert filled == int((tested[results.considered()["model_id"]] < 0.05).sum())


def test_correlations_are_those_of_the_answers(worlds):
    results = worlds["two controls"]
    answers = results.of_spoken(results.answers)
    row = answers[(answers["dataset"] == "neg_valid") & (answers["quantity"] == "consistency_geometry")].iloc[
        0
    ]
    titles = [text.get_text() for text in consistency.against_truth(results).figure.axes[0].texts]
    assert any(text.startswith(f"ρ = {row['value']:.2g}") for text in titles)


def test_boxes_of_directions_lie_where_the_table_says(worlds):
    results = worlds["two controls"]
    table = results.directions
    mine = table[(table["dataset"] == "neg_valid") & (table["role"] == "truth")]
    top = mine.loc[mine["share"].idxmax()]
    image = consistency_pictures.directions(results).figure.axes[0].images[0].get_array()
    polar, azimuth = np.unravel_index(image.argmax(), image.shape)
    assert (azimuth + 0.5) * 0.1 == pytest.approx(top["half_azimuth"])
    assert (polar + 0.5) * 0.1 == pytest.approx(top["polar"])


def test_files_are_those_of_the_catalogue(worlds, tmp_path):
    results = worlds["measured, names like code"]
    for name, schema in TABLES.items():
        write_table(getattr(results, name), tmp_path / f"{name}.parquet", schema)
    read = read_consistency_results(**{name: tmp_path / f"{name}.parquet" for name in TABLES}, alpha=0.01)
    assert read.alpha == 0.01 and read.spoken == ("saliency", "default")
    draw_consistency_figures(read, tmp_path / "figures")
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == sorted(
        consistency_figure_files()
    )
    assert [figure.name for figure in read_figures(tmp_path / "figures")] == [
        entry.name for entry in CONSISTENCY_FIGURES
    ]


def test_every_figure_reads_declared_tables():
    assert {table for entry in CONSISTENCY_FIGURES for table in entry.tables} <= set(SCHEMAS)
    assert set(DATASETS.values()) == {"negative", "positive"}

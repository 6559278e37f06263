"""Every figure draws what its tables hold, whatever they hold."""

import json

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from toy_tables import toy_architectures, toy_dataset, toy_motif

from seqaudit.data.motif_files import format_meme
from seqaudit.data.motifs import Motif
from seqaudit.data.schemas import SCHEMAS
from seqaudit.data.tables import write_table
from seqaudit.errors import SeqauditError
from seqaudit.figures import effects, logos, loss, magnitude, simulation, verdicts
from seqaudit.figures.catalogue import (
    DATASET_FIGURES,
    FIGURES,
    RUN_FIGURES,
    dataset_figure_files,
    run_figure_files,
)
from seqaudit.figures.draw import draw, draw_dataset_figures, draw_run_figures
from seqaudit.figures.results import DatasetResults, read_results
from seqaudit.figures.saved import read_figures
from seqaudit.figures.style import NOT_SIGNIFICANT, SIGNIFICANT

ONE_MODEL = {"archs": ("arch1",), "l1s": (0.0,), "seeds": (100,), "n_pairs": 30}
NO_P = {test: None for group in verdicts.TESTS.values() for test in group}
ALL_ZERO = {test: 0.0 for group in verdicts.TESTS.values() for test in group}
PAIRS = ("CRX-NRL", "CRX-GFI1", "CRX-RORB")

VARIANTS = {
    "one model": ONE_MODEL,
    "several motif pairs": {**ONE_MODEL, "control": "positive", "motif_pairs": PAIRS},
    "measured, p missing": {**ONE_MODEL, **NO_P, "control": None, "motif_pairs": PAIRS[:2], "seeds": (1, 2)},
    "p all 0": {**ONE_MODEL, **ALL_ZERO, "seeds": (1, 2)},
    "many architectures, names like code": {
        **ONE_MODEL,
        "archs": tuple(f"net{i:02d}" for i in range(11)),
        "motif_pairs": ("<b>$x$-A&B",),
    },
}


@pytest.fixture(scope="module")
def worlds() -> dict[str, DatasetResults]:
    return {name: toy_dataset(**variant) for name, variant in VARIANTS.items()}


@pytest.fixture(scope="module")
def plain() -> DatasetResults:
    return toy_dataset(n_pairs=40)


# data, motifs and training curves know neither p-values nor the other motif pairs
KINDS = [
    (entry, name)
    for name in VARIANTS
    for entry in (*DATASET_FIGURES, *RUN_FIGURES)
    if name != "p all 0" or ("loss_models" in entry.tables and entry.name != "training_curves")
]


@pytest.mark.parametrize(
    ("entry", "name"), KINDS, ids=[f"{name}-{entry.name}".replace(" ", "_") for entry, name in KINDS]
)
def test_every_figure_draws_for_every_kind_of_data(entry, name, worlds):
    results = worlds[name]
    drawn = draw(entry, results if entry in DATASET_FIGURES else [results])
    drawn.figure.draw_without_rendering()
    assert drawn.caption.endswith(".")
    if not drawn.why_missing and entry.name not in ("motifs", "effects"):
        assert any(character.isdigit() for character in drawn.caption), "a caption states n"
    if not drawn.why_missing and entry.name not in ("overview", "training_curves"):
        labels = [axes.get_xlabel() + axes.get_ylabel() for axes in drawn.figure.axes]
        assert all(labels), "every axis says what it shows"


def test_what_cannot_be_drawn_says_why():
    measured = toy_dataset(control=None, **ONE_MODEL)
    assert "measured data" in effects.against_main_effect_error(measured).why_missing
    assert "measured data" in simulation.effect_curves([measured]).why_missing
    untested = toy_dataset(**NO_P, **ONE_MODEL)
    assert "no test" in verdicts.overview([untested]).why_missing


def test_captions_state_n_settings_and_the_paper(plain):
    improvement = loss.improvement(plain)
    assert "12 models (3 architectures × 2 L1 weights × 2 seeds)" in improvement.caption
    assert "40 held-out motif pairs" in improvement.caption
    assert "p < 0.05" in improvement.caption
    assert "Counterpart of Fig. 2 top right" in improvement.caption
    hits = int((plain.models["paired_p"] < 0.05).sum())
    assert f"GATA1-TAL1: {hits} of 12" in improvement.caption
    assert "standard error" in magnitude.against_shuffled(plain).caption
    strict = toy_dataset(n_pairs=40, alpha=0.001)
    assert "p < 0.001" in loss.improvement(strict).caption


@pytest.mark.parametrize(
    ("control", "padding", "figure", "published"),
    [
        ("negative", "valid", magnitude.against_shuffled, "Fig. 2 top left"),
        ("positive", "valid", magnitude.against_shuffled, "Fig. E.1"),
        ("negative", "same", magnitude.against_shuffled, "Fig. F.2 top left"),
        ("positive", "same", magnitude.against_shuffled, "Fig. F.3"),
        ("positive", "valid", loss.densities, "Fig. E.2"),
        ("positive", "same", loss.densities, "Fig. F.4"),
        ("positive", "valid", magnitude.against_test_error, "Fig. E.3"),
        ("positive", "same", magnitude.against_test_error, "Fig. F.5"),
        ("negative", "same", loss.train_against_test, "Fig. F.7"),
        ("negative", "valid", effects.against_main_effect_error, "Fig. D.3"),
        ("negative", "same", effects.against_main_effect_error, "Fig. F.6"),
    ],
)
def test_each_panel_of_the_paper_has_its_counterpart(control, padding, figure, published):
    drawn = figure(toy_dataset(control=control, padding=padding, **ONE_MODEL))
    assert f"Counterpart of {published} in Finkelstein" in drawn.caption


def points_of(figure) -> list[tuple[float, float, bool]]:
    """Points of all scatter layers with a filling that says significant or not."""
    found = []
    for axes in figure.axes:
        for layer in axes.collections:
            if len(layer.get_offsets()) and len(layer.get_edgecolor()):
                colour = to_hex(layer.get_edgecolor()[0], keep_alpha=False).upper()
                if colour in (SIGNIFICANT, NOT_SIGNIFICANT):
                    found += [(float(x), float(y), colour == SIGNIFICANT) for x, y in layer.get_offsets()]
    return sorted(found)


@pytest.mark.parametrize(
    ("figure", "x", "y", "test"),
    [
        (magnitude.against_shuffled, "mean_abs_interaction", "mean_abs_interaction_shuffled", "shuffled_p"),
        (
            magnitude.against_random_location,
            "mean_abs_interaction",
            "mean_abs_interaction_random_location",
            "random_location_magnitude_p",
        ),
        (magnitude.against_test_error, "test_mse", "mean_abs_interaction", "paired_p"),
        (loss.improvement, "r_abs_interaction_main", "median_loss_improvement", "paired_p"),
        (
            loss.train_against_test,
            "median_loss_improvement_train",
            "median_loss_improvement",
            "paired_p",
        ),
    ],
)
def test_points_are_the_values_of_the_table(plain, figure, x, y, test):
    table = plain.models
    expected = sorted(zip(table[x], table[y], table[test] < plain.alpha))
    assert np.allclose(
        np.array(points_of(figure(plain).figure), dtype=float), np.array(expected, dtype=float), rtol=1e-12
    )


def test_random_location_shows_all_datasets(plain):
    other = toy_dataset("pos_valid", control="positive", n_pairs=40)
    drawn = loss.random_location([plain, other])
    columns = ["mean_loss_improvement", "mean_loss_improvement_random_location", "random_location_p"]
    expected = [(x, y, p < 0.05) for r in (plain, other) for x, y, p in r.models[columns].to_numpy()]
    assert np.allclose(
        np.array(points_of(drawn.figure), dtype=float), np.array(sorted(expected), dtype=float)
    )
    assert "neg_valid, GATA1-TAL1: " in drawn.caption and "pos_valid, GATA1-TAL1: " in drawn.caption


def test_bars_are_the_mean_of_their_dots(plain):
    drawn = magnitude.by_architecture([plain])
    heights = sorted(bar.get_height() for bar in drawn.figure.axes[0].patches)
    assert np.allclose(heights, sorted(plain.models.groupby(["arch", "l1"])["mean_interaction"].mean()))


def test_densities_pool_the_significant_models(plain):
    red = plain.models.loc[plain.models["paired_p"] < plain.alpha, "model_id"]
    assert len(red) > 1, "the toy world must have some"
    assert loss.pooled_models(plain, "GATA1-TAL1").model_ids != []
    assert set(loss.pooled_models(plain, "GATA1-TAL1").model_ids) == set(red)
    drawn = loss.densities(plain)
    assert f"n = {40 * len(red):,} losses" in drawn.caption
    nearest = plain._replace(models=plain.models.assign(paired_p=np.linspace(0.9, 0.2, len(plain.models))))
    chosen = loss.pooled_models(nearest, "GATA1-TAL1")
    assert chosen.model_ids == [plain.models["model_id"].iloc[-1]]
    assert chosen.paired_p == pytest.approx(0.2)


def test_a_false_interaction_error_is_the_interaction_itself(plain):
    """In additive data the true interaction is 0, as in the published figure."""
    drawn = effects.against_main_effect_error(plain)
    shown = np.concatenate([layer.get_offsets() for layer in drawn.figure.axes[0].collections])
    chosen = loss.pooled_models(plain, "GATA1-TAL1").model_ids
    rows = plain.pairs[plain.pairs["model_id"].isin(chosen)]
    assert np.allclose(np.sort(shown[:, 1]), np.sort(rows["interaction"]), atol=1e-9)


def test_distance_is_that_of_the_outer_motif_from_the_centre(plain):
    one = plain.knockouts.iloc[[0]].assign(start_a=10, start_b=60)
    pairs = plain.pairs[plain.pairs["pair_id"] == one["pair_id"].iloc[0]]
    drawn = effects.against_position([plain._replace(knockouts=one, pairs=pairs)])
    shown = drawn.figure.axes[0].collections[0].get_offsets()
    # centres 10 + 10/2 = 15 and 60 + 16/2 = 68; distances from 50 are 35 and 18
    assert np.allclose(shown[:, 0], 35)


def test_the_heat_map_shows_minus_log10_p():
    values = toy_dataset(**ONE_MODEL, paired_p=1e-4, unpaired_p=0.0, random_location_p=None)
    axes = verdicts.overview([values]).figure.axes[0]
    shown = axes.images[0].get_array()
    assert shown[0, 0] == pytest.approx(4)
    assert shown[0, 1] == verdicts._LARGEST
    names = [label.get_text() for label in axes.get_xticklabels()]
    assert names[:2] == ["paired", "unpaired"] and len(names) == 9, "columns without any value are left out"
    numbers = {text.get_text() for text in axes.texts}
    assert {"4.0", "∞"} <= numbers


def test_the_heat_map_is_readable_for_180_models():
    one = toy_dataset(**ONE_MODEL)
    design = pd.MultiIndex.from_product(
        [["arch1", "arch2", "arch3", "arch4"], [0, 1e-4, 1e-3], range(15)], names=["arch", "l1", "seed"]
    ).to_frame(index=False)
    many = one.models.drop(columns=design.columns).merge(design, how="cross")
    figure = verdicts.overview([one._replace(models=many)]).figure
    figure.draw_without_rendering()
    assert figure.get_figheight() < 12
    assert figure.axes[0].images[0].get_array().shape[0] == 180


def test_logos_have_the_height_of_the_information():
    assert np.allclose(logos.information(np.array([[1, 0, 0, 0], [0.25] * 4, [0.5, 0.5, 0, 0]])), [2, 0, 1])
    drawn = logos.motif_logos(toy_dataset(**ONE_MODEL))
    bits = logos.information(toy_motif("GATA1")).sum()
    assert f"GATA1: 10 bp, {bits:.3g} bits" in drawn.caption


def test_effect_curves_follow_their_formula():
    negative, positive = toy_dataset(**ONE_MODEL), toy_dataset("pos", control="positive", **ONE_MODEL)
    curves = simulation.effect_curves([negative, positive]).figure.axes[0].lines
    for curve, (scale, exponent) in zip(curves, [(100, 1), (60, 1.5)]):
        q, expected = curve.get_data()
        assert np.allclose(expected, scale * q**exponent)
    assert [curve.get_label() for curve in curves] == ["λ = 100 q", "λ = 60 q¹·⁵"]


def test_files_are_those_that_the_workflow_expects(tmp_path, monkeypatch):
    results = toy_dataset(**ONE_MODEL)
    draw_run_figures([results], tmp_path / "run")
    # saving is slow, and the same for the figures of a dataset
    (tmp_path / "neg_valid").mkdir()
    monkeypatch.setattr("seqaudit.figures.draw.save_figure", lambda figure, path: path.touch())
    draw_dataset_figures(results, tmp_path / "neg_valid")
    assert sorted(p.name for p in (tmp_path / "neg_valid").iterdir()) == sorted(dataset_figure_files())
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == sorted(run_figure_files())
    figures = read_figures(tmp_path / "neg_valid")
    assert [figure.name for figure in figures] == [entry.name for entry in DATASET_FIGURES]
    assert {figure.dataset for figure in figures} == {"neg_valid"}
    assert {figure.dataset for figure in read_figures(tmp_path / "run")} == {""}
    assert max(path.stat().st_size for path in tmp_path.rglob("*.svg")) < 500_000


def test_damaged_captions_are_refused(tmp_path):
    with pytest.raises(SeqauditError, match=r"captions\.json: not readable"):
        read_figures(tmp_path)
    (tmp_path / "captions.json").write_text("[{")
    with pytest.raises(SeqauditError, match="Rerun the rule"):
        read_figures(tmp_path)
    (tmp_path / "captions.json").write_text(json.dumps([{"nonsense": 1}]))
    with pytest.raises(SeqauditError, match="not readable"):
        read_figures(tmp_path)


def test_the_catalogue_names_every_figure_once():
    names = [entry.name for entry in FIGURES]
    assert len(set(names)) == len(names)
    for entry in FIGURES:
        assert set(entry.tables) <= set(SCHEMAS), entry.name
        assert entry.reading.endswith(".") and entry.title


def test_results_are_read_from_their_files(tmp_path, plain):
    write_table(plain.models, tmp_path / "models.parquet", "loss_models")
    write_table(plain.verdicts, tmp_path / "verdicts.parquet", "loss_verdicts")
    write_table(toy_architectures(plain), tmp_path / "architectures.parquet", "loss_architectures")
    first, second = plain.models["model_id"].unique()[:2]
    for model_id in (first, second):
        write_table(_whole_pairs(plain, model_id), tmp_path / f"{model_id}.pairs", "interaction_pairs")
        history = plain.history[plain.history["model_id"] == model_id]
        write_table(history, tmp_path / f"{model_id}.history", "training_history")
    _write_whole(plain.sequences, tmp_path / "sequences.parquet", "sequences")
    effect = {"effect_scale": 60, "effect_exponent": 1.5}
    _write_whole(plain.knockouts, tmp_path / "pairs.parquet", "knockouts", provenance=effect)
    motifs = [Motif("first", plain.motifs["GATA1"]), Motif("second", plain.motifs["TAL1"])]
    (tmp_path / "motifs.meme").write_text(format_meme(motifs, background=[0.25] * 4))
    read = read_results(
        "neg_valid",
        sequences=tmp_path / "sequences.parquet",
        knockouts=tmp_path / "pairs.parquet",
        pairs=[tmp_path / f"{model_id}.pairs" for model_id in (first, second)],
        history=[tmp_path / f"{model_id}.history" for model_id in (first, second)],
        models=tmp_path / "models.parquet",
        verdicts=tmp_path / "verdicts.parquet",
        motif_file=tmp_path / "motifs.meme",
        motif_names={"first": "GATA1", "second": "TAL1"},
        alpha=0.01,
    )
    assert read.alpha == 0.01 and len(read.models) == 12
    assert read.effect == (60, 1.5)
    assert np.allclose(read.motifs["TAL1"], plain.motifs["TAL1"], atol=1e-6)
    expected = plain.pairs[plain.pairs["model_id"].isin([first, second])]
    assert np.allclose(read.pairs["interaction"], expected["interaction"]), "only real, held-out pairs"


def _whole_pairs(results, model_id):
    """Pairs of one model with all columns, and rows of the other sets that must be left out."""
    rows = results.pairs[results.pairs["model_id"] == model_id]
    others = [rows.assign(split="train"), rows.assign(pair_set="random_location")]
    whole = pd.concat([rows, others[0].assign(pair_id=rows["pair_id"] + ".t"), others[1]])
    return _filled(whole, "interaction_pairs")


def _write_whole(table, path, schema, **options):
    write_table(_filled(table, schema), path, schema, **options)


def _filled(table, schema):
    """Add the columns that figures do not read."""
    made = {"string": "x", "float64": 0.0, "int64": 0, "bool": False}
    table = table.reset_index(drop=True)
    for column in SCHEMAS[schema].columns:
        if column.name not in table:
            table[column.name] = made[column.dtype]
            if column.name in SCHEMAS[schema].key:
                table[column.name] = [f"{column.name}.{i}" for i in range(len(table))]
    return table[[column.name for column in SCHEMAS[schema].columns]]

"""Figures of DeepMR draw what the tables hold, whatever they hold."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from toy_deepmr import ALL_PAIRS, HEADLINE, toy_measured, toy_study, toy_sweep

from seqaudit.data.schemas import SCHEMAS
from seqaudit.data.tables import write_table
from seqaudit.figures import deepmr_loci, deepmr_models, deepmr_pairs, deepmr_scores
from seqaudit.figures.catalogue import RECOVERY, STUDY_FIGURES, study_figure_files
from seqaudit.figures.deepmr_results import (
    CLASS_COLOURS,
    StudyResults,
    empty_table,
    read_study_results,
    recipe_colours,
)
from seqaudit.figures.deepmr_words import (
    classes_of,
    error_words,
    interval_words,
    method_words,
)
from seqaudit.figures.draw import draw, draw_study_figures
from seqaudit.figures.saved import read_figures

SMALL = {"rounds": 2, "loci": 12}
TABLES = {
    "effects": "deepmr_global",
    "scores": "deepmr_scores",
    "local": "deepmr_local",
    "instruments": "instruments",
    "calibration": "calibration",
    "quality": "ensemble_quality",
    "rounds": "cascade_rounds",
    "spacing": "deepmr_spacing",
}
KINDS = {
    "study": lambda: toy_study(scenarios=("unconfounded", "both"), **SMALL),
    "one round": lambda: toy_study(
        scenarios=("unconfounded",), recipes=("corrected",), rounds=1, loci=3, spacing=False
    ),
    "sweep": lambda: toy_sweep(**SMALL),
    "measured": lambda: toy_measured(loci=8, pairs=ALL_PAIRS[:5]),
    "names like code": lambda: toy_study(
        "<b>$x$", scenarios=("random",), pairs=(("A&B", "$x$-<i>"),), **SMALL
    ),
}


@pytest.fixture(scope="module")
def worlds() -> dict[str, StudyResults]:
    return {name: make() for name, make in KINDS.items()}


@pytest.fixture(scope="module")
def study() -> StudyResults:
    return toy_study(scenarios=("unconfounded", "random"), rounds=4, loci=30)


DRAWN = [
    (entry, name) for entry in STUDY_FIGURES for name in KINDS if name != "sweep" or entry.section == RECOVERY
]


@pytest.mark.parametrize(("entry", "name"), DRAWN, ids=[f"{entry.name}-{name}" for entry, name in DRAWN])
def test_every_figure_draws_for_every_kind_of_study(entry, name, worlds):
    drawn = draw(entry, worlds[name])
    if name in ("measured", "names like code"):
        drawn.figure.draw_without_rendering()  # where text could be taken for markup
    assert drawn.caption.endswith(".")
    if not drawn.why_missing:
        assert f"Study {worlds[name].study}" in drawn.caption
        assert any(character.isdigit() for character in drawn.caption), "a caption states n"
        assert any(axes.get_xlabel() or axes.get_title(loc="left") for axes in drawn.figure.axes)


def no_tables() -> StudyResults:
    return StudyResults("nothing", **{name: empty_table(schema) for name, schema in TABLES.items()})


@pytest.mark.parametrize("entry", STUDY_FIGURES, ids=lambda entry: entry.name)
def test_without_rows_every_figure_says_why(entry):
    assert draw(entry, no_tables()).why_missing


def failed(results: StudyResults) -> StudyResults:
    """A study none of whose estimates came about, with all its rows."""
    gone = ["b", "se", "ci_low", "ci_high", "pval", "pi_low", "pi_high", "tau", "truth"]
    scores = results.scores.copy()
    numbers = [column.name for column in SCHEMAS["deepmr_scores"].columns if column.nullable]
    scores[numbers] = np.nan
    return results._replace(
        effects=results.effects.assign(**dict.fromkeys(gone, np.nan), k=0, status="no locus"),
        local=results.local.assign(**dict.fromkeys([*gone[:5], "truth"], np.nan), status="too few"),
        scores=scores.assign(n_rounds=0),
        spacing=results.spacing.assign(**dict.fromkeys([*gone[:5], "tau", "truth"], np.nan), k=0),
        quality=results.quality.assign(
            test_r2_expected=np.nan, effect_slope=np.nan, effect_rmse=np.nan, level_factor=np.nan
        ),
    )


@pytest.mark.parametrize("entry", STUDY_FIGURES, ids=lambda entry: entry.name)
def test_failed_estimates_are_no_error(entry, study):
    drawn = draw(entry, failed(study))
    assert bool(drawn.why_missing) == (entry.name != "deepmr_calibration")


def test_what_cannot_be_drawn_says_why(worlds):
    for figure in (deepmr_scores.against_truth, deepmr_scores.overview, deepmr_scores.by_method):
        assert "measured data" in figure(worlds["measured"]).why_missing
    assert "one confounder strength" in deepmr_scores.against_strength(worlds["study"]).why_missing
    assert "true mutation effects" in deepmr_models.quality(worlds["measured"]).why_missing
    assert "not computed" in deepmr_pairs.spacing(worlds["one round"]).why_missing


def points(axes, colour) -> np.ndarray:
    """Points of scatter layers of one colour, shape (n, 2), sorted."""
    found = [
        layer.get_offsets()
        for layer in axes.collections
        if len(layer.get_offsets())
        and len(layer.get_facecolor())
        and to_hex(layer.get_facecolor()[0]).upper() == colour
        and layer.get_sizes().size
    ]
    stacked = np.concatenate(found) if found else np.empty((0, 2))
    return stacked[np.lexsort(stacked.T)]


def test_estimates_are_drawn_at_their_truth(study):
    figure = deepmr_scores.against_truth(study).figure
    panel = figure.axes[3]  # second recipe, second scenario
    for name in ("both", "exposure_only", "all"):
        rows = study.effects.query(
            "recipe == 'published' and scenario == 'random' and method == 'egger_published/reml' "
            "and sequence_class == @name"
        )
        expected = rows[["truth", "b"]].to_numpy()
        expected = expected[np.lexsort(expected.T)]
        assert np.allclose(points(panel, CLASS_COLOURS[name]), expected)


def test_true_effects_out_of_all_proportion_do_not_shrink_the_rest(study):
    effects = study.effects.copy()
    far = effects.index[effects["truth"].notna()][:1]
    effects.loc[far, "truth"] = -1e5
    drawn = deepmr_scores.against_truth(study._replace(effects=effects))
    usual = deepmr_scores.against_truth(study)
    low, high = drawn.figure.axes[0].get_xlim()
    assert high - low < 5 * np.ptp(usual.figure.axes[0].get_xlim())
    assert "1 true effect far outside" in drawn.caption and "far outside" not in usual.caption


def test_the_caption_names_the_method_of_every_recipe(study):
    assert "published: egger published / reml" in deepmr_scores.overview(study).caption


def test_scores_are_those_of_the_table(study):
    axes = deepmr_scores.overview(study).figure.axes[1]
    drawn = sorted(float(line.get_xdata()[0]) for line in axes.lines if line.get_marker() in "osD")
    rows = study.headline_scores().query("gamma_cluster == 'all'")
    assert np.allclose(drawn, sorted(rows["ci_coverage"]))
    bars = [tuple(segment[:, 0]) for layer in axes.collections for segment in layer.get_segments()]
    assert np.allclose(sorted(bars), sorted(zip(rows["ci_coverage_low"], rows["ci_coverage_high"])))


def test_a_score_far_below_the_axis_is_an_arrow(study):
    bad = study._replace(scores=study.scores.assign(identity_r2=-50.0))
    axes = deepmr_scores.overview(bad).figure.axes[0]
    markers = [line.get_marker() for line in axes.lines if len(line.get_xdata()) == 1]
    assert set(markers) == {"<"}
    panel = deepmr_scores.against_truth(bad).figure.axes[0]
    assert all("R² < −9" in text.get_text() for text in panel.texts)


def test_every_method_has_its_row(study):
    axes = deepmr_scores.by_method(study).figure.axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    made = study.scores.drop_duplicates(["recipe", "method"])["method"]
    assert names == [method_words(method) for method in made]
    drawn = sorted(float(line.get_xdata()[0]) for line in axes.lines if line.get_marker() in "^v")
    rows = study.scores.query(
        "scenario == 'unconfounded' and sequence_class == 'both' and gamma_cluster != 'all'"
    )
    assert np.allclose(drawn, sorted(rows["bias"]))


def test_strengths_are_read_from_the_scenario(worlds):
    results = worlds["sweep"]
    drawn = deepmr_scores.against_strength(results)
    titles = [axes.get_title(loc="left") for axes in drawn.figure.axes[:2]]
    assert titles == ["both", "sequence"]
    bias = drawn.figure.axes[2]  # second row, first scenario
    line = next(
        line for line in bias.lines if line.get_color() == recipe_colours(results.recipes)["corrected"]
    )
    assert line.get_xdata().tolist() == [0, 0.25, 0.5, 1, 2]
    wanted = results.headline_scores().query(
        "recipe == 'corrected' and sequence_class == 'both' and gamma_cluster == 'high' "
        "and scenario == 'both_x2'"
    )
    assert line.get_ydata()[-1] == pytest.approx(wanted["bias"].iloc[0])
    assert "both: eta 20, nu 30, tau_exposure 25, tau_outcome 25" in drawn.caption


def test_a_study_without_strengths_shows_all_its_scenarios(worlds):
    shown = deepmr_scores.against_truth(worlds["sweep"]).figure.axes[:2]
    assert [axes.get_title(loc="left") for axes in shown] == ["both", "sequence"], "strength 1 only"
    results = worlds["sweep"]
    strong = results.effects["scenario"].isin(["both_x0.5", "both_x2"])
    shown = deepmr_scores.against_truth(results._replace(effects=results.effects[strong])).figure.axes[:2]
    assert [axes.get_title(loc="left") for axes in shown] == ["both_x0.5", "both_x2"]


def test_loci_are_chosen_by_rule(study):
    chosen = {
        (rule, row.recipe): row for rule, row in deepmr_loci._chosen_loci(study) if row.recipe == "corrected"
    }
    local = study.local.query("recipe == 'corrected' and method == 'member_slope' and status == 'ok'")
    both = local[local["sequence_class"] == "both"].copy()
    both["error"] = (both["b"] - both["truth"]).abs()
    assert chosen["largest effect", "corrected"].locus_id == both.loc[both["b"].idxmax(), "locus_id"]
    assert chosen["largest error", "corrected"].locus_id == both.loc[both["error"].idxmax(), "locus_id"]
    middle = both.sort_values("error")["locus_id"].iloc[round((len(both) - 1) / 2)]
    assert chosen["median error", "corrected"].locus_id == middle
    assert chosen["exposure motif only", "corrected"].sequence_class == "exposure_only"


def test_instruments_are_coded_to_a_positive_exposure_effect(study):
    _, row = next(deepmr_loci._chosen_loci(study))
    axes = deepmr_loci.instruments(study).figure.axes[0]
    mine = study.instruments.query("ensemble == @row.ensemble and locus_id == @row.locus_id and selected")
    shown = points(axes, "#000000")
    sign = np.sign(mine["beta_exposure"])
    expected = np.column_stack([sign * mine["beta_exposure"], sign * mine["beta_outcome"]])
    assert np.allclose(shown, expected[np.lexsort(expected.T)])
    assert axes.get_xlim()[0] == 0 and (shown[:, 0] > 0).all()
    slopes = [np.diff(line.get_ydata())[0] / np.diff(line.get_xdata())[0] for line in axes.lines[:4]]
    assert any(np.isclose(slope, row.b) for slope in slopes)


def test_the_forest_draws_at_most_forty_loci_and_keeps_the_extremes():
    many = toy_study(scenarios=("unconfounded",), recipes=("corrected",), rounds=1, loci=90)
    axes = deepmr_loci.forest(many).figure.axes[0]
    drawn = np.concatenate([points(axes, CLASS_COLOURS[name]) for name in ("both", "exposure_only")])
    assert len(drawn) == 40
    local = many.local.query("method == 'member_slope' and status == 'ok'")
    assert drawn[:, 0].max() == local["b"].max() and drawn[:, 0].min() == local["b"].min()
    assert f"{len(local)} loci estimated" in " ".join(text.get_text() for text in axes.texts)


def test_imprecise_loci_do_not_stretch_the_axis(study):
    local = study.local.copy()
    wild = local.index[(local["method"] == "member_slope") & (local["status"] == "ok")][0]
    local.loc[wild, ["b", "se", "ci_low", "ci_high"]] = [900.0, 500.0, -100.0, 1900.0]
    for figure in (deepmr_loci.forest, deepmr_loci.funnel):
        axes = figure(study._replace(local=local)).figure.axes[0]
        assert axes.get_xlim()[1] < 10


def test_one_panel_per_pair_when_there_are_several(worlds):
    titles = [axes.get_title(loc="left") for axes in deepmr_loci.forest(worlds["measured"]).figure.axes]
    assert titles == [f"{x} → {y}" for x, y in ALL_PAIRS[:5]]


def test_all_pairs_have_their_effect_in_words(worlds):
    results = worlds["measured"]
    axes = deepmr_pairs.global_effects(results).figure.axes[0]
    said = [text.get_text() for text in axes.texts]
    rows = results.headline_effects()
    assert said == [interval_words(row.b, row.ci_low, row.ci_high) for row in rows.itertuples()]
    assert [label.get_text() for label in axes.get_yticklabels()] == [f"{x} → {y}" for x, y in ALL_PAIRS[:5]]


def test_spacing_cells_hold_the_table(worlds):
    results = worlds["measured"]
    axes = deepmr_pairs.spacing(results).figure.axes[0]
    said = {text.get_text() for text in axes.texts}
    wanted = {error_words(row.b, row.se) for row in results.spacing.dropna(subset=["b"]).itertuples()}
    assert wanted <= said and "–" in said
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        "0 to 35",
        "35 to 70",
        "70 to 150",
        "150 to 1000",
    ]


def test_negative_effects_have_another_colour(worlds):
    table = worlds["measured"].spacing.copy()
    table.loc[table.index[0], "b"] = -table["b"].max()
    patches = deepmr_pairs.spacing(worlds["measured"]._replace(spacing=table)).figure.axes[0].patches
    assert to_hex(patches[0].get_facecolor()).upper() == CLASS_COLOURS["exposure_only"]


def test_calibration_lines_are_the_table(worlds):
    results = worlds["one round"]
    axes = deepmr_models.calibration(results).figure.axes[0]
    rows = results.calibration.query("output == 'GATA1'").sort_values("level")
    shown = [line.get_xydata() for line in axes.lines if len(line.get_xdata()) == len(rows)]
    assert np.allclose(shown[0], rows[["level", "observed_before"]])
    assert np.allclose(shown[1], rows[["level", "observed_after"]])


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ((3.4567, 3.33, 3.59), "3.46 [3.33, 3.59]"),
        ((0.19234, 0.178, 0.206), "0.192 [0.178, 0.206]"),
        ((4.8, 3.9, 5.7), "4.8 [3.9, 5.7]"),
        ((1234.5, 1100, 1400), "1,234 [1,100, 1,400]"),
        ((-0.5, -0.62, -0.38), "−0.50 [−0.62, −0.38]"),
        ((0.2, -0.01, 0.5), "0.20 [−0.01, 0.50]"),
        ((1.0, -0.04, 2.1), "1.0 [0.0, 2.1]"),
        ((2.0, np.nan, np.nan), "2"),
        ((2.0, 2.0, 2.0), "2.00 [2.00, 2.00]"),
    ],
)
def test_estimates_have_the_decimals_that_their_interval_allows(numbers, words):
    assert interval_words(*numbers) == words


def test_errors_have_one_digit():
    assert error_words(3.4567, 0.061) == "3.46 ± 0.06"
    assert error_words(3.4567, np.nan) == "3.46"
    assert method_words("egger_published/reml") == "egger published / reml"
    table = pd.DataFrame({"sequence_class": ["all", "new", "both"]})
    assert classes_of(table) == ["both", "all", "new"]


def test_results_are_read_from_their_files(tmp_path, study):
    other = toy_study("other", scenarios=("random",), recipes=("corrected",), rounds=1, loci=3)
    files = {}
    for name, schema in TABLES.items():
        for part, results in (("mine", study), ("theirs", other)):
            write_table(getattr(results, name), tmp_path / part / f"{name}.parquet", schema)
        files[name] = [tmp_path / part / f"{name}.parquet" for part in ("mine", "theirs")]
    read = read_study_results("cascade", **files, headline=HEADLINE)
    for name in TABLES:
        assert len(getattr(read, name)) == len(getattr(study, name)), name
    assert read.method_of("published") == "egger_published/reml"
    little = read_study_results("other", effects=tmp_path / "theirs" / "effects.parquet")
    assert len(little.effects) and little.scores.empty and little.recipes == ["corrected"]


def test_files_are_those_that_the_workflow_expects(tmp_path, worlds, monkeypatch):
    monkeypatch.setattr("seqaudit.figures.draw.save_figure", lambda figure, path: path.touch())
    draw_study_figures(worlds["one round"], tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(study_figure_files())
    figures = read_figures(tmp_path)
    assert [figure.name for figure in figures] == [entry.name for entry in STUDY_FIGURES]
    assert {figure.dataset for figure in figures} == {"cascade"}
    assert {figure.category for figure in figures} == {"Causal effects"}

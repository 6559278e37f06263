"""Figures of the additive twin show what their tables say."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from toy_twins import DATASETS, toy_twins

from seqaudit.data.schemas import SCHEMAS
from seqaudit.data.tables import write_table
from seqaudit.figures import twin, twin_rates
from seqaudit.figures.catalogue import SUFFIXES, TWIN_FIGURES
from seqaudit.figures.draw import draw, draw_twin_figures
from seqaudit.figures.saved import read_figures
from seqaudit.figures.style import SIGNIFICANT
from seqaudit.figures.twin_results import VERDICT_LOOKS, TwinResults, read_twin_results


@pytest.fixture(scope="module")
def results() -> TwinResults:
    return toy_twins(archs=("arch1", "arch3"))


@pytest.fixture(scope="module")
def measured() -> TwinResults:
    return toy_twins(
        {"<b>$x$": (None, "same", 1.5)}, archs=("A&B",), l1s=(0.0,), n_null=0, n_redraws=0, known=False
    )


@pytest.mark.parametrize("entry", TWIN_FIGURES, ids=lambda entry: entry.name)
def test_every_figure_is_drawn_or_says_why_not(entry, results, measured):
    drawn = draw(entry, results)
    drawn.figure.draw_without_rendering()
    assert not drawn.why_missing and drawn.caption.endswith(".")
    assert draw(entry, read_twin_results()).why_missing
    unknown = {"twin_nulls", "twin_redraws", "twin_power"}
    assert bool(draw(entry, measured).why_missing) == (entry.name in unknown)
    assert set(entry.tables) <= set(SCHEMAS)


def test_shares_are_where_the_table_has_them_with_colour_and_marker_of_the_verdict(results):
    axes = twin.confirmed_shares(results).figure.axes[2]
    rows = results.judged("pos_valid", "GATA1-TAL1")
    points = [line for line in axes.lines if line.get_markersize() == 4 and len(line.get_xdata()) == 1]
    assert [line.get_xdata()[0] for line in points] == list(rows["twin_beta"])
    for line, verdict in zip(points, rows["twin_verdict"]):
        colour, marker, filled = VERDICT_LOOKS[verdict]
        assert (line.get_color(), line.get_marker()) == (colour, marker)
        assert (line.get_markerfacecolor() == colour) == filled
    assert 0.25 in [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == ":"]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels[0] == "arch1, L1 0, seed 1" and labels[-2:] == ["ensemble", "mean"]


def test_looks_differ_by_colour_and_by_marker():
    assert len({look[0] for look in VERDICT_LOOKS.values()}) == len(VERDICT_LOOKS)
    assert len({look[1] for look in VERDICT_LOOKS.values()}) == len(VERDICT_LOOKS)


def test_a_share_beyond_the_axis_is_an_arrow_and_a_missing_one_is_said(results):
    models = results.models.copy()
    first, second = models.index[models["dataset"] == "neg_valid"][:2]
    models.loc[first, ["twin_beta", "twin_ci_low", "twin_ci_high"]] = [40.0, 30.0, 50.0]
    models.loc[second, ["twin_beta", "twin_ci_low", "twin_ci_high"]] = np.nan
    axes = twin.confirmed_shares(results._replace(models=models)).figure.axes[0]
    assert ">" in [line.get_marker() for line in axes.lines]
    assert "no share" in [text.get_text() for text in axes.texts]


def test_fits_are_relative_to_the_truth_or_to_the_twin(results, measured):
    drawn = twin.fits(results)
    axes = drawn.figure.axes[0]
    stars = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "*"]
    judges = results.fits[results.fits["kind"] == "twin"]
    np.testing.assert_allclose(stars, 100 * (judges["relative_mse"] - 1))
    assert axes.get_xlabel() == "Validation loss above that of the truth"
    assert "twin that judges" in twin.fits(measured).figure.axes[0].get_xlabel()


def test_every_model_has_a_dot_per_test(results):
    axes = twin_rates.redraws(results).figure.axes[0]
    dots = [line.get_xdata()[0] for line in axes.lines if line.get_markersize() == pytest.approx(3.2)]
    table = results.with_design(results.redraws)
    assert sorted(dots) == sorted(table.loc[table["dataset"] == "neg_valid", "rate"])
    assert 0.05 in [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == "--"]


def test_power_has_the_rates_and_intervals_of_the_table(results):
    figure = twin_rates.power(results).figure
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["padding same", "padding valid"]
    axes = figure.axes[0]
    table = results.power[(results.power["padding"] == "same") & (results.power["test"] == "rejected")]
    points = next(line for line in axes.lines if line.get_marker() == "o")
    np.testing.assert_allclose(points.get_ydata(), table["rate"])
    bars = axes.collections[0].get_segments()
    np.testing.assert_allclose([bar[:, 1] for bar in bars], table[["ci_low", "ci_high"]])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "1.5"]


def test_networks_stand_among_their_own_null_models(results):
    drawn = twin_rates.nulls(results)
    axes = drawn.figure.axes[0]
    tests = results.null_tests[results.null_tests["statistic"] == "mean_abs_interaction"]
    dots, *diamonds = axes.collections[:3]
    assert len(dots.get_offsets()) == len(results.null_statistics) == 19 * len(tests)
    # of each row, null values have mean 0
    offsets = np.asarray(dots.get_offsets())
    for height in np.unique(offsets[:, 1]):
        assert offsets[offsets[:, 1] == height, 0].mean() == pytest.approx(0, abs=1e-9)
    filled = [d for d in diamonds if to_hex(d.get_facecolor()[0]).upper() == SIGNIFICANT]
    # 19 null models allow p = 0.05 exactly, which counts
    assert sum(len(d.get_offsets()) for d in filled) == (tests["p"] <= 0.05).sum() > 0


def test_one_null_model_has_no_spread():
    alone = toy_twins({"neg_valid": DATASETS["neg_valid"]}, archs=("arch1",), n_null=1)
    assert "no spread" in twin_rates.nulls(alone).why_missing


def test_files_are_those_of_the_catalogue(tmp_path):
    results = toy_twins({"neg_valid": DATASETS["neg_valid"]}, archs=("arch1",), l1s=(0.0,))
    names = {
        "models": "loss_models",
        "summary": "twin_summary",
        "redraws": "twin_redraws",
        "power": "twin_power",
        "fits": "twin_fits",
        "null_tests": "null_tests",
        "null_statistics": "null_statistics",
    }
    for name, schema in names.items():
        write_table(getattr(results, name), tmp_path / f"{name}.parquet", schema)
    paths = {name: tmp_path / f"{name}.parquet" for name in names}
    read = read_twin_results(**paths | {"fits": [paths["fits"]]}, margin=0.3, alpha=0.01)
    assert (read.margin, read.alpha) == (0.3, 0.01)
    assert read.questions() == [("neg_valid", "GATA1-TAL1")]
    draw_twin_figures(read, tmp_path / "figures")
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == sorted(
        ["captions.json", *(f"{entry.name}.{suffix}" for entry in TWIN_FIGURES for suffix in SUFFIXES)]
    )
    assert [figure.name for figure in read_figures(tmp_path / "figures")] == [e.name for e in TWIN_FIGURES]

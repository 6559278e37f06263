"""Figures of Group Expected Hessians show what their tables say."""

import numpy as np
import pytest
from toy_hessian import LAW, toy_results

from seqaudit.data.digits import read_digits
from seqaudit.data.tables import read_tables, write_table
from seqaudit.figures import hessian_checks, hessian_digits, hessian_methods, hessian_pairs
from seqaudit.figures.hessian_results import HessianResults, read_hessian_results, yes
from seqaudit.figures.style import save_figure
from seqaudit.inference.hessian_nulls import null_maxima

FIGURES = [
    hessian_pairs.ranked_pairs,
    hessian_pairs.pair_map,
    hessian_pairs.group_means,
    hessian_pairs.null_maxima,
    hessian_methods.roc_curves,
    hessian_methods.auc_by_noise,
    hessian_methods.false_positives,
    hessian_methods.injected_ranks,
    hessian_checks.coverage,
    hessian_checks.group_counts,
    hessian_checks.screening,
    hessian_checks.surfaces,
    hessian_digits.node_pairs,
]
NEEDS_TRUTH = {"roc_curves", "auc_by_noise", "injected_ranks", "coverage", "surfaces", "node_pairs"}


@pytest.fixture(scope="module")
def results():
    return toy_results()


@pytest.fixture(scope="module")
def measured():
    return toy_results(known=False, nulls=False)


def empty() -> HessianResults:
    return read_hessian_results("nothing")


@pytest.mark.parametrize("draw", FIGURES, ids=lambda draw: draw.__name__)
def test_every_figure_is_drawn_or_says_why_not(draw, results, measured):
    drawn = draw(results)
    assert not drawn.why_missing and drawn.caption.startswith("Study suite")
    assert draw(empty()).why_missing
    expected = draw.__name__ in NEEDS_TRUTH | {"null_maxima", "false_positives"}
    assert bool(draw(measured).why_missing) == expected


def test_ranked_pairs_show_scores_calls_and_needed_scores(results):
    drawn = hessian_pairs.ranked_pairs(results)
    axes = drawn.figure.axes[0]
    rows = results.pairs[(results.pairs["measure"] == "geh") & (results.pairs["fit"] == results.fits[0])]
    rows = rows.sort_values("score", ascending=False, kind="stable")
    points, needed = (axes.collections[place].get_offsets() for place in (1, 2))
    np.testing.assert_allclose(points[:, 0], rows["score"])
    np.testing.assert_allclose(needed[:, 0], rows["null_quantile"])
    labels = axes.get_yticklabels()
    assert [label.get_text() for label in labels] == [
        f"{a} × {b}" for a, b in zip(rows["feature_a"], rows["feature_b"])
    ]
    bold = [label.get_text() for label in labels if label.get_fontweight() == "bold"]
    assert sorted(bold) == [f"x{k} × x{k + 1}" for k in range(1, 8)]
    calls = int(yes(rows["call"]).sum())
    assert f"additive-null rule: {calls} of 28" in drawn.caption
    assert f"published rule: {int(yes(rows['published_call']).sum())} of 28" in drawn.caption


def test_without_refits_nothing_is_called(measured):
    drawn = hessian_pairs.ranked_pairs(measured)
    assert "nothing can be called" in drawn.caption and "additive-null rule:" not in drawn.caption


def test_the_map_has_scores_below_and_calls_above_the_diagonal(results):
    axes = hessian_pairs.pair_map(results).figure.axes[0]
    shown = np.ma.filled(axes.images[0].get_array(), np.nan)
    rows = results.pairs[(results.pairs["measure"] == "geh") & (results.pairs["fit"] == results.fits[0])]
    place = {name: index for index, name in enumerate(LAW.names)}
    for row in rows.itertuples():
        assert shown[place[row.feature_b], place[row.feature_a]] == row.score
    assert np.isnan(shown[np.triu_indices(8)]).all()
    called = rows[yes(rows["call"])]
    np.testing.assert_allclose(
        axes.collections[0].get_offsets(),
        [(place[b], place[a]) for a, b in zip(called["feature_a"], called["feature_b"])],
    )


def test_histograms_count_every_null_data_set(results):
    axes = hessian_pairs.null_maxima(results).figure.axes[0]
    maxima = null_maxima(results.nulls[(results.nulls["measure"] == "geh")])
    mine = maxima[(maxima["fit"] == results.fits[0]) & (maxima["null"] == "additive")]
    quantiles = [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == "--"]
    assert pytest.approx(np.quantile(mine["score"], 0.95)) in quantiles


def test_areas_are_those_of_the_table(results):
    left = hessian_methods.auc_by_noise(results).figure.axes[0]
    geh = results.auc[results.auc["method"] == "geh"].sort_values("snr")
    lines = [line for line in left.lines if len(line.get_xdata()) == len(geh)]
    np.testing.assert_allclose(lines[0].get_xdata().astype(float), geh["snr"])
    np.testing.assert_allclose(lines[0].get_ydata().astype(float), geh["auc"])


def test_false_positives_show_rates_and_the_published_table(results):
    axes = hessian_methods.false_positives(results).figure.axes[0]
    table = results.false_positives
    mine = table[(table["null"] == "permutation") & (table["rule"] == "published")]
    dots = [line.get_ydata()[0] for line in axes.lines if line.get_marker() == "o"]
    crosses = [line.get_ydata()[0] for line in axes.lines if line.get_marker() == "x"]
    assert set(mine["rate"]) <= set(dots)
    assert {0.017, 0.042, 0.210} <= set(crosses)


def test_nodes_are_shown_as_the_digits_that_maximise_them(results):
    drawn = hessian_digits.node_pairs(results)
    strongest = results.readings[results.readings["fit"] == "digits.1"].sort_values("rank").iloc[0]
    shown = drawn.figure.axes[0].images[0].get_array()
    image = read_digits().images[strongest["source_a"]]
    start = 0 if strongest["half_a"] == "left" else 8
    np.testing.assert_array_equal(
        np.where(image > 0.1, shown[:8, start : start + 8], 0), image * (image > 0.1)
    )
    top = results.readings.sort_values("rank").drop_duplicates("fit")
    assert f"reads so in {int(top['expected'].sum())} of 2 networks" in drawn.caption


def test_coverage_is_shown_by_pair(results):
    grid = hessian_checks.coverage(results).figure.axes
    titles = [axes.get_title(loc="left") for axes in grid[:4]]
    assert titles == ["AEH", "GEH", "EAH", "signed group means"]
    mine = results.coverage[results.coverage["quantity"] == "geh"]
    np.testing.assert_allclose(grid[5].collections[1].get_offsets()[:, 1], mine["coverage"])


def test_the_same_bytes_every_time_and_words_without_markup(results, tmp_path):
    for draw in (hessian_pairs.ranked_pairs, hessian_methods.false_positives):
        contents = []
        for name in ("one.svg", "two.svg"):
            save_figure(draw(results).figure, tmp_path / name)
            contents.append((tmp_path / name).read_bytes())
        assert contents[0] == contents[1]


def test_results_are_read_from_files(results, tmp_path):
    for name, schema in (("pairs", "hessian_pairs"), ("auc", "hessian_auc")):
        write_table(getattr(results, name), tmp_path / f"{name}.parquet", schema)
    read = read_hessian_results(
        "suite", pairs=tmp_path / "pairs.parquet", auc=[tmp_path / "auc.parquet"], alpha=0.1
    )
    assert read.fits == results.fits and read.alpha == 0.1 and read.roc.empty
    assert yes(read.pairs["call"]).sum() == yes(results.pairs["call"]).sum() > 0
    again = hessian_pairs.ranked_pairs(read).caption
    assert "additive-null rule:" in again


def test_empty_tables_have_their_columns():
    assert list(empty().nulls.columns) == list(read_tables([], "hessian_nulls", optional=True).columns)

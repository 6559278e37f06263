"""Saving, number words and the house style."""

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from toy_tables import toy_dataset

from seqaudit.errors import SeqauditError
from seqaudit.figures.captions import (
    counted,
    model_count,
    number,
    p_text,
    power_of_ten,
    span,
    superscript,
)
from seqaudit.figures.style import (
    MARKERS,
    in_house_style,
    markers_of,
    save_figure,
    shared_legend,
    unavailable,
    wrapped,
)


@in_house_style
def small_figure() -> Figure:
    figure = Figure(figsize=(2, 2), layout="constrained")
    axes = figure.subplots()
    axes.scatter(np.arange(3_000), np.arange(3_000), s=1, rasterized=True)
    axes.set_title("a < b & $c$")
    return figure


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_the_same_figure_gives_the_same_bytes(tmp_path, suffix):
    for name in ("first", "second"):
        save_figure(small_figure(), tmp_path / f"{name}.{suffix}")
    first, second = ((tmp_path / f"{name}.{suffix}").read_bytes() for name in ("first", "second"))
    assert first == second
    assert b"matplotlib" not in first.lower() or suffix == "svg"


def test_text_in_svg_stays_text_and_is_escaped(tmp_path):
    save_figure(small_figure(), tmp_path / "figure.svg")
    drawing = (tmp_path / "figure.svg").read_text()
    assert "a &lt; b &amp; $c$" in drawing
    assert "<dc:date>" not in drawing
    assert drawing.count("<image") == 1, "the large layer is pixels"


def test_saving_leaves_nothing_half_written(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(SeqauditError, match="cannot be written"):
        save_figure(small_figure(), blocked / "figure.svg")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


def test_the_house_style_leaves_matplotlib_as_it_was():
    before = matplotlib.rcParams["font.size"]
    unavailable("nothing was measured.")
    assert matplotlib.rcParams["font.size"] == before


def test_an_unavailable_figure_says_why():
    drawn = unavailable("nothing was measured.")
    assert drawn.why_missing == "nothing was measured."
    assert "nothing was measured." in drawn.caption
    texts = [text.get_text() for axes in drawn.figure.axes for text in axes.texts]
    assert any("nothing was measured." in text for text in texts)


def test_architectures_have_markers_of_their_own():
    markers = markers_of(["arch2", "arch1", "arch2"])
    assert list(markers) == ["arch1", "arch2"]
    assert len(set(markers_of(map(str, range(10))).values())) == len(MARKERS)
    assert len(markers_of(map(str, range(25)))) == 25


def test_a_legend_never_has_more_columns_than_fit():
    from matplotlib.lines import Line2D

    figure = Figure(figsize=(7.2, 2))
    figure.subplots(1, 2)
    shared_legend(figure, [Line2D([], [], label="x" * 40) for _ in range(6)])
    assert figure.legends[0]._ncols == 2


@pytest.mark.parametrize(
    ("p", "words"),
    [
        (0.011, "p = 0.011"),
        (2.04e-15, "p = 2×10⁻¹⁵"),
        (0.0, "p < 10⁻³⁰⁰"),
        (1.0, "p = 1"),
        (None, "p not available"),
        (float("nan"), "p not available"),
    ],
)
def test_p_values_in_words(p, words):
    assert p_text(p) == words


def test_numbers_in_words():
    assert number(-2.456) == "−2.46"
    assert number(9.7e-6) == "9.7×10⁻⁶"
    assert number(None) == "not available"
    assert power_of_ten(1e-7) == "10⁻⁷"
    assert power_of_ten(0.01) == "0.01"
    assert power_of_ten(0.0) == "0"
    assert superscript(-1.5) == "⁻¹·⁵"
    assert counted(1, "model") == "1 model"
    assert counted(7971, "pair") == "7,971 pairs"
    assert span([7971, 6451, 7971]) == "6,451 to 7,971"
    assert wrapped("one two three", 8) == "one two\nthree"


def test_a_design_that_is_not_complete_is_only_counted():
    models = toy_dataset(n_pairs=5).models
    assert model_count(models) == "12 models (3 architectures × 2 L1 weights × 2 seeds)"
    assert model_count(models.iloc[1:]) == "11 models"

"""The MR plots show what their tables say."""

import numpy as np
import pandas as pd
import pytest

from seqaudit.figures.mr import draw_all, forest, funnel, leave_one_out, scatter
from seqaudit.figures.style import save_figure
from seqaudit.inference.mr_tables import estimate_table, leave_one_out_table, single_instrument_table


def effects(n=12, exposure="LDL", outcome="heart disease") -> pd.DataFrame:
    rng = np.random.default_rng(n)
    x = rng.normal(0, 0.1, n)
    return pd.DataFrame(
        {
            "locus": "all",
            "exposure": exposure,
            "outcome": outcome,
            "instrument": [f"rs{i}" for i in range(n)],
            "beta_exposure": x,
            "se_exposure": 0.01,
            "beta_outcome": 0.5 * x + rng.normal(0, 0.02, n),
            "se_outcome": 0.02,
        }
    )


def test_the_scatter_shows_oriented_effects_and_one_line_per_method():
    table = effects()
    estimates = estimate_table(table, ["ivw", "egger"])
    axes = scatter(table, estimates).figure.axes[0]
    shown = axes.collections[-1].get_offsets()
    np.testing.assert_allclose(shown[:, 0], table["beta_exposure"].abs())
    sign = np.where(table["beta_exposure"] < 0, -1, 1)
    np.testing.assert_allclose(shown[:, 1], sign * table["beta_outcome"])
    lines = [line for line in axes.lines if line.get_xdata()[0] == 0 and len(line.get_xdata()) == 2]
    fitted = {tuple(np.polyfit(line.get_xdata(), line.get_ydata(), 1).round(9)) for line in lines}
    ivw, egger = estimates["b"]
    assert (round(ivw, 9), 0.0) in {(a, abs(b)) for a, b in fitted}
    assert (round(egger, 9), round(estimates["egger_intercept"][1], 9)) in fitted
    assert axes.get_xlabel() == "Effect of the instrument on LDL"
    assert [text.get_text() for text in axes.figure.legends[0].get_texts()] == [
        "Inverse variance weighted",
        "MR Egger",
    ]


def test_the_forest_is_sorted_and_names_every_row():
    table = effects()
    single = single_instrument_table(table)
    axes = forest(single, estimate_table(table, ["ivw"])).figure.axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == [*single.sort_values("b")["instrument"], "Inverse variance weighted"]
    assert axes.get_xlabel().replace("\n", " ") == "Causal effect of LDL on heart disease"


def test_an_imprecise_instrument_ends_in_arrowheads():
    table = effects()
    table.loc[3, "beta_exposure"] = 1e-5
    single = single_instrument_table(table)
    axes = forest(single, estimate_table(table, ["ivw"])).figure.axes[0]
    assert axes.get_xlim()[1] < 100 < single["ci_high"].max()
    axes = funnel(single, estimate_table(table, ["ivw"])).figure.axes[0]
    assert sum(len(layer.get_offsets()) for layer in axes.collections) == len(table), (
        "every point is somewhere"
    )


def test_many_instruments_lose_their_names_but_stay_on_the_page():
    table = effects(300)
    drawn = forest(single_instrument_table(table), estimate_table(table, ["ivw"]))
    assert drawn.figure.get_size_inches()[1] < 9
    assert "300 instruments, sorted" in [text.get_text() for text in drawn.figure.axes[0].texts]


def test_leave_one_out_has_the_full_estimate_below():
    table = effects(5)
    everything = estimate_table(table, ["ivw"])
    drawn = leave_one_out(leave_one_out_table(table, "ivw"), everything)
    axes = drawn.figure.axes[0]
    assert axes.get_yticklabels()[-1].get_text() == "Inverse variance weighted"
    assert axes.lines[-1].get_xdata()[0] == pytest.approx(everything["b"][0])
    assert "Inverse variance weighted" in drawn.caption


def test_what_cannot_be_drawn_says_why():
    table = effects(1)
    estimates = estimate_table(table, ["ivw"])
    assert (
        "at least two instruments" in leave_one_out(leave_one_out_table(table, "ivw"), estimates).why_missing
    )
    table["beta_exposure"] = 0.0
    assert "no instrument has a ratio" in forest(single_instrument_table(table), estimates).why_missing


def test_all_four_come_with_captions_and_the_same_bytes_every_time(tmp_path):
    table = effects(exposure="exposure", outcome="outcome")
    contents = []
    for name in ("one.svg", "two.svg"):
        drawn = draw_all(
            table,
            estimate_table(table, ["egger", "ivw"]),
            single=single_instrument_table(table),
            left_out=leave_one_out_table(table, "ivw"),
            everything=estimate_table(table, ["ivw"]),
        )
        assert list(drawn) == ["scatter", "forest", "funnel", "leave_one_out"]
        assert all(figure.caption.startswith("the exposure → the outcome: ") for figure in drawn.values())
        save_figure(drawn["forest"].figure, tmp_path / name)
        contents.append((tmp_path / name).read_bytes())
    assert contents[0] == contents[1]

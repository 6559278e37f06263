"""Can the networks behind DeepMR be believed? Their calibration and their effects of mutations."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from seqaudit.figures.captions import counted, number, sentences, span
from seqaudit.figures.deepmr_results import StudyResults, recipe_colours
from seqaudit.figures.style import (
    BLUE,
    GREY,
    VERMILLION,
    WIDTH,
    Drawn,
    diagonal,
    in_house_style,
    panel_title,
    shared_legend,
    unavailable,
)

_MEASURES = (
    ("test_r2_expected", "R² of noise-free\nexpectations", 1.0),
    ("effect_slope", "slope of predicted on\ntrue mutation effects", 1.0),
    ("effect_rmse", "error of mutation\neffects (RMSE)", 0.0),
)


@in_house_style
def calibration(results: StudyResults) -> Drawn:
    """Share of targets below predicted quantiles, before and after recalibration."""
    table = results.calibration.merge(
        results.quality[
            ["ensemble", "output", "recipe", "calibration_error_before", "calibration_error_after"]
        ],
        on=["ensemble", "output"],
    )
    if table.empty:
        return unavailable("calibration was not computed.")
    recipes = [name for name in dict.fromkeys(results.quality["recipe"]) if name in set(table["recipe"])]
    outputs = list(dict.fromkeys(table["output"]))
    figure = Figure(
        figsize=(min(WIDTH, 1.85 * len(outputs) + 0.6), 2.0 * len(recipes) + 0.5), layout="constrained"
    )
    grid = figure.subplots(len(recipes), len(outputs), squeeze=False, sharex=True, sharey=True)
    alpha = float(np.clip(12 / table["ensemble"].nunique(), 0.15, 0.9))
    for line, recipe in zip(grid, recipes):
        for axes, output in zip(line, outputs):
            mine = table[(table["recipe"] == recipe) & (table["output"] == output)]
            for _, curve in mine.groupby("ensemble", sort=False):
                curve = curve.sort_values("level")
                axes.plot(curve["level"], curve["observed_before"], color=VERMILLION, lw=0.9, alpha=alpha)
                axes.plot(curve["level"], curve["observed_after"], color=BLUE, lw=0.9, alpha=alpha, zorder=3)
            diagonal(axes)
            panel_title(axes, output, recipe)
            for when, place, colour in (("before", 0.13, VERMILLION), ("after", 0.03, BLUE)):
                axes.text(
                    0.97, place, f"{when}: {_range(mine[f'calibration_error_{when}'])}", color=colour,
                    fontsize=6, ha="right", transform=axes.transAxes,
                )  # fmt: skip
            axes.set(xlim=(0, 1), ylim=(0, 1), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
        line[0].set_ylabel("share of targets below")
    for axes in grid[-1]:
        axes.set_xlabel("predicted quantile")
    shared_legend(
        figure,
        [
            Line2D([], [], color=VERMILLION, label="before"),
            Line2D([], [], color=BLUE, label="after, other half"),
            Line2D([], [], color=GREY, ls=":", label="calibrated"),
        ],
        columns=3,
    )
    factors = results.quality["level_factor"].dropna()
    caption = sentences(
        f"Study {results.study}; {counted(table['ensemble'].nunique(), 'ensemble')}, one line each before "
        "and after recalibration, which was fitted on one half of sequences held back for it and scored on "
        "the other.",
        "The predicted distribution of a target is normal, with the mean and variance of the members and the "
        "observation noise. Flatter than the dotted line: the ensemble is more certain than it may be.",
        "Numbers: mean distance of observed from nominal levels.",
        f"Noise-subtracted squared error over the variance of members: {_range(factors)}; a diagnostic that "
        "was not applied."
        if len(factors)
        else "",
    )
    return Drawn(figure, caption)


@in_house_style
def quality(results: StudyResults) -> Drawn:
    """How well ensembles predict noise-free expectations and true effects of mutations."""
    table = results.quality
    measures = [measure for measure in _MEASURES if table[measure[0]].notna().any()]
    if not measures:
        return unavailable("neither noise-free expectations nor true mutation effects are known.")
    outputs, scenarios = list(dict.fromkeys(table["output"])), list(dict.fromkeys(table["scenario"]))
    recipes = list(dict.fromkeys(table["recipe"]))
    colours = recipe_colours(recipes)
    figure = Figure(
        figsize=(
            min(WIDTH, 2.6 * len(measures) + 0.6),
            (0.2 * len(scenarios) * len(recipes) + 0.5) * len(outputs) + 0.7,
        ),
        layout="constrained",
    )
    grid = figure.subplots(len(outputs), len(measures), squeeze=False, sharey=True, sharex="col")
    lines = [(scenario, recipe) for scenario in scenarios for recipe in recipes]
    heights = {key: -index - 0.4 * scenarios.index(key[0]) for index, key in enumerate(lines)}
    for line, output in zip(grid, outputs):
        for axes, (column, words, ideal) in zip(line, measures):
            axes.axvline(ideal, color=GREY, lw=0.8, ls=":", zorder=1)
            for key, part in table[table["output"] == output].groupby(["scenario", "recipe"], sort=False):
                jitter = np.linspace(-0.25, 0.25, len(part)) if len(part) > 1 else 0.0
                axes.scatter(
                    part[column], heights[key] + jitter, s=7, color=colours[key[1]], lw=0, alpha=0.7, zorder=3
                )
            axes.tick_params(axis="y", length=0)
            if output == outputs[-1]:
                axes.set_xlabel(words)
        line[0].set_title(output)
        middles = [np.mean([heights[key] for key in lines if key[0] == scenario]) for scenario in scenarios]
        line[0].set_yticks(middles, scenarios)
    legend = [Line2D([], [], ls="", marker="o", color=colours[name], label=name) for name in recipes]
    legend.append(Line2D([], [], color=GREY, ls=":", label="perfect"))
    shared_legend(figure, legend, columns=len(legend))
    told = [
        f"{recipe}: {_range(table.loc[table['recipe'] == recipe, 'effect_slope'])}"
        for recipe in recipes
        if table.loc[table["recipe"] == recipe, "effect_slope"].notna().any()
    ]
    caption = sentences(
        f"Study {results.study}; {counted(table['ensemble'].nunique(), 'ensemble')} of "
        f"{span(table['members'])} networks, one point each.",
        "R² of the ensemble mean about noise-free expectations of test sequences; slope (through the origin) "
        "and error of predicted against true effects of the mutations that serve as instruments.",
        f"Slopes: {'; '.join(told)}." if told else "",
        "A slope above 1 is a bias of the networks that no estimator repairs; R² does not show it.",
    )
    return Drawn(figure, caption)


def _range(values) -> str:
    """``0.99 to 1.02``, smallest and largest."""
    values = values.dropna()
    if values.empty:
        return "not available"
    low, high = number(values.min(), 2), number(values.max(), 2)
    return low if low == high else f"{low} to {high}"

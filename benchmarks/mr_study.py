"""Do the MR estimators do what they promise? Bias, coverage and type-I error by simulation.

Seven worlds of 50 instruments, each with and without a causal effect; every method sees the
same replicates. Writes ``mr_study.tsv`` and ``mr_study.svg`` into the folder and prints a
table as Markdown.

    python benchmarks/mr_study.py --replicates 1000 --seed 1 --output docs/methods
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from seqaudit.figures.style import (
    BLACK,
    BLUE,
    GREY,
    LIGHT_GREY,
    PALE_GREY,
    VERMILLION,
    house_style,
    save_figure,
    wrapped,
)
from seqaudit.inference import mr

INSTRUMENTS = 50
EFFECT = 0.3
ALPHA = 0.05
SE_EXPOSURE = 0.01


class World(NamedTuple):
    """True effects of instruments on the exposure, and directly on the outcome."""

    title: str
    what: str
    draw: Callable[[np.random.Generator, tuple[int, int]], tuple[np.ndarray, np.ndarray]]


def _strong(rng, shape):
    """Effects on the exposure of 3 to 15 standard errors: mean F statistic about 90."""
    return rng.uniform(0.03, 0.15, shape)


def _no_pleiotropy(rng, shape):
    return _strong(rng, shape), np.zeros(shape)


def _balanced(rng, shape):
    return _strong(rng, shape), rng.normal(0, 0.03, shape)


def _directional(rng, shape):
    return _strong(rng, shape), rng.normal(0.015, 0.015, shape)


def _weak(rng, shape):
    return rng.uniform(0.005, 0.03, shape), np.zeros(shape)


def _outliers(rng, shape):
    invalid = rng.permuted(np.broadcast_to(np.arange(shape[1]) < 0.2 * shape[1], shape), axis=1)
    return _strong(rng, shape), np.where(invalid, rng.normal(0.1, 0.05, shape), 0.0)


def _confounded(rng, shape):
    """40 % of the instruments act through a confounder of exposure and outcome."""
    through = rng.permuted(np.broadcast_to(np.arange(shape[1]) < 0.4 * shape[1], shape), axis=1)
    confounder = np.where(through, rng.uniform(0.02, 0.08, shape), 0.0)
    return _strong(rng, shape) + confounder, confounder


def _mutagenesis(rng, shape):
    """Effects of mutations in a locus: most are small, a few are large."""
    return 0.01 * rng.standard_t(2, shape), np.zeros(shape)


WORLDS = {
    "none": World("no pleiotropy", "strong instruments (mean F 90), all valid", _no_pleiotropy),
    "balanced": World(
        "balanced pleiotropy", "direct effects N(0, 0.03²), half again the outcome se", _balanced
    ),
    "directional": World(
        "directional pleiotropy", "direct effects N(0.015, 0.015²), independent of strength", _directional
    ),
    "weak": World("weak instruments", "exposure effects of 0.5 to 3 se (mean F 5), all valid", _weak),
    "outliers": World(
        "20 % outliers", "one in five instruments has a direct effect N(0.1, 0.05²)", _outliers
    ),
    "confounded": World(
        "InSIDE violated", "two in five instruments act through a confounder with effect 1", _confounded
    ),
    "mutagenesis": World(
        "mutagenesis-like", "exposure effects 0.01 t₂ of both signs (many near zero), all valid", _mutagenesis
    ),
}


def simulate(world: World, effect: float, replicates: int, rng: np.random.Generator) -> tuple:
    """Summary effects (replicates, instruments) as two independent samples would measure them."""
    shape = replicates, INSTRUMENTS
    strength, direct = world.draw(rng, shape)
    coding = rng.choice([-1, 1], shape)  # which allele is counted is arbitrary
    se_outcome = 0.02 * np.exp(rng.normal(0, 0.3, shape))
    exposure = coding * strength + rng.normal(0, SE_EXPOSURE, shape)
    outcome = coding * (effect * strength + direct) + rng.normal(0, se_outcome)
    return exposure, np.full(shape, SE_EXPOSURE), outcome, se_outcome


def run_study(replicates: int, seed: int, methods: list[str], report: Callable = print) -> pd.DataFrame:
    """One row per world and method.

    Returns
    -------
    pandas.DataFrame
        ``bias`` (mean error at a true effect of 0.3), ``median_bias``, ``q05`` and ``q95`` of the error,
        ``sd`` and ``mean_se``, ``coverage`` of the 95 % interval, ``type1`` (share of p < 0.05 without an
        effect), ``power`` (with one) and ``answered``, the share of replicates with an estimate.
        Shares are of the replicates that were answered.
    """
    rows = []
    for number, (name, world) in enumerate(WORLDS.items()):
        streams = np.random.default_rng([seed, number]).spawn(2)
        with_effect, without = (
            simulate(world, effect, replicates, rng) for effect, rng in zip((EFFECT, 0.0), streams)
        )
        for method in methods:
            start = time.process_time()
            found, null = (mr.estimate(*effects, method=method) for effects in (with_effect, without))
            seconds = time.process_time() - start
            good, good_null = found.status == "ok", null.status == "ok"
            error = found.b[good] - EFFECT
            covered = (found.ci_low[good] <= EFFECT) & (found.ci_high[good] >= EFFECT)
            rows.append(
                {
                    "world": name,
                    "method": method,
                    "bias": error.mean(),
                    "median_bias": np.median(error),
                    "q05": np.quantile(error, 0.05),
                    "q95": np.quantile(error, 0.95),
                    "sd": error.std(ddof=1),
                    "mean_se": found.se[good].mean(),
                    "coverage": covered.mean(),
                    "type1": (null.pval[good_null] < ALPHA).mean(),
                    "power": (found.pval[good] < ALPHA).mean(),
                    "answered": (good.mean() + good_null.mean()) / 2,
                }
            )
            report(f"{name} {method}: {seconds:.1f} s")
    return pd.DataFrame(rows)


def draw(results: pd.DataFrame, replicates: int) -> Figure:
    """Errors above, coverage and type-I error below, one column per world."""
    methods = results["method"].unique()[::-1]
    heights = np.arange(len(methods))
    with house_style():
        figure = Figure(figsize=(10.5, 1.3 + 0.27 * len(methods)), layout="constrained")
        upper, lower = figure.subplots(2, len(WORLDS), sharey=True, sharex="row")
        for column, (name, world) in enumerate(WORLDS.items()):
            rows = results[results["world"] == name].set_index("method").loc[methods]
            _draw_errors(upper[column], rows, heights)
            _draw_shares(lower[column], rows, heights, replicates)
            upper[column].set_title(wrapped(world.title, 13))
        for axes in (upper[0], lower[0]):
            axes.set_yticks(heights, methods)
            axes.set_ylim(-0.6, len(methods) - 0.4)
        for axes in (*upper, *lower):
            axes.tick_params(axis="y", length=0)
        figure.legend(handles=_legend(), loc="outside lower center", ncols=4, columnspacing=2)
    return figure


def _draw_errors(axes, rows: pd.DataFrame, heights: np.ndarray) -> None:
    axes.barh(heights[::2], 4, left=-2, height=1, color=PALE_GREY, zorder=0)
    axes.axvline(0, color=GREY, lw=0.8, zorder=1)
    axes.axvline(-EFFECT, color=GREY, lw=0.8, ls=":", zorder=1)
    axes.hlines(heights, rows["q05"], rows["q95"], color=BLACK, lw=0.9)
    axes.scatter(rows["median_bias"], heights, s=11, color=BLACK, linewidth=0, zorder=3)
    axes.set(xlim=(-0.45, 0.45), xticks=(-0.3, 0, 0.3), xlabel="error of estimate")


def _draw_shares(axes, rows: pd.DataFrame, heights: np.ndarray, replicates: int) -> None:
    axes.barh(heights[::2], 1.2, left=-0.1, height=1, color=PALE_GREY, zorder=0)
    for nominal in (ALPHA, 1 - ALPHA):
        noise = 2 * np.sqrt(ALPHA * (1 - ALPHA) / replicates)
        axes.axvspan(nominal - noise, nominal + noise, color=LIGHT_GREY, lw=0, zorder=1)
    axes.scatter(rows["type1"], heights, s=14, facecolor="white", edgecolor=VERMILLION, linewidth=1, zorder=3)
    axes.scatter(rows["coverage"], heights, s=14, color=BLUE, linewidth=0, zorder=4)
    axes.set(xlim=(-0.04, 1.04), xticks=(0, 0.5, 1), xlabel="share of replicates")


def _legend() -> list:
    return [
        Line2D([], [], color=BLACK, marker="o", ms=3.5, lw=0.9, label="median error and its central 90 %"),
        Line2D([], [], color=GREY, lw=0.8, ls=":", label="an estimate of 0 (the true effect is 0.3)"),
        Line2D([], [], ls="", marker="o", ms=4, color=BLUE, label="coverage of the 95 % interval"),
        Line2D([], [], ls="", marker="o", ms=4, mfc="white", mec=VERMILLION, label="type-I error at 5 %"),
    ]


def as_markdown(results: pd.DataFrame) -> str:
    """Median error, coverage and type-I error, one row per method and one column per world."""
    lines = [
        f"| method | {' | '.join(world.title for world in WORLDS.values())} |",
        "|---|" + "--:|" * len(WORLDS),
    ]
    for method, rows in results.groupby("method", sort=False):
        cells = {
            row.world: f"{row.median_bias:+.2f}, {100 * row.coverage:.0f}, {100 * row.type1:.0f}"
            for row in rows.itertuples()
        }
        lines.append(f"| `{method}` | {' | '.join(cells[name] for name in WORLDS)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicates", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--methods", default=None, help="names separated by commas (default: all)")
    parser.add_argument("--output", type=Path, default=Path("docs/methods"))
    options = parser.parse_args()
    methods = options.methods.split(",") if options.methods else mr.methods()["method"].tolist()
    results = run_study(options.replicates, options.seed, methods)
    options.output.mkdir(parents=True, exist_ok=True)
    results.to_csv(options.output / "mr_study.tsv", sep="\t", index=False, float_format="%.4g")
    save_figure(draw(results, options.replicates), options.output / "mr_study.svg")
    print(as_markdown(results))


if __name__ == "__main__":
    main()

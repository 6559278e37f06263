"""Which model's maps are consistent, what that is worth where the truth is known, and what it misses."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from seqaudit.figures.captions import counted, number, sentences, span
from seqaudit.figures.consistency_results import SCORE_WORDS, TRUTH_LABEL, ConsistencyResults
from seqaudit.figures.style import (
    BLACK,
    BLUE,
    CYCLE,
    GREY,
    LIGHT_GREY,
    NOT_SIGNIFICANT,
    SIGNIFICANT,
    VERMILLION,
    WIDTH,
    Drawn,
    in_house_style,
    markers_of,
    panel_title,
    panels,
    panels_for,
    say_missing,
    shared_legend,
    unavailable,
)
from seqaudit.inference.consistency_answers import ALL_DATASETS, RANKING, STABILITY, WITHIN

NOTHING_SCORED = "no model has both a held-out loss and a consistency score."
UNKNOWN_TRUTH = "for measured data nobody knows the true attributions."
_RANKED = ("consistency_geometry", "consistency_spectrum", "seed_stability", "heldout_mse")
_LARGEST = 320.0
"""Stands for -log10 of a p-value that has become 0."""


@in_house_style
def against_loss(results: ConsistencyResults) -> Drawn:
    """Consistency against held-out loss: gate, Pareto front and the selected model."""
    models = results.considered()
    if models.empty:
        return unavailable(NOTHING_SCORED)
    score, markers = results.criterion, markers_of(models["arch"])
    datasets = list(models["dataset"].unique())
    figure, grid = panels_for(len(datasets), height=2.2)
    for axes, dataset in zip(grid, datasets):
        mine = models[models["dataset"] == dataset]
        front = mine[mine["pareto"]].sort_values("heldout_mse")
        axes.plot(front["heldout_mse"], front[score], color=BLUE, lw=0.8, zorder=1)
        errors = mine[f"{score}_se"].fillna(0)
        axes.errorbar(
            mine["heldout_mse"], mine[score], errors, fmt="none", ecolor=LIGHT_GREY, lw=0.7, zorder=1
        )
        _scatter(axes, mine, "heldout_mse", score, markers)
        if mine["heldout_mse"].max() > 5 * mine["heldout_mse"].min():
            axes.set_xscale("log")
        kept = int(mine["within_loss_gate"].sum())
        panel_title(axes, dataset, f"{kept} of {counted(len(mine), 'model')} within the gate")
        axes.set(xlabel=SCORE_WORDS["heldout_mse"], ylabel=SCORE_WORDS[score] + _unit(score))
    shared_legend(figure, _legend(markers))
    return Drawn(
        figure,
        sentences(
            f"{_counts(models)}.",
            "Held-out loss: mean squared error on the validation split. Consistency: raw score minus that of "
            "its null, ± 1 standard error over resampled sequences.",
            "The rule keeps models within the margin of the best loss (gate), takes the Pareto front of low "
            "loss and high consistency among them, and selects the most consistent; the truth is not asked.",
            _maps_words(results),
        ),
    )


@in_house_style
def against_truth(results: ConsistencyResults) -> Drawn:
    """Both scores and the held-out loss against the truth score of the maps."""
    models = results.considered().dropna(subset=["truth_cosine"])
    if models.empty:
        return unavailable(UNKNOWN_TRUTH)
    columns = ("consistency_geometry", "consistency_spectrum", "heldout_mse")
    datasets, markers = list(models["dataset"].unique()), markers_of(models["arch"])
    figure, grid = panels(
        len(columns) * len(datasets), columns=len(datasets), height=1.75, sharey=True,
        width=WIDTH * min(1, 0.34 * len(datasets)),
    )  # fmt: skip
    for axes, (column, dataset) in zip(grid, [(c, d) for c in columns for d in datasets]):
        mine = models[models["dataset"] == dataset].dropna(subset=[column])
        _scatter(axes, mine, column, "truth_cosine", markers)
        if column == "heldout_mse" and mine[column].max() > 5 * mine[column].min():
            axes.set_xscale("log")
        title = dataset if column == columns[0] else ""
        panel_title(axes, title, _rho_words(results.answer(dataset, RANKING, column)))
        axes.set_xlabel(SCORE_WORDS[column].removeprefix("consistency of ") + _unit(column))
        if dataset == datasets[0]:
            axes.set_ylabel("cosine to\ntrue mutagenesis")
    shared_legend(figure, _legend(markers))
    return Drawn(
        figure,
        sentences(
            f"{_counts(models)}, one point each.",
            f"Truth: mean {TRUTH_LABEL} of the simulated law, in the training space.",
            "ρ: Spearman correlation, with the 95 % interval over resampled designs (architecture and L1 "
            "weight); of the loss, that of minus the loss, so that positive is good in every row.",
            _maps_words(results),
        ),
    )


@in_house_style
def rank_correlations(results: ConsistencyResults) -> Drawn:
    """How well each column ranks models by the truth, overall and within a design."""
    answers = results.of_spoken(results.answers)
    answers = answers[answers["quantity"].isin(_RANKED)].dropna(subset=["value"])
    if not answers["question"].isin([RANKING, WITHIN]).any():
        return unavailable("no rank correlation with a truth: the truth or enough models are missing.")
    datasets = [d for d in (*results.datasets, ALL_DATASETS) if d in set(answers["dataset"])]
    ranked = [column for column in _RANKED if column in set(answers["quantity"])]
    figure, grid = panels(2, columns=2, height=0.5 + 0.14 * (len(datasets) + 1) * len(ranked), sharey=True)
    heights = {
        (column, dataset): -(i * (len(datasets) + 1) + j)
        for i, column in enumerate(ranked)
        for j, dataset in enumerate(datasets)
    }
    for axes, question, title in zip(grid, (RANKING, WITHIN), ("all models", "given the design")):
        mine = answers[answers["question"] == question]
        axes.axvline(0, color=LIGHT_GREY, lw=0.8, ls="--", zorder=1)
        for row in mine.itertuples():
            colour = BLACK if row.dataset == ALL_DATASETS else BLUE
            height = heights[row.quantity, row.dataset]
            axes.hlines(height, row.ci_low, row.ci_high, color=colour, lw=0.9)
            axes.plot(row.value, height, "D" if row.dataset == ALL_DATASETS else "o", ms=3.5, color=colour)
        if mine.empty:
            say_missing(axes, "too few models in one design.")
        axes.set(xlabel="Spearman correlation with the truth", title=title)
        axes.set_xlim(-1.05, 1.05)
    grid[0].set_yticks(list(heights.values()), [dataset for _, dataset in heights], fontsize=6)
    grid[0].tick_params(axis="y", length=0)
    for i, column in enumerate(ranked):
        middle = -(i * (len(datasets) + 1) + (len(datasets) - 1) / 2)
        beside = -4.1 * max(map(len, datasets)) - 12  # points, clear of the names of datasets
        grid[0].annotate(
            SCORE_WORDS[column].replace(" ", "\n", 1), (0, middle), (beside, 0), ha="right", va="center",
            fontweight="bold", xycoords=("axes fraction", "data"), textcoords="offset points",
            annotation_clip=False,
        )  # fmt: skip
    return Drawn(
        figure,
        sentences(
            f"{_counts(results.considered())}.",
            f"Spearman correlation of each column with the truth ({TRUTH_LABEL}); losses enter with a minus "
            "sign, so right of the dashed line is good. Lines: 95 % intervals over resampled designs.",
            "Given the design: after taking out means of architecture, L1 weight and padding, that is, "
            "whether it also tells models of one design apart.",
            "All datasets: ranks within each dataset, put together." if ALL_DATASETS in datasets else "",
            _maps_words(results),
        ),
    )


@in_house_style
def controls(results: ConsistencyResults) -> Drawn:
    """Gradient consistency of positive and negative controls, beside the loss test that separates them."""
    models = results.considered().dropna(subset=["control"])
    if models["control"].nunique() < 2:
        return unavailable("the run has no pair of a positive and a negative control.")
    test = f"{results.deciding_test}_p"
    tested = results.loss_models.groupby("model_id")[test].min()
    models = models.assign(p=models["model_id"].map(tested))
    order = models.drop_duplicates("dataset").sort_values(["padding", "control"], ascending=[False, True])
    datasets, score = list(order["dataset"]), results.criterion
    markers = markers_of(models["arch"])
    figure, (left, right) = panels(2, columns=2, height=2.4)
    for place, dataset in enumerate(datasets):
        mine = models[models["dataset"] == dataset].sort_values(["arch", "l1", "seed"])
        spread = place + np.linspace(-0.28, 0.28, len(mine)) if len(mine) > 1 else np.array([place])
        evidence = np.minimum(-np.log10(np.maximum(mine["p"], 10**-_LARGEST)), _LARGEST)
        for axes, values in ((left, mine[score]), (right, evidence)):
            table = mine.assign(x=spread, y=values)
            for hit, face in ((True, SIGNIFICANT), (False, "white")):
                for arch, marker in markers.items():
                    rows = table[((table["p"] < results.alpha) == hit) & (table["arch"] == arch)]
                    edge = SIGNIFICANT if hit else NOT_SIGNIFICANT
                    axes.scatter(
                        rows["x"], rows["y"], s=16, marker=marker, facecolor=face, edgecolor=edge, lw=0.8
                    )
            axes.hlines(values.median(), place - 0.36, place + 0.36, color=BLACK, lw=1.2, zorder=2)
    right.axhline(-np.log10(results.alpha), color=GREY, lw=0.8, ls=":")
    if models["p"].min() < 1e-12:
        right.set_yscale("symlog", linthresh=5)
        right.yaxis.set_major_locator(FixedLocator([0, 1, 2, 5, 10, 20, 50, 100, 200]))
        right.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
        right.yaxis.set_minor_locator(NullLocator())
    names = [f"{row.dataset}\n({row.control})" for row in order.itertuples()]
    for axes in (left, right):
        axes.set_xticks(range(len(datasets)), names, rotation=0 if len(datasets) < 4 else 20)
        axes.set_xlim(-0.6, len(datasets) - 0.4)
        axes.set_xlabel("dataset")
    left.set_title("attributions")
    left.set_ylabel(f"{SCORE_WORDS[score]} (nats)")
    right.set_title("losses")
    for axes in (left, right):
        axes.margins(y=0.08)
    right.set_ylabel(f"−log₁₀ p, {results.deciding_test.replace('_', ' ')} loss test")
    legend = [
        Line2D([], [], ls="", marker="o", mfc=SIGNIFICANT, mec=SIGNIFICANT, label=f"p < {results.alpha:g}"),
        Line2D([], [], ls="", marker="o", mfc="white", mec=NOT_SIGNIFICANT, label=f"p ≥ {results.alpha:g}"),
        Line2D([], [], color=BLACK, label="median"),
        *_arch_entries(markers),
    ]
    shared_legend(figure, legend)
    medians = [
        f"{dataset} {number(models.loc[models['dataset'] == dataset, score].median())}"
        for dataset in datasets
    ]
    return Drawn(
        figure,
        sentences(
            f"{_counts(models)}, one point each.",
            "Left: consistency cannot see whether motifs interact. For the true law its gradient scores are "
            "the same with and without interaction; of trained models they may differ by what else differs. "
            f"Medians: {', '.join(medians)}.",
            f"Right: p-value of the {results.deciding_test.replace('_', ' ')} loss test, the smallest where "
            f"a model has several motif pairs; dotted: {results.alpha:g}.",
            _maps_words(results),
        ),
    )


@in_house_style
def choices(results: ConsistencyResults) -> Drawn:
    """Truth of the model that each rule of choice picks."""
    found = results.of_spoken(results.choices)
    if found.empty:
        return unavailable(UNKNOWN_TRUTH)
    datasets, rules = list(found["dataset"].unique()), list(found["choice"].unique())
    figure, grid = panels(len(datasets), columns=2, height=0.55 + 0.17 * len(rules), sharey=True)
    models = results.considered()
    for axes, dataset in zip(grid, datasets):
        everyone = models.loc[models["dataset"] == dataset, "truth_cosine"]
        axes.vlines(everyone, -len(rules) + 0.6, 0.4, color=LIGHT_GREY, lw=0.5, zorder=1)
        for row in found[found["dataset"] == dataset].itertuples():
            own = row.choice == "selected"
            axes.plot(
                row.truth,
                -rules.index(row.choice),
                "D" if own else "o",
                ms=5,
                color=VERMILLION if own else BLUE,
            )
        axes.set(title=dataset, xlabel=TRUTH_LABEL)
        axes.set_yticks(-np.arange(len(rules)), rules)
        axes.tick_params(axis="y", length=0)
    return Drawn(
        figure,
        sentences(
            f"{_counts(models)}; grey lines: all of them.",
            f"Truth score ({TRUTH_LABEL}) of the maps of the model that each rule picks; further right is "
            "better, and the distance to 'best model' is the regret.",
            _maps_words(results),
        ),
    )


@in_house_style
def other_options(results: ConsistencyResults) -> Drawn:
    """Rank correlation of the scores by other methods and options with those that speak."""
    answers = results.answers[results.answers["question"] == STABILITY]
    ways = list(dict.fromkeys(zip(answers["method"], answers["setting"])))
    if len(ways) < 2:
        return unavailable("the run has one attribution method and one set of options only.")
    answers = answers.dropna(subset=["value"])
    if answers.empty:
        return unavailable("a rank correlation needs at least four models with scores.")
    scores = list(answers["quantity"].unique())
    figure, grid = panels(len(scores), columns=2, height=0.5 + 0.17 * len(ways), sharey=True)
    datasets = results.datasets
    colours = dict(zip(datasets, _shades(len(datasets))))
    for axes, score in zip(grid, scores):
        axes.axvline(0, color=LIGHT_GREY, lw=0.8, ls="--", zorder=1)
        for row in answers[answers["quantity"] == score].itertuples():
            shift = 0.18 * (datasets.index(row.dataset) / max(1, len(datasets) - 1) - 0.5)
            axes.plot(
                row.value,
                -ways.index((row.method, row.setting)) - shift,
                "o",
                ms=4,
                color=colours[row.dataset],
            )
        axes.set_title(SCORE_WORDS[score])
        axes.set(xlabel="Spearman correlation of models", xlim=(-1.05, 1.05), ylim=(0.5 - len(ways), 0.5))
        axes.xaxis.set_major_locator(FixedLocator([-1, -0.5, 0, 0.5, 1]))
        axes.set_yticks(-np.arange(len(ways)), [f"{method}, {setting}" for method, setting in ways])
        axes.tick_params(axis="y", length=0)
    shared_legend(figure, [Line2D([], [], ls="", marker="o", color=c, label=d) for d, c in colours.items()])
    return Drawn(
        figure,
        sentences(
            f"{_counts(results.considered())}.",
            f"Do other options or attribution methods rank models as {' with options '.join(results.spoken)} "
            "does? Spearman correlation of their scores over the models of a dataset.",
            "Options by name are in the settings of the run.",
        ),
    )


def _scatter(axes: Axes, models: pd.DataFrame, x: str, y: str, markers: dict[str, str]) -> None:
    """One point per model: filled within the loss gate, ringed where selected."""
    for arch, marker in markers.items():
        for kept in (False, True):
            rows = models[(models["arch"] == arch) & (models["within_loss_gate"] == kept)]
            axes.scatter(
                rows[x], rows[y], s=18, marker=marker, facecolor=BLUE if kept else "white", edgecolor=BLUE,
                linewidth=0.8, zorder=3,
            )  # fmt: skip
    chosen = models[models["selected"]]
    axes.scatter(chosen[x], chosen[y], s=90, fc="none", ec=VERMILLION, lw=1.4, zorder=4, clip_on=False)


def _legend(markers: dict[str, str]) -> list[Line2D]:
    return [
        Line2D([], [], ls="", marker="o", mfc=BLUE, mec=BLUE, label="within the loss gate"),
        Line2D([], [], ls="", marker="o", mfc="white", mec=BLUE, label="loss too high"),
        Line2D([], [], ls="", marker="o", ms=8, mfc="none", mec=VERMILLION, mew=1.4, label="selected"),
        *_arch_entries(markers),
    ]


def _arch_entries(markers: dict[str, str]) -> list[Line2D]:
    if len(markers) < 2:
        return []
    return [
        Line2D([], [], ls="", marker=marker, mfc="white", mec=GREY, label=arch)
        for arch, marker in markers.items()
    ]


def _unit(column: str) -> str:
    return "" if column.endswith("mse") else " (nats)"


def _rho_words(answer: pd.Series | None) -> str:
    if answer is None or pd.isna(answer["value"]):
        return "ρ not available"
    interval = f" [{number(answer['ci_low'], 2)}, {number(answer['ci_high'], 2)}]"
    return f"ρ = {number(answer['value'], 2)}" + (interval if pd.notna(answer["ci_low"]) else "")


def _shades(n: int) -> Sequence[str]:
    return [CYCLE[i % len(CYCLE)] for i in range(n)]


def _counts(models: pd.DataFrame) -> str:
    per_dataset = span(models.groupby("dataset")["model_id"].nunique())
    sequences = span(models["n_sequences"])
    return f"{per_dataset} models per dataset, maps of {sequences} test sequences each"


def _maps_words(results: ConsistencyResults) -> str:
    method, setting = results.spoken
    return f"Maps: {method.replace('_', ' ')}; options: {setting}."

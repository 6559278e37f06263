"""Training curves: did every model converge, and which epoch was kept?"""

from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator

from seqaudit.figures.captions import dataset_words, model_count, power_of_ten, sentences, span
from seqaudit.figures.results import DatasetResults
from seqaudit.figures.style import (
    CYCLE,
    LIGHT_GREY,
    Drawn,
    in_house_style,
    log_axis,
    panels,
    shared_legend,
    unavailable,
    whole_numbers,
)


@in_house_style
def training_curves(results: DatasetResults) -> Drawn:
    """Loss per epoch of every model; the kept epoch is marked."""
    models = results.models.drop_duplicates("model_id")
    history = results.history[results.history["model_id"].isin(models["model_id"])]
    if history.empty:
        return unavailable("no training history: these models were not trained here.")
    groups = list(models.groupby(["l1", "arch"]))
    seeds = sorted(models["seed"].unique())
    colours = {seed: CYCLE[i] if i < len(CYCLE) else LIGHT_GREY for i, seed in enumerate(seeds)}
    columns = min(models["arch"].nunique(), 4)
    figure, grid = panels(len(groups), columns=columns, height=1.75, sharex=True, sharey=True)
    curves = dict(list(history.sort_values("epoch").groupby("model_id")))
    for i, (axes, ((l1, arch), members)) in enumerate(zip(grid, groups)):
        for model_id, seed in zip(members["model_id"], members["seed"]):
            if model_id not in curves:
                continue
            curve = curves[model_id]
            axes.plot(curve["epoch"], curve["train_loss"], color=colours[seed], lw=0.6, alpha=0.45)
            axes.plot(curve["epoch"], curve["validation_loss"], color=colours[seed], lw=0.9)
            kept = curve[curve["best"]].iloc[-1:]
            axes.plot(
                kept["epoch"],
                kept["validation_loss"],
                "o",
                ms=4,
                color=colours[seed],
                mec="white",
                mew=0.6,
                zorder=5,
            )
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5), numticks=12))
        log_axis(axes.yaxis)
        whole_numbers(axes.xaxis)
        axes.set_title(f"{arch}, L1 {power_of_ten(l1)}")
        axes.set(xlabel="Epoch" if i >= len(groups) - columns else "")
        axes.set(ylabel="Loss" if i % columns == 0 else "")
    shown = [Line2D([], [], color=colours[seed], label=f"seed {seed}") for seed in seeds[: len(CYCLE)]]
    if len(seeds) > len(CYCLE):
        shown.append(Line2D([], [], color=LIGHT_GREY, label=f"{len(seeds) - len(CYCLE)} more seeds"))
    shown += [
        Line2D([], [], color="black", lw=0.6, alpha=0.45, label="training"),
        Line2D([], [], color="black", lw=0.9, label="validation"),
        Line2D([], [], ls="", marker="o", ms=4, color="black", label="kept epoch"),
    ]
    shared_legend(figure, shown)
    epochs = history.groupby("model_id")["epoch"].max()
    caption = sentences(
        f"{dataset_words(results.dataset, models)}; {model_count(models)}, {span(epochs)} epochs.",
        "Loss is mean squared error in the training space plus the L1 penalty, as used for early stopping; "
        "thin: training batches, thick: validation, dot: epoch whose weights were kept.",
    )
    return Drawn(figure, caption)

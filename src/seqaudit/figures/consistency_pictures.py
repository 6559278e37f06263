"""What the scores of consistency see: words at important positions, and directions of attributions."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from seqaudit.figures.captions import sentences
from seqaudit.figures.consistency_results import ConsistencyResults
from seqaudit.figures.style import (
    BLACK,
    GREY,
    LIGHT_GREY,
    VERMILLION,
    WIDTH,
    Drawn,
    in_house_style,
    shared_legend,
    unavailable,
)
from seqaudit.inference.attribution_angles import BOX, N_BOXES, ORTHONORMAL, stored_angles

ROLE_COLOURS = {"truth": BLACK, "selected": VERMILLION, "least consistent": LIGHT_GREY}
"""In the order in which they are shown."""

_WORDS_SHOWN = 14
_NO_MAPS = "no model has maps that could be scored."
_MAP = "viridis"


@in_house_style
def words(results: ConsistencyResults) -> Drawn:
    """Words most enriched at important positions: of the truth, the selected, the least consistent model."""
    table = results.words
    if table.empty:
        return unavailable(_NO_MAPS)
    datasets = list(table["dataset"].unique())
    figure = Figure(figsize=(WIDTH, 1.5 * len(datasets) + 0.45), layout="constrained")
    grid = figure.subplots(len(datasets), 1, squeeze=False)[:, 0]
    roles = [role for role in ROLE_COLOURS if role in set(table["role"])]
    for axes, dataset in zip(grid, datasets):
        mine = table[table["dataset"] == dataset]
        wide = mine.pivot(index="word", columns="role", values="share").fillna(0)
        prior = mine.drop_duplicates("word").set_index("word")["prior"]
        above = wide.max(axis=1) - prior.reindex(wide.index)
        shown = above.sort_values(ascending=False, kind="stable").index[:_WORDS_SHOWN]
        width = 0.8 / len(roles)
        for i, role in enumerate(role for role in roles if role in wide):
            at = np.arange(len(shown)) + (i - (len(roles) - 1) / 2) * width
            axes.bar(at, wide.loc[shown, role], width, color=ROLE_COLOURS[role])
        for place, word in enumerate(shown):
            axes.hlines(prior[word], place - 0.44, place + 0.44, color=GREY, lw=1, ls=(0, (2, 1)))
        axes.set_xticks(range(len(shown)), shown, family="DejaVu Sans Mono", fontsize=6.5)
        axes.tick_params(axis="x", length=0)
        axes.set(title=dataset, ylabel="share of words", xlabel="word", xlim=(-0.6, len(shown) - 0.4))
    shared_legend(
        figure,
        [
            *(Patch(fc=ROLE_COLOURS[role], label=role) for role in roles),
            Patch(fc="none", ec=GREY, ls="--", label="whole sequences"),
        ],
    )
    return Drawn(
        figure,
        sentences(
            f"The {_WORDS_SHOWN} words that gain most over their share in the whole sequences (dashed), "
            "among all words at important positions of the maps.",
            _roles_words(table),
            "The score of words is the divergence of this spectrum from the dashed one. Counterpart of the "
            "k-mer plots of Majdandzic et al. (2022).",
        ),
    )


@in_house_style
def directions(results: ConsistencyResults) -> Drawn:
    """Density of directions of the strongest windows: islands are repeated features, a haze is noise."""
    table = results.directions
    if table.empty:
        return unavailable(_NO_MAPS)
    datasets = list(table["dataset"].unique())
    roles = [role for role in ROLE_COLOURS if role in set(table["role"])]
    figure = Figure(
        figsize=(0.29 * WIDTH * len(roles) + 0.5, 2.05 * len(datasets) + 0.9), layout="constrained"
    )
    grid = figure.subplots(len(datasets), len(roles), squeeze=False, sharex=True, sharey=True)
    norm = PowerNorm(0.4, vmin=0, vmax=table["share"].max())
    for row, dataset in zip(grid, datasets):
        for axes, role in zip(row, roles):
            mine = table[(table["dataset"] == dataset) & (table["role"] == role)]
            density = np.zeros((N_BOXES, N_BOXES))
            boxes = (mine[["polar", "half_azimuth"]].to_numpy() / BOX).astype(int)
            density[boxes[:, 0], boxes[:, 1]] = mine["share"]
            image = axes.imshow(
                density, origin="lower", extent=(0, N_BOXES * BOX) * 2, norm=norm, cmap=_MAP, aspect="equal"
            )
            _mark_bases(axes)
            axes.set_title(f"{dataset}, {role}", fontsize=7)
        row[0].set_ylabel("polar angle (rad)")
    for axes in grid[-1]:
        axes.set_xlabel("half azimuth (rad)")
    figure.colorbar(
        image, ax=grid, location="bottom", shrink=0.5, aspect=40, label="share of squared norm",
        ticks=norm.vmax * np.array([0, 0.05, 0.25, 1]), format="%.2g",
    )  # fmt: skip
    return Drawn(
        figure,
        sentences(
            "Directions of the strongest windows of centred attributions, weighted by their squared norm, in "
            f"boxes of {BOX} rad. Letters: where a window that is all one base lies.",
            "Repeated features make islands, noise makes a haze; the score is the divergence of this density "
            "from its own local average.",
            _roles_words(table),
            "Counterpart of the angle plots of Majdandzic et al. (2022).",
        ),
    )


def _mark_bases(axes: Axes) -> None:
    centred = np.eye(4) - 0.25
    azimuth, polar = stored_angles(centred @ ORTHONORMAL.T)
    for base, x, y in zip("ACGT", azimuth, polar):
        axes.text(x, y, base, color="white", fontsize=7, fontweight="bold", ha="center", va="center")


def _roles_words(table: pd.DataFrame) -> str:
    named = table.dropna(subset=["model_id"]).drop_duplicates(["dataset", "role"])
    models = "; ".join(f"{row.role}: {row.model_id}" for row in named.itertuples())
    truth = "Truth: mutagenesis of the simulated law. " if "truth" in set(table["role"]) else ""
    method, setting = table.iloc[0][["method", "setting"]]
    return f"{truth}Models ({method.replace('_', ' ')}, options {setting}): {models}."

"""Can the scores be believed: coverage of intervals, number of groups, dropped inputs, the truth itself."""

import numpy as np
from matplotlib.lines import Line2D

from seqaudit.figures.captions import number, sentences, span
from seqaudit.figures.hessian_results import MEASURE_COLOURS, MEASURES, HessianResults
from seqaudit.figures.style import (
    BLUE,
    GREEN,
    GREY,
    LIGHT_GREY,
    VERMILLION,
    Drawn,
    diagonal,
    in_house_style,
    panel_title,
    panels,
    shared_legend,
    unavailable,
    whole_numbers,
)

_MOST_FITS = 4
_NOMINAL = 0.95
_QUANTITIES = MEASURES | {"signed_group_mean": "signed group means"}


@in_house_style
def coverage(results: HessianResults) -> Drawn:
    """Scores against their truth, and how often intervals hold it (cf. appendix Figs 4 and 5)."""
    table = results.coverage
    if table.empty:
        return unavailable("the true size of interactions is not known.")
    quantities = [name for name in _QUANTITIES if name in set(table["quantity"])]
    figure, grid = panels(2 * len(quantities), columns=len(quantities), height=2.05)
    for place, quantity in enumerate(quantities):
        mine = table[table["quantity"] == quantity]
        colour = MEASURE_COLOURS.get(quantity, GREEN)
        above, below = grid[place], grid[place + len(quantities)]
        face = np.where(mine["interacts"], colour, "white")
        above.scatter(
            mine["truth"], mine["mean_score"], s=14, facecolor=face, edgecolor=colour, linewidth=0.8
        )
        diagonal(above)
        below.vlines(mine["truth"], mine["ci_low"], mine["ci_high"], color=colour, lw=0.8)
        below.scatter(
            mine["truth"], mine["coverage"], s=14, facecolor=face, edgecolor=colour, linewidth=0.8, zorder=3
        )
        below.axhline(_NOMINAL, color=GREY, ls=":", lw=0.8)
        below.set(ylim=(-0.04, 1.04), xlabel="true value")
        share = mine.loc[mine["interacts"], "coverage"].mean()
        panel_title(above, _QUANTITIES[quantity], f"true pairs held: {number(100 * share, 3)} %")
    grid[0].set_ylabel("mean estimate")
    grid[len(quantities)].set_ylabel("share of intervals\nthat hold the truth")
    entries = [
        Line2D([], [], ls="", marker="o", mfc=GREY, mec=GREY, label="interacts"),
        Line2D([], [], ls="", marker="o", mfc="white", mec=GREY, label="does not"),
        Line2D([], [], color=GREY, ls=":", label="equal (above), 95 % (below)"),
    ]
    shared_legend(figure, entries, columns=3)
    caption = sentences(
        f"Study {results.study}, one point per pair of features, {span(table['n'])} intervals each. Above: "
        "mean score against the true value at the same points and groups. Below: share of 95 % credible "
        "intervals that hold it, with Wilson intervals.",
        "Absolute values of pairs without interaction have their truth, 0, on the edge of what they can be: "
        "their intervals cannot hold it often. Signed group means have no such edge.",
        "Counterpart of Figs 4 and 5 in the appendix of Cui et al. (2020).",
    )
    return Drawn(figure, caption)


@in_house_style
def group_counts(results: HessianResults) -> Drawn:
    """Distance between the scores of M - 1 and M groups (cf. appendix 6)."""
    table = results.group_counts
    if table.empty:
        return unavailable("the number of groups was set by hand.")
    fits = list(dict.fromkeys(table["fit"]))[:_MOST_FITS]
    figure, grid = panels(len(fits), columns=2, height=2.1)
    for axes, fit in zip(grid, fits):
        mine = table[table["fit"] == fit]
        for _, one in mine.groupby("seed"):
            axes.plot(one["n_groups"], one["distance"], color=LIGHT_GREY, lw=0.7)
        mean = mine.groupby("n_groups")["distance"].mean()
        axes.plot(mean.index, mean, color=BLUE, lw=1.4, marker="o", ms=2.5)
        chosen = mine.loc[mine["chosen"].to_numpy(bool), "n_groups"]
        if len(chosen):
            axes.axvline(chosen.iloc[0], color=VERMILLION, lw=1.1)
        settled = "settled" if mine["settled"].all() else "not settled"
        panel_title(axes, fit, f"M = {chosen.iloc[0] if len(chosen) else 1}, {settled}")
        axes.set(xlabel="number of groups M", ylim=(0, None))
        whole_numbers(axes.xaxis)
    for axes in grid[::2]:
        axes.set_ylabel("rank-weighted distance")
    entries = [
        Line2D([], [], color=LIGHT_GREY, label="one seed of k-means"),
        Line2D([], [], color=BLUE, marker="o", ms=2.5, label="mean"),
        Line2D([], [], color=VERMILLION, label="chosen"),
    ]
    shared_legend(figure, entries, columns=3)
    caption = sentences(
        f"Study {results.study}: rank-weighted distance between the scores with M - 1 and with M groups. "
        "Chosen is the smallest M after which the mean stays below 1 % of its maximum for ten numbers of "
        "groups.",
        "The distance sees ranks only: scores can go on growing with M while it stays at 0.",
        "Counterpart of appendix 6 of Cui et al. (2020).",
    )
    return Drawn(figure, caption)


@in_house_style
def screening(results: HessianResults) -> Drawn:
    """Learned probabilities that an input is dropped: which features the network needs."""
    inputs = results.dropout[results.dropout["layer"] == 0] if len(results.dropout) else results.dropout
    if inputs.empty:
        return unavailable("no network drops its inputs.")
    fits = list(dict.fromkeys(inputs["fit"]))[:_MOST_FITS]
    many = int(inputs.groupby("fit").size().max())
    figure, grid = panels(len(fits), columns=2, height=0.5 + 0.16 * max(many, 6))
    related = results.pairs[results.pairs["interacts"].notna()]
    related = related[related["interacts"].astype(bool)]
    interacting = {*related["feature_a"], *related["feature_b"]}
    for axes, fit in zip(grid, fits):
        mine = inputs[inputs["fit"] == fit].sort_values("drop_probability", kind="stable")
        heights = -np.arange(len(mine))
        axes.hlines(heights, 0, mine["drop_probability"], color=LIGHT_GREY, lw=1.0)
        needed = mine["feature"].isin(interacting).to_numpy()
        axes.scatter(
            mine["drop_probability"], heights, s=16, facecolor=np.where(needed, VERMILLION, "white"),
            edgecolor=np.where(needed, VERMILLION, BLUE), linewidth=0.8, zorder=3,
        )  # fmt: skip
        axes.set_yticks(heights, mine["feature"], fontsize=6.5)
        axes.tick_params(axis="y", length=0)
        axes.set(xlabel="learned drop probability", xlim=(0, max(1.1 * mine["drop_probability"].max(), 0.05)))
        panel_title(axes, fit)
    if interacting:
        entries = [
            Line2D([], [], ls="", marker="o", mfc=VERMILLION, mec=VERMILLION, label="interacts in truth"),
            Line2D([], [], ls="", marker="o", mfc="white", mec=BLUE, label="does not"),
        ]
        shared_legend(figure, entries, columns=2)
    caption = sentences(
        f"Study {results.study}: learned probability that each input is dropped by concrete dropout, most "
        "needed features first. The paper proposes it to screen features before pairs are asked about; a "
        "feature that matters little is dropped often, whether it interacts or not."
    )
    return Drawn(figure, caption)


@in_house_style
def surfaces(results: HessianResults) -> Drawn:
    """True interactions without main effects, or smoothed targets (cf. Fig. 1 and appendix 5)."""
    table = results.surfaces
    if table.empty:
        return unavailable("no surface was computed.")
    keys = ["feature_a", "feature_b", "label"]
    shown = list(table[keys].drop_duplicates().itertuples(index=False, name=None))
    figure, grid = panels(len(shown), columns=4, height=1.75)
    for axes, key in zip(grid, shown):
        mine = table[(table[keys] == list(key)).all(axis=1)]
        wide = mine.pivot(index="value_b", columns="value_a", values="value")
        signed = wide.min().min() < 0 < wide.max().max()
        reach = np.nanmax(np.abs(wide.to_numpy()))
        limits = {"vmin": -reach, "vmax": reach, "cmap": "RdBu_r"} if signed else {"cmap": "viridis"}
        image = axes.pcolormesh(wide.columns, wide.index, wide.to_numpy(), rasterized=True, **limits)
        figure.colorbar(image, ax=axes, shrink=0.8, pad=0.02).ax.tick_params(labelsize=5.5)
        axes.set(xlabel=key[0], ylabel=key[1])
        axes.tick_params(labelsize=6)
        panel_title(axes, key[2])
    smoothed = table["label"].eq("smoothed target").any()
    caption = sentences(
        f"Study {results.study}:",
        "smoothed target over pairs of features, white where points are few. Counterpart of appendix 5 of "
        "Cui et al. (2020)."
        if smoothed
        else "every simulated interaction over the range of its features, main effects removed. Counterpart "
        "of Fig. 1 in Cui et al. (2020), whose functions are known from a picture only.",
    )
    return Drawn(figure, caption)

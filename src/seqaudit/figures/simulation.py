"""The data that models were trained on: simulated effect, targets and motifs."""

from collections.abc import Sequence

import numpy as np
from matplotlib.lines import Line2D

from seqaudit.figures.captions import counted, number, paper, sentences, superscript
from seqaudit.figures.results import DatasetResults, Effect
from seqaudit.figures.style import (
    BLUE,
    CYCLE,
    GREEN,
    ORANGE,
    Drawn,
    as_pixels,
    diagonal,
    in_house_style,
    panels,
    shared_legend,
    unavailable,
)

_SPLITS = {"train": (BLUE, "-"), "validation": (ORANGE, "--"), "test": (GREEN, ":")}


@in_house_style
def effect_curves(all_results: Sequence[DatasetResults]) -> Drawn:
    """Simulated effect of occupancy, and the interaction it makes (paper Fig. 1)."""
    simulated = [r for r in all_results if r.effect is not None]
    if not simulated:
        return unavailable("measured data: the effect of the motifs is unknown.")
    figure, (curves, pairs) = panels(2, height=2.8)
    effects = list(dict.fromkeys(r.effect for r in simulated))
    colours = {effect: CYCLE[i % len(CYCLE)] for i, effect in enumerate(effects)}
    for effect in effects:
        largest = max(r.sequences["expected_count"].max() for r in simulated if r.effect == effect)
        occupancy = np.linspace(0, (largest / effect.scale) ** (1 / effect.exponent), 200)
        expected = effect.scale * occupancy**effect.exponent
        curves.plot(occupancy, expected, color=colours[effect], lw=1.8, label=_formula(effect))
    curves.set(xlabel="Summed occupancy of both motifs, q", ylabel="Expected count, λ (reads)")
    curves.set_title("Simulated effect")
    curves.set(xlim=(0, None), ylim=(0, None))
    curves.legend(loc="upper left")
    n_pairs = 0
    for results in reversed(simulated):
        truth = results.knockouts
        additive = truth["expected_a_off"] + truth["expected_b_off"] - truth["expected_both_off"]
        pairs.scatter(
            additive, truth["expected_orig"], s=2.5, lw=0, alpha=0.5, color=colours[results.effect],
            **as_pixels(len(truth)),
        )  # fmt: skip
        n_pairs = max(n_pairs, len(truth))
    diagonal(pairs)
    pairs.set(xlabel="Expected count if effects just added up (reads)", ylabel="Expected count (reads)")
    pairs.set_title("Interaction of the motif pairs")
    pairs.set(xlim=(0, None), ylim=(0, None))
    shared_legend(figure, [Line2D([], [], ls=":", color="grey", label="no interaction")])
    named = "; ".join(
        f"{', '.join(r.dataset for r in simulated if r.effect == effect)}: {_formula(effect)}"
        for effect in effects
    )
    caption = sentences(
        f"Simulated data. {named}.",
        "Left: a sequence's expected count λ depends on q, the occupancy summed over both motifs and all "
        "positions; observed counts are Poisson. Exponent 1 is additive, so no two motifs interact (negative "
        "control); above 1 they do (positive control).",
        f"Right: up to {counted(n_pairs, 'motif pair')} per dataset; the vertical distance from the dotted "
        "line is the true interaction.",
        paper("Fig. 1"),
    )
    return Drawn(figure, caption)


@in_house_style
def targets(results: DatasetResults) -> Drawn:
    """Distribution of the target in every split."""
    sequences = results.sequences
    if sequences["target"].dropna().empty:
        return unavailable("the dataset has no targets.")
    figure, (axes,) = panels(1, height=2.2)
    bins = np.histogram_bin_edges(sequences["target"].dropna(), bins=60)
    counts = []
    for split, (colour, style) in _SPLITS.items():
        values = sequences.loc[sequences["split"] == split, "target"].dropna()
        if values.empty:
            continue
        axes.hist(values, bins, density=True, histtype="step", color=colour, ls=style, lw=1.3, label=split)
        counts.append(f"{len(values):,} {split}")
    axes.set(title="Targets", xlabel=f"Target ({results.unit})", ylabel="Density")
    axes.legend()
    caption = sentences(
        f"Dataset {results.dataset}; {counted(len(sequences), 'sequence')} ({', '.join(counts)}).",
        "Splits should look alike; a shifted test split would make held-out loss misleading.",
        f"Models are trained on 2√({results.unit} + 3/8)." if results.transform == "anscombe" else "",
        f"Range {number(sequences['target'].min())} to {number(sequences['target'].max())} {results.unit}.",
    )
    return Drawn(figure, caption)


def _formula(effect: Effect) -> str:
    power = "" if effect.exponent == 1 else superscript(float(f"{effect.exponent:g}"))
    return f"λ = {effect.scale:g} q{power}"

"""A world in which one factor's binding causes another's: DNA with reads of both factors.

The simulation of Malina, Cizin and Knowles (2022), "Deep Mendelian randomization", for any two
motifs, with unseen and seen confounders. It follows the paper, not the published program where
the two differ; docs/methods/deepmr_simulation.md lists the differences.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from seqaudit.data.motifs import Motif, check_background, log_odds, smooth
from seqaudit.data.schemas import SCHEMAS
from seqaudit.data.sequences import decode_letters
from seqaudit.errors import SeqauditError
from seqaudit.simulate.cascade_law import BACKGROUND, PSEUDOCOUNT, cascade_means, draw_effects
from seqaudit.simulate.cascade_sequences import (
    PlantedSequences,
    Streams,
    draw_mutants,
    draw_originals,
    part_streams,
)
from seqaudit.simulate.occupancy import occupancies
from seqaudit.simulate.planting import describe_embeddings

SCENARIOS = ("unconfounded", "random", "sequence", "both")
"""No confounder, one that no sequence shows, one that is a third motif, or both of these."""


class CascadeRound(NamedTuple):
    """One simulated data set.

    Attributes
    ----------
    sequences, targets, parameters : pandas.DataFrame
        Tables ``causal_sequences``, ``causal_targets`` and ``cascade_rounds`` (one row).
    """

    sequences: pd.DataFrame
    targets: pd.DataFrame
    parameters: pd.DataFrame


def simulate_tf_cascade(
    exposure: Motif,
    outcome: Motif,
    confounder: Motif | None = None,
    *,
    scenario: str,
    round: int,
    seed: int,
    study: str = "study",
    name: str | None = None,
    n_train: int = 10_000,
    n_calibration: int = 1_000,
    n_test: int = 1_000,
    n_mutants: int = 10_000,
    n_calibration_mutants: int = 0,
    mutate_every_site: bool = True,
    length: int = 100,
    alpha_mean: float = 100.0,
    alpha_sd: float = 3.0,
    gamma: str | float = "published",
    eta: float = 20.0,
    nu: float = 30.0,
    tau_exposure: float = 25.0,
    tau_outcome: float = 25.0,
    strength: float = 1.0,
    confounder_probability: float = 0.5,
    sequence_confounder_probability: float = 0.5,
    pseudocount: float = PSEUDOCOUNT,
    background: Sequence[float] = BACKGROUND,
) -> CascadeRound:
    """Simulate one round: sequences, reads of two factors, and the parameters behind them.

    Parameters
    ----------
    exposure, outcome : Motif
        Of the factor that binds by itself, and of the one that needs both. Outputs are
        called after them.
    confounder : Motif, optional
        Of a third factor that adds to both. Needed in scenarios ``"sequence"`` and
        ``"both"``, ignored in the others.
    scenario : str
        One of ``SCENARIOS``.
    round : int
        Repetition, from 1. Rounds and scenarios have independent sequences, counts and
        effects.
    seed : int
        Of all rounds of a study, at least 0.
    study, name : str
        What the table of parameters calls the study and the scenario; ``name`` is
        ``scenario`` by default.
    n_train, n_calibration, n_test : int
        Sequences of each split. The first of them are the same whatever their number.
    n_mutants, n_calibration_mutants : int
        Labelled mutants of training and of calibration sequences. One base is changed, in a
        planted site or, where there is none, anywhere. Every sequence is a parent once
        before any is a parent twice. The first mutants are the same whatever their number.
    mutate_every_site : bool
        Whether training mutants have a base changed in every planted site, as published.
    length : int
        Of every sequence, in bp.
    alpha_mean, alpha_sd : float
        Reads that full occupancy by the exposure adds to it; normal over rounds.
    gamma : str or float
        Causal effect: ``"published"``, ``"balanced"``, ``"log_uniform"`` or a number, see
        :func:`seqaudit.simulate.cascade_law.draw_effects`.
    eta, nu : float
        Reads that full occupancy by the confounder motif adds to exposure and outcome.
    tau_exposure, tau_outcome : float
        Reads that the random confounder adds where it is present.
    strength : float
        Factor on these four. Rounds that differ in it alone have the same sequences.
    confounder_probability : float
        Chance of the random confounder, one draw per row for both outputs.
    sequence_confounder_probability : float
        Chance that the confounder motif is planted.
    pseudocount, background
        Of motifs, both where sites are sampled and where windows are scored; see
        :mod:`seqaudit.data.motifs`.

    Returns
    -------
    CascadeRound
        ``expected`` of a target is its expectation given the row's random confounder,
        ``occupancy`` the chance that the output's own factor is bound. A mutant has a random
        confounder and counts of its own, and the split of its parent.

    Raises
    ------
    SeqauditError
        An option out of range, a missing confounder motif, motifs of one name, or sequences
        too short for the motifs and the gap between them.

    Notes
    -----
    Malina et al. 2022, *Simulation*, and S1 Text. A fourth each of the sequences holds no site,
    one of the exposure, one of the outcome, and both, exposure first, with a gap of at least
    the widest motif.
    """
    if scenario not in SCENARIOS:
        raise SeqauditError(f"scenario: got {scenario!r}, expected one of {', '.join(SCENARIOS)}.")
    has_motif, has_random = scenario in ("sequence", "both"), scenario in ("random", "both")
    motifs = (exposure, outcome, confounder) if has_motif else (exposure, outcome)
    _check_motifs(motifs, scenario, length)
    for number, value, least in (
        ("round", round, 1),
        ("seed", seed, 0),
        ("n_train", n_train, 1),
        ("n_calibration", n_calibration, 1),
        ("n_test", n_test, 1),
        ("n_mutants", n_mutants, 0),
        ("n_calibration_mutants", n_calibration_mutants, 0),
    ):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise SeqauditError(f"{number}: got {value!r}, expected a whole number of at least {least}.")
    for number, value, most in (
        ("alpha_mean", alpha_mean, np.inf),
        ("alpha_sd", alpha_sd, np.inf),
        ("eta", eta, np.inf),
        ("nu", nu, np.inf),
        ("tau_exposure", tau_exposure, np.inf),
        ("tau_outcome", tau_outcome, np.inf),
        ("strength", strength, np.inf),
        ("confounder_probability", confounder_probability, 1),
        ("sequence_confounder_probability", sequence_confounder_probability, 1),
    ):
        if not 0 <= value <= most or value == np.inf:
            expected = "from 0 to 1" if most == 1 else "of at least 0"
            raise SeqauditError(f"{number}: got {value!r}, expected a number {expected}.")

    index = SCENARIOS.index(scenario)
    rng = part_streams(seed, index, round, "parameters")("parameters")
    alpha, causal_effect, cluster = draw_effects(
        rng, alpha_mean=alpha_mean, alpha_sd=alpha_sd, gamma=gamma, round=round
    )
    parameters = {
        "study": study,
        "scenario": name or scenario,
        "round": round,
        "alpha": alpha,
        "gamma": causal_effect,
        "gamma_cluster": cluster,
        "eta": eta * strength * has_motif,
        "nu": nu * strength * has_motif,
        "tau_exposure": tau_exposure * strength * has_random,
        "tau_outcome": tau_outcome * strength * has_random,
        "confounder_probability": confounder_probability * has_random,
        "seed": seed,
    }

    background = check_background(background)
    ppms = [smooth(motif.ppm, pseudocount=pseudocount) for motif in motifs]
    matrices = [log_odds(motif, pseudocount=pseudocount, background=background) for motif in motifs]
    tables = []
    for split, n, n_of_mutants in (
        ("train", n_train, n_mutants),
        ("calibration", n_calibration, n_calibration_mutants),
        ("test", n_test, 0),
    ):
        ids = [f"{split}_{row:05d}" for row in range(n)]
        streams = part_streams(seed, index, round, split)
        planted = draw_originals(
            n,
            length,
            ppms,
            background,
            confounder_probability=sequence_confounder_probability,
            streams=streams,
        )
        described = {"sequence_id": ids, "split": split, "parent": ids, "mutated": False}
        tables.append(_tabulate(planted, described, motifs, matrices, parameters, streams))
        if n_of_mutants:
            streams = part_streams(seed, index, round, f"{split} mutants")
            widths = [motif.width for motif in motifs]
            mutants, rows = draw_mutants(
                planted,
                n_of_mutants,
                every_site=mutate_every_site and split == "train",
                widths=widths,
                streams=streams,
            )
            parents = [ids[row] for row in rows]
            described = {
                "sequence_id": [f"{parent}.mutant_{i // n}" for i, parent in enumerate(parents)],
                "split": split,
                "parent": parents,
                "mutated": True,
            }
            tables.append(_tabulate(mutants, described, motifs, matrices, parameters, streams))
    sequences, targets = (pd.concat(parts, ignore_index=True) for parts in zip(*tables))
    types = {c.name: "str" if c.dtype == "string" else c.dtype for c in SCHEMAS["cascade_rounds"].columns}
    return CascadeRound(sequences, targets, pd.DataFrame([parameters]).astype(types)[list(types)])


def _tabulate(
    planted: PlantedSequences,
    described: Mapping,
    motifs: Sequence[Motif],
    matrices: Sequence[np.ndarray],
    parameters: Mapping,
    streams: Streams,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables ``causal_sequences`` and ``causal_targets`` of a part, with counts drawn."""
    ids = described["sequence_id"]
    occupancy = [occupancies(planted.codes, matrix) for matrix in matrices]
    present = streams("random confounder").random(len(ids)) < parameters["confounder_probability"]
    means = cascade_means(parameters, occupancy, random_confounder=present)
    letters = decode_letters(planted.codes)
    embeddings = describe_embeddings(letters, motifs, planted.starts)
    sequences = pd.DataFrame({**described, "sequence": letters, "embeddings": embeddings})
    targets = [
        pd.DataFrame(
            {
                "sequence_id": ids,
                "output": motif.name,
                "target": streams(draw).poisson(mean).astype(np.float64),
                "expected": mean,
                "occupancy": bound,
            }
        )
        for motif, mean, bound, draw in zip(motifs, means, occupancy, ("exposure counts", "outcome counts"))
    ]
    columns = [column.name for column in SCHEMAS["causal_sequences"].columns]
    return sequences[columns], pd.concat(targets, ignore_index=True)


def _check_motifs(motifs: Sequence[Motif | None], scenario: str, length: int) -> None:
    if None in motifs:
        raise SeqauditError(
            f"confounder: scenario '{scenario}' plants a confounder motif, but none was given. Give one, or "
            "use scenario 'unconfounded' or 'random'."
        )
    names = [motif.name for motif in motifs]
    if len(set(names)) < len(names):
        raise SeqauditError(
            f"motifs: got {', '.join(names)}, expected different names, because outputs and sites are called "
            "after them. Rename one."
        )
    widths = [motif.width for motif in motifs]
    # both sites, the least gap between them, and room to put the confounder beside them
    needed = sum(widths) + max(widths)
    if length < needed:
        raise SeqauditError(
            f"length: {length} bp is too short for {', '.join(f'{m.name} ({m.width} bp)' for m in motifs)} "
            f"and a gap of at least {max(widths)} bp; expected at least {needed}."
        )

"""A world in which one factor's binding causes another's: DNA with reads of both factors.

The simulation of Malina, Cizin and Knowles (2022), "Deep Mendelian randomization", for any two
motifs, with unseen and seen confounders. It follows the paper, not the published program where
the two differ; docs/methods/deepmr_simulation.md lists the differences.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from seqaudit.data.motifs import Motif, check_background, log_odds, smooth
from seqaudit.data.schemas import SCHEMAS
from seqaudit.data.sequences import decode_letters
from seqaudit.errors import SeqauditError
from seqaudit.simulate.cascade_law import BACKGROUND, PSEUDOCOUNT, cascade_means
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

GAMMAS = {"published": "drawn around 10 or 1", "balanced": "10, 1, 10, 1, ...", "log_uniform": "0.3 to 15"}
"""How the causal effect varies between rounds."""

_GAMMA_SD = 0.5
_GAMMA_RANGE = (0.3, 15.0)


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
        Labelled mutants of training and of calibration sequences. One base is changed in
        every planted site, or one anywhere where there is none. Every sequence is a parent
        once before any is a parent twice. The first mutants are the same whatever their
        number.
    length : int
        Of every sequence, in bp.
    alpha_mean, alpha_sd : float
        Reads that full occupancy by the exposure adds to it: normal over rounds.
    gamma : str or float
        Causal effect. ``"published"``: normal with sd 0.5 around 10 or 1, each with chance
        one half, at least 0. ``"balanced"``: the same, 10 in odd rounds and 1 in even ones.
        ``"log_uniform"``: 0.3 to 15. A number is taken as it is, in every round.
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
    _check_choice(scenario, SCENARIOS, "scenario")
    has_motif, has_random = scenario in ("sequence", "both"), scenario in ("random", "both")
    motifs = (exposure, outcome, confounder) if has_motif else (exposure, outcome)
    _check_motifs(motifs, scenario, length)
    _check_numbers(
        {
            "round": (round, 1),
            "seed": (seed, 0),
            "n_train": (n_train, 1),
            "n_calibration": (n_calibration, 1),
            "n_test": (n_test, 1),
            "n_mutants": (n_mutants, 0),
            "n_calibration_mutants": (n_calibration_mutants, 0),
        },
        whole=True,
    )
    effects = {"eta": eta, "nu": nu, "tau_exposure": tau_exposure, "tau_outcome": tau_outcome}
    _check_numbers({name: (value, 0) for name, value in effects.items()})
    _check_numbers({"alpha_mean": (alpha_mean, 0), "alpha_sd": (alpha_sd, 0), "strength": (strength, 0)})
    for option, chance in {
        "confounder_probability": confounder_probability,
        "sequence_confounder_probability": sequence_confounder_probability,
    }.items():
        if not 0 <= chance <= 1:
            raise SeqauditError(f"{option}: got {chance}, expected 0 to 1.")

    index = SCENARIOS.index(scenario)
    rng = part_streams(seed, index, round, "parameters")("parameters")
    alpha, causal_effect, cluster = _draw_effects(rng, alpha_mean, alpha_sd, gamma, round)
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
            mutants, rows = draw_mutants(planted, n_of_mutants, widths=widths, streams=streams)
            parents = [ids[row] for row in rows]
            described = {
                "sequence_id": [f"{parent}.mutant_{i // n}" for i, parent in enumerate(parents)],
                "split": split,
                "parent": parents,
                "mutated": True,
            }
            tables.append(_tabulate(mutants, described, motifs, matrices, parameters, streams))
    sequences, targets = (pd.concat(parts, ignore_index=True) for parts in zip(*tables))
    return CascadeRound(sequences, targets, _in_declared_types([parameters], "cascade_rounds"))


def _draw_effects(
    rng: np.random.Generator, alpha_mean: float, alpha_sd: float, gamma: str | float, round: int
) -> tuple[float, float, str]:
    """alpha, gamma, and the cluster of gamma; alpha does not depend on how gamma is drawn."""
    alpha = alpha_mean + alpha_sd * rng.standard_normal()
    high, noise, uniform = rng.random() < 0.5, _GAMMA_SD * rng.standard_normal(), rng.random()
    if isinstance(gamma, str):
        _check_choice(gamma, GAMMAS, "gamma", "or a number")
        if gamma == "log_uniform":
            low, top = np.log(_GAMMA_RANGE)
            return alpha, float(np.exp(low + (top - low) * uniform)), "continuous"
        if gamma == "balanced":
            high = round % 2 == 1
        return alpha, max(0.0, (10.0 if high else 1.0) + noise), "high" if high else "low"
    _check_numbers({"gamma": (gamma, 0)})
    return alpha, float(gamma), "continuous"


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


def _in_declared_types(rows: Iterable[Mapping], schema: str) -> pd.DataFrame:
    declared = SCHEMAS[schema].columns
    types = {c.name: "str" if c.dtype == "string" else c.dtype for c in declared}
    return pd.DataFrame(rows, columns=list(types)).astype(types)


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


def _check_choice(value, choices, name: str, otherwise: str = "") -> None:
    if value not in choices:
        raise SeqauditError(
            f"{name}: got {value!r}, expected one of {', '.join(choices)}{otherwise and ' '}{otherwise}."
        )


def _check_numbers(numbers: Mapping[str, tuple], *, whole: bool = False) -> None:
    """Every number, given with its least value, must be finite and not below it."""
    for name, (value, least) in numbers.items():
        kind = (int, np.integer) if whole else (int, float, np.number)
        if isinstance(value, bool) or not isinstance(value, kind) or not least <= value < np.inf:
            raise SeqauditError(
                f"{name}: got {value!r}, expected a {'whole ' if whole else ''}number of at least {least}."
            )

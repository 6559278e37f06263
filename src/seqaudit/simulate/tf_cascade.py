"""A world in which one factor's binding causes another's: DNA with reads of both factors.

The simulation of Malina, Cizin and Knowles (2022), "Deep Mendelian randomization", for any two
motifs, with unseen and seen confounders. It follows the paper, not the published program where
the two differ; docs/methods/deepmr_simulation.md lists the differences.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from seqaudit.data.motifs import Motif, check_background, log_odds, smooth
from seqaudit.data.schemas import SCHEMAS
from seqaudit.data.sequences import decode_letters
from seqaudit.errors import SeqauditError
from seqaudit.simulate.occupancy import occupancies

BACKGROUND = (0.27, 0.23, 0.23, 0.27)
"""Published probabilities of A, C, G, T outside motifs."""

SCENARIOS = ("unconfounded", "random", "sequence", "both")
"""No confounder, one that no sequence shows, one that is a third motif, or both of these."""

GAMMAS = {"published": "drawn around 10 or 1", "balanced": "10, 1, 10, 1, ...", "log_uniform": "0.3 to 15"}
"""How the causal effect varies between rounds."""

_GAMMA_SD = 0.5
_GAMMA_RANGE = (0.3, 15.0)

# Every array has a random stream of its own, so that none shifts when another is drawn for more
# sequences or for another scenario. New names go to the end: a stream is known by its number.
_PARTS = ("parameters", "train", "calibration", "test", "train mutants", "calibration mutants")
_DRAWS = (
    "parameters",
    "background",
    "content",
    "gaps",
    "places",
    "planted confounders",
    "confounder places",
    "exposure sites",
    "outcome sites",
    "confounder sites",
    "random confounder",
    "exposure counts",
    "outcome counts",
    "parents",
    "mutated positions",
    "mutated bases",
)
_Streams = Callable[[str], np.random.Generator]


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


class _Part(NamedTuple):
    """Sequences of one split: letter codes, starts of sites (-1 where absent), ids and parents."""

    codes: np.ndarray
    starts: np.ndarray
    ids: list[str]
    parents: list[str]
    split: str
    mutated: bool


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
    pseudocount: float = 1e-5,
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

    streams = partial(_stream, seed, SCENARIOS.index(scenario), round)
    alpha, gamma_value, cluster = _draw_effects(
        streams("parameters", "parameters"), alpha_mean, alpha_sd, gamma, round
    )
    parameters = {
        "study": study,
        "scenario": name or scenario,
        "round": round,
        "alpha": alpha,
        "gamma": gamma_value,
        "gamma_cluster": cluster,
        "eta": eta * strength * has_motif,
        "nu": nu * strength * has_motif,
        "tau_exposure": tau_exposure * strength * has_random,
        "tau_outcome": tau_outcome * strength * has_random,
        "confounder_probability": confounder_probability * has_random,
        "seed": seed,
    }

    ppms = [smooth(motif.ppm, pseudocount=pseudocount) for motif in motifs]
    background = check_background(background)
    matrices = [log_odds(motif, pseudocount=pseudocount, background=background) for motif in motifs]
    tables = []
    for split, n, n_of_mutants in (
        ("train", n_train, n_mutants),
        ("calibration", n_calibration, n_calibration_mutants),
        ("test", n_test, 0),
    ):
        of_split = partial(streams, split)
        part = _draw_originals(split, n, length, ppms, background, sequence_confounder_probability, of_split)
        tables.append(_tabulate(part, motifs, matrices, parameters, of_split))
        if n_of_mutants:
            of_mutants = partial(streams, f"{split} mutants")
            mutants = _draw_mutants(part, n_of_mutants, [m.width for m in motifs], of_mutants)
            tables.append(_tabulate(mutants, motifs, matrices, parameters, of_mutants))
    return CascadeRound(
        pd.concat([sequences for sequences, _ in tables], ignore_index=True),
        pd.concat([targets for _, targets in tables], ignore_index=True),
        pd.DataFrame([parameters], columns=[c.name for c in SCHEMAS["cascade_rounds"].columns]).astype(
            {c.name: c.dtype for c in SCHEMAS["cascade_rounds"].columns if c.dtype != "string"}
        ),
    )


def cascade_means(
    parameters: Mapping,
    occupancy: Sequence[np.ndarray],
    *,
    random_confounder: np.ndarray | float,
) -> np.ndarray:
    """Expected reads of exposure and outcome.

    Parameters
    ----------
    parameters : mapping
        A row of table ``cascade_rounds``.
    occupancy : sequence of 2 or 3 arrays of one shape
        By exposure, outcome and, where there is one, confounder motif.
    random_confounder : array of that shape, or number
        1 where the random confounder is present, 0 elsewhere.

    Returns
    -------
    numpy.ndarray, float64, shape (2, ...)
        ``1 + alpha qE + eta qC + tau_exposure z`` and
        ``1 + alpha gamma qE qO + nu qC + tau_outcome z``, at least 0 (Malina et al. 2022,
        *Simulation*).
    """
    bound, bound_outcome, *rest = occupancy
    confounder = rest[0] if rest else np.zeros_like(bound)
    means = np.stack(
        [
            1
            + parameters["alpha"] * bound
            + parameters["eta"] * confounder
            + parameters["tau_exposure"] * random_confounder,
            1
            + parameters["alpha"] * parameters["gamma"] * bound * bound_outcome
            + parameters["nu"] * confounder
            + parameters["tau_outcome"] * random_confounder,
        ]
    )
    return np.maximum(means, 0)


def _stream(seed: int, scenario: int, round: int, part: str, draw: str) -> np.random.Generator:
    key = (scenario, round, _PARTS.index(part), _DRAWS.index(draw))
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


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


def _draw_originals(split, n, length, ppms, background, confounder_probability, streams: _Streams) -> _Part:
    codes = _pick_letters(streams("background").random((n, length)), background)
    starts = _draw_places(n, length, [len(ppm) for ppm in ppms], confounder_probability, streams)
    for motif, (ppm, draw) in enumerate(zip(ppms, ("exposure sites", "outcome sites", "confounder sites"))):
        sites = _pick_letters(streams(draw).random((n, len(ppm))), ppm)
        planted = np.flatnonzero(starts[:, motif] >= 0)
        codes[planted[:, None], starts[planted, motif, None] + np.arange(len(ppm))] = sites[planted]
    ids = [f"{split}_{row:05d}" for row in range(n)]
    return _Part(codes, starts, ids, ids, split, False)


def _draw_places(n, length, widths, confounder_probability, streams: _Streams) -> np.ndarray:
    """Starts of sites, shape (n, motifs); -1 where a motif is absent."""
    content = streams("content").integers(4, size=n)
    has_exposure, has_outcome = content % 2 == 1, content >= 2
    gap = streams("gaps").integers(max(widths), length - sum(widths) + 1, size=n)
    block = has_exposure * widths[0] + has_outcome * widths[1] + (has_exposure & has_outcome) * gap
    first = streams("places").integers(0, length - block + 1)
    start_outcome = np.where(has_exposure, first + widths[0] + gap, first)
    starts = [np.where(has_exposure, first, -1), np.where(has_outcome, start_outcome, -1)]
    if len(widths) == 3:
        candidates = np.arange(length - widths[2] + 1)
        free = np.ones((n, candidates.size), dtype=bool)
        for start, width in zip(starts, widths):
            start = start[:, None]
            free &= (start < 0) | (candidates + widths[2] <= start) | (candidates >= start + width)
        which = streams("confounder places").integers(0, free.sum(axis=1))
        start = (np.cumsum(free, axis=1) > which[:, None]).argmax(axis=1)
        planted = streams("planted confounders").random(n) < confounder_probability
        starts.append(np.where(planted, start, -1))
    return np.column_stack(starts)


def _draw_mutants(part: _Part, n: int, widths: Sequence[int], streams: _Streams) -> _Part:
    """One base changed in every planted site of a parent, or one anywhere if it has none."""
    n_parents, length = part.codes.shape
    rng = streams("parents")
    generations = -(-n // n_parents)
    parent = np.concatenate([rng.permutation(n_parents) for _ in range(generations)])[:n]
    starts = part.starts[parent]
    # a last "site" stands for the whole sequence
    present = np.column_stack([starts >= 0, (starts < 0).all(axis=1)])
    first = np.column_stack([starts, np.zeros(n, dtype=np.int64)])
    positions = first + streams("mutated positions").integers(0, [*widths, length], size=first.shape)
    shifts = streams("mutated bases").integers(1, 4, size=first.shape)
    row, site = np.nonzero(present)
    codes = part.codes[parent]
    position = positions[row, site]
    codes[row, position] = (codes[row, position] + shifts[row, site]) % 4
    parents = [part.ids[index] for index in parent]
    ids = [f"{name}.mutant_{row // n_parents}" for row, name in enumerate(parents)]
    return _Part(codes, starts, ids, parents, part.split, True)


def _tabulate(
    part: _Part,
    motifs: Sequence[Motif],
    matrices: Sequence[np.ndarray],
    parameters: Mapping,
    streams: _Streams,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables ``causal_sequences`` and ``causal_targets`` of a part, with counts drawn."""
    occupancy = [occupancies(part.codes, matrix) for matrix in matrices]
    present = streams("random confounder").random(len(part.ids)) < parameters["confounder_probability"]
    means = cascade_means(parameters, occupancy, random_confounder=present)
    letters = decode_letters(part.codes)
    sequences = pd.DataFrame(
        {
            "sequence_id": part.ids,
            "split": part.split,
            "sequence": letters,
            "parent": part.parents,
            "mutated": part.mutated,
            "embeddings": _describe_sites(letters, motifs, part.starts),
        }
    )
    targets = [
        pd.DataFrame(
            {
                "sequence_id": part.ids,
                "output": motif.name,
                "target": streams(draw).poisson(mean).astype(np.float64),
                "expected": mean,
                "occupancy": bound,
            }
        )
        for motif, mean, bound, draw in zip(motifs, means, occupancy, ("exposure counts", "outcome counts"))
    ]
    return sequences, pd.concat(targets, ignore_index=True)


def _pick_letters(uniforms: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Letter codes: the first letter whose cumulative probability exceeds the uniform."""
    cumulative = np.cumsum(probabilities, axis=-1)[..., :3]
    return (uniforms[..., None] >= cumulative).sum(axis=-1, dtype=np.uint8)


def _describe_sites(letters: Sequence[str], motifs: Sequence[Motif], starts: np.ndarray) -> list[str]:
    return [
        ",".join(
            f"pos-{start}_{motif.name}-{sequence[start : start + motif.width]}"
            for motif, start in zip(motifs, row)
            if start >= 0
        )
        for sequence, row in zip(letters, starts.tolist())
    ]


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

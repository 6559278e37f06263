"""Fit a population of additive twins to a dataset, and choose by validation loss alone.

Candidates of every family and seed are trained briefly. The best few of each family are polished by
damped Gauss-Newton steps on part of the data, again after their units were moved where they cut a
motif off, and once more on all data. Twins are averaged where that lowers the validation loss.
"""

import copy
import logging
import math
import time
from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from seqaudit.data.sequences import one_hot
from seqaudit.data.targets import transform_target
from seqaudit.errors import SeqauditError
from seqaudit.models.additive import AdditiveTwin, build_twin, combine_twins
from seqaudit.models.device import choose_device
from seqaudit.training.epochs import digest, reproducible
from seqaudit.training.gauss_newton import mean_squared_error, polish
from seqaudit.training.twin_units import centre_units, drop_idle_units

_WARM_UP = 0.15
_FIRST_RATE, _LAST_RATE = 1 / 25, 1e-4  # as shares of the highest
_MOST_MOVES = 4
_MOST_MEMBERS = 3
_COLUMNS = [
    *("family", "seed", "units", "screening_mse", "search_mse", "train_mse", "validation_mse"),
    *("seconds", "status"),
]

logger = logging.getLogger(__name__)


class TwinPopulation(NamedTuple):
    """The twins of a dataset, how all candidates fared, and a record.

    ``twins`` has the one to use first, under the name ``twin``: the finished twin, or mean of
    finished twins, with the lowest validation loss. Then come those that bear witness on it,
    such as ``sigmoid.seed_1``, best first, and ``half_1``, ``half_2``: the one to use, fitted
    again to each half of the training data. ``candidates`` is a table ``twin_candidates`` without the column
    ``dataset``; ``record`` is plain JSON for ``models.checkpoint.save_model``.
    """

    twins: dict[str, AdditiveTwin]
    candidates: pd.DataFrame
    record: dict


class _Split(NamedTuple):
    """One-hot float32 ``(n, 4, length)`` and float32 targets ``(n,)`` in the training space."""

    one_hot: torch.Tensor
    target: torch.Tensor

    def first(self, n: int) -> "_Split":
        return _Split(self.one_hot[:n], self.target[:n])


class _Settings(NamedTuple):
    screening_steps: int
    polished_per_family: int
    search_sequences: int
    polish_steps: int
    batch_size: int
    learning_rate: float


class _Candidate(NamedTuple):
    """A twin and its row of the table of candidates, which later stages add to."""

    twin: AdditiveTwin
    row: dict


def fit_twins(
    sequences: pd.DataFrame,
    *,
    width: int,
    transform: str,
    families: Mapping[str, Mapping | str],
    seeds: Iterable[int],
    screening_steps: int = 800,
    polished_per_family: int = 2,
    search_sequences: int = 10_000,
    polish_steps: int = 15,
    batch_size: int = 200,
    learning_rate: float = 0.03,
    witness_ratio: float = 1.25,
    halves: bool = True,
    device: str = "auto",
    threads: int = 1,
) -> TwinPopulation:
    """Fit additive twins of several families and seeds, and choose among them.

    Parameters
    ----------
    sequences : pandas.DataFrame
        Table ``sequences``; rows of split train and validation are used.
    width : int
        Of the twins' windows, bp: at most :func:`seqaudit.training.twin_window.widest_window` of
        the pairs in question.
    transform : {"anscombe", "identity", "log1p"}
        Space in which squared error is computed. Twins are additive in the unit of the
        target whatever the space.
    families : mapping of str to (mapping or str)
        Forms of twin by name, see :func:`seqaudit.models.additive.complete_family`.
    seeds : iterable of int
        One candidate of every family each: its initial weights and order of batches.
    screening_steps : int
        Of Adam with a one-cycle rate, for every candidate.
    polished_per_family : int
        How many of a family's candidates are polished.
    search_sequences : int
        Training sequences used until the last polish, which takes all.
    polish_steps : int
        Most Gauss-Newton steps of one polish.
    batch_size, learning_rate
        Of Adam; the highest rate of the cycle.
    witness_ratio : float
        Finished twins are returned if their validation loss is at most this many times the
        lowest one.
    halves : bool
        Whether to fit the chosen twin to each half of the training data as well.
    device : str
        ``"auto"`` (CUDA if present), ``"cpu"`` or ``"cuda"``.
    threads : int
        Of torch, on the CPU.

    Returns
    -------
    TwinPopulation
        The same call on the same device, with as many threads, gives the same bits.

    Raises
    ------
    SeqauditError
        No seed or family, a split without sequences, settings out of range, or a population
        in which every candidate diverged.
    """
    settings = _Settings(
        screening_steps, polished_per_family, search_sequences, polish_steps, batch_size, learning_rate
    )
    seeds = [int(seed) for seed in seeds]
    _check(settings, seeds, families)
    chosen = choose_device(device)
    train, validation = (_load(sequences, split, transform, chosen) for split in ("train", "validation"))
    shape = {"width": width, "length": train.one_hot.shape[2], "transform": transform}
    shape |= _level(sequences, transform)
    started = time.perf_counter()
    rows: list[dict] = []
    finished: dict[str, _Candidate] = {}
    with reproducible(chosen, threads):
        for name, family in families.items():
            candidates = [
                _Candidate(build_twin(family, **shape, seed=seed).to(chosen), {"family": name, "seed": seed})
                for seed in seeds
            ]
            rows += [candidate.row for candidate in candidates]
            for candidate in _fit_family(candidates, train, validation, settings):
                finished["{family}.seed_{seed}".format(**candidate.row)] = candidate
        if not finished:
            raise SeqauditError(
                f"additive_twin: all {len(rows)} candidates diverged. Lower additive_twin.learning_rate, "
                "or look for extreme targets."
            )
        members, validation_mse = _choose(finished, validation)
        twin = combine_twins([finished[name].twin for name in members])
        parts = _fit_halves(twin.to(chosen), train, polish_steps) if halves else {}
    for name in members:
        finished[name].row["status"] = "chosen"
    twins = {"twin": twin, **_witnesses(finished, members, witness_ratio), **parts}
    record = {
        **settings._asdict(),
        "width": width,
        "seeds": seeds,
        "members": members,
        "validation_mse": validation_mse,
        "n_train": len(train.target),
        "n_validation": len(validation.target),
        "data_sha256": digest(*train, *validation),
        "device": chosen.type,
        "seconds": round(time.perf_counter() - started, 3),
    }
    table = pd.DataFrame(rows).reindex(columns=_COLUMNS)
    return TwinPopulation({name: twin.cpu().eval() for name, twin in twins.items()}, table, record)


def refit_twin(
    twin: AdditiveTwin,
    sequences: pd.DataFrame,
    *,
    steps: int = 15,
    device: str = "auto",
    threads: int = 1,
) -> AdditiveTwin:
    """Fit a twin to other labels of the same kind, starting from its own weights.

    Parameters
    ----------
    twin : AdditiveTwin
        Not changed.
    sequences : pandas.DataFrame
        Table ``sequences``, such as labels drawn under the null hypothesis; rows of split
        train and validation are used.
    steps : int
        Most Gauss-Newton steps.
    device, threads
        As in :func:`fit_twins`.

    Returns
    -------
    AdditiveTwin
        On the CPU, in evaluation mode.
    """
    chosen = choose_device(device)
    transform = twin.architecture["transform"]
    train, validation = (_load(sequences, split, transform, chosen) for split in ("train", "validation"))
    refitted = copy.deepcopy(twin).to(chosen)
    with reproducible(chosen, threads):
        _polish_members(refitted, train, validation, steps)
    return refitted.cpu().eval()


def _fit_family(candidates, train: _Split, validation: _Split, settings: _Settings) -> list[_Candidate]:
    """Screen all and finish the best few; a family whose candidates all diverged has none."""
    for twin, row in candidates:
        started = time.perf_counter()
        _screen(twin, train, row["seed"], settings)
        row["screening_mse"] = mean_squared_error(twin, *validation)
        row["status"] = "screened out" if math.isfinite(row["screening_mse"]) else "diverged"
        row["seconds"] = time.perf_counter() - started
    alive = [candidate for candidate in candidates if candidate.row["status"] != "diverged"]
    alive.sort(key=lambda candidate: candidate.row["screening_mse"])
    search = train.first(settings.search_sequences)
    finished = []
    for twin, row in alive[: settings.polished_per_family]:
        started = time.perf_counter()
        twin, row["search_mse"] = _search(twin, search, validation, settings.polish_steps)
        polished = polish(twin, train, validation, max_steps=settings.polish_steps)
        row["units"] = twin.architecture["families"][0]["units"]
        row["train_mse"], row["validation_mse"] = polished.train_mse, polished.validation_mse
        row["status"] = "finished"
        row["seconds"] += time.perf_counter() - started
        finished.append(_Candidate(twin, row))
        logger.info(
            "twin %s, seed %d: validation mse %.4f", row["family"], row["seed"], row["validation_mse"]
        )
    return finished


def _fit_halves(twin: AdditiveTwin, train: _Split, steps: int) -> dict[str, AdditiveTwin]:
    """The twin on every second training sequence, and on the others.

    How far they are from the twin of all data tells its own sampling error: the difference of
    an efficient estimate on half the data and on all has the variance of the latter. Steps
    are judged by the half itself; the validation split chose the twin and would keep it as it is.
    """
    halves = {}
    for half in range(2):
        halves[f"half_{half + 1}"] = other = copy.deepcopy(twin)
        part = _Split(train.one_hot[half::2], train.target[half::2])
        _polish_members(other, part, part, steps)
    return halves


def _polish_members(twin: AdditiveTwin, train: _Split, validation: _Split, steps: int) -> None:
    """Fit every member by itself, as it was fitted before the members were averaged; in place."""
    for index, family in enumerate(twin.architecture["families"]):
        alone = AdditiveTwin({**twin.architecture, "families": [family]}, length=twin.length)
        alone.members[0] = twin.members[index]
        polish(alone, train, validation, max_steps=steps)


def _screen(twin: AdditiveTwin, train: _Split, seed: int, settings: _Settings) -> None:
    """Adam on shuffled batches with a rate that rises and falls once."""
    optimiser = torch.optim.Adam(twin.parameters())
    steps, size = settings.screening_steps, settings.batch_size
    generator = np.random.default_rng(seed)
    waiting = np.empty(0, dtype=np.int64)
    for step in range(steps):
        if len(waiting) < min(size, len(train.target)):
            waiting = generator.permutation(len(train.target))
        batch = torch.from_numpy(waiting[:size]).to(train.target.device)
        waiting = waiting[size:]
        for group in optimiser.param_groups:
            group["lr"] = settings.learning_rate * _rate_factor((step + 0.5) / steps)
        loss = (twin(train.one_hot[batch])[:, 0] - train.target[batch]).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def _rate_factor(progress: float) -> float:
    """One cycle: a cosine up to 1 over the first share of a training, and a cosine down."""
    if progress < _WARM_UP:
        start, end, share = _FIRST_RATE, 1.0, progress / _WARM_UP
    else:
        start, end, share = 1.0, _LAST_RATE, (progress - _WARM_UP) / (1 - _WARM_UP)
    return start + (end - start) * (1 - math.cos(math.pi * share)) / 2


def _search(twin: AdditiveTwin, train: _Split, validation: _Split, steps: int) -> tuple[AdditiveTwin, float]:
    """Polish, then move units to the middle of what they read for as long as that helps."""
    best = drop_idle_units(twin, train.one_hot)
    lowest = polish(best, train, validation, max_steps=steps).validation_mse
    for _ in range(_MOST_MOVES):
        moved = combine_twins([drop_idle_units(best, train.one_hot)]).to(train.one_hot.device)
        if not centre_units(moved):
            break
        reached = polish(moved, train, validation, max_steps=steps).validation_mse
        if not reached < lowest:
            break
        best, lowest = moved, reached
    return best, lowest


def _choose(finished: Mapping[str, _Candidate], validation: _Split) -> tuple[list[str], float]:
    """The finished twins whose mean has the lowest validation loss."""
    losses = {}
    for size in range(1, min(len(finished), _MOST_MEMBERS) + 1):
        for names in combinations(finished, size):
            mean = combine_twins([finished[name].twin for name in names]).to(validation.target.device)
            losses[names] = mean_squared_error(mean, *validation)
    chosen = min(losses, key=losses.get)
    return list(chosen), losses[chosen]


def _witnesses(
    finished: Mapping[str, _Candidate], members: list[str], ratio: float
) -> dict[str, AdditiveTwin]:
    """Finished twins that predict about as well as the best one, without the chosen one itself."""
    loss = {name: candidate.row["validation_mse"] for name, candidate in finished.items()}
    return {
        name: finished[name].twin
        for name in sorted(loss, key=loss.get)
        if loss[name] <= ratio * min(loss.values()) and members != [name]
    }


def _load(sequences: pd.DataFrame, split: str, transform: str, device: torch.device) -> _Split:
    rows = sequences[sequences["split"] == split]
    if rows.empty:
        raise SeqauditError(f"sequences: no row of split '{split}', twins need train and validation.")
    target = transform_target(rows["target"], transform)
    bad = np.flatnonzero(~np.isfinite(target))
    if bad.size:
        raise SeqauditError(
            f"sequences: target of '{rows['sequence_id'].iloc[bad[0]]}' is {target[bad[0]]} ({bad.size} such "
            "rows), expected finite numbers. Remove these sequences or correct their targets."
        )
    letters = torch.from_numpy(one_hot(rows["sequence"])).to(device, torch.float32)
    return _Split(letters, torch.from_numpy(target).to(device, torch.float32))


def _level(sequences: pd.DataFrame, transform: str) -> dict[str, float]:
    """Typical level and size of the target: its mean for counts, mean and deviation otherwise."""
    target = sequences.loc[sequences["split"] == "train", "target"].to_numpy(np.float64)
    if transform == "identity":
        return {"location": float(target.mean()), "scale": float(target.std()) or 1.0}
    return {"location": 0.0, "scale": float(target.mean()) or 1.0}


def _check(settings: _Settings, seeds: list[int], families: Mapping) -> None:
    if not seeds or not families:
        raise SeqauditError(
            f"additive_twin: got {len(seeds)} seeds and {len(families)} families, expected at least one "
            "of each."
        )
    for name, value in settings._asdict().items():
        if not value > 0:
            raise SeqauditError(f"additive_twin.{name}: got {value}, expected a positive number.")

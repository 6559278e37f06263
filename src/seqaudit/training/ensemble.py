"""Train the networks of an ensemble, which differ by initial weights, data order and split."""

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from seqaudit.data.causal import families, target_matrix
from seqaudit.data.sequences import one_hot
from seqaudit.data.targets import transform_target
from seqaudit.errors import SeqauditError
from seqaudit.models.bpnet import Bpnet
from seqaudit.models.cnn import Cnn, build_cnn
from seqaudit.training.loop import FitResult, fit
from seqaudit.training.progress import remove_progress

logger = logging.getLogger(__name__)

LEARNED = 0.02
"""Share of the variance of validation targets below which a network has learned nothing."""


class EnsembleResult(NamedTuple):
    """Trained members, in evaluation mode, predicting in the training space.

    Attributes
    ----------
    models : list of Cnn or Bpnet
    history : pandas.DataFrame
        Column ``member`` and those of table ``training_history`` without ``model_id``.
        Errors are in units of standardised targets where targets were standardised.
    record : dict
        Plain JSON for ``models.ensembles.save_ensemble``: the settings, ``outputs``,
        ``epochs`` (mean over members), ``seconds`` (of all) and ``members``, the list of
        their own records.
    """

    models: list[Cnn | Bpnet]
    history: pd.DataFrame
    record: dict


def train_ensemble(
    sequences: pd.DataFrame,
    targets: pd.DataFrame,
    *,
    outputs: Sequence[str],
    architecture: Mapping | str,
    padding: str,
    transform: str,
    members: int,
    seed: int,
    n_mutants: int | None = None,
    validation_fraction: float = 0.15,
    standardise_targets: bool = True,
    initial_weights: str = "torch",
    batch_size: int = 250,
    max_epochs: int = 25,
    patience: int = 10,
    learning_rate: float = 5e-3,
    schedule: str = "trapezoid",
    restarts: int = 2,
    checkpoint: str | Path | None = None,
    **options,
) -> EnsembleResult:
    """Train several networks on one table, each with a seed and a validation set of its own.

    As Malina et al. 2022 (*Simulation & model parameters*) trained theirs, except that a
    labelled mutant is never in validation while its parent is in training or the other
    way round.

    Parameters
    ----------
    sequences, targets : pandas.DataFrame
        Tables ``causal_sequences``, of which rows of split train are used, and
        ``causal_targets``.
    outputs : sequence of str
        What to predict, in the order of the networks' outputs.
    architecture : mapping or str
    padding : {"valid", "same"}
    initial_weights : {"torch", "keras"}
        See :func:`seqaudit.models.cnn.build_cnn`.
    transform : {"anscombe", "identity"}
        Space in which squared error is computed, see :mod:`seqaudit.data.targets`.
    members : int
        Networks to train.
    seed : int
        Member ``i`` depends on ``(seed, i)`` alone, so a larger ensemble begins with the
        members of a smaller one.
    n_mutants : int, optional
        Use only so many labelled mutants, the first in the table; all by default. A
        member's original sequences are split alike whatever the number.
    validation_fraction : float
        Share of original sequences for early stopping; their mutants go with them.
    standardise_targets : bool
        Whether to train on outputs of mean 0 and variance 1 over the training rows. The
        scale is put into the output layer afterwards.
    batch_size, max_epochs, patience, learning_rate, schedule
        As for :func:`seqaudit.training.loop.fit`. The defaults suit 20,000 sequences; keep
        the number of steps with fewer, such as 40 epochs with 12,500.
    restarts : int
        A member that explains less than ``LEARNED`` of its validation targets, such as one
        whose units all died, is trained again from other initial weights, at most so often;
        the attempt with the lowest validation error stays. One member that learned nothing
        makes the spread over members as large as the effects.
    checkpoint : path, optional
        Folder for the state of members, finished or not. The same call continues from it,
        to the same bits. Delete it with :func:`remove_ensemble_progress` once the
        ensemble is saved.
    **options
        Passed to ``fit`` (``shuffle``, ``device``, ``threads``, ...).

    Returns
    -------
    EnsembleResult

    Raises
    ------
    SeqauditError
        No row of split train, outputs without targets, targets that are not finite or
        constant, more mutants asked for than there are, a split with nothing on one
        side, or what the functions above refuse.
    """
    check_members(members, seed=seed, restarts=restarts)
    outputs = list(outputs)
    rows = training_rows(sequences, n_mutants)
    family = families(rows)
    letters = one_hot(rows["sequence"])
    wanted = transform_target(target_matrix(rows, targets, outputs=outputs), transform)
    settings = {
        "outputs": outputs,
        "transform": transform,
        "seed": int(seed),
        "n_mutants": int(rows["mutated"].sum()),
        "validation_fraction": float(validation_fraction),
        "standardise_targets": bool(standardise_targets),
        "initial_weights": initial_weights,
    }
    build = partial(
        build_cnn,
        architecture,
        padding=padding,
        length=letters.shape[2],
        outputs=len(outputs),
        initial_weights=initial_weights,
    )
    train = partial(
        _train_cnn,
        build,
        batch_size=batch_size,
        max_epochs=max_epochs,
        patience=patience,
        learning_rate=learning_rate,
        schedule=schedule,
        **options,
    )
    models, histories, records = [], [], []
    for member in range(members):
        of_split = member_seeds(seed, member).split
        held_out = held_out_rows(family, fraction=validation_fraction, seed=of_split)
        mean, sd = _scale(wanted[~held_out], outputs) if standardise_targets else _no_scale(outputs)
        scaled = (wanted - mean) / sd
        logger.info("member %d of %d", member + 1, members)
        result = train_until_learned(
            partial(train, (letters[~held_out], scaled[~held_out], letters[held_out], scaled[held_out])),
            variance=float(scaled[held_out].var(axis=0).mean()),
            seed=(seed, member),
            restarts=restarts,
            checkpoint=None if checkpoint is None else Path(checkpoint) / f"member_{member}",
        )
        unscale_outputs(result.model, mean=mean, sd=sd)
        models.append(result.model)
        histories.append(result.history.assign(member=member))
        scale = {"target_mean": mean.tolist(), "target_sd": sd.tolist()}
        records.append({"member": member, **scale, **settings, **result.record})
    history = pd.concat(histories, ignore_index=True)
    record = {
        **settings,
        "epochs": float(np.mean([own["epochs"] for own in records])),
        "seconds": float(sum(own["seconds"] for own in records)),
        "members": records,
    }
    return EnsembleResult(models, history[["member", *history.columns.drop("member")]], record)


def _train_cnn(build, data, *, weights_seed: int, **options) -> FitResult:
    return fit(build(seed=weights_seed), *data, **options)


class MemberSeeds(NamedTuple):
    """Seeds of initial weights, of the split, and of the order of batches."""

    weights: int
    split: int
    order: int


def member_seeds(*entropy: int) -> MemberSeeds:
    """Seeds of a member: of the ensemble's seed, its number and, of a later attempt, that one's."""
    return MemberSeeds(*np.random.SeedSequence(entropy).generate_state(3).tolist())


def check_members(members: int, *, seed: int, restarts: int) -> None:
    """Refuse an ensemble of no member, and negative numbers."""
    for name, value, lowest in (("members", members, 1), ("seed", seed, 0), ("restarts", restarts, 0)):
        if value < lowest:
            raise SeqauditError(f"{name}: got {value}, expected at least {lowest}.")


def train_until_learned(
    train: Callable[..., FitResult],
    *,
    variance: float,
    seed: tuple[int, int],
    restarts: int,
    checkpoint: Path | None,
) -> FitResult:
    """Train one member, again from other initial weights where it learned nothing.

    Parameters
    ----------
    train : callable
        Takes ``weights_seed``, ``seed`` (of the order) and ``checkpoint``.
    variance : float
        Of validation targets, in the unit of ``validation_mse`` in the record of a training.
    seed : (int, int)
        Of the ensemble, and number of the member.
    restarts : int
        Most attempts after the first one, whose seeds do not depend on this.
    checkpoint : path, optional
        Folder of the first attempt; later ones have their own beside it.

    Returns
    -------
    FitResult
        The first attempt that explains ``LEARNED`` of the variance, or the best of all; its record
        has ``weights_seed`` and ``attempt``, counted from 1.
    """
    results = []
    for attempt in range(1, restarts + 2):
        again = [attempt - 1] if attempt > 1 else []
        seeds = member_seeds(*seed, *again)
        folder = checkpoint
        if checkpoint is not None and again:
            folder = checkpoint.with_name(f"{checkpoint.name}_attempt_{attempt}")
        result = train(weights_seed=seeds.weights, seed=seeds.order, checkpoint=folder)
        result.record.update(weights_seed=seeds.weights, attempt=attempt)
        results.append(result)
        if result.record["validation_mse"] < (1 - LEARNED) * variance:
            break
        logger.warning(
            "attempt %d of %d learned nothing: it explains less than %g %% of its validation targets",
            *(attempt, restarts + 1, 100 * LEARNED),
        )
    return min(results, key=lambda tried: tried.record["validation_mse"])


def remove_ensemble_progress(folder: str | Path) -> None:
    """Delete the states of members, once the ensemble itself is safe."""
    for member in Path(folder).glob("member_*"):
        remove_progress(member)
        if not any(member.iterdir()):
            member.rmdir()


@torch.no_grad()
def unscale_outputs(model: Cnn, *, mean: np.ndarray, sd: np.ndarray) -> None:
    """Make a network that predicts ``(y - mean) / sd`` predict ``y``, by its output layer.

    Parameters
    ----------
    model : Cnn
        Changed in place.
    mean, sd : numpy.ndarray, float64, shape (outputs,)
    """
    mean, sd = torch.from_numpy(mean), torch.from_numpy(sd)
    layer = model.output
    layer.weight.copy_(layer.weight.double() * sd[:, None])
    layer.bias.copy_(layer.bias.double() * sd + mean)


def training_rows(sequences: pd.DataFrame, n_mutants: int | None) -> pd.DataFrame:
    """Rows of split train, with the first so many labelled mutants."""
    rows = sequences[sequences["split"] == "train"]
    if rows.empty:
        raise SeqauditError("sequences: no row of split 'train', training needs some.")
    if n_mutants is None:
        return rows
    mutated = rows["mutated"].to_numpy(bool)
    if not 0 <= n_mutants <= mutated.sum():
        raise SeqauditError(
            f"n_mutants: got {n_mutants}, but the training split has {mutated.sum()} labelled mutants. "
            "Ask for so many at most, or simulate more (config: deepmr.studies.<id>.n_mutants)."
        )
    return rows[~mutated | (mutated.cumsum() <= n_mutants)]


def held_out_rows(family: np.ndarray, *, fraction: float, seed: int) -> np.ndarray:
    """Draw validation rows by families; bool, shape (rows,)."""
    n = int(family.max()) + 1
    n_held_out = round(fraction * n)
    if not 0 < n_held_out < n:
        raise SeqauditError(
            f"validation_fraction: {fraction:g} of {n} original sequences leaves {n - n_held_out} to train "
            f"and {n_held_out} to validate on, expected at least one each."
        )
    chosen = np.zeros(n, dtype=bool)
    chosen[np.random.default_rng(seed).permutation(n)[:n_held_out]] = True
    return chosen[family]


def _scale(targets: np.ndarray, outputs: list[str]) -> tuple[np.ndarray, np.ndarray]:
    constant = np.flatnonzero(np.ptp(targets, axis=0) == 0)
    if constant.size:
        raise SeqauditError(
            f"targets: output '{outputs[constant[0]]}' is {targets[0, constant[0]]:g} in all training "
            "sequences, so there is nothing to learn. Remove it from 'outputs' or correct its targets."
        )
    return targets.mean(axis=0), targets.std(axis=0)


def _no_scale(outputs: list[str]) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros(len(outputs)), np.ones(len(outputs))

"""Train one network: shuffled epochs, early stopping, best weights, and a history."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from seqaudit.errors import SeqauditError
from seqaudit.models.bpnet import Bpnet
from seqaudit.models.cnn import Cnn
from seqaudit.models.device import choose_device
from seqaudit.models.memory import explained_memory
from seqaudit.training.cpu_steps import CpuSteps
from seqaudit.training.epochs import Checkpoint, digest, reproducible, run_epochs, summary
from seqaudit.training.schedules import check_schedule, rate_factor
from seqaudit.training.steps import AutogradSteps, Steps


class FitResult(NamedTuple):
    """A trained model (best weights, evaluation mode), its history and its record."""

    model: Cnn | Bpnet
    history: pd.DataFrame
    record: dict


class _Data(NamedTuple):
    one_hot: torch.Tensor
    target: torch.Tensor


def fit(
    model: Cnn,
    one_hot_train: np.ndarray,
    target_train: np.ndarray,
    one_hot_validation: np.ndarray,
    target_validation: np.ndarray,
    *,
    l1: float = 0.0,
    seed: int,
    batch_size: int = 200,
    max_epochs: int = 1000,
    patience: int = 15,
    learning_rate: float = 1e-3,
    schedule: str = "constant",
    reverse_complement: bool = False,
    shuffle: bool = True,
    device: str = "auto",
    threads: int = 1,
    checkpoint: str | Path | None = None,
    checkpoint_seconds: float = 60,
    on_epoch: Callable[[dict], None] | None = None,
) -> FitResult:
    """Minimise mean squared error plus an L1 penalty with Adam, and keep the best epoch.

    As Finkelstein et al. 2020 (section 2.2) trained in Keras: the penalty is on the
    kernels of convolutions and hidden dense layers, and early stopping watches the
    validation loss *including* it. Batch order depends on ``seed`` and epoch alone. The
    same call on the same device, with the same number of threads, gives the same bits.

    Parameters
    ----------
    model : Cnn
        Trained in place.
    one_hot_train, one_hot_validation : array, shape (n, 4, L), int8
        Channels A, C, G, T; N is all zero.
    target_train, target_validation : array, shape (n,) or (n, outputs)
        In the space in which squared error is computed.
    l1 : float
        Weight of the penalty, per unit of sum of absolute kernel values.
    seed : int
        Seed of the batch order (and of dropout); at least 0.
    batch_size : int
        Sequences per step; the last batch of an epoch may be smaller.
    max_epochs, patience : int
        Training stops after ``patience`` epochs without a smaller validation loss.
    learning_rate : float
        Of Adam; the highest one under a schedule.
    schedule : {"constant", "trapezoid"}
        How the rate changes over ``max_epochs``, see :mod:`seqaudit.training.schedules`.
    reverse_complement : bool
        Whether every training sequence is shown as its reverse complement in a random
        half of the epochs. Validation is left as it is.
    shuffle : bool
        Whether every epoch has an order of its own. Otherwise all have the batches of
        the first one (Malina et al. 2022 trained so).
    device : str
        ``"auto"`` (CUDA if present), ``"cpu"`` or ``"cuda"``.
    threads : int
        Threads of torch while training on the CPU. One per model is fastest: train
        several models at once instead.
    checkpoint : path, optional
        Folder for the state of an unfinished training, written at most every
        ``checkpoint_seconds`` after an epoch and at the end. A call with the same
        settings, data and initial weights continues from it, to the same bits; a state
        of anything else is ignored with a log line. It stays, so that a job killed
        before it could store the model loses nothing: delete it with
        ``training.progress.remove_progress`` once the model is saved.
    on_epoch : callable, optional
        Called with each new row of the history.

    Returns
    -------
    FitResult
        ``history`` has the columns of table ``training_history`` without ``model_id``;
        ``record`` is plain JSON for ``models.checkpoint.save_model``.

    Raises
    ------
    SeqauditError
        Arrays that do not fit the model or each other, values that are not finite,
        settings out of range, a loss that is not finite (training diverged), or too little
        memory.
    """
    settings = {
        "l1": float(l1),
        "seed": int(seed),
        "batch_size": int(batch_size),
        "max_epochs": int(max_epochs),
        "patience": int(patience),
        "learning_rate": float(learning_rate),
        "schedule": schedule,
        "reverse_complement": bool(reverse_complement),
        "shuffle": bool(shuffle),
    }
    _check_settings(settings)
    chosen = choose_device(device)
    train = _load(model, one_hot_train, target_train, "train")
    validation = _load(model, one_hot_validation, target_validation, "validation")
    record = {
        **settings,
        "n_train": len(train.target),
        "n_validation": len(validation.target),
        "data_sha256": digest(*train, *validation),
        "device": chosen.type,
        "threads": int(threads),
        "torch": torch.__version__,
    }
    fingerprint = _fingerprint(record, model)
    if reverse_complement:  # A, C, G, T read backwards is T, G, C, A
        train = train._replace(one_hot=torch.cat([train.one_hot, train.one_hot.flip(1, 2)]))

    home = next(model.parameters()).device
    model.to(chosen)
    with reproducible(chosen, threads), explained_memory(chosen):
        steps = _choose_steps(model, settings, chosen)
        data = [
            _Data(steps.prepare(part.one_hot.to(chosen)), part.target.to(chosen))
            for part in (train, validation)
        ]
        history, best_weights = run_epochs(
            steps,
            train_epoch=lambda epoch: _train_epoch(steps, data[0], settings, epoch),
            validate=lambda: _validate(steps, data[1]),
            settings=settings,
            checkpoint=Checkpoint(checkpoint, checkpoint_seconds, fingerprint, chosen),
            on_epoch=on_epoch,
        )
        steps.load_weights(best_weights)
    model.to(home).eval().zero_grad()
    record |= summary(history, settings)
    return FitResult(model, pd.DataFrame(history), record)


def _choose_steps(model: Cnn, settings: dict, device: torch.device) -> Steps:
    how = {"l1": settings["l1"], "learning_rate": settings["learning_rate"]}
    if device.type == "cpu":
        return CpuSteps(model, **how)
    return AutogradSteps(model, **how)


def _train_epoch(steps, train, settings, epoch) -> float:
    generator = np.random.default_rng((settings["seed"], epoch if settings["shuffle"] else 1))
    n = len(train.target)
    order = generator.permutation(n)
    if settings["reverse_complement"]:  # row i + n is the other strand of row i
        order += n * generator.integers(2, size=n)
    order = torch.from_numpy(order).to(train.target.device)
    outputs = train.target.shape[1]
    loss = torch.zeros((), dtype=torch.float64, device=train.target.device)
    with torch.random.fork_rng(devices=[loss.device] if loss.is_cuda else []):
        # dropout is the one layer that draws, and only from torch's global generator
        torch.manual_seed(_epoch_seed(settings["seed"], epoch))
        batches = order.split(settings["batch_size"])
        for index, batch in enumerate(batches):
            progress = (epoch - 1 + (index + 0.5) / len(batches)) / settings["max_epochs"]
            steps.learning_rate = settings["learning_rate"] * rate_factor(settings["schedule"], progress)
            penalty = steps.penalty()
            squared_error = steps.step(
                train.one_hot.index_select(0, batch), train.target.index_select(0, batch % n)
            )
            loss += squared_error / outputs + penalty * len(batch)
    return float(loss) / n


def _validate(steps, validation) -> dict:
    validation_mse = steps.squared_error(*validation) / validation.target.numel()
    return {"validation_loss": validation_mse + float(steps.penalty()), "validation_mse": validation_mse}


def _load(model: Cnn, one_hot, target, split: str) -> _Data:
    """Check one split and make it tensors: int8 (n, 4, L) and float32 (n, outputs)."""
    one_hot = torch.as_tensor(one_hot)
    if one_hot.dtype != torch.int8 or tuple(one_hot.shape[1:]) != (4, model.length) or not len(one_hot):
        raise SeqauditError(
            f"one_hot_{split}: got {one_hot.dtype} of shape {tuple(one_hot.shape)}, expected torch.int8 of "
            f"shape (n, 4, {model.length}) with n >= 1."
        )
    target = np.asarray(target, dtype=np.float32)
    if target.ndim == 1:
        target = target[:, None]
    if target.shape != (len(one_hot), model.outputs):
        raise SeqauditError(
            f"target_{split}: got shape {target.shape}, expected ({len(one_hot)}, {model.outputs}): one row "
            "per sequence and one column per output of the model."
        )
    bad = np.flatnonzero(~np.isfinite(target).all(axis=1))
    if bad.size:
        raise SeqauditError(
            f"target_{split}: row {bad[0]} is {target[bad[0]]} ({bad.size} such rows), expected finite "
            "numbers. Remove these sequences or correct their targets."
        )
    return _Data(one_hot.contiguous(), torch.from_numpy(np.ascontiguousarray(target)))


def _check_settings(settings: dict) -> None:
    lowest = {"l1": 0, "seed": 0, "batch_size": 1, "max_epochs": 1, "patience": 1}
    for name, minimum in lowest.items():
        if not settings[name] >= minimum:
            raise SeqauditError(f"{name}: got {settings[name]}, expected at least {minimum}.")
    if not settings["learning_rate"] > 0:
        raise SeqauditError(f"learning_rate: got {settings['learning_rate']}, expected a positive number.")
    check_schedule(settings["schedule"])


def _epoch_seed(seed: int, epoch: int) -> int:
    return int(np.random.SeedSequence((seed, epoch)).generate_state(1)[0])


def _fingerprint(record: dict, model: Cnn) -> str:
    described = [record, model.architecture, model.padding, digest(*model.state_dict().values())]
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()

"""Epoch after epoch, whatever is trained: early stopping, best weights, history, state to continue from."""

import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from seqaudit.errors import SeqauditError
from seqaudit.training.progress import Progress, load_progress, save_progress
from seqaudit.training.steps import Steps

logger = logging.getLogger(__name__)

LOG_EVERY = 10
"""Epochs per log line."""


class Checkpoint:
    """Where and when the state of a training is stored; does nothing without a folder.

    Parameters
    ----------
    folder : path or None
    seconds : float
        Least time between two states.
    fingerprint : str
        Says which training the state belongs to; that of another one is ignored.
    device : torch.device
        Where the steps want their tensors.
    """

    def __init__(
        self, folder: str | Path | None, seconds: float, fingerprint: str, device: torch.device
    ) -> None:
        self.folder, self.seconds = folder, seconds
        self.fingerprint, self.device = fingerprint, device
        self.last = time.monotonic()

    def restore(self, steps: Steps) -> tuple[list[dict], dict]:
        """Set the steps to the stored state; returns the history so far and the best weights."""
        found = None if self.folder is None else load_progress(self.folder, fingerprint=self.fingerprint)
        if found is None:
            return [], steps.weights()
        parts: dict[str, dict] = {"weights": {}, "best": {}, "moments": {}}
        for name, tensor in found.tensors.items():
            part, key = name.split("/", 1)
            parts[part][key] = tensor.to(self.device)
        steps.load_weights(parts["weights"])
        steps.load_moments(parts["moments"])
        logger.info("continuing after epoch %d from %s", len(found.history), self.folder)
        return found.history, parts["best"]

    def save_if_due(self, steps: Steps, history: list[dict], best_weights: dict) -> None:
        """Store the state unless that was done a short time ago."""
        if time.monotonic() - self.last >= self.seconds:
            self.save(steps, history, best_weights)

    def save(self, steps: Steps, history: list[dict], best_weights: dict) -> None:
        """Store the state."""
        if self.folder is None:
            return
        parts = {"weights": steps.weights(), "best": best_weights, "moments": steps.moments()}
        tensors = {f"{part}/{key}": value for part, named in parts.items() for key, value in named.items()}
        save_progress(self.folder, Progress(tensors, history), fingerprint=self.fingerprint)
        self.last = time.monotonic()


def run_epochs(
    steps: Steps,
    *,
    train_epoch: Callable[[int], float],
    validate: Callable[[], dict],
    settings: dict,
    checkpoint: Checkpoint,
    on_epoch: Callable[[dict], None] | None = None,
) -> tuple[list[dict], dict[str, torch.Tensor]]:
    """Train until ``patience`` epochs brought no smaller validation loss, or ``max_epochs``.

    Parameters
    ----------
    steps : Steps
        Holds the weights. The last epoch's remain there.
    train_epoch : callable
        Trains the epoch of that number, from 1; returns its training loss.
    validate : callable
        Returns ``validation_loss`` and whatever else the history shall hold.
    settings : dict
        ``max_epochs``, ``patience``, and ``learning_rate`` for error messages.
    checkpoint : Checkpoint
    on_epoch : callable, optional
        Called with each new row of the history.

    Returns
    -------
    list of dict
        History, one row per epoch.
    dict of tensor
        Weights of the best epoch.

    Raises
    ------
    SeqauditError
        A loss that is not finite.
    """
    history, best_weights = checkpoint.restore(steps)
    with tqdm(total=settings["max_epochs"], initial=len(history), unit="epoch", disable=None) as progress_bar:
        while len(history) < settings["max_epochs"] and not out_of_patience(history, settings["patience"]):
            epoch = len(history) + 1
            start = time.perf_counter()
            train_loss = train_epoch(epoch)
            validation = validate()
            if not np.isfinite(train_loss) or not np.isfinite(validation["validation_loss"]):
                raise _diverged(epoch, train_loss, validation["validation_loss"], history, settings)
            row = {
                "epoch": epoch,
                "train_loss": train_loss,
                **validation,
                "best": not history or validation["validation_loss"] < best_row(history)["validation_loss"],
                "seconds": time.perf_counter() - start,
            }
            history.append(row)
            if row["best"]:
                best_weights = steps.weights()
            progress_bar.update()
            if on_epoch is not None:
                on_epoch(dict(row))
            if progress_bar.disable and epoch % LOG_EVERY == 0:
                _log_block(history)
            checkpoint.save_if_due(steps, history, best_weights)
    checkpoint.save(steps, history, best_weights)
    return history, best_weights


def summary(history: list[dict], settings: dict) -> dict:
    """What the record of a training says about its epochs."""
    best = best_row(history)
    described = {
        "epochs": len(history),
        "best_epoch": best["epoch"],
        "train_loss": best["train_loss"],
        "validation_loss": best["validation_loss"],
        "validation_mse": best["validation_mse"],
        "seconds": sum(row["seconds"] for row in history),
        "stopped": "patience" if out_of_patience(history, settings["patience"]) else "max_epochs",
    }
    logger.info(
        "stopped after %d epochs (%s): best epoch %d, validation loss %.5g (squared error %.5g), %.0f s",
        *(described[key] for key in ("epochs", "stopped", "best_epoch", "validation_loss", "validation_mse")),
        described["seconds"],
    )
    return described


@contextmanager
def reproducible(device: torch.device, threads: int) -> Iterator[None]:
    """The one place that sets threads and picks deterministic, full-precision kernels."""
    threads_before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            yield
    finally:
        torch.set_num_threads(threads_before)


def best_row(history: list[dict]) -> dict:
    """Row of the epoch whose weights are kept."""
    return next(row for row in reversed(history) if row["best"])


def out_of_patience(history: list[dict], patience: int) -> bool:
    """Whether the best epoch is ``patience`` epochs ago."""
    return bool(history) and len(history) - best_row(history)["epoch"] >= patience


def digest(*tensors: torch.Tensor) -> str:
    """Of types, shapes and values."""
    running = hashlib.sha256()
    for tensor in tensors:
        running.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
        running.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return running.hexdigest()


def _log_block(history: list[dict]) -> None:
    last, best = history[-1], best_row(history)
    logger.info(
        "epoch %d: training loss %.5g, validation loss %.5g (best %.5g, epoch %d), %.2f s per epoch",
        last["epoch"],
        last["train_loss"],
        last["validation_loss"],
        best["validation_loss"],
        best["epoch"],
        np.mean([row["seconds"] for row in history[-LOG_EVERY:]]),
    )


def _diverged(epoch, train_loss, validation_loss, history, settings) -> SeqauditError:
    before = f"{history[-1]['train_loss']:.4g} the epoch before" if history else "from the start"
    return SeqauditError(
        f"training diverged in epoch {epoch}: training loss {train_loss:g}, validation loss "
        f"{validation_loss:g} ({before}). Likely cause: learning_rate={settings['learning_rate']:g} is "
        "too high for this network (exponential activations need a lower one), or targets of a very large "
        "scale; lower the one or standardise the other."
    )

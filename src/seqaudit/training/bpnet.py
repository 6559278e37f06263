"""Train networks that predict read profiles and read counts (BPNet-like)."""

import hashlib
import inspect
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from seqaudit.errors import SeqauditError
from seqaudit.models.bpnet import Bpnet, build_bpnet
from seqaudit.models.device import choose_device
from seqaudit.models.memory import explained_memory
from seqaudit.training.bpnet_steps import BpnetSteps
from seqaudit.training.cpu_steps import keep_freed_memory
from seqaudit.training.epochs import Checkpoint, digest, reproducible, run_epochs, summary
from seqaudit.training.loop import FitResult
from seqaudit.training.read_profiles import ReadProfiles, read_profiles
from seqaudit.training.schedules import check_schedule, rate_factor
from seqaudit.training.steps import VALIDATION_BATCH

NETWORK_OPTIONS = set(inspect.signature(build_bpnet).parameters) - {"outputs", "length", "seed"}
CENTRED_ON = 200
"""Training sequences on which an untrained network's mean prediction is found."""


class ReadData(NamedTuple):
    """Sequences and their reads.

    Attributes
    ----------
    one_hot : array, shape (n, 4, L), int8
        Channels A, C, G, T; N is all zero.
    counts : array, shape (n, outputs), or (n, outputs, strands) for a network that counts by strand
        Reads, not transformed.
    profiles : ReadProfiles, or array of shape (n, outputs, strands, L), or None
        Reads by position.
    """

    one_hot: np.ndarray
    counts: np.ndarray
    profiles: ReadProfiles | np.ndarray | None = None


class _Data(NamedTuple):
    one_hot: torch.Tensor
    counts: torch.Tensor
    profiles: ReadProfiles | None

    def batch(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        reads = None if self.profiles is None else self.profiles.dense(rows)
        return self.one_hot[rows], self.counts[rows], reads

    def to(self, device: torch.device) -> "_Data":
        profiles = None if self.profiles is None else self.profiles.to(device)
        return _Data(self.one_hot.to(device), self.counts.to(device), profiles)


def train_bpnet(
    train: ReadData,
    validation: ReadData,
    *,
    network: Mapping | None = None,
    seed: int,
    weights_seed: int | None = None,
    **options,
) -> FitResult:
    """Build a network for the data and fit it.

    The biases of its count head start where its predictions are right on average, so that the
    first epochs are not spent on the depth of sequencing.

    Parameters
    ----------
    train, validation : ReadData
    network : mapping, optional
        Options of :func:`seqaudit.models.bpnet.build_bpnet` but outputs, length and seed.
    seed : int
        Seed of batch order and augmentation.
    weights_seed : int, optional
        Seed of the initial weights; the same by default.
    **options
        Passed to :func:`fit_bpnet`.

    Returns
    -------
    FitResult

    Raises
    ------
    SeqauditError
        What :func:`build_bpnet` and :func:`fit_bpnet` refuse.
    """
    one_hot, counts = np.asarray(train.one_hot), np.asarray(train.counts)
    if one_hot.ndim != 3 or counts.ndim < 2:
        raise SeqauditError(
            f"train: got one_hot of shape {one_hot.shape} and counts of shape {counts.shape}, expected "
            "(n, 4, L) and (n, outputs)."
        )
    unknown = sorted(set(network or {}) - NETWORK_OPTIONS)
    if unknown:
        raise SeqauditError(
            f"network: unknown option {', '.join(unknown)}, expected {', '.join(sorted(NETWORK_OPTIONS))}."
        )
    model = build_bpnet(
        outputs=counts.shape[1],
        length=one_hot.shape[2],
        seed=seed if weights_seed is None else weights_seed,
        **(network or {}),
    )
    with reproducible(torch.device("cpu"), options.get("threads", 1)):
        _centre(model, _load(model, train, "train", profiles=False))
    return fit_bpnet(model, train, validation, seed=seed, **options)


def fit_bpnet(
    model: Bpnet,
    train: ReadData,
    validation: ReadData,
    *,
    seed: int,
    profile_weight: float = 1.0,
    count_weight: float | str = "balanced",
    batch_size: int = 128,
    max_epochs: int = 20,
    patience: int = 5,
    learning_rate: float = 4e-3,
    schedule: str = "constant",
    reverse_complement: bool = True,
    max_shift: int = 0,
    device: str = "auto",
    threads: int = 1,
    checkpoint: str | Path | None = None,
    checkpoint_seconds: float = 60,
    on_epoch: Callable[[dict], None] | None = None,
) -> FitResult:
    """Minimise the weighted sum of profile loss and count loss with Adam, and keep the best epoch.

    The losses are described in :class:`seqaudit.training.bpnet_steps.BpnetSteps`; defaults
    but ``count_weight`` are those of Malina et al. 2022 (bpnet9). Batch order and
    augmentation depend on ``seed`` and epoch alone. The same call on the same device, with
    the same number of threads, gives the same bits.

    Parameters
    ----------
    model : Bpnet
        Trained in place.
    train, validation : ReadData
        Profiles may be left out only with ``profile_weight=0``.
    seed : int
        Seed of batch order and augmentation; at least 0.
    profile_weight : float
        0 trains on counts alone, which skips the profile head and a part of the time.
    count_weight : float or "balanced"
        Of the squared error of ``log(1 + reads)``. ``"balanced"`` is half the mean reads per
        sequence and output, with which both losses weigh the same (Avsec et al. 2021,
        *Methods*). Malina et al. 2022 took 10; networks for counts want more where reads are
        many.
    batch_size : int
        Sequences per step; the last batch of an epoch may be smaller.
    max_epochs, patience : int
        Training stops after ``patience`` epochs without a smaller validation loss.
    learning_rate : float
    schedule : {"constant", "trapezoid"}
        As for :func:`seqaudit.training.loop.fit`.
    reverse_complement : bool
        Whether a random half of the training sequences, another one in every epoch, is shown
        as reverse complements; reads turn with them.
    max_shift : int
        Training sequences are moved by up to so many bp to either side. N comes in at the
        one end; what leaves at the other end, its reads included, is not seen, while counts
        stay those of the whole sequence.
    device, threads, checkpoint, checkpoint_seconds, on_epoch
        As for :func:`seqaudit.training.loop.fit`.

    Returns
    -------
    FitResult
        ``history`` has the columns of table ``training_history`` without ``model_id``;
        ``validation_mse`` is the mean squared error of ``log(1 + reads)``.

    Raises
    ------
    SeqauditError
        Arrays that do not fit the model or each other, reads that are negative or not
        finite, settings out of range, or a loss that is not finite (training diverged).
    """
    parts = [
        _load(model, data, split, profiles=profile_weight > 0)
        for data, split in ((train, "train"), (validation, "validation"))
    ]
    settings = {
        "profile_weight": float(profile_weight),
        "count_weight": _count_weight(count_weight, train.counts, model.outputs),
        "seed": int(seed),
        "batch_size": int(batch_size),
        "max_epochs": int(max_epochs),
        "patience": int(patience),
        "learning_rate": float(learning_rate),
        "schedule": schedule,
        "reverse_complement": bool(reverse_complement),
        "max_shift": int(max_shift),
    }
    _check_settings(settings, model.length)
    chosen = choose_device(device)
    tensors = [t for one_hot, counts, profiles in parts for t in (one_hot, counts, *(profiles or ())[:3])]
    record = {
        **settings,
        "n_train": len(parts[0].counts),
        "n_validation": len(parts[1].counts),
        "data_sha256": digest(*tensors),
        "device": chosen.type,
        "threads": int(threads),
        "torch": torch.__version__,
    }
    described = [record, model.architecture, digest(*model.state_dict().values())]
    fingerprint = hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()

    home = next(model.parameters()).device
    model.to(chosen)
    if chosen.type == "cpu":
        keep_freed_memory()
    with reproducible(chosen, threads), explained_memory(chosen):
        steps = BpnetSteps(
            model, **{key: settings[key] for key in ("profile_weight", "count_weight", "learning_rate")}
        )
        on_device = [part.to(chosen) for part in parts]
        history, best_weights = run_epochs(
            steps,
            train_epoch=lambda epoch: _train_epoch(steps, on_device[0], settings, epoch),
            validate=lambda: _validate(steps, on_device[1]),
            settings=settings,
            checkpoint=Checkpoint(checkpoint, checkpoint_seconds, fingerprint, chosen),
            on_epoch=on_epoch,
        )
        steps.load_weights(best_weights)
    model.to(home).eval().zero_grad()
    record |= summary(history, settings)
    return FitResult(model, pd.DataFrame(history), record)


@torch.no_grad()
def _centre(model: Bpnet, data: _Data) -> None:
    """Set the count head's biases so that predictions have the mean of the targets."""
    if model.count.bias is not None:
        predicted = model.log_counts(data.one_hot[:CENTRED_ON].float())
        model.count.bias += (data.counts.mean(0) - predicted.mean(0)).flatten()


def _train_epoch(steps: BpnetSteps, data: _Data, settings: dict, epoch: int) -> float:
    generator, n, device = (
        np.random.default_rng((settings["seed"], epoch)),
        len(data.counts),
        data.counts.device,
    )
    order = torch.from_numpy(generator.permutation(n)).to(device)
    turned = torch.from_numpy(generator.integers(2, size=n) == 1).to(device)
    furthest = settings["max_shift"]
    shift = torch.from_numpy(generator.integers(-furthest, furthest + 1, size=n)).to(device)
    loss = torch.zeros((), dtype=torch.float64, device=device)
    batches = order.split(settings["batch_size"])
    for index, rows in enumerate(batches):
        progress = (epoch - 1 + (index + 0.5) / len(batches)) / settings["max_epochs"]
        steps.learning_rate = settings["learning_rate"] * rate_factor(settings["schedule"], progress)
        one_hot, counts, reads = data.batch(rows)
        if settings["reverse_complement"]:
            # A, C, G, T read backwards is T, G, C, A; so is + and - read backwards
            one_hot = _turned(one_hot, turned[rows], (1, 2))
            counts = _turned(counts, turned[rows], (2,)) if counts.ndim == 3 else counts
            reads = None if reads is None else _turned(reads, turned[rows], (2, 3))
        if furthest:
            one_hot = _shifted(one_hot, shift[rows])
            reads = None if reads is None else _shifted(reads, shift[rows])
        loss += steps.step(one_hot, counts, reads)[0]
    return float(loss) / n


def _validate(steps: BpnetSteps, data: _Data) -> dict:
    n = len(data.counts)
    total = torch.zeros(2, dtype=torch.float64, device=data.counts.device)
    for rows in torch.arange(n, device=total.device).split(VALIDATION_BATCH):
        total += steps.losses(*data.batch(rows))
    loss, squared_error = (total / n).tolist()
    return {"validation_loss": loss, "validation_mse": squared_error}


def _turned(values: torch.Tensor, turned: torch.Tensor, axes: tuple[int, ...]) -> torch.Tensor:
    """Values of some rows backwards along some axes."""
    return torch.where(turned.view(-1, *[1] * (values.ndim - 1)), values.flip(axes), values)


def _shifted(values: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """Each row moved along the last axis, zeros coming in."""
    length = values.shape[-1]
    source = torch.arange(length, device=shift.device) - shift[:, None]
    source = source.view(len(values), *[1] * (values.ndim - 2), length).expand(values.shape)
    inside = (source >= 0) & (source < length)
    return values.gather(-1, source.clamp(0, length - 1)) * inside


def _load(model: Bpnet, data: ReadData, split: str, *, profiles: bool) -> _Data:
    """Check one split and make it tensors; counts become ``log(1 + counts)``."""
    one_hot = torch.as_tensor(data.one_hot)
    if one_hot.dtype != torch.int8 or tuple(one_hot.shape[1:]) != (4, model.length) or not len(one_hot):
        raise SeqauditError(
            f"{split}.one_hot: got {one_hot.dtype} of shape {tuple(one_hot.shape)}, expected torch.int8 of "
            f"shape (n, 4, {model.length}) with n >= 1."
        )
    n, strands = len(one_hot), model.architecture["strands"]
    by_strand = (strands,) if model.architecture["strand_counts"] else ()
    counts = np.asarray(data.counts, dtype=np.float64)
    if counts.shape != (n, model.outputs, *by_strand):
        raise SeqauditError(
            f"{split}.counts: got shape {counts.shape}, expected {(n, model.outputs, *by_strand)}: one row "
            f"per sequence, one column per output{' and strand' if by_strand else ''} of the model."
        )
    wrong = np.flatnonzero(~((counts >= 0) & np.isfinite(counts)).reshape(n, -1).all(axis=1))
    if wrong.size:
        raise SeqauditError(
            f"{split}.counts: row {wrong[0]} is {counts[wrong[0]].tolist()} ({wrong.size} such rows), "
            "expected numbers of reads, at least 0. Do not transform them; remove sequences without counts."
        )
    loaded = _Data(one_hot.contiguous(), torch.from_numpy(np.log1p(counts)).float(), None)
    return loaded._replace(profiles=_load_profiles(model, data, split)) if profiles else loaded


def _load_profiles(model: Bpnet, data: ReadData, split: str) -> ReadProfiles:
    if data.profiles is None:
        raise SeqauditError(
            f"{split}.profiles: there are none, but profile_weight is positive. Give profiles, or train on "
            "counts alone with profile_weight=0."
        )
    profiles = data.profiles if isinstance(data.profiles, ReadProfiles) else read_profiles(data.profiles)
    expected = (len(data.one_hot), model.outputs, model.architecture["strands"], model.length)
    if (len(profiles), *profiles.shape) != expected:
        raise SeqauditError(
            f"{split}.profiles: got shape {(len(profiles), *profiles.shape)}, expected {expected}: "
            "sequences, outputs, strands, positions."
        )
    return profiles


def _count_weight(wanted: float | str, counts: np.ndarray, outputs: int) -> float:
    if wanted == "balanced":
        # never next to nothing: data with hardly any reads have hardly any profile to balance with
        return max(float(np.sum(counts) / len(counts) / outputs / 2), 1.0)
    if isinstance(wanted, str):
        raise SeqauditError(f"count_weight: got '{wanted}', expected a positive number or 'balanced'.")
    return float(wanted)


def _check_settings(settings: dict, length: int) -> None:
    lowest = {"profile_weight": 0, "seed": 0, "batch_size": 1, "max_epochs": 1, "patience": 1, "max_shift": 0}
    for name, minimum in lowest.items():
        if not settings[name] >= minimum:
            raise SeqauditError(f"{name}: got {settings[name]}, expected at least {minimum}.")
    for name in ("count_weight", "learning_rate"):
        if not settings[name] > 0:
            raise SeqauditError(f"{name}: got {settings[name]}, expected a positive number.")
    check_schedule(settings["schedule"])
    if settings["max_shift"] >= length:
        raise SeqauditError(
            f"max_shift: got {settings['max_shift']} bp for sequences of {length} bp, expected less."
        )

"""Epochs of a pack: prior, noise precision, early stopping and best weights, network by network."""

import math

import torch

from seqaudit.errors import SeqauditError
from seqaudit.training.bayesian_data import Data
from seqaudit.training.bayesian_layers import Noise
from seqaudit.training.bayesian_pack import Form, Pack
from seqaudit.training.bayesian_settings import LEARNED, NetworkSettings
from seqaudit.training.schedules import rate_factor

HIGHEST_PRECISION = 1e6
"""Of the noise, where a network fits its targets without error."""
SHRINK_AT = 0.25
"""Share of finished networks from which on a pack goes on without them."""


def train_pack(
    data: Data, settings: NetworkSettings, *, seeds: list[int], noise_seed: int
) -> list[tuple[dict, dict]]:
    """Train one network per row of targets.

    Returns
    -------
    list of (dict of tensor, dict)
        Weights of the best epoch by name, and the record of the training.

    Raises
    ------
    SeqauditError
        A loss that is not finite.
    """
    device, (n, features) = data.features.device, data.features.shape
    counts = settings.counts
    noise = Noise(noise_seed, device)
    form = Form(features, settings.hidden, settings.posterior, settings.beta, counts)
    pack = Pack(form, seeds=seeds, noise=noise, device=device)
    batch = min(settings.batch_size, n)
    steps = n // batch
    learned = settings.family == "quasi_poisson" or (not counts and settings.noise_precision == LEARNED)
    if counts:
        precision = data.target_scales.clone()  # Poisson: dispersion 1 of the counts themselves
    else:
        precision = torch.full_like(data.target_scales, 1.0 if learned else settings.noise_precision)
    best = _Best(pack, settings)
    active = torch.arange(len(pack), device=device)
    for epoch in range(settings.max_epochs):
        order = noise.permutation(n)
        inputs, targets = data.features[order], data.targets[active][:, order]
        dr = (2 / (n * precision[active]))[:, None, None]
        wr = dr * (settings.length_scale**2 / 2)
        total = torch.zeros(len(active), device=device, dtype=torch.float64)
        for step in range(steps):
            rows = slice(step * batch, (step + 1) * batch)
            done = epoch * steps + step
            weight = _warm_up(done / steps, settings.warm_up_epochs)
            factor = rate_factor(settings.schedule, (done + 1) / (settings.max_epochs * steps + 1))
            total += pack.step(
                inputs[rows],
                targets[:, rows],
                learning_rate=settings.learning_rate * factor,
                wr=wr * weight,
                dr=dr * weight,
            )
        train_loss = total / (steps * batch)
        if learned:
            precision[active] = (1 / train_loss).clamp(max=HIGHEST_PRECISION).to(precision)
        validation_loss = pack.losses(data.validation_features, data.validation_targets[active])
        best.update(active, epoch + 1, train_loss, validation_loss, precision, pack)
        running = best.running(active)
        if not running.any():
            break
        if running.float().mean() <= 1 - SHRINK_AT:
            active = active[running]
            pack.keep(running)
    return best.results()


class _Best:
    """Best weights and records of every network of a pack, also of those that have left it."""

    def __init__(self, pack: Pack, settings: NetworkSettings):
        self.settings = settings
        self.weights = pack.weights()
        device = next(iter(self.weights.values())).device
        self.validation_loss = torch.full((len(pack),), math.inf, dtype=torch.float64, device=device)
        self.train_loss, self.precision = torch.zeros(2, len(pack), dtype=torch.float64, device=device)
        self.best_epoch, self.epochs = torch.zeros(2, len(pack), dtype=torch.int64, device=device)

    def running(self, networks: torch.Tensor) -> torch.Tensor:
        """Which of these networks still have patience."""
        return (self.epochs - self.best_epoch)[networks] < self.settings.patience

    def update(
        self,
        networks: torch.Tensor,
        epoch: int,
        train_loss: torch.Tensor,
        validation_loss: torch.Tensor,
        precision: torch.Tensor,
        pack: Pack,
    ) -> None:
        """After an epoch: keep what is better, of networks that had not stopped before."""
        running = self.running(networks)
        finite = (torch.isfinite(train_loss) & torch.isfinite(validation_loss)) | ~running
        if not finite.all():
            lost = int((~finite).nonzero()[0])
            raise SeqauditError(
                f"training diverged in epoch {epoch}: network {int(networks[lost])} has training loss "
                f"{float(train_loss[lost]):g} and validation loss {float(validation_loss[lost]):g}. Likely "
                f"cause: learning_rate={self.settings.learning_rate:g} is too high; lower it."
            )
        self.epochs[networks[running]] = epoch
        better = running & (validation_loss < self.validation_loss[networks])
        where = networks[better]
        self.validation_loss[where] = validation_loss[better]
        self.train_loss[where] = train_loss[better]
        self.precision[where] = precision[where].double()
        self.best_epoch[where] = epoch
        for name, value in pack.values.items():
            self.weights[name][where] = value[better]

    def results(self) -> list[tuple[dict, dict]]:
        """Weights and record per network."""
        return [
            (
                {name: value[network].clone() for name, value in self.weights.items()},
                {
                    "epochs": int(self.epochs[network]),
                    "best_epoch": int(self.best_epoch[network]),
                    "train_loss": float(self.train_loss[network]),
                    "validation_loss": float(self.validation_loss[network]),
                    "noise_precision": float(self.precision[network]),
                    "stopped": "patience"
                    if self.epochs[network] - self.best_epoch[network] >= self.settings.patience
                    else "max_epochs",
                },
            )
            for network in range(len(self.epochs))
        ]


def _warm_up(epochs: float, warm_up_epochs: float) -> float:
    """Weight of the prior, rising from 1 % (the authors' notebook)."""
    return min(1.0, 0.01 + epochs / warm_up_epochs) if warm_up_epochs else 1.0

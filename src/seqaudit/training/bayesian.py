"""Train Bayesian networks on tables: one, or the hundreds of refits that a null distribution needs.

Targets are scaled for training and the scaling is kept with the network, so that its means
and their derivatives are in the user's units. Networks that differ in their targets only
share features, batches and steps.
"""

import logging
import time
from typing import NamedTuple

import numpy as np
import torch

from seqaudit.models.concrete import ConcretePosterior
from seqaudit.models.device import choose_device
from seqaudit.models.mean_field import MeanFieldPosterior
from seqaudit.models.mlp import Mlps, Scaling
from seqaudit.models.posterior import Ensemble, PointPosterior, Posterior
from seqaudit.training.bayesian_data import prepare
from seqaudit.training.bayesian_epochs import train_pack
from seqaudit.training.bayesian_settings import PRESETS, NetworkSettings
from seqaudit.training.cpu_steps import keep_freed_memory
from seqaudit.training.epochs import reproducible

logger = logging.getLogger(__name__)

VALUES_PER_STEP = {"cpu": 200_000, "cuda": 32_000_000}
"""Values of the widest layer in one step of a pack: what the cache of a core holds, or a GPU."""


class Fitted(NamedTuple):
    """A posterior and how it was trained."""

    posterior: Posterior
    records: tuple[dict, ...]
    """One per network: ``epochs``, ``best_epoch``, ``train_loss``, ``validation_loss`` (both in scaled
    units: of squared error or deviance), ``noise_precision``, ``stopped``."""


def fit_posterior(
    features: np.ndarray,
    target: np.ndarray,
    validation_features: np.ndarray,
    validation_target: np.ndarray,
    *,
    settings: NetworkSettings = PRESETS["fast"],
    seed: int,
    device: str = "auto",
    threads: int = 1,
) -> Fitted:
    """Train one posterior.

    Parameters
    ----------
    features, validation_features : array, shapes (n, D) and (m, D)
        In the user's units.
    target, validation_target : array, shapes (n,) and (m,)
    settings : NetworkSettings
    seed : int
    device : str
        ``"auto"``, ``"cpu"`` or ``"cuda"``.
    threads : int
        CPU threads.

    Returns
    -------
    Fitted

    Raises
    ------
    SeqauditError
        As for :func:`fit_posteriors`.
    """
    targets = np.asarray(target)[None], np.asarray(validation_target)[None]
    return fit_posteriors(
        features,
        targets[0],
        validation_features,
        targets[1],
        settings=settings,
        seed=seed,
        device=device,
        threads=threads,
    )[0]


def fit_posteriors(
    features: np.ndarray,
    targets: np.ndarray,
    validation_features: np.ndarray,
    validation_targets: np.ndarray,
    *,
    settings: NetworkSettings = PRESETS["fast"],
    seed: int,
    device: str = "auto",
    threads: int = 1,
) -> list[Fitted]:
    """Train one posterior for each of several targets of the same features.

    Networks share batches and steps, which makes small ones many times cheaper than one after
    the other. Masks and initial weights are independent.

    Parameters
    ----------
    features, validation_features : array, shapes (n, D) and (m, D)
        In the user's units.
    targets, validation_targets : array, shapes (B, n) and (B, m)
        Such as permuted or simulated ones.
    settings : NetworkSettings
    seed : int
    device : str
        ``"auto"``, ``"cpu"`` or ``"cuda"``.
    threads : int
        CPU threads.

    Returns
    -------
    list of Fitted, length B

    Raises
    ------
    SeqauditError
        Arrays that do not fit together or are not finite, fewer than 2 features, a constant
        feature or target, negative counts, or a training that diverged.
    """
    chosen = choose_device(device)
    data, scalings = prepare(
        features, targets, validation_features, validation_targets, settings=settings, device=chosen
    )
    data = data.repeated(settings.members)
    networks = len(data.targets)
    seeds = np.random.SeedSequence(seed).generate_state(2 * networks).tolist()
    rows, columns = data.features.shape
    values = min(settings.batch_size, rows) * max(columns, *settings.hidden)
    at_once = max(1, VALUES_PER_STEP[chosen.type] // values)
    start, trained = time.perf_counter(), []
    if chosen.type == "cpu":
        keep_freed_memory()
    with reproducible(chosen, threads), torch.no_grad():
        for first in range(0, networks, at_once):
            some = slice(first, min(first + at_once, networks))
            trained += train_pack(
                data.part(some), settings, seeds=seeds[some], noise_seed=seeds[networks + first]
            )
    logger.info(
        "trained %d networks of %d-%s-1 on %d rows in %.1f s; on average validation loss %.4g, %.0f epochs",
        networks,
        columns,
        "-".join(map(str, settings.hidden)),
        rows,
        time.perf_counter() - start,
        np.mean([record["validation_loss"] for _, record in trained]),
        np.mean([record["epochs"] for _, record in trained]),
    )
    fitted = []
    for index, scaling in enumerate(scalings):
        mine = trained[index * settings.members : (index + 1) * settings.members]
        posteriors = tuple(_posterior(weights, scaling, settings) for weights, _ in mine)
        single = settings.members == 1 and settings.posterior != "ensemble"
        records = tuple(record for _, record in mine)
        fitted.append(Fitted(posteriors[0] if single else Ensemble(posteriors), records))
    return fitted


def _posterior(weights: dict[str, torch.Tensor], scaling: Scaling, settings: NetworkSettings) -> Posterior:
    """From the weights of one network."""
    layers = range(len(settings.hidden) + 1)

    def of_all(name: str) -> tuple[torch.Tensor, ...]:
        return tuple(weights[f"{layer}.{name}"].cpu() for layer in layers)

    network = Mlps(
        weights=tuple(weight[None] for weight in of_all("weight")),
        biases=of_all("bias"),
        linear=weights["linear"].cpu().mT,
        intercept=weights["intercept"].cpu()[0],
        beta=settings.beta,
        link=settings.link,
        scaling=scaling,
    )
    if settings.posterior == "concrete":
        return ConcretePosterior(network, tuple(logits[0] for logits in of_all("logits")))
    if settings.posterior == "mean_field":
        sds = tuple(log_sd.exp() for log_sd in of_all("weight_log_sd"))
        return MeanFieldPosterior(network, sds, tuple(log_sd[0].exp() for log_sd in of_all("bias_log_sd")))
    return PointPosterior(network)

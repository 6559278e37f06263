"""Mutagenesis with batch normalisation left in training mode, a published defect.

Malina et al. 2022 never switched their networks to evaluation mode, so each sequence was
normalised by the statistics of its own mutants. Kept apart, to explain their numbers.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from seqaudit.models.device import borrowed
from seqaudit.models.predict import check_length
from seqaudit.probes.local_change import alternative_bases

_NORMALISATIONS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def has_batch_norm(model: nn.Module) -> bool:
    """Whether a network's predictions can depend on the rest of a batch."""
    return any(isinstance(module, _NORMALISATIONS) for module in model.modules())


@torch.no_grad()
def changes_in_own_batch(
    model: nn.Module, one_hot: torch.Tensor, *, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Predict the ``4 L`` copies of a sequence as one batch, normalised by its own statistics.

    Parameters
    ----------
    model : torch.nn.Module
        Left as it was, running statistics included; dropout and the like stay off.
    one_hot : tensor, shape (n, 4, L)
        Row ``position * 4 + base`` of a batch has that base at that position, so that L
        rows are unmutated; four at an N, which is left.
    device : torch.device

    Returns
    -------
    reference : tensor, shape (n, outputs)
        Predictions of the unmutated copies.
    changes : tensor, shape (n, L, 3, outputs)
        Of the mutants to the other bases, rising, against the unmutated copy; 0 at an N.
    """
    check_length(model, one_hot)
    length = one_hot.shape[2]
    bases, known = alternative_bases(one_hot), one_hot.sum(1) > 0
    references, changes = [], []
    with borrowed(model, device) as lent, _statistics_of_the_batch(lent):
        for sequence, others, letters in zip(one_hot, bases, known):
            position = torch.nonzero(letters)[:, 0].repeat_interleave(4)
            base = torch.arange(4).repeat(len(position) // 4)
            copies = sequence.repeat(length, 4, 1, 1)
            copies[position, base, :, position] = 0
            copies[position, base, base, position] = 1
            predictions = lent(copies.flatten(0, 1).to(device, torch.float32)).float().cpu()
            predictions = predictions.view(length, 4, -1)
            unmutated = predictions[0, sequence[:, 0].argmax()]
            mutants = predictions[torch.arange(length)[:, None], others]
            references.append(unmutated)
            changes.append((mutants - unmutated) * letters[:, None, None])
    return torch.stack(references), torch.stack(changes)


@contextmanager
def _statistics_of_the_batch(model: nn.Module) -> Iterator[None]:
    """Normalise by the batch at hand, without adding it to the running statistics."""
    layers = [module for module in model.modules() if isinstance(module, _NORMALISATIONS)]
    tracked = [layer.track_running_stats for layer in layers]
    try:
        for layer in layers:
            layer.train()
            layer.track_running_stats = False
        yield
    finally:
        for layer, before in zip(layers, tracked):
            layer.track_running_stats = before

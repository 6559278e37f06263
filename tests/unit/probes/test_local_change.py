"""Random networks of every kind: local changes equal full passes of all mutants in float64."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from seqaudit.models.stages import ConvolutionStage, DenseStage, Stages
from seqaudit.probes import local_change

ACTIVATIONS = [nn.ReLU(), torch.relu, nn.Softplus(), nn.Tanh(), nn.Identity()]


def draw(rng):
    """A random network that leaves at least one position, and a sequence length for it."""
    length = positions = int(rng.integers(8, 45))
    channels, convolutions = 4, []
    for _ in range(rng.integers(1, 4)):
        width, dilation = int(rng.integers(1, 7)), int(rng.choice([1, 1, 2, 5]))
        reach, pool = (width - 1) * dilation, int(rng.choice([1, 1, 2, 3]))
        padding = [(0, 0), (reach // 2, reach - reach // 2), (reach // 3, reach // 2)][rng.integers(3)]
        residual = bool(convolutions) and rng.random() < 0.5
        filters = channels if residual else int(rng.integers(2, 12))
        after = (positions + sum(padding) - reach) // pool
        if after < 1:
            return draw(rng)
        kernel = torch.from_numpy(rng.normal(size=(filters, channels, width)) / np.sqrt(channels * width))
        bias = None if rng.random() < 0.3 else torch.from_numpy(rng.normal(size=filters))
        activation = ACTIVATIONS[rng.integers(len(ACTIVATIONS))]
        convolutions.append(ConvolutionStage(kernel, bias, activation, dilation, padding, pool, residual))
        channels, positions = filters, after
    crop = (positions // 4, positions // 5)
    pooling = str(rng.choice(["average", "max", "flatten"]))
    features = channels * (positions - sum(crop) if pooling == "flatten" else 1)
    hidden = DenseStage(torch.from_numpy(rng.normal(size=(5, features))), None, nn.Tanh())
    last = DenseStage(torch.from_numpy(rng.normal(size=(2, 5))), torch.from_numpy(rng.normal(size=2)))
    return Stages(tuple(convolutions), pooling, (hidden, last), crop), length


def forward(stages, one_hot):
    """What ``Stages`` promise, written down once more, in the type of the weights."""
    hidden = one_hot
    for stage in stages.convolutions:
        result = stage.activation(
            functional.conv1d(
                functional.pad(hidden, stage.padding), stage.kernel, stage.bias, dilation=stage.dilation
            )
        )
        if stage.residual:
            shift = (stage.kernel.shape[2] - 1) * stage.dilation // 2 - stage.padding[0]
            result = result + hidden[:, :, shift : shift + result.shape[2]]
        hidden = functional.max_pool1d(result, stage.pool)
    hidden = hidden[:, :, stages.crop[0] : hidden.shape[2] - stages.crop[1]]
    pooled = {"average": hidden.mean(2), "max": hidden.amax(2), "flatten": hidden.flatten(1)}[stages.pooling]
    for dense in stages.dense:
        pooled = functional.linear(pooled, dense.weight, dense.bias)
        pooled = pooled if dense.activation is None else dense.activation(pooled)
    return pooled


@pytest.mark.parametrize("seed", range(50))
def test_random_networks(seed, monkeypatch):
    rng = np.random.default_rng(seed)
    stages, length = draw(rng)
    monkeypatch.setitem(local_change.VALUES_PER_PASS, "cpu", int(rng.choice([1, 5_000, 800_000])))
    monkeypatch.setattr(local_change, "SHARING_POSITIONS", int(rng.choice([1, 3, 8])))
    one_hot = torch.eye(4, dtype=torch.float64)[rng.integers(4, size=(2, length))].transpose(1, 2)

    reference = forward(stages, one_hot)
    order = torch.arange(3)
    alternatives = order + (order >= one_hot.argmax(1)[:, :, None])
    mutants = one_hot[:, None, None].repeat(1, length, 3, 1, 1)
    for position in range(length):
        mutants[:, position, :, :, position] = functional.one_hot(alternatives[:, position], 4).double()
    expected = forward(stages, mutants.flatten(0, 2)).view(2, length, 3, 2) - reference[:, None, None]

    network = local_change.LocalNetwork(stages, length=length, device=torch.device("cpu"))
    found, changes = network.changes(one_hot)
    np.testing.assert_allclose(found, reference, rtol=1e-5, atol=1e-5)
    scale = max(float(expected.abs().max()), 0.01)
    np.testing.assert_allclose(changes, expected, rtol=0, atol=3e-5 * scale)

"""Small networks whose attributions are known, or cheap to ask."""

import numpy as np
import torch
from torch import nn

LENGTH = 24


def sequences(n, seed=1, length=LENGTH):
    letters = np.random.default_rng(seed).integers(4, size=(n, length))
    return np.eye(4, dtype=np.int8)[letters].transpose(0, 2, 1).copy()


class Linear(nn.Module):
    """Several outputs, each a weighted sum of the input plus a constant."""

    def __init__(self, outputs=1, seed=0):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.weight = nn.Parameter(torch.randn(outputs, 4, LENGTH, generator=generator))

    def forward(self, one_hot):
        return torch.einsum("ocl,ncl->no", self.weight, one_hot) + 3


def smooth_network(outputs=1, seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv1d(4, 6, 5), nn.Tanh(), nn.Conv1d(6, 5, 3), nn.Softplus(), nn.Flatten(), nn.Linear(90, outputs)
    )


def relu_network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv1d(4, 8, 5), nn.ReLU(), nn.Flatten(), nn.Linear(160, 10), nn.ReLU(), nn.Linear(10, 1)
    )


def centred(maps):
    return maps - maps.mean(axis=-2, keepdims=True)

"""A small convolutional network on images of two digits, whose nodes are to be understood."""

import torch
from torch import nn

from seqaudit.data.digits import SIDE

FILTERS, WIDTH, POOL, UNITS = 8, 3, 2, 32
SHARPNESS = 10.0
"""Of the softplus, which stands for a ReLU that can be differentiated twice, as in the paper's code."""


class DigitNetwork(nn.Module):
    """Convolution, pooling, two dense layers; then a smooth part from the nodes to one logit.

    Parameters
    ----------
    nodes : int
        Units of the upper dense layer, those that are asked about.
    dropout : float
        Share of units dropped in training, below and above the nodes. Without it nodes share out
        what they say in ways that no single node's image shows.
    """

    def __init__(self, nodes: int, *, dropout: float):
        super().__init__()
        pooled = ((SIDE - WIDTH + 1) // POOL) * ((2 * SIDE - WIDTH + 1) // POOL)
        self.lower = nn.Sequential(
            nn.Conv2d(1, FILTERS, WIDTH),
            nn.ReLU(),
            nn.MaxPool2d(POOL),
            nn.Flatten(),
            nn.Linear(FILTERS * pooled, UNITS),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(UNITS, nodes),
            nn.Softplus(beta=SHARPNESS),
        )
        self.upper = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(nodes, UNITS),
            nn.Softplus(beta=SHARPNESS),
            nn.Linear(UNITS, 1),
        )

    def activations(self, images: torch.Tensor) -> torch.Tensor:
        """Nodes (n, nodes) of images (n, 8, 16)."""
        return self.lower(images[:, None])

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Log odds (n,) of the positive pair."""
        return self.upper(self.activations(images))[:, 0]

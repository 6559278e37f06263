"""Concrete dropout per node: the posterior of a network that learns which nodes to trust.

Every linear layer, the one from the features included, has one learned drop probability
per input node (Cui et al. 2020, section 3.1, after Gal et al. 2017). A posterior sample
is one mask per layer that holds for all points.
"""

from dataclasses import dataclass

import torch

from seqaudit.models.mlp import Mlps

TEMPERATURE = 0.1
"""Of the relaxed Bernoulli masks (section 5.1)."""
INITIAL_DROPOUT = 0.1
"""Drop probability that every node starts with."""
NOISE_EPSILON = 1e-7
"""Uniform noise is kept so far from 0 and 1."""


def keep_masks(logits: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Relaxed masks: near 1 where a node is kept, near 0 where it is dropped.

    Parameters
    ----------
    logits : tensor
        Log odds of dropping.
    noise : tensor, broadcastable
        Log odds of uniform random numbers.
    """
    return torch.sigmoid((logits + noise) * (-1 / TEMPERATURE))


@dataclass(frozen=True)
class ConcretePosterior:
    """A trained network and the drop probabilities of its nodes.

    Attributes
    ----------
    network : Mlps
        One network (K = 1): weights without masks.
    logits : tuple of tensor, shape (in,)
        Log odds of dropping the input nodes of each layer, in the order of layers.
    """

    network: Mlps
    logits: tuple[torch.Tensor, ...]

    @property
    def drop_probabilities(self) -> list[torch.Tensor]:
        """Learned drop probability of every node by layer; those of features come first."""
        return [torch.sigmoid(logits) for logits in self.logits]

    def mean(self) -> Mlps:
        """The network in evaluation mode: no masks and no rescaling."""
        return self.network

    def sample(self, samples: int, *, seed: int) -> Mlps:
        """Networks with fixed masks, multiplied into their weights.

        Parameters
        ----------
        samples : int
            Number K of networks.
        seed : int
        """
        generator = torch.Generator().manual_seed(seed)
        folded = []
        for weight, logits in zip(self.network.weights, self.logits):
            uniform = torch.rand(samples, len(logits), generator=generator, dtype=torch.float64)
            masks = keep_masks(logits.cpu(), torch.logit(uniform, NOISE_EPSILON)) * (1 + logits.cpu().exp())
            folded.append(weight * masks.to(weight)[:, None, :])
        network = self.network
        return Mlps(
            tuple(folded),
            tuple(bias.expand(samples, -1) for bias in network.biases),
            network.linear.expand(samples, -1),
            network.intercept.expand(samples),
            network.beta,
            network.link,
            network.scaling,
        )

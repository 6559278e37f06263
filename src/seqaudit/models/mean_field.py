"""A Gaussian over every weight, independent of all others (Cui et al. 2020, appendix 4)."""

from dataclasses import dataclass, replace

import torch

from seqaudit.models.mlp import Mlps


@dataclass(frozen=True)
class MeanFieldPosterior:
    """Means and standard deviations of a network's weights.

    Attributes
    ----------
    network : Mlps
        One network (K = 1): the means. Its linear part has no spread.
    weight_sds, bias_sds : tuple of tensor, shapes (out, in) and (out,)
        In the order of layers.
    """

    network: Mlps
    weight_sds: tuple[torch.Tensor, ...]
    bias_sds: tuple[torch.Tensor, ...]

    def mean(self) -> Mlps:
        """The network of mean weights."""
        return self.network

    def sample(self, samples: int, *, seed: int) -> Mlps:
        """Networks drawn from the posterior.

        Parameters
        ----------
        samples : int
            Number K of networks.
        seed : int
        """
        generator = torch.Generator().manual_seed(seed)

        def draw(mean: torch.Tensor, sd: torch.Tensor) -> torch.Tensor:
            noise = torch.randn(samples, *sd.shape, generator=generator, dtype=torch.float64)
            return mean + sd * noise.to(mean)

        network = self.network
        weights, biases = [], []
        for mean, sd, bias, bias_sd in zip(network.weights, self.weight_sds, network.biases, self.bias_sds):
            weights.append(draw(mean, sd))
            biases.append(draw(bias, bias_sd))
        return replace(
            network,
            weights=tuple(weights),
            biases=tuple(biases),
            linear=network.linear.expand(samples, -1),
            intercept=network.intercept.expand(samples),
        )

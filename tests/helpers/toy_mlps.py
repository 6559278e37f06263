"""Random softplus networks with every kind of scaling and link, for tests of their derivatives."""

from itertools import pairwise

import numpy as np
import torch

from seqaudit.models.mlp import Mlps, Scaling


def random_mlps(sizes, *, samples=3, link="identity", beta=10.0, seed=0, dtype=torch.float64):
    """Networks of the given units per layer, from the features to the one output."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

    rng = np.random.default_rng(0)  # networks of all seeds share a scaling
    pairs = list(pairwise(sizes))
    return Mlps(
        weights=tuple(normal(samples, after, before) / before**0.5 for before, after in pairs),
        biases=tuple(0.3 * normal(samples, after) for _, after in pairs),
        linear=normal(samples, sizes[0]),
        intercept=normal(samples),
        beta=beta,
        link=link,
        scaling=Scaling(
            rng.normal(size=sizes[0]),
            rng.uniform(0.5, 2, size=sizes[0]),
            0.0 if link == "softplus" else 0.7,
            2.5,
        ),
    )


class Opaque:
    """The same draws without their inside: makes probes take the way of any function."""

    def __init__(self, draws):
        self.parameters, self.function = draws.parameters, draws.function

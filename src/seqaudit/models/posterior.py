"""What every posterior over networks can do, and the ensemble, which needs nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import nn
from torch.func import functional_call, stack_module_state

from seqaudit.errors import SeqauditError
from seqaudit.models.mlp import Mlps, stacked


class Draws(Protocol):
    """K functions of the features that differ in their parameters only.

    What derivatives are asked of. :class:`~seqaudit.models.mlp.Mlps` is one, with a
    faster way to its derivatives; any other network can be made one.
    """

    parameters: dict[str, torch.Tensor]
    """Tensors with the sample as first axis."""

    def function(self, parameters: dict[str, torch.Tensor], points: torch.Tensor) -> torch.Tensor:
        """From parameters of one sample and points (..., D) to means (...), twice differentiable."""
        ...


class ModuleDraws:
    """Networks of any kind, all of the same shape, as draws.

    Parameters
    ----------
    modules : sequence of torch.nn.Module
        From points (..., D) to (...) or (..., 1). Trained, in evaluation mode; activations must have
        a second derivative: that of ReLU is 0 almost everywhere.
    """

    def __init__(self, modules: Sequence[nn.Module]):
        if not modules:
            raise SeqauditError("modules: got none, expected one or more networks.")
        self._module = modules[0]
        parameters, buffers = stack_module_state(list(modules))
        self.parameters = {name: tensor.detach() for name, tensor in {**parameters, **buffers}.items()}

    def function(self, parameters: dict[str, torch.Tensor], points: torch.Tensor) -> torch.Tensor:
        """See :class:`Draws`."""
        outputs = functional_call(self._module, parameters, points)
        return outputs[..., 0] if outputs.ndim == points.ndim else outputs


class Posterior(Protocol):
    """A distribution over networks."""

    def mean(self) -> Mlps:
        """One network in the middle (K = 1); for an ensemble all members, to be averaged."""
        ...

    def sample(self, samples: int, *, seed: int) -> Mlps:
        """K networks."""
        ...


@dataclass(frozen=True)
class Ensemble:
    """Independently trained members, each one posterior, as one posterior.

    Attributes
    ----------
    members : tuple of Posterior
        Plain networks (:class:`PointPosterior`) for the usual deep ensemble, or concrete
        dropout networks for a mixture.
    """

    members: tuple[Posterior, ...]

    def __post_init__(self):
        if not self.members:
            raise SeqauditError("members: got none, expected one or more trained networks.")

    def mean(self) -> Mlps:
        """All members' mean networks; the ensemble's prediction is their average."""
        return stacked([member.mean() for member in self.members])

    def sample(self, samples: int, *, seed: int) -> Mlps:
        """Networks from the members in turn, as evenly as possible."""
        shares = np.bincount(np.arange(samples) % len(self.members), minlength=len(self.members))
        seeds = np.random.SeedSequence(seed).generate_state(len(self.members))
        return stacked(
            [
                member.sample(int(share), seed=int(own))
                for member, share, own in zip(self.members, shares, seeds)
                if share
            ]
        )


@dataclass(frozen=True)
class PointPosterior:
    """One trained network without any uncertainty: a member of a deep ensemble."""

    network: Mlps

    def mean(self) -> Mlps:
        """The network."""
        return self.network

    def sample(self, samples: int, *, seed: int) -> Mlps:
        """The same network ``samples`` times."""
        return stacked([self.network] * samples)

"""Several networks of one shape on the same features, trained in step: values, losses and Adam."""

import math
from itertools import pairwise
from typing import NamedTuple

import torch
from torch.nn import functional

from seqaudit.training.bayesian_layers import LAYERS, Noise

LOWEST_OUTPUT = -30.0
"""Where the mean of counts, softplus of the output, stops falling: its logarithm must stay finite."""
EVALUATION_VALUES = 500_000
"""Values of the widest layer per pass over validation data."""


class Form(NamedTuple):
    """What all networks of a pack have in common."""

    features: int
    hidden: tuple[int, ...]
    posterior: str
    beta: float
    counts: bool
    """Whether the loss is the Poisson deviance of softplus outputs, not the squared error."""


class Pack:
    """B networks: linear part plus softplus layers, one vector of parameters.

    Parameters
    ----------
    form : Form
    seeds : list of int
        Of the initial weights, one per network.
    noise : Noise
    device : torch.device
    dtype : torch.dtype
    """

    def __init__(
        self,
        form: Form,
        *,
        seeds: list[int],
        noise: Noise,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ):
        self.form, self.noise = form, noise
        self.layer_class = LAYERS[form.posterior]
        sizes = [form.features, *form.hidden, 1]
        # main effects start at zero, as in a linear regression that has not begun
        self.shapes = {"linear": (form.features, 1), "intercept": (1, 1)}
        for index, (inputs, outputs) in enumerate(pairwise(sizes)):
            for name, shape in self.layer_class.shapes(inputs, outputs).items():
                self.shapes[f"{index}.{name}"] = shape
        self._allocate(torch.zeros(4, len(seeds) * self._size(), device=device, dtype=dtype), len(seeds))
        self.count = 0
        for member, seed in enumerate(seeds):
            generator = torch.Generator().manual_seed(seed)
            for layer in self._layers_of(slice(member, member + 1)):
                layer.initialise(generator)

    def __len__(self) -> int:
        return self.members

    def keep(self, members: torch.Tensor) -> None:
        """Go on with these networks only: a truth value (B,) for each."""
        kept = torch.cat(
            [part.view(4, self.members, -1)[:, members].flatten(1) for part in self._segments(self._state)], 1
        )
        self._allocate(kept, int(members.sum()))

    def weights(self) -> dict[str, torch.Tensor]:
        """Copy of all parameters, by name, network first."""
        return {name: value.clone() for name, value in self.values.items()}

    def step(
        self,
        inputs: torch.Tensor,
        targets: torch.Tensor,
        *,
        learning_rate: float,
        wr: torch.Tensor,
        dr: torch.Tensor,
    ) -> torch.Tensor:
        """Take one step; return the loss of each network, summed over rows, before it.

        Parameters
        ----------
        inputs : tensor, shape (m, D)
        targets : tensor, shape (B, m)
        learning_rate : float
        wr, dr : tensor, shape (B, 1, 1)
            Weights of the penalty, see ``bayesian_layers``.
        """
        losses = self.gradient(inputs, targets, wr=wr, dr=dr)
        self._move(learning_rate)
        return losses

    def gradient(
        self, inputs: torch.Tensor, targets: torch.Tensor, *, wr: torch.Tensor, dr: torch.Tensor
    ) -> torch.Tensor:
        """Set the gradients of mean loss plus penalty; return summed losses (B,)."""
        points = inputs.expand(self.members, *inputs.shape)
        slopes, hidden = [], points
        for index, layer in enumerate(self.layers):
            if index:
                slopes.append(torch.sigmoid(hidden * self.form.beta))
                hidden = functional.softplus(hidden, beta=self.form.beta)
            hidden = layer.forward(hidden)
        outputs = self._with_linear(hidden, points)
        losses, by_outputs = self._loss(outputs, targets[..., None])
        by_outputs.div_(len(inputs))
        torch.bmm(points.mT, by_outputs, out=self.gradients["linear"])
        torch.sum(by_outputs, 1, keepdim=True, out=self.gradients["intercept"])
        gradient = by_outputs
        for layer in reversed(self.layers):
            gradient = layer.backward(gradient)
            if slopes:
                gradient.mul_(slopes.pop())
            layer.add_penalty(wr, dr)
        return losses.sum((1, 2))

    def losses(self, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Mean loss (B,) of the networks without noise."""
        total = torch.zeros(self.members, device=inputs.device, dtype=torch.float64)
        width = max(self.form.features, *self.form.hidden)
        rows = max(1, EVALUATION_VALUES // (self.members * width))
        for some, wanted in zip(inputs.split(rows), targets.split(rows, 1)):
            points = some.expand(self.members, *some.shape)
            hidden = points
            for index, layer in enumerate(self.layers):
                if index:
                    hidden = functional.softplus(hidden, beta=self.form.beta)
                hidden = layer.evaluate(hidden)
            total += self._loss(self._with_linear(hidden, points), wanted[..., None])[0].sum((1, 2))
        return total / len(inputs)

    def _with_linear(self, hidden: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
        main = torch.baddbmm(self.values["intercept"], points, self.values["linear"])
        return hidden + main

    def _loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Loss of every row and its derivative by the output."""
        if not self.form.counts:
            residuals = outputs - targets
            return residuals.square(), 2 * residuals
        outputs = outputs.clamp(min=LOWEST_OUTPUT)
        means = functional.softplus(outputs)
        deviance = 2 * (means - targets - torch.special.xlogy(targets, means / targets.clamp(min=1e-30)))
        return deviance, 2 * (1 - targets / means) * torch.sigmoid(outputs)

    def _move(self, learning_rate: float) -> None:
        """Adam as in torch: epsilon after the correction for the first steps."""
        value, gradient, first, second = self._state
        self.count += 1
        first.lerp_(gradient, 0.1)
        second.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
        correction = math.sqrt(1 - 0.999**self.count)
        denominator = second.sqrt().add_(1e-8 * correction)
        value.addcdiv_(first, denominator, value=-learning_rate * correction / (1 - 0.9**self.count))

    def _size(self) -> int:
        return sum(rows * columns for rows, columns in self.shapes.values())

    def _segments(self, flat: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Per parameter, the part of all networks."""
        return flat.split([self.members * rows * columns for rows, columns in self.shapes.values()], -1)

    def _allocate(self, state: torch.Tensor, members: int) -> None:
        self._state, self.members = state, members
        self.values, self.gradients = (
            {
                name: part.view(members, *shape)
                for (name, shape), part in zip(self.shapes.items(), self._segments(flat))
            }
            for flat in state[:2]
        )
        self.layers = self._layers_of(slice(None))

    def _layers_of(self, members: slice) -> list:
        layers = []
        for index in range(len(self.form.hidden) + 1):
            mine = [name for name in self.shapes if name.startswith(f"{index}.")]
            values, gradients = (
                {name.split(".")[1]: named[name][members] for name in mine}
                for named in (self.values, self.gradients)
            )
            layers.append(self.layer_class(values, gradients, self.noise))
        return layers

"""One optimiser step after another: how a network's weights move, and nothing else."""

import torch

from seqaudit.models.cnn import Cnn

ADAM_BETAS = (0.9, 0.999)
ADAM_EPSILON = 1e-7
"""Keras' default; torch's is 1e-8."""


class AutogradSteps:
    """Adam on mean squared error plus an L1 penalty, by autograd, for every network.

    Parameters
    ----------
    model : Cnn
        On its device; trained in place.
    l1 : float
        Weight of the sum of absolute values of ``model.penalised_kernels()``.
    learning_rate : float
    """

    def __init__(self, model: Cnn, *, l1: float, learning_rate: float):
        self.model, self.l1 = model, l1
        self._kernels = model.penalised_kernels()
        self._parameters = list(model.parameters())
        self._adam = torch.optim.Adam(
            self._parameters, lr=learning_rate, betas=ADAM_BETAS, eps=ADAM_EPSILON, fused=True
        )

    def step(self, one_hot: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Take one step on a batch; return its squared error, summed, before the step."""
        self.model.train()
        for parameter in self._parameters:
            parameter.grad = None
        residual = self.model(one_hot.float()) - target
        squared_error = residual.square().sum()
        (squared_error / residual.numel()).backward()
        if self.l1:
            signs = torch._foreach_sign([kernel.detach() for kernel in self._kernels])
            torch._foreach_add_([kernel.grad for kernel in self._kernels], signs, alpha=self.l1)
        self._adam.step()
        return squared_error.detach()

    @torch.no_grad()
    def penalty(self) -> torch.Tensor:
        """L1 penalty of the present weights."""
        return self.l1 * sum(kernel.abs().sum() for kernel in self._kernels)

    @torch.no_grad()
    def squared_error(self, one_hot: torch.Tensor, target: torch.Tensor, *, batch_size: int) -> float:
        """Squared error summed over sequences and outputs, in evaluation mode."""
        self.model.eval()
        total = torch.zeros((), dtype=torch.float64, device=target.device)
        for batch, wanted in zip(one_hot.split(batch_size), target.split(batch_size)):
            total += (self.model(batch.float()) - wanted).square().sum()
        return float(total)

    def weights(self) -> dict[str, torch.Tensor]:
        """Copy of everything that a trained model consists of."""
        return {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()}

    def load_weights(self, weights: dict[str, torch.Tensor]) -> None:
        self.model.load_state_dict(weights)

    def moments(self) -> dict[str, torch.Tensor]:
        """Adam's state: first and second moment and step count of every parameter."""
        return {
            f"{index}.{name}": value.detach().clone()
            for index, state in self._adam.state_dict()["state"].items()
            for name, value in state.items()
        }

    def load_moments(self, moments: dict[str, torch.Tensor]) -> None:
        described = self._adam.state_dict()
        for key, value in moments.items():
            index, name = key.split(".")
            described["state"].setdefault(int(index), {})[name] = value
        self._adam.load_state_dict(described)

"""One optimiser step after another: how a network's weights move, and nothing else."""

import torch

from seqaudit.models.cnn import Cnn

ADAM_BETAS = (0.9, 0.999)
ADAM_EPSILON = 1e-7
"""Keras' default; torch's is 1e-8."""
VALIDATION_BATCH = 200
"""Sequences per pass over validation data; no more, for the cache's sake."""


class Steps:
    """What the training loop needs of a network in training. Data come from ``prepare``."""

    def __init__(self, parameters: list[torch.nn.Parameter], *, learning_rate: float):
        self._adam = torch.optim.Adam(
            parameters, lr=learning_rate, betas=ADAM_BETAS, eps=ADAM_EPSILON, fused=True
        )

    def prepare(self, one_hot: torch.Tensor) -> torch.Tensor:
        """Sequences, int8 (n, 4, L), in the layout that the other methods take."""
        raise NotImplementedError

    def step(self, one_hot: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Take one step on a batch; return its squared error, summed, before the step."""
        raise NotImplementedError

    def penalty(self) -> torch.Tensor:
        """L1 penalty of the present weights."""
        raise NotImplementedError

    def squared_error(self, one_hot: torch.Tensor, target: torch.Tensor) -> float:
        """Squared error summed over sequences and outputs, in evaluation mode."""
        raise NotImplementedError

    def weights(self) -> dict[str, torch.Tensor]:
        """Copy of everything that a trained model consists of, by its names in the model."""
        raise NotImplementedError

    def load_weights(self, weights: dict[str, torch.Tensor]) -> None:
        """Set network and model to such a copy."""
        raise NotImplementedError

    def moments(self) -> dict[str, torch.Tensor]:
        """Copy of Adam's state: first and second moment and step count of every parameter."""
        return {
            f"{index}.{name}": value.detach().clone()
            for index, state in self._adam.state_dict()["state"].items()
            for name, value in state.items()
        }

    def load_moments(self, moments: dict[str, torch.Tensor]) -> None:
        """Set Adam to such a copy."""
        described = self._adam.state_dict()
        for key, value in moments.items():
            index, name = key.split(".")
            described["state"].setdefault(int(index), {})[name] = value
        self._adam.load_state_dict(described)


class AutogradSteps(Steps):
    """Adam on mean squared error plus an L1 penalty: plain torch, any device, any network.

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
        super().__init__(self._parameters, learning_rate=learning_rate)

    def prepare(self, one_hot: torch.Tensor) -> torch.Tensor:
        return one_hot

    def step(self, one_hot: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
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
        return self.l1 * sum(kernel.abs().sum() for kernel in self._kernels)

    @torch.no_grad()
    def squared_error(self, one_hot: torch.Tensor, target: torch.Tensor) -> float:
        self.model.eval()
        total = torch.zeros((), dtype=torch.float64, device=target.device)
        for batch, wanted in zip(one_hot.split(VALIDATION_BATCH), target.split(VALIDATION_BATCH)):
            total += (self.model(batch.float()) - wanted).square().sum()
        return float(total)

    def weights(self) -> dict[str, torch.Tensor]:
        return {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()}

    def load_weights(self, weights: dict[str, torch.Tensor]) -> None:
        self.model.load_state_dict(weights)

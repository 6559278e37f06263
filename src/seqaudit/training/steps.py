"""One optimiser step after another: how a network's weights move, and nothing else."""

import math

import torch

from seqaudit.models.cnn import Cnn

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7
"""Adam's constants in Keras."""
VALIDATION_BATCH = 200
"""Sequences per pass over validation data; no more, for the cache's sake."""


class Steps:
    """Adam on mean squared error plus an L1 penalty, over all weights as one vector.

    Subclasses say how predictions and gradients come about; the training loop uses the
    methods without underscore. Adam is that of Keras, which adds epsilon to the root of
    the second moment before bias correction (torch adds it after).

    Parameters
    ----------
    size : int
        Number of weights.
    device : torch.device
    learning_rate : float
    """

    def __init__(self, size: int, *, device: torch.device | str, learning_rate: float):
        self.learning_rate = learning_rate
        self._flat, self._gradient, self._l1, self._first, self._second = torch.zeros(5, size, device=device)
        self._count = 0

    def prepare(self, one_hot: torch.Tensor) -> torch.Tensor:
        """Sequences, int8 (n, 4, L), in the layout that the other methods take."""
        raise NotImplementedError

    def step(self, one_hot: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Take one step on a batch; return its squared error, summed, before the step."""
        raise NotImplementedError

    def squared_error(self, one_hot: torch.Tensor, target: torch.Tensor) -> float:
        """Squared error summed over sequences and outputs, in evaluation mode."""
        total = torch.zeros((), dtype=torch.float64, device=target.device)
        with torch.no_grad():
            for batch, wanted in zip(one_hot.split(VALIDATION_BATCH), target.split(VALIDATION_BATCH)):
                total += (self._predict(batch, training=False) - wanted).square().sum()
        return float(total)

    def weights(self) -> dict[str, torch.Tensor]:
        """Copy of everything that a trained model consists of, by its names in the model."""
        raise NotImplementedError

    def load_weights(self, weights: dict[str, torch.Tensor]) -> None:
        """Set network and model to such a copy."""
        raise NotImplementedError

    def penalty(self) -> torch.Tensor:
        """L1 penalty of the present weights."""
        return torch.dot(self._flat.abs(), self._l1)

    def moments(self) -> dict[str, torch.Tensor]:
        """Copy of Adam's state."""
        return {
            "first": self._first.clone(),
            "second": self._second.clone(),
            "count": torch.tensor(self._count),
        }

    def load_moments(self, moments: dict[str, torch.Tensor]) -> None:
        """Set Adam to such a copy."""
        self._first.copy_(moments["first"])
        self._second.copy_(moments["second"])
        self._count = int(moments["count"])

    def _predict(self, one_hot: torch.Tensor, *, training: bool) -> torch.Tensor:
        raise NotImplementedError

    @torch.no_grad()
    def _move(self) -> None:
        """Add the penalty to the gradient of the squared error and take Adam's step."""
        self._gradient.addcmul_(self._l1, self._flat.sign())
        self._count += 1
        self._first.lerp_(self._gradient, 1 - BETA_1)
        self._second.mul_(BETA_2).addcmul_(self._gradient, self._gradient, value=1 - BETA_2)
        # bias correction in double precision: in single it costs a digit in the first steps
        correction = math.sqrt(1 - BETA_2**self._count) / (1 - BETA_1**self._count)
        denominator = self._second.sqrt().add_(EPSILON)
        self._flat.addcdiv_(self._first, denominator, value=-self.learning_rate * correction)


class AutogradSteps(Steps):
    """Steps by autograd on the model itself: plain torch, any device, any network.

    Parameters
    ----------
    model : Cnn
        On its device; trained in place. Its parameters become views of one vector.
    l1 : float
        Weight of the sum of absolute values of ``model.penalised_kernels()``.
    learning_rate : float
    """

    def __init__(self, model: Cnn, *, l1: float, learning_rate: float):
        self.model = model
        parameters = list(model.parameters())
        sizes = [parameter.numel() for parameter in parameters]
        super().__init__(sum(sizes), device=parameters[0].device, learning_rate=learning_rate)
        penalised = {id(kernel) for kernel in model.penalised_kernels()} if l1 else set()
        pieces = (vector.split(sizes) for vector in (self._flat, self._gradient, self._l1))
        for parameter, weights, gradient, penalty in zip(parameters, *pieces):
            weights.copy_(parameter.detach().view(-1))
            parameter.data = weights.view_as(parameter)
            parameter.grad = gradient.view_as(parameter)
            penalty.fill_(l1 if id(parameter) in penalised else 0)

    def prepare(self, one_hot: torch.Tensor) -> torch.Tensor:
        return one_hot

    def step(self, one_hot: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        self._gradient.zero_()  # the backward pass adds to it, through the parameters' views
        residual = self._predict(one_hot, training=True) - target
        squared_error = residual.square().sum()
        (squared_error / residual.numel()).backward()
        self._move()
        return squared_error.detach()

    def weights(self) -> dict[str, torch.Tensor]:
        return {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()}

    def load_weights(self, weights: dict[str, torch.Tensor]) -> None:
        self.model.load_state_dict(weights)

    def _predict(self, one_hot: torch.Tensor, *, training: bool) -> torch.Tensor:
        return self.model.train(training)(one_hot.float())

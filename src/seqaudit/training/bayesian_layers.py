"""Linear layers of B networks at once, with random masks or weights and gradients written by hand.

All tensors have the network as first axis, so that many small networks (the refits of a
null distribution) cost hardly more steps than one. Gradients by hand take about two
thirds of the time of autograd, because masks and activations are reused in place.

Objectives are per network: mean loss + c (wr Q + dr E), where for concrete dropout
Q = sum |W_k|^2 / (1 - p_k) + |b|^2 and E is minus the entropy of the masks (Cui et al.
2020, section 3.1), and for Gaussians wr Q + dr E is 2/(N tau) times the Kullback-Leibler
distance from the prior. wr = l^2 / (N tau), dr = 2 / (N tau) throughout.
"""

import math

import numpy as np
import torch

from seqaudit.models.concrete import INITIAL_DROPOUT, NOISE_EPSILON, TEMPERATURE, keep_masks

INITIAL_SD = 0.01
"""Standard deviation that Gaussian weights start with."""


class Noise:
    """Random numbers for masks and weights; on the CPU from numpy, which is twice as fast as torch.

    Parameters
    ----------
    seed : int
    device : torch.device
    """

    def __init__(self, seed: int, device: torch.device):
        self.device = device
        self._numpy = np.random.Generator(np.random.SFC64(seed))
        self._torch = torch.Generator(device).manual_seed(seed)

    def logistic(self, like: torch.Tensor) -> torch.Tensor:
        """Log odds of uniform numbers."""
        if self.device.type != "cpu" or like.dtype != torch.float32:
            uniform = torch.rand(like.shape, generator=self._torch, device=self.device, dtype=like.dtype)
        else:
            uniform = torch.from_numpy(self._numpy.random(tuple(like.shape), dtype=np.float32))
        return uniform.logit_(NOISE_EPSILON)

    def normal(self, like: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
        """Standard normal numbers."""
        return torch.randn(shape, generator=self._torch, device=self.device, dtype=like.dtype)

    def permutation(self, n: int) -> torch.Tensor:
        """The rows of an epoch in random order."""
        return torch.from_numpy(self._numpy.permutation(n)).to(self.device)


class PlainLayer:
    """A layer without noise: weight decay only.

    Parameters
    ----------
    values, gradients : dict of tensor
        Views of the parameters ``weight`` (B, out, in), ``bias`` (B, 1, out) and, in
        subclasses, others, and of where their gradients belong.
    noise : Noise
    """

    def __init__(self, values: dict[str, torch.Tensor], gradients: dict[str, torch.Tensor], noise: Noise):
        self.values, self.gradients, self.noise = values, gradients, noise

    @classmethod
    def shapes(cls, inputs: int, outputs: int) -> dict[str, tuple[int, int]]:
        """Shapes of the parameters of one network."""
        return {"weight": (outputs, inputs), "bias": (1, outputs)}

    def initialise(self, generator: torch.Generator) -> None:
        """Weights and biases uniform within 1 / sqrt(inputs), the default of torch."""
        bound = 1 / math.sqrt(self.values["weight"].shape[2])
        for name in ("weight", "bias"):
            value = self.values[name]
            value.copy_(torch.rand(value.shape, generator=generator) * (2 * bound) - bound)

    def evaluate(self, inputs: torch.Tensor) -> torch.Tensor:
        """Outputs (B, m, out) without noise."""
        return torch.baddbmm(self.values["bias"], inputs, self.values["weight"].mT)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Outputs with noise, the same shape; remembers what ``backward`` needs."""
        self._inputs = inputs
        return self.evaluate(inputs)

    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        """Set the parameters' gradients; return that by the inputs."""
        torch.bmm(gradient.mT, self._inputs, out=self.gradients["weight"])
        torch.sum(gradient, 1, keepdim=True, out=self.gradients["bias"])
        return torch.bmm(gradient, self.values["weight"])

    def add_penalty(self, wr: torch.Tensor, dr: torch.Tensor) -> None:
        """Add the gradient of the penalty, with weights (B, 1, 1)."""
        for name in ("weight", "bias"):
            self.gradients[name].addcmul_(self.values[name], 2 * wr)


class ConcreteLayer(PlainLayer):
    """A layer whose input nodes are dropped by relaxed masks, an independent one per row."""

    @classmethod
    def shapes(cls, inputs: int, outputs: int) -> dict[str, tuple[int, int]]:
        return {**super().shapes(inputs, outputs), "logits": (1, inputs)}

    def initialise(self, generator: torch.Generator) -> None:
        super().initialise(generator)
        self.values["logits"].fill_(math.log(INITIAL_DROPOUT / (1 - INITIAL_DROPOUT)))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        logits = self.values["logits"]
        self._keep = keep_masks(logits, self.noise.logistic(inputs))
        self._factor = self._keep * (1 + logits.exp())  # 1 / (1 - p)
        return super().forward(inputs * self._factor)

    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        through = super().backward(gradient)
        # masked inputs h z / (1-p): their logarithm changes by p - (1-z)/t per unit of the logit
        product = through * self._inputs
        drop = torch.sigmoid(self.values["logits"])
        by_logits = self.gradients["logits"]
        torch.sum(product, 1, keepdim=True, out=by_logits)
        by_logits.mul_(drop - 1 / TEMPERATURE)
        by_logits.add_(self._keep.mul_(product).sum(1, keepdim=True), alpha=1 / TEMPERATURE)
        return through.mul_(self._factor)

    def add_penalty(self, wr: torch.Tensor, dr: torch.Tensor) -> None:
        logits, weight = self.values["logits"], self.values["weight"]
        odds = logits.exp()
        drop = odds / (1 + odds)
        self.gradients["weight"].addcmul_(weight, 2 * wr * (1 + odds))
        self.gradients["bias"].addcmul_(self.values["bias"], 2 * wr)
        squares = weight.square().sum(1, keepdim=True)
        self.gradients["logits"] += wr * squares * odds + dr * logits * drop * (1 - drop)


class GaussianLayer(PlainLayer):
    """A layer with Gaussian weights and biases, sampled through its outputs, row by row.

    The outputs of random weights are Gaussian as well, and sampling them is cheaper and
    less noisy (the local reparameterisation of Kingma et al. 2015).
    """

    @classmethod
    def shapes(cls, inputs: int, outputs: int) -> dict[str, tuple[int, int]]:
        plain = super().shapes(inputs, outputs)
        return {**plain, "weight_log_sd": plain["weight"], "bias_log_sd": plain["bias"]}

    def initialise(self, generator: torch.Generator) -> None:
        super().initialise(generator)
        for name in ("weight_log_sd", "bias_log_sd"):
            self.values[name].fill_(math.log(INITIAL_SD))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        mean = super().forward(inputs)
        self._weight_variance = (2 * self.values["weight_log_sd"]).exp()
        self._bias_variance = (2 * self.values["bias_log_sd"]).exp()
        self._squares = inputs.square()
        self._sd = torch.baddbmm(self._bias_variance, self._squares, self._weight_variance.mT).sqrt_()
        self._draw = self.noise.normal(mean, tuple(mean.shape))
        return mean.addcmul_(self._sd, self._draw)

    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        # by the variance of the outputs, doubled: log sd enters as exp(2 log sd)
        doubled = self._draw.mul_(gradient).div_(self._sd)
        by_weight, by_bias = self.gradients["weight_log_sd"], self.gradients["bias_log_sd"]
        torch.bmm(doubled.mT, self._squares, out=by_weight)
        by_weight.mul_(self._weight_variance)
        torch.sum(doubled, 1, keepdim=True, out=by_bias)
        by_bias.mul_(self._bias_variance)
        spread = torch.bmm(doubled, self._weight_variance).mul_(self._inputs)
        return super().backward(gradient).add_(spread)

    def add_penalty(self, wr: torch.Tensor, dr: torch.Tensor) -> None:
        super().add_penalty(wr, dr)
        for name in ("weight_log_sd", "bias_log_sd"):
            self.gradients[name] += 2 * wr * (2 * self.values[name]).exp() - dr


LAYERS = {"concrete": ConcreteLayer, "mean_field": GaussianLayer, "ensemble": PlainLayer}
"""By the posterior that they train."""

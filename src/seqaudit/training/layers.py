"""Layers with hand-written gradients: autograd's arithmetic without its bookkeeping.

Each layer has ``forward(hidden, training)`` and ``backward(gradient)``, which takes the
gradient of the last result, keeps those of the layer's own weights and returns that of
its input. Convolutional layers see channels-last tensors ``(n, channels, 1, positions)``.
"""

import torch
from torch.nn import functional

from seqaudit.training.convolution import Parameters

_aten = torch.ops.aten


class Activation:
    """One of ``models.cnn.ACTIVATIONS``."""

    def __init__(self, name: str, function: torch.nn.Module):
        self.name, self.function = name, function

    def forward(self, hidden: torch.Tensor, training: bool) -> torch.Tensor:
        self.hidden, self.result = hidden, self.function(hidden)
        return self.result

    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        if self.name == "relu":
            return _aten.threshold_backward(gradient, self.result, 0)
        if self.name == "exponential":
            return gradient * self.result
        if self.name == "sigmoid":
            return _aten.sigmoid_backward(gradient, self.result)
        if self.name == "tanh":
            return _aten.tanh_backward(gradient, self.result)
        if self.name == "gelu":
            return _aten.gelu_backward(gradient, self.hidden)
        assert self.name == "softplus", self.name
        return _aten.softplus_backward(gradient, self.hidden, self.function.beta, self.function.threshold)


class Normalisation:
    """Batch normalisation over sequences and positions."""

    def __init__(self, parameters: Parameters, *, mean, variance, momentum: float, epsilon: float):
        self.parameters = parameters
        self.mean, self.variance = mean, variance
        self.momentum, self.epsilon = momentum, epsilon

    def forward(self, hidden: torch.Tensor, training: bool) -> torch.Tensor:
        self.hidden = hidden
        result, *self.batch_statistics = _aten.native_batch_norm(
            hidden,
            self.parameters.kernel,
            self.parameters.bias,
            self.mean,
            self.variance,
            training,
            self.momentum,
            self.epsilon,
        )
        return result

    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        of_hidden, of_scale, of_shift = _aten.native_batch_norm_backward(
            gradient,
            self.hidden,
            self.parameters.kernel,
            self.mean,
            self.variance,
            *self.batch_statistics,
            True,
            self.epsilon,
            [True, True, True],
        )
        self.parameters.kernel_gradient.copy_(of_scale)
        self.parameters.bias_gradient.copy_(of_shift)
        return of_hidden


class MaxPool:
    """Largest of every ``size`` positions."""

    def __init__(self, size: int):
        self.size = [1, size]

    def forward(self, hidden: torch.Tensor, training: bool) -> torch.Tensor:
        self.hidden = hidden
        result, self.where = _aten.max_pool2d_with_indices(hidden, self.size)
        return result

    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        return _aten.max_pool2d_with_indices_backward(
            gradient, self.hidden, self.size, self.size, [0, 0], [1, 1], False, self.where
        )


class Dropout:
    """Zeroes a share of the values while training and scales up the rest."""

    def __init__(self, share: float):
        self.share = share

    def forward(self, hidden: torch.Tensor, training: bool) -> torch.Tensor:
        if not training:
            return hidden
        result, self.kept = _aten.native_dropout(hidden, self.share, True)
        return result

    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        return gradient * self.kept / (1 - self.share)


class Pooling:
    """From positions to features: average, max or flatten (positions before channels)."""

    def __init__(self, kind: str):
        self.kind = kind

    def forward(self, hidden: torch.Tensor, training: bool) -> torch.Tensor:
        self.shape = hidden.shape
        if self.kind == "average":
            return hidden.sum((2, 3)) / self.shape[3]
        if self.kind == "max":
            largest, self.where = hidden.max(dim=3)
            return largest[:, :, 0]
        return hidden.permute(0, 2, 3, 1).reshape(self.shape[0], -1)

    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        n, channels, _, positions = self.shape
        if self.kind == "average":
            # expanded, not written out for every position
            return (gradient / positions)[:, :, None, None].expand(self.shape)
        if self.kind == "max":
            zeros = torch.zeros(self.shape).contiguous(memory_format=torch.channels_last)
            return zeros.scatter_(3, self.where[..., None], gradient[:, :, None, None])
        return gradient.view(n, 1, positions, channels).permute(0, 3, 1, 2)


class Dense:
    """Linear map of features, with or without ReLU."""

    def __init__(self, parameters: Parameters, *, rectify: bool):
        self.parameters, self.rectify = parameters, rectify

    def forward(self, hidden: torch.Tensor, training: bool) -> torch.Tensor:
        self.hidden = hidden
        self.result = functional.linear(hidden, self.parameters.kernel, self.parameters.bias)
        if self.rectify:
            self.result.relu_()
        return self.result

    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        if self.rectify:
            gradient = _aten.threshold_backward(gradient, self.result, 0)
        torch.mm(gradient.t(), self.hidden, out=self.parameters.kernel_gradient)
        torch.sum(gradient, 0, out=self.parameters.bias_gradient)
        return gradient.mm(self.parameters.kernel)

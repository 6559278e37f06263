"""Layers with hand-written gradients: autograd's arithmetic without its bookkeeping.

Each layer has ``forward(hidden, training)`` and ``backward(gradient)``, which takes the
gradient of the last result, keeps those of the layer's own weights and returns that of
its input. A backward pass goes through all layers once, last to first, and may overwrite
their results.

Convolutional layers see ``(blocks, channels, positions, sequences)`` with channels
varying fastest, then the sequences of a block. So a convolution along positions finds
long runs of equal work without edges in between, and nothing is ever copied to another
layout. Measured with 16 filters, a kernel's gradient takes three quarters of the time
that it takes with positions innermost.
"""

from typing import NamedTuple

import torch
from torch.nn import functional

_aten = torch.ops.aten


class Parameters(NamedTuple):
    """A layer's weights and where to write their gradients; a bias may be None."""

    kernel: torch.Tensor
    bias: torch.Tensor | None
    kernel_gradient: torch.Tensor
    bias_gradient: torch.Tensor | None


class Convolution:
    """Stride-1 convolution along positions, with or without ReLU.

    Parameters
    ----------
    parameters : Parameters
        Kernel of shape (filters, channels, width, 1), channels-last.
    padding : {"valid", "same"}
    dilation : int
    rectify : bool
        Whether to apply ReLU, which costs less here than on its own.
    first : bool
        Whether the input is the sequence itself, whose gradient nobody needs.
    """

    def __init__(self, parameters: Parameters, *, padding: str, dilation: int, rectify: bool, first: bool):
        self.parameters, self.rectify, self.first = parameters, rectify, first
        self.dilation = [dilation, 1]
        reach = (parameters.kernel.shape[2] - 1) * dilation
        self.left = reach // 2 if padding == "same" else 0
        # an odd reach needs one more position on the right, which oneDNN cannot do by itself
        self.extra = reach % 2 if padding == "same" else 0

    def forward(self, hidden: torch.Tensor, training: bool) -> torch.Tensor:
        if self.extra:
            hidden = functional.pad(hidden, (0, 0, 0, 1))
        self.hidden = hidden.contiguous(memory_format=torch.channels_last)
        kernel, bias, *_ = self.parameters
        self.result = torch.conv2d(self.hidden, kernel, bias, [1, 1], [self.left, 0], self.dilation)
        return self.result.relu_() if self.rectify else self.result

    def backward(self, gradient: torch.Tensor) -> torch.Tensor | None:
        if self.rectify:
            # nobody reads the result any more, so it makes room
            gradient = _aten.threshold_backward.grad_input(gradient, self.result, 0, grad_input=self.result)
        kernel, bias, of_kernel, of_bias = self.parameters
        gradients = _aten.convolution_backward(
            gradient.contiguous(memory_format=torch.channels_last),
            self.hidden,
            kernel,
            bias_sizes=None if bias is None else [len(kernel)],
            stride=[1, 1],
            padding=[self.left, 0],
            dilation=self.dilation,
            transposed=False,
            output_padding=[0, 0],
            groups=1,
            output_mask=[not self.first, True, bias is not None],
        )
        of_kernel.copy_(gradients[1])
        if bias is not None:
            of_bias.copy_(gradients[2])
        return gradients[0][:, :, :-1] if self.extra and not self.first else gradients[0]


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
        self.size = [size, 1]

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
        self.shape = blocks, channels, positions, sequences = hidden.shape
        if self.kind == "average":
            # as (blocks, positions, the rest) because torch sums long rows fastest
            rows = hidden.permute(0, 2, 3, 1).reshape(blocks, positions, -1)
            return (rows.sum(1) / positions).view(-1, channels)
        if self.kind == "max":
            hidden, self.where = hidden.max(dim=2, keepdim=True)
        return hidden.permute(0, 3, 2, 1).reshape(blocks * sequences, -1)

    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        blocks, channels, _, sequences = self.shape
        pooled = gradient.view(blocks, sequences, -1, channels).permute(0, 3, 2, 1)
        if self.kind == "average":
            # expanded, not written out for every position
            return (pooled / self.shape[2]).expand(self.shape)
        if self.kind == "max":
            return pooled.new_zeros(self.shape).scatter_(2, self.where, pooled)
        return pooled


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

"""A convolution whose gradients are cheaper than oneDNN's on processors without AVX-512.

Activations are channels-last: ``(n, channels, 1, positions)`` with channels varying
fastest, so the rows ``(sequence, position)`` of one layer follow each other in memory.
Two facts are used, both exact:

- A window of ``width`` positions is one contiguous stretch. Windows that start ``width``
  rows apart do not overlap, so the kernel's gradient is ``width`` plain matrix products
  over strided views, one per phase, and no window is ever copied.
- If every sequence's gradient is followed by ``width - 1`` rows of zeros, the input's
  gradient is one convolution over all sequences end to end.

On AVX2 the kernel's gradient takes two thirds of oneDNN's time and the input's nine
tenths (15 to 128 filters, width 3 to 15). With AVX-512 oneDNN is the faster one.
"""

from typing import NamedTuple

import torch
from torch.nn import functional

ONE_DNN_IS_BEST = torch.backends.cpu.get_cpu_capability() == "AVX512"


class Parameters(NamedTuple):
    """A layer's weights and where to write their gradients; ``bias`` may be None."""

    kernel: torch.Tensor
    bias: torch.Tensor | None
    kernel_gradient: torch.Tensor
    bias_gradient: torch.Tensor | None


class _Space(NamedTuple):
    """Views of a convolution's gradient for batches of one size.

    ``phases`` holds every ``width``-th row from each of the first ``width`` rows on, and
    where the windows of these rows lie in the input: size and first element.
    """

    all_rows: torch.Tensor
    outputs: torch.Tensor
    end_to_end: torch.Tensor
    phases: list[tuple[torch.Tensor, tuple[int, int], int]]


class Convolution:
    """Stride-1 convolution, with or without ReLU, and its gradients.

    Parameters
    ----------
    parameters : Parameters
        Kernel of shape (filters, channels, 1, width), channels-last.
    padding : {"valid", "same"}
    dilation : int
    positions : int
        Positions of the input.
    capacity : int
        Most sequences in one batch.
    rectify : bool
        Whether to apply ReLU, which costs less here than on its own.
    first : bool
        Whether the input is the sequence itself, whose gradient nobody needs.
    """

    def __init__(
        self,
        parameters: Parameters,
        *,
        padding: str,
        dilation: int,
        positions: int,
        capacity: int,
        rectify: bool,
        first: bool,
    ):
        self.parameters, self.dilation = parameters, dilation
        self.rectify, self.first = rectify, first
        self.filters, self.channels, _, self.width = parameters.kernel.shape
        reach = (self.width - 1) * dilation
        surplus = reach if padding == "same" else 0
        self.left, self.right = surplus // 2, surplus - surplus // 2
        self.rows, self.positions_after = positions + surplus, positions + surplus - reach
        self.by_one_dnn = ONE_DNN_IS_BEST or dilation > 1
        if not self.by_one_dnn:
            # the zeros after every sequence stay zero; those before the first play the same part
            self._gradient = torch.zeros(self.width - 1 + capacity * self.rows, self.filters)
            self._spaces: dict[int, _Space] = {}

    def forward(self, hidden: torch.Tensor, training: bool) -> torch.Tensor:
        """``(n, channels, 1, positions)`` to ``(n, filters, 1, positions_after)``."""
        if self.left or self.right:
            hidden = functional.pad(hidden, (self.left, self.right))
        self.hidden = hidden.contiguous(memory_format=torch.channels_last)
        self.result = functional.conv2d(
            self.hidden, self.parameters.kernel, self.parameters.bias, dilation=(1, self.dilation)
        )
        if self.rectify:
            self.result.relu_()
        return self.result

    def backward(self, gradient: torch.Tensor) -> torch.Tensor | None:
        """From the gradient of the last result to that of its input; keeps the weights'."""
        of_hidden = (self._backward_by_one_dnn if self.by_one_dnn else self._backward)(gradient)
        if of_hidden is None or not (self.left or self.right):
            return of_hidden
        return of_hidden[..., self.left : self.rows - self.right]

    def _backward(self, gradient: torch.Tensor) -> torch.Tensor | None:
        n = gradient.shape[0]
        if n not in self._spaces:
            self._spaces[n] = self._space(n)
        space = self._spaces[n]
        if self.rectify:
            torch.ops.aten.threshold_backward.grad_input(gradient, self.result, 0, grad_input=space.outputs)
        else:
            space.outputs.copy_(gradient)
        self._keep_kernel_gradient(space.phases)
        if self.parameters.bias is not None:
            # in two stages, the first over long stretches: faster than one sum over short rows
            of_positions = space.all_rows.view(n, -1).sum(0).view(-1, self.filters)
            torch.sum(of_positions, 0, out=self.parameters.bias_gradient)
        if self.first:
            return None
        turned = self.parameters.kernel.flip(3).transpose(0, 1).contiguous(memory_format=torch.channels_last)
        rows = functional.conv2d(space.end_to_end, turned).permute(0, 2, 3, 1)
        return rows.reshape(n, 1, self.rows, self.channels).permute(0, 3, 1, 2)

    def _space(self, n: int) -> _Space:
        width, filters = self.width, self.filters
        flat = self._gradient[: width - 1 + n * self.rows]
        all_rows = flat[width - 1 :]
        outputs = all_rows.view(n, 1, self.rows, filters)[:, :, : self.positions_after]
        # no window starts in the last width - 1 rows: their gradients are zero
        starts = n * self.rows - width + 1
        return _Space(
            all_rows,
            outputs.permute(0, 3, 1, 2),
            flat.view(1, 1, -1, filters).permute(0, 3, 1, 2),
            [
                (
                    all_rows[phase:starts:width],
                    (len(range(phase, starts, width)), width * self.channels),
                    phase * self.channels,
                )
                for phase in range(min(width, starts))
            ],
        )

    def _keep_kernel_gradient(self, phases) -> None:
        """Sum over rows of gradient times window, one matrix product per phase of the windows."""
        stretch, origin = self.width * self.channels, self.hidden.storage_offset()
        kept = self.parameters.kernel_gradient.permute(0, 2, 3, 1).view(self.filters, stretch)
        # the shape that the matrix product sees matters: the longer side comes first
        turned = self.channels < self.filters
        total = kept.new_empty(stretch, self.filters) if turned else kept
        for index, (gradients, size, start) in enumerate(phases):
            windows = self.hidden.as_strided(size, (stretch, 1), origin + start)
            factors = (windows.t(), gradients) if turned else (gradients.t(), windows)
            if index == 0:
                torch.mm(*factors, out=total)
            else:
                total.addmm_(*factors)
        if turned:
            kept.copy_(total.t())

    def _backward_by_one_dnn(self, gradient: torch.Tensor) -> torch.Tensor | None:
        if self.rectify:
            gradient = torch.ops.aten.threshold_backward(gradient, self.result, 0)
        bias = self.parameters.bias
        of_hidden, of_kernel, of_bias = torch.ops.aten.convolution_backward(
            gradient,
            self.hidden,
            self.parameters.kernel,
            bias_sizes=None if bias is None else [self.filters],
            stride=[1, 1],
            padding=[0, 0],
            dilation=[1, self.dilation],
            transposed=False,
            output_padding=[0, 0],
            groups=1,
            output_mask=[not self.first, True, bias is not None],
        )
        self.parameters.kernel_gradient.copy_(of_kernel)
        if bias is not None:
            self.parameters.bias_gradient.copy_(of_bias)
        return of_hidden

"""A small BPNet-like network, residual and dilated, that describes its own stages."""

import torch
from torch import nn

from seqaudit.models.stages import ConvolutionStage, DenseStage, Stages


class ResidualNetwork(nn.Module):
    """Wide convolution, dilated residual convolutions, average over positions, linear.

    With valid padding every residual sum is with the middle of its input; ``crop`` leaves
    out positions at either end before the average.
    """

    def __init__(self, *, layers, filters, outputs=1, width=21, padding="same", crop=0):
        super().__init__()
        self.padding, self.crop = padding, crop
        self.first = nn.Conv1d(4, filters, width, padding=padding)
        self.residual = nn.ModuleList(
            nn.Conv1d(filters, filters, 3, dilation=2**layer, padding=padding)
            for layer in range(1, layers + 1)
        )
        self.output = nn.Linear(filters, outputs)

    def forward(self, one_hot):
        hidden = torch.relu(self.first(one_hot))
        for convolution in self.residual:
            change = torch.relu(convolution(hidden))
            surplus = (hidden.shape[2] - change.shape[2]) // 2
            hidden = hidden[:, :, surplus : surplus + change.shape[2]] + change
        return self.output(hidden[:, :, self.crop : hidden.shape[2] - self.crop].mean(2))

    def convolution_stages(self):
        def zeros(convolution):
            reach = (convolution.kernel_size[0] - 1) * convolution.dilation[0]
            return (reach // 2, reach // 2) if self.padding == "same" else (0, 0)

        stages = [
            ConvolutionStage(
                convolution.weight,
                convolution.bias,
                torch.relu,
                dilation=convolution.dilation[0],
                padding=zeros(convolution),
                residual=convolution is not self.first,
            )
            for convolution in (self.first, *self.residual)
        ]
        dense = (DenseStage(self.output.weight, self.output.bias),)
        return Stages(tuple(stages), "average", dense, crop=(self.crop, self.crop))

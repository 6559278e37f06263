"""A network in the manner of BPNet: dilated residual convolutions, read profiles and read counts."""

import math

import torch
from torch import nn
from torch.nn import functional

from seqaudit.errors import SeqauditError
from seqaudit.models.stages import ConvolutionStage, DenseStage, Stages, same_padding


class Bpnet(nn.Module):
    """One wide convolution, dilated residual ones, and two heads for every output.

    Made by :func:`build_bpnet`. All convolutions keep the number of positions and read
    zeros beyond either end.

    The *profile head*, a wide convolution, gives logits over positions: their softmax is
    the distribution of an output's reads along the sequence. The *count head*, linear on
    the average over positions, gives ``log(1 + reads)``.

    As a function of sequences, ``model(one_hot)`` is the counts alone, one value per
    output: probes need that, and skip the profile head. :meth:`profiles_and_counts` gives
    both.

    Attributes
    ----------
    architecture : dict
        All options of :func:`build_bpnet` but length and outputs.
    length : int
        Sequence length, bp.
    outputs : int
        Quantities that are predicted, such as factors.
    """

    def __init__(self, architecture: dict, *, length: int, outputs: int):
        super().__init__()
        self.architecture, self.length, self.outputs = architecture, length, outputs
        filters, bias = architecture["filters"], architecture["bias"]
        self.first = nn.Conv1d(4, filters, architecture["first_width"], padding="same", bias=bias)
        self.residual = nn.ModuleList(
            nn.Conv1d(filters, filters, architecture["width"], dilation=2**layer, padding="same", bias=bias)
            for layer in range(1, architecture["layers"] + 1)
        )
        tracks = outputs * architecture["strands"]
        self.profile = nn.Conv1d(filters, tracks, architecture["profile_width"], padding="same", bias=bias)
        self.count = nn.Linear(filters, tracks if architecture["strand_counts"] else outputs, bias=bias)

    def forward(self, one_hot: torch.Tensor) -> torch.Tensor:
        """Predict counts: float ``(n, 4, length)`` to float ``(n, outputs)``.

        ``log(1 + reads)``; the mean of this over strands where the count head tells them
        apart (Malina et al. 2022).
        """
        counts = self.log_counts(one_hot)
        return counts.mean(2) if self.architecture["strand_counts"] else counts

    def log_counts(self, one_hot: torch.Tensor) -> torch.Tensor:
        """Predict counts as the head does: ``(n, outputs)``, or ``(n, outputs, strands)`` by strand."""
        return self._counts(self._hidden(one_hot))

    def profiles_and_counts(self, one_hot: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Predict profiles and counts.

        Parameters
        ----------
        one_hot : tensor, float, shape (n, 4, length)

        Returns
        -------
        logits : tensor, float, shape (n, outputs, strands, length)
            A constant may be added to any row without a change of its meaning.
        counts : tensor, float
            As :meth:`log_counts`.
        """
        hidden = self._hidden(one_hot)
        logits = _convolve(hidden, self.profile).permute(0, 3, 1, 2).flatten(0, 1)
        return logits.unflatten(1, (self.outputs, self.architecture["strands"])), self._counts(hidden)

    def convolution_stages(self) -> Stages:
        """How counts are computed, see :mod:`seqaudit.models.stages`."""
        stages = [
            ConvolutionStage(
                convolution.weight,
                convolution.bias,
                torch.relu,
                dilation=convolution.dilation[0],
                padding=same_padding(convolution.kernel_size[0], convolution.dilation[0]),
                residual=convolution is not self.first,
            )
            for convolution in (self.first, *self.residual)
        ]
        weight, bias = self.count.weight, self.count.bias
        if self.architecture["strand_counts"]:
            weight = weight.unflatten(0, (self.outputs, -1)).mean(1)
            bias = None if bias is None else bias.unflatten(0, (self.outputs, -1)).mean(1)
        return Stages(tuple(stages), "average", (DenseStage(weight, bias),))

    def _hidden(self, one_hot: torch.Tensor) -> torch.Tensor:
        """Values after the last residual sum, ``(blocks, filters, length, sequences)``.

        On the CPU with channels varying fastest, then the sequences of a block: a quarter
        faster than channels first (see ``training.layers``).
        """
        n, _, length = one_hot.shape
        block = _block(n) if one_hot.device.type == "cpu" else 1
        hidden = one_hot.reshape(-1, block, 4, length).permute(0, 2, 3, 1)
        hidden = hidden.contiguous(memory_format=torch.channels_last)
        hidden = functional.relu_(_convolve(hidden, self.first))
        for convolution in self.residual:
            hidden = hidden + functional.relu_(_convolve(hidden, convolution))
        return hidden

    def _counts(self, hidden: torch.Tensor) -> torch.Tensor:
        # a sum's gradient is a view, that of mean() would be written out for every position
        features = hidden.sum(2) / hidden.shape[2]
        counts = self.count(features.transpose(1, 2).flatten(0, 1))
        return counts.unflatten(1, (self.outputs, -1)) if self.architecture["strand_counts"] else counts


def build_bpnet(
    *,
    outputs: int,
    length: int,
    seed: int,
    filters: int = 64,
    first_width: int = 25,
    layers: int = 9,
    width: int = 3,
    profile_width: int = 25,
    strands: int = 1,
    strand_counts: bool = False,
    bias: bool = True,
) -> Bpnet:
    """Build a network in the manner of BPNet.

    The defaults are those of Avsec et al. 2021 as Malina et al. 2022 trained it
    ("bpnet9"), apart from ``strands=2, strand_counts=True`` there. Without their control
    track: data with one need another model. A transposed convolution of stride 1, as
    their profile head, is a convolution with the kernel reversed.

    A sequence may be shorter than the receptive field, ``first_width + (width - 1) *
    (2**(layers + 1) - 2)`` bp or 2,069 bp by default (theirs had 1,000 bp), but a layer
    whose outer taps see no position of any sequence is refused.

    Parameters
    ----------
    outputs : int
        Quantities to predict, such as binding of several factors.
    length : int
        Sequence length, bp.
    seed : int
        Seed of the initial weights: Glorot uniform kernels, as Keras draws, and biases 0.
    filters : int
        Of every convolution but the profile head's.
    first_width, width, profile_width : int
        Widths of the first convolution, of residual ones and of the profile head, bp; odd,
        so that neither strand is favoured.
    layers : int
        Residual convolutions; the dilation of the i-th, counted from 1, is ``2**i``.
    strands : {1, 2}
        Profiles per output.
    strand_counts : bool
        Whether the count head predicts reads of each strand. Otherwise it predicts the
        output's total.
    bias : bool
        Whether convolutions and heads have biases.

    Returns
    -------
    Bpnet
        On the CPU, float32, in training mode.

    Raises
    ------
    SeqauditError
        A number out of range, an even width, or a sequence too short for a layer.
    """
    architecture = {
        "filters": filters,
        "first_width": first_width,
        "layers": layers,
        "width": width,
        "profile_width": profile_width,
        "strands": strands,
        "strand_counts": strand_counts,
        "bias": bias,
    }
    _check(architecture, outputs=outputs, length=length)
    with torch.random.fork_rng(devices=[]):  # torch's own initial weights, replaced at once, draw from it
        model = Bpnet(architecture, length=length, outputs=outputs)
    _initialise(model, torch.Generator().manual_seed(seed))
    return model


def _check(architecture: dict, *, outputs: int, length: int) -> None:
    lowest = {"filters": 1, "first_width": 1, "layers": 0, "width": 1, "profile_width": 1, "strands": 1}
    for name, value in {**architecture, "outputs": outputs, "length": length}.items():
        if name in ("strand_counts", "bias"):
            if not isinstance(value, bool):
                raise SeqauditError(f"{name}: got {value!r}, expected true or false.")
        elif isinstance(value, bool) or not isinstance(value, int) or value < lowest.get(name, 1):
            raise SeqauditError(
                f"{name}: got {value!r}, expected an integer of at least {lowest.get(name, 1)}."
            )
        if name.endswith("width") and value % 2 == 0:
            raise SeqauditError(
                f"{name}: got {value}, expected an odd number: an even kernel has no middle and would treat "
                "the strands differently."
            )
    if architecture["strands"] > 2:
        raise SeqauditError(f"strands: got {architecture['strands']}, expected 1 or 2.")
    if architecture["strand_counts"] and architecture["strands"] != 2:
        raise SeqauditError("strand_counts: to count reads of each strand needs strands=2, got strands=1.")
    layers, half = architecture["layers"], architecture["width"] // 2
    if length < architecture["first_width"] or (layers and half * 2**layers >= length):
        raise SeqauditError(
            f"length: sequences of {length} bp are too short for a first convolution of "
            f"{architecture['first_width']} bp and {layers} dilated layers, of which the last looks "
            f"{half * 2**layers} bp to either side. Use fewer layers, a narrower first_width or longer "
            "sequences."
        )


@torch.no_grad()
def _initialise(model: Bpnet, generator: torch.Generator) -> None:
    for layer in (model.first, *model.residual, model.profile, model.count):
        fans = layer.weight[0].numel() + len(layer.weight) * math.prod(layer.weight.shape[2:])
        uniform = torch.rand(layer.weight.shape, generator=generator, dtype=torch.float64)
        layer.weight.copy_((2 * uniform - 1) * math.sqrt(6 / fans))
        if layer.bias is not None:
            layer.bias.zero_()


def _convolve(hidden: torch.Tensor, convolution: nn.Conv1d) -> torch.Tensor:
    """Apply a convolution along positions to ``(blocks, channels, length, sequences)``."""
    dilation = convolution.dilation[0]
    padding, _ = same_padding(convolution.kernel_size[0], dilation)
    return functional.conv2d(
        hidden,
        convolution.weight[..., None],
        convolution.bias,
        padding=(padding, 0),
        dilation=(dilation, 1),
    )


def _block(n: int) -> int:
    """Sequences per block: the largest divisor of ``n`` from 8 to 32, or ``n`` where there is none."""
    return max((size for size in range(8, 33) if n % size == 0), default=n)

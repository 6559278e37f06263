"""Convolutional networks on DNA, described by plain dictionaries, with reproducible initial weights."""

import math
from collections import OrderedDict
from collections.abc import Mapping

import torch
from torch import nn

from seqaudit.errors import SeqauditError

PUBLISHED_ARCHITECTURES: dict[str, dict] = {
    "arch1": {"convolutions": [{"filters": 15, "width": 7}] * 4, "dense": [50, 50]},
    "arch2": {"convolutions": [{"filters": 15, "width": 7}] * 4, "dense": [30, 30, 30]},
    "arch3": {"convolutions": [{"filters": 15, "width": 5}] * 5, "dense": [30, 30, 30]},
    "deepmr": {
        "convolutions": [{"filters": 15, "width": 7}] * 3,
        "pooling": "flatten",
        "dense": [30, 30],
    },
    "deepmr_bn": {
        "convolutions": [{"filters": 15, "width": 7, "batch_norm": True}] * 3,
        "pooling": "flatten",
        "dense": [30, 30],
    },
}
"""``arch1`` to ``arch3`` of Finkelstein et al. 2020 (section 2.2; 8,606, 7,576 and 7,246 parameters), and
the network of Malina et al. 2022 without and, as published, with batch normalisation."""

PADDINGS = ("valid", "same")
POOLINGS = ("average", "max", "flatten")
INITIAL_WEIGHTS = ("keras", "torch")
TRUNCATED_NORMAL_SD = 0.87962566103423978
"""Standard deviation of a standard normal truncated at -2 and 2."""


class Exponential(nn.Module):
    """``exp(x)``, the first-layer activation of Koo and Ploenzke 2021."""

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return torch.exp(hidden)


ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "exponential": Exponential,
    "softplus": nn.Softplus,
    "gelu": nn.GELU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
}

_CONVOLUTION_DEFAULTS = {
    "activation": "relu",
    "pool": 1,
    "batch_norm": False,
    "dropout": 0.0,
    "dilation": 1,
}
_ARCHITECTURE_DEFAULTS = {"pooling": "average", "dense": [], "dense_dropout": 0.0}


class Cnn(nn.Module):
    """Stacked 1-D convolutions, one pooling over positions, dense layers, linear outputs.

    Made by :func:`build_cnn`. Each block of ``convolutions`` has the submodules
    ``convolution`` and ``activation`` and, where asked for, ``norm`` between them and
    ``pool`` and ``dropout`` after them; hidden ``dense`` layers are ReLU.

    Attributes
    ----------
    architecture : dict
        Complete description, every default filled in.
    padding : {"valid", "same"}
    length : int
        Sequence length, bp.
    outputs : int
        Predicted values per sequence.
    """

    def __init__(self, architecture: dict, *, padding: str, length: int, outputs: int):
        super().__init__()
        self.architecture, self.padding = architecture, padding
        self.length, self.outputs = length, outputs

        self.convolutions = nn.ModuleList()
        channels = 4
        for layer in architecture["convolutions"]:
            block = OrderedDict()
            reach = (layer["width"] - 1) * layer["dilation"]
            if padding == "same" and reach % 2:
                # torch pads unevenly only with a warning; like Keras, the right side gets one more
                block["padding"] = nn.ConstantPad1d((reach // 2, reach - reach // 2), 0.0)
            block["convolution"] = nn.Conv1d(
                channels,
                layer["filters"],
                layer["width"],
                padding=reach // 2 if padding == "same" and not reach % 2 else 0,
                dilation=layer["dilation"],
                # batch normalisation subtracts any bias again, whose gradient would be rounding noise
                bias=not layer["batch_norm"],
            )
            if layer["batch_norm"]:
                block["norm"] = nn.BatchNorm1d(layer["filters"])
            block["activation"] = ACTIVATIONS[layer["activation"]]()
            if layer["pool"] > 1:
                block["pool"] = nn.MaxPool1d(layer["pool"])
            if layer["dropout"]:
                block["dropout"] = nn.Dropout(layer["dropout"])
            self.convolutions.append(nn.Sequential(block))
            channels = layer["filters"]

        features = channels
        if architecture["pooling"] == "flatten":
            features *= hidden_lengths(architecture, padding=padding, length=length)[-1]
        self.dense = nn.ModuleList()
        for units in architecture["dense"]:
            block = OrderedDict(linear=nn.Linear(features, units), activation=nn.ReLU())
            if architecture["dense_dropout"]:
                block["dropout"] = nn.Dropout(architecture["dense_dropout"])
            self.dense.append(nn.Sequential(block))
            features = units
        self.output = nn.Linear(features, outputs)

    def forward(self, one_hot: torch.Tensor) -> torch.Tensor:
        """Predict: float ``(n, 4, length)`` to float ``(n, outputs)``."""
        hidden = one_hot
        for block in self.convolutions:
            hidden = block(hidden)
        pooling = self.architecture["pooling"]
        if pooling == "average":
            hidden = hidden.mean(dim=2)
        elif pooling == "max":
            hidden = hidden.amax(dim=2)
        else:
            hidden = hidden.flatten(start_dim=1)
        for block in self.dense:
            hidden = block(hidden)
        return self.output(hidden)

    def penalised_kernels(self) -> list[nn.Parameter]:
        """Kernels under the L1 penalty: every convolution and hidden dense layer.

        Biases and the output layer are free, as in Finkelstein et al. 2020.
        """
        return [block.convolution.weight for block in self.convolutions] + [
            block.linear.weight for block in self.dense
        ]


def build_cnn(
    architecture: Mapping | str,
    *,
    padding: str,
    length: int,
    outputs: int = 1,
    seed: int,
    initial_weights: str = "keras",
) -> Cnn:
    """Build a network with reproducible initial weights.

    With ``"keras"`` kernels of convolutions and hidden dense layers are ``he_normal`` (a
    normal truncated at two sigma whose standard deviation after truncation is
    ``sqrt(2 / fan_in)``), the output layer is Glorot uniform, biases are zero. With
    ``"torch"`` every kernel and bias is uniform within ``1 / sqrt(fan_in)``, the default of
    ``Conv1d`` and ``Linear``. The draws depend on seed and shapes alone, so models of
    different data, controls, paddings or penalties start alike.

    Parameters
    ----------
    architecture : mapping or str
        ``{"convolutions": [{"filters": 15, "width": 7}, ...], "dense": [50, 50]}``;
        :func:`complete_architecture` lists all keys. Or a name in
        ``PUBLISHED_ARCHITECTURES``.
    padding : {"valid", "same"}
        Padding of every convolution.
    length : int
        Sequence length, bp.
    outputs : int
        Values to predict per sequence.
    seed : int
        Seed of the initial weights.
    initial_weights : {"keras", "torch"}
        Their distribution.

    Returns
    -------
    Cnn
        On the CPU, float32, in training mode.

    Raises
    ------
    SeqauditError
        Unknown architecture, key, activation, padding or initial weights, a number out of
        range, or a sequence shorter than the receptive field.
    """
    architecture = complete_architecture(architecture)
    if padding not in PADDINGS:
        raise SeqauditError(f"padding '{padding}' is unknown, expected one of {', '.join(PADDINGS)}.")
    if initial_weights not in INITIAL_WEIGHTS:
        raise SeqauditError(
            f"initial_weights '{initial_weights}' is unknown, expected one of {', '.join(INITIAL_WEIGHTS)}."
        )
    for name, value in (("length", length), ("outputs", outputs)):
        if not _is_integer(value) or value < 1:
            raise SeqauditError(f"{name}: got {value!r}, expected an integer of at least 1.")
    shortest = shortest_length(architecture, padding=padding)
    if length < shortest:
        raise SeqauditError(
            f"length: sequences of {length} bp are too short for this architecture with {padding} padding, "
            f"which needs at least {shortest} bp. Use fewer or narrower convolutions, less pooling or "
            "dilation, or longer sequences (config: architectures)."
        )
    with torch.random.fork_rng(devices=[]):  # torch's own initial weights, replaced at once, draw from it
        model = Cnn(architecture, padding=padding, length=length, outputs=outputs)
    initialise = _initialise_as_torch if initial_weights == "torch" else _initialise_as_keras
    initialise(model, torch.Generator().manual_seed(seed))
    return model


def complete_architecture(architecture: Mapping | str) -> dict:
    """Check a description and fill in every default.

    Keys of each convolution: ``filters`` and ``width`` (bp) are required; ``activation``
    (relu), ``pool`` (1; max pooling, positions), ``batch_norm`` (false), ``dropout`` (0)
    and ``dilation`` (1) may be given. Keys of the whole: ``convolutions``, ``pooling``
    (average, max or flatten over positions), ``dense`` (units of each hidden layer) and
    ``dense_dropout`` (0).
    """
    if isinstance(architecture, str):
        if architecture not in PUBLISHED_ARCHITECTURES:
            raise SeqauditError(
                f"architecture '{architecture}' is unknown, expected a description or one of "
                f"{', '.join(PUBLISHED_ARCHITECTURES)} (config: architectures)."
            )
        architecture = PUBLISHED_ARCHITECTURES[architecture]
    complete = _with_defaults(architecture, _ARCHITECTURE_DEFAULTS, ("convolutions",), "architecture")
    layers = complete["convolutions"]
    if not isinstance(layers, list | tuple) or not layers:
        raise SeqauditError(
            f"architecture: convolutions is {layers!r}, expected a list of at least one layer, each like "
            "{filters: 15, width: 7}."
        )
    complete["convolutions"] = [
        _complete_convolution(layer, f"architecture: convolutions[{index}]")
        for index, layer in enumerate(layers)
    ]
    _check_choice(complete["pooling"], POOLINGS, "architecture: pooling")
    if not isinstance(complete["dense"], list | tuple):
        raise SeqauditError(
            f"architecture: dense is {complete['dense']!r}, expected a list of units such as [50, 50]."
        )
    complete["dense"] = list(complete["dense"])
    for index, units in enumerate(complete["dense"]):
        _check_count(units, f"architecture: dense[{index}]")
    _check_dropout(complete["dense_dropout"], "architecture: dense_dropout")
    return complete


def hidden_lengths(architecture: dict, *, padding: str, length: int) -> list[int]:
    """Positions after each block of a complete architecture."""
    lengths = []
    for layer in architecture["convolutions"]:
        if padding == "valid":
            length -= (layer["width"] - 1) * layer["dilation"]
        length //= layer["pool"]
        lengths.append(length)
    return lengths


def shortest_length(architecture: dict, *, padding: str) -> int:
    """Shortest sequence, bp, that leaves one position after the last block.

    With valid padding this is the receptive field.
    """
    length = 1
    for layer in reversed(architecture["convolutions"]):
        length *= layer["pool"]
        if padding == "valid":
            length += (layer["width"] - 1) * layer["dilation"]
    return length


def _complete_convolution(layer, where: str) -> dict:
    complete = _with_defaults(layer, _CONVOLUTION_DEFAULTS, ("filters", "width"), where)
    for key in ("filters", "width", "pool", "dilation"):
        _check_count(complete[key], f"{where}.{key}")
    _check_choice(complete["activation"], tuple(ACTIVATIONS), f"{where}.activation")
    if not isinstance(complete["batch_norm"], bool):
        raise SeqauditError(f"{where}.batch_norm is {complete['batch_norm']!r}, expected true or false.")
    _check_dropout(complete["dropout"], f"{where}.dropout")
    return complete


def _with_defaults(given, defaults: dict, required: tuple[str, ...], where: str) -> dict:
    known = (*required, *defaults)
    if not isinstance(given, Mapping):
        raise SeqauditError(f"{where} is {given!r}, expected a mapping with keys {', '.join(known)}.")
    unknown = [str(key) for key in given if key not in known]
    missing = [key for key in required if key not in given]
    if unknown or missing:
        problems = [f"unknown key {', '.join(unknown)}"] * bool(unknown)
        problems += [f"no {', '.join(missing)}"] * bool(missing)
        raise SeqauditError(f"{where} has {' and '.join(problems)}; expected keys {', '.join(known)}.")
    return {key: given.get(key, defaults.get(key)) for key in known}


def _is_integer(value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _check_count(value, where: str) -> None:
    if not _is_integer(value) or value < 1:
        raise SeqauditError(f"{where} is {value!r}, expected an integer of at least 1.")


def _check_dropout(value, where: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise SeqauditError(f"{where} is {value!r}, expected a probability from 0 to below 1.")


def _check_choice(value, choices: tuple[str, ...], where: str) -> None:
    if value not in choices:
        raise SeqauditError(f"{where} is {value!r}, expected one of {', '.join(choices)}.")


@torch.no_grad()
def _initialise_as_keras(model: Cnn, generator: torch.Generator) -> None:
    for kernel in model.penalised_kernels():
        kernel.copy_(_he_normal(kernel.shape, generator))
    limit = math.sqrt(6 / sum(model.output.weight.shape))
    uniform = torch.rand(model.output.weight.shape, generator=generator, dtype=torch.float64)
    model.output.weight.copy_((2 * uniform - 1) * limit)
    for name, parameter in model.named_parameters():
        if name.endswith(("convolution.bias", "linear.bias", "output.bias")):
            parameter.zero_()


@torch.no_grad()
def _initialise_as_torch(model: Cnn, generator: torch.Generator) -> None:
    for layer in model.modules():
        if isinstance(layer, nn.Conv1d | nn.Linear):
            limit = 1 / math.sqrt(math.prod(layer.weight.shape[1:]))
            for parameter in layer.parameters():
                uniform = torch.rand(parameter.shape, generator=generator, dtype=torch.float64)
                parameter.copy_((2 * uniform - 1) * limit)


def _he_normal(shape: torch.Size, generator: torch.Generator) -> torch.Tensor:
    fan_in = math.prod(shape[1:])
    lowest = torch.special.ndtr(torch.tensor(-2.0, dtype=torch.float64))
    uniform = torch.rand(shape, generator=generator, dtype=torch.float64)
    # inverse distribution function on the central part: no rejection, one draw per weight
    standard = torch.special.ndtri(lowest + uniform * (1 - 2 * lowest))
    return standard * (math.sqrt(2 / fan_in) / TRUNCATED_NORMAL_SD)

"""Networks that a user trained elsewhere, as networks of this package: same input, output and probes."""

import importlib
import inspect
import pickle
import sys
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import nn

from seqaudit.data.targets import TRANSFORMS
from seqaudit.errors import SeqauditError

LAYOUTS = ("channels_first", "channels_last")
PREDICTIONS = ("target", "training_space")
_SAFETENSORS = ".safetensors"


class ExternalNetwork(nn.Module):
    """A user's network behind the interface of all others.

    Takes one-hot DNA ``(n, 4, L)``, channels A, C, G, T, and returns ``(n, 1)`` in the space
    in which losses are computed. Differentiable where the network is.

    Parameters
    ----------
    network : torch.nn.Module
        Takes ``(n, 4, L)`` or ``(n, L, 4)`` and returns ``(n,)`` or ``(n, outputs)``.
    length : int
        Of the sequences, bp.
    layout : {"channels_first", "channels_last"}
        Which of the two it takes.
    output : int
        The output to audit, from 0.
    predicts : {"target", "training_space"}
        Whether it predicts in the unit of the measured target or already transformed.
    transform : {"anscombe", "identity", "log1p"}
        Of the dataset, see :mod:`seqaudit.data.targets`.
    """

    outputs = 1

    def __init__(
        self,
        network: nn.Module,
        *,
        length: int,
        layout: str = "channels_first",
        output: int = 0,
        predicts: str = "target",
        transform: str = "identity",
    ):
        super().__init__()
        for what, value, known in (
            ("layout", layout, LAYOUTS),
            ("predicts", predicts, PREDICTIONS),
            ("transform", transform, TRANSFORMS),
        ):
            if value not in known:
                raise SeqauditError(f"{what} '{value}' is unknown, expected one of {', '.join(known)}.")
        self.network = network
        self.length = length
        self.layout = layout
        self.output = output
        self.predicts = predicts
        self.transform = transform

    @property
    def interface(self) -> dict:
        """Everything but the network itself, as arguments of this class."""
        return {name: getattr(self, name) for name in ("length", "layout", "output", "predicts", "transform")}

    def forward(self, one_hot: torch.Tensor) -> torch.Tensor:
        predicted = self.network(one_hot if self.layout == "channels_first" else one_hot.mT)
        predicted = predicted.reshape(len(one_hot), -1)[:, self.output : self.output + 1]
        if self.predicts == "training_space" or self.transform == "identity":
            return predicted
        # a network may predict counts a little below zero, where neither transform is defined
        counts = predicted.clamp(min=0)
        return 2 * torch.sqrt(counts + 3 / 8) if self.transform == "anscombe" else torch.log1p(counts)


def open_external(
    weights: str | Path,
    *,
    factory: str,
    arguments: Mapping | None = None,
    source: str | Path | None = None,
    length: int,
    **interface,
) -> ExternalNetwork:
    """Build a user's network, put its trained weights in, and try it out.

    Parameters
    ----------
    weights, factory, arguments, source
        See :func:`load_external` and :func:`build_external`.
    length : int
        Of the sequences it will be asked about, bp.
    **interface
        ``layout``, ``output``, ``predicts`` and ``transform`` of :class:`ExternalNetwork`.

    Returns
    -------
    ExternalNetwork
        On the CPU, in evaluation mode.

    Raises
    ------
    SeqauditError
        See the functions above and :func:`check_external`.
    """
    network = load_external(weights, build_external(factory, arguments=arguments, source=source))
    model = ExternalNetwork(network, length=length, **interface).eval()
    check_external(model)
    return model


def build_external(
    factory: str, *, arguments: Mapping | None = None, source: str | Path | None = None
) -> nn.Module:
    """Call a user's function that builds a network, with initial weights.

    Only what the caller names is imported: never anything out of a model's own files, and
    nothing of Python's standard library, whose functions are no networks but can do harm.

    Parameters
    ----------
    factory : str
        ``"module:function"`` (or a class), importable.
    arguments : mapping, optional
        Passed to it by keyword.
    source : path, optional
        Folder that holds the module, for one that is not installed.

    Returns
    -------
    torch.nn.Module

    Raises
    ------
    SeqauditError
        A name that cannot be imported or called, or a call that returns no network.
    """
    name, _, function = factory.partition(":")
    if not name or not function.isidentifier():
        raise SeqauditError(f"factory: got {factory!r}, expected 'module:function', such as 'my_nets:build'.")
    built_by = _imported(name, function, factory, source)
    if not (inspect.isfunction(built_by) or inspect.isclass(built_by)) or not _defined_in(built_by, name):
        raise SeqauditError(
            f"factory '{factory}': '{function}' is {type(built_by).__name__} {built_by!r}, expected a "
            f"function or class that '{name}' itself defines."
        )
    try:
        network = built_by(**(arguments or {}))
    except Exception as error:  # a user's code may raise anything
        raise SeqauditError(
            f"factory '{factory}': called with {_in_words(arguments)}, it raised "
            f"{type(error).__name__}: {error}."
        ) from error
    if not isinstance(network, nn.Module):
        raise SeqauditError(
            f"factory '{factory}': returned {type(network).__name__}, expected a torch.nn.Module."
        )
    return network


def load_external(weights: str | Path, network: nn.Module) -> nn.Module:
    """Put trained weights into a network.

    Parameters
    ----------
    weights : path
        ``.safetensors``, or a state dict as ``torch.save`` writes it. The latter is read
        with ``weights_only=True``: a file that would run code is refused.
    network : torch.nn.Module
        Changed in place.

    Returns
    -------
    torch.nn.Module
        The same network, in evaluation mode, on the CPU.

    Raises
    ------
    SeqauditError
        A file that is missing, unreadable, holds something else than weights, or weights that
        do not fit the network; names them.
    """
    path = Path(weights)
    state = _read_weights(path)
    own = network.state_dict()
    missing, surplus = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    if missing or surplus:
        differences = [
            _listed(what, names) for what, names in (("missing", missing), ("unknown", surplus)) if names
        ]
        raise SeqauditError(
            f"{path}: does not fit the network its factory builds: {'; '.join(differences)}. "
            "Check the factory and its arguments."
        )
    for name, tensor in own.items():
        if tensor.shape != state[name].shape:
            raise SeqauditError(
                f"{path}: '{name}' has shape {tuple(state[name].shape)}, the network its factory builds "
                f"has {tuple(tensor.shape)}. Check the factory's arguments."
            )
    network.load_state_dict(state)
    return network.cpu().eval()


def check_external(network: ExternalNetwork) -> None:
    """Ask for two predictions before anything is computed with a user's network.

    Raises
    ------
    SeqauditError
        If it cannot take sequences of its length, returns another shape than promised, or
        values that are not finite.
    """
    one_hot = torch.zeros(2, 4, network.length)
    one_hot[0, 0], one_hot[1, 3] = 1, 1  # AAA... and TTT...
    fed = tuple(one_hot.shape if network.layout == "channels_first" else one_hot.mT.shape)
    try:
        with torch.no_grad():
            raw = network.network(one_hot if network.layout == "channels_first" else one_hot.mT)
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        raise SeqauditError(
            f"external model: it failed on an input of shape {fed}: {error}. If it takes (n, L, 4), set "
            "'layout: channels_last'; if it was trained on another length, use sequences of that length."
        ) from error
    if not isinstance(raw, torch.Tensor):
        raise SeqauditError(
            f"external model: returned {type(raw).__name__}, expected one tensor (n, outputs). Let the "
            "factory wrap the network so that it returns only the predictions to audit."
        )
    if raw.ndim not in (1, 2) or len(raw) != 2:
        raise SeqauditError(
            f"external model: returned shape {tuple(raw.shape)} for 2 sequences, expected (2,) or (2, "
            "outputs). Let the factory wrap the network so that it returns a number per sequence and output."
        )
    outputs = 1 if raw.ndim == 1 else raw.shape[1]
    if network.output >= outputs:
        raise SeqauditError(
            f"external model: 'output: {network.output}' was asked for, and it has {outputs} "
            f"(0 to {outputs - 1})."
        )
    if not torch.isfinite(raw).all():
        raise SeqauditError("external model: its predictions are not finite; check its weights.")


def _imported(name: str, function: str, factory: str, source: str | Path | None):
    if name.partition(".")[0] in sys.stdlib_module_names:
        raise SeqauditError(
            f"factory '{factory}': '{name}' is a module of Python itself, expected your own module that "
            "builds a network."
        )
    if source is not None and not Path(source).is_dir():
        raise SeqauditError(f"factory '{factory}': its source {source} is not a folder.")
    if source is not None:
        sys.path.insert(0, str(Path(source).resolve()))
    try:
        module = importlib.import_module(name)
    except Exception as error:  # importing runs a user's code, which may raise anything
        raise SeqauditError(
            f"factory '{factory}': module '{name}' cannot be imported ({type(error).__name__}: {error}). "
            "Install it into the environment, or name the folder that holds it as 'source'."
        ) from error
    finally:
        if source is not None:
            sys.path.remove(str(Path(source).resolve()))
    if not hasattr(module, function):
        raise SeqauditError(f"factory '{factory}': module '{name}' ({module.__file__}) has no '{function}'.")
    return getattr(module, function)


def _defined_in(built_by, name: str) -> bool:
    """Whether a package holds a callable itself, and did not just import it from somewhere."""
    home = str(getattr(built_by, "__module__", ""))
    return home.partition(".")[0] == name.partition(".")[0]


def _read_weights(path: Path) -> dict[str, torch.Tensor]:
    try:
        if path.suffix == _SAFETENSORS:
            return safetensors.torch.load(path.read_bytes())
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise SeqauditError(
            f"{path}: cannot be read ({error.strerror or error}), expected trained weights."
        ) from error
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise SeqauditError(
            f"{path}: holds no plain weights ({str(error).splitlines()[0]}). Expected .safetensors or what "
            "torch.save(model.state_dict(), path) writes; files that would run code when read are refused."
        ) from error
    if not isinstance(state, Mapping) or not all(isinstance(part, torch.Tensor) for part in state.values()):
        raise SeqauditError(
            f"{path}: holds {type(state).__name__}, expected a state dict: names and tensors. Save it by "
            "torch.save(model.state_dict(), path)."
        )
    return dict(state)


def _in_words(arguments: Mapping | None) -> str:
    return ", ".join(f"{key}={value!r}" for key, value in (arguments or {}).items()) or "no arguments"


def _listed(what: str, names: list[str]) -> str:
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"{what} {shown}"

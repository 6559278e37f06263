"""Trained models on disk: ``weights.safetensors`` and ``model.json``, never a pickle."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError

from seqaudit.data.tables import atomic_path
from seqaudit.errors import SeqauditError
from seqaudit.models.additive import AdditiveTwin
from seqaudit.models.bpnet import Bpnet, build_bpnet
from seqaudit.models.cnn import Cnn, build_cnn
from seqaudit.models.external import ExternalNetwork, build_external

FORMAT = "seqaudit-model/1"
Model = Cnn | Bpnet | AdditiveTwin | ExternalNetwork
WEIGHTS, DESCRIPTION = "weights.safetensors", "model.json"


def save_model(folder: str | Path, model: Model, record: dict) -> None:
    """Write a model's weights and everything needed to use and judge them.

    Parameters
    ----------
    folder : path
        Made if need be. Each file appears only when complete; ``model.json`` comes last
        and holds the digest of the weights, so a mixture of two saves cannot be loaded.
    model : Cnn, Bpnet, AdditiveTwin or ExternalNetwork
    record : dict
        Training record, plain JSON values (see ``training.loop.fit``), with whatever the
        caller adds, such as the transform of the target.

    Raises
    ------
    SeqauditError
        A record that JSON cannot hold, or a disk that cannot take the files.
    """
    folder = Path(folder)
    weights = safetensors.torch.save(
        {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}
    )
    description = {
        "format": FORMAT,
        **_described(model),
        "record": {"torch": torch.__version__, **record},
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
    }
    try:
        # through text and back, so that the digest is of what a reader will see
        description = json.loads(json.dumps(description, allow_nan=False, default=_plain_number))
    except (TypeError, ValueError) as error:
        raise SeqauditError(
            f"record: cannot be stored as JSON ({error}); use plain, finite values."
        ) from error
    description["sha256"] = _digest(description)
    with atomic_path(folder / WEIGHTS) as unfinished:
        unfinished.write_bytes(weights)
    with atomic_path(folder / DESCRIPTION) as unfinished:
        unfinished.write_text(json.dumps(description, indent=2) + "\n")


def load_model(folder: str | Path, *, external: Mapping | None = None) -> tuple[Model, dict]:
    """Read a model and its training record.

    Parameters
    ----------
    folder : path
    external : mapping, optional
        Arguments of :func:`seqaudit.models.external.build_external` for a network of the
        user's own. They come from the caller and never from the folder, because they say
        which code to run.

    Returns
    -------
    (Cnn, Bpnet, AdditiveTwin or ExternalNetwork, dict)
        The model on the CPU in evaluation mode, and the record.

    Raises
    ------
    SeqauditError
        A file that is missing, truncated, altered or does not belong to the other,
        named with its path.
    """
    folder = Path(folder)
    description, weights = _read_checked(folder)
    path = folder / WEIGHTS
    if description.get("kind") == "external":
        if external is None:
            raise SeqauditError(
                f"{folder / DESCRIPTION}: holds a network of the user's own, and only the user may say which "
                "code builds it. Give 'external' the factory that the config names."
            )
        model = ExternalNetwork(build_external(**external), **description["interface"])
    try:
        if description.get("kind") != "external":
            model = _built(description)
        model.load_state_dict(safetensors.torch.load(weights))
    except (SafetensorError, RuntimeError, SeqauditError) as error:
        raise _damaged(path, f"it does not fit the architecture in {DESCRIPTION}: {error}") from error
    return model.eval(), description["record"]


def check_model(folder: str | Path) -> None:
    """Whether a model's files are as they were written; builds nothing.

    Raises
    ------
    SeqauditError
        As :func:`load_model`.
    """
    _read_checked(Path(folder))


def _read_checked(folder: Path) -> tuple[dict, bytes]:
    description = _read_description(folder / DESCRIPTION)
    weights = _read_bytes(folder / WEIGHTS)
    if hashlib.sha256(weights).hexdigest() != description["weights_sha256"]:
        raise _damaged(folder / WEIGHTS, f"its sha256 is not the one in {DESCRIPTION}")
    return description, weights


def _described(model: Model) -> dict:
    if isinstance(model, ExternalNetwork):
        return {"kind": "external", "interface": model.interface}
    described = {"architecture": model.architecture, "length": model.length, "outputs": model.outputs}
    if isinstance(model, Bpnet):
        return {"kind": "bpnet", **described}
    if isinstance(model, AdditiveTwin):
        return {"kind": "additive_twin", **described}
    return {"kind": "cnn", **described, "padding": model.padding}


def _built(description: dict) -> Model:
    """A network as described, with weights still to be loaded."""
    size = {"length": description["length"], "outputs": description["outputs"], "seed": 0}
    kind = description.get("kind", "cnn")  # the only one before there were kinds
    if kind == "bpnet":
        return build_bpnet(**description["architecture"], **size)
    if kind == "additive_twin":
        return AdditiveTwin(description["architecture"], length=description["length"])
    if kind == "cnn":
        return build_cnn(description["architecture"], padding=description["padding"], **size)
    raise SeqauditError(f"it is a network of kind '{kind}', which this seqaudit does not know")


def _read_description(path: Path) -> dict:
    try:
        description = json.loads(_read_bytes(path))
    except ValueError as error:
        raise _damaged(path, f"it is not JSON: {error}") from error
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        found = description.get("format") if isinstance(description, dict) else None
        raise _damaged(path, f"its format is {found!r}, expected {FORMAT!r}")
    if description.pop("sha256", None) != _digest(description):
        raise _damaged(path, "its content does not match its own sha256")
    return description


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SeqauditError(
            f"{path}: cannot be read ({error.strerror or error}), expected a trained model. "
            "Run the rule that trains it."
        ) from error


def _damaged(path: Path, reason: str) -> SeqauditError:
    return SeqauditError(
        f"{path}: damaged or altered, {reason}. Delete its folder and train the model again."
    )


def _digest(description: dict) -> str:
    return hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()


def _plain_number(value):
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} {value!r}")

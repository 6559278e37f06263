"""Half-finished trainings on disk, so that a killed job continues where it was."""

import hashlib
import json
import logging
from pathlib import Path
from typing import NamedTuple

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open

from seqaudit.data.tables import atomic_path

logger = logging.getLogger(__name__)

FILE = "progress.safetensors"


class Progress(NamedTuple):
    """State after an epoch: named tensors, and the rows of the history so far."""

    tensors: dict[str, torch.Tensor]
    history: list[dict]


def save_progress(folder: str | Path, progress: Progress, *, fingerprint: str) -> None:
    """Write one file, all or nothing. ``fingerprint`` says which training it belongs to."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in progress.tensors.items()}
    metadata = {"fingerprint": fingerprint, "history": json.dumps(progress.history)}
    metadata["digest"] = _digest(tensors, metadata)
    with atomic_path(Path(folder) / FILE) as unfinished:
        safetensors.torch.save_file(tensors, unfinished, metadata=metadata)


def load_progress(folder: str | Path, *, fingerprint: str) -> Progress | None:
    """Read the state of the same training; None, with a log line, if it is another's or damaged."""
    path = Path(folder) / FILE
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as stored:
            metadata = stored.metadata() or {}
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 no iterator
        if metadata.pop("digest", None) != _digest(tensors, metadata):
            raise ValueError("its content does not match its digest")
    except (SafetensorError, OSError, ValueError) as error:
        logger.warning("%s is damaged (%s); training starts anew.", path, error)
        return None
    if metadata["fingerprint"] != fingerprint:
        logger.info("%s belongs to other settings or data; training starts anew.", path)
        return None
    return Progress(tensors, json.loads(metadata["history"]))


def remove_progress(folder: str | Path) -> None:
    """Delete the state, once the trained model itself is safe."""
    (Path(folder) / FILE).unlink(missing_ok=True)


def _digest(tensors: dict[str, torch.Tensor], metadata: dict[str, str]) -> str:
    digest = hashlib.sha256(json.dumps(metadata, sort_keys=True).encode())
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].dtype} {tuple(tensors[name].shape)}".encode())
        digest.update(tensors[name].contiguous().numpy().tobytes())
    return digest.hexdigest()

"""Choose a device, and borrow a model without leaving traces on it."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from seqaudit.errors import SeqauditError


def choose_device(device: str | torch.device) -> torch.device:
    """Turn ``"auto"`` into CUDA where there is one, else the CPU.

    Raises
    ------
    SeqauditError
        If the device is not known to torch or not present.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise SeqauditError(f"device '{device}' is unknown, expected auto, cpu or cuda.") from error
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise SeqauditError("device: cuda was asked for, but torch sees no CUDA device. Use auto or cpu.")
    return chosen


@contextmanager
def borrowed(model: nn.Module, device: torch.device) -> Iterator[nn.Module]:
    """Lend a model in evaluation mode on a device; give it back as it was, even on error.

    Every submodule gets its own train/eval flag back.
    """
    modes = [(module, module.training) for module in model.modules()]
    first = next(iter(model.parameters()), None)
    home = device if first is None else first.device
    try:
        yield model.to(device).eval()
    finally:
        model.to(home)
        for module, training in modes:
            module.training = training


@contextmanager
def full_precision() -> Iterator[None]:
    """No TF32 in convolutions on a GPU: its rounding is larger than many effects."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before

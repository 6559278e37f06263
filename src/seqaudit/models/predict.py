"""Ask a model for its predictions."""

import numpy as np
import torch
from torch import nn

from seqaudit.errors import SeqauditError
from seqaudit.models.device import borrowed, choose_device
from seqaudit.models.memory import run_in_batches


def predict(
    model: nn.Module, one_hot: np.ndarray | torch.Tensor, *, batch_size: int = 500, device: str = "auto"
) -> np.ndarray:
    """Predict for every sequence, in evaluation mode and without gradients.

    Parameters
    ----------
    model : torch.nn.Module
        Maps float ``(n, 4, L)`` to ``(n, outputs)``. Its device and train/eval mode are
        as before afterwards, also after an error.
    one_hot : array or tensor, shape (n, 4, L), int8 or float
        Channels A, C, G, T; N is all zero. Converted to float32 batch by batch.
    batch_size : int
        Sequences per pass; changes speed and memory, not the result beyond rounding. Fewer
        are taken, and the log says so, when memory runs out.
    device : str
        ``"auto"`` (CUDA if present), ``"cpu"`` or ``"cuda"``.

    Returns
    -------
    numpy.ndarray, shape (n, outputs), float32
        In the space in which the model was trained.

    Raises
    ------
    SeqauditError
        Input of another shape, or a prediction that is not finite.
    """
    one_hot = torch.as_tensor(one_hot)
    if one_hot.ndim != 3 or one_hot.shape[1] != 4:
        raise SeqauditError(f"one_hot: got shape {tuple(one_hot.shape)}, expected (n, 4, length).")
    check_length(model, one_hot)
    if batch_size < 1:
        raise SeqauditError(f"batch_size: got {batch_size}, expected at least 1.")
    chosen = choose_device(device)
    with torch.no_grad(), borrowed(model, chosen) as lent:
        batches = run_in_batches(
            lambda part: lent(one_hot[part].to(chosen, torch.float32)).cpu(),
            max(1, len(one_hot)),  # an empty batch still tells the number of outputs
            batch_size=batch_size,
        )
    predictions = torch.cat(batches).float().numpy()
    if predictions.ndim != 2 or len(predictions) != len(one_hot):
        raise SeqauditError(
            f"model: returned shape {predictions.shape} for {len(one_hot)} sequences, expected (n, outputs)."
        )
    bad = np.flatnonzero(~np.isfinite(predictions).all(axis=1))
    if bad.size:
        raise SeqauditError(
            f"model: predicted {predictions[bad[0]]} for sequence {bad[0]} ({bad.size} such sequences), "
            "expected finite numbers. Its weights are damaged or its training diverged; train it again, "
            "with a lower learning_rate if that repeats."
        )
    return predictions


def check_length(model: nn.Module, one_hot: torch.Tensor) -> None:
    """Refuse sequences of another length than the one a network was built for, if it says one."""
    length = getattr(model, "length", one_hot.shape[2])
    if one_hot.shape[2] != length:
        raise SeqauditError(
            f"one_hot: sequences have {one_hot.shape[2]} bp, but the model was built for {length} bp."
        )

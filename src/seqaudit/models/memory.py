"""When memory runs out: smaller batches instead of no result."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch

from seqaudit.errors import SeqauditError

Result = TypeVar("Result")

logger = logging.getLogger(__name__)


def run_in_batches(work: Callable[[slice], Result], n: int, *, batch_size: int) -> list[Result]:
    """Results of ``work`` on consecutive slices of ``range(n)``.

    When memory runs out, on a GPU or on the host, the slice is tried again half as long, and
    so are those after it; the log says so. For work whose result does not depend on how it
    is cut, such as predictions: never for training.

    Parameters
    ----------
    work : callable
        Takes a slice of at most ``batch_size`` items.
    n : int
    batch_size : int
        Items per slice to begin with, at least 1.

    Raises
    ------
    SeqauditError
        If memory does not suffice for a single item.
    """
    results: list[Result] = []
    start = 0
    while start < n:
        part = slice(start, min(start + batch_size, n))
        try:
            results.append(work(part))
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        else:
            start = part.stop
            continue
        # outside of the handler: the exception holds on to the tensors of the failed attempt
        size = part.stop - part.start
        if size == 1:
            raise SeqauditError(
                f"out of memory with a single sequence ({reason}). Use device cpu, or a host or cluster job "
                "with more memory (mem_mb)."
            )
        batch_size = size // 2
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        logger.warning(
            "out of memory (%s): going on with batches of %d instead of %d", reason, batch_size, size
        )
    return results


@contextmanager
def explained_memory(device: torch.device) -> Iterator[None]:
    """Around a training, whose batches cannot be made smaller without changing its result.

    Raises
    ------
    SeqauditError
        When memory runs out, with what helps.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise SeqauditError(
            f"training on {device} ran out of memory ({str(error).splitlines()[0]}). Free the device, set "
            "training.device to cpu, or ask for more memory (mem_mb). A smaller training.batch_size helps as "
            "well, but trains another network."
        ) from error


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception of torch or numpy says that memory ran out."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    # torch has no class of its own for the host
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)

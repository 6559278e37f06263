"""Saturation in-silico mutagenesis: how do predictions change with every single base?

Exact, with 3 mutants per position and one reference per sequence. Networks that say
how they compute (``models.stages``) are asked only about positions that a mutation can
reach, any other one in plain batches of mutants; both give the same effects.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from seqaudit.errors import SeqauditError
from seqaudit.models.device import borrowed, choose_device
from seqaudit.models.memory import run_in_batches
from seqaudit.models.predict import predict
from seqaudit.models.stages import stages_of
from seqaudit.probes.local_change import LocalNetwork, alternative_bases
from seqaudit.probes.own_batch import changes_in_own_batch, has_batch_norm

METHODS = ("auto", "local", "naive")
BATCH_NORMS = ("evaluate", "train")
LARGEST_DISAGREEMENT = 1e-3
"""Between a network and its stages, in the largest prediction; rounding is below 1e-5."""


class Mutagenesis(NamedTuple):
    """Effects of all single-base mutations on every output of every member.

    Attributes
    ----------
    effects : numpy.ndarray, shape (members, n, 4, L, outputs), float32
        Prediction with base A, C, G or T at a position minus prediction of the sequence:
        0 where that base is already there, NaN where the sequence has an N.
    reference : numpy.ndarray, shape (members, n, outputs), float32
        Predictions of the sequences.
    """

    effects: np.ndarray
    reference: np.ndarray


class Chunk(NamedTuple):
    """Effects of sequences ``first`` to ``last`` (excluded), the ``index``-th chunk."""

    index: int
    first: int
    last: int
    result: Mutagenesis


def saturation_mutagenesis(
    models: nn.Module | Sequence[nn.Module],
    one_hot: np.ndarray | torch.Tensor,
    *,
    method: str = "auto",
    batch_norm: str = "evaluate",
    batch_size: int = 500,
    device: str = "auto",
) -> Mutagenesis:
    """Effects of every single-base mutation of every sequence.

    Parameters
    ----------
    models : torch.nn.Module or sequence of them
        One network, or the members of an ensemble. Each maps float ``(n, 4, L)`` to
        ``(n, outputs)``, is asked in evaluation mode and left as it was.
    one_hot : array or tensor, shape (n, 4, L)
        Channels A, C, G, T, one base per position; N is all zero and is not mutated.
    method : {"auto", "local", "naive"}
        ``"local"`` computes only what a mutation can reach, ``"naive"`` all of every
        mutant, ``"auto"`` is local for networks that describe themselves
        (:func:`seqaudit.models.stages.stages_of`) and naive for others.
    batch_norm : {"evaluate", "train"}
        ``"train"`` repeats a defect of Malina et al. 2022, only to explain their published
        numbers: batch normalisation uses the statistics of one batch per sequence, of its
        ``4 L`` copies with every base at every position, a quarter of them unmutated. So a
        sequence's prediction depends on its mutants. Always naive; ``reference`` is the
        prediction of the unmutated copies in that batch. At an N all four copies are
        unmutated. The networks' statistics stay as they were.
    batch_size : int
        Mutants per pass of the naive method; the local one sizes its own passes.
    device : str
        ``"auto"`` (CUDA if present), ``"cpu"`` or ``"cuda"``.

    Returns
    -------
    Mutagenesis
        All effects are in memory: ``16 n L`` bytes per member and output. Use
        :func:`mutagenesis_chunks` for many sequences.

    Raises
    ------
    SeqauditError
        No model, no sequence, sequences that are not one-hot or too short, members of
        different outputs, predictions that are not finite, ``"local"`` for a network that
        does not describe itself, or ``"train"`` for one without batch normalisation.
    """
    one_hot = _checked(one_hot)
    ensemble = _Ensemble(
        models,
        one_hot.shape[2],
        method=method,
        batch_norm=batch_norm,
        batch_size=batch_size,
        device=device,
    )
    return ensemble.mutate(one_hot, first=0)


def mutagenesis_chunks(
    models: nn.Module | Sequence[nn.Module],
    one_hot: np.ndarray | torch.Tensor,
    *,
    chunk_size: int = 100,
    done: Collection[int] = (),
    method: str = "auto",
    batch_norm: str = "evaluate",
    batch_size: int = 500,
    device: str = "auto",
) -> Iterator[Chunk]:
    """The same, a few sequences at a time: memory does not grow with their number.

    Parameters
    ----------
    models, one_hot, method, batch_norm, batch_size, device
        As in :func:`saturation_mutagenesis`.
    chunk_size : int
        Sequences per chunk; the last may have fewer.
    done : collection of int
        Indices of chunks to leave out, which an interrupted run has already stored.

    Yields
    ------
    Chunk
        In order. A chunk is the same to the bit whichever others are left out.

    Raises
    ------
    SeqauditError
        As :func:`saturation_mutagenesis`, before the first chunk where that is possible.
    """
    one_hot = _checked(one_hot)
    if chunk_size < 1:
        raise SeqauditError(f"chunk_size: got {chunk_size}, expected at least 1.")
    ensemble = _Ensemble(
        models,
        one_hot.shape[2],
        method=method,
        batch_norm=batch_norm,
        batch_size=batch_size,
        device=device,
    )
    return _chunks(ensemble, one_hot, chunk_size, frozenset(done))


def _chunks(ensemble: "_Ensemble", one_hot: torch.Tensor, size: int, done: frozenset[int]) -> Iterator[Chunk]:
    for index, first in enumerate(range(0, len(one_hot), size)):
        if index not in done:
            sequences = one_hot[first : first + size]
            yield Chunk(index, first, first + len(sequences), ensemble.mutate(sequences, first=first))


class _Ensemble:
    """Members, each prepared once for sequences of one length."""

    def __init__(self, models, length: int, *, method: str, batch_norm: str, batch_size: int, device: str):
        self.models = [models] if isinstance(models, nn.Module) else list(models)
        if not self.models:
            raise SeqauditError("models: the ensemble has no member, expected at least one network.")
        if method not in METHODS:
            raise SeqauditError(f"method '{method}' is unknown, expected one of {', '.join(METHODS)}.")
        if batch_size < 1:
            raise SeqauditError(f"batch_size: got {batch_size}, expected at least 1.")
        if batch_norm not in BATCH_NORMS:
            raise SeqauditError(
                f"batch_norm '{batch_norm}' is unknown, expected one of {', '.join(BATCH_NORMS)}."
            )
        self.batch_size, self.device = batch_size, choose_device(device)
        self.batch_norm = batch_norm
        self.local = [self._prepare(index, length, method) for index in range(len(self.models))]

    def _prepare(self, index: int, length: int, method: str) -> LocalNetwork | None:
        if self.batch_norm == "train":
            self._check_training_mode(index, method)
            return None
        if method == "naive":
            return None
        stages = stages_of(self.models[index])
        if stages is not None:
            return LocalNetwork(stages, length=length, device=self.device)
        if method == "local":
            raise SeqauditError(
                f"models[{index}]: {type(self.models[index]).__name__} does not say how it computes, which "
                "method 'local' needs. Give it a method convolution_stages(), or use 'auto' or 'naive'."
            )
        return None

    def _check_training_mode(self, index: int, method: str) -> None:
        if method == "local":
            problem = "method is 'local', which computes each mutant by itself"
        elif not has_batch_norm(self.models[index]):
            problem = f"models[{index}] has no batch normalisation"
        else:
            return
        raise SeqauditError(
            f"batch_norm: got 'train', but {problem}. It is there to explain published numbers, so use "
            "'evaluate'."
        )

    def mutate(self, one_hot: torch.Tensor, *, first: int) -> Mutagenesis:
        """Effects on sequences of which the first is number ``first`` to the user."""
        effects, references = [], []
        for index in range(len(self.models)):
            with _full_precision():
                reference, changes = self._changes(index, one_hot)
            if references and reference.shape != references[0].shape:
                raise SeqauditError(
                    f"models[{index}]: predicts {reference.shape[1]} outputs, models[0] predicts "
                    f"{references[0].shape[1]}. Members of one ensemble must predict the same outputs."
                )
            bad = torch.nonzero(~changes.isfinite().flatten(1).all(1))[:, 0]
            if len(bad):
                raise SeqauditError(
                    f"models[{index}]: predictions of mutants of sequence {first + int(bad[0])} are not "
                    f"finite ({len(bad)} of {len(one_hot)} sequences). Its weights are damaged or its "
                    "training diverged; train it again."
                )
            effects.append(_by_base(changes, one_hot))
            references.append(reference)
        return Mutagenesis(np.stack(effects), np.stack(references))

    def _changes(self, index: int, one_hot: torch.Tensor) -> tuple[np.ndarray, torch.Tensor]:
        """Predictions of the sequences, and changes by mutants, shape ``(n, L, 3, outputs)``."""
        model, local = self.models[index], self.local[index]
        if self.batch_norm == "train":
            reference, changes = changes_in_own_batch(model, one_hot, device=self.device)
            return reference.numpy(), changes
        reference = predict(model, one_hot, batch_size=self.batch_size, device=str(self.device))
        if local is None:
            return reference, self._naive_changes(model, one_hot, reference)
        parts = run_in_batches(
            lambda part: local.changes(one_hot[part]), len(one_hot), batch_size=len(one_hot)
        )
        recomputed, changes = (torch.cat(pieces) for pieces in zip(*parts))
        _check_agreement(recomputed.numpy(), reference, index)
        return reference, changes

    def _naive_changes(self, model: nn.Module, one_hot: torch.Tensor, reference: np.ndarray) -> torch.Tensor:
        """Predict every mutant in full; shape ``(n, L, 3, outputs)``, zero at an N."""
        bases = alternative_bases(one_hot)
        changes = torch.zeros(*bases.shape, reference.shape[1])
        known = one_hot.sum(1) > 0
        sequence, position, choice = torch.nonzero(known[:, :, None].expand(bases.shape), as_tuple=True)
        with borrowed(model, self.device) as lent:

            def change(batch: slice) -> None:
                rows, columns, choices = sequence[batch], position[batch], choice[batch]
                mutants, each = one_hot[rows], torch.arange(len(rows))
                mutants[each, :, columns] = 0
                mutants[each, bases[rows, columns, choices], columns] = 1
                predictions = lent(mutants.to(self.device, torch.float32)).float().cpu()
                changes[rows, columns, choices] = predictions - torch.from_numpy(reference)[rows]

            run_in_batches(change, len(sequence), batch_size=self.batch_size)
        return changes


def _checked(one_hot: np.ndarray | torch.Tensor) -> torch.Tensor:
    one_hot = torch.as_tensor(one_hot)
    if one_hot.ndim != 3 or one_hot.shape[1] != 4 or 0 in one_hot.shape:
        raise SeqauditError(
            f"one_hot: got shape {tuple(one_hot.shape)}, expected (n, 4, length) with at least one sequence."
        )
    for first in range(0, len(one_hot), 10_000):
        part = one_hot[first : first + 10_000]
        wrong = torch.nonzero((((part != 0) & (part != 1)).any(1) | (part.sum(1) > 1)).any(1))
        if len(wrong):
            raise SeqauditError(
                f"one_hot: sequence {first + int(wrong[0, 0])} is not one-hot, expected one 1, or for N "
                "only 0, in every column. Mutations are defined between bases."
            )
    return one_hot


def _check_agreement(recomputed: np.ndarray, reference: np.ndarray, index: int) -> None:
    """Do the stages describe the network that predicts?"""
    if recomputed.shape == reference.shape:
        difference, largest = np.abs(recomputed - reference).max(), np.abs(reference).max()
        if difference <= LARGEST_DISAGREEMENT * largest:
            return
        found = f"predictions that differ by up to {difference:g} (largest prediction {largest:g})"
    else:
        found = f"{recomputed.shape[1]} outputs instead of {reference.shape[1]}"
    raise SeqauditError(
        f"models[{index}]: its convolution_stages() give {found}, so they describe another network than its "
        "forward(). Correct them, or use method 'naive'."
    )


def _by_base(changes: torch.Tensor, one_hot: torch.Tensor) -> np.ndarray:
    """``(n, L, 3, outputs)`` by alternative to ``(n, 4, L, outputs)`` by base."""
    n, length, _, outputs = changes.shape
    by_base = torch.zeros(n, length, 4, outputs)
    where = alternative_bases(one_hot)[..., None].expand_as(changes)
    by_base.scatter_(2, where, changes)
    by_base[one_hot.sum(1) == 0] = torch.nan
    return by_base.transpose(1, 2).contiguous().numpy()


@contextmanager
def _full_precision() -> Iterator[None]:
    """No TF32 in convolutions on a GPU: its rounding is larger than many effects."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        with torch.no_grad():
            yield
    finally:
        torch.backends.cudnn.allow_tf32 = before

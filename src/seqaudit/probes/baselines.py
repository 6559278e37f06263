"""What a sequence is compared with: empty, uniform or shuffled references for attribution methods."""

from collections.abc import Sequence

import numpy as np
import torch

from seqaudit.data.sequences import letters, one_hot, shuffle_dinucleotides
from seqaudit.errors import SeqauditError

BASELINES = ("zeros", "uniform", "shuffled")


class Baselines:
    """References of every sequence, indexed without repeating shared ones in memory.

    Attributes
    ----------
    values : tensor, shape (groups, references, 4, L), float32
        ``groups`` is 1 where all sequences share their references, else n.
    """

    def __init__(self, values: torch.Tensor, n: int):
        self.values, self.n = values, n

    @property
    def count(self) -> int:
        """References per sequence."""
        return self.values.shape[1]

    def at(self, rows: torch.Tensor, which: torch.Tensor) -> torch.Tensor:
        """Reference ``which`` of each sequence in ``rows``; shape (len(rows), 4, L)."""
        return self.values[rows if len(self.values) > 1 else torch.zeros_like(rows), which]

    def expanded(self) -> torch.Tensor:
        """References of every sequence, shape (n, references, 4, L), without a copy."""
        return self.values.expand(self.n, -1, -1, -1)


def dinucleotide_references(sequences: np.ndarray, *, count: int = 20, seed: int) -> np.ndarray:
    """Shuffles of every sequence that keep its dinucleotides.

    Make them once and give them to every model that is to be compared.

    Parameters
    ----------
    sequences : array, shape (n, 4, L)
        One-hot; N is all zero and is shuffled like a letter.
    count : int
        Shuffles per sequence.
    seed : int
        Each sequence has a stream of its own, so its shuffles do not depend on the others.

    Returns
    -------
    numpy.ndarray, int8, shape (n, count, 4, L)

    Raises
    ------
    SeqauditError
        Sequences that are not one-hot, or no shuffle asked for.
    """
    if count < 1:
        raise SeqauditError(f"count: got {count} references per sequence, expected at least 1.")
    made = []
    for row, sequence in enumerate(letters(np.asarray(sequences))):
        rng = np.random.RandomState(np.random.SeedSequence([seed, row]).generate_state(1))
        made.append(one_hot([shuffle_dinucleotides(sequence, rng) for _ in range(count)]))
    return np.stack(made)


def choose_baselines(
    baseline: str | Sequence | np.ndarray | torch.Tensor, one_hot: torch.Tensor, *, count: int, seed: int
) -> Baselines:
    """References by name, or as given; see :func:`seqaudit.probes.attribution.attribute`.

    Raises
    ------
    SeqauditError
        An unknown name, or an array whose shape does not fit.
    """
    n, _, length = one_hot.shape
    if isinstance(baseline, str):
        if baseline == "shuffled":
            values = torch.as_tensor(dinucleotide_references(one_hot.numpy(), count=count, seed=seed))
        elif baseline in BASELINES:
            values = torch.full((1, 1, 4, length), 0.25 if baseline == "uniform" else 0.0)
        else:
            raise SeqauditError(
                f"baseline '{baseline}' is unknown, expected one of {', '.join(BASELINES)}, or an array."
            )
        return Baselines(values.float(), n)
    given = baseline if isinstance(baseline, torch.Tensor) else np.array(baseline, dtype=np.float32)
    values = torch.as_tensor(given).float().cpu()
    shared = values[None] if values.ndim == 3 else values
    if (
        shared.ndim != 4
        or shared.shape[2:] != (4, length)
        or len(shared) not in (1, n)
        or not shared.shape[1]
    ):
        raise SeqauditError(
            f"baseline: got shape {tuple(values.shape)}, expected (references, 4, {length}) for all "
            f"sequences or ({n}, references, 4, {length})."
        )
    return Baselines(shared, n)

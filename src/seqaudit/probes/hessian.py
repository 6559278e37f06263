"""Second derivatives of networks by their features: posterior samples x points, averaged within groups.

What the Group Expected Hessian needs are averages within groups (Cui et al. 2020,
section 4.1), so the matrices of all samples at all points are made in small parts that
are added up at once. Softplus networks have a closed form (``mlp_hessian``); any other
function goes through ``torch.func``.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch.func import grad, jacrev, vmap

from seqaudit.data.hessian import GroupHessians, check_labels
from seqaudit.errors import SeqauditError
from seqaudit.models.device import choose_device
from seqaudit.models.mlp import Mlps, check_points
from seqaudit.models.posterior import Draws
from seqaudit.probes.mlp_hessian import mlp_hessians

VALUES_PER_PASS = {"cpu": 60_000, "cuda": 64_000_000}
"""Values of a pass's largest tensor: what the cache of a core holds, or enough to fill a GPU."""
PRECISIONS = {"single": torch.float32, "double": torch.float64}
ASSUMED_WIDTH = 128
"""Values per point, sample and feature of a function that is not known from inside."""

Matrices = Callable[[slice, slice], torch.Tensor]
"""From some samples and some points to their matrices, (samples, points, D, D)."""


def group_hessians(
    draws: Draws,
    points: np.ndarray,
    groupings: Sequence[np.ndarray],
    *,
    precision: str = "single",
    device: str = "auto",
) -> list[GroupHessians]:
    """Average the Hessians of every posterior sample within groups of points.

    Parameters
    ----------
    draws : Draws
        K networks, usually ``posterior.sample(K, seed=...)``.
    points : array, shape (n, D)
        Features in the units that the networks take.
    groupings : sequence of int arrays, shape (n,)
        One or more partitions of the points, labels counted from 0; all are served by one
        computation of the Hessians.
    precision : {"single", "double"}
        Of the Hessians; sums are kept in double precision.
    device : str
        ``"auto"``, ``"cpu"`` or ``"cuda"``.

    Returns
    -------
    list of GroupHessians
        One per grouping, in units of the target per unit of both features.

    Raises
    ------
    SeqauditError
        Points or labels of another shape or not finite, no grouping, an unknown precision,
        or a Hessian that is not finite.

    Notes
    -----
    Memory does not grow with samples times points. Groups need not be of one size; for
    equally many points per group (appendix, section 1) pass only such points.
    """
    if precision not in PRECISIONS:
        raise SeqauditError(f"precision: got {precision!r}, expected single or double.")
    chosen, dtype = choose_device(device), PRECISIONS[precision]
    if isinstance(draws, Mlps):
        networks = draws.to(device=chosen, dtype=dtype)
        inputs = networks.scaled_points(points)
        width = max(weight.shape[2] for weight in draws.weights)

        def matrices(samples: slice, rows: slice) -> torch.Tensor:
            return mlp_hessians(networks.part(samples), inputs[rows])

    else:
        points = check_points(points, features=np.shape(points)[-1])
        inputs = torch.from_numpy(points).to(chosen, dtype)
        parameters = {name: tensor.to(chosen, dtype) for name, tensor in draws.parameters.items()}
        # reverse over reverse: for this few features twice as fast as forward over reverse
        of_all = vmap(vmap(jacrev(grad(draws.function, argnums=1), argnums=1), (None, 0)), (0, None))
        width = ASSUMED_WIDTH

        def matrices(samples: slice, rows: slice) -> torch.Tensor:
            return of_all({name: tensor[samples] for name, tensor in parameters.items()}, inputs[rows])

    features = inputs.shape[1]
    return average_in_groups(
        matrices,
        groupings,
        shape=(number_of(draws), *inputs.shape),
        device=chosen,
        values_per_pair=features * max(width, features),
    )


def hessians(
    draws: Draws, points: np.ndarray, *, precision: str = "double", device: str = "auto"
) -> np.ndarray:
    """Hessian of every posterior sample at every point, where both are few.

    Parameters
    ----------
    draws, points, precision, device
        As for :func:`group_hessians`.

    Returns
    -------
    numpy.ndarray, float64, shape (K, n, D, D)
    """
    single = np.arange(len(points))
    return group_hessians(draws, points, [single], precision=precision, device=device)[0].mean


def number_of(draws: Draws) -> int:
    """Number K of samples."""
    return len(next(iter(draws.parameters.values())))


@torch.no_grad()
def average_in_groups(
    matrices: Matrices,
    groupings: Sequence[np.ndarray],
    *,
    shape: tuple[int, int, int],
    device: torch.device,
    values_per_pair: int,
) -> list[GroupHessians]:
    """Average matrices of samples and points within groups, a cache-sized part at a time.

    Parameters
    ----------
    matrices : callable
        Takes a slice of samples and one of points, returns tensors (samples, points, D, D).
    groupings : sequence of int arrays, shape (n,)
    shape : (K, n, D)
        Numbers of samples, points and features.
    device : torch.device
        Where the matrices are.
    values_per_pair : int
        Values of the largest tensor that ``matrices`` makes, per sample and point.

    Raises
    ------
    SeqauditError
        Bad labels or none, or a matrix with an off-diagonal entry that is not finite.
    """
    samples, n, features = shape
    if len(groupings) == 0:
        raise SeqauditError("groupings: got none, expected one or more arrays of labels.")
    labels = [check_labels(grouping, points=n) for grouping in groupings]
    sizes = [np.bincount(grouping) for grouping in labels]
    ends = np.cumsum([len(groups) for groups in sizes])
    # groups are numbered on from grouping to grouping: a point belongs to one group of each
    numbered = torch.from_numpy(np.stack(labels) + (ends - [len(groups) for groups in sizes])[:, None])
    numbered = numbered.to(device)
    sums = torch.zeros(samples, ends[-1], features**2, dtype=torch.float64, device=device)
    absolute = torch.zeros(samples, features**2, dtype=torch.float64, device=device)

    for rows, parts in _passes(n, samples, max(1, VALUES_PER_PASS[device.type] // values_per_pair)):
        belongs = torch.zeros(ends[-1], rows.stop - rows.start, dtype=torch.float64, device=device)
        belongs[numbered[:, rows], torch.arange(rows.stop - rows.start, device=device)] = 1
        for some in parts:
            # in double, or rounding puts the absolute mean of a group above the mean of absolute values
            values = matrices(some, rows).flatten(2).double()
            sums[some] += belongs @ values
            absolute[some] += values.abs().sum(1)

    means = (sums / torch.from_numpy(np.concatenate(sizes)).to(device)[:, None]).cpu().numpy()
    means = means.reshape(samples, -1, features, features)
    size = (absolute / n).cpu().numpy().reshape(samples, features, features)
    pairs = ~np.eye(features, dtype=bool)
    if not np.isfinite(size[:, pairs]).all():
        sample = int(np.argmax(~np.isfinite(size[:, pairs]).all(1)))
        raise SeqauditError(
            f"draws: sample {sample} has second derivatives that are not finite. The network has diverged, "
            "or its function cannot be differentiated twice at some point."
        )
    return [
        GroupHessians(mean, size, groups.astype(np.int64))
        for mean, groups in zip(np.split(means, ends[:-1], axis=1), sizes)
    ]


def _passes(n: int, samples: int, pairs: int) -> Iterator[tuple[slice, list[slice]]]:
    """Consecutive points, each with consecutive samples, at most so many pairs of both together."""
    rows = min(n, pairs)
    for start in range(0, n, rows):
        part = slice(start, min(start + rows, n))
        step = max(1, pairs // (part.stop - part.start))
        yield part, [slice(first, min(first + step, samples)) for first in range(0, samples, step)]

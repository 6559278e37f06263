"""Gates that fade motif sites in and out: the link between second derivatives and knock-outs.

A gate moves the letters of a site from the knock-out (0) to the original (1), all at once. The mixed
second derivative of the prediction by two gates, averaged over the unit square, is the mixed
difference of its corners, the interaction of the knock-out test: exactly, for every network
that can be differentiated twice.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from torch.func import grad, vmap

from seqaudit.data.knockouts import VERSIONS
from seqaudit.data.sequences import one_hot
from seqaudit.errors import SeqauditError


def gate_derivatives(
    function: Callable[[torch.Tensor], torch.Tensor], pairs: pd.DataFrame, gates: np.ndarray
) -> np.ndarray:
    """Mixed second derivatives of a prediction by the gates of both motifs.

    Parameters
    ----------
    function : callable
        From one-hot DNA (n, 4, L), float64, to predictions (n,), twice differentiable: softplus, not
        ReLU, whose second derivative is 0 almost everywhere.
    pairs : pandas.DataFrame
        Table ``knockouts``, n rows.
    gates : array, shape (m, 2)
        Gates of motif A and motif B, 0 to 1.

    Returns
    -------
    numpy.ndarray, float64, shape (n, m)
        In units of the prediction: gates have none.

    Raises
    ------
    SeqauditError
        Sites that overlap, so that gates of one would move letters of the other.
    """
    corners = [torch.from_numpy(one_hot(pairs[version].to_numpy())).double() for version in VERSIONS]
    orig, a_off, b_off, both_off = corners
    overlap = ((orig - a_off - b_off + both_off) != 0).flatten(1).any(1).numpy()
    if overlap.any():
        row = int(np.argmax(overlap))
        raise SeqauditError(
            f"pairs: the sites of pair '{pairs['pair_id'].iloc[row]}' overlap ({int(overlap.sum())} such "
            "pairs), expected sites that can be switched independently. Raise 'min_gap'."
        )

    def predicted(gate: torch.Tensor, start: torch.Tensor, site_a: torch.Tensor, site_b: torch.Tensor):
        return function((start + gate[0] * site_a + gate[1] * site_b)[None])[0]

    def mixed(gate, *sequence):
        return grad(lambda moved: grad(predicted)(moved, *sequence)[0])(gate)[1]

    at_once = vmap(vmap(mixed, (0, None, None, None)), (None, 0, 0, 0))
    points = torch.as_tensor(np.asarray(gates, dtype=np.float64))
    with torch.no_grad():
        return at_once(points, both_off, b_off - both_off, a_off - both_off).numpy()


def gate_square(nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre quadrature of the unit square: gates (nodes^2, 2) and weights that sum to 1."""
    at, weights = np.polynomial.legendre.leggauss(nodes)
    at, weights = (at + 1) / 2, weights / 2
    return np.column_stack([np.repeat(at, nodes), np.tile(at, nodes)]), np.outer(weights, weights).ravel()

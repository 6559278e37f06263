"""Interactions read off the weights: Neural Interaction Detection (Tsang, Cheng and Liu 2018)."""

import numpy as np
import torch

from seqaudit.models.mlp import Mlps


def weight_interactions(networks: Mlps) -> np.ndarray:
    """Strength with which pairs of features meet in first-layer units that matter.

    A unit counts with the product of absolute weights from it to the output, a pair in it
    with the smaller of its two absolute weights. No points are needed; made for
    networks trained with an L1 penalty and without dropout.

    Parameters
    ----------
    networks : Mlps
        K networks; the mean network of a posterior as in Cui et al. 2020, section 5.1.

    Returns
    -------
    numpy.ndarray, float64, shape (K, D, D)
        Symmetric, in units of scaled features; not comparable between networks. Diagonals
        are not a number.
    """
    sizes = [weight.abs().double() for weight in networks.weights]
    influence = sizes[-1][:, 0] if len(sizes) > 1 else sizes[0].new_zeros(len(networks), 1)
    for weight in reversed(sizes[1:-1]):
        influence = torch.bmm(influence[:, None], weight)[:, 0]
    first = sizes[0]
    smaller = torch.minimum(first[..., :, None], first[..., None, :])
    strength = (influence[..., None, None] * smaller).sum(1)
    strength.diagonal(dim1=1, dim2=2).fill_(torch.nan)
    return strength.cpu().numpy()

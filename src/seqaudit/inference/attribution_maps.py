"""What scores of attribution maps share: how maps are checked, centred and set aside."""

from typing import NamedTuple

import numpy as np

from seqaudit.errors import SeqauditError

NOTHING = 1e-12
"""Centred maps below this share of the largest raw value are zero: only rounding is left."""


class CheckedMaps(NamedTuple):
    """Maps of one model, and which of them can be scored.

    Attributes
    ----------
    maps : numpy.ndarray, shape (n, 4, L), float64
        Centred where asked for; maps that cannot be scored are zero.
    usable : numpy.ndarray, shape (n,), bool
        Neither a value that is not finite nor a zero map.
    n_not_finite, n_zero : int
        Maps set aside, by reason.
    """

    maps: np.ndarray
    usable: np.ndarray
    n_not_finite: int
    n_zero: int


def check_maps(maps, *, centre: bool = True) -> CheckedMaps:
    """Check the maps of one model, centre them, and set unusable ones aside.

    Centring subtracts the mean of the four channels at every position, which one-hot
    sequences cannot move (the gradient correction of Majdandzic et al. 2023).

    Parameters
    ----------
    maps : array_like, shape (n, 4, L)
        Attributions by channel A, C, G, T, not multiplied by the sequence; any unit.
    centre : bool

    Returns
    -------
    CheckedMaps
        Row i is still sequence i, whatever was set aside.

    Raises
    ------
    SeqauditError
        Another shape.
    """
    maps = np.asarray(maps)
    if maps.ndim != 3 or maps.shape[1] != 4 or 0 in maps.shape:
        advice = " Transpose (n, L, 4) to (n, 4, L)." if maps.ndim == 3 and maps.shape[2] == 4 else ""
        raise SeqauditError(
            f"maps: got shape {maps.shape}, expected (n, 4, L) with channels A, C, G, T.{advice}"
        )
    finite = np.isfinite(maps).all(axis=(1, 2))
    checked = np.where(finite[:, None, None], maps, 0.0).astype(np.float64, copy=False)
    largest = np.abs(checked).max(axis=(1, 2))
    if centre:
        checked = checked - checked.mean(axis=1, keepdims=True)
    present = np.abs(checked).max(axis=(1, 2)) > NOTHING * largest
    checked[~present] = 0.0
    return CheckedMaps(checked, present, int((~finite).sum()), int((finite & ~present).sum()))


def check_letters(one_hot, *, shape: tuple[int, ...]) -> np.ndarray:
    """Letter codes 0 to 4 of one-hot sequences with the shape of their maps; uint8, shape (n, L).

    Raises
    ------
    SeqauditError
        Another shape than the maps, or a column that is neither one-hot nor all zero (N).
    """
    one_hot = np.asarray(one_hot)
    if one_hot.shape != shape:
        raise SeqauditError(
            f"one_hot: got shape {one_hot.shape}, but maps have {shape}. Every sequence needs its map, in "
            "the same order."
        )
    filled = one_hot.sum(axis=1)
    wrong = ((one_hot != 0) & (one_hot != 1)).any(axis=1) | (filled > 1)
    if wrong.any():
        row, position = np.argwhere(wrong)[0]
        raise SeqauditError(
            f"one_hot: sequence {row} holds {one_hot[row, :, position].tolist()} at position {position}, "
            "expected a single 1 (or four zeros for N)."
        )
    return np.where(filled == 1, one_hot.argmax(axis=1), 4).astype(np.uint8)

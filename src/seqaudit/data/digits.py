"""Handwritten digits that come with scikit-learn: 1,797 images of 8 x 8 pixels (Alpaydin and Kaynak 1998)."""

from functools import cache
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_digits

SIDE = 8
"""Pixels per side of an image."""
_DARKEST = 16


class Digits(NamedTuple):
    """All images, in the order of scikit-learn's.

    Attributes
    ----------
    images : numpy.ndarray, shape (n, 8, 8), float64
        0 is paper, 1 is the darkest ink.
    digits : numpy.ndarray, shape (n,), int64
        What was written.
    """

    images: np.ndarray
    digits: np.ndarray


@cache
def read_digits() -> Digits:
    """Read the images; they are installed with scikit-learn, nothing is downloaded."""
    found = load_digits()
    digits = Digits(found.images / _DARKEST, found.target.astype(np.int64))
    for array in digits:
        array.flags.writeable = False  # every caller gets the same arrays
    return digits

"""Do a model's attributions point in the same few directions? The second score of consistency.

Attributions are summed over a short window. Centred, they have three degrees of freedom, so
the strongest windows are points in space; the density of their directions is compared with
its own local average. Repeated features make islands, noise a haze. (Majdandzic et al. 2022,
"KLD (k-attr-mean)".) The same windows in random directions are the null.
"""

from typing import NamedTuple

import numpy as np

from seqaudit.errors import SeqauditError

ORTHONORMAL = np.array(
    [
        np.array([-1, 1, 0, 0]) / np.sqrt(2),
        np.array([-1 / 2, -1 / 2, 1, 0]) * np.sqrt(2 / 3),
        np.array([-1 / 3, -1 / 3, -1 / 3, 1]) * np.sqrt(3 / 4),
    ]
)
"""Orthonormal axes of the space of centred (A, C, G, T), one per row."""

BASES = {
    "orthonormal": ORTHONORMAL,
    # its second axis lacks +G: windows of G count a fifth of those of A or T, and noise is not isotropic
    "published": np.where([[False] * 4, [False, False, True, False], [False] * 4], 0.0, ORTHONORMAL),
}
PUBLISHED = {"window": 3, "retained": 0.1, "basis": "published", "wrap": True}
"""Options of the published ATAC results; those on synthetic data retained 0.99."""

BOX = 0.1
"""Side of a box of the stored angles, rad. The stored azimuth is half the azimuth."""

N_BOXES = 31
"""Boxes per angle; the last one also takes what is left up to pi."""

_BEHIND, _AHEAD = 3, 2
"""Boxes before and after a box that its local average takes in."""


class Windows(NamedTuple):
    """Windowed attributions as points in space.

    Attributes
    ----------
    points : numpy.ndarray, shape (windows, 3), float64
        In orthonormal axes; all windows of all scored sequences.
    rows : numpy.ndarray, shape (windows,), int64
        Sequence of each window, counted among the scored ones.
    basis : {"orthonormal", "published"}
    n_retained : int
        Rank of the norm that a retained window must exceed.
    """

    points: np.ndarray
    rows: np.ndarray
    basis: str
    n_retained: int

    def score(self) -> float:
        """Divergence of the density of directions from its local average; see :func:`angular_divergence`."""
        return self._score(self.points)

    def shares(self) -> np.ndarray:
        """Share of the retained windows' squared norm in every box; azimuth by polar angle."""
        points = self._in_basis(self.points)
        norms = _norms(points)
        kept = norms > _rank(norms, self.n_retained)
        weight = _histogram(_boxes(points[kept]), norms[kept] ** 2)
        return weight / weight.sum()

    def null(self, *, draws: int, seed: int) -> float:
        """Mean score when every window keeps its norm and takes a random direction."""
        rng = np.random.default_rng([seed, 2])
        norms = np.sqrt(np.square(self.points).sum(axis=1))
        if self.basis == "orthonormal":  # norms, and so the retained windows, stay as they are
            norms = norms[norms > _rank(norms, self.n_retained)]
            boxes = (_isotropic_boxes(rng, norms.size) for _ in range(draws))
            return float(np.mean([_divergence(_histogram(box, norms**2)) for box in boxes]))
        directions = (rng.standard_normal((norms.size, 3)) for _ in range(draws))
        return float(np.mean([self._score(d * (norms / _norms(d))[:, None]) for d in directions]))

    def resampled(self, counts: np.ndarray) -> np.ndarray:
        """Scores of samples in which sequences occur ``counts`` times; shape (samples, sequences)."""
        points = self._in_basis(self.points)
        norms = _norms(points)
        order = np.argsort(-norms, kind="stable")
        norms, rows, boxes = norms[order], self.rows[order], _boxes(points[order])
        scores = []
        for times in counts:
            weights = times[rows]
            # the norm of this rank in the sample, and what lies strictly above it
            cut = norms[np.searchsorted(weights.cumsum(), self.n_retained)]
            kept = np.searchsorted(-norms, -cut)
            scores.append(_divergence(_histogram(boxes[:kept], norms[:kept] ** 2 * weights[:kept])))
        return np.array(scores)

    def _score(self, points: np.ndarray) -> float:
        points = self._in_basis(points)
        norms = _norms(points)
        return angular_divergence(points[norms > _rank(norms, self.n_retained)])

    def _in_basis(self, points: np.ndarray) -> np.ndarray:
        return points if self.basis == "orthonormal" else points @ (BASES[self.basis] @ ORTHONORMAL.T).T


def windowed_points(
    maps: np.ndarray,
    *,
    window: int = 3,
    retained: float = 0.1,
    basis: str = "orthonormal",
    wrap: bool = False,
) -> Windows:
    """Attributions summed over windows, as points in the space of centred attributions.

    Each map is divided by its sum over positions of the norm of the four channels first.

    Parameters
    ----------
    maps : numpy.ndarray, shape (n, 4, L), float64
        Centred and finite, none of them zero.
    window : int
        Positions per window.
    retained : float
        Share of all windows, the strongest, whose directions count; above 0, at most 1. The
        weakest of them is the cut-off and does not count itself, as published.
    basis : {"orthonormal", "published"}
        ``"published"`` repeats a slip in the second axis, only to explain published numbers:
        G counts too little, so that noise alone scores 0.18 to 0.45.
    wrap : bool
        Whether windows run over the end of a sequence into its beginning, as published.

    Returns
    -------
    Windows

    Raises
    ------
    SeqauditError
        An option out of range, or fewer than two windows retained.
    """
    n, _, length = maps.shape
    if basis not in BASES:
        raise SeqauditError(f"basis: got {basis!r}, expected one of {', '.join(BASES)}.")
    if not 1 <= window <= length:
        raise SeqauditError(f"window: got {window}, expected 1 to {length} positions.")
    if not 0 < retained <= 1:
        raise SeqauditError(f"retained: got {retained}, expected a share above 0 and at most 1.")
    strength = np.sqrt(np.square(maps).sum(axis=1)).sum(axis=1)
    points = np.matmul(ORTHONORMAL, maps / strength[:, None, None])
    n_windows = length if wrap else length - window + 1
    if wrap:
        points = np.concatenate([points, points[:, :, : window - 1]], axis=2)
    summed = sum(points[:, :, offset : offset + n_windows] for offset in range(window))
    n_retained = int(retained * n * n_windows)
    if n_retained < 2:
        raise SeqauditError(
            f"retained: {retained:g} of {n * n_windows} windows is {n_retained}, expected at least 2. Raise "
            "it, or score more sequences."
        )
    flat = summed.transpose(0, 2, 1).reshape(-1, 3)
    return Windows(flat, np.repeat(np.arange(n), n_windows), basis, n_retained)


def angular_divergence(points: np.ndarray) -> float:
    """Divergence of the density of directions from its own local average.

    Directions are binned by angle from the first axis and half the azimuth around it, and
    weigh by the squared norm. The average of a box is over boxes 3 before to 2 after it, the
    outermost first ones left out; border boxes take part in it, but not in the sum.

    Parameters
    ----------
    points : numpy.ndarray, shape (n, 3), float64
        None of them zero.

    Returns
    -------
    float
        At most ln 36 = 3.58 away from the border; slightly negative at times, because the
        local average is no distribution. NaN without points.
    """
    return _divergence(_histogram(_boxes(points), np.square(points).sum(axis=1)))


def stored_angles(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Half the azimuth plus pi / 2, and the polar angle from the first axis; rad, both 0 to pi."""
    first, second, third = points.T
    azimuth = np.where(second == 0, np.pi / 2, np.arctan2(third, second))
    cosine = np.divide(first, _norms(points), out=np.zeros(len(points)), where=_norms(points) > 0)
    return azimuth / 2 + np.pi / 2, np.arccos(np.clip(cosine, -1, 1))


def _boxes(points: np.ndarray) -> np.ndarray:
    azimuth, polar = stored_angles(points)
    return _number(azimuth) * N_BOXES + _number(polar)


def _isotropic_boxes(rng: np.random.Generator, size: int) -> np.ndarray:
    """Boxes of directions that are uniform on the sphere."""
    azimuth, cosine = rng.uniform(0, np.pi, size), rng.uniform(-1, 1, size)
    return _number(azimuth) * N_BOXES + _number(np.arccos(cosine))


def _number(angle: np.ndarray) -> np.ndarray:
    return np.minimum((angle / BOX).astype(np.int64), N_BOXES - 1)


def _histogram(boxes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.bincount(boxes, weights, minlength=N_BOXES**2).reshape(N_BOXES, N_BOXES)


def _divergence(histogram: np.ndarray) -> float:
    """Of the weight in boxes, shape (N_BOXES, N_BOXES), from its local average."""
    total = histogram.sum()
    if not total > 0:
        return float("nan")
    share = histogram / total
    average = _local_sums(share) / _N_NEIGHBOURS
    share, average = share[1:-1, 1:-1], average[1:-1, 1:-1]
    held = share > 0
    return float((share[held] * np.log(share[held] / average[held])).sum())


def _local_sums(values: np.ndarray) -> np.ndarray:
    """Sum over the neighbours of every box; the first row and column are never neighbours."""
    inner = values.copy()
    inner[0], inner[:, 0] = 0.0, 0.0
    padded = np.pad(inner, (_BEHIND, _AHEAD))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (_BEHIND + 1 + _AHEAD,) * 2)
    return windows.sum(axis=(2, 3))


_N_NEIGHBOURS = np.maximum(_local_sums(np.ones((N_BOXES, N_BOXES))), 1)


def _norms(points: np.ndarray) -> np.ndarray:
    return np.sqrt(np.square(points).sum(axis=1))


def _rank(values: np.ndarray, rank: int) -> float:
    """The value of this rank, the largest being of rank 1."""
    return np.partition(values, len(values) - rank)[len(values) - rank]

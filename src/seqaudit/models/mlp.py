"""Small smooth networks on tables: K of them at once, with one linear part and one hidden stack each.

A posterior sample of a Bayesian network is an ordinary network whose masks or noise have
been multiplied into its weights, so predictions and derivatives need to know nothing of
posteriors (Cui et al. 2020, sections 3.1 and 4.1).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional

from seqaudit.errors import SeqauditError

POINTS_PER_PASS = 4096
"""Points times samples that predictions are computed for at once."""
EXACT_SOFTPLUS = 40
"""Argument from which on softplus is the identity, in double precision too."""


class Scaling(NamedTuple):
    """How features and target were scaled for training; the network undoes it."""

    shift: np.ndarray
    """(D,) float64, subtracted from features."""
    scale: np.ndarray
    """(D,) float64, features are divided by it afterwards."""
    target_shift: float
    target_scale: float


class Link(NamedTuple):
    """The mean of the target as a function of the network's output u, with two derivatives.

    Each function takes u and the scale of the target, in units of which u was learned.
    """

    mean: Callable[[torch.Tensor, float], torch.Tensor]
    first: Callable[[torch.Tensor, float], torch.Tensor]
    second: Callable[[torch.Tensor, float], torch.Tensor]


def _softplus_curvature(u: torch.Tensor, scale: float) -> torch.Tensor:
    slope = torch.sigmoid(u / scale)
    return slope * (1 - slope) / scale


LINKS = {
    "identity": Link(
        lambda u, scale: u,
        lambda u, scale: torch.ones_like(u),
        lambda u, scale: torch.zeros_like(u),
    ),
    "softplus": Link(
        lambda u, scale: functional.softplus(u / scale, threshold=EXACT_SOFTPLUS) * scale,
        lambda u, scale: torch.sigmoid(u / scale),
        _softplus_curvature,
    ),
    # counts whose Anscombe transform 2 sqrt(y + 3/8) was learned
    "anscombe": Link(
        lambda u, scale: u.square() / 4 - 0.375,
        lambda u, scale: u / 2,
        lambda u, scale: torch.full_like(u, 0.5),
    ),
}
"""Means by name: of a Gaussian, of counts, and of counts behind the Anscombe transform."""


@dataclass(frozen=True)
class Mlps:
    """K networks of one shape: mean = link(linear part + softplus network).

    Attributes
    ----------
    weights, biases : tuple of tensor, shapes (K, out, in) and (K, out)
        Of the layers from the features to the one output.
    linear : tensor, shape (K, D)
        Main effects beside the network.
    intercept : tensor, shape (K,)
    beta : float
        Sharpness of the softplus between layers, log(1 + exp(beta a)) / beta.
    link : str
        Name in ``LINKS``.
    scaling : Scaling
        Functions below take features and return means in the user's units.
    """

    weights: tuple[torch.Tensor, ...]
    biases: tuple[torch.Tensor, ...]
    linear: torch.Tensor
    intercept: torch.Tensor
    beta: float
    link: str
    scaling: Scaling

    def __len__(self) -> int:
        return len(self.linear)

    @property
    def features(self) -> int:
        """Number D of features."""
        return self.linear.shape[1]

    @property
    def parameters(self) -> dict[str, torch.Tensor]:
        """All tensors by name, sample first: what ``torch.func.vmap`` maps over."""
        named = {"linear": self.linear, "intercept": self.intercept}
        for index, (weight, bias) in enumerate(zip(self.weights, self.biases)):
            named |= {f"weight_{index}": weight, f"bias_{index}": bias}
        return named

    def function(self, parameters: dict[str, torch.Tensor], points: torch.Tensor) -> torch.Tensor:
        """Mean of the target from one network, in the user's units.

        Parameters
        ----------
        parameters : dict of tensor
            Those of one sample: ``parameters`` without its first axis.
        points : tensor, shape (..., D)
            Features in the user's units.

        Returns
        -------
        tensor, shape (...)
        """
        shift, scale = (torch.as_tensor(part).to(points) for part in self.scaling[:2])
        return self.scaled_function(parameters, (points - shift) / scale)

    def scaled_function(self, parameters: dict[str, torch.Tensor], scaled: torch.Tensor) -> torch.Tensor:
        """The same for features that were scaled by :meth:`scaled_points`."""
        hidden = scaled
        for index in range(len(self.weights)):
            if index:
                hidden = functional.softplus(hidden, beta=self.beta, threshold=EXACT_SOFTPLUS)
            hidden = hidden @ parameters[f"weight_{index}"].mT + parameters[f"bias_{index}"]
        output = hidden[..., 0] + scaled @ parameters["linear"] + parameters["intercept"]
        u = self.scaling.target_shift + self.scaling.target_scale * output
        return LINKS[self.link].mean(u, self.scaling.target_scale)

    def scaled_points(self, points: np.ndarray) -> torch.Tensor:
        """Checked points (n, D) as the network's layers take them, of their type, on their device.

        Scaling is done in double precision: years and coordinates are far from zero.
        """
        points = check_points(points, features=self.features)
        return torch.from_numpy((points - self.scaling.shift) / self.scaling.scale).to(self.linear)

    def predict(self, points: np.ndarray) -> np.ndarray:
        """Means of the target at every point from every network.

        Parameters
        ----------
        points : array, shape (n, D)

        Returns
        -------
        numpy.ndarray, float64, shape (K, n)
        """
        inputs = self.scaled_points(points)
        means = np.empty((len(self), len(inputs)))
        at_once = torch.vmap(self.scaled_function, in_dims=(0, None))
        step = max(1, POINTS_PER_PASS // len(self))
        with torch.no_grad():
            for start in range(0, len(inputs), step):
                part = slice(start, start + step)
                means[:, part] = at_once(self.parameters, inputs[part]).cpu().numpy()
        return means

    def part(self, samples: slice) -> "Mlps":
        """Only these of the K networks."""
        return self._each(lambda tensor: tensor[samples])

    def to(self, *, device: torch.device | str, dtype: torch.dtype) -> "Mlps":
        """The same networks elsewhere or in another precision."""
        return self._each(lambda tensor: tensor.to(device, dtype))

    def _each(self, change: Callable[[torch.Tensor], torch.Tensor]) -> "Mlps":
        return replace(
            self,
            weights=tuple(map(change, self.weights)),
            biases=tuple(map(change, self.biases)),
            linear=change(self.linear),
            intercept=change(self.intercept),
        )


def stacked(networks: list[Mlps]) -> Mlps:
    """All networks of several collections as one.

    Raises
    ------
    SeqauditError
        No collection, or collections of another shape, sharpness, link or scaling.
    """
    alike = {
        (
            tuple(tuple(weight.shape[1:]) for weight in some.weights),
            some.beta,
            some.link,
            some.scaling.shift.tobytes() + some.scaling.scale.tobytes(),
            some.scaling[2:],
        )
        for some in networks
    }
    if len(alike) != 1:
        raise SeqauditError(
            f"networks: got {len(networks)} collections of {len(alike)} different kinds (layers, beta, link "
            "or scaling), expected one kind. Train the members of an ensemble on the same data and settings."
        )
    return replace(
        networks[0],
        weights=tuple(map(torch.cat, zip(*(some.weights for some in networks)))),
        biases=tuple(map(torch.cat, zip(*(some.biases for some in networks)))),
        linear=torch.cat([some.linear for some in networks]),
        intercept=torch.cat([some.intercept for some in networks]),
    )


def check_points(points: np.ndarray, *, features: int, name: str = "points") -> np.ndarray:
    """Features as float64 (n, D), n at least 1.

    Raises
    ------
    SeqauditError
        Not numbers, another shape, or a value that is not finite.
    """
    try:
        points = np.ascontiguousarray(points, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise SeqauditError(
            f"{name}: expected numbers, got {error}. Turn categories into columns of 0 and 1."
        ) from error
    if points.ndim != 2 or points.shape[1] != features or len(points) == 0:
        raise SeqauditError(
            f"{name}: got shape {points.shape}, expected one or more rows of {features} features."
        )
    if not np.isfinite(points).all():
        row, column = np.argwhere(~np.isfinite(points))[0]
        raise SeqauditError(
            f"{name}: row {row} has {points[row, column]} as feature {column} "
            f"({(~np.isfinite(points)).any(axis=1).sum()} such rows), expected finite numbers. Remove these "
            "rows or fill the gaps."
        )
    return points

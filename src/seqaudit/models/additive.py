"""Additive twins: networks that cannot represent an interaction between distant sites.

A twin predicts, in the unit of the target, a sum over windows: ``location + scale * (baseline +
sum over windows p of g(window p))``, with one non-linear ``g`` for all windows. Two changes that no
window touches both of therefore add up exactly, whatever the weights: the twin is a model of the
hypothesis "no interaction" that is as flexible as the data allow (docs/methods/additive_twin.md).
"""

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from seqaudit.data.targets import TRANSFORMS
from seqaudit.errors import SeqauditError

RESPONSES = ("sigmoid", "softplus")
FAMILIES: dict[str, dict] = {
    "sigmoid": {"units": 12, "hidden": 0, "response": "sigmoid"},
    "layered": {"units": 6, "hidden": 16, "response": "sigmoid"},
}
"""Forms of ``g``: units that read the window, or that read a hidden layer which reads the window."""

_WEIGHT_SD = 0.3
_CLOSED = -5.0  # units start nearly off and in their sloping range
_HIDDEN_BIAS = -2.0
_AMPLITUDE = {"sigmoid": 0.03, "layered": 0.07}
_BASELINE = -3.5


class WindowSum(nn.Module):
    """``baseline + sum_p sum_k amplitude_k * response(unit_k(window_p))``, one member of a twin.

    Attributes
    ----------
    family : dict
        ``units``, ``hidden`` and ``response``, see :func:`complete_family`.
    signed : bool
        Whether amplitudes and baseline may be negative. Otherwise their absolute value and
        softplus count, so that the sum is positive, as counts are.
    """

    def __init__(self, family: dict, *, width: int, signed: bool):
        super().__init__()
        self.family, self.signed = family, signed
        units, hidden = family["units"], family["hidden"]
        self.weight = nn.Parameter(torch.zeros(4 * width, hidden or units))
        self.bias = nn.Parameter(torch.zeros(hidden or units))
        if hidden:
            self.unit_weight = nn.Parameter(torch.zeros(hidden, units))
            self.unit_bias = nn.Parameter(torch.zeros(units))
        self.amplitude = nn.Parameter(torch.zeros(units))
        self.baseline = nn.Parameter(torch.zeros(()))

    def unit_sums(self, windows: torch.Tensor) -> torch.Tensor:
        """Response of every unit, summed over windows: ``(..., windows, 4 * width)`` to ``(..., units)``."""
        unit = torch.matmul(windows, self.weight) + self.bias
        if self.family["hidden"]:
            unit = torch.matmul(torch.relu(unit), self.unit_weight) + self.unit_bias
        respond = torch.sigmoid if self.family["response"] == "sigmoid" else nn.functional.softplus
        return respond(unit).sum(dim=-2)

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        """The sum for every sequence: ``(..., windows, 4 * width)`` to ``(...)``."""
        amplitude, baseline = self.amplitude, self.baseline
        if not self.signed:
            amplitude, baseline = amplitude.abs(), nn.functional.softplus(baseline)
        return baseline + (self.unit_sums(windows) * amplitude).sum(dim=-1)

    def with_slopes(self, windows: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """The sum of every sequence, ``(n,)``, and its derivatives by every parameter, each ``(n, size)``."""
        hidden = self.family["hidden"]
        read = torch.matmul(windows, self.weight) + self.bias
        unit = torch.matmul(torch.relu(read), self.unit_weight) + self.unit_bias if hidden else read
        level = torch.sigmoid(unit)
        if self.family["response"] == "sigmoid":
            response, bend = level, level * (1 - level)
        else:
            response, bend = nn.functional.softplus(unit), level
        amplitude, baseline = self.amplitude, self.baseline
        by_amplitude, by_baseline = torch.ones_like(amplitude), torch.ones_like(baseline)
        if not self.signed:
            by_amplitude, by_baseline = amplitude.sign(), torch.sigmoid(baseline)
            amplitude, baseline = amplitude.abs(), nn.functional.softplus(baseline)
        sums = response.sum(dim=1)
        by_read = by_unit = bend * amplitude
        slopes = [sums * by_amplitude, by_baseline.expand(len(sums), 1)]
        if hidden:
            by_read = torch.matmul(by_unit, self.unit_weight.T) * (read > 0)
            of_units = torch.bmm(torch.relu(read).transpose(1, 2), by_unit)
            slopes = [of_units.flatten(1), by_unit.sum(dim=1), *slopes]
        # (n, 4 width, windows) x (n, windows, units): every window's letters, weighted by its slope
        of_windows = torch.bmm(windows.transpose(1, 2), by_read)
        slopes = [of_windows.flatten(1), by_read.sum(dim=1), *slopes]
        return baseline + (sums * amplitude).sum(dim=1), slopes


class AdditiveTwin(nn.Module):
    """The mean of one or more sums over windows, with the output of an ordinary network.

    Made by :func:`build_twin` and :func:`combine_twins`.

    Attributes
    ----------
    architecture : dict
        Complete description: ``families`` (one per member), ``width``, ``transform``,
        ``location`` and ``scale``.
    length : int
        Sequence length, bp.
    outputs : int
        Always 1.
    """

    outputs = 1

    def __init__(self, architecture: dict, *, length: int):
        super().__init__()
        self.architecture, self.length = architecture, length
        signed = architecture["transform"] == "identity"
        self.members = nn.ModuleList(
            WindowSum(family, width=architecture["width"], signed=signed)
            for family in architecture["families"]
        )

    def windows(self, one_hot: torch.Tensor) -> torch.Tensor:
        """Every window that touches the sequence; those over its ends see zeros outside.

        ``(n, 4, length)`` to ``(n, length + width - 1, 4 * width)``, a view where memory is
        concerned: position by position, four letters each.
        """
        reach = self.architecture["width"] - 1
        letters = nn.functional.pad(one_hot.transpose(1, 2), (0, 0, reach, reach))
        return letters.flatten(start_dim=1).unfold(1, 4 * self.architecture["width"], 4)

    def predict_target(self, one_hot: torch.Tensor) -> torch.Tensor:
        """Prediction in the unit of the target, where it is additive: ``(n, 4, length)`` to ``(n,)``."""
        windows = self.windows(one_hot.to(self.members[0].weight.dtype))
        total = sum(member(windows) for member in self.members) / len(self.members)
        return self.architecture["location"] + self.architecture["scale"] * total

    def forward(self, one_hot: torch.Tensor) -> torch.Tensor:
        """Prediction in the training space, as of every other network: ``(n, 4, length)`` to ``(n, 1)``."""
        return transformed(self.predict_target(one_hot), self.architecture["transform"])[:, None]

    @torch.no_grad()
    def predict_with_slopes(self, one_hot: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Predictions in the training space, ``(n,)``, and derivatives by all weights, ``(n, weights)``.

        Weights are in the order of ``named_parameters()``, each flattened. Written out, because backward
        passes of single sequences would cost more than all else in a Gauss-Newton step.
        """
        # copied once: the products with it would each copy the view
        windows = self.windows(one_hot.to(self.members[0].weight.dtype)).contiguous()
        members = [member.with_slopes(windows) for member in self.members]
        share = self.architecture["scale"] / len(members)
        target = self.architecture["location"] + share * sum(total for total, _ in members)
        slopes = torch.cat([slope for _, of_member in members for slope in of_member], dim=1)
        slopes *= (share * transform_slope(target, self.architecture["transform"]))[:, None]
        return transformed(target, self.architecture["transform"]), slopes


def transformed(target: torch.Tensor, transform: str) -> torch.Tensor:
    """:func:`seqaudit.data.targets.transform_target` for tensors, with gradients."""
    if transform == "anscombe":
        return 2 * torch.sqrt(target + 3 / 8)
    return torch.log1p(target) if transform == "log1p" else target


def transform_slope(target: torch.Tensor, transform: str) -> torch.Tensor:
    """Derivative of :func:`transformed` by the target."""
    if transform == "anscombe":
        return torch.rsqrt(target + 3 / 8)
    return 1 / (1 + target) if transform == "log1p" else torch.ones_like(target)


def build_twin(
    family: Mapping | str,
    *,
    width: int,
    length: int,
    transform: str,
    location: float = 0.0,
    scale: float = 1.0,
    seed: int,
) -> AdditiveTwin:
    """Build a twin of one member with reproducible initial weights.

    Parameters
    ----------
    family : mapping or str
        See :func:`complete_family`, or a name in ``FAMILIES``.
    width : int
        Of the window, bp. Changes whose nearest positions are ``width`` bp or more apart
        (``|i - j| >= width``) have exactly no interaction.
    length : int
        Of the sequences, bp.
    transform : {"anscombe", "identity", "log1p"}
        Of the target. With ``"identity"`` the twin may predict any number, otherwise
        predictions are positive.
    location, scale : float
        Typical level and size of the target, in its unit; ``location`` only of measured
        targets (``"identity"``). The scale is positive.
    seed : int
        Of the initial weights.

    Returns
    -------
    AdditiveTwin
        On the CPU, float32, in training mode.

    Raises
    ------
    SeqauditError
        An unknown family, key, response or transform, or a number out of range.
    """
    if transform not in TRANSFORMS:
        raise SeqauditError(f"transform: got {transform!r}, expected one of {', '.join(TRANSFORMS)}.")
    if not 1 <= width <= length:
        raise SeqauditError(f"width: got {width}, expected 1 to the length of the sequences, {length} bp.")
    if not scale > 0:
        raise SeqauditError(f"scale: got {scale}, expected a positive number.")
    if location != 0 and transform != "identity":
        raise SeqauditError(f"location: got {location}, expected 0 for transform '{transform}'.")
    architecture = {
        "families": [complete_family(family)],
        "width": int(width),
        "transform": transform,
        "location": float(location),
        "scale": float(scale),
    }
    twin = AdditiveTwin(architecture, length=length)
    _initialise(twin.members[0], seed)
    return twin


def combine_twins(twins: Sequence[AdditiveTwin]) -> AdditiveTwin:
    """The twin that predicts the mean of some twins, in the unit of the target.

    A mean of sums over windows is a sum over windows, so the result is as additive as they are.

    Raises
    ------
    SeqauditError
        No twin, or twins of different width, length, transform, location or scale.
    """
    if not twins:
        raise SeqauditError("twins: none given, expected at least one.")
    shared = [{**twin.architecture, "families": None, "length": twin.length} for twin in twins]
    for other in shared[1:]:
        if other != shared[0]:
            raise SeqauditError(
                f"twins: {other} cannot be combined with {shared[0]}; fit them to one dataset."
            )
    families = [family for twin in twins for family in twin.architecture["families"]]
    combined = AdditiveTwin({**twins[0].architecture, "families": families}, length=twins[0].length)
    members = [member for twin in twins for member in twin.members]
    # a combination of combinations weighs every member alike, so members must come alone
    for copy, member in zip(combined.members, members, strict=True):
        copy.load_state_dict(member.state_dict())
    return combined.eval()


def complete_family(family: Mapping | str) -> dict:
    """Check the description of a family and fill in its defaults.

    Parameters
    ----------
    family : mapping or str
        ``units``: non-linear units that are summed; ``hidden``: ReLU units between them and
        the window, 0 for none; ``response``: ``"sigmoid"``, which saturates, or
        ``"softplus"``, which does not. Or a name in ``FAMILIES``.

    Returns
    -------
    dict

    Raises
    ------
    SeqauditError
        An unknown name, key or response, or a number out of range.
    """
    if isinstance(family, str):
        if family not in FAMILIES:
            raise SeqauditError(
                f"family '{family}' is unknown, expected one of {', '.join(FAMILIES)} or a description."
            )
        family = FAMILIES[family]
    unknown = set(family) - {"units", "hidden", "response"}
    if unknown:
        raise SeqauditError(
            f"family: key '{sorted(unknown)[0]}' is unknown, expected units, hidden and response."
        )
    complete = {"units": 12, "hidden": 0, "response": "sigmoid", **family}
    for name, lowest in {"units": 1, "hidden": 0}.items():
        if complete[name] != int(complete[name]) or complete[name] < lowest:
            raise SeqauditError(
                f"family: {name} is {complete[name]!r}, expected a whole number of at least {lowest}."
            )
    if complete["response"] not in RESPONSES:
        raise SeqauditError(
            f"family: response '{complete['response']}' is unknown, expected {' or '.join(RESPONSES)}."
        )
    return complete


def _initialise(member: WindowSum, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    hidden = member.family["hidden"]
    with torch.no_grad():
        member.weight.normal_(0, _WEIGHT_SD, generator=generator)
        member.bias.fill_(_HIDDEN_BIAS if hidden else _CLOSED)
        if hidden:
            member.unit_weight.normal_(0, 1, generator=generator)
            member.unit_bias.fill_(_CLOSED)
        member.amplitude.fill_(_AMPLITUDE["layered" if hidden else "sigmoid"])
        member.baseline.fill_(0.0 if member.signed else _BASELINE)
        if member.signed:  # units that raise and units that lower
            member.amplitude[1::2] *= -1

"""Tidy the units of an additive twin: drop those that do nothing, move those that cut a motif off."""

import torch

from seqaudit.models.additive import AdditiveTwin, WindowSum

_SEQUENCES_AT_ONCE = 250


def drop_idle_units(twin: AdditiveTwin, one_hot: torch.Tensor, *, share: float = 1e-3) -> AdditiveTwin:
    """The same twin without units that say the same of all sequences.

    Such units are flat directions for a Gauss-Newton step, and cost as much as the others.

    Parameters
    ----------
    twin : AdditiveTwin
    one_hot : torch.Tensor, shape (n, 4, length)
        Sequences on which the units are judged.
    share : float
        Units are dropped whose contribution varies by less (standard deviation over the
        sequences, as a share of the twin's scale); their mean goes to the baseline. The unit
        that varies most always stays.

    Returns
    -------
    AdditiveTwin
    """
    kept = [_active_units(twin, member, one_hot, share) for member in twin.members]
    families = [
        {**member.family, "units": len(units)} for member, (units, _) in zip(twin.members, kept, strict=True)
    ]
    smaller = AdditiveTwin({**twin.architecture, "families": families}, length=twin.length).to(one_hot.device)
    with torch.no_grad():
        for old, new, (units, constant) in zip(twin.members, smaller.members, kept, strict=True):
            for name, value in old.named_parameters():
                per_unit = name != "baseline" and not (old.family["hidden"] and name in ("weight", "bias"))
                getattr(new, name).copy_(value[..., units] if per_unit else value)
            new.baseline.copy_(_raised(old.baseline, constant, signed=old.signed))
    return smaller


def centre_units(twin: AdditiveTwin) -> bool:
    """Move every unit so that what it reads lies in the middle of its window; in place.

    A unit that found a motif two positions off reads it cut off by two, and no small change of
    weights leads out of that. Positions that leave the window give their mean to the bias,
    new ones start at 0. Units behind a hidden layer stay, as they have no place of their own.

    Returns
    -------
    bool
        Whether any unit moved.
    """
    moved = False
    with torch.no_grad():
        for member in twin.members:
            if member.family["hidden"]:
                continue
            for unit in range(member.family["units"]):
                moved |= _centre(member, unit)
    return moved


def _active_units(twin, member: WindowSum, one_hot, share) -> tuple[torch.Tensor, torch.Tensor]:
    with torch.no_grad():
        sums = torch.cat(
            [member.unit_sums(twin.windows(part)) for part in one_hot.split(_SEQUENCES_AT_ONCE)]
        ).double()
        amplitude = member.amplitude.double()
        contribution = sums * (amplitude if member.signed else amplitude.abs())
    spread = contribution.std(dim=0, correction=0)
    active = spread >= share
    active[spread.argmax()] = True
    return torch.nonzero(active).flatten(), contribution.mean(dim=0)[~active].sum()


def _raised(baseline: torch.Tensor, by: torch.Tensor, *, signed: bool) -> torch.Tensor:
    if signed:
        return (baseline.double() + by).to(baseline.dtype)
    level = torch.nn.functional.softplus(baseline.double()) + by
    # log(exp(level) - 1), the inverse of softplus, without overflow
    return (level + torch.log(-torch.expm1(-level))).to(baseline.dtype)


def _centre(member: WindowSum, unit: int) -> bool:
    columns = member.weight[:, unit].reshape(-1, 4)
    level = columns.mean(dim=1)
    reads = (columns - level[:, None]).square().sum(dim=1).double()
    places = torch.arange(len(columns), dtype=torch.float64, device=reads.device)
    if not 0 < reads.sum() < torch.inf:  # nothing is read, or weights overflowed
        return False
    shift = round(float((len(columns) - 1) / 2 - (reads * places).sum() / reads.sum()))
    if shift == 0:
        return False
    lost = slice(len(columns) - shift, None) if shift > 0 else slice(0, -shift)
    gained = slice(0, shift) if shift > 0 else slice(shift, None)
    member.bias[unit] += level[lost].sum()
    columns = columns.roll(shift, dims=0)
    columns[gained] = 0
    member.weight[:, unit] = columns.flatten()
    return True

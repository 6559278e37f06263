"""Which mutations are instruments: filters on their effects and places, and the table of all of them."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from seqaudit.errors import SeqauditError
from seqaudit.inference.deepmr.effects import EnsembleEffects, Moments, member_moments
from seqaudit.inference.deepmr.loci import Sites

REGIONS = ("motif", "peak", "anywhere")
SE_MODES = ("posterior_sd", "ensemble_mean")


class Filters(NamedTuple):
    """What a mutation has to pass to be an instrument; every filter that is not None.

    Attributes
    ----------
    min_abs_beta : float or None
        Least absolute mean effect on the exposure. 1 is one standard deviation of a Poisson
        count in Anscombe's space. Without it a few loci whose exposure hardly moves give
        enormous estimates.
    min_abs_z : float or None
        Least absolute mean effect over its standard error; 3.16 is F = 10.
    min_pooled_z : float or None
        The published filter: least distance from the mean effect of all mutations of the
        ensemble, in standard deviations of these effects.
    region : {"motif", "peak", "anywhere"}
        Inside a site of the exposure's motif; in the window with the largest sum of absolute
        effects on the exposure (the leftmost of equal ones); or anywhere.
    peak_width : int
        Width of that window in bp.
    min_instruments : int
        Instruments that a locus needs.
    cross_fit : bool
        Select with one half of the members (the even ones) and estimate with the other, swap,
        and average: an effect that was selected for being large is not used where it was.
    """

    min_abs_beta: float | None = 1.0
    min_abs_z: float | None = 3.16
    min_pooled_z: float | None = None
    region: str = "motif"
    peak_width: int = 10
    min_instruments: int = 3
    cross_fit: bool = False

    @classmethod
    def of(cls, settings: "Filters | dict | None") -> "Filters":
        """Checked filters from a mapping such as a recipe's ``instruments``."""
        settings = {} if settings is None else settings
        given = settings._asdict() if isinstance(settings, Filters) else dict(settings)
        unknown = sorted(set(given) - set(cls._fields))
        if unknown:
            raise SeqauditError(
                f"instruments: unknown filter '{unknown[0]}', expected one of {', '.join(cls._fields)}."
            )
        filters = cls(**given)
        for name in ("min_abs_beta", "min_abs_z", "min_pooled_z"):
            value = getattr(filters, name)
            if value is not None and not (isinstance(value, (int, float)) and 0 <= value < np.inf):
                raise SeqauditError(
                    f"instruments: got {name}={value!r}, expected a number of at least 0, or null."
                )
        if filters.region not in REGIONS:
            raise SeqauditError(
                f"instruments: got region={filters.region!r}, expected one of {', '.join(REGIONS)}."
            )
        for name in ("peak_width", "min_instruments"):
            value = getattr(filters, name)
            if not isinstance(value, (int, np.integer)) or value < 1:
                raise SeqauditError(
                    f"instruments: got {name}={value!r}, expected a whole number of at least 1."
                )
        return filters


class Panel(NamedTuple):
    """Effects of members, or of half of them, beside their moments.

    Attributes
    ----------
    effects : EnsembleEffects
    moments : Moments
    se : numpy.ndarray, shape (mutations, outputs), float64
        Standard errors of the mean effects.
    """

    effects: EnsembleEffects
    moments: Moments
    se: np.ndarray


def make_panel(effects: EnsembleEffects, se_mode: str = "posterior_sd") -> Panel:
    """Moments and standard errors of effects over members.

    Parameters
    ----------
    effects : EnsembleEffects
    se_mode : {"posterior_sd", "ensemble_mean"}
        The standard deviation over members (divisor N - 1): how far the truth is from what
        networks say, if it could be one more network. Or that over the root of N: how far the
        mean of N networks is from the mean of infinitely many.

    Raises
    ------
    SeqauditError
        One member, or an unknown mode.
    """
    if se_mode not in SE_MODES:
        raise SeqauditError(f"se_mode: got {se_mode!r}, expected one of {', '.join(SE_MODES)}.")
    moments = member_moments(effects.values)
    divisor = len(effects.values) if se_mode == "ensemble_mean" else 1
    return Panel(effects, moments, np.sqrt(moments.variance / divisor))


def halves(effects: EnsembleEffects) -> tuple[EnsembleEffects, EnsembleEffects]:
    """The members with even and with odd places.

    Raises
    ------
    SeqauditError
        Fewer than four members: a half needs two to have a standard error.
    """
    if (members := len(effects.values)) < 4:
        raise SeqauditError(
            f"instruments: cross_fit needs at least 4 members, two in each half, got {members}. Train more "
            "members or set cross_fit to false."
        )
    even, odd = (effects._replace(values=effects.values[first::2]) for first in (0, 1))
    return even, odd


def select(panel: Panel, filters: Filters, sites: Sites, exposure: str) -> np.ndarray:
    """Mutations that pass every filter, shape (mutations,), bool."""
    effects = panel.effects
    x = effects.index_of(exposure, "exposure")
    beta, se = panel.moments.mean[:, x], panel.se[:, x]
    size = np.abs(beta)
    selected = size > 0
    if filters.min_abs_beta is not None:
        selected &= size >= filters.min_abs_beta
    if filters.min_abs_z is not None:
        selected &= size >= filters.min_abs_z * se
    if filters.min_pooled_z is not None:
        selected &= np.abs(beta - beta.mean()) >= filters.min_pooled_z * beta.std()
    if filters.region == "motif":
        selected &= sites.inside(exposure, effects)
    if filters.region == "peak":
        selected &= in_peak(effects, size, filters.peak_width)
    return selected


def in_peak(effects: EnsembleEffects, size: np.ndarray, width: int) -> np.ndarray:
    """Mutations in the window of a locus with the largest sum of ``size``, shape (mutations,), bool.

    Windows lie between the first and the last mutated position of all loci; the leftmost of
    equal ones counts.
    """
    position = effects.mutations["position"].to_numpy()
    first, span = position.min(), int(np.ptp(position)) + 1
    width = min(width, span)
    cell = effects.locus * span + position - first
    profile = np.bincount(cell, weights=size, minlength=len(effects.loci) * span).reshape(-1, span)
    total = np.lib.stride_tricks.sliding_window_view(profile, width, axis=1).sum(axis=2)
    # sums of the same numbers can differ in the last digit: a window wins by more than that
    start = first + (total >= total.max(axis=1, keepdims=True) * (1 - 1e-12)).argmax(axis=1)
    offset = position - start[effects.locus]
    return (offset >= 0) & (offset < width)


def instrument_rows(
    panel: Panel, sites: Sites, selected: np.ndarray, truth: np.ndarray, *, exposure: str, outcome: str
) -> pd.DataFrame:
    """Table ``instruments`` of one pair, without its column ``ensemble``."""
    x, y = panel.effects.index_of(exposure, "exposure"), panel.effects.index_of(outcome, "outcome")
    mean, covariance, se = panel.moments.mean, panel.moments.covariance, panel.se
    mutations = panel.effects.mutations
    in_motif = sites.inside(exposure, panel.effects)
    if not sites.known.all():
        in_motif = pd.array(in_motif, dtype="boolean")
        in_motif[~sites.known[panel.effects.locus]] = pd.NA
    return pd.DataFrame(
        {
            "locus_id": mutations["locus_id"],
            "exposure": exposure,
            "outcome": outcome,
            "position": mutations["position"],
            "ref": mutations["ref"],
            "alt": mutations["alt"],
            "beta_exposure": mean[:, x],
            "se_exposure": se[:, x],
            "beta_outcome": mean[:, y],
            "se_outcome": se[:, y],
            "covariance": covariance[:, x, y],
            "in_motif": in_motif,
            "selected": selected,
            "true_beta_exposure": truth[:, x],
            "true_beta_outcome": truth[:, y],
        }
    )

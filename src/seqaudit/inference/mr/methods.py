"""All methods by name: :func:`methods` lists them, :func:`estimate` runs one."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import pandas as pd

from seqaudit.errors import SeqauditError
from seqaudit.inference.mr.common import MRResult
from seqaudit.inference.mr.regression import egger, ivw, wald_mean


class Method(NamedTuple):
    """One entry of the table of methods."""

    label: str
    """Name in tables and figures; TwoSampleMR's where it has the method."""
    function: Callable
    options: Mapping
    min_instruments: int
    assumptions: str
    source: str


_ALL_VALID = "no direct effects on the outcome, or ones that average to 0"
_INSIDE = "direct effects independent of instrument strength (InSIDE)"
_FEW_OUTLIERS = "most instruments valid: gross outliers lose their weight"

_METHODS = {
    "ivw": Method("Inverse variance weighted", ivw, {}, 1, _ALL_VALID, "Burgess et al. 2013"),
    "ivw_fixed": Method(
        "Inverse variance weighted (fixed effects)",
        ivw,
        {"model": "fixed"},
        1,
        "no direct effects on the outcome at all",
        "Burgess et al. 2013",
    ),
    "ivw_delta": Method(
        "Inverse variance weighted (second-order weights)",
        ivw,
        {"weights": "delta"},
        1,
        f"{_ALL_VALID}; exposure errors enter the weights",
        "Thompson et al. 2016",
    ),
    "ivw_penalized": Method(
        "Inverse variance weighted (penalized)",
        ivw,
        {"penalized": True},
        1,
        _FEW_OUTLIERS,
        "Rees et al. 2019",
    ),
    "ivw_robust": Method(
        "Inverse variance weighted (robust)",
        ivw,
        {"robust": True},
        1,
        _FEW_OUTLIERS,
        "Rees et al. 2019",
    ),
    "egger": Method("MR Egger", egger, {}, 3, _INSIDE, "Bowden et al. 2015"),
    "egger_penalized": Method(
        "MR Egger (penalized)",
        egger,
        {"penalized": True},
        3,
        f"{_INSIDE}; {_FEW_OUTLIERS}",
        "Rees et al. 2019",
    ),
    "egger_robust": Method(
        "MR Egger (robust)",
        egger,
        {"robust": True},
        3,
        f"{_INSIDE}; {_FEW_OUTLIERS}",
        "Rees et al. 2019",
    ),
    "wald_mean": Method(
        "Mean Wald ratio",
        wald_mean,
        {},
        2,
        "no direct effects on the outcome, all ratios equally precise",
        "DeepMR's baseline",
    ),
}


def methods() -> pd.DataFrame:
    """Return the table of methods.

    Returns
    -------
    pandas.DataFrame
        One row per name that :func:`estimate` accepts: ``method``, ``label``,
        ``min_instruments``, ``assumptions`` and ``source``.
    """
    shown = ("label", "min_instruments", "assumptions", "source")
    return pd.DataFrame(
        [
            {"method": name} | {column: getattr(entry, column) for column in shown}
            for name, entry in _METHODS.items()
        ]
    )


def estimate(
    beta_exposure, se_exposure, beta_outcome, se_outcome, used=None, *, method: str = "ivw", **options
) -> MRResult:
    """Estimate causal effects by the method of that name.

    Parameters
    ----------
    beta_exposure, se_exposure, beta_outcome, se_outcome : array_like, (loci, instruments) or 1-D
        Effects and standard errors.
    used : array_like of bool, same shape, optional
        Instruments that exist; missing numbers are left out as well.
    method : str
        A name from :func:`methods`.
    **options
        Options of the method's own function, for instance ``distribution="t"``.

    Returns
    -------
    MRResult, or a type that starts with its fields
        One entry per locus.

    Raises
    ------
    SeqauditError
        For an unknown method or malformed arrays; never for the numbers of a single locus,
        which come back as NaN with a ``status``.
    """
    if method not in _METHODS:
        raise SeqauditError(f"mr: unknown method {method!r}, expected one of {', '.join(_METHODS)}.")
    entry = _METHODS[method]
    try:
        return entry.function(
            beta_exposure, se_exposure, beta_outcome, se_outcome, used, **{**entry.options, **options}
        )
    except TypeError as error:
        if "unexpected keyword argument" not in str(error):
            raise
        raise SeqauditError(f"mr: method {method!r} does not know the option: {error}.") from None

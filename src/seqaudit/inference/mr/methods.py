"""All methods by name: :func:`methods` lists them, :func:`estimate` runs one."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import pandas as pd
from numpy.typing import ArrayLike

from seqaudit.errors import SeqauditError
from seqaudit.inference.mr.common import MRResult
from seqaudit.inference.mr.contamination import conmix
from seqaudit.inference.mr.divw import divw, pivw
from seqaudit.inference.mr.lasso import lasso
from seqaudit.inference.mr.maxlik import maxlik
from seqaudit.inference.mr.median import median
from seqaudit.inference.mr.mode import mode
from seqaudit.inference.mr.presso import presso
from seqaudit.inference.mr.raps import raps
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


_NONE = "no direct effects on the outcome"
_BALANCED = f"{_NONE}, or ones that average to 0"
_INSIDE = "direct effects independent of instrument strength (InSIDE)"
_FEW_OUTLIERS = "most instruments valid, the others far off"
_PLURALITY = "the largest group of instruments that agree is valid"

_METHODS = {
    "ivw": Method("Inverse variance weighted", ivw, {}, 1, _BALANCED, "Burgess et al. 2013"),
    "ivw_fixed": Method(
        "Inverse variance weighted (fixed effects)", ivw, {"model": "fixed"}, 1, _NONE, "Burgess et al. 2013"
    ),
    "ivw_delta": Method(
        "Inverse variance weighted (second-order weights)",
        ivw,
        {"weights": "delta"},
        1,
        _BALANCED,
        "Thompson et al. 2016",
    ),
    "ivw_robust": Method(
        "Inverse variance weighted (robust)", ivw, {"robust": True}, 1, _FEW_OUTLIERS, "Rees et al. 2019"
    ),
    "ivw_penalized": Method(
        "Inverse variance weighted (penalized)",
        ivw,
        {"penalized": True},
        1,
        _FEW_OUTLIERS,
        "Rees et al. 2019",
    ),
    "ivw_robust_penalized": Method(
        "Inverse variance weighted (robust, penalized)",
        ivw,
        {"robust": True, "penalized": True},
        1,
        _FEW_OUTLIERS,
        "Rees et al. 2019",
    ),
    "egger": Method("MR Egger", egger, {}, 3, _INSIDE, "Bowden et al. 2015"),
    "egger_robust": Method(
        "MR Egger (robust)", egger, {"robust": True}, 3, f"{_INSIDE}; {_FEW_OUTLIERS}", "Rees et al. 2019"
    ),
    "egger_penalized": Method(
        "MR Egger (penalized)",
        egger,
        {"penalized": True},
        3,
        f"{_INSIDE}; {_FEW_OUTLIERS}",
        "Rees et al. 2019",
    ),
    "egger_robust_penalized": Method(
        "MR Egger (robust, penalized)",
        egger,
        {"robust": True, "penalized": True},
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
    "median_simple": Method(
        "Simple median",
        median,
        {"weighting": "simple"},
        3,
        "more than half of the instruments valid",
        "Bowden et al. 2016",
    ),
    "median_weighted": Method(
        "Weighted median",
        median,
        {},
        3,
        "more than half of the weight on valid instruments",
        "Bowden et al. 2016",
    ),
    "median_penalized": Method(
        "Penalised weighted median",
        median,
        {"weighting": "penalized"},
        3,
        "more than half of the weight on valid instruments",
        "Bowden et al. 2016",
    ),
    "mode_simple": Method(
        "Simple mode", mode, {"weighting": "unweighted"}, 2, _PLURALITY, "Hartwig et al. 2017"
    ),
    "mode_weighted": Method("Weighted mode", mode, {}, 2, _PLURALITY, "Hartwig et al. 2017"),
    "conmix": Method("Contamination mixture", conmix, {}, 2, _PLURALITY, "Burgess et al. 2020"),
    "divw": Method(
        "Debiased inverse variance weighted",
        divw,
        {},
        1,
        f"{_BALANCED}; instruments may be weak",
        "Ye et al. 2021",
    ),
    "pivw": Method(
        "Penalized inverse variance weighted",
        pivw,
        {},
        1,
        f"{_BALANCED}; instruments may be weak",
        "Xu et al. 2023",
    ),
    "lasso": Method("MR-Lasso", lasso, {}, 2, _FEW_OUTLIERS, "Rees et al. 2019"),
    "maxlik": Method(
        "Maximum likelihood",
        maxlik,
        {},
        1,
        f"{_BALANCED}; errors of the exposure modelled",
        "Burgess et al. 2013",
    ),
    "raps_simple": Method(
        "Robust adjusted profile score (simple)",
        raps,
        {"overdispersion": False, "loss": "l2"},
        1,
        f"{_NONE}; instruments may be weak",
        "Zhao et al. 2020",
    ),
    "raps_l2": Method(
        "Robust adjusted profile score (squared loss)",
        raps,
        {"loss": "l2"},
        1,
        f"{_BALANCED}; instruments may be weak",
        "Zhao et al. 2020",
    ),
    "raps": Method(
        "Robust adjusted profile score (RAPS)",
        raps,
        {},
        1,
        f"{_BALANCED}; {_FEW_OUTLIERS}; instruments may be weak",
        "Zhao et al. 2020",
    ),
    "raps_tukey": Method(
        "Robust adjusted profile score (Tukey loss)",
        raps,
        {"loss": "tukey"},
        1,
        f"{_BALANCED}; {_FEW_OUTLIERS}; instruments may be weak",
        "Zhao et al. 2020",
    ),
    "presso": Method("MR-PRESSO", presso, {}, 3, _FEW_OUTLIERS, "Verbanck et al. 2018"),
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
    beta_exposure: ArrayLike,
    se_exposure: ArrayLike,
    beta_outcome: ArrayLike,
    se_outcome: ArrayLike,
    used: ArrayLike | None = None,
    *,
    method: str = "ivw",
    **options,
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

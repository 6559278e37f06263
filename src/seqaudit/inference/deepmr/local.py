"""The causal effect at one locus: slope through the origin with the spread of members, or any MR method."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from seqaudit.errors import SeqauditError
from seqaudit.inference import mr
from seqaudit.inference.deepmr.instruments import Panel
from seqaudit.inference.deepmr.intervals import moderate, student
from seqaudit.inference.deepmr.loci import Sites
from seqaudit.inference.mr_tables import estimate_table

METHODS = {
    "member_slope": "least squares through the origin, no weights, interval from the spread of members",
    "egger_published": "as published: MR-Egger, by MM-regression where there are more than 10 instruments",
    "mv_slope": "member_slope with the other outputs as further exposures",
    "calibrated_slope": "member_slope, multiplied so that predicted effects have the size of measured ones",
    "mv_ivw": "multivariable IVW with the other outputs as further exposures",
}
"""Methods of ``deepmr_local`` besides those that ``seqaudit.inference.mr.methods`` lists."""

PUBLISHED = ("egger_published", "wald_mean")
"""The published method and its baseline: always computed, for comparison."""

STATUS = {
    "unknown_sites": "instruments lie in sites of the exposure, and those of the sequence are not known",
    "no_exposure_site": "instruments lie in sites of the exposure, and the sequence has none",
    **mr.STATUS,
    "too_few_labelled_mutants": "fewer than 30 labelled mutants in sites of the exposure to calibrate with",
    "too_few_instruments": "fewer mutations passed the filters than min_instruments or the method asks for",
}
"""Every value of ``status`` in ``deepmr_local``, and what it means."""

_ROBUST_ABOVE = 10
_FIELDS = (
    "b",
    "se",
    "ci_low",
    "ci_high",
    "pval",
    "df",
    "q",
    "q_pval",
    "i2",
    "egger_intercept",
    "egger_intercept_pval",
    "f_statistic",
)


class Part(NamedTuple):
    """Members to estimate with, and the instruments that were selected for them.

    One part holds all members; under cross-fitting there are two, each with the instruments
    that the other's members selected.

    Attributes
    ----------
    panel : Panel
    members : numpy.ndarray of int64
        Places of its members in the whole ensemble.
    selected : numpy.ndarray, shape (mutations,), bool
    """

    panel: Panel
    members: np.ndarray
    selected: np.ndarray

    @property
    def count(self) -> np.ndarray:
        """Instruments of every locus, shape (loci,), int64."""
        return self.panel.effects.per_locus(self.selected).astype(np.int64)


def check_methods(methods: Iterable[str]) -> list[str]:
    """Names of univariable methods, each once: member_slope, those given, the published ones."""
    listed = set(mr.methods()["method"]) | {"member_slope", *PUBLISHED}
    ordered = list(dict.fromkeys(["member_slope", *methods, *PUBLISHED]))
    unknown = [name for name in ordered if name not in listed]
    if unknown:
        raise SeqauditError(
            f"deepmr: unknown method '{unknown[0]}', expected some of {', '.join(sorted(listed))}."
        )
    return ordered


def member_slopes(panel: Panel, selected: np.ndarray, x: int, y: int) -> np.ndarray:
    """The slope of every member, linearised around that of the ensemble.

    ``theta = sum(bX bY) / sum(bX^2)`` over the selected mutations of a locus, b the means over
    members; member i's is ``theta + sum_j bX_j (dY_ij - theta dX_ij) / sum(bX^2)``, so that their
    mean is theta. (This is ``sum(bX dY_i) / sum(bX dX_i)`` to first order. The ratio itself, or a
    member's own least squares, can blow up where its effects on the exposure are small.)

    Parameters
    ----------
    panel : Panel
    selected : array of bool, shape (mutations,)
    x, y : int
        Exposure and outcome on the outputs' axis.

    Returns
    -------
    numpy.ndarray, shape (members, loci), float64
        NaN for loci without a selected mutation.
    """
    effects, mean = panel.effects, panel.moments.mean
    weight = np.where(selected, mean[:, x], 0.0)
    total = effects.per_locus(weight * mean[:, x])
    total[total == 0] = np.nan
    slope = effects.per_locus(weight * mean[:, y]) / total
    # NaN stays within its locus: sums run over one locus at a time
    spread = slope[effects.locus]
    deviations = [
        effects.per_locus(weight * (member[:, y] - spread * member[:, x].astype(np.float64))) / total
        for member in effects.values
    ]
    return slope + np.stack(deviations)


def true_slopes(parts: list[Part], truth: np.ndarray, x: int, y: int) -> np.ndarray:
    """Slope through the origin of the true effects over the same instruments, shape (loci,).

    NaN where the truth of an instrument is unknown or none of them moves the exposure. Of
    cross-fitted parts the mean, weighted by their members.
    """
    slopes = []
    for part in parts:
        per_locus = part.panel.effects.per_locus
        tx, ty = (np.where(part.selected, truth[:, output], 0.0) for output in (x, y))
        total = per_locus(tx * tx)
        total[total == 0] = np.nan
        slopes.append(per_locus(tx * ty) / total)
    return np.average(slopes, axis=0, weights=[len(part.members) for part in parts])


def locus_status(parts: list[Part], sites: Sites, exposure: str, *, region: str, least: int) -> np.ndarray:
    """Why a locus has no instruments, before any method is asked: keys of ``STATUS``, or ok."""
    conditions = [np.any([part.count < least for part in parts], axis=0)]
    names = ["too_few_instruments"]
    if region == "motif":
        conditions = [~sites.known, ~sites.has(exposure), *conditions]
        names = ["unknown_sites", "no_exposure_site", *names]
    return np.select(conditions, names, "ok")


def member_estimates(
    slopes: np.ndarray,
    usable: np.ndarray,
    *,
    se_mode: str,
    groups: np.ndarray,
    moderated: bool = False,
    prior_df: float | None = None,
) -> dict[str, np.ndarray]:
    """Estimate and Student interval of every locus from its members' slopes.

    ``se^2 = (1 + 1/N) var_i``: the members' mean has an error, and the truth differs from what
    all such networks agree on about as one of them does. Under ``ensemble_mean`` it is
    ``var_i / N``: the second error is left out.

    Parameters
    ----------
    slopes : array, shape (members, loci)
    usable : array of bool, shape (loci,)
        Others are NaN and do not count in the moderation.
    groups : array, shape (loci,)
        Variances are moderated among the loci of one group.
    """
    slopes = np.where(usable, slopes, np.nan)
    members = len(slopes)
    variance = slopes.var(axis=0, ddof=1)
    df = np.full(len(variance), members - 1.0)
    if moderated:
        for group in np.unique(groups):
            rows = groups == group
            variance[rows], df[rows] = moderate(variance[rows], members - 1, prior_df=prior_df)
    b, se = slopes.mean(axis=0), np.sqrt(variance * variance_factor(members, se_mode))
    low, high, pval = student(b, se, df)
    return {"b": b, "se": se, "ci_low": low, "ci_high": high, "pval": pval, "df": df}


def variance_factor(members: int, se_mode: str) -> float:
    """What the variance between members is multiplied with."""
    return 1 / members if se_mode == "ensemble_mean" else 1 + 1 / members


def method_estimates(
    parts: list[Part], usable: np.ndarray, x: int, y: int, *, method: str, se_mode: str
) -> dict[str, np.ndarray]:
    """Estimates of one MR method, with its own standard errors and intervals, shape (loci,) each.

    Of cross-fitted parts the mean estimate; its standard error is the root mean square of both
    (over the root of 2 under ``ensemble_mean``: halves of an ensemble are independent draws).
    """
    tables = [_estimate_part(part, usable, x, y, method) for part in parts]
    if len(tables) == 1:
        return {name: tables[0][name].to_numpy() for name in (*_FIELDS, "status")}
    first, second = tables
    nothing = np.full(len(usable), np.nan)
    result = dict.fromkeys(_FIELDS, nothing)
    for name in ("b", "egger_intercept", "f_statistic"):
        result[name] = (first[name].to_numpy() + second[name].to_numpy()) / 2
    mean_square = (first["se"].to_numpy() ** 2 + second["se"].to_numpy() ** 2) / 2
    result["se"] = np.sqrt(mean_square / (2 if se_mode == "ensemble_mean" else 1))
    result["ci_low"], result["ci_high"], result["pval"] = student(result["b"], result["se"], np.inf)
    failed = first["status"].to_numpy() != "ok"
    return result | {"status": np.where(failed, first["status"], second["status"])}


def estimand_of(method: str, exposure: str, outcome: str, *, se_mode: str, others: Iterable[str] = ()) -> str:
    """What the local estimate of a method estimates, in words."""
    means = "what infinitely many such networks say" if se_mode == "ensemble_mean" else "the true effects"
    over = f"effects of the locus' instruments on {outcome} and {exposure}"
    if method.startswith("mv_"):
        weights = "unweighted" if method == "mv_slope" else "weighted"
        return (
            f"{weights} slope of {outcome} on {exposure} with the effects on {', '.join(others)} held, over "
            f"the instruments of all of them, in {means}"
        )
    if method == "member_slope":
        return f"unweighted slope through the origin between {over}, in {means}"
    assumptions = _assumptions("egger_robust" if method == "egger_published" else method)
    return f"slope between {over}, if: {assumptions}"


def local_rows(
    parts: list[Part],
    sites: Sites,
    truth: np.ndarray,
    *,
    exposure: str,
    outcome: str,
    methods: list[str],
    region: str,
    min_instruments: int,
    se_mode: str,
    moderated: bool,
    prior_df: float | None,
) -> tuple[pd.DataFrame, np.ndarray]:
    """Table ``deepmr_local`` of one pair without the columns of the ensemble, and all members' slopes.

    Returns
    -------
    pandas.DataFrame
        Every locus under every method.
    numpy.ndarray, shape (members, loci)
        Slopes as :func:`member_slopes`; NaN where there is no estimate.
    """
    effects = parts[0].panel.effects
    x, y = effects.index_of(exposure, "exposure"), effects.index_of(outcome, "outcome")
    before = locus_status(parts, sites, exposure, region=region, least=min_instruments)
    usable = before == "ok"
    slopes = np.empty((sum(len(part.members) for part in parts), len(usable)))
    for part in parts:
        slopes[part.members] = member_slopes(part.panel, part.selected, x, y)
    slopes[:, ~usable] = np.nan
    classes = sites.classify(exposure, outcome)
    selected = np.any([part.selected for part in parts], axis=0)
    shared = {
        "locus_id": effects.loci,
        "exposure": exposure,
        "outcome": outcome,
        "sequence_class": classes,
        "n_mutations": np.bincount(effects.locus, minlength=len(usable)),
        "n_instruments": effects.per_locus(selected).astype(np.int64),
        "truth": np.where(usable, true_slopes(parts, truth, x, y), np.nan),
    }
    tables = []
    for method in methods:
        if method == "member_slope":
            estimates = member_estimates(
                slopes, usable, se_mode=se_mode, groups=classes, moderated=moderated, prior_df=prior_df
            )
            estimates["f_statistic"] = np.where(usable, _mean_f(parts, x), np.nan)
            estimates["status"] = np.where(np.isfinite(slopes).all(axis=0), "ok", "no_exposure_effect")
        else:
            estimates = method_estimates(parts, usable, x, y, method=method, se_mode=se_mode)
        estimand = estimand_of(method, exposure, outcome, se_mode=se_mode)
        tables.append(complete_rows(shared, estimates, before, method=method, estimand=estimand))
    return pd.concat(tables, ignore_index=True), slopes


def complete_rows(
    shared: Mapping, estimates: Mapping, before: np.ndarray, *, method: str, estimand: str
) -> pd.DataFrame:
    """Rows of one method: what all methods share, its estimates, and the first reason not to have one."""
    columns = dict.fromkeys(_FIELDS, np.nan) | dict(estimates)
    columns["status"] = np.where(before == "ok", columns["status"], before).astype(object)
    return pd.DataFrame({**shared, "method": method, "estimand": estimand, **columns})


def _estimate_part(part: Part, usable: np.ndarray, x: int, y: int, method: str) -> pd.DataFrame:
    """``mr_estimates`` of the usable loci, one row for every locus."""
    mean, se, locus = part.panel.moments.mean, part.panel.se, part.panel.effects.locus
    rows = np.flatnonzero(part.selected & usable[locus])
    table = pd.DataFrame(
        {
            "locus": locus[rows],
            "exposure": x,
            "outcome": y,
            "beta_exposure": mean[rows, x],
            "se_exposure": se[rows, x],
            "beta_outcome": mean[rows, y],
            "se_outcome": se[rows, y],
        }
    )
    if not len(table):
        names = (*_FIELDS, "status")
        return pd.DataFrame(np.nan, index=range(len(usable)), columns=list(names)).astype({"status": object})
    if method != "egger_published":
        estimates = estimate_table(table, [method])
    else:
        many = part.count[table["locus"]] > _ROBUST_ABOVE
        named = {"egger_robust": table[many], "egger": table[~many]}
        estimates = pd.concat([estimate_table(t, [name]) for name, t in named.items() if len(t)])
    estimates = estimates.set_index("locus").reindex(np.arange(len(usable)))
    return estimates.assign(df=np.nan)


def _mean_f(parts: list[Part], x: int) -> np.ndarray:
    """Mean of (effect / standard error) squared over the instruments of a locus, shape (loci,)."""
    means = []
    for part in parts:
        with np.errstate(divide="ignore", invalid="ignore"):
            square = (part.panel.moments.mean[:, x] / part.panel.se[:, x]) ** 2
            means.append(part.panel.effects.per_locus(np.where(part.selected, square, 0.0)) / part.count)
    return np.mean(means, axis=0)


def _assumptions(method: str) -> str:
    listed = mr.methods().set_index("method")["assumptions"]
    return listed[method]

"""Direct effects: several exposures of one outcome at the same locus, over the instruments of all of them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from seqaudit.inference import mr
from seqaudit.inference.deepmr.effects import EnsembleEffects
from seqaudit.inference.deepmr.intervals import student
from seqaudit.inference.deepmr.local import (
    Part,
    complete_rows,
    estimand_of,
    locus_status,
    member_estimates,
)
from seqaudit.inference.deepmr.loci import Sites

_LEAST_EIGENVALUE = 1e-10
"""Of the exposures' matrix of cosines: below it one exposure is a combination of the others."""


class _Fit(NamedTuple):
    coefficients: np.ndarray  # (loci, exposures), NaN where collinear
    inverse: np.ndarray  # (loci, exposures, exposures)
    weights: np.ndarray  # (mutations, exposures): effects of the instruments, 0 elsewhere


def multivariable_rows(
    parts: Mapping[str, list[Part]],
    sites: Sites,
    truth: np.ndarray,
    *,
    exposure: str,
    outcome: str,
    others: Sequence[str],
    region: str,
    min_instruments: int,
    se_mode: str,
    moderated: bool,
    prior_df: float | None,
) -> tuple[pd.DataFrame, np.ndarray]:
    """Direct effect of one exposure with others held: methods mv_slope and mv_ivw.

    Parameters
    ----------
    parts : mapping of str to list of Part
        Instruments of every exposure.
    truth : array, shape (mutations, outputs)
    others : sequence of str
        The exposures that are held.

    Returns
    -------
    pandas.DataFrame
        Rows of ``deepmr_local`` without the columns of the ensemble. ``f_statistic`` is the
        exposure's conditional F given the others; ``collinear_exposures`` where it is a
        combination of them.
    numpy.ndarray, shape (members, loci)
        Slopes of the members under mv_slope, linearised as those of member_slope.
    """
    names = [exposure, *others]
    joint = [_union(group) for group in zip(*(parts[name] for name in names))]
    effects = joint[0].panel.effects
    columns, y = [effects.index_of(name) for name in names], effects.index_of(outcome)
    before = locus_status(parts[exposure], sites, exposure, region=region, least=min_instruments)
    count = np.min([part.count for part in joint], axis=0)
    before = np.where((before == "ok") & (count < len(names)), "too_few_instruments", before)
    usable = before == "ok"

    slopes = np.full((sum(len(part.members) for part in joint), len(usable)), np.nan)
    true = []
    for part in joint:
        mean = part.panel.moments.mean
        slopes[part.members] = _member_slopes(
            part, _fit(effects, part.selected, mean, columns, y), columns, y
        )
        true.append(_fit(effects, part.selected, truth, columns, y).coefficients[:, 0])
    slopes[:, ~usable] = np.nan
    ivw = [_ivw(part, usable, columns, y) for part in joint]

    classes = sites.classify(exposure, outcome)
    selected = np.any([part.selected for part in joint], axis=0)
    shared = {
        "locus_id": effects.loci,
        "exposure": exposure,
        "outcome": outcome,
        "sequence_class": classes,
        "n_mutations": np.bincount(effects.locus, minlength=len(usable)),
        "n_instruments": effects.per_locus(selected).astype(np.int64),
        "truth": np.where(usable, np.average(true, axis=0, weights=[len(p.members) for p in joint]), np.nan),
    }
    estimates = {
        "mv_slope": member_estimates(
            slopes, usable, se_mode=se_mode, groups=classes, moderated=moderated, prior_df=prior_df
        ),
        "mv_ivw": _joined(ivw, se_mode),
    }
    estimates["mv_slope"]["f_statistic"] = estimates["mv_ivw"]["f_statistic"]
    estimates["mv_slope"]["status"] = np.where(np.isfinite(slopes).all(axis=0), "ok", "collinear_exposures")
    tables = [
        complete_rows(
            shared,
            values,
            before,
            method=method,
            estimand=estimand_of(method, exposure, outcome, se_mode=se_mode, others=others),
        )
        for method, values in estimates.items()
    ]
    return pd.concat(tables, ignore_index=True), slopes


def _union(parts: Sequence[Part]) -> Part:
    """The same members with the instruments of any exposure."""
    return parts[0]._replace(selected=np.any([part.selected for part in parts], axis=0))


def _fit(effects: EnsembleEffects, selected, values: np.ndarray, columns: list[int], y: int) -> _Fit:
    """Least squares through the origin at every locus; NaN for collinear exposures or unknown values."""
    weights = np.where(selected[:, None], values[:, columns], 0.0)
    response = np.where(selected, values[:, y], 0.0)
    p, loci = len(columns), len(effects.loci)
    gram = np.empty((loci, p, p))
    for a in range(p):
        for b in range(p):
            gram[:, a, b] = effects.per_locus(weights[:, a] * weights[:, b])
    size = np.sqrt(np.einsum("lpp->lp", gram))
    with np.errstate(divide="ignore", invalid="ignore"):
        cosines = gram / (size[:, :, None] * size[:, None, :])
    finite = np.isfinite(cosines).all(axis=(1, 2))
    cosines[~finite] = np.eye(p)
    solvable = finite & (np.linalg.eigvalsh(cosines)[:, 0] > _LEAST_EIGENVALUE)
    cosines[~solvable] = np.eye(p)
    scale = np.where(solvable[:, None], size, np.nan)
    inverse = np.linalg.inv(cosines) / (scale[:, :, None] * scale[:, None, :])
    moments = np.stack([effects.per_locus(weights[:, a] * response) for a in range(p)], axis=1)
    return _Fit(np.einsum("lab,lb->la", inverse, moments), inverse, weights)


def _member_slopes(part: Part, fit: _Fit, columns: list[int], y: int) -> np.ndarray:
    """Slope of the first exposure for every member, linearised, shape (members, loci)."""
    effects = part.panel.effects
    pull = np.einsum("ma,ma->m", fit.weights, fit.inverse[effects.locus, 0])
    spread = fit.coefficients[effects.locus]
    deviations = []
    for member in effects.values.astype(np.float64):
        residual = member[:, y] - np.einsum("ma,ma->m", member[:, columns], spread)
        deviations.append(effects.per_locus(pull * residual))
    return fit.coefficients[:, 0] + np.stack(deviations)


def _ivw(part: Part, usable: np.ndarray, columns: list[int], y: int) -> dict[str, np.ndarray]:
    """Multivariable IVW of the first exposure; fields of ``deepmr_local``, shape (loci,)."""
    locus, mean, se = part.panel.effects.locus, part.panel.moments.mean, part.panel.se
    rows = np.flatnonzero(part.selected & usable[locus])
    counts = np.bincount(locus[rows], minlength=len(usable))
    # rows are ordered by locus: the place of each within its locus
    place = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    used = np.zeros((len(usable), max(counts.max(initial=0), 1)), dtype=bool)
    used[locus[rows], place] = True
    arrays = [np.ones((*used.shape, len(columns))), np.ones((*used.shape, len(columns)))]
    arrays += [np.ones(used.shape), np.ones(used.shape)]
    for array, values in zip(arrays, (mean[:, columns], se[:, columns], mean[:, y], se[:, y])):
        array[locus[rows], place] = values[rows]
    result = mr.mv_ivw(*arrays, used)
    first = {name: getattr(result, name)[:, 0] for name in ("b", "se", "ci_low", "ci_high", "pval")}
    with np.errstate(divide="ignore", invalid="ignore"):
        i2 = np.where(result.q > 0, np.maximum(1 - result.q_df / result.q, 0), np.nan)
    return first | {
        "q": result.q,
        "q_pval": result.q_pval,
        "i2": i2,
        "f_statistic": result.conditional_f[:, 0],
        "status": result.status,
    }


def _joined(results: list[dict], se_mode: str) -> dict[str, np.ndarray]:
    """One result, or two of cross-fitted halves as one."""
    if len(results) == 1:
        return results[0]
    b, f = (np.mean([part[name] for part in results], axis=0) for name in ("b", "f_statistic"))
    se = np.sqrt(
        np.mean([part["se"] ** 2 for part in results], axis=0) / (2 if se_mode == "ensemble_mean" else 1)
    )
    low, high, pval = student(b, se, np.inf)
    first, second = (part["status"] for part in results)
    status = np.where(first != "ok", first, second)
    return {
        "b": b,
        "se": se,
        "ci_low": low,
        "ci_high": high,
        "pval": pval,
        "f_statistic": f,
        "status": status,
    }

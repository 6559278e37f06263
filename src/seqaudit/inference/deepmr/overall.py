"""The causal effect over all loci of a class: mean with the networks' shared error, or meta-analysis."""

import numpy as np
import pandas as pd

from seqaudit.data.schemas import SCHEMAS
from seqaudit.errors import SeqauditError
from seqaudit.inference.deepmr.effect_calibration import METHOD as CALIBRATED
from seqaudit.inference.deepmr.effect_calibration import SlopeFactor
from seqaudit.inference.deepmr.intervals import satterthwaite, student
from seqaudit.inference.deepmr.local import variance_factor
from seqaudit.inference.meta import random_effects

CLASSES = ("exposure_only", "both", "all")
"""Loci that are pooled: those of a class, and all that were mutated."""

TARGETS = {
    "loci_of_study": "the analysed loci",
    "population_of_loci": "a population that the analysed loci were drawn from",
}
"""Whose mean effect ``<method>/mean`` estimates."""

POOLINGS = {
    "mean": "plain mean over loci; the networks' errors, shared by all loci, are part of its interval",
    "reml_hk": "random effects by REML, Hartung-Knapp interval; takes errors of loci as independent",
    "reml": "random effects by REML, normal interval, as published; takes errors as independent",
    "sd": "plain mean over loci, with the standard deviation between them as tau: published baseline",
}
"""How local estimates are pooled: the part of ``method`` after the slash."""

STATUS = {
    "ok": "estimated",
    "no_loci": "no mutated locus of this class",
    "no_local_estimates": "no locus of this class has an estimate",
    "one_locus": "a single locus: its estimate stands, the spread between loci is unknown",
    "zero_se": "all local estimates are equal: the Hartung-Knapp standard error is 0",
}
"""Every value of ``status`` in ``deepmr_global``, and what it means."""

DESIGN = ("ensemble", "study", "scenario", "round", "recipe")
"""What the tables say of the ensemble: their first columns."""

_COLUMNS = [column.name for column in SCHEMAS["deepmr_global"].columns if column.name not in DESIGN]


def check_target(target: str) -> None:
    """Raise unless the target of the mean is known."""
    if target not in TARGETS:
        raise SeqauditError(f"target: got {target!r}, expected one of {', '.join(TARGETS)}.")


def global_rows(
    local: pd.DataFrame,
    slopes: dict[str, np.ndarray],
    *,
    se_mode: str = "posterior_sd",
    target: str = "loci_of_study",
    factor: SlopeFactor | None = None,
) -> pd.DataFrame:
    """Table ``deepmr_global`` of one causal pair, without the columns of the ensemble.

    Parameters
    ----------
    local : pandas.DataFrame
        Rows of ``deepmr_local`` of the pair: the same loci in the same order for every method.
    slopes : mapping of str to array, shape (members, loci)
        Slopes of all members for the methods that have them (``member_slope``, ``mv_slope``), as
        ``local.member_slopes`` gives them: these are pooled as mean.
    se_mode : {"posterior_sd", "ensemble_mean"}
        As for local estimates.
    target : str
        A key of ``TARGETS``.
    factor : SlopeFactor, optional
        With which slopes of method ``calibrated_slope`` were multiplied; its error is shared by
        all loci.

    Notes
    -----
    A locus' own error and the error that all loci share are not told apart by meta-analysis,
    and precision weights favour loci whose effect is small. Hence the plain mean; the global
    mean of every member is one draw of the shared error.
    """
    rows = []
    for method, table in local.groupby("method", sort=False):
        poolings = ["mean"] * (method in slopes) + ["reml_hk"]
        poolings += {"egger_published": ["reml"], "wald_mean": ["sd"]}.get(method, [])
        for name in CLASSES:
            inside = (
                np.ones(len(table), bool) if name == "all" else table["sequence_class"].to_numpy() == name
            )
            loci = table[inside]
            members = slopes[method][:, inside] if method in slopes else None
            for pooling in poolings:
                of_factor = factor if method == CALIBRATED else None
                pooled = _pool(loci, members, pooling, se_mode=se_mode, target=target, factor=of_factor)
                rows.append(
                    {
                        **{key: table[key].iloc[0] for key in ("exposure", "outcome")},
                        "sequence_class": name,
                        "method": f"{method}/{pooling}",
                        "n_loci": len(loci),
                        "estimand": _estimand(table["estimand"].iloc[0], pooling, target),
                        **pooled,
                    }
                )
    return pd.DataFrame(rows).reindex(columns=_COLUMNS)


def _pool(
    loci: pd.DataFrame, members, pooling: str, *, se_mode: str, target: str, factor: SlopeFactor | None = None
) -> dict:
    """One class under one method: estimates, and how they and the local ones compare with the truth."""
    used = (loci["status"] == "ok").to_numpy() & np.isfinite(loci["b"].to_numpy())
    if pooling.startswith("reml"):
        used &= np.isfinite(loci["se"].to_numpy()) & (loci["se"].to_numpy() > 0)
    if not used.any():
        return {"k": 0, "status": "no_local_estimates" if len(loci) else "no_loci"}
    estimated = loci[used]
    if pooling == "mean":
        pooled = _member_mean(members[:, used], se_mode=se_mode, target=target, size=factor)
    elif pooling == "sd":
        pooled = _plain_mean(estimated)
    else:
        pooled = _meta_analysis(estimated, published=pooling == "reml")
    if len(estimated) == 1:
        pooled["status"] = "one_locus"
    used_factor = {} if factor is None else {"size_factor": factor.ratio, "size_factor_se": factor.se}
    return {"k": len(estimated), "status": "ok"} | pooled | used_factor | _against_truth(estimated, pooled)


def _member_mean(slopes: np.ndarray, *, se_mode: str, target: str, size: SlopeFactor | None) -> dict:
    """Plain mean over loci of the members' slopes, with the variance between members of that mean."""
    members, k = slopes.shape
    factor = variance_factor(members, se_mode)
    theta = slopes.mean(axis=0)
    of_member = slopes.mean(axis=1)
    shared = factor * of_member.var(ddof=1)
    between = theta.var(ddof=1) if k > 1 else np.nan
    variances, dfs = [shared], [members - 1]
    if target == "population_of_loci":
        variances, dfs = [shared, between / k], [members - 1, k - 1]
    if size is not None:
        variances.append((theta.mean() * size.se / size.ratio) ** 2)
        dfs.append(size.n_parents - 1)
    b, se, df = theta.mean(), np.sqrt(sum(variances)), satterthwaite(variances, dfs)
    low, high, pval = student(b, se, df)
    # a further locus: its true effect, and how far its own estimate is from that
    own = factor * slopes.var(axis=0, ddof=1).mean()
    spread = [between, own]
    pi_df = satterthwaite(spread, [k - 1, members - 1]) if k > 1 else np.nan
    pi_low, pi_high, _ = student(b, np.sqrt(sum(spread)), pi_df)
    independent = factor * (slopes - of_member[:, None]).var(axis=0, ddof=1).mean()
    tau2 = np.maximum(between - independent, 0)
    return {
        "b": b,
        "se": se,
        "ci_low": low,
        "ci_high": high,
        "pval": pval,
        "df": df,
        "pi_low": pi_low,
        "pi_high": pi_high,
        "tau": np.sqrt(tau2),
        "i2": tau2 / between if between > 0 else np.nan,
    }


def _plain_mean(loci: pd.DataFrame) -> dict:
    """The published baseline: mean, and the standard deviation of local estimates as the spread."""
    values = loci["b"].to_numpy()
    k = len(values)
    sd = values.std(ddof=1) if k > 1 else np.nan
    b, se = values.mean(), sd / np.sqrt(k)
    low, high, pval = student(b, se, np.inf)
    return {
        "b": b,
        "se": se,
        "ci_low": low,
        "ci_high": high,
        "pval": pval,
        "tau": sd,
        "pi_low": b - 2 * sd,
        "pi_high": b + 2 * sd,
    }


def _meta_analysis(loci: pd.DataFrame, *, published: bool) -> dict:
    options = {"ci": "normal"} if published else {"ci": "hartung_knapp", "prediction": "HK"}
    pooled = random_effects(loci["b"].to_numpy(), loci["se"].to_numpy(), tau2="REML", **options)
    shared = ("b", "se", "ci_low", "ci_high", "pval", "pi_low", "pi_high", "q", "i2")
    return {
        **{name: float(getattr(pooled, name)) for name in shared},
        "df": np.nan if published else float(pooled.q_df),
        "tau": float(np.sqrt(pooled.tau2)),
        "status": str(pooled.status),
    }


def _against_truth(loci: pd.DataFrame, pooled: dict) -> dict:
    """The truth of the same loci, and coverage, bias and error; nothing unless all truths are known."""
    truth = loci["truth"].to_numpy()
    if not np.isfinite(truth).all():
        return {}
    error = loci["b"].to_numpy() - truth
    covered = (loci["ci_low"] <= truth) & (truth <= loci["ci_high"])
    inside = (pooled["pi_low"] <= truth) & (truth <= pooled["pi_high"])
    return {
        "truth": truth.mean(),
        "local_coverage": covered.mean(),
        "local_bias": error.mean(),
        "local_rmse": np.sqrt((error**2).mean()),
        "pi_coverage": inside.mean() if np.isfinite(pooled["pi_low"]) else np.nan,
    }


def _estimand(local: str, pooling: str, target: str) -> str:
    if pooling.startswith("reml"):
        return f"mean of a normal distribution of the loci's effects; effect of a locus: {local}"
    whose = TARGETS[target] if pooling == "mean" else TARGETS["population_of_loci"]
    return f"mean effect over {whose}; effect of a locus: {local}"

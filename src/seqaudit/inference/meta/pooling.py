"""Pool the effects of studies: mean, intervals, heterogeneity; and once without each study."""

from typing import NamedTuple

import numpy as np
from scipy.special import chdtrc

from seqaudit.inference.meta.groups import (
    INTERVALS,
    as_groups,
    check_choice,
    in_blocks,
    quantile,
    rescale,
    to_all_groups,
    two_sided,
)
from seqaudit.inference.meta.heterogeneity import between_variance, project_at, q_profile, standardise

PREDICTIONS = ("HTS", "V", "HK", "normal")


class RandomEffects(NamedTuple):
    """One pooled effect per group; every field has the shape of the groups.

    Attributes
    ----------
    b, se, ci_low, ci_high, pval
        Mean effect, its standard error under ``ci``, interval and two-sided p-value.
    pi_low, pi_high
        Interval that holds the true effect of a further study.
    tau2, tau2_low, tau2_high
        Variance between studies and its Q-profile interval.
    q, q_df, q_pval
        Cochran's Q at tau2 = 0 and its test.
    i2, h2
        From tau2, as metafor: ``tau2 / (tau2 + s2)`` and ``1 + tau2 / s2``, s2 the typical
        variance within studies. Fractions, not percent. Under FE they are ``i2_q`` and Q / df.
    i2_q, h2_q
        From Q, as meta and Higgins and Thompson: ``max(0, 1 - df / Q)`` and ``max(1, Q / df)``.
        The two pairs agree under DL and nowhere else.
    k
        Studies that count.
    status
        ``ok``, or a key of ``STATUS`` that says what could not be computed.
    """

    b: np.ndarray
    se: np.ndarray
    ci_low: np.ndarray
    ci_high: np.ndarray
    pval: np.ndarray
    pi_low: np.ndarray
    pi_high: np.ndarray
    tau2: np.ndarray
    tau2_low: np.ndarray
    tau2_high: np.ndarray
    q: np.ndarray
    q_df: np.ndarray
    q_pval: np.ndarray
    i2: np.ndarray
    h2: np.ndarray
    i2_q: np.ndarray
    h2_q: np.ndarray
    k: np.ndarray
    status: np.ndarray


def random_effects(
    b,
    se,
    *,
    used=None,
    tau2: str | float = "REML",
    ci: str = "normal",
    prediction: str = "HTS",
    alpha: float = 0.05,
) -> RandomEffects:
    """Pool the effects of every group.

    Parameters
    ----------
    b, se : array_like, shape (..., studies)
        Effects and their standard errors; the two broadcast against each other. A missing or
        infinite number, or a standard error of 0, takes its study out (as in R's meta); a
        negative standard error is an error in the data and blanks its group.
    used : array_like of bool, same shape, optional
        False where a group has no such study.
    tau2 : str or float
        Estimator of the variance between studies: FE, DL, HE, HS, SJ, ML, REML, PM or EB
        (``heterogeneity.METHODS``), or a known value.
    ci : str
        ``normal``; ``hartung_knapp``: t with k - 1 degrees of freedom and the standard error
        rescaled by the weighted residual variance; ``hartung_knapp_adhoc``: rescaled upwards only.
        One study alone always gets its normal interval.
    prediction : str
        ``HTS``: t with k - 2, classic standard error (Higgins, Thompson, Spiegelhalter);
        ``V``: the same with k - 1 (Veroniki; default of R's meta); ``HK``: k - 1 and the
        Hartung-Knapp standard error; ``normal``: normal quantile.
    alpha : float
        One minus the level of all intervals.

    Raises
    ------
    SeqauditError
        Unknown option or shapes that do not fit. Never for the values of a study.

    Examples
    --------
    >>> pooled = random_effects([0.3, 0.7], [0.1, 0.2])
    >>> float(pooled.b.round(4)), float(pooled.tau2.round(4))
    (0.4625, 0.055)
    """
    check_choice("ci", ci, INTERVALS)
    check_choice("prediction", prediction, PREDICTIONS)
    b, se, usable, shape = as_groups(b, se, used, tau2=tau2, alpha=alpha)
    options = {"tau2": tau2, "ci": ci, "prediction": prediction, "alpha": alpha}
    pooled = in_blocks(
        lambda rows: _pool(b[rows], se[rows], usable[rows], **options), groups=len(b), studies=b.shape[1]
    )
    return RandomEffects(*(field.reshape(shape)[()] for field in pooled))


def leave_one_out(b, se, *, used=None, **options) -> RandomEffects:
    """Pool every group once without each of its studies.

    Parameters
    ----------
    b, se, used : as in ``random_effects``
    **options
        ``tau2``, ``ci``, ``prediction`` and ``alpha`` of ``random_effects``.

    Returns
    -------
    RandomEffects
        Fields of the shape of ``b``: entry ``i`` of the last axis is the result without study ``i``.
        Takes time, but not memory, in proportion to the square of the number of studies.
    """
    b, se, usable, shape = as_groups(b, se, used)
    groups, studies = b.shape
    index = np.arange(studies)

    def without(rows):
        group, left_out = np.divmod(rows, studies)
        keep = usable[group] & (index != left_out[:, None])
        return random_effects(b[group], se[group], used=keep, **options)

    pooled = in_blocks(without, groups=groups * studies, studies=studies)
    return RandomEffects(*(field.reshape(*shape, studies) for field in pooled))


def _pool(b, se, usable, *, tau2, ci, prediction, alpha) -> RandomEffects:
    """``random_effects`` of one block of groups, all arrays (groups, studies)."""
    some = np.flatnonzero(usable.any(axis=1))
    studies = standardise(b[some], se[some], usable[some])
    df, scale = studies.df, studies.scale[:, 0]
    several = df > 0
    between = between_variance(studies, tau2)
    low, high = np.full((2, len(df)), np.nan)
    low[several], high[several] = q_profile(studies.take(several), alpha)
    fixed, pooled = project_at(studies, 0.0), project_at(studies, between)

    mean = studies.origin[:, 0] + scale * pooled.coefficient[0][:, 0]
    se_classic = scale / np.sqrt(pooled.norm2[0][:, 0])
    with np.errstate(divide="ignore", invalid="ignore"):
        residual_se = np.sqrt(pooled.q / df)
        typical = df / fixed.trace
        i2_q, h2_q = 1 - df / fixed.q, fixed.q / df
        i2, h2 = (i2_q, h2_q) if tau2 == "FE" else (between / (between + typical), 1 + between / typical)
    se_mean = rescale(se_classic, residual_se, ci, several)
    use_t = several & (ci != "normal")
    half_ci = quantile(alpha, df, use_t) * se_mean

    tau2_known = several | (not isinstance(tau2, str))
    variance = np.where(tau2_known, scale**2 * between, np.nan)
    se_further = se_classic
    if prediction == "HK":
        se_further = rescale(se_classic, residual_se, "hartung_knapp" if ci == "normal" else ci, several)
    df_further = df - (prediction == "HTS")
    half_pi = quantile(alpha, df_further, prediction != "normal") * np.sqrt(variance + se_further**2)

    fields = {
        "b": mean,
        "se": se_mean,
        "ci_low": mean - half_ci,
        "ci_high": mean + half_ci,
        "pval": two_sided(mean, se_mean, df, use_t),
        "pi_low": mean - half_pi,
        "pi_high": mean + half_pi,
        "tau2": variance,
        "tau2_low": scale**2 * low,
        "tau2_high": scale**2 * high,
        "q": fixed.q,
        "q_df": df,
        "q_pval": np.where(several, chdtrc(df, fixed.q), np.nan),
        "i2": np.maximum(i2, 0),
        "h2": h2,
        "i2_q": np.maximum(i2_q, 0),
        "h2_q": np.maximum(h2_q, 1),
        "k": studies.k,
        "status": np.select([~several, se_mean == 0], ["one_study", "zero_se"], "ok"),
    }
    status = np.where((se < 0).any(axis=1), "negative_se", "no_studies")
    return to_all_groups(RandomEffects, fields, some, status=status)

"""What a property of the studies explains: subgroups, and regression on one moderator."""

from typing import NamedTuple

import numpy as np
from scipy.special import chdtrc

from seqaudit.errors import SeqauditError
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
from seqaudit.inference.meta.heterogeneity import between_variance, project_at, standardise
from seqaudit.inference.meta.pooling import RandomEffects, random_effects


class SubgroupAnalysis(NamedTuple):
    """Pooled effects of subgroups and the test that they are equal.

    Attributes
    ----------
    subgroup : numpy.ndarray, shape (subgroups,)
        Labels, sorted.
    effects : RandomEffects
        Fields of shape (subgroups,).
    q_between, q_between_df, q_between_pval : float
        Cochran's Q of the subgroup means; subgroups without a usable study do not count.
    """

    subgroup: np.ndarray
    effects: RandomEffects
    q_between: float
    q_between_df: int
    q_between_pval: float


class MetaRegression(NamedTuple):
    """Mixed-effects regression of effects on one moderator; fields have the shape of the groups.

    Attributes
    ----------
    intercept, intercept_se, intercept_pval
        Mean effect where the moderator is 0.
    slope, slope_se, slope_ci_low, slope_ci_high, slope_pval
        Change of the mean effect per unit of the moderator.
    tau2
        Residual variance between studies.
    r2
        Share of the tau2 without the moderator that it explains, not below 0; NaN if that is 0.
    q, q_df, q_pval
        Residual Q at tau2 = 0 and its test.
    k, status
        As in ``RandomEffects``.
    """

    intercept: np.ndarray
    intercept_se: np.ndarray
    intercept_pval: np.ndarray
    slope: np.ndarray
    slope_se: np.ndarray
    slope_ci_low: np.ndarray
    slope_ci_high: np.ndarray
    slope_pval: np.ndarray
    tau2: np.ndarray
    r2: np.ndarray
    q: np.ndarray
    q_df: np.ndarray
    q_pval: np.ndarray
    k: np.ndarray
    status: np.ndarray


def subgroup_analysis(b, se, subgroup, **options) -> SubgroupAnalysis:
    """Pool every subgroup of one group of studies and test whether the means differ.

    Every subgroup has a tau2 of its own. For a common one, pass its value as ``tau2``.

    Parameters
    ----------
    b, se : array_like, shape (studies,)
    subgroup : array_like, shape (studies,)
        Label of every study.
    **options
        ``tau2``, ``ci``, ``prediction`` and ``alpha`` of ``random_effects``.

    Raises
    ------
    SeqauditError
        Not one label per study.
    """
    b, se, subgroup = np.asarray(b, float), np.asarray(se, float), np.asarray(subgroup)
    if b.ndim != 1 or b.shape != se.shape or b.shape != subgroup.shape:
        raise SeqauditError(
            f"subgroup_analysis: b, se and subgroup have shapes {b.shape}, {se.shape} and {subgroup.shape}, "
            "expected one effect, standard error and label per study, (studies,) each."
        )
    labels, member = np.unique(subgroup, return_inverse=True)
    effects = random_effects(b, se, used=member == np.arange(len(labels))[:, None], **options)
    between = random_effects(effects.b, effects.se, tau2="FE")
    return SubgroupAnalysis(labels, effects, between.q, between.q_df, between.q_pval)


def meta_regression(
    b, se, moderator, *, used=None, tau2: str | float = "REML", ci: str = "normal", alpha: float = 0.05
) -> MetaRegression:
    """Regress the effects of every group on one moderator, with variance left between studies.

    Parameters
    ----------
    b, se, used, tau2, alpha : as in ``random_effects``
    moderator : array_like, broadcasts against ``b``
        A study with a missing moderator does not count.
    ci : str
        As in ``random_effects``, with k - 2 degrees of freedom.
    """
    check_choice("ci", ci, INTERVALS)
    b, se, usable, shape = as_groups(b, se, used, tau2=tau2, alpha=alpha)
    try:
        moderator = np.broadcast_to(np.asarray(moderator, float), (*shape, b.shape[1])).reshape(b.shape)
    except ValueError:
        raise SeqauditError(
            f"meta_regression: moderator has shape {np.shape(moderator)}, expected {(*shape, b.shape[1])} "
            "as the effects."
        ) from None
    usable = usable & np.isfinite(moderator)
    options = {"tau2": tau2, "ci": ci, "alpha": alpha}
    fitted = in_blocks(
        lambda rows: _regress(b[rows], se[rows], moderator[rows], usable[rows], **options),
        groups=len(b),
        studies=b.shape[1],
    )
    return MetaRegression(*(field.reshape(shape)[()] for field in fitted))


def _regress(b, se, moderator, usable, *, tau2, ci, alpha) -> MetaRegression:
    """``meta_regression`` of one block of groups, all arrays (groups, studies)."""
    k = usable.sum(axis=1)
    lowest, highest = (np.where(usable, moderator, fill) for fill in (np.inf, -np.inf))
    varies = lowest.min(axis=1) < highest.max(axis=1)
    fits = np.flatnonzero(varies & (k > 2))
    studies = standardise(b[fits], se[fits], usable[fits], moderator[fits])
    df, scale, spread = studies.df, studies.scale[:, 0], studies.moderator_scale[:, 0]
    between = between_variance(studies, tau2)
    fixed, fit = project_at(studies, 0.0), project_at(studies, between)
    mean, slope = (coefficient[:, 0] for coefficient in fit.coefficient)
    var_mean, var_slope = (1 / norm2[:, 0] for norm2 in fit.norm2)
    # the first study sits at moderator 0 of its group's scale, so its centred value is minus the mean
    from_mean = fit.basis[1][:, 0] - studies.moderator_origin[:, 0] / spread
    use_t = np.full(len(df), ci != "normal")
    residual_se = np.sqrt(fit.q / df)
    intercept = studies.origin[:, 0] + scale * (mean + slope * from_mean)
    intercept_se = rescale(scale * np.sqrt(var_mean + from_mean**2 * var_slope), residual_se, ci, use_t)
    slope = slope * scale / spread
    slope_se = rescale(scale / spread * np.sqrt(var_slope), residual_se, ci, use_t)
    half_ci = quantile(alpha, df, use_t) * slope_se
    total = between_variance(studies._replace(design=studies.design[:1]), tau2)
    with np.errstate(divide="ignore", invalid="ignore"):
        r2 = np.maximum(0, 1 - between / total)
    fitted = {
        "intercept": intercept,
        "intercept_se": intercept_se,
        "intercept_pval": two_sided(intercept, intercept_se, df, use_t),
        "slope": slope,
        "slope_se": slope_se,
        "slope_ci_low": slope - half_ci,
        "slope_ci_high": slope + half_ci,
        "slope_pval": two_sided(slope, slope_se, df, use_t),
        "tau2": scale**2 * between,
        "r2": r2,
        "q": fixed.q,
        "q_df": df,
        "q_pval": chdtrc(df, fixed.q),
        "k": studies.k,
        "status": np.full(len(df), "ok"),
    }
    status = np.where(k > 2, "constant_moderator", "too_few_studies")
    status = np.where((se < 0).any(axis=1), "negative_se", status)
    return to_all_groups(MetaRegression, fitted, fits, status=status, k=k)

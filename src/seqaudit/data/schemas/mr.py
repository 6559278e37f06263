"""Tables of Mendelian randomization on any effects."""

from seqaudit.data.schemas.declaration import Column, declare

_CAUSAL_PAIR = [
    Column("locus", "string", "locus, or other unit that is estimated on its own"),
    Column("exposure", "string", "name of the exposure"),
    Column("outcome", "string", "name of the outcome"),
]

declare(
    "mr_effects",
    version=1,
    row="locus x exposure x outcome x instrument",
    key=("locus", "exposure", "outcome", "instrument"),
    columns=[
        *_CAUSAL_PAIR,
        Column("instrument", "string", "name of the instrument: a mutation, or a variant"),
        Column("beta_exposure", "float64", "effect of the instrument on the exposure", "exposure"),
        Column("se_exposure", "float64", "its standard error", "exposure"),
        Column("beta_outcome", "float64", "effect of the instrument on the outcome", "outcome"),
        Column("se_outcome", "float64", "its standard error", "outcome"),
    ],
)

declare(
    "mr_estimates",
    version=1,
    row="locus x exposure x outcome x method",
    key=("locus", "exposure", "outcome", "method"),
    columns=[
        *_CAUSAL_PAIR,
        Column("method", "string", "name of the estimator, as seqaudit.inference.mr.methods lists it"),
        Column("b", "float64", "causal effect: change of the outcome per unit of the exposure", "", True),
        Column("se", "float64", "its standard error", "", True),
        Column("ci_low", "float64", "lower limit of the 95 % interval", "", True),
        Column("ci_high", "float64", "upper limit", "", True),
        Column("pval", "float64", "two-sided p-value of b = 0", "", True),
        Column("n_instruments", "int64", "instruments that could be used"),
        Column("q", "float64", "Cochran's (IVW) or Ruecker's (Egger) heterogeneity statistic", "", True),
        Column("q_df", "float64", "its degrees of freedom", "", True),
        Column("q_pval", "float64", "its p-value", "", True),
        Column("i2", "float64", "share of q beyond its degrees of freedom, 0 to 1", "", True),
        Column("egger_intercept", "float64", "mean direct effect on the outcome", "outcome", True),
        Column("egger_intercept_se", "float64", "its standard error", "outcome", True),
        Column("egger_intercept_pval", "float64", "two-sided p-value of no directional pleiotropy", "", True),
        Column("i2_gx", "float64", "1 minus the share of noise in the spread of exposure effects", "", True),
        Column("residual_se", "float64", "residual standard error; 1: no more spread than stated", "", True),
        Column("tau2", "float64", "variance of direct effects on the outcome", "outcome squared", True),
        Column("f_statistic", "float64", "mean of (beta_exposure / se_exposure) squared", "", True),
        Column("status", "string", "ok, or why there is no estimate (seqaudit.inference.mr.STATUS)"),
    ],
)

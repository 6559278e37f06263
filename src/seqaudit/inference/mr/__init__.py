"""Mendelian randomization from summary effects, thousands of loci at once.

Every method takes ``beta_exposure, se_exposure, beta_outcome, se_outcome`` as arrays
``(loci, instruments)`` (1-D for one locus) and an optional mask ``used``, and returns a
NamedTuple of arrays ``(loci,)`` that starts with the fields of :class:`MRResult`. A locus that
cannot be estimated has NaN and a ``status`` (see :data:`STATUS`); it never raises.

>>> from seqaudit.inference import mr
>>> effects = [0.1, 0.2, 0.3], [0.01] * 3, [0.05, 0.11, 0.14], [0.02] * 3
>>> mr.estimate(*effects, method="ivw").b.round(3)
array([0.493])
"""

from seqaudit.inference.mr.common import STATUS, MRResult
from seqaudit.inference.mr.contamination import conmix
from seqaudit.inference.mr.divw import divw, pivw
from seqaudit.inference.mr.lasso import lasso
from seqaudit.inference.mr.maxlik import maxlik
from seqaudit.inference.mr.median import median
from seqaudit.inference.mr.methods import estimate, methods
from seqaudit.inference.mr.mode import mode
from seqaudit.inference.mr.multivariable import MultivariableResult, mv_egger, mv_ivw
from seqaudit.inference.mr.presso import presso
from seqaudit.inference.mr.raps import raps
from seqaudit.inference.mr.regression import egger, ivw, wald_mean

__all__ = [
    "STATUS",
    "MRResult",
    "MultivariableResult",
    "conmix",
    "divw",
    "egger",
    "estimate",
    "ivw",
    "lasso",
    "maxlik",
    "median",
    "methods",
    "mode",
    "mv_egger",
    "mv_ivw",
    "pivw",
    "presso",
    "raps",
    "wald_mean",
]

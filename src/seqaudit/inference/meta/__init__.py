"""Random-effects meta-analysis of many groups of studies at once.

Studies lie on the last axis, groups on the axes before it; ``used`` marks the studies of
groups that have fewer. Studies without a finite effect and a finite, positive standard
error do not count either: ``k`` says how many did. A group that cannot be pooled is NaN and
its ``status`` says why; nothing raises from inside a batch.

Estimators are those of R's metafor and meta, with two deliberate differences: no absolute
convergence thresholds (results do not depend on the unit), and a likelihood that is always
maximised globally. References: DerSimonian and Laird 1986; Hartung and Knapp 2001; Higgins
and Thompson 2002; Higgins, Thompson and Spiegelhalter 2009; Viechtbauer 2005, 2007;
Roever, Knapp and Friede 2015 (the ad hoc correction).
"""

from seqaudit.inference.meta.groups import STATUS
from seqaudit.inference.meta.heterogeneity import METHODS
from seqaudit.inference.meta.moderators import (
    MetaRegression,
    SubgroupAnalysis,
    meta_regression,
    subgroup_analysis,
)
from seqaudit.inference.meta.pooling import RandomEffects, leave_one_out, random_effects

__all__ = [
    "METHODS",
    "STATUS",
    "MetaRegression",
    "RandomEffects",
    "SubgroupAnalysis",
    "leave_one_out",
    "meta_regression",
    "random_effects",
    "subgroup_analysis",
]

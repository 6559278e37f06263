"""Deep Mendelian randomization: causal effects between the outputs of an ensemble of networks.

Mutations are instruments: what they do to one output (exposure) and to another (outcome) of
networks that predict both gives a slope at every locus, and their mean over loci. Errors are
those of the networks, which all loci share. docs/methods/deepmr.md says what differs from
Malina, Cizin, Knowles 2022 (PLoS Comput Biol 18(10):e1009880), and why.

:func:`analyse_ensemble` goes from effects to tables; :func:`score_rounds` compares rounds of
a simulation with its truth.
"""

from seqaudit.inference.deepmr.analysis import Analysis, analyse_ensemble
from seqaudit.inference.deepmr.effect_calibration import LabelledMutants, labelled_mutants, slope_factor
from seqaudit.inference.deepmr.effects import EnsembleEffects, Moments, member_moments, pivot_effects
from seqaudit.inference.deepmr.instruments import Filters
from seqaudit.inference.deepmr.local import METHODS, STATUS
from seqaudit.inference.deepmr.loci import CLASSES
from seqaudit.inference.deepmr.overall import POOLINGS, TARGETS
from seqaudit.inference.deepmr.overall import STATUS as GLOBAL_STATUS
from seqaudit.inference.deepmr.scores import score_rounds

__all__ = [
    "CLASSES",
    "GLOBAL_STATUS",
    "METHODS",
    "POOLINGS",
    "STATUS",
    "TARGETS",
    "Analysis",
    "EnsembleEffects",
    "Filters",
    "LabelledMutants",
    "Moments",
    "analyse_ensemble",
    "labelled_mutants",
    "member_moments",
    "pivot_effects",
    "score_rounds",
    "slope_factor",
]

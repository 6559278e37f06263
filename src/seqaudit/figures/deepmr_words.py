"""Names and numbers of DeepMR as figures, captions and report write them. Nothing here draws."""

import math

import pandas as pd

from seqaudit.figures.captions import number

CLASS_WORDS = {
    "both": "both motifs",
    "exposure_only": "exposure motif only",
    "all": "all loci",
    "outcome_only": "outcome motif only",
    "neither": "no motif",
    "unknown": "motifs unknown",
}
"""Classes of sequences as readers see them, in the order of figures."""


def pairs_of(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Exposures and outcomes of a table in order of first appearance."""
    return list(dict.fromkeys(zip(table["exposure"], table["outcome"])))


def pair_words(exposure: str, outcome: str) -> str:
    """``GATA1 → TAL1``."""
    return f"{exposure} → {outcome}"


def classes_of(table: pd.DataFrame) -> list[str]:
    """Sequence classes of a table in the order of figures."""
    present = set(table["sequence_class"])
    return [name for name in CLASS_WORDS if name in present] + sorted(present - set(CLASS_WORDS))


def class_words(name: str) -> str:
    """A sequence class as readers see it."""
    return CLASS_WORDS.get(name, name)


def method_words(method: str) -> str:
    """``egger / reml`` for ``egger/reml``: a local estimator and how its estimates were pooled."""
    return method.replace("_", " ").replace("/", " / ")


def interval_words(b: float, low: float, high: float) -> str:
    """``3.46 [3.33, 3.59]``, with as many decimals as the interval's width makes sense of."""
    if pd.isna(low) or pd.isna(high):
        return number(b)
    digits = _decimals((high - low) / 6)
    return f"{_fixed(b, digits)} [{_fixed(low, digits)}, {_fixed(high, digits)}]"


def error_words(b: float, se: float) -> str:
    """``3.46 ± 0.06``, with the decimals of the standard error's first digit."""
    if pd.isna(se):
        return number(b)
    digits = _decimals(se)
    return f"{_fixed(b, digits)} ± {_fixed(se, digits)}"


def _decimals(step: float) -> int:
    return min(max(math.ceil(-math.log10(step)), 0), 6) if step > 0 else 2


def _fixed(value: float, digits: int) -> str:
    return f"{round(value, digits) + 0.0:,.{digits}f}".replace("-", "−")  # + 0: no negative zero

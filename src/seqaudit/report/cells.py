"""Numbers, p-values and verdicts as table cells."""

import pandas as pd

from seqaudit.figures.captions import number, p_text
from seqaudit.report.page import Badge, Cell

MISSING = Cell("–", "")

_KINDS = {
    "real": "yes",
    "causal effect": "yes",
    "supported": "yes",
    "confirmed": "yes",
    "suggestive": "maybe",
    "present, size unconfirmed": "maybe",
    "inconsistent across architectures": "maybe",
    "inconsistent": "maybe",
    "not supported": "no",
    "none": "no",
    "not tested": "none",
    "cannot tell": "none",
}
_ORDER = ("yes", "maybe", "no", "none")


def number_cell(value, digits: int = 3, unit: str = "") -> Cell:
    """A number with its unit; a dash where it is missing."""
    if pd.isna(value):
        return MISSING
    return Cell(f"{number(value, digits)} {unit}".strip(), float(value))


def share_text(value: float) -> str:
    """A share that may be below 0 or above 1, with two decimals."""
    return f"{value:.2f}".replace("-", "−")


def p_cell(value) -> Cell:
    """A p-value or false discovery rate."""
    if pd.isna(value):
        return MISSING
    return Cell(p_text(value, "").strip().removeprefix("= "), float(value))


def verdict_cell(verdict: str) -> Cell:
    """A verdict as a badge; sorted from supported to not tested."""
    kind = _KINDS.get(verdict, "none")
    return Cell(verdict, f"{_ORDER.index(kind)} {verdict}", Badge(verdict, kind))


def share_cell(part: int, whole: int) -> Cell:
    """``3 of 45``, sorted by the share."""
    return Cell(f"{part:,} of {whole:,}", part / whole) if whole else MISSING

"""Words and numbers that captions, axes and report share. Nothing here draws."""

import math
import re
from collections.abc import Iterable, Mapping

import pandas as pd

SMALLEST = 1e-300
"""Below this a p-value has left the range of floating point and is reported as '<'."""

SEM = "Error bars: ± 1 standard error of the mean over motif pairs (SEM)."


def p_text(p: float | None, name: str = "p") -> str:
    """``p = 0.011``, ``p = 2×10⁻¹⁵``, ``p < 10⁻³⁰⁰`` or ``p not available``."""
    if p is None or pd.isna(p):
        return f"{name} not available"
    if p < SMALLEST:
        return f"{name} < 10{superscript(round(math.log10(SMALLEST)))}"
    return f"{name} = {number(p, 2)}"


def power_of_ten(value: float) -> str:
    """``0.01`` as ``0.01``, ``1e-7`` as ``10⁻⁷``, other values plainly."""
    if value <= 0 or 1e-2 <= value < 1e5:
        return f"{value:,g}"
    exponent = math.log10(value)
    if abs(exponent - round(exponent)) > 1e-6:
        return f"{value:.1g}"
    return f"10{superscript(round(exponent))}"


def superscript(number: float) -> str:
    """A number in superscript letters."""
    return str(number).translate(str.maketrans("-.0123456789", "⁻·⁰¹²³⁴⁵⁶⁷⁸⁹"))


def counted(n: int, noun: str) -> str:
    """``1 model``, ``7,971 pairs``."""
    return f"{n:,} {noun if n == 1 else noun + 's'}"


def number(value: float, digits: int = 3) -> str:
    """A number with a real minus sign and power of ten; 'not available' for a missing one."""
    if value is None or pd.isna(value):
        return "not available"
    mantissa, _, exponent = f"{value:,.{digits}g}".partition("e")
    return mantissa.replace("-", "−") + (f"×10{superscript(int(exponent))}" if exponent else "")


def span(values: Iterable[int]) -> str:
    """``7,971`` or ``6,310 to 7,971``."""
    found = sorted(set(values))
    if not found:
        return "0"
    return f"{found[0]:,}" if len(found) == 1 else f"{found[0]:,} to {found[-1]:,}"


def typeset(text: str) -> str:
    """Numbers of plain text with a real minus sign and powers of ten: ``p = 1e-07`` as ``p = 1×10⁻⁷``."""
    text = re.sub(
        r"(?<=[\s\[(])(-?[\d.]+)e([+-]\d+)",
        lambda found: f"{found[1]}×10{superscript(int(found[2]))}",
        text,
    )
    text = re.sub(r"(?<=[\s\[(])-(?=\d)", "−", text)
    return re.sub(r"\b([pq]) ([=<]) ", "\\1\u00a0\\2\u00a0", text)


def sentences(*parts: str) -> str:
    """Join the parts that say something."""
    return " ".join(part for part in parts if part)


def paper(figure: str) -> str:
    """Pointer to the published counterpart."""
    return f"Counterpart of {figure} in Finkelstein et al. (2020)."


def counterpart(models: pd.DataFrame, figures: Mapping[tuple[str, str], str]) -> str:
    """Pointer to the published figure of this control and padding, or to one like it."""
    first = models.iloc[0]
    exact = figures.get((first["control"], first["padding"]))
    if exact:
        return paper(exact)
    return f"Same quantities as in {next(iter(figures.values()))} of Finkelstein et al. (2020)."


def model_count(models: pd.DataFrame) -> str:
    """``45 models (3 architectures × 3 L1 weights × 5 seeds)`` for one dataset."""
    one_pair = models.drop_duplicates("model_id")
    n = len(one_pair)
    design = [
        counted(one_pair[column].nunique(), noun)
        for column, noun in (("arch", "architecture"), ("l1", "L1 weight"), ("seed", "seed"))
    ]
    full = one_pair["arch"].nunique() * one_pair["l1"].nunique() * one_pair["seed"].nunique() == n
    return counted(n, "model") + (f" ({' × '.join(design)})" if full and n > 1 else "")


def dataset_words(dataset: str, models: pd.DataFrame) -> str:
    """``Dataset neg_valid (negative control, padding valid)``."""
    about = [
        f"{value} control" if column == "control" else f"padding {value}"
        for column in ("control", "padding")
        for value in models[column].dropna().unique()
    ]
    return f"Dataset {dataset}" + (f" ({', '.join(about)})" if about else "")


def loss_words(transform: str, unit: str) -> str:
    """What one unit of loss is."""
    if transform == "anscombe":
        return f"squared error of 2√({unit} + 3/8)"
    return f"squared error, ({unit})²"

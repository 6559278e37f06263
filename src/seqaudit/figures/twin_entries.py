"""Figures of the additive twin, for the catalogue."""

from seqaudit.figures.entry import OVERVIEW, TWINS, Entry

ADDITIVE_TWIN = "Additive twin"
"""Chapter of the report."""

TRUSTED = "Can the twins be trusted?"
LEVEL = "How often is each test wrong, how often right?"
_MODELS = ("loss_models",)


def _entry(name: str, title: str, section: str, draw: str, tables: tuple[str, ...], reading: str) -> Entry:
    return Entry(name, TWINS, title, ADDITIVE_TWIN, section, draw, tables, reading)


TWIN_FIGURES: tuple[Entry, ...] = (
    _entry(
        "twin_shares",
        "Share of the claimed interaction that is confirmed",
        OVERVIEW,
        "twin.confirmed_shares",
        (*_MODELS, "twin_summary"),
        "At 1 held-out data confirm all that a model claims, at 0 nothing; below, all models together.",
    ),
    _entry(
        "twin_fits",
        "Fit of the twins, of the networks and of the truth",
        TRUSTED,
        "twin.fits",
        ("twin_fits", *_MODELS),
        "Good twins come close to the line of the truth, and different forms come equally close.",
    ),
    _entry(
        "twin_nulls",
        "Claims of the networks and of networks trained on data without interaction",
        TRUSTED,
        "twin_rates.nulls",
        ("null_tests", "null_statistics", *_MODELS),
        "A diamond beyond its grey dots claims more than networks do where nothing interacts.",
    ),
    _entry(
        "twin_redraws",
        "Rejections when labels are drawn again",
        LEVEL,
        "twin_rates.redraws",
        ("twin_redraws", *_MODELS),
        "One dot per model; without an interaction, dots belong left of the dashed 5 % line.",
    ),
    _entry(
        "twin_power",
        "Rejections and size of the simulated effect",
        LEVEL,
        "twin_rates.power",
        ("twin_power",),
        "At exponent 1 a good test stays at the dashed line, and rises fast on both sides of it.",
    ),
)
"""In the order in which the report shows them."""

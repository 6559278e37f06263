"""Figures of the audit, for the catalogue: the models at a glance, and what their attributions say."""

from seqaudit.figures.entry import AUDIT, EXPLAINED, OVERVIEW, Entry

MODELS = "Which models to trust"
"""Chapter of the report."""

MAPS = "What the models look at"

AUDIT_FIGURES: tuple[Entry, ...] = (
    Entry(
        "model_map",
        AUDIT,
        "Error, verdict and consistency of every model",
        MODELS,
        OVERVIEW,
        "audit.model_map",
        ("loss_models", "consistency_models"),
        "Good models have pale errors and dark consistency; a frame marks the one to explain.",
    ),
)
"""About all models and all lines of evidence."""

EXPLAINED_FIGURES: tuple[Entry, ...] = (
    Entry(
        "attribution_logos",
        EXPLAINED,
        "Attributions of the recommended and the least consistent model",
        MODELS,
        MAPS,
        "attributions.attribution_logos",
        ("attribution_maps", "consistency_models", "sequences"),
        "A good map lights up the motif sites and little else.",
    ),
)
"""One per dataset whose models were explained."""

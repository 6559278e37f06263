"""Figures of attribution consistency, for the catalogue."""

from seqaudit.figures.entry import OVERVIEW, POPULATION, Entry

EXPLANATIONS = "Attribution consistency"
"""Chapter of the report."""

TRUTH = "Is the consistent model the right one?"
BLIND_SPOT = "What consistency cannot see"
PICTURES = "What the maps say"
OPTIONS = "Does it hang on options?"
_MODELS = ("consistency_models",)


def _entry(name: str, title: str, section: str, draw: str, tables: tuple[str, ...], reading: str) -> Entry:
    return Entry(name, POPULATION, title, EXPLANATIONS, section, draw, tables, reading)


CONSISTENCY_FIGURES: tuple[Entry, ...] = (
    _entry(
        "consistency_loss",
        "Consistency and held-out loss",
        OVERVIEW,
        "consistency.against_loss",
        _MODELS,
        "Up is consistent, left is a low loss; the ring marks the model recommended for explanation.",
    ),
    _entry(
        "consistency_truth",
        "Consistency and the truth of the maps",
        TRUTH,
        "consistency.against_truth",
        (*_MODELS, "consistency_answers"),
        "Where points rise to the right, a column tells good maps from bad ones without the truth.",
    ),
    _entry(
        "consistency_ranking",
        "What ranks models by the truth of their maps",
        TRUTH,
        "consistency.rank_correlations",
        (*_MODELS, "consistency_answers"),
        "Right of the dashed line a column helps to choose; at the right panel also within a design.",
    ),
    _entry(
        "consistency_choices",
        "What each rule of choice finds",
        TRUTH,
        "consistency.choices",
        ("consistency_choices", *_MODELS),
        "Further right, the maps of the chosen model are truer.",
    ),
    _entry(
        "consistency_controls",
        "Consistency and loss tests of both controls",
        BLIND_SPOT,
        "consistency.controls",
        (*_MODELS, "loss_models"),
        "Controls alike on the left and apart on the right: consistency does not see interactions.",
    ),
    _entry(
        "consistency_words",
        "Words at important positions",
        PICTURES,
        "consistency_pictures.words",
        ("attribution_words",),
        "A good model's important words are those of the truth, far above the dashed background.",
    ),
    _entry(
        "consistency_directions",
        "Directions of attributions",
        PICTURES,
        "consistency_pictures.directions",
        ("attribution_directions",),
        "Islands are features that a model uses again and again, a haze is noise.",
    ),
    _entry(
        "consistency_options",
        "Agreement with other options",
        OPTIONS,
        "consistency.other_options",
        ("consistency_answers", *_MODELS),
        "At 1 other options or attribution methods rank the models alike.",
    ),
)
"""In the order in which the report shows them."""

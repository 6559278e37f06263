"""Which figures there are: plain data, so that the workflow knows every output before a run.

Nothing here imports matplotlib. A figure that some data cannot give is still drawn, as a
panel that says why.
"""

from typing import NamedTuple

INTERACTIONS = "Motif interactions"


class Entry(NamedTuple):
    """One figure.

    Attributes
    ----------
    name : str
        File name without suffix.
    scope : str
        ``dataset``: one per dataset; ``run``: one with all datasets side by side.
    title : str
    category : str
        Audit question, the chapter of the report.
    section : str
        Heading within the chapter.
    draw : str
        ``module.function`` under ``seqaudit.figures``. It takes ``DatasetResults``, or a
        list of them for figures of a whole run, and returns ``Drawn``.
    tables : tuple of str
        Schemas it reads.
    reading : str
        How to read it, without numbers; Snakemake's own report shows this.
    """

    name: str
    scope: str
    title: str
    category: str
    section: str
    draw: str
    tables: tuple[str, ...]
    reading: str


DATASET, RUN = "dataset", "run"
DATA = "The data"
TRAINING = "The models"
SIZE = "Size is not evidence"
LOSS = "Does the interaction lower the loss?"
ORIGIN = "Where false interactions come from"
OVERVIEW = "Overview"
_MODELS = ("loss_models", "loss_verdicts")

FIGURES: tuple[Entry, ...] = (
    Entry(
        "overview",
        RUN,
        "All models and all tests",
        INTERACTIONS,
        OVERVIEW,
        "verdicts.overview",
        _MODELS,
        "One row per model, one column per test; darker is stronger evidence.",
    ),
    Entry(
        "motif_pairs",
        DATASET,
        "Mean interaction of every motif pair",
        INTERACTIONS,
        OVERVIEW,
        "magnitude.by_motif_pair",
        _MODELS,
        "Mean signed interaction of every model, by motif pair, with the verdict at the right.",
    ),
    Entry(
        "loss_improvement",
        DATASET,
        "Loss improvement by the interaction",
        INTERACTIONS,
        LOSS,
        "loss.improvement",
        _MODELS,
        "Above zero, the interaction helps to predict held-out data; filled models pass the paired test.",
    ),
    Entry(
        "loss_densities",
        DATASET,
        "Losses with and without the interaction",
        INTERACTIONS,
        LOSS,
        "loss.densities",
        ("interaction_pairs", *_MODELS),
        "A real interaction moves the losses to the right when it is removed.",
    ),
    Entry(
        "loss_train_test",
        DATASET,
        "Loss improvement on training and held-out pairs",
        INTERACTIONS,
        LOSS,
        "loss.train_against_test",
        _MODELS,
        "Below the dotted line the interaction helps more on training sequences: fitted noise.",
    ),
    Entry(
        "random_location",
        RUN,
        "Loss improvement at real pairs and at random locations",
        INTERACTIONS,
        LOSS,
        "loss.random_location",
        _MODELS,
        "Filled models improve more at real motif pairs than at random locations.",
    ),
    Entry(
        "magnitude_shuffled",
        DATASET,
        "Size of the interaction, real pairs and shuffled sequences",
        INTERACTIONS,
        SIZE,
        "magnitude.against_shuffled",
        _MODELS,
        "Models show larger interactions at real motifs also where the truth has none.",
    ),
    Entry(
        "magnitude_random_location",
        DATASET,
        "Size of the interaction, real pairs and random locations",
        INTERACTIONS,
        SIZE,
        "magnitude.against_random_location",
        _MODELS,
        "As before, against random locations of the same sequences.",
    ),
    Entry(
        "magnitude_test_error",
        DATASET,
        "Size of the interaction and held-out error",
        INTERACTIONS,
        SIZE,
        "magnitude.against_test_error",
        _MODELS,
        "Whether better models have smaller spurious interactions.",
    ),
    Entry(
        "signed_interaction",
        RUN,
        "Signed interaction by architecture and L1 weight",
        INTERACTIONS,
        ORIGIN,
        "magnitude.by_architecture",
        _MODELS,
        "A sign shared by all models of a panel is a systematic error of the design.",
    ),
    Entry(
        "position",
        RUN,
        "Interaction and position in the sequence",
        INTERACTIONS,
        ORIGIN,
        "effects.against_position",
        ("interaction_pairs", "knockouts", *_MODELS),
        "Interactions that appear only near the ends are made by the architecture.",
    ),
    Entry(
        "interaction_main_effects",
        DATASET,
        "Interaction and main effects, pair by pair",
        INTERACTIONS,
        ORIGIN,
        "effects.against_main_effects",
        ("interaction_pairs", *_MODELS),
        "Where interactions sit: all motif pairs of all models, by the size of their main effects.",
    ),
    Entry(
        "interaction_main_effect_error",
        DATASET,
        "Interaction and error of the main effects",
        INTERACTIONS,
        ORIGIN,
        "effects.against_main_effect_error",
        ("interaction_pairs", "knockouts", *_MODELS),
        "Along the dotted line a false interaction repairs what the main effects miss.",
    ),
    Entry(
        "training_curves",
        DATASET,
        "Training curves",
        INTERACTIONS,
        TRAINING,
        "training.training_curves",
        ("training_history", "loss_models"),
        "Loss per epoch; the dot marks the epoch whose weights were kept.",
    ),
    Entry(
        "effects",
        RUN,
        "The simulated effect",
        INTERACTIONS,
        DATA,
        "simulation.effect_curves",
        ("sequences", "knockouts"),
        "Expected count by occupancy; a curve that bends upwards makes motifs interact.",
    ),
    Entry(
        "targets",
        DATASET,
        "Distribution of the targets",
        INTERACTIONS,
        DATA,
        "simulation.targets",
        ("sequences",),
        "Targets of the training, validation and test sequences.",
    ),
    Entry(
        "motifs",
        DATASET,
        "Motifs",
        INTERACTIONS,
        DATA,
        "logos.motif_logos",
        (),
        "Sequence logos of the motifs.",
    ),
)
"""All figures in the order in which a report shows them."""

DATASET_FIGURES = tuple(entry for entry in FIGURES if entry.scope == DATASET)
RUN_FIGURES = tuple(entry for entry in FIGURES if entry.scope == RUN)

SUFFIXES = ("svg", "png")


def dataset_figure_files() -> list[str]:
    """Names of the files that ``draw_dataset_figures`` writes into its folder."""
    return _files(DATASET_FIGURES)


def run_figure_files() -> list[str]:
    """Names of the files that ``draw_run_figures`` writes into its folder."""
    return _files(RUN_FIGURES)


def _files(entries: tuple[Entry, ...]) -> list[str]:
    return [f"{entry.name}.{suffix}" for entry in entries for suffix in SUFFIXES] + ["captions.json"]

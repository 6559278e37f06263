"""Which figures there are: plain data, so that the workflow knows every output before a run.

Nothing here imports matplotlib. A figure that some data cannot give is still drawn, as a
panel that says why.
"""

from seqaudit.figures.audit_entries import AUDIT_FIGURES, EXPLAINED_FIGURES
from seqaudit.figures.consistency_entries import CONSISTENCY_FIGURES
from seqaudit.figures.entry import DATASET, OVERVIEW, RUN, STUDY, Entry
from seqaudit.figures.hessian_entries import HEAD_FIGURES, HESSIAN_FIGURES
from seqaudit.figures.twin_entries import TWIN_FIGURES

INTERACTIONS = "Motif interactions"
CAUSES = "Causal effects"

DATA = "The data"
TRAINING = "The models"
SIZE = "Size is not evidence"
LOSS = "Does the interaction lower the loss?"
ORIGIN = "Where false interactions come from"
RECOVERY = "Is the simulated effect found?"
LOCI = "Locus by locus"
NETWORKS = "Can the networks be believed?"
_MODELS = ("loss_models", "loss_verdicts")

FIGURES: tuple[Entry, ...] = (
    *AUDIT_FIGURES,
    *EXPLAINED_FIGURES,
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
    *TWIN_FIGURES,
    Entry(
        "deepmr_effects",
        STUDY,
        "Global causal effects",
        CAUSES,
        OVERVIEW,
        "deepmr_pairs.global_effects",
        ("deepmr_global",),
        "Change of the outcome per unit of the exposure, with confidence and prediction intervals.",
    ),
    Entry(
        "deepmr_spacing",
        STUDY,
        "Causal effect and motif spacing",
        CAUSES,
        OVERVIEW,
        "deepmr_pairs.spacing",
        ("deepmr_spacing", "deepmr_global"),
        "Mean effect by the gap between the nearest sites of exposure and outcome.",
    ),
    Entry(
        "deepmr_truth",
        STUDY,
        "Estimated and true causal effects",
        CAUSES,
        RECOVERY,
        "deepmr_scores.against_truth",
        ("deepmr_global", "deepmr_scores"),
        "On the dotted line the estimate is right; one point per simulated round.",
    ),
    Entry(
        "deepmr_scores",
        STUDY,
        "Accuracy and coverage by scenario",
        CAUSES,
        RECOVERY,
        "deepmr_scores.overview",
        ("deepmr_scores",),
        "Points at the dotted lines are perfect, or intervals that cover as often as they say.",
    ),
    Entry(
        "deepmr_methods",
        STUDY,
        "Bias and coverage by method",
        CAUSES,
        RECOVERY,
        "deepmr_scores.by_method",
        ("deepmr_scores",),
        "Every local estimator with every way of pooling, within each scenario.",
    ),
    Entry(
        "deepmr_strength",
        STUDY,
        "Bias and coverage by strength of confounding",
        CAUSES,
        RECOVERY,
        "deepmr_scores.against_strength",
        ("deepmr_global", "deepmr_scores", "cascade_rounds"),
        "How much confounding an estimate bears.",
    ),
    Entry(
        "deepmr_instruments",
        STUDY,
        "Instruments of single loci",
        CAUSES,
        LOCI,
        "deepmr_loci.instruments",
        ("instruments", "deepmr_local", "deepmr_global"),
        "The slope of the line is the local causal effect; loci are chosen by rule.",
    ),
    Entry(
        "deepmr_forest",
        STUDY,
        "Local causal effects",
        CAUSES,
        LOCI,
        "deepmr_loci.forest",
        ("deepmr_local", "deepmr_global"),
        "Loci in order of their effect, global effects as diamonds below.",
    ),
    Entry(
        "deepmr_funnel",
        STUDY,
        "Local effects and their precision",
        CAUSES,
        LOCI,
        "deepmr_loci.funnel",
        ("deepmr_local", "deepmr_global"),
        "Loci that differ by chance alone scatter evenly around the line of their global effect.",
    ),
    Entry(
        "deepmr_quality",
        STUDY,
        "Quality of the ensembles",
        CAUSES,
        NETWORKS,
        "deepmr_models.quality",
        ("ensemble_quality",),
        "Predicted against true effects of mutations: a bias here goes into every estimate.",
    ),
    Entry(
        "deepmr_calibration",
        STUDY,
        "Calibration of the ensembles",
        CAUSES,
        NETWORKS,
        "deepmr_models.calibration",
        ("calibration", "ensemble_quality"),
        "On the dotted line as many targets lie below a quantile as it says.",
    ),
    *CONSISTENCY_FIGURES,
    *HESSIAN_FIGURES,
    *HEAD_FIGURES,
)
"""All figures in the order in which a report shows them."""

DATASET_FIGURES = tuple(entry for entry in FIGURES if entry.scope == DATASET)
RUN_FIGURES = tuple(entry for entry in FIGURES if entry.scope == RUN)
STUDY_FIGURES = tuple(entry for entry in FIGURES if entry.scope == STUDY)

SUFFIXES = ("svg", "png")


def dataset_figure_files() -> list[str]:
    """Names of the files that ``draw_dataset_figures`` writes into its folder."""
    return _files(DATASET_FIGURES)


def run_figure_files() -> list[str]:
    """Names of the files that ``draw_run_figures`` writes into its folder."""
    return _files(RUN_FIGURES)


def study_figure_files() -> list[str]:
    """Names of the files that ``draw_study_figures`` writes into its folder."""
    return _files(STUDY_FIGURES)


def consistency_figure_files() -> list[str]:
    """Names of the files that ``draw_consistency_figures`` writes into its folder."""
    return _files(CONSISTENCY_FIGURES)


def _files(entries: tuple[Entry, ...]) -> list[str]:
    return [f"{entry.name}.{suffix}" for entry in entries for suffix in SUFFIXES] + ["captions.json"]

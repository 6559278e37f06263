"""Tables of Deep Mendelian Randomization: sequences with several outputs, effects, estimates, scores."""

from seqaudit.data.schemas.declaration import Column, declare

_ENSEMBLE = [
    Column(
        "ensemble", "string", "readable id of the trained ensemble: '<study>.<scenario>.round_<n>.<recipe>'"
    ),
    Column("study", "string", "id of the study in the config"),
    Column("scenario", "string", "confounding scenario; 'none' where a study has no scenarios"),
    Column("round", "int64", "repetition of the scenario with fresh data, from 1"),
    Column(
        "recipe", "string", "id of the recipe in the config: how networks are trained and effects estimated"
    ),
]
_PAIR = [
    Column("exposure", "string", "output that is thought to cause"),
    Column("outcome", "string", "output that is thought to be caused"),
]
_MUTATION = [
    Column("position", "int64", "mutated position, 0-based", "bp"),
    Column("ref", "string", "base of the sequence"),
    Column("alt", "string", "base of the mutant"),
]
_CLASS = Column(
    "sequence_class",
    "string",
    "motifs in the sequence: exposure_only, both, outcome_only or neither; unknown without sites",
)

declare(
    "causal_sequences",
    version=1,
    row="sequence",
    key=("sequence_id",),
    columns=[
        Column("sequence_id", "string", "name of the sequence"),
        Column("split", "string", "train, calibration or test; members draw validation sequences from train"),
        Column("sequence", "string", "DNA letters A, C, G, T, N; equal length in one table"),
        Column("parent", "string", "sequence that a labelled mutant was made from; its own id for others"),
        Column("mutated", "bool", "whether it is a labelled single-base mutant of its parent"),
        Column(
            "embeddings",
            "string",
            "motif sites, 'pos-<start>_<motif>-<instance>' by commas; empty if none, null if unknown",
            "",
            True,
        ),
    ],
)

declare(
    "causal_targets",
    version=1,
    row="sequence x output",
    key=("sequence_id", "output"),
    columns=[
        Column("sequence_id", "string", "name of the sequence"),
        Column("output", "string", "measured quantity, such as binding of a factor"),
        Column("target", "float64", "measured value, before any transform", "reads or own unit"),
        Column(
            "expected",
            "float64",
            "expectation of target, given all causes of this row, unseen ones included; null where unknown",
            "as target",
            True,
        ),
        Column("occupancy", "float64", "true occupancy by the factor, 0 to 1; null where unknown", "", True),
    ],
)

declare(
    "causal_profiles",
    version=1,
    row="sequence x output x strand x position with reads",
    key=("sequence_id", "output", "strand", "position"),
    columns=[
        Column("sequence_id", "string", "name of the sequence"),
        Column("output", "string", "measured quantity; its reads add up to its target in causal_targets"),
        Column(
            "strand", "string", "+ or - (of the sequence as given); all + where strands are not told apart"
        ),
        Column("position", "int64", "0-based from the first base of the sequence, on either strand", "bp"),
        Column("reads", "int64", "reads there, at least 1; positions without a row have none", "reads"),
    ],
)

declare(
    "cascade_rounds",
    version=1,
    row="simulated data set",
    key=("study", "scenario", "round"),
    columns=[
        *_ENSEMBLE[1:4],
        Column("alpha", "float64", "effect of exposure occupancy on the exposure", "reads"),
        Column("gamma", "float64", "effect on the outcome relative to alpha"),
        Column(
            "gamma_cluster", "string", "low, high, or continuous where gamma is not drawn around two values"
        ),
        Column("eta", "float64", "effect of confounder occupancy on the exposure", "reads"),
        Column("nu", "float64", "effect of confounder occupancy on the outcome", "reads"),
        Column("tau_exposure", "float64", "effect of the random confounder on the exposure", "reads"),
        Column("tau_outcome", "float64", "effect of the random confounder on the outcome", "reads"),
        Column("confounder_probability", "float64", "chance of the random confounder, 0 if there is none"),
        Column("seed", "int64", "seed of the round's sequences and counts"),
    ],
)

declare(
    "true_effects",
    version=1,
    row="locus x output x mutation",
    key=("locus_id", "output", "position", "alt"),
    columns=[
        Column("locus_id", "string", "sequence that is mutated"),
        Column("output", "string", "output"),
        *_MUTATION,
        Column(
            "effect", "float64", "true change of the expected training target, averaged over unseen causes"
        ),
    ],
)

_DIRECT = "true effect of the exposure on the outcome, all else equal, per unit of exposure: "
declare(
    "direct_effects",
    version=1,
    row="locus x causal pair",
    key=("locus_id", "exposure", "outcome"),
    columns=[
        Column("locus_id", "string", "sequence"),
        *_PAIR,
        Column("small_change", "float64", _DIRECT + "limit of small changes", "", True),
        Column("knockout", "float64", _DIRECT + "the exposure is removed", "", True),
        Column(
            "through_exposure",
            "float64",
            _DIRECT + "slope over all mutations, of which only the exposure's occupancy is let through",
            "",
            True,
        ),
        Column(
            "over_mutations",
            "float64",
            "the same slope over mutations as they are; differs where they move other factors too",
            "",
            True,
        ),
        Column("exposure_change", "float64", "what the removal does to the exposure", "", True),
        Column("exposure_occupancy", "float64", "occupancy by the exposure, 0 to 1"),
        Column("outcome_occupancy", "float64", "occupancy by the outcome, 0 to 1"),
        Column("status", "string", "ok, or why there is no effect"),
    ],
)

declare(
    "mutation_effects",
    version=1,
    row="member x locus x output x mutation",
    key=("member", "locus_id", "output", "position", "alt"),
    columns=[
        Column("member", "int64", "network of the ensemble, from 0"),
        Column("locus_id", "string", "sequence that is mutated"),
        Column("output", "string", "predicted output"),
        *_MUTATION,
        Column("effect", "float32", "prediction for the mutant minus prediction for the sequence"),
        Column("reference", "float32", "prediction for the sequence"),
    ],
)

declare(
    "ensemble_predictions",
    version=1,
    row="member x sequence x output",
    key=("member", "sequence_id", "output"),
    columns=[
        Column("member", "int64", "network of the ensemble, from 0"),
        Column("sequence_id", "string", "held-out sequence"),
        Column("split", "string", "calibration or test"),
        Column("output", "string", "predicted output"),
        Column("prediction", "float32", "prediction, in the training space"),
        Column("target", "float64", "measured target, in the training space"),
        Column("expected", "float64", "its expectation, in the training space; null if unknown", "", True),
    ],
)

declare(
    "instruments",
    version=1,
    row="ensemble x locus x causal pair x mutation",
    key=("ensemble", "locus_id", "exposure", "outcome", "position", "alt"),
    columns=[
        _ENSEMBLE[0],
        Column("locus_id", "string", "sequence that is mutated"),
        *_PAIR,
        *_MUTATION,
        Column("beta_exposure", "float64", "effect on the exposure, mean over members"),
        Column("se_exposure", "float64", "its standard error"),
        Column("beta_outcome", "float64", "effect on the outcome, mean over members"),
        Column("se_outcome", "float64", "its standard error"),
        Column("covariance", "float64", "covariance over members of the two effects"),
        Column(
            "in_motif",
            "bool",
            "whether the position lies in a site of the exposure; null if unknown",
            "",
            True,
        ),
        Column("selected", "bool", "whether the mutation passed every instrument filter"),
        Column("true_beta_exposure", "float64", "true effect on the exposure; null if unknown", "", True),
        Column("true_beta_outcome", "float64", "true effect on the outcome; null if unknown", "", True),
    ],
)

_ESTIMATE = [
    Column("b", "float64", "causal effect: change of the outcome per unit of the exposure", "", True),
    Column("se", "float64", "its standard error", "", True),
    Column("ci_low", "float64", "lower limit of the 95 % interval", "", True),
    Column("ci_high", "float64", "upper limit", "", True),
    Column("pval", "float64", "two-sided p-value of b = 0", "", True),
    Column("df", "float64", "degrees of freedom of the t interval; null for a normal one", "", True),
]

declare(
    "deepmr_local",
    version=1,
    row="ensemble x locus x causal pair x method",
    key=("ensemble", "locus_id", "exposure", "outcome", "method"),
    columns=[
        *_ENSEMBLE,
        Column("locus_id", "string", "sequence that is mutated"),
        *_PAIR,
        _CLASS,
        Column(
            "method",
            "string",
            "estimator: one of seqaudit.inference.deepmr.METHODS or seqaudit.inference.mr.methods",
        ),
        *_ESTIMATE,
        Column("n_mutations", "int64", "mutations of the locus"),
        Column("n_instruments", "int64", "of these, instruments that the estimate rests on"),
        Column("q", "float64", "heterogeneity statistic of the instruments", "", True),
        Column("q_pval", "float64", "its p-value", "", True),
        Column("i2", "float64", "share of q beyond its degrees of freedom, 0 to 1", "", True),
        Column("egger_intercept", "float64", "mean direct effect on the outcome", "", True),
        Column("egger_intercept_pval", "float64", "p-value of no directional pleiotropy", "", True),
        Column(
            "f_statistic",
            "float64",
            "mean of (beta_exposure / se_exposure) squared; conditional F of multivariable methods",
            "",
            True,
        ),
        Column("estimand", "string", "what b estimates, in words"),
        Column(
            "truth",
            "float64",
            "true value of the estimand on the same instruments; null if unknown",
            "",
            True,
        ),
        Column("status", "string", "ok, or why there is no estimate"),
    ],
)

declare(
    "deepmr_global",
    version=1,
    row="ensemble x causal pair x sequence class x method",
    key=("ensemble", "exposure", "outcome", "sequence_class", "method"),
    columns=[
        *_ENSEMBLE,
        *_PAIR,
        Column("sequence_class", "string", "exposure_only, both, or all loci together"),
        Column("method", "string", "'<local estimator>/<pooling>': mean, reml_hk, reml or sd"),
        *_ESTIMATE,
        Column("pi_low", "float64", "lower limit of the 95 % prediction interval of a locus", "", True),
        Column("pi_high", "float64", "upper limit", "", True),
        Column("tau", "float64", "standard deviation of the effect between loci", "", True),
        Column("q", "float64", "Cochran's heterogeneity statistic over loci", "", True),
        Column("i2", "float64", "share of the variation between loci that is not error, 0 to 1", "", True),
        Column(
            "size_factor",
            "float64",
            "with which slopes were multiplied, from held-out labelled mutants; null if they were not",
            "",
            True,
        ),
        Column("size_factor_se", "float64", "its standard error", "", True),
        Column("k", "int64", "loci with a local estimate"),
        Column("n_loci", "int64", "loci that were mutated"),
        Column("estimand", "string", "what b estimates, in words"),
        Column("truth", "float64", "mean true local effect of the same loci; null if unknown", "", True),
        Column("local_coverage", "float64", "share of local intervals that hold the locus' truth", "", True),
        Column("local_bias", "float64", "mean of local estimate minus truth", "", True),
        Column("local_rmse", "float64", "root mean squared error of local estimates", "", True),
        Column("pi_coverage", "float64", "share of true local effects in the prediction interval", "", True),
        Column("status", "string", "ok, or why there is no estimate"),
    ],
)

declare(
    "deepmr_scores",
    version=1,
    row="scenario x recipe x causal pair x sequence class x method x gamma cluster",
    key=("study", "scenario", "recipe", "exposure", "outcome", "sequence_class", "method", "gamma_cluster"),
    columns=[
        *_ENSEMBLE[1:3],
        _ENSEMBLE[4],
        *_PAIR,
        Column("sequence_class", "string", "exposure_only, both, or all loci together"),
        Column("method", "string", "as in the table of global effects"),
        Column("gamma_cluster", "string", "low, high, continuous, or all rounds together"),
        Column("n_tried", "int64", "rounds that were run"),
        Column("n_rounds", "int64", "of these, rounds with a global estimate; all scores are theirs"),
        Column("truth", "float64", "mean over rounds of the global truth", "", True),
        Column("se", "float64", "median over rounds of the standard error", "", True),
        Column("tau", "float64", "median over rounds of tau", "", True),
        Column("bias", "float64", "mean over rounds of global estimate minus truth", "", True),
        Column("relative_bias", "float64", "bias divided by the mean truth", "", True),
        Column("rmse", "float64", "root mean squared error of global estimates", "", True),
        Column(
            "pearson_r2", "float64", "squared correlation with the truth over rounds, as published", "", True
        ),
        Column(
            "identity_r2",
            "float64",
            "1 - squared error / variance of the truth: about the identity line",
            "",
            True,
        ),
        Column(
            "ci_coverage", "float64", "share of rounds whose 95 % interval holds the global truth", "", True
        ),
        Column("ci_coverage_low", "float64", "lower limit of its 95 % Wilson interval", "", True),
        Column("ci_coverage_high", "float64", "upper limit", "", True),
        Column(
            "tau_coverage",
            "float64",
            "share of rounds with the truth within 2 tau: published, no interval",
            "",
            True,
        ),
        Column("pi_coverage", "float64", "mean over rounds of pi_coverage", "", True),
        Column("local_coverage", "float64", "mean over rounds of local_coverage", "", True),
        Column("local_bias", "float64", "mean over rounds of local_bias", "", True),
        Column("local_rmse", "float64", "root mean square over rounds of local_rmse", "", True),
        Column("retained", "float64", "share of mutated loci with a local estimate", "", True),
    ],
)

declare(
    "calibration",
    version=1,
    row="ensemble x output x level",
    key=("ensemble", "output", "level"),
    columns=[
        _ENSEMBLE[0],
        Column("output", "string", "predicted output"),
        Column("level", "float64", "nominal probability"),
        Column("observed_before", "float64", "share of targets below that predicted quantile", "", True),
        Column(
            "observed_after",
            "float64",
            "the same after recalibration, on the other half of the split",
            "",
            True,
        ),
    ],
)

declare(
    "ensemble_quality",
    version=1,
    row="ensemble x output",
    key=("ensemble", "output"),
    columns=[
        *_ENSEMBLE,
        Column("output", "string", "predicted output"),
        Column("members", "int64", "networks"),
        Column("epochs", "float64", "mean epochs run"),
        Column("seconds", "float64", "training time of all members", "s"),
        Column("test_r2", "float64", "R2 of the ensemble mean, held-out targets", "", True),
        Column("test_r2_expected", "float64", "R2 about noise-free expectations; null if unknown", "", True),
        Column(
            "effect_slope", "float64", "slope of predicted on true effects of selected mutations", "", True
        ),
        Column("effect_rmse", "float64", "root mean squared error of these effects", "", True),
        Column("calibration_error_before", "float64", "mean |observed - nominal| level", "", True),
        Column("calibration_error_after", "float64", "the same after quantile recalibration", "", True),
        Column(
            "level_factor",
            "float64",
            "noise-subtracted variance factor; a diagnostic, never applied",
            "",
            True,
        ),
    ],
)

declare(
    "deepmr_spacing",
    version=1,
    row="ensemble x causal pair x method x spacing",
    key=("ensemble", "exposure", "outcome", "method", "spacing"),
    columns=[
        *_ENSEMBLE,
        *_PAIR,
        Column("method", "string", "'<local estimator>/<pooling>': reml_hk or reml"),
        Column("spacing", "string", "bin of the gap between the nearest sites of exposure and outcome"),
        Column("gap_above", "float64", "lower edge of the bin, not in it; the first bin holds 0", "bp"),
        Column("gap_up_to", "float64", "upper edge of the bin, in it", "bp"),
        *_ESTIMATE,
        Column("tau", "float64", "standard deviation of the effect between loci", "", True),
        Column("k", "int64", "loci of the bin with a local estimate"),
        Column("truth", "float64", "mean true local effect of the same loci; null if unknown", "", True),
        Column("status", "string", "ok, or why there is no estimate"),
    ],
)

declare(
    "ensemble_history",
    version=1,
    row="ensemble x member x epoch",
    key=("ensemble", "member", "epoch"),
    columns=[
        _ENSEMBLE[0],
        Column("member", "int64", "network of the ensemble, from 0"),
        Column("epoch", "int64", "epoch, counted from 1"),
        Column("train_loss", "float64", "mean loss over batches, of standardised targets or of reads"),
        Column("validation_loss", "float64", "the same on validation sequences, for early stopping"),
        Column("validation_mse", "float64", "mean squared error of the predicted values alone"),
        Column("best", "bool", "whether validation_loss is the smallest so far"),
        Column("seconds", "float64", "wall time of the epoch", "s"),
    ],
)

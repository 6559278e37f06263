"""Tables of sequences, trained networks and loss-based interaction tests."""

from seqaudit.data.schemas.declaration import Column, declare
from seqaudit.data.schemas.designs import DATASET, MODEL_DESIGN, MODEL_ID

_MODEL_DESIGN = [MODEL_ID, *MODEL_DESIGN]

declare(
    "sequences",
    version=1,
    row="sequence",
    key=("sequence_id",),
    columns=[
        Column("sequence_id", "string", "name of the sequence"),
        Column("split", "string", "train, validation or test"),
        Column("sequence", "string", "DNA letters A, C, G, T, N; equal length in one table"),
        Column("target", "float64", "what models are trained to predict", "count or own unit"),
        Column("count", "int64", "simulated read count; null for measured data", "reads", True),
        Column(
            "expected_count",
            "float64",
            "noise-free expectation of the count; null where unknown",
            "reads",
            True,
        ),
        Column(
            "embeddings",
            "string",
            "motifs the simulator placed, 'pos-<start>_<motif>-<instance>' by commas; "
            "empty if none, null for measured data",
            "",
            True,
        ),
        Column("group", "string", "sequences of one group share a split; null if none", "", True),
    ],
)

declare(
    "knockouts",
    version=1,
    row="motif pair in one sequence",
    key=("pair_id",),
    columns=[
        Column("pair_id", "string", "readable id: motif pair, sequence and positions"),
        Column("sequence_id", "string", "sequence that carries the pair"),
        Column("split", "string", "split of that sequence: train or test"),
        Column("motif_pair", "string", "the two motif names, 'A-B'"),
        Column("motif_a", "string", "name of motif A"),
        Column("motif_b", "string", "name of motif B"),
        Column("start_a", "int64", "first position of the site of A, 0-based", "bp"),
        Column("start_b", "int64", "first position of the site of B, 0-based", "bp"),
        Column("strand_a", "string", "strand of the site of A: + or -"),
        Column("strand_b", "string", "strand of the site of B: + or -"),
        Column("orig", "string", "sequence with both sites"),
        Column("a_off", "string", "sequence with the site of A replaced"),
        Column("b_off", "string", "sequence with the site of B replaced"),
        Column("both_off", "string", "sequence with both sites replaced, by the same letters"),
        *(
            Column(
                f"expected_{version}",
                "float64",
                f"true expected count of '{version}'; null where unknown",
                "reads",
                True,
            )
            for version in ("orig", "a_off", "b_off", "both_off")
        ),
    ],
)

declare(
    "training_history",
    version=1,
    row="model x epoch",
    key=("model_id", "epoch"),
    columns=[
        MODEL_ID,
        Column("epoch", "int64", "epoch, counted from 1"),
        Column("train_loss", "float64", "mean over batches of squared error plus L1 penalty"),
        Column("validation_loss", "float64", "mean squared error plus L1 penalty on validation"),
        Column("validation_mse", "float64", "mean squared error on validation"),
        Column("best", "bool", "whether validation_loss is the smallest so far"),
        Column("seconds", "float64", "wall time of the epoch", "s"),
    ],
)

declare(
    "evaluations",
    version=1,
    row="trained model",
    key=("model_id",),
    columns=[
        *_MODEL_DESIGN,
        Column("epochs", "int64", "epochs run"),
        Column("best_epoch", "int64", "epoch whose weights were kept"),
        Column("seconds", "float64", "wall time of training", "s"),
        Column("n_test", "int64", "held-out sequences"),
        Column("test_mse", "float64", "mean squared error, held-out, in the training space"),
        Column("test_pearson", "float64", "Pearson r, held-out, in the training space", "", True),
        Column("test_spearman", "float64", "Spearman rho, held-out", "", True),
    ],
)

declare(
    "interaction_pairs",
    version=1,
    row="model x motif pair in one sequence x set",
    key=("model_id", "pair_set", "pair_id"),
    columns=[
        MODEL_ID,
        Column("pair_id", "string", "id in the table of the set"),
        Column("motif_pair", "string", "the two motif names, 'A-B'"),
        Column("pair_set", "string", "real, random_location or shuffled"),
        Column("split", "string", "train or test"),
        Column("group", "string", "group of the sequence, else its id; pairs of one are not independent"),
        Column(
            "label",
            "float64",
            "measured target; for shuffled sequences the true expectation, null if unknown",
            "target",
            True,
        ),
        *(
            Column(f"f_{version}", "float64", f"prediction for '{version}'", "target")
            for version in ("orig", "a_off", "b_off", "both_off")
        ),
        Column("main_a", "float64", "f_b_off - f_both_off", "target"),
        Column("main_b", "float64", "f_a_off - f_both_off", "target"),
        Column("interaction", "float64", "f_orig - f_both_off - main_a - main_b", "target"),
        Column("loss_with", "float64", "squared error of f_orig, training space", "", True),
        Column(
            "loss_without",
            "float64",
            "squared error of f_orig - interaction, training space",
            "",
            True,
        ),
        Column("clipped", "bool", "f_orig - interaction was below the transform's domain"),
    ],
)

_TESTS = {
    "paired_p": "signed-rank test that removing the interaction raises the loss, held-out pairs",
    "unpaired_p": "rank-sum test, losses without against losses with the interaction, held-out pairs",
    "shuffled_p": "rank-sum test of |interaction|, real pairs against shuffled sequences",
    "shuffled_loss_p": "rank-sum test of the loss improvement, real pairs against shuffled sequences",
    "random_location_p": "rank-sum test of the loss improvement, real pairs against random locations",
    "random_location_magnitude_p": "rank-sum test of |interaction|, real pairs against random locations",
    "interaction_p": "two-sided signed-rank test of the interaction, held-out pairs",
    "train_paired_p": "as paired_p, on training pairs",
    "train_unpaired_p": "as unpaired_p, on training pairs",
    "train_random_location_p": "as random_location_p, on training pairs",
}
_SUMMARIES = {
    "mean_abs_interaction": "mean |interaction|",
    "sem_abs_interaction": "standard error of mean |interaction| over pairs",
    "mean_interaction": "mean interaction",
    "median_interaction": "median interaction",
    "mean_abs_interaction_shuffled": "mean |interaction|, shuffled sequences",
    "sem_abs_interaction_shuffled": "standard error of it",
    "mean_abs_interaction_random_location": "mean |interaction|, random locations",
    "sem_abs_interaction_random_location": "standard error of it",
    "mean_loss_improvement": "mean of loss_without - loss_with",
    "sem_loss_improvement": "standard error of it",
    "median_loss_improvement": "median of loss_without - loss_with; positive: the interaction helps",
    "mean_loss_improvement_random_location": "mean of loss_without - loss_with, random locations",
    "sem_loss_improvement_random_location": "standard error of it",
    "median_loss_improvement_train": "median of loss_without - loss_with, training pairs",
    "r_abs_interaction_main": "Pearson r of |interaction| and the summed main effects",
    "r_interaction_main": "Pearson r of the interaction and the summed main effects",
    "fraction_clipped": "share of real pairs whose prediction without interaction left the domain",
}

declare(
    "loss_models",
    version=2,
    row="trained model x motif pair",
    key=("model_id", "motif_pair"),
    columns=[
        *_MODEL_DESIGN,
        Column("motif_pair", "string", "the two motif names, 'A-B'"),
        Column("epochs", "int64", "epochs run"),
        Column("test_mse", "float64", "mean squared error, held-out, in the training space"),
        Column("test_pearson", "float64", "Pearson r, held-out, in the training space", "", True),
        Column("n_pairs", "int64", "held-out pairs"),
        Column("n_pairs_train", "int64", "training pairs"),
        Column("n_groups", "int64", "independent groups of held-out pairs: what tests and errors count"),
        *(Column(name, "float64", meaning, "", True) for name, meaning in _SUMMARIES.items()),
        *(Column(name, "float64", "p-value: " + meaning, "", True) for name, meaning in _TESTS.items()),
        Column("paired_effect", "float64", "rank-biserial correlation of the paired test, -1 to 1", "", True),
        Column(
            "unpaired_effect",
            "float64",
            "chance that a loss without exceeds a loss with the interaction; 0.5: no effect",
            "",
            True,
        ),
        Column("twin_p", "float64", "p-value of the additive twin; null if not computed", "", True),
        Column("twin_beta", "float64", "share of the interaction that the twin confirms", "", True),
        Column("twin_ci_low", "float64", "90 % interval of it, lower end", "", True),
        Column("twin_ci_high", "float64", "upper end", "", True),
        Column("twin_verdict", "string", "what the additive twins say; null if not computed", "", True),
        Column("verdict", "string", "supported, suggestive, not supported or not tested"),
        Column("reason", "string", "why, in one sentence"),
        Column("status", "string", "ok, or why a statistic could not be computed"),
    ],
)

_PAIR = [
    DATASET,
    Column("motif_pair", "string", "the two motif names, 'A-B'"),
]

declare(
    "loss_architectures",
    version=1,
    row="dataset x motif pair x architecture x test",
    key=("dataset", "motif_pair", "arch", "test"),
    columns=[
        *_PAIR,
        Column("arch", "string", "id of the architecture"),
        Column("test", "string", "column of the loss_models table that holds the p-value"),
        Column("n_models", "int64", "models with a p-value"),
        Column("n_significant", "int64", "of these, below alpha"),
        Column("combined_p", "float64", "Cauchy combination over the models", "", True),
    ],
)

declare(
    "loss_verdicts",
    version=1,
    row="dataset x motif pair",
    key=("dataset", "motif_pair"),
    columns=[
        *_PAIR,
        Column("control", "string", "negative or positive control; null for measured data", "", True),
        Column("padding", "string", "padding of the models"),
        Column("verdict", "string", "real, not supported, inconsistent across architectures, or not tested"),
        Column("reason", "string", "why, in one or two sentences"),
        Column("deciding_test", "string", "column of the loss_models table that decides"),
        Column("n_models", "int64", "models tested"),
        Column("n_supported", "int64", "models with verdict 'supported'"),
        Column("n_paired", "int64", "models with paired_p < alpha"),
        Column("n_unpaired", "int64", "models with unpaired_p < alpha"),
        Column("n_pairs", "int64", "held-out pairs per model"),
        Column("mean_interaction", "float64", "mean over models of the mean interaction", "target", True),
        Column("mean_abs_interaction", "float64", "mean over models of mean |interaction|", "target", True),
        Column("median_loss_improvement", "float64", "median over models", "", True),
        Column("paired_p", "float64", "Cauchy combination of paired_p over models", "", True),
        Column("unpaired_p", "float64", "Cauchy combination of unpaired_p over models", "", True),
        Column("q_value", "float64", "false discovery rate of the deciding test over motif pairs", "", True),
        Column(
            "pooled_paired_p",
            "float64",
            "paired test, pairs of all paired-significant models pooled",
            "",
            True,
        ),
        Column("pooled_unpaired_p", "float64", "unpaired test on the same pooled pairs", "", True),
        Column(
            "spearman_mse_interaction", "float64", "Spearman rho over models, test_mse and mean |I|", "", True
        ),
        Column("spearman_p", "float64", "its p-value", "", True),
        Column(
            "true_mean_interaction",
            "float64",
            "mean true interaction of the pairs; null if unknown",
            "target",
            True,
        ),
        Column(
            "true_mean_abs_interaction", "float64", "mean |true interaction|; null if unknown", "target", True
        ),
        Column(
            "true_mean_loss_improvement", "float64", "mean loss improvement of the true function", "", True
        ),
    ],
)

"""Tables of the additive twin's statistics: models, motif pairs and bootstrap nulls."""

from seqaudit.data.schemas.declaration import Column, declare

VERDICTS = "confirmed; present, size unconfirmed; not supported; cannot tell"

declare(
    "twin_models",
    version=2,
    row="trained model x motif pair",
    key=("model_id", "motif_pair"),
    columns=[
        Column("model_id", "string", "readable id of the trained model"),
        Column("motif_pair", "string", "the two motif names, 'A-B'"),
        Column("twin_id", "string", "the additive twin that judges: the first of the population"),
        Column("n_twins", "int64", "twins of the population"),
        Column("n_pairs", "int64", "labelled held-out pairs"),
        Column("n_groups", "int64", "independent groups of them"),
        Column("mean_interaction", "float64", "mean claimed interaction", "target"),
        Column("mean_abs_interaction", "float64", "mean |claimed interaction|", "target"),
        Column("beta", "float64", "share of the claimed interaction that held-out targets confirm", "", True),
        Column("se", "float64", "its standard error for given networks: noise of the targets", "", True),
        Column(
            "twin_error",
            "float64",
            "error of beta from the twin: root mean square over the other twins",
            "",
            True,
        ),
        Column(
            "misfit",
            "float64",
            "most by which beta can be off through the error that the models' additive parts show of the "
            "twin; 0 if they predict no better",
            "",
            True,
        ),
        Column("ci_low", "float64", "90 % interval of beta, noise and twin error", "", True),
        Column("ci_high", "float64", "its upper end", "", True),
        Column("ci95_low", "float64", "95 % interval of beta, noise and twin error", "", True),
        Column("ci95_high", "float64", "its upper end", "", True),
        *(
            Column(
                f"share_{part}",
                "float64",
                f"share confirmed of how the model differs from the twin in {what}",
                "",
                True,
            )
            for part, what in {
                "background": "the prediction without both motifs",
                "main_a": "the main effect of A",
                "main_b": "the main effect of B",
            }.items()
        ),
        *(
            Column(
                f"p_margin_{percent}",
                "float64",
                f"one-sided p-value: beta > {percent / 100:g}, noise only",
                "",
                True,
            )
            for percent in (0, 10, 25, 50)
        ),
        Column(
            "cross_p",
            "float64",
            "p-value that the interaction predicts unseen pairs; 1 if beta <= 0",
            "",
            True,
        ),
        Column("beta_lowest", "float64", "smallest beta over the twins", "", True),
        Column("beta_highest", "float64", "largest beta over the twins", "", True),
        Column(
            "twin_p",
            "float64",
            "p-value of 'confirmed': beta > margin with noise and twin error, largest over twins",
            "",
            True,
        ),
        Column(
            "present_p",
            "float64",
            "p-value of 'present': largest over twins, cross-fitted and beta > 0",
            "",
            True,
        ),
        Column(
            "simulated_rate",
            "float64",
            "rejections of the cross-fitted test when another twin is the truth; null if not needed",
            "",
            True,
        ),
        Column("gate", "string", "open, or why the twins are not good enough to judge"),
        Column("verdict_twin", "string", VERDICTS),
        Column("reason", "string", "why, in one or two sentences"),
        Column("status", "string", "ok, or why a statistic could not be computed"),
    ],
)

declare(
    "twin_summary",
    version=2,
    row="dataset x motif pair",
    key=("dataset", "motif_pair"),
    columns=[
        Column("dataset", "string", "id of the dataset in the config"),
        Column("motif_pair", "string", "the two motif names, 'A-B'"),
        Column("twin_id", "string", "the additive twin that judges"),
        Column("n_twins", "int64", "twins of the population"),
        Column("n_models", "int64", "models with a claim at this motif pair"),
        *(
            Column(f"n_{name}", "int64", f"models with verdict '{words}'")
            for name, words in {
                "confirmed": "confirmed",
                "present": "present, size unconfirmed",
                "not_supported": "not supported",
                "cannot_tell": "cannot tell",
            }.items()
        ),
        Column("n_pairs", "int64", "labelled held-out pairs"),
        Column(
            "beta",
            "float64",
            "as in twin_models, of the ensemble: the mean prediction of all models",
            "",
            True,
        ),
        Column("se", "float64", "its standard error: noise of the targets", "", True),
        Column("twin_error", "float64", "its error from the twin", "", True),
        Column("misfit", "float64", "as in twin_models, of the ensemble", "", True),
        Column("ci_low", "float64", "90 % interval of beta, noise and twin error", "", True),
        Column("ci_high", "float64", "its upper end", "", True),
        Column("p_margin_0", "float64", "one-sided p-value: beta > 0, noise only", "", True),
        Column("cross_p", "float64", "as in twin_models, of the ensemble", "", True),
        Column("beta_lowest", "float64", "smallest beta of the ensemble over the twins", "", True),
        Column("beta_highest", "float64", "largest beta of the ensemble over the twins", "", True),
        Column("twin_p", "float64", "as in twin_models, of the ensemble", "", True),
        Column("present_p", "float64", "as in twin_models, of the ensemble", "", True),
        Column(
            "q_value",
            "float64",
            "false discovery rate of twin_p over the motif pairs of the dataset",
            "",
            True,
        ),
        Column("simulated_rate", "float64", "as in twin_models, of the ensemble", "", True),
        Column("mean_beta", "float64", "random-effects mean of the models' betas", "", True),
        Column(
            "mean_se",
            "float64",
            "its standard error: noise, differences between models, twin error",
            "",
            True,
        ),
        Column("mean_ci_low", "float64", "90 % interval of the mean", "", True),
        Column("mean_ci_high", "float64", "its upper end", "", True),
        Column("tau", "float64", "standard deviation of beta between models", "", True),
        Column("n_architectures", "int64", "architectures with a p-value"),
        Column(
            "n_architectures_confirmed",
            "int64",
            "largest k for which 'confirmed in at least k' has p < alpha",
        ),
        Column(
            "all_architectures_p", "float64", "partial conjunction: confirmed in every architecture", "", True
        ),
        Column("any_architecture_p", "float64", "confirmed in at least one architecture", "", True),
        Column("gate", "string", "as in twin_models, of the ensemble"),
        Column("verdict_twin", "string", f"of the ensemble: {VERDICTS}"),
        Column("reason", "string", "why, in one or two sentences"),
        Column("status", "string", "ok, or why a statistic could not be computed"),
    ],
)

declare(
    "twin_redraws",
    version=1,
    row="trained model x motif pair x test",
    key=("model_id", "motif_pair", "test"),
    columns=[
        Column("model_id", "string", "readable id of the trained model"),
        Column("motif_pair", "string", "the two motif names, 'A-B'"),
        Column("test", "string", "rejected (confirmed or present), confirmed, cannot_tell, or a single test"),
        Column("n_redraws", "int64", "label sets drawn from the true expectation"),
        Column("rate", "float64", "share of them with this verdict or with p < alpha"),
    ],
)

declare(
    "null_tests",
    version=1,
    row="trained model x motif pair x statistic",
    key=("model_id", "motif_pair", "statistic"),
    columns=[
        Column("model_id", "string", "readable id of the trained model"),
        Column("motif_pair", "string", "the two motif names, 'A-B'"),
        Column(
            "statistic", "string", "mean_abs_interaction, mean_interaction, mean_loss_improvement or beta"
        ),
        Column("observed", "float64", "its value; a mean interaction without its sign", "", True),
        Column("n_null", "int64", "null models of the same design: B"),
        Column("null_mean", "float64", "mean over null models", "", True),
        Column("null_sd", "float64", "standard deviation over null models", "", True),
        Column("null_highest", "float64", "largest over null models", "", True),
        Column("p", "float64", "(1 + null models at least as large) / (1 + B)", "", True),
        Column(
            "p_family",
            "float64",
            "the same against the largest standardised value over motif pairs",
            "",
            True,
        ),
        Column("smallest_p", "float64", "1 / (1 + B): no p-value can be smaller", "", True),
        Column("status", "string", "ok, or why p could not be computed"),
    ],
)

declare(
    "null_statistics",
    version=1,
    row="network retrained without interactions x motif pair",
    key=("model_id", "motif_pair"),
    columns=[
        Column("model_id", "string", "<network in question>.null_<replicate>"),
        Column("motif_pair", "string", "the two motif names, 'A-B'"),
        Column("mean_abs_interaction", "float64", "mean |claimed interaction|", "target"),
        Column("mean_interaction", "float64", "mean claimed interaction without its sign", "target"),
        Column("mean_loss_improvement", "float64", "loss without the interaction minus loss with it"),
        Column(
            "beta",
            "float64",
            "share of the claim that its own targets confirm, against a twin of these",
            "",
            True,
        ),
    ],
)

declare(
    "twin_power",
    version=1,
    row="padding x exponent of the simulated effect x test",
    key=("padding", "exponent", "test"),
    columns=[
        Column("padding", "string", "of the simulation and of convolutions"),
        Column("exponent", "float64", "of the simulated effect: 1 without interaction"),
        Column(
            "test",
            "string",
            "rejected (twin: confirmed or present), confirmed, paired, unpaired, random_location, or "
            "consensus (twin, of all models of a dataset)",
        ),
        Column("n_datasets", "int64", "datasets"),
        Column("n_models", "int64", "models x motif pairs; of consensus, datasets x motif pairs"),
        Column("n_rejected", "int64", "of these with this verdict, or p < alpha"),
        Column("rate", "float64", "their share"),
        Column("ci_low", "float64", "95 % interval (Clopper and Pearson) as if models were independent"),
        Column("ci_high", "float64", "its upper end"),
        Column("n_redraws", "int64", "label sets drawn again per model; 0 for none"),
        Column("redraw_rate", "float64", "mean over models of their share that is rejected", "", True),
    ],
)

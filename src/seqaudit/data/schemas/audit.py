"""The audit of a run: every question once, with all lines of evidence side by side."""

from seqaudit.data.schemas.declaration import Column, declare


def _number(name: str, meaning: str, unit: str = "") -> Column:
    return Column(name, "float64", meaning, unit, True)


def _count(name: str, meaning: str) -> Column:
    return Column(name, "int64", meaning + "; null if the line was not asked", "", True)


def _words(name: str, meaning: str) -> Column:
    return Column(name, "string", meaning + "; null if the line was not asked", "", True)


_INTERVAL = "95 % interval: "

declare(
    "audit",
    version=1,
    row="question: a motif pair of a dataset, or an exposure and an outcome of a DeepMR scenario",
    key=("question_id",),
    columns=[
        Column("question_id", "string", "'motif_pair.<dataset>.<A-B>' or 'causal_pair.<study>.<...>'"),
        Column("kind", "string", "motif_pair or causal_pair"),
        Column("dataset", "string", "id of the dataset or of the DeepMR study in the config"),
        Column("scenario", "string", "confounding scenario of a DeepMR study; null for others", "", True),
        Column("pair", "string", "motif pair 'A-B', or 'exposure → outcome'"),
        Column("control", "string", "negative or positive control; null for others", "", True),
        Column(
            "verdict",
            "string",
            "motif pairs: real, not supported, inconsistent, cannot tell; "
            "causal pairs: causal effect, none, cannot tell",
        ),
        Column("reason", "string", "why, in one sentence with numbers"),
        Column("n_lines", "int64", "lines of evidence that could tell"),
        Column("n_agree", "int64", "of these, lines that say what the verdict says"),
        Column("models", "string", "ids of the models or of the ensemble it rests on, by ', '"),
        Column("n_models", "int64", "how many these are"),
        _number("truth", "true mean interaction or causal effect; null if unknown; decides nothing"),
        # what the networks claim, and whether held-out data agree
        _words("loss_verdict", "what the loss tests say of the pair"),
        _number("interaction", "mean interaction that the models claim: mean over models", "target"),
        _number("interaction_low", "5 % quantile of it over models", "target"),
        _number("interaction_high", "95 % quantile", "target"),
        _number("loss_effect", "median over models of the median loss without it minus loss with it"),
        _number("loss_low", "5 % quantile over models"),
        _number("loss_high", "95 % quantile"),
        _number("loss_unpaired_p", "unpaired test, Cauchy combination over models"),
        _number("loss_paired_p", "paired test, Cauchy combination over models"),
        _number("loss_q", "false discovery rate of the deciding test over motif pairs"),
        _count("loss_n_models", "models tested"),
        _count("loss_n_supported", "of these, supporting the interaction"),
        _count("loss_n_suggestive", "of these, passing the paired test only"),
        # additive twin
        _words("twin_verdict", "what the additive twins say"),
        _number("twin_effect", "beta: share of the claimed interaction that held-out data confirm"),
        _number("twin_low", "90 % interval: lower limit"),
        _number("twin_high", "90 % interval: upper limit"),
        _number("twin_p", "p-value"),
        # Group Expected Hessian
        _words("hessian_verdict", "what the Group Expected Hessian says"),
        _number("hessian_effect", "score of the pair"),
        _number("hessian_low", _INTERVAL + "lower limit"),
        _number("hessian_high", _INTERVAL + "upper limit"),
        _number("hessian_p", "p-value under an additive null"),
        # attribution consistency: which model to explain, not whether the interaction is real
        _number("consistency", "attribution consistency of the models: median over models", "nats"),
        _number("consistency_low", "5 % quantile over models", "nats"),
        _number("consistency_high", "95 % quantile", "nats"),
        _words("selected_model", "model that the selection rule recommends for explanation"),
        _number("selected_consistency", "its consistency", "nats"),
        _number("selected_consistency_se", "standard error of it over resampled sequences", "nats"),
        _words("selected_verdict", "what the loss tests say of this pair in the selected model"),
        # Deep Mendelian randomization
        _words("deepmr_verdict", "what the first recipe of the study says"),
        _words("deepmr_recipe", "that recipe"),
        _words("deepmr_method", "local estimator and pooling"),
        _words("deepmr_class", "loci it is about"),
        _number("deepmr_effect", "change of the outcome per unit of the exposure"),
        _number("deepmr_low", _INTERVAL + "lower limit"),
        _number("deepmr_high", _INTERVAL + "upper limit"),
        _number("deepmr_pi_low", "95 % prediction interval of a single locus: lower limit"),
        _number("deepmr_pi_high", "95 % prediction interval of a single locus: upper limit"),
        _number("deepmr_p", "two-sided p-value of no effect"),
        _number("deepmr_q", "false discovery rate over the pairs of the scenario"),
        _count("deepmr_n_loci", "loci with an estimate"),
        _count("deepmr_n_recipes", "recipes of the study"),
        _count("deepmr_n_recipes_agree", "of these, with the same verdict"),
        _count("deepmr_n_rounds", "rounds of the scenario, each with its own data and truth"),
        _count("deepmr_n_rounds_agree", "of these, with the same verdict"),
    ],
)

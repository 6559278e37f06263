"""Tables of the Group Expected Hessian: points, scores of feature pairs, null draws, comparisons."""

from seqaudit.data.schemas.declaration import Column, declare

_DATASET = Column("dataset", "string", "id of the dataset in the config")
_FIT = [
    Column("fit", "string", "readable id of the trained network and its posterior"),
    _DATASET,
    Column("posterior", "string", "where samples come from: concrete_dropout, mean_field, ensemble, ..."),
]
_PAIR = [
    Column("feature_a", "string", "first feature of the pair, in the order of the data"),
    Column("feature_b", "string", "second feature"),
]
_MEASURE = Column(
    "measure", "string", "aeh (absolute expected), geh (group expected) or eah (expected absolute)"
)
_REPLICATE = [
    _DATASET,
    Column("replicate", "int64", "simulated data set, from 1"),
    Column("snr", "float64", "variance of the noise-free target over that of the noise", "", True),
]
_METHOD = Column("method", "string", "what scored the pairs: geh, aeh, eah, nid, shap, lasso, oracle, ...")
_UNIT = "target per (a x b)"

declare(
    "hessian_points",
    version=1,
    row="point x variable",
    key=("row", "variable"),
    columns=[
        Column("row", "int64", "row of the data, from 0"),
        Column("split", "string", "train, validation or test"),
        Column("variable", "string", "name of a feature, or of the target"),
        Column("role", "string", "feature or target"),
        Column("value", "float64", "value as measured, before any scaling", "own unit"),
    ],
)

declare(
    "hessian_networks",
    version=2,
    row="trained network",
    key=("fit", "targets", "draw", "member"),
    columns=[
        *_FIT,
        Column("targets", "string", "observed, or the null that the targets were drawn from"),
        Column("draw", "int64", "null data set, from 1; 0 for the observed targets"),
        Column("member", "int64", "network of an ensemble, from 1"),
        Column("epochs", "int64", "epochs that were trained"),
        Column("best_epoch", "int64", "epoch whose weights were kept"),
        Column("train_loss", "float64", "loss of that epoch over scaled training targets"),
        Column("validation_loss", "float64", "the same over validation points"),
        Column("noise_precision", "float64", "precision of the noise of scaled targets"),
        Column("stopped", "string", "patience or max_epochs"),
        Column("test_r2", "float64", "share of the variance of held-out targets; null for nulls", "", True),
        Column("test_deviance", "float64", "held-out deviance or squared error per point", "", True),
        Column("additive_deviance", "float64", "the same of main effects alone", "", True),
        Column("loss_gain", "float64", "the latter minus the former, mean over points", "", True),
        Column("loss_gain_se", "float64", "its standard error over points", "", True),
        Column("p_loss", "float64", "no gain: one-sided paired t-test over points", "", True),
    ],
)

declare(
    "hessian_groupings",
    version=1,
    row="network x point that it was asked about",
    key=("fit", "row"),
    columns=[
        *_FIT,
        Column("row", "int64", "row of the data"),
        Column("group", "string", "name of the group of points"),
    ],
)

declare(
    "hessian_pairs",
    version=2,
    row="network x measure x pair of features",
    key=("fit", "measure", "feature_a", "feature_b"),
    columns=[
        *_FIT,
        _MEASURE,
        *_PAIR,
        Column("n_groups", "int64", "groups of points behind geh; also stated for the other measures"),
        Column("n_samples", "int64", "posterior samples"),
        Column("score", "float64", "mean of the measure over posterior samples", _UNIT),
        Column("sd", "float64", "its standard deviation over samples; null for one sample", _UNIT, True),
        Column("ci_low", "float64", "score minus 2 sd, the published 95 % interval", _UNIT, True),
        Column("ci_high", "float64", "score plus 2 sd", _UNIT, True),
        Column("score_scaled", "float64", "score times the spread of both features", "target", True),
        Column("debiased", "float64", "geh less what posterior spread adds; null for others", _UNIT, True),
        Column("rank", "float64", "1 is the largest score of the measure; ties share their mean"),
        Column("p_bayes", "float64", "published: normal probability of a score below 0", "", True),
        Column("published_call", "bool", "published rule: score above 2 sd, which is no test", "", True),
        Column("p_groups", "float64", "signed group means all 0, largest of them, this pair", "", True),
        Column("p_groups_family", "float64", "the same over all pairs", "", True),
        Column("p_permutation", "float64", "this pair against refits to permuted targets", "", True),
        Column("p_permutation_family", "float64", "against the largest score of each such refit", "", True),
        Column("p_additive", "float64", "this pair against refits to data without interactions", "", True),
        Column(
            "p_additive_family", "float64", "against the largest of each such refit, pairs balanced", "", True
        ),
        Column("p_null", "float64", "what the call rests on: p_additive_family", "", True),
        Column("null_quantile", "float64", "score that the pair must exceed for the call", _UNIT, True),
        Column(
            "call", "bool", "additive-null rule: p_null at most alpha; null without such a null", "", True
        ),
        Column("p_loss", "float64", "held-out loss no better than of main effects alone", "", True),
        Column("gated_call", "bool", "call, and p_loss at most alpha; null if either is unknown", "", True),
        Column("interacts", "bool", "whether the features interact in truth; null if unknown", "", True),
        Column("truth", "float64", "true value of the measure; null if unknown", _UNIT, True),
        Column("status", "string", "ok, or what is missing and why"),
    ],
)

declare(
    "hessian_groups",
    version=1,
    row="network x group of points x pair of features",
    key=("fit", "group", "feature_a", "feature_b"),
    columns=[
        *_FIT,
        Column("group", "string", "name of the group of points"),
        *_PAIR,
        Column("n_points", "int64", "points in the group"),
        Column("mean", "float64", "signed mean Hessian in the group, over posterior samples", _UNIT),
        Column("sd", "float64", "its standard deviation over samples; null for one sample", _UNIT, True),
        Column("ci_low", "float64", "2.5 % quantile over samples", _UNIT, True),
        Column("ci_high", "float64", "97.5 % quantile", _UNIT, True),
        Column("p_sign", "float64", "two-sided share of samples beyond 0", "", True),
        Column("p_normal", "float64", "two-sided normal p-value of mean 0", "", True),
        Column("p_holm", "float64", "p_normal after Holm, over the groups of the pair", "", True),
        Column(
            "p_max", "float64", "against the largest of the pair's groups, posterior centred at 0", "", True
        ),
        Column("truth", "float64", "true signed mean in the group; null if unknown", _UNIT, True),
    ],
)

declare(
    "hessian_group_counts",
    version=1,
    row="network x number of groups x seed of k-means",
    key=("fit", "n_groups", "seed"),
    columns=[
        *_FIT,
        Column("n_groups", "int64", "groups of points, M"),
        Column("seed", "int64", "seed of k-means"),
        Column("distance", "float64", "rank-weighted distance between the scores of M - 1 and M groups"),
        Column("chosen", "bool", "whether this number of groups is used"),
        Column("settled", "bool", "whether the distance has settled after the chosen number"),
    ],
)

declare(
    "hessian_nulls",
    version=1,
    row="network x null x draw x measure x pair of features",
    key=("fit", "null", "draw", "measure", "feature_a", "feature_b"),
    columns=[
        *_FIT,
        Column("null", "string", "permutation, additive, or main_effects (simulated)"),
        Column("draw", "int64", "null data set that a network was fitted to, from 1"),
        _MEASURE,
        *_PAIR,
        Column("score", "float64", "mean of the measure over posterior samples", _UNIT),
        Column("published_call", "bool", "whether the published rule calls it", "", True),
        Column("p_groups", "float64", "signed group means all 0, largest of them", "", True),
    ],
)

declare(
    "hessian_methods",
    version=1,
    row="data set x method x pair of features",
    key=("dataset", "replicate", "snr", "method", "feature_a", "feature_b"),
    columns=[
        *_REPLICATE,
        _METHOD,
        *_PAIR,
        Column("score", "float64", "strength of the pair by this method, in its own unit", "", True),
        Column("rank", "float64", "1 is the largest; ties share their mean", "", True),
        Column("interacts", "bool", "whether the features interact in truth; null if unknown", "", True),
        Column("status", "string", "ok, or why there is no score"),
    ],
)

declare(
    "hessian_auc",
    version=1,
    row="dataset x S/N x method",
    key=("dataset", "snr", "method"),
    columns=[
        _DATASET,
        _REPLICATE[2],
        _METHOD,
        Column("auc", "float64", "area under the ROC curve over pairs, mean over data sets", "", True),
        Column("auc_se", "float64", "its standard error; null for one data set", "", True),
        Column("true_rank", "float64", "mean rank of true pairs", "", True),
        Column("ideal_rank", "float64", "what it would be if all true pairs came first", "", True),
        Column("n_datasets", "int64", "data sets with scores"),
    ],
)

declare(
    "hessian_roc",
    version=1,
    row="dataset x S/N x method x false-positive rate",
    key=("dataset", "snr", "method", "false_positive_rate"),
    columns=[
        _DATASET,
        _REPLICATE[2],
        _METHOD,
        Column("false_positive_rate", "float64", "share of pairs without interaction above a threshold"),
        Column("true_positive_rate", "float64", "share of true pairs above it, mean over data sets"),
    ],
)

declare(
    "hessian_coverage",
    version=1,
    row="dataset x posterior x quantity x pair of features",
    key=("dataset", "posterior", "quantity", "feature_a", "feature_b"),
    columns=[
        _DATASET,
        Column("posterior", "string", "where samples come from"),
        Column("quantity", "string", "aeh, geh, eah, or signed_group_mean"),
        *_PAIR,
        Column("interacts", "bool", "whether the features interact in truth"),
        Column("truth", "float64", "mean true value", _UNIT),
        Column("mean_score", "float64", "mean score", _UNIT),
        Column("coverage", "float64", "share of 95 % credible intervals that hold the truth"),
        Column("ci_low", "float64", "lower limit of its 95 % Wilson interval"),
        Column("ci_high", "float64", "upper limit"),
        Column("n", "int64", "intervals"),
    ],
)

declare(
    "hessian_false_positives",
    version=1,
    row="dataset x null data x measure x rule",
    key=("dataset", "null", "measure", "rule"),
    columns=[
        _DATASET,
        Column("null", "string", "how data without interactions were made: permutation or main_effects"),
        _MEASURE,
        Column("rule", "string", "published, signed_groups, additive_null or additive_null_family"),
        Column("rate", "float64", "share of pairs that are called"),
        Column("ci_low", "float64", "lower limit over null data sets, whose pairs are not independent"),
        Column("ci_high", "float64", "upper limit"),
        Column("family_rate", "float64", "share of null data sets with any call"),
        Column("family_low", "float64", "lower limit of its 95 % Wilson interval"),
        Column("family_high", "float64", "upper limit"),
        Column("n_draws", "int64", "null data sets"),
        Column("published", "float64", "rate in Table 1 of the paper; null if not there", "", True),
    ],
)

declare(
    "hessian_dropout",
    version=1,
    row="network x layer x node",
    key=("fit", "layer", "node"),
    columns=[
        *_FIT,
        Column("layer", "int64", "layer whose inputs are dropped; 0 is the input"),
        Column("node", "int64", "input of that layer, from 0"),
        Column("feature", "string", "name of the feature in layer 0; null in others", "", True),
        Column("drop_probability", "float64", "learned probability that the node is dropped"),
    ],
)

declare(
    "hessian_injections",
    version=1,
    row="dataset x form x share x method",
    key=("dataset", "form", "share", "method"),
    columns=[
        _DATASET,
        Column("form", "string", "injected interaction: product, exponential or division"),
        Column("share", "float64", "its variance over that of the measured target"),
        _METHOD,
        *_PAIR,
        Column("rank", "float64", "rank of the injected pair; null if there is no score", "", True),
        Column("n_pairs", "int64", "pairs that are ranked"),
    ],
)

declare(
    "hessian_surfaces",
    version=1,
    row="dataset x pair of features x cell of a grid",
    key=("dataset", "feature_a", "feature_b", "value_a", "value_b"),
    columns=[
        _DATASET,
        *_PAIR,
        Column("label", "string", "what is shown: a formula, or the smoothed target"),
        Column("value_a", "float64", "middle of the cell, first feature", "own unit"),
        Column("value_b", "float64", "middle of the cell, second feature", "own unit"),
        Column(
            "value", "float64", "interaction, or smoothed target; null where points are few", "target", True
        ),
    ],
)

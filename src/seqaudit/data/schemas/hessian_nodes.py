"""Tables of the Group Expected Hessian of nodes: what nodes mean, and how pairs of them read."""

from seqaudit.data.schemas.declaration import Column, declare

_SOURCE = "image that maximises it, as numbered in scikit-learn's digits"

declare(
    "hessian_nodes",
    version=1,
    row="data set x node",
    key=("dataset", "replicate", "node"),
    columns=[
        Column("dataset", "string", "id of the study in the config"),
        Column("replicate", "int64", "seed of digits and network, from 1"),
        Column("node", "string", "unit of the upper dense layer, as features are called"),
        Column("half", "string", "left or right: where the digit is that maximises the node"),
        Column("digit", "int64", "that digit, the other half being blank"),
        Column("source", "int64", _SOURCE),
        Column("activation", "float64", "activation at that image"),
        Column("blank", "float64", "activation at a blank image"),
        Column("spread", "float64", "standard deviation over training pairs, the unit of the features"),
        Column("classifier_accuracy", "float64", "of the whole network, held-out pairs"),
        Column("status", "string", "ok, or why the node is no feature"),
    ],
)

declare(
    "hessian_readings",
    version=1,
    row="network x pair of nodes",
    key=("fit", "feature_a", "feature_b"),
    columns=[
        Column("fit", "string", "readable id of the trained network and its posterior"),
        Column("dataset", "string", "id of the study in the config"),
        Column("replicate", "int64", "seed of digits and network, from 1"),
        Column("feature_a", "string", "first node of the pair"),
        Column("feature_b", "string", "second node"),
        Column("score", "float64", "group expected Hessian", "probability per (a x b)"),
        Column("sd", "float64", "its standard deviation over samples", "probability per (a x b)", True),
        Column("rank", "float64", "1 is the strongest pair of the network"),
        Column("half_a", "string", "half of the digit that maximises the first node"),
        Column("digit_a", "int64", "that digit"),
        Column("half_b", "string", "half of the digit that maximises the second node"),
        Column("digit_b", "int64", "that digit"),
        Column("source_a", "int64", _SOURCE),
        Column("source_b", "int64", _SOURCE),
        Column("across", "bool", "whether one node means a left digit and the other a right one"),
        Column("expected", "bool", "whether both digits are those of the positive pair, each in its half"),
        Column("classifier_accuracy", "float64", "of the classifier whose nodes they are, held-out pairs"),
        Column("test_r2", "float64", "of the Bayesian network: variance of held-out labels", "", True),
    ],
)

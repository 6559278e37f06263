"""Tables about where in a network an interaction arises: in the dense head or below it."""

from seqaudit.data.schemas.declaration import Column, declare

_UNIT = "unit of the target"
_DESIGN = [
    Column("dataset", "string", "id of the dataset in the config"),
    Column("control", "string", "negative or positive control; null for measured data", "", True),
    Column("padding", "string", "padding of convolutions: valid or same"),
    Column("arch", "string", "architecture"),
    Column("l1", "float64", "weight of the L1 penalty"),
]

declare(
    "hessian_heads",
    version=1,
    row="model x motif pair in one held-out sequence",
    key=("model_id", "pair_id"),
    columns=[
        Column("model_id", "string", "readable id of the network"),
        *_DESIGN,
        Column("seed", "int64", "seed of the network"),
        Column("pair_id", "string", "pair of table knockouts"),
        Column("motif_pair", "string", "the two motif names, 'A-B'"),
        Column("motif_a", "string", "name of motif A"),
        Column("motif_b", "string", "name of motif B"),
        Column("interaction", "float64", "that of the knock-out test: head plus below", _UNIT),
        Column("head", "float64", "mixed difference of the head over the rectangle of both motifs", _UNIT),
        Column("below", "float64", "the rest: the layer below the head is not additive", _UNIT),
        Column("interaction_trained", "float64", "interaction before the transform is inverted"),
        Column("head_trained", "float64", "head, on the same scale"),
        Column("below_trained", "float64", "below, on the same scale"),
        Column("norm_a", "float64", "length of delta_a, the effect of motif A alone on the layer"),
        Column("norm_b", "float64", "length of delta_b, that of motif B"),
        Column("non_additivity", "float64", "|u - u_a - u_b + u_0| / |delta_a| of that layer", "", True),
        Column("truth", "float64", "true interaction; null if unknown", _UNIT, True),
        Column("copies", "string", "stratum: copies of A and B by occupancy, such as 1+2"),
        Column("spacing", "string", "stratum: letters between both sites", "bp"),
        Column("edge", "string", "stratum: letters between the outer site and the nearer end", "bp"),
        Column("gc", "string", "stratum: tertile of the share of G and C"),
        Column("status", "string", "ok, or why there is no ratio"),
    ],
)

declare(
    "hessian_head_designs",
    version=1,
    row="dataset x architecture x L1 weight x motif pair",
    key=("dataset", "arch", "l1", "motif_pair"),
    columns=[
        *_DESIGN,
        Column("motif_pair", "string", "the two motif names, 'A-B'"),
        Column("n_networks", "int64", "seeds"),
        Column("n_pairs", "int64", "motif pairs that each was asked about"),
        Column("mean_interaction", "float64", "mean over pairs and networks", _UNIT),
        Column("sd_interaction", "float64", "standard deviation of networks' means", _UNIT, True),
        Column("mean_head", "float64", "mean of the head's part", _UNIT),
        Column("sd_head", "float64", "standard deviation of networks' means", _UNIT, True),
        Column("mean_below", "float64", "mean of the part from below the head", _UNIT),
        Column("sd_below", "float64", "standard deviation of networks' means", _UNIT, True),
        Column("head_share", "float64", "mean |head| / (mean |head| + mean |below|), mean of networks"),
        Column("head_share_sd", "float64", "its standard deviation over networks", "", True),
        Column("non_additivity", "float64", "median over pairs and networks", "", True),
        Column("mean_truth", "float64", "mean true interaction; null if unknown", _UNIT, True),
    ],
)

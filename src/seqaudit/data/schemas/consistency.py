"""Tables of attribution maps: how consistent, how true, and which model they recommend."""

from seqaudit.data.schemas.declaration import Column, declare

_MODEL = [
    Column("model_id", "string", "readable id of the trained model"),
]
_METHOD = Column("method", "string", "how the maps were made, such as saliency")


def _score(name: str, what: str) -> list[Column]:
    return [
        Column(name, "float64", f"{what}: raw minus null, near 0 for noise", "nats", True),
        Column(f"{name}_raw", "float64", f"{what}: raw, biased upwards in small samples", "nats", True),
        Column(f"{name}_null", "float64", f"{what}: mean raw score of its null", "nats", True),
        Column(f"{name}_se", "float64", f"{what}: standard error over resampled sequences", "nats", True),
    ]


declare(
    "consistency_scores",
    version=1,
    row="model x attribution method x setting",
    key=("model_id", "method", "setting"),
    columns=[
        *_MODEL,
        _METHOD,
        Column("setting", "string", "name of the options of the scores"),
        *_score("consistency_spectrum", "consistency of words at important positions"),
        *_score("consistency_geometry", "consistency of directions of windowed attributions"),
        Column("n_sequences", "int64", "sequences with a map"),
        Column("n_not_finite", "int64", "maps set aside because a value is not finite"),
        Column("n_zero", "int64", "maps set aside because nothing is left after centring"),
        Column("n_words", "int64", "words counted at important positions"),
        Column("n_windows", "int64", "windows whose direction counts"),
        Column("status", "string", "ok, or why a score is missing"),
    ],
)

_TRUTH = [
    Column("truth_auroc", "float64", "true sites against background, area under the ROC curve", "", True),
    Column("truth_aupr", "float64", "true sites against background, average precision", "", True),
    Column(
        "truth_log10_snr",
        "float64",
        "log10 of mean value at true sites over the ten strongest background positions",
        "",
        True,
    ),
    Column("truth_cosine", "float64", "mean cosine to mutagenesis of the true function", "", True),
    Column(
        "truth_cosine_log_odds", "float64", "mean cosine to true log-odds weighted by occupancy", "", True
    ),
]

declare(
    "attribution_scores",
    version=1,
    row="model x attribution method",
    key=("model_id", "method"),
    columns=[
        *_MODEL,
        _METHOD,
        *_TRUTH,
        Column("n_sequences", "int64", "sequences with a map"),
        Column("n_scored", "int64", "of these, sequences with a usable map"),
    ],
)

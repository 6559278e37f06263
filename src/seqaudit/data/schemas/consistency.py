"""Tables of attribution maps: how consistent, how true, and which model they recommend."""

from seqaudit.data.schemas.declaration import Column, declare
from seqaudit.data.schemas.designs import DATASET, MODEL_DESIGN, MODEL_ID

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
        MODEL_ID,
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

_SETTING = [_METHOD, Column("setting", "string", "name of the options of the scores")]

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
        MODEL_ID,
        _METHOD,
        *_TRUTH,
        Column("n_sequences", "int64", "sequences with a map"),
        Column("n_scored", "int64", "of these, sequences with a usable map"),
    ],
)

declare(
    "attribution_maps",
    version=1,
    row="attribution method x sequence x position",
    key=("method", "sequence_id", "position"),
    columns=[
        Column("method", "string", "how the maps were made; true_mutagenesis, true_log_odds: the truth"),
        Column("sequence_id", "string", "name of the sequence"),
        Column("position", "int64", "from 0", "bp"),
        *(
            Column(base, "float32", f"attribution of {base.upper()}, centred; null if not finite", "", True)
            for base in "acgt"
        ),
    ],
)

declare(
    "true_sites",
    version=1,
    row="sequence x position",
    key=("sequence_id", "position"),
    columns=[
        Column("sequence_id", "string", "name of the sequence"),
        Column("position", "int64", "from 0", "bp"),
        Column("signal", "bool", "an informative position of a placed site"),
        Column("background", "bool", "outside of all placed sites"),
    ],
)

declare(
    "explanations",
    version=1,
    row="model x attribution method",
    key=("model_id", "method"),
    columns=[
        MODEL_ID,
        _METHOD,
        Column("n_sequences", "int64", "sequences with a map"),
        Column(
            "off_simplex_30", "float64", "share of gradients over 30 degrees off the one-hot plane", "", True
        ),
        Column("n_heldout", "int64", "validation sequences, which choose between models"),
        Column("heldout_mse", "float64", "mean squared error on them, training space", "", True),
        Column("heldout_mse_se", "float64", "its standard error over these sequences", "", True),
    ],
)

_SHOWN = [
    DATASET,
    *_SETTING,
    Column("role", "string", "whose maps: truth, selected, or least consistent of the models considered"),
    Column("model_id", "string", "readable id of the trained model; null for the truth", "", True),
]

declare(
    "attribution_words",
    version=1,
    row="dataset x attribution method x setting x role x word",
    key=("dataset", "method", "setting", "role", "word"),
    columns=[
        *_SHOWN,
        Column("word", "string", "k letters"),
        Column("share", "float64", "of the words at important positions"),
        Column("prior", "float64", "share of the word in the whole sequences"),
    ],
)

declare(
    "attribution_directions",
    version=1,
    row="dataset x attribution method x setting x role x box of directions",
    key=("dataset", "method", "setting", "role", "half_azimuth", "polar"),
    columns=[
        *_SHOWN,
        Column("half_azimuth", "float64", "middle of the box: half the azimuth plus pi / 2", "rad"),
        Column("polar", "float64", "middle of the box: angle from the first axis", "rad"),
        Column("share", "float64", "of the squared norm of the strongest windows; empty boxes have no row"),
    ],
)

declare(
    "consistency_models",
    version=1,
    row="model x attribution method x setting",
    key=("model_id", "method", "setting"),
    columns=[
        MODEL_ID,
        *MODEL_DESIGN,
        Column("epochs", "int64", "epochs run"),
        *_SETTING,
        Column("heldout_mse", "float64", "mean squared error on sequences kept for selection", "", True),
        Column("heldout_mse_se", "float64", "its standard error over these sequences", "", True),
        Column("test_mse", "float64", "mean squared error on test sequences; selects nothing"),
        Column("test_pearson", "float64", "Pearson r on test sequences", "", True),
        *_score("consistency_spectrum", "consistency of words at important positions"),
        *_score("consistency_geometry", "consistency of directions of windowed attributions"),
        Column("n_sequences", "int64", "sequences with a map"),
        Column("n_not_finite", "int64", "maps set aside because a value is not finite"),
        Column("n_zero", "int64", "maps set aside because nothing is left after centring"),
        Column("seed_stability", "float64", "mean cosine to maps of other seeds of its design", "", True),
        Column(
            "off_simplex_30", "float64", "share of gradients over 30 degrees off the one-hot plane", "", True
        ),
        Column("loss_verdict", "string", "verdict of the loss tests; null if not tested", "", True),
        Column(
            "paired_p",
            "float64",
            "paired loss test, combined over motif pairs if several",
            "",
            True,
        ),
        *_TRUTH,
        Column("within_loss_gate", "bool", "held-out loss within the margin of the best"),
        Column("pareto", "bool", "no model within the margin has lower loss and is more consistent"),
        Column("selected", "bool", "the one model of its dataset that the rule recommends"),
        Column("reason", "string", "why it is selected or not, in one sentence"),
        Column("status", "string", "ok, or why the model was not considered"),
    ],
)

declare(
    "consistency_choices",
    version=1,
    row="dataset x attribution method x setting x rule of choice",
    key=("dataset", "method", "setting", "choice"),
    columns=[
        DATASET,
        *_SETTING,
        Column("choice", "string", "rule of choice"),
        Column("model_id", "string", "model it picks; null for means over models", "", True),
        Column("heldout_mse", "float64", "its loss on sequences kept for selection", "", True),
        Column("truth_score", "string", "column that holds the truth"),
        Column("truth", "float64", "its score against the truth", "", True),
        Column("regret", "float64", "truth of the best model minus that", "", True),
        Column("n_models", "int64", "models considered"),
    ],
)

declare(
    "consistency_answers",
    version=1,
    row="dataset x attribution method x setting x question x quantity",
    key=("dataset", "method", "setting", "question", "quantity"),
    columns=[
        Column("dataset", "string", "id of the dataset; 'all datasets': ranks within each, put together"),
        *_SETTING,
        Column("question", "string", "what is asked, in words"),
        Column("quantity", "string", "column or setting that it is asked of"),
        Column("value", "float64", "the answer; null if it cannot be computed", "", True),
        Column("ci_low", "float64", "lower limit of its 95 % interval over resampled designs", "", True),
        Column("ci_high", "float64", "upper limit", "", True),
        Column("pval", "float64", "permutation p-value; null where none is asked for", "", True),
        Column("n_models", "int64", "models behind it"),
        Column("status", "string", "ok, or why there is no answer"),
    ],
)

"""Tables of additive twins: networks that cannot represent an interaction between distant motifs."""

from seqaudit.data.schemas.declaration import Column, declare

declare(
    "twin_candidates",
    version=1,
    row="additive twin that was tried",
    key=("dataset", "family", "seed"),
    columns=[
        Column("dataset", "string", "id of the dataset in the config"),
        Column("family", "string", "form of the twin, named in the config"),
        Column("seed", "int64", "seed of initial weights and batch order"),
        Column("units", "float64", "units left after idle ones were dropped", "", True),
        Column("screening_mse", "float64", "after the first, brief training, validation", "", True),
        Column("search_mse", "float64", "after Gauss-Newton steps on part of the data, validation", "", True),
        Column("train_mse", "float64", "of a finished twin, training sequences, training space", "", True),
        Column("validation_mse", "float64", "of a finished twin, validation, training space", "", True),
        Column("seconds", "float64", "wall time spent on it", "s"),
        Column("status", "string", "chosen (alone or in the mean), finished, screened out, or diverged"),
    ],
)

declare(
    "twin_predictions",
    version=1,
    row="additive twin x sequence",
    key=("model_id", "sequence_id"),
    columns=[
        Column("model_id", "string", "<dataset>.twin, and <dataset>.twin.<name> of other twins"),
        Column("sequence_id", "string", "name of the sequence"),
        Column("split", "string", "train, validation or test"),
        Column("prediction", "float64", "expected target without interactions", "target"),
    ],
)

declare(
    "twin_fits",
    version=1,
    row="predictor of a dataset's targets",
    key=("dataset", "predictor"),
    columns=[
        Column("dataset", "string", "id of the dataset in the config"),
        Column("predictor", "string", "candidate, <dataset>.twin, id of a network, or <dataset>.truth"),
        Column("kind", "string", "candidate, twin (the one that judges), network or truth"),
        Column("form", "string", "family of a candidate, architecture of a network"),
        Column("n_validation", "int64", "validation sequences"),
        Column("validation_mse", "float64", "mean squared error on them, training space", "", True),
        Column("relative_mse", "float64", "divided by that of the truth, else of the twin", "", True),
        Column("status", "string", "of a candidate as in twin_candidates, else ok"),
    ],
)

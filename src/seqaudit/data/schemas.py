"""Every table that seqaudit writes, declared once: column, type, unit and meaning.

Plain Python without pyarrow, because the workflow's driver reads it as well.
``data/tables.py`` checks tables against it on every write and read.
"""

from typing import NamedTuple


class Column(NamedTuple):
    """One column. ``dtype`` is string, int64, float64, float32 or bool."""

    name: str
    dtype: str
    meaning: str
    unit: str = ""
    nullable: bool = False


class Schema(NamedTuple):
    """One table. ``key`` columns identify a row; together they never repeat."""

    name: str
    version: int
    row: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]


SCHEMAS: dict[str, Schema] = {}


def declare(name: str, *, version: int, row: str, key: tuple[str, ...], columns: list) -> Schema:
    """Add a table to ``SCHEMAS``."""
    assert name not in SCHEMAS, name
    SCHEMAS[name] = Schema(name, version, row, key, tuple(columns))
    return SCHEMAS[name]


_MODEL = [
    Column("model_id", "string", "readable id of the trained model"),
]
_MODEL_DESIGN = [
    *_MODEL,
    Column("dataset", "string", "id of the dataset in the config"),
    Column("control", "string", "negative or positive control; null for measured data", "", True),
    Column("padding", "string", "padding of every convolution: valid or same"),
    Column("arch", "string", "id of the architecture in the config"),
    Column("l1", "float64", "weight of the L1 penalty on kernels"),
    Column("seed", "int64", "seed of initial weights and batch order"),
]

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
        *_MODEL,
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
        *_MODEL,
        Column("pair_id", "string", "id in the table of the set"),
        Column("motif_pair", "string", "the two motif names, 'A-B'"),
        Column("pair_set", "string", "real, random_location or shuffled"),
        Column("split", "string", "train or test"),
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

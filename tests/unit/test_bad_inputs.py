"""What users get wrong, and the message that each mistake must give: where, what was found, what to do."""
# ruff: noqa: E501   a catalogue: one mistake per line

import copy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from seqaudit.config import complete_config, load_schema
from seqaudit.data.motif_files import read_motifs
from seqaudit.data.readers import read_sequences
from seqaudit.data.sequences import one_hot
from seqaudit.data.tables import read_table, write_table
from seqaudit.data.targets import transform_target
from seqaudit.errors import SeqauditError
from seqaudit.models.checkpoint import load_model
from seqaudit.models.cnn import build_cnn
from seqaudit.models.device import choose_device
from seqaudit.models.predict import predict
from seqaudit.probes.mutagenesis import saturation_mutagenesis
from seqaudit.training.loop import fit

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = load_schema(ROOT / "workflow/schemas/config.schema.yaml")
CONFIG = {
    "run": "mine",
    "datasets": {
        "neg": {"kind": "motif_pairs", "effect": "additive", "padding": "same"},
        "own": {
            "kind": "measured",
            "sequences": "assay.tsv",
            "motif_file": "motifs.meme",
            "motifs": [{"id": "A"}, {"id": "B", "name": "b"}],
            "motif_pairs": [["A", "b"]],
        },
    },
    "architectures": {"own": {"convolutions": [{"filters": 4, "width": 5}]}},
}
LAYER = "architectures.own.convolutions"

SETTINGS = [
    # where, value (... removes the key), message
    ("trainnig", {}, "config key 'trainnig' is unknown. Did you mean 'training'?"),
    ("run", ..., "config key 'run' is missing. Name of the run"),
    ("run", "../elsewhere", "config key 'run': got '../elsewhere', expected text that matches"),
    ("run", 7, "config key 'run': got 7, expected type string"),
    ("datasets", [], "config key 'datasets': got 'list', expected type object"),
    ("datasets.a-b", {"kind": "measured"}, "got 'a-b', expected text that matches"),
    ("datasets.neg.kind", ..., "config key 'datasets.neg.kind' is missing"),
    ("datasets.neg.kind", "pairs", "got 'pairs', expected one of motif_pairs, measured"),
    ("datasets.neg.effect", "multiplicative", "'datasets.neg.effect': got 'multiplicative', expected: 'additive'"),
    ("datasets.neg.effect", 0, "'datasets.neg.effect': got 0, expected"),
    ("datasets.neg.length", 5, "'datasets.neg.length': got 5, expected at least 10"),
    ("datasets.neg.n_train", "many", "'datasets.neg.n_train': got 'many', expected type integer"),
    ("datasets.neg.n_train", 1e9, "'datasets.neg.n_train': got 1000000000.0, expected at most 100000000"),
    ("datasets.neg.embedding_probability", 50, "got 50, expected at most 1"),
    ("datasets.neg.background", [0.3, 0.3, 0.4], "expected at least 4 entries, got 3"),
    ("datasets.neg.background", [0.5, 0.5, 0, 0], "'datasets.neg.background[2]': got 0, expected more than 0"),
    ("datasets.neg.motifs", [{"id": "A"}], "'datasets.neg.motifs': got 'list', expected at least 2 entries, got 1"),
    ("datasets.neg.motifs", [{"name": "A"}, {"id": "B"}], "'datasets.neg.motifs[0].id' is missing"),
    ("datasets.neg.motifs", [{"id": "A"}, {"id": "A"}], "the name 'A' is used twice"),
    ("datasets.neg.knockouts", {"min_odds": 1}, "'datasets.neg.knockouts.min_odds' is unknown. Did you mean 'min_log_odds'?"),
    ("datasets.neg.seed", -1, "'datasets.neg.seed': got -1, expected at least 0"),
    ("datasets.own.sequences", ..., "'datasets.own.sequences' is missing. Table"),
    ("datasets.own.sequences", "assay.fa", "'datasets.own.targets' is missing: a FASTA file holds no targets"),
    ("datasets.own.motif_pairs", [["A", "B"]], "motif 'B' is not among the names in 'datasets.own.motifs': A, b"),
    ("datasets.own.motif_pairs", [["A", "A"]], "expected entries that do not repeat"),
    ("datasets.own.split_fractions", [0.8, 0.3, 0.1], "sums to 1.2, expected 1"),
    ("datasets.own.low_targets", "ignore", "got 'ignore', expected one of clip, drop"),
    ("population.architectures", ["deepsea"], "architecture 'deepsea' is unknown. Did you mean 'deepmr'? Known:"),
    ("population.architectures", [], "is empty and no model under 'models' asks for dataset 'neg'"),
    ("population.l1", ["1e-4"], "write 0.0001 or 1.0e-4"),
    ("population.seeds", [1.5], "'population.seeds[0]': got 1.5, expected type integer"),
    ("population.seeds", 3, "'population.seeds': got 3, expected type array"),
    (LAYER, [{"filters": 4}], "'architectures.own.convolutions[0].width' is missing"),
    (LAYER, [{"filters": 4, "width": 5, "dropout": 1}], "got 1, expected less than 1"),
    (LAYER, [{"filters": 4, "width": 5, "activation": "swish"}], "got 'swish', expected one of relu"),
    ("architectures.own.pooling", "mean", "got 'mean', expected one of average, max, flatten"),
    ("architectures.arch1", {"convolutions": [{"filters": 1, "width": 1}]}, "this name is the published architecture"),
    ("training.batch_size", 0, "'training.batch_size': got 0, expected at least 1"),
    ("training.learning_rate", 0, "'training.learning_rate': got 0, expected more than 0"),
    ("training.device", "gpu", "'training.device': got 'gpu', expected text that matches"),
    ("training.checkpoint_seconds", -1, "'training.checkpoint_seconds': got -1, expected at least 0"),
    ("loss_tests.alpha", 5, "'loss_tests.alpha': got 5, expected less than 1"),
    ("loss_tests.deciding_test", "ttest", "got 'ttest', expected one of unpaired, paired"),
    ("report.title", None, "'report.title': got None, expected type string"),
]  # fmt: skip


@pytest.mark.parametrize(
    "where, value, message", SETTINGS, ids=[f"{s[0]} {i}" for i, s in enumerate(SETTINGS)]
)
def test_settings(where, value, message):
    config = copy.deepcopy(CONFIG)
    *parents, last = where.split(".")
    node = config
    for parent in parents:
        node = node.setdefault(parent, {})
    if value is ...:
        del node[last]
    else:
        node[last] = value
    with pytest.raises(SeqauditError) as refused:
        complete_config(config, SCHEMA)
    assert message in str(refused.value)


MEME = "MEME version 4\n\nALPHABET= ACGT\n\nMOTIF A\nletter-probability matrix: alength= 4 w= 1\n0.1 0.2 0.3 0.4\n"
MOTIFS = [
    # content of the file (None: there is none), message
    (None, "motifs.meme: cannot be read as text"),
    ("", "motifs.meme: the file is empty, expected a MEME or JASPAR file"),
    ("A C G T\n", "first line is 'A C G T', expected 'MEME version ...' (MEME) or '>name' (JASPAR)"),
    ("MEME version 4\n", "no motif in the file"),
    (MEME.replace("ACGT", "ACDEFGHIKLMNPQRSTVWY"), "alphabet 'ACDEFGHIKLMNPQRSTVWY', expected DNA: ACGT"),
    (MEME.replace("0.4", "0.5"), "motif 'A': row 0 is 0.1 0.2 0.3 0.5; its sum is 1.1, expected 1"),
    (MEME.replace("0.1 ", "-0.1 ").replace("0.4", "0.6"), "motif 'A': row 0 is -0.1"),
    (MEME.replace(" 0.4", ""), "motif 'A': row 0 has 3 columns, expected 4 (A, C, G, T)"),
    (MEME.replace("0.4", "x"), "motif 'A': row 0 holds 'x', expected a number"),
    (MEME.replace("w= 1", "w= 9"), "motif 'A': its header says w= 9, but 1 rows follow. The file may be cut off"),
    (MEME + MEME[MEME.index("MOTIF") :], "motif 'A' occurs twice"),
    (MEME + "MOTIF B\n", "motif 'B' has no 'letter-probability matrix'"),
    (MEME, "no motif 'GATA' among 1. It has A"),
    (">A\nA [ 1 2 ]\nC [ 1 2 ]\nG [ 1 2 ]\n", "motif 'A': 3 rows, expected 4"),
    (">A\nA [ 1 2 ]\nC [ 1 ]\nG [ 1 2 ]\nT [ 1 2 ]\n", "motif 'A': row C has 1 columns, row A has 2"),
    (">A\nA [ 0 ]\nC [ 0 ]\nG [ 0 ]\nT [ 0 ]\n", "motif 'A': position 0 has counts 0 0 0 0"),
]  # fmt: skip


@pytest.mark.parametrize("content, message", MOTIFS, ids=range(len(MOTIFS)))
def test_motif_files(content, message, tmp_path):
    path = tmp_path / "motifs.meme"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SeqauditError) as refused:
        read_motifs(path, ["GATA"])
    assert message in str(refused.value) and "motifs.meme" in str(refused.value)


BASES = np.random.default_rng(1).choice(list("ACGT"), (12, 8))
ROWS = [(f"s{i}", "".join(letters), str(i)) for i, letters in enumerate(BASES)]


def table(separator="\t", **changes) -> str:
    """A good table of twelve sequences, with some cells replaced: ``row3_target='x'``."""
    rows = [["sequence_id", "sequence", "target"], *map(list, ROWS)]
    for cell, value in changes.items():
        row, column = cell.removeprefix("row").split("_", 1)
        rows[int(row) + 1][rows[0].index(column)] = value
    return "\n".join(separator.join(row) for row in rows) + "\n"


FASTA = "".join(f">{name}\n{letters}\n" for name, letters, _ in ROWS)
DATA = [
    # file, content (None: there is none), arguments, message
    ("mine.tsv", None, {}, "mine.tsv: no such file"),
    ("mine.tsv", "", {}, "mine.tsv: the file is empty"),
    ("mine.tsv", "sequence_id\tsequence\ttarget\n", {}, "mine.tsv: the table has no rows"),
    ("mine.xlsx", "x", {}, "mine.xlsx: unknown kind of file '.xlsx', expected .parquet, .tsv"),
    ("mine.tsv", table(","), {}, "mine.tsv: no column 'sequence_id' for the id"),
    ("mine.tsv", table().replace("target", "Target"), {}, "no column 'target' for the target; present are"),
    ("mine.tsv", table() + "s99\tACGTACGT\t1\tmore\n", {}, "mine.tsv: cannot be read as a tsv table"),
    ("mine.tsv", table(row3_target="high"), {}, "row 3 is 'high' (1 such rows), expected a finite number"),
    ("mine.tsv", table(row3_target="inf"), {}, "row 3 is 'inf'"),
    ("mine.tsv", table(row3_target=""), {}, "row 3 is ''"),
    ("mine.tsv", table(row3_sequence=""), {}, "column 'sequence' is empty at row 3"),
    ("mine.tsv", table(row3_sequence="ACGTACG"), {}, "column 'sequence': row 3 has length 7, row 0 has 8"),
    ("mine.tsv", table(row3_sequence="ACGTACGU"), {}, "row 3 has letter 'U' at position 7, expected one of A"),
    ("mine.tsv", table(row3_sequence_id="s1"), {}, "id 's1' occurs again at row 3"),
    ("mine.tsv", table(), {"columns": {"split": "fold"}}, "no column 'fold' for the split"),
    ("mine.tsv", table(), {"columns": {"weight": "target"}}, "columns: unknown role 'weight'"),
    ("mine.tsv", table(), {"columns": {"split": "target"}}, "row 0 has split '0' (12 such rows), expected one of"),
    ("mine.tsv", table(), {"split_fractions": (1, 0, 0)}, "split_fractions: got [1, 0, 0], expected three positive"),
    ("mine.tsv", table(), {"split_fractions": (0.98, 0.01, 0.01)}, "no sequence in split"),
    ("mine.tsv", table(), {"transform": "log"}, "transform 'log' is unknown, expected one of anscombe"),
    ("mine.tsv", table(row3_target="-4"), {"transform": "anscombe"}, "mine.tsv: target: value -4 at row 3 is negative"),
    ("mine.tsv", table(), {"min_target": 99, "low_targets": "drop"}, "all 12 targets are below min_target=99"),
    ("mine.tsv.gz", "not compressed", {}, "mine.tsv.gz: cannot be read as a tsv table"),
    ("mine.parquet", table(), {}, "mine.parquet: cannot be read as a parquet table"),
    ("mine.fa", FASTA, {}, "mine.fa: a FASTA file has no targets. Name a table of targets in the config"),
    ("mine.fa", "ACGT\n", {"targets": "t.tsv"}, "mine.fa: begins with 'ACGT', expected FASTA: '>name'"),
    ("mine.fa", FASTA + ">\nACGT\n", {"targets": "t.tsv"}, "mine.fa: record 12 has no name after '>'"),
    ("mine.fa", FASTA + ">s1\nACGTACGT\n", {"targets": "t.tsv"}, "id 's1' occurs again at row 12"),
    ("mine.fa", FASTA + ">new\nACGTACGT\n", {"targets": "t.tsv"}, "no target for 1 of 13 sequences of"),
    ("mine.tsv", table(), {"targets": "t.tsv"}, "a table holds its targets itself"),
]  # fmt: skip


@pytest.mark.parametrize(
    "name, content, arguments, message", DATA, ids=[f"{d[0]} {i}" for i, d in enumerate(DATA)]
)
def test_own_data(name, content, arguments, message, tmp_path):
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    if "targets" in arguments:
        arguments = {**arguments, "targets": tmp_path / arguments["targets"]}
        arguments["targets"].write_text(table())
    with pytest.raises(SeqauditError) as refused:
        read_sequences(path, **arguments)
    assert message in str(refused.value)


TINY = {"convolutions": [{"filters": 2, "width": 3}]}
LETTERS = np.eye(4, dtype=np.int8)[np.random.default_rng(1).integers(4, size=(20, 12))].transpose(0, 2, 1)
ONES = np.ones(20)


def network():
    return build_cnn(TINY, padding="same", length=12, seed=1)


def train(x=LETTERS, y=ONES, **options):
    return fit(network(), x, y, LETTERS, ONES, **{"seed": 1, "max_epochs": 1, "device": "cpu", **options})


def history(**changes) -> pd.DataFrame:
    """A table of the declared kind with one row, some columns changed or (None) left out."""
    row = {"model_id": "m", "epoch": 1, "train_loss": 0.5, "validation_loss": 0.5, "validation_mse": 0.4}
    row |= {"best": True, "seconds": 1.0, **changes}
    return pd.DataFrame([{key: value for key, value in row.items() if value is not None}])


def stored(path: Path, content: bytes | pd.DataFrame) -> Path:
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        content.to_parquet(path)
    return path


CALLS = [
    # what is called with a folder, message
    (lambda f: read_table(f / "t.parquet", "sequences"), "t.parquet: no such file, expected a 'sequences' table"),
    (lambda f: read_table(stored(f / "t.parquet", b""), "sequences"), "t.parquet: not a readable Parquet file"),
    (lambda f: read_table(stored(f / "t.parquet", b"PAR1"), "sequences"), "t.parquet: not a readable Parquet file"),
    (lambda f: read_table(stored(f / "t.parquet", history()), "sequences"), "not a 'sequences' table: columns missing"),
    (lambda f: read_table(stored(f / "t.parquet", history()), "training_history"), "written as version unknown"),
    (lambda f: write_table(history(best=None), f / "t.parquet", "training_history"), "columns missing best"),
    (lambda f: write_table(history(extra=1), f / "t.parquet", "training_history"), "columns unknown extra"),
    (lambda f: write_table(history(epoch="one"), f / "t.parquet", "training_history"), "column 'epoch' of table 'training_history' cannot be stored"),
    (lambda f: write_table(history(seconds=np.nan), f / "t.parquet", "training_history"), "column 'seconds' of table"),
    (
        lambda f: write_table(pd.concat([history()] * 2), f / "t.parquet", "training_history"),
        "1 rows of table 'training_history' repeat a key, first model_id=m, epoch=1",
    ),
    (lambda f: load_model(f), "model.json: cannot be read (No such file or directory), expected a trained model"),
    (lambda f: load_model(stored(f / "model.json", b"{}").parent), "model.json: damaged or altered, its format"),
    (lambda f: load_model(stored(f / "model.json", b"\xff").parent), "model.json: damaged or altered, it is not JSON"),
    (lambda f: build_cnn("arch9", padding="same", length=12, seed=1), "architecture 'arch9' is unknown, expected a description or one of arch1"),
    (lambda f: build_cnn(TINY, padding="full", length=12, seed=1), "padding 'full' is unknown, expected one of valid, same"),
    (lambda f: build_cnn({"convolutions": []}, padding="same", length=12, seed=1), "convolutions is [], expected a list of at least one layer"),
    (lambda f: build_cnn("arch1", padding="valid", length=12, seed=1), "sequences of 12 bp are too short for this architecture with valid"),
    (lambda f: choose_device("tpu9"), "device 'tpu9' is unknown, expected auto, cpu or cuda"),
    (lambda f: predict(network(), LETTERS[0]), "one_hot: got shape (4, 12), expected (n, 4, length)"),
    (lambda f: predict(network(), LETTERS[:, :, :9]), "sequences have 9 bp, but the model was built for 12 bp"),
    (lambda f: predict(network(), LETTERS, batch_size=0), "batch_size: got 0, expected at least 1"),
    (lambda f: saturation_mutagenesis([], LETTERS), "the ensemble has no member"),
    (lambda f: saturation_mutagenesis(network(), LETTERS * 2), "sequence 0 is not one-hot"),
    (lambda f: saturation_mutagenesis(network(), LETTERS, method="fast"), "method 'fast' is unknown"),
    (lambda f: train(LETTERS.astype(float)), "one_hot_train: got torch.float64 of shape (20, 4, 12), expected torch.int8"),
    (lambda f: train(y=ONES[:5]), "target_train: got shape (5, 1), expected (20, 1)"),
    (lambda f: train(y=ONES * np.nan), "target_train: row 0 is [nan] (20 such rows), expected finite"),
    (lambda f: train(batch_size=0), "batch_size: got 0, expected at least 1"),
    (lambda f: train(learning_rate=0), "learning_rate: got 0.0, expected a positive number"),
    (lambda f: train(y=ONES * 1e30, learning_rate=1), "training diverged in epoch 1"),
    (lambda f: train(seed=-1), "seed: got -1, expected at least 0"),
    (lambda f: one_hot(["ACGT", "ACG"]), "row 1 has length 3, row 0 has 4"),
    (lambda f: one_hot(["ACGT", "ACGX"]), "row 1 has letter 'X' at position 3, expected one of A"),
    (lambda f: transform_target([1.0], "log"), "transform 'log' is unknown, expected one of anscombe"),
]  # fmt: skip


@pytest.mark.parametrize("call, message", CALLS, ids=range(len(CALLS)))
def test_calls(call: Callable[[Path], object], message, tmp_path):
    with pytest.raises(SeqauditError) as refused:
        call(tmp_path)
    assert message in str(refused.value)


COMMANDS = [
    # arguments of workflow/resume.py, message
    ([], "no run was interrupted here; start one with 'snakemake'"),
    (["mine"], "no run was interrupted here"),
    (["--folder", "nowhere"], "no run was interrupted here"),
    (["--foldr", "x"], "unrecognized"),
]


@pytest.mark.parametrize("arguments, message", COMMANDS, ids=range(len(COMMANDS)))
def test_commands(arguments, message, tmp_path):
    command = [sys.executable, str(ROOT / "workflow/resume.py"), *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0 and message in done.stderr and "Traceback" not in done.stderr

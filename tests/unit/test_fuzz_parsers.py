"""Ten thousand damaged files for every parser: a clear error or a checked result, never anything else."""

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from seqaudit.data.motif_files import read_motifs
from seqaudit.data.readers import _read_columns, _read_fasta, read_sequences
from seqaudit.errors import SeqauditError

pytestmark = pytest.mark.fuzz

INPUTS = 10_000
BATCH = 100
"""Damaged files per example of hypothesis, which costs more than a parser does."""

MEME = b"""MEME version 4

ALPHABET= ACGT

strands: + -

Background letter frequencies
A 0.25 C 0.25 G 0.25 T 0.25

MOTIF GATA_disc1 GATA1
letter-probability matrix: alength= 4 w= 3 nsites= 12 E= 0
0.1 0.2 0.3 0.4
1 0 0 0
0.25 0.25 0.25 0.25

MOTIF TAL1
letter-probability matrix: alength= 4 w= 1
0 0 0 1
URL http://example.org
"""
JASPAR = b""">MA0035.4 GATA1
A [ 10 0 3.5 ]
C [ 0 20 3.5 ]
G [ 5 0 3 ]
T [ 5 0 10 ]
>MA0140.2
A 1 0
C 0 1
G 0 0
T 0 0
"""
LETTERS = [bytes(random.Random(i).choices(b"ACGT", k=7)) + b"N" for i in range(12)]
FASTA = b"".join(b">seq%d an element\n%s\n%s\n" % (i, s[:4], s[4:].lower()) for i, s in enumerate(LETTERS))
TSV = b"sequence_id\tsequence\ttarget\n" + b"".join(
    b"seq%d\t%s\t%d.5\n" % (i, s, i) for i, s in enumerate(LETTERS)
)
CSV = TSV.replace(b"\t", b",")
# what tends to break parsers: numbers, ends of lines, quotes, other encodings, words of the formats
PIECES = (
    *(
        b"nan",
        b"inf",
        b"-inf",
        b"-1",
        b"1e400",
        b"1e-400",
        b"0x10",
        b"1_0",
        b"",
        b" ",
        b"\t",
        b"\n",
        b"\r",
        b"\n\n",
    ),
    *(
        b"\x00",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        "ä½\u2028".encode(),
        b'"',
        b"'",
        b",",
        b";",
        b"#",
        b">",
        b"[",
        b"]",
    ),
    *(
        b"MOTIF",
        b"MOTIF ",
        b"ALPHABET",
        b"END ALPHABET",
        b"letter-probability matrix:",
        b"w= ",
        b"w= -3",
        b"w= nan",
    ),
    *(
        b"alength= 20",
        b"nsites= x",
        b"nsites= 0",
        b"A" * 5000,
        b"9" * 400,
        b"MEME version 4",
        b"~",
        b"URL",
        b"--",
    ),
)


def damaged(whole: bytes, seed: int) -> bytes:
    """One to five edits: bytes changed, cut out, doubled, moved, or replaced by something nasty."""
    draw = random.Random(seed)
    text = whole
    for _ in range(draw.randint(1, 5)):
        at, width = draw.randint(0, len(text)), draw.choice((1, 1, 4, 30, 200))
        part = text[at : at + width]
        kind = draw.randrange(6)
        new = (
            b"",
            part + part,
            bytes(draw.randint(0, 255) for _ in part) if kind == 2 else b"",
            draw.choice(PIECES),
            part[:1] + draw.choice(PIECES) + part[1:],
            part[::-1],
        )[kind]
        text = text[:at] + new + (b"" if draw.random() < 0.03 else text[at + width :])
    return text


def survives(parse, whole: bytes, path: Path, inputs: int = INPUTS) -> None:
    """``parse(path)`` gives a result or a SeqauditError for every damaged version of a file."""
    refused = 0

    @settings(
        max_examples=inputs // BATCH,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 2**32))
    def run(first):
        nonlocal refused
        for seed in range(first, first + BATCH):
            path.write_bytes(damaged(whole, seed))
            try:
                parse(path)
            except SeqauditError as error:
                refused += 1
                assert str(error).strip(), "an error without a message"
            except BaseException as error:
                raise AssertionError(f"seed {seed}: {type(error).__name__}: {error}") from error

    run()
    assert 0.2 * inputs < refused < inputs, "most damage is noticed, and some of it is harmless"


@pytest.mark.parametrize("whole", [MEME, JASPAR], ids=["meme", "jaspar"])
def test_motif_files(whole, tmp_path):
    def parse(path):
        for motif in read_motifs(path):
            assert motif.name and motif.ppm.shape[1] == 4 and len(motif.ppm)
            assert np.isfinite(motif.ppm).all() and np.allclose(motif.ppm.sum(axis=1), 1, atol=0.02)

    survives(parse, whole, tmp_path / "motifs.txt")


def test_fasta(tmp_path):
    def parse(path):
        table = _read_fasta(path)
        assert len(table) and table["id"].is_unique and table["sequence"].str.len().ge(0).all()

    survives(parse, FASTA, tmp_path / "mine.fa")


@pytest.mark.parametrize("whole, name", [(TSV, "mine.tsv"), (CSV, "mine.csv")], ids=["tsv", "csv"])
def test_text_tables(whole, name, tmp_path):
    names = {"id": "sequence_id", "sequence": "sequence", "target": "target"}

    def parse(path):
        table = _read_columns(path, names)
        assert len(table) and table.notna().all(axis=None)

    survives(parse, whole, tmp_path / name, inputs=INPUTS // 2)


@pytest.mark.parametrize("damage", ["fasta", "targets", "table"])
def test_whole_data_sets(damage, tmp_path):
    """Everything behind the parsers as well: ids, letters, targets, splits."""
    files = {"fasta": tmp_path / "mine.fa", "targets": tmp_path / "mine.tsv"}
    files["fasta"].write_bytes(FASTA)
    files["targets"].write_bytes(TSV)
    files["table"] = tmp_path / "own.tsv"
    files["table"].write_bytes(TSV)

    def parse(path):
        fractions = {"split_fractions": (0.4, 0.3, 0.3), "split_seed": 1}
        if damage == "table":
            table = read_sequences(path, **fractions)
        else:
            table = read_sequences(files["fasta"], targets=files["targets"], **fractions)
        assert np.isfinite(table["target"]).all() and table["sequence_id"].is_unique

    survives(parse, files[damage].read_bytes(), files[damage], inputs=300)

"""MEME and JASPAR files: what is read is what was written, and defects are named."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqaudit.data.motif_files import format_jaspar, format_meme, read_motifs
from seqaudit.data.motifs import Motif, log_odds
from seqaudit.errors import SeqauditError

RESOURCES = Path(__file__).resolve().parents[3] / "resources/motifs"
UNIFORM = (0.25, 0.25, 0.25, 0.25)

MEME = """MEME version 5.0.4

ALPHABET "DNA" DNA-LIKE
A "Adenine" CC0000 ~ T "Thymine" 008000
C "Cytosine" 0000CC ~ G "Guanine" FFB300
N "Any base" = ACGT
U = T
END ALPHABET

strands: + -

Background letter frequencies (from unknown source):
 A 0.250 C 0.250
 G 0.250 T 0.250

MOTIF first FACTOR1

log-odds matrix: alength= 4 w= 2 E= 0
 10 -20 3 4
 1 2 3 4

letter-probability matrix: alength= 4 w= 2 nsites= 32 E= 0.0e+000
 0.1  0.2  0.3  0.4

 1e0  0.0  0.0  0.0
URL http://example.org

MOTIF second
letter-probability matrix:
0.25 0.25 0.25 0.25
--------------------
"""

JASPAR = """>MA0001.1\tAGL3 (var.2)
A  [ 0  3 ]
C  [ 94 1 ]
G  [ 1  0 ]
T  [ 5  0 ]
>plain
0.5 0
0.5 0
0 0.25
0 0.75
"""

names = st.text("ABCabc019._:()-", min_size=1, max_size=12)
rows = st.lists(st.floats(0, 1), min_size=4, max_size=4).filter(lambda r: sum(r) > 0.01)
matrices = st.lists(rows, min_size=1, max_size=12).map(
    lambda m: np.array(m) / np.sum(m, axis=1, keepdims=True)
)
motifs = st.builds(Motif, names, matrices, st.just("") | names, st.none() | st.integers(1, 9999))


def write(folder, text):
    path = folder / "motifs.txt"
    path.write_text(text)
    return path


def test_meme_files_with_every_ornament(tmp_path):
    first, second = read_motifs(write(tmp_path, MEME))
    assert (first.name, first.alternative_name, first.n_sites) == ("first", "FACTOR1", 32)
    np.testing.assert_array_equal(first.ppm, [[0.1, 0.2, 0.3, 0.4], [1, 0, 0, 0]])
    assert (second.name, second.alternative_name, second.n_sites, second.width) == ("second", "", None, 1)


def test_jaspar_counts_become_frequencies_and_frequencies_stay(tmp_path):
    counts, plain = read_motifs(write(tmp_path, JASPAR))
    np.testing.assert_array_equal(counts.ppm, [[0, 0.94, 0.01, 0.05], [0.75, 0.25, 0, 0]])
    assert (counts.name, counts.alternative_name, counts.n_sites) == ("MA0001.1", "AGL3_(var.2)", 100)
    np.testing.assert_array_equal(plain.ppm, [[0.5, 0.5, 0, 0], [0, 0, 0.25, 0.75]])


@given(st.lists(motifs, min_size=1, max_size=4, unique_by=lambda motif: motif.name))
def test_writing_and_reading_give_back_every_digit(tmp_path_factory, made):
    folder = tmp_path_factory.mktemp("round_trip")
    for text, keeps_sites in ((format_meme(made, background=UNIFORM), True), (format_jaspar(made), False)):
        for before, after in zip(made, read_motifs(write(folder, text)), strict=True):
            assert (before.name, before.alternative_name) == (after.name, after.alternative_name)
            np.testing.assert_array_equal(before.ppm, after.ppm)
            assert not keeps_sites or before.n_sites == after.n_sites


def test_motifs_are_picked_in_the_order_asked_and_may_be_renamed(tmp_path):
    path = write(tmp_path, MEME)
    assert [motif.name for motif in read_motifs(path, ["second", "FACTOR1"])] == ["second", "first"]
    renamed = read_motifs(path, {"second": "B", "first": "A"})
    assert [(motif.name, motif.alternative_name) for motif in renamed] == [("B", "second"), ("A", "first")]
    unchanged = read_motifs(path, {"first": "first"})[0]
    assert (unchanged.name, unchanged.alternative_name) == ("first", "FACTOR1")


FIRST_ROW = " 0.1  0.2  0.3  0.4"
HEADER = "alength= 4 w= 2 nsites"


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "the file is empty"),
        ("\n \n", "the file is empty"),
        ("hello\n", "first line is 'hello', expected 'MEME version"),
        ("MEME version 4\n", "no motif in the file"),
        ("MEME version 4\nALPHABET= ACDEFGHIKLMNPQRSTVWY\n", "alphabet 'ACDEFGHIKLMNPQRSTVWY', expected DNA"),
        ("MEME version 4\nALPHABET= ACGU\n", "line 2: alphabet 'ACGU', expected DNA"),
        ("MEME version 4\nletter-probability matrix:\n0.2 0.3 0.3 0.2\n", "line 2: a matrix without"),
        (MEME.replace("END ALPHABET", ""), "line 3: the ALPHABET block has no 'END ALPHABET'"),
        (MEME.replace(FIRST_ROW, "0.1 0.2 0.3 0.3"), "'first': row 0 is 0.1 0.2 0.3 0.3; its sum is 0.9"),
        (MEME.replace(FIRST_ROW, "-0.1 0.4 0.3 0.4"), "motif 'first': row 0 is -0.1 0.4"),
        (MEME.replace(FIRST_ROW, "0.1 0.2 0.7"), "motif 'first': row 0 has 3 columns, expected 4"),
        (MEME.replace(" 1e0  0.0", " x  0.0"), "motif 'first': row 1 holds 'x', expected a number"),
        (MEME.replace(HEADER, "alength= 4 w= 3 nsites"), "'first': its header says w= 3, but 2 rows follow"),
        (MEME.replace(HEADER, "alength= 20 w= 2 nsites"), "motif 'first': alength= 20, expected 4"),
        (MEME.replace("MOTIF second", "MOTIF first"), "motif 'first' occurs twice"),
        (MEME + "MOTIF third\n", "motif 'third' has no 'letter-probability matrix'"),
        (MEME.replace("letter-probability matrix:\n", "") + "MOTIF third", "motif 'second' has no"),
        (JASPAR.replace("A  [ 0  3 ]", "A  [ 0 ]"), "motif 'MA0001.1': row C has 2 columns, row A has 1"),
        (JASPAR.replace("T  [ 5  0 ]\n", ""), "motif 'MA0001.1': 3 rows, expected 4"),
        (JASPAR.replace("C  [ 94", "G  [ 94"), "motif 'MA0001.1': row G where row C was expected"),
        (JASPAR.replace("[ 94 1 ]", "[ -94 1 ]"), "motif 'MA0001.1': position 0 has counts 0 -94 1 5"),
        (JASPAR.replace("[ 94 1 ]", "[ many 1 ]"), "'MA0001.1': row C holds 'many', expected a number"),
        (">zero\n0\n0\n0\n0\n", "motif 'zero': position 0 has counts 0 0 0 0; .* sum above 0"),
    ],
)
def test_defects_are_named_by_file_motif_and_row(tmp_path, text, message):
    path = write(tmp_path, text)
    with pytest.raises(SeqauditError, match=message) as caught:
        read_motifs(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_missing_files_and_motifs_are_named(tmp_path):
    with pytest.raises(SeqauditError, match=r"none\.meme: cannot be read as text"):
        read_motifs(tmp_path / "none.meme")
    path = write(tmp_path, MEME)
    with pytest.raises(SeqauditError, match=r"motifs\.txt: no motif 'firstt' among 2\. Did you mean first"):
        read_motifs(path, ["firstt"])
    binary = tmp_path / "binary.meme"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SeqauditError, match="cannot be read as text"):
        read_motifs(binary)


def test_committed_matrices_have_the_published_log_odds():
    gata, tal = read_motifs(RESOURCES / "encode.meme", ["GATA1", "TAL1"])
    assert (gata.name, gata.width, tal.name, tal.width) == ("GATA_disc1", 10, "TAL1_known1", 16)
    np.testing.assert_array_equal(gata.ppm[0], [0.322751, 0.185185, 0.359788, 0.132275])
    np.testing.assert_array_equal(tal.ppm[-1], [0.23, 0.26, 0.32, 0.19])
    best_and_worst = {gata: (10.8307, -57.71), tal: (14.5241, -50.29)}
    for motif, (best, worst) in best_and_worst.items():
        matrix = log_odds(motif, pseudocount=0.001, background=(0.27, 0.23, 0.23, 0.27))
        assert matrix.max(axis=1).sum() == pytest.approx(best, abs=5e-5)
        assert matrix.min(axis=1).sum() == pytest.approx(worst, abs=5e-3)


@pytest.mark.parametrize("name, n", [("encode.meme", 20), ("hocomoco.meme", 4)])
def test_committed_files_read_and_have_unique_factors(name, n):
    found = read_motifs(RESOURCES / name)
    assert len(found) == n == len({motif.alternative_name for motif in found})
    assert all(np.abs(motif.ppm.sum(axis=1) - 1).max() < 3e-6 for motif in found)

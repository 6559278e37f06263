"""Motif matrices, scans and occupancy against naive loops and algebra."""

import time

import numpy as np
import pytest

from seqaudit.data.motifs import (
    Motif,
    find_motif,
    log_odds,
    occupancy,
    scan,
    score_sites,
    smooth,
    summed_occupancy,
)
from seqaudit.data.sequences import reverse_complement
from seqaudit.errors import SeqauditError

BACKGROUND = (0.27, 0.23, 0.23, 0.27)


def random_matrix(rng, width):
    return rng.normal(size=(width, 4)) * 3


def random_sequences(rng, n, length, letters="ACGTN"):
    return ["".join(rng.choice(list(letters), length)) for _ in range(n)]


def naive_scan(sequences, matrix, padding="valid"):
    width = len(matrix)
    left = (width - 1) // 2 if padding == "same" else 0
    right = width - 1 - left if padding == "same" else 0
    rows = []
    for sequence in sequences:
        padded = "N" * left + sequence + "N" * right
        row = []
        for start in range(len(padded) - width + 1):
            window = padded[start : start + width]
            row.append(sum(matrix[j]["ACGT".index(x)] for j, x in enumerate(window) if x != "N"))
        rows.append(row)
    return np.array(rows)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 8, 10, 15, 16, 17])
def test_scan_equals_a_naive_loop(width, padding):
    rng = np.random.default_rng(width)
    sequences, matrix = random_sequences(rng, 20, 17), random_matrix(rng, width)
    expected = naive_scan(sequences, matrix, padding)
    np.testing.assert_allclose(scan(sequences, matrix, padding=padding), expected, atol=1e-12)
    assert expected.shape[1] == (17 if padding == "same" else 18 - width)


def test_same_padding_may_be_wider_than_the_sequence():
    rng = np.random.default_rng(0)
    sequences, matrix = random_sequences(rng, 5, 6), random_matrix(rng, 11)
    np.testing.assert_allclose(
        scan(sequences, matrix, padding="same"), naive_scan(sequences, matrix, "same"), atol=1e-12
    )


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_reverse_strand_is_a_forward_scan_of_the_reverse_complement(padding):
    rng = np.random.default_rng(1)
    sequences, matrix = random_sequences(rng, 10, 30), random_matrix(rng, 7)  # odd: padding is symmetric
    backward = scan(sequences, matrix, strand="-", padding=padding)
    expected = scan(reverse_complement(sequences), matrix, padding=padding)[:, ::-1]
    np.testing.assert_allclose(backward, expected, atol=1e-12)
    both = scan(sequences, matrix, strand="+-", padding=padding)
    np.testing.assert_array_equal(both[1], backward)
    np.testing.assert_array_equal(both[0], scan(sequences, matrix, padding=padding))


def test_blocks_of_rows_leave_no_seam():
    rng = np.random.default_rng(2)
    codes = rng.integers(0, 5, (2500, 12)).astype(np.uint8)
    matrix = random_matrix(rng, 6)
    rows = rng.permutation(2500)
    np.testing.assert_array_equal(scan(codes, matrix)[rows], scan(codes[rows], matrix))
    expected = occupancy(scan(codes, matrix)).sum(axis=1)
    np.testing.assert_allclose(summed_occupancy(codes, matrix), expected, rtol=1e-13)


def test_scan_is_fast():
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 4, (20_000, 100)).astype(np.uint8)
    started = time.process_time()
    scan(codes, random_matrix(rng, 16))
    assert time.process_time() - started < 1  # takes about 0.05 s


def test_log_odds_by_algebra():
    motif = Motif("m", [[0.7, 0.1, 0.1, 0.1], [0, 0, 0, 1]])
    matrix = log_odds(motif, pseudocount=0.001, background=BACKGROUND)
    assert matrix[0, 0] == pytest.approx(np.log((0.999 * 0.7 + 0.00025) / 0.27))
    assert matrix[1, 1] == pytest.approx(np.log(0.00025 / 0.23))
    assert matrix[1, 3] == pytest.approx(np.log(0.99925 / 0.27))
    # a matrix equal to the background says nothing
    flat = Motif("flat", [BACKGROUND] * 3)
    np.testing.assert_allclose(log_odds(flat, pseudocount=0, background=BACKGROUND), 0, atol=1e-15)


def test_without_pseudocount_excluded_letters_rule_a_site_out():
    matrix = log_odds(Motif("m", [[1, 0, 0, 0], [0, 0.5, 0.5, 0]]), pseudocount=0, background=[0.25] * 4)
    scores = scan(["ACAGATNN"], matrix)[0]
    assert scores[0] == scores[2] == pytest.approx(np.log(8))
    assert np.isneginf(scores[[1, 3, 4, 5]]).all() and scores[6] == 0
    np.testing.assert_allclose(occupancy(scores)[[0, 1, 6]], [8 / 9, 0, 0.5])


def test_smoothing_keeps_row_sums():
    ppm = np.array([[0.5, 0.25, 0.25, 0], [0.1, 0.2, 0.3, 0.4]])
    np.testing.assert_allclose(smooth(ppm, pseudocount=0.2).sum(axis=1), 1)
    np.testing.assert_array_equal(smooth(ppm, pseudocount=0), ppm)


def test_occupancy_is_half_at_zero_and_never_warns():
    scores = np.array([0, -np.inf, -1e4, 1e4, np.log(3)])
    np.testing.assert_allclose(occupancy(scores), [0.5, 0, 0, 1, 0.75])
    assert occupancy(-2.0, mu=2.0) == 0.5


def test_sites_are_scored_on_their_strand():
    matrix = random_matrix(np.random.default_rng(4), 5)
    sites = ["ACGTT", "GGGAC"]
    np.testing.assert_allclose(score_sites(sites, matrix), naive_scan(sites, matrix)[:, 0])
    np.testing.assert_allclose(
        score_sites(sites, matrix, strand="-"), naive_scan(reverse_complement(sites), matrix)[:, 0]
    )


def test_a_motif_cannot_be_changed_by_accident():
    rows = [[0.25] * 4]
    motif = Motif("m", rows)
    rows[0][0] = 9
    assert motif.ppm[0, 0] == 0.25
    with pytest.raises(ValueError, match="read-only"):
        motif.ppm[0, 0] = 1


@pytest.mark.parametrize(
    "ppm, message",
    [
        (
            [[0.5, 0.5, 0.5, 0.5]],
            "motif 'm': row 0 is 0.5 0.5 0.5 0.5; its sum is 2, expected 1 within 0.001",
        ),
        ([[0.25] * 4, [0.25, 0.25, 0.25, 0.2485]], "row 1 is .* its sum is 0.9985"),
        ([[1.5, -0.5, 0, 0]], "row 0 is 1.5 -0.5 0 0; expected four numbers from 0 to 1"),
        ([[np.nan, 1, 0, 0]], "row 0 is nan 1 0 0; expected four numbers"),
        ([[0.5, 0.5]], r"matrix of shape \(1, 2\), expected one row per position"),
        ([], r"matrix of shape \(0,\)"),
    ],
)
def test_bad_matrices_are_named_by_motif_and_row(ppm, message):
    with pytest.raises(SeqauditError, match=message):
        Motif("m", ppm)


def test_rounded_rows_are_kept_as_they_are():
    ppm = [[0.3333, 0.3333, 0.3333, 0], [0.2501, 0.2501, 0.2501, 0.2501]]
    np.testing.assert_array_equal(Motif("m", ppm).ppm, ppm)


@pytest.mark.parametrize("names", [("a b", ""), ("a,b", ""), ("a", "b c"), ("", "")])
def test_names_that_would_break_tables_are_refused(names):
    with pytest.raises(SeqauditError, match="motif"):
        Motif(names[0], [[0.25] * 4], names[1])


def test_finding_motifs_by_either_name():
    names = {"M1": "GATA1", "M2": "M1", "M3": "X", "M4": "X"}
    motifs = [Motif(name, [[0.25] * 4], other) for name, other in names.items()]
    assert find_motif(motifs, "GATA1").name == "M1"
    assert find_motif(motifs, "M1").name == "M1"  # a name goes before an alternative name
    with pytest.raises(SeqauditError, match=r"f\.meme: 2 motifs are called 'X': M3, M4\. Use one"):
        find_motif(motifs, "X", where="f.meme")
    with pytest.raises(SeqauditError, match=r"no motif 'GATA2' among 4\. Did you mean GATA1"):
        find_motif(motifs, "GATA2")
    with pytest.raises(SeqauditError, match=r"no motif 'qqqqqq' among 4\. It has M1, M2"):
        find_motif(motifs, "qqqqqq")


FLAT = Motif("flat", [[0.25] * 4] * 4)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: scan(["ACG"], FLAT.ppm), "motif of width 4 does not fit into sequences of length 3"),
        (
            lambda: scan(["ACGT"], FLAT.ppm, padding="full"),
            "padding: got 'full', expected one of valid, same",
        ),
        (lambda: scan(["ACGT"], FLAT.ppm, strand="*"), r"strand: got '\*', expected one of \+, -, \+-"),
        (lambda: smooth(FLAT.ppm, pseudocount=-0.1), "pseudocount: got -0.1"),
        (lambda: log_odds(FLAT, pseudocount=0, background=[1, 0, 0, 0]), r"background: got \[1, 0, 0, 0\]"),
        (lambda: log_odds(FLAT, pseudocount=0, background=[0.5, 0.5]), r"background: got \[0.5, 0.5\]"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(SeqauditError, match=message):
        call()

"""Motif sites: read from the simulator's record, or found by scanning."""

import numpy as np
import pandas as pd
import pytest

from seqaudit.data.motifs import Motif, log_odds, scan
from seqaudit.data.sequences import reverse_complement
from seqaudit.data.sites import embedded_sites, listed_sites, scanned_sites
from seqaudit.errors import SeqauditError

MOTIF = Motif("long_name-1", np.full((5, 4), 0.04) + 0.84 * np.eye(4)[[2, 0, 3, 0, 0]], "GATA")  # GATAA
MATRIX = log_odds(MOTIF, pseudocount=0.001, background=[0.25] * 4)


def as_rows(sites):
    return list(sites[["row", "start", "strand"]].itertuples(index=False, name=None))


def test_embedded_sites_are_read_under_either_name_and_strand():
    sequences = ["CCGATAACCCCC", "CCCCCCCCCCCC", "TTATCCGATAAC"]
    embeddings = [
        "pos-2_long_name-1-GATAA",
        "",
        "pos-0_GATA-GATAA,pos-6_GATA-GATAA,pos-1_long_name-12-TATC",
    ]
    sites = embedded_sites(sequences, embeddings, MOTIF, MATRIX)
    assert as_rows(sites) == [(0, 2, "+"), (2, 0, "-"), (2, 6, "+")]
    np.testing.assert_allclose(sites["log_odds"], MATRIX.max(axis=1).sum())


def test_no_embedded_site_is_an_empty_table():
    assert len(embedded_sites(["ACGTACGT"], [""], MOTIF, MATRIX)) == 0


@pytest.mark.parametrize(
    "embedding, message",
    [
        ("GATA at 3", "embeddings: row 1 holds 'GATA at 3', expected 'pos-<start>_<motif>-<letters>'"),
        (
            "pos-1_GATA-GATAA",
            r"row 1 places GATAA \(GATA|row 1 places GATAA \(long_name-1\) at position 1, but",
        ),
        ("pos-9_GATA-GATAA", "the last ends at 14; expected 5 letters inside sequences of length 12"),
        ("pos-2_GATA-GATA", "are 4 letters long .*; expected 5 letters"),
    ],
)
def test_records_that_do_not_fit_are_named(embedding, message):
    with pytest.raises(SeqauditError, match=message):
        embedded_sites(["C" * 12, "CCGATAACCCCC"], ["", embedding], MOTIF, MATRIX)


def test_scanning_finds_both_strands_and_leaves_weak_hits():
    sequences = ["CCGATAACCTTATCC", "CCCCCCCCCCCCCCC", "GATAAGATACCCCCC"]
    sites = scanned_sites(sequences, MATRIX, min_log_odds=4)
    assert as_rows(sites) == [(0, 2, "+"), (0, 9, "-"), (2, 0, "+")]
    with_weak = scanned_sites(sequences, MATRIX, min_log_odds=2)
    assert as_rows(with_weak) == [(0, 2, "+"), (0, 9, "-"), (2, 0, "+"), (2, 5, "+")]


def collapse_by_hand(sequence, matrix, min_log_odds):
    """Strongest first, drop what overlaps it; one hit at a time."""
    width = len(matrix)
    hits = []
    for start in range(len(sequence) - width + 1):
        window = sequence[start : start + width]
        forward = sum(matrix[j, "ACGT".index(x)] for j, x in enumerate(window))
        backward = sum(matrix[j, "ACGT".index(x)] for j, x in enumerate(reverse_complement([window])[0]))
        hits += [(forward, start, "+"), (backward, start, "-")]
    kept = []
    for score, start, strand in sorted(hits, key=lambda hit: (-round(hit[0], 9), hit[1], hit[2])):
        if score > min_log_odds and all(abs(start - other) >= width for other, _ in kept):
            kept.append((start, strand))
    return sorted(kept)


def test_overlapping_hits_collapse_to_the_strongest():
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(4, 4))
    sequences = ["".join(rng.choice(list("ACGT"), 40)) for _ in range(60)]
    sites = scanned_sites(sequences, matrix, min_log_odds=0.5)
    for row, sequence in enumerate(sequences):
        of_row = sites.loc[sites["row"] == row]
        assert list(zip(of_row["start"], of_row["strand"])) == collapse_by_hand(sequence, matrix, 0.5)
    scores = scan(sequences, matrix, strand="+-")
    at = (sites["strand"] == "-").astype(int), sites["row"], sites["start"]
    np.testing.assert_array_equal(sites["log_odds"], scores[at])


def test_palindromes_are_one_site_on_the_forward_strand():
    palindrome = log_odds(Motif("p", np.eye(4)[[0, 1, 2, 3]]), pseudocount=0.01, background=[0.25] * 4)
    sites = scanned_sites(["TTTACGTTTT"], palindrome, min_log_odds=2)
    assert as_rows(sites) == [(0, 3, "+")]


def test_a_threshold_above_all_hits_finds_nothing():
    sites = scanned_sites(["CCGATAACC"], MATRIX, min_log_odds=100)
    assert isinstance(sites, pd.DataFrame) and len(sites) == 0


def test_listed_sites_are_those_of_every_motif():
    found = listed_sites(["pos-2_long_name-1-GATAA,pos-9_TAL1-CA", "", None, "pos-0_TAL1-CAG"])
    assert list(found.itertuples(index=False, name=None)) == [
        (0, "long_name-1", 2, 7),
        (0, "TAL1", 9, 11),
        (3, "TAL1", 0, 3),
    ]
    assert listed_sites([None, ""]).empty
    with pytest.raises(SeqauditError, match="embeddings: row 1 holds 'GATA at 3'"):
        listed_sites(["", "GATA at 3"])

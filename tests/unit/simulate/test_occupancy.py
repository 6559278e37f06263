"""Occupancies: by hand, and every mutant as if scanned from scratch."""

import numpy as np
import pytest

from seqaudit.data.motifs import Motif, log_odds
from seqaudit.data.sequences import decode_letters, reverse_complement
from seqaudit.errors import SeqauditError
from seqaudit.simulate.occupancy import log_unbound, mutant_occupancies, occupancies

MOTIF = Motif("m", np.full((5, 4), 0.04) + 0.84 * np.eye(4)[[2, 0, 3, 0, 0]])
MATRIX = log_odds(MOTIF, pseudocount=0.001, background=[0.27, 0.23, 0.23, 0.27])
OPTIONS = [
    {},
    {"strand": "-", "mu": -1.0},
    {"strand": "+-", "mu": -2.0},
    {"strand": "+-", "mu": -2.0, "min_occupancy": 0.02},
]


def random_codes(n, length, seed=0):
    return np.random.default_rng(seed).integers(0, 4, (n, length)).astype(np.uint8)


def by_hand(sequence, *, strand="+", mu=0.0, min_occupancy=0.0):
    unbound = 1.0
    for one in strand:
        text = sequence if one == "+" else reverse_complement([sequence])[0]
        for start in range(len(text) - len(MATRIX) + 1):
            score = sum(
                MATRIX[i, "ACGT".index(letter)] if letter != "N" else 0
                for i, letter in enumerate(text[start : start + len(MATRIX)])
            )
            p = 1 / (1 + np.exp(-score - mu))
            unbound *= 1 - max(0, (p - min_occupancy) / (1 - min_occupancy))
    return 1 - unbound


@pytest.mark.parametrize("options", OPTIONS)
def test_occupancy_is_the_chance_that_any_window_is_bound(options):
    sequences = [*decode_letters(random_codes(6, 30)), "ACGNNGATAANNNGATTACATTATCCNNNN"]
    found = occupancies(sequences, MATRIX, **options)
    np.testing.assert_allclose(found, [by_hand(s, **options) for s in sequences], rtol=1e-12)


@pytest.mark.parametrize("options", OPTIONS)
def test_mutants_are_as_if_scanned_from_scratch(options):
    codes = random_codes(4, 40, seed=1)
    codes[0, 7] = 4
    found = mutant_occupancies(codes, MATRIX, **options)
    for base in range(4):
        for position in range(codes.shape[1]):
            mutants = codes.copy()
            mutants[:, position] = base
            naive = occupancies(mutants, MATRIX, **options)
            np.testing.assert_allclose(found[:, base, position], naive, rtol=1e-12, atol=1e-15)


def test_motifs_that_exclude_letters_are_not_a_problem():
    matrix = log_odds(Motif("hard", np.eye(4)), pseudocount=0, background=[0.25] * 4)  # ACGT or nothing
    codes = random_codes(3, 20, seed=2)
    codes[0, 3:7] = range(4)
    found = mutant_occupancies(codes, matrix)
    codes[0, 3] = 3
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[0, 3, 3], occupancies(codes, matrix)[0], rtol=1e-12)
    assert occupancies(["TTTTTTTT"], matrix)[0] == 0


def test_a_mutation_that_reaches_no_window_changes_nothing_at_all():
    sequence = "TTTTTTTTTTCCGATAACCTTTTTTTTTT"
    options = {"mu": -2.0, "min_occupancy": 0.05}
    reference = occupancies([sequence], MATRIX, **options)[0]
    found = mutant_occupancies([sequence], MATRIX, **options)[0]
    site = slice(12, 17)
    assert reference > 0.5
    assert (found[:, :10] == reference).all() and (found[:, 25:] == reference).all()
    assert (found[[2, 0, 3, 0, 0], np.arange(12, 17)] == reference).all()
    assert (found[1, site] < 0.8 * reference).all()


def test_windows_below_the_least_occupancy_are_not_bound():
    weak = log_unbound(["CCCCCCCCCC"], MATRIX, min_occupancy=0.05)
    assert (weak == 0).all()
    assert occupancies(["CCCCCCCCCC"], MATRIX)[0] > 0


def test_certain_sites_keep_their_precision():
    matrix = np.full((3, 4), -20.0)
    matrix[:, 0] = 20.0
    assert log_unbound(["AAA"], matrix)[0, 0] == pytest.approx(-60, rel=1e-12)


@pytest.mark.parametrize("value", [-0.1, 1, np.nan])
def test_a_least_occupancy_out_of_range_is_refused(value):
    with pytest.raises(SeqauditError, match=r"min_occupancy: got .*, expected a number from 0 to below 1"):
        occupancies(["ACGTACGT"], MATRIX, min_occupancy=value)

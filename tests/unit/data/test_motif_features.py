"""Occupancies of motifs as features."""

import numpy as np
import pandas as pd
import pytest

from seqaudit.data.motif_features import score_motifs
from seqaudit.data.motifs import Motif
from seqaudit.errors import SeqauditError

BACKGROUND = [0.25] * 4
A_THEN_C = Motif("AC", [[0.97, 0.01, 0.01, 0.01], [0.01, 0.97, 0.01, 0.01]])
T = Motif("T", [[0.1, 0.1, 0.1, 0.7]])
SEQUENCES = pd.DataFrame(
    {
        "sequence": ["ACGG", "GGAC", "GGGT", "TTTT", "ACAC"],
        "split": ["train", "train", "validation", "test", "test"],
        "count": [3.0, 4.0, 5.0, 6.0, 7.0],
    }
)
OPTIONS = {"padding": "valid", "pseudocount": 0.0, "background": BACKGROUND}


def by_hand(sequence: str, motif: Motif) -> float:
    """Sum over windows of p / (p + background)."""
    total = 0.0
    for start in range(len(sequence) - motif.width + 1):
        ratio = 1.0
        for row, letter in zip(motif.ppm, sequence[start:]):
            ratio *= row["ACGT".index(letter)] / 0.25
        total += ratio / (1 + ratio)
    return total


def test_features_are_expected_numbers_of_bound_windows():
    table = score_motifs(SEQUENCES, [A_THEN_C, T], **OPTIONS)
    assert table.features == ("AC", "T") and table.target == "count"
    expected = [[by_hand(sequence, motif) for motif in (A_THEN_C, T)] for sequence in SEQUENCES["sequence"]]
    np.testing.assert_allclose(table.x, expected, rtol=1e-12)
    assert table.y.tolist() == [3, 4, 5, 6, 7]
    assert list(table.split) == list(SEQUENCES["split"])


def test_splits_can_be_cut_and_the_scale_be_chosen():
    table = score_motifs(SEQUENCES, [A_THEN_C, T], **OPTIONS, scale="anscombe", max_points=(1, None, 1))
    assert table.y == pytest.approx([2 * (count + 3 / 8) ** 0.5 for count in (3, 5, 6)])
    assert list(table.split) == ["train", "validation", "test"]


def test_sequences_without_counts_are_refused():
    with pytest.raises(SeqauditError, match="column 'count' is empty in 1 of 5 rows"):
        score_motifs(SEQUENCES.assign(count=[1, 2, np.nan, 3, 4]), [A_THEN_C, T], **OPTIONS)


def test_a_motif_that_says_nothing_is_refused():
    flat = Motif("flat", [[0.25] * 4])
    with pytest.raises(SeqauditError, match="motif scores: feature 'flat' is"):
        score_motifs(SEQUENCES, [A_THEN_C, flat], **OPTIONS)

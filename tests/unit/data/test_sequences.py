"""Letters, codes, one-hot arrays and shuffles."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqaudit.data.sequences import (
    decode_letters,
    dinucleotide_shuffle,
    letter_codes,
    letters,
    one_hot,
    reverse_complement,
    shuffle_dinucleotides,
)
from seqaudit.errors import SeqauditError

equal_length = st.integers(1, 30).flatmap(
    lambda n: st.lists(st.text("ACGTN", min_size=n, max_size=n), min_size=1, max_size=8)
)


def test_one_hot_channels_are_acgt_and_n_is_empty():
    encoded = one_hot(["ACGTN"])
    assert encoded.dtype == np.int8 and encoded.shape == (1, 4, 5)
    np.testing.assert_array_equal(encoded[0, :, :4], np.eye(4))
    assert not encoded[0, :, 4].any()


@given(equal_length)
def test_letters_undo_every_encoding(sequences):
    assert letters(one_hot(sequences)) == sequences
    assert decode_letters(letter_codes(sequences)) == sequences
    assert letters(one_hot(letter_codes(sequences))) == sequences
    for container in (np.array(sequences), pd.Series(sequences), tuple(sequences)):
        np.testing.assert_array_equal(letter_codes(container), letter_codes(sequences))


@given(equal_length)
def test_reverse_complement_turns_the_one_hot_array_around(sequences):
    np.testing.assert_array_equal(one_hot(reverse_complement(sequences)), one_hot(sequences)[:, ::-1, ::-1])
    assert reverse_complement(reverse_complement(sequences)) == sequences


def test_reverse_complement_by_hand():
    assert reverse_complement(["AACGTN", "GATTAC"]) == ["NACGTT", "GTAATC"]


@pytest.mark.parametrize(
    "sequences, message",
    [
        (["ACGT", "ACaT"], r"sequences: row 1 has letter 'a' at position 2, expected one of A, C, G, T, N"),
        (["ACGT", "AC-T"], r"row 1 has letter '-' at position 2"),
        (["ACGT", "ACÄT"], r"row 1 has letter 'Ä' at position 2"),
        (["ACGT", "ACG", "AC"], r"row 1 has length 3, row 0 has 4 \(2 rows differ\)"),
        ([], r"no sequence given"),
        (["", ""], r"row 0 is an empty sequence"),
        (["ACGT", None], r"row 1 is None, expected a string"),
        ("ACGT", r"got one string, expected several"),
    ],
)
def test_bad_sequences_are_named_by_row_and_position(sequences, message):
    with pytest.raises(SeqauditError, match=message):
        one_hot(sequences)


def test_errors_name_the_file_given():
    with pytest.raises(SeqauditError, match=r"mine\.tsv: row 0 has letter 'X'"):
        letter_codes(["X"], where="mine.tsv")


@pytest.mark.parametrize(
    "array, message",
    [
        (np.zeros((2, 5, 4)), r"shape \(2, 5, 4\), expected \(n, 4, length\)"),
        (np.ones((1, 4, 2)), r"row 0, position 0 holds \[1.0, 1.0, 1.0, 1.0\]"),
        (np.full((1, 4, 2), 0.25), r"row 0, position 0 holds \[0.25"),
    ],
)
def test_arrays_that_are_not_one_hot_are_refused(array, message):
    with pytest.raises(SeqauditError, match=message):
        letters(array)


def dinucleotides(sequence):
    return Counter(pairwise(sequence))


@given(equal_length, st.integers(0, 2**32 - 1))
def test_shuffling_keeps_dinucleotides_and_ends(sequences, seed):
    shuffled = dinucleotide_shuffle(sequences, seed=seed)
    for before, after in zip(sequences, shuffled):
        assert dinucleotides(before) == dinucleotides(after)
        assert (before[0], before[-1], len(before)) == (after[0], after[-1], len(after))
    assert dinucleotide_shuffle(sequences, seed=seed) == shuffled


def published_shuffle(sequence, rng):
    """deeplift 0.6.10 in the words of the specification: lists of successors, last one fixed."""
    successors = {}
    for here, following in pairwise(sequence):
        successors[here] = [*successors.get(here, []), following]
    for letter in successors:
        head = successors[letter][:-1]
        rng.shuffle(head)
        successors[letter] = head + successors[letter][-1:]
    walk = [sequence[0]]
    used = Counter()
    while len(walk) < len(sequence):
        here = walk[-1]
        walk.append(successors[here][used[here]])
        used[here] += 1
    return "".join(walk)


def test_shuffle_draws_as_published():
    rng = np.random.default_rng(0)
    sequences = ["".join(rng.choice(list("ACGT"), 60)) for _ in range(40)]
    ours, theirs = np.random.RandomState(3), np.random.RandomState(3)
    for sequence in sequences:
        assert shuffle_dinucleotides(sequence, ours) == published_shuffle(sequence, theirs)
    assert ours.randint(2**31) == theirs.randint(2**31)


def test_shuffling_changes_long_sequences():
    sequence = "".join(np.random.default_rng(1).choice(list("ACGT"), 200))
    shuffled = dinucleotide_shuffle([sequence] * 5, seed=0)
    assert len({sequence, *shuffled}) == 6

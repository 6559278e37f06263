"""Pairs of digits: what is drawn, what is held out, what bad digits are told."""

import numpy as np
import pytest

from seqaudit.data.digit_pairs import digit_pairs, half_images, side_by_side
from seqaudit.data.digits import read_digits
from seqaudit.errors import SeqauditError


@pytest.fixture(scope="module")
def pairs():
    return digit_pairs([7, 4, 0], [7, 0], sizes=(900, 100, 200), seed=3)


def test_the_label_is_the_ordered_pair(pairs):
    digits = read_digits().digits[pairs.sources]
    assert ((digits[:, 0] == 7) & (digits[:, 1] == 0) == pairs.label.astype(bool)).all()
    ordered, counts = np.unique(digits, axis=0, return_counts=True)
    assert ordered.tolist() == [[0, 4], [0, 7], [4, 0], [4, 7], [7, 0], [7, 4]]
    # each one a sixth of 1200, within 4 standard deviations
    assert np.abs(counts - 200).max() < 4 * np.sqrt(1200 * 5 / 36)


def test_neither_half_alone_tells_the_label(pairs):
    digits = read_digits().digits[pairs.sources]
    for half, digit in enumerate((7, 0)):
        assert 0.35 < pairs.label[digits[:, half] == digit].mean() < 0.65


def test_no_handwritten_digit_is_in_two_splits(pairs):
    used = {split: set(pairs.sources[pairs.split == split].ravel()) for split in set(pairs.split)}
    assert not used["train"] & used["test"] and not used["train"] & used["validation"]
    assert not used["validation"] & used["test"]
    assert used["test"] <= set(pairs.held_out) and not set(pairs.held_out) & used["train"]
    assert set(read_digits().digits[pairs.held_out]) == {7, 4, 0}


def test_images_are_both_digits_beside_each_other(pairs):
    known = read_digits().images
    np.testing.assert_array_equal(pairs.images[5, :, :8], known[pairs.sources[5, 0]])
    np.testing.assert_array_equal(pairs.images[5, :, 8:], known[pairs.sources[5, 1]])
    left, right = half_images(pairs.sources[:9, 0], "left"), half_images(pairs.sources[:9, 1], "right")
    np.testing.assert_array_equal(left + right, side_by_side(pairs.sources[:9]))
    assert not left[:, :, 8:].any() and not right[:, :, :8].any()


def test_seeds_decide(pairs):
    again = digit_pairs([7, 4, 0], [7, 0], sizes=(900, 100, 200), seed=3)
    other = digit_pairs([7, 4, 0], [7, 0], sizes=(900, 100, 200), seed=4)
    assert np.array_equal(pairs.images, again.images) and not np.array_equal(pairs.sources, other.sources)


@pytest.mark.parametrize(
    ("digits", "positive", "message"),
    [
        ([7, 7, 0], [7, 0], "digits: got .* two or more different digits"),
        ([7, 12], [7, 12], "digits: got"),
        ([7, 4, 0], [7, 5], "positive: got .* out of"),
        ([7, 4, 0], [7, 7], "positive: got"),
    ],
)
def test_bad_digits(digits, positive, message):
    with pytest.raises(SeqauditError, match=message):
        digit_pairs(digits, positive, sizes=(10, 10, 10), seed=0)


def test_bad_half():
    with pytest.raises(SeqauditError, match="half: got 'top'"):
        half_images(np.arange(2), "top")

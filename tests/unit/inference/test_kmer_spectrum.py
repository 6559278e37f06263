"""The score of words: a worked example by hand, and a literal loop."""

import numpy as np
import pytest

from seqaudit.data.sequences import letter_codes
from seqaudit.errors import SeqauditError
from seqaudit.inference.kmer_spectrum import divergence, important_words


def worked_example():
    codes = letter_codes(["ACGTGATAAGCTTACGGATC", "TTGATAAGACGTACCATGCA"])
    maps = np.zeros((2, 4, 20))
    for row, start in enumerate((4, 2)):
        for j in range(6):
            maps[row, codes[row, start + j], start + j] = 1 + 0.1 * j
    maps[:, 0] += 0.001 * np.arange(20)
    maps[:, 1] -= 0.001 * np.arange(20)
    return maps, codes


def test_worked_example():
    # blocks GATAAGCT and GATAAGAC: four words twice of 12, four once; prior 1/12, 1/18 (3 times), 1/36 (4)
    maps, codes = worked_example()
    words = important_words(maps, codes, k=3, quantile=0.7)
    assert len(words.codes) == 12
    assert words.divergence() == pytest.approx((1 / 2 + 1 / 3) * np.log(3) + np.log(2) / 6, abs=1e-12)
    assert words.divergence() == pytest.approx(1.031035, abs=1e-6)
    gat = 2 * 16 + 0 * 4 + 3
    assert words.prior[gat] == pytest.approx(3 / 36)
    assert words.prior.sum() == pytest.approx(1)


def words_by_loop(maps, codes, k, quantile, extension):
    found = []
    for row, (one_map, letters) in enumerate(zip(maps, codes)):
        norm = [np.sqrt(sum(value**2 for value in column)) for column in one_map.T]
        passing = [position for position, r in enumerate(norm) if r > np.quantile(norm, quantile)]
        runs = []
        for position in passing:
            if runs and position == runs[-1][1] + 1:
                runs[-1][1] = position
            else:
                runs.append([position, position])
        runs = [[start, min(end + extension, len(letters) - 1)] for start, end in runs]
        blocks = []
        for start, end in runs:
            if blocks and start <= blocks[-1][1]:
                blocks[-1][1] = max(end, blocks[-1][1])
            else:
                blocks.append([start, end])
        for start, end in blocks:
            for first in range(start, end - k + 2):
                word = letters[first : first + k]
                if 4 not in word:
                    found.append((row, int("".join(map(str, word)), 4)))
    return found


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("k, quantile, extension", [(1, 0.6, 0), (2, 0.5, 1), (3, 0.8, 2), (6, 0.4, 3)])
def test_words_equal_a_literal_loop(seed, k, quantile, extension):
    rng = np.random.default_rng(seed)
    codes = rng.choice(5, size=(7, 23), p=[0.24, 0.24, 0.24, 0.24, 0.04]).astype(np.uint8)
    maps = rng.normal(size=(7, 4, 23)).round(1)  # rounded, for ties
    maps[3] = 0
    words = important_words(maps, codes, k=k, quantile=quantile, extension=extension)
    assert list(zip(words.rows, words.codes)) == words_by_loop(maps, codes, k, quantile, extension)


def test_no_block_runs_into_the_next_sequence():
    maps, codes = np.zeros((2, 4, 10)), np.zeros((2, 10), dtype=np.uint8)
    maps[0, 0, 8:] = 1
    maps[1, 0, :2] = 1
    words = important_words(maps, codes, k=3, quantile=0.7, extension=2)
    assert words.rows.tolist() == [1, 1]  # positions 8, 9 are cut at the end; 0 to 3 hold two words


def test_weights_repeat_sequences():
    maps, codes = worked_example()
    words = important_words(maps, codes, k=3, quantile=0.7)
    twice = important_words(maps[[0, 0, 1]], codes[[0, 0, 1]], k=3, quantile=0.7)
    counts = np.bincount(twice.codes, minlength=64)
    assert words.divergence(np.array([2, 1])) == pytest.approx(float(divergence(counts, words.prior)))


def test_the_null_is_the_mean_divergence_of_as_many_random_words():
    maps, codes = worked_example()
    words = important_words(maps, codes, k=1, quantile=0.7)
    rng = np.random.default_rng(0)
    drawn = rng.choice(4, size=(20_000, len(words.codes)), p=words.prior)
    by_hand = np.mean([divergence(np.bincount(row, minlength=4), words.prior) for row in drawn[:5000]])
    assert words.null(draws=20_000, seed=1) == pytest.approx(by_hand, abs=0.003)


def test_nothing_counted_is_nan():
    words = important_words(np.zeros((2, 4, 10)), np.zeros((2, 10), dtype=np.uint8), k=2)
    assert words.codes.size == 0
    assert np.isnan(words.divergence())


@pytest.mark.parametrize(
    "options, text",
    [
        ({"k": 0}, "k: got 0"),
        ({"k": 9}, "1 to 8"),
        ({"quantile": 1.0}, "quantile 1.0"),
        ({"extension": -1}, "-1"),
    ],
)
def test_options_out_of_range(options, text):
    maps, codes = worked_example()
    with pytest.raises(SeqauditError, match=text):
        important_words(maps, codes, **options)


def test_sequences_without_words_are_refused():
    with pytest.raises(SeqauditError, match="no word of 4 letters"):
        important_words(np.zeros((2, 4, 10)), np.full((2, 10), 4, dtype=np.uint8))

"""True attributions against the count law itself, mutant by mutant, and against published levels."""

import numpy as np
import pytest
import torch
from attribution_world import MOTIFS, both_motif_sequences, law

from seqaudit.data.motifs import Motif
from seqaudit.data.sequences import letter_codes, one_hot
from seqaudit.errors import SeqauditError
from seqaudit.inference.consistency import score_consistency
from seqaudit.simulate.attribution_truth import (
    occupancy_log_odds,
    site_masks,
    true_gradient,
    true_mutagenesis,
)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("effect", ["additive", "super_additive"])
def test_mutagenesis_is_the_law_at_every_mutant(effect, padding):
    count_law = law(effect, padding)
    sequences = both_motif_sequences()["sequence"].head(2)
    codes = letter_codes(sequences)
    found = true_mutagenesis(count_law, sequences)
    anscombe = true_mutagenesis(count_law, sequences, transform="anscombe")
    for row in range(2):
        mutants = np.repeat(codes[row : row + 1], 400, axis=0)
        position, base = np.divmod(np.arange(400), 4)
        mutants[np.arange(400), position] = base
        expected = count_law.expected_counts(mutants)
        before = count_law.expected_counts(codes[row : row + 1])
        assert found[row, base, position] == pytest.approx(expected - before, abs=1e-9)
        difference = 2 * np.sqrt(expected + 3 / 8) - 2 * np.sqrt(before + 3 / 8)
        assert anscombe[row, base, position] == pytest.approx(difference, abs=1e-10)
    here = one_hot(sequences).astype(bool)
    assert (found[here] == 0).all()


class LawInTorch(torch.nn.Module):
    """The count law on a relaxed one-hot sequence, in double precision."""

    def __init__(self, count_law):
        super().__init__()
        self.law = count_law
        self.kernels = [torch.from_numpy(matrix.T[None].copy()) for matrix in count_law.matrices]

    def forward(self, relaxed):
        bound = sum(
            torch.sigmoid(torch.nn.functional.conv1d(relaxed, kernel)).sum((1, 2)) for kernel in self.kernels
        )
        return self.law.scale * bound**self.law.exponent


@pytest.mark.parametrize("effect", ["additive", "super_additive"])
def test_gradient_equals_automatic_differentiation(effect):
    count_law = law(effect)
    sequences = both_motif_sequences()["sequence"].head(20)
    relaxed = torch.from_numpy(one_hot(sequences)).double().requires_grad_()
    predicted = LawInTorch(count_law)(relaxed)
    assert predicted.detach().numpy() == pytest.approx(count_law.expected_counts(sequences), abs=1e-9)
    (gradient,) = torch.autograd.grad(predicted.sum(), relaxed)
    assert np.abs(true_gradient(count_law, sequences) - gradient.numpy()).max() < 1e-10


def test_log_odds_are_laid_over_windows_by_hand():
    count_law = law()
    sequence = both_motif_sequences()["sequence"].iloc[0]
    by_hand = np.zeros((4, 100))
    for matrix in count_law.matrices:
        for start in range(100 - len(matrix) + 1):
            score = sum(matrix[j, "ACGT".index(sequence[start + j])] for j in range(len(matrix)))
            by_hand[:, start : start + len(matrix)] += matrix.T / (1 + np.exp(-score))
    assert np.abs(occupancy_log_odds(count_law, [sequence])[0] - by_hand).max() < 1e-9


def test_consistency_of_gradients_cannot_see_how_motifs_act_together():
    # d h(q) = h'(q) dq: one number per sequence, which the score divides out
    table = both_motif_sequences().head(300)
    encoded = one_hot(table["sequence"])
    scores = [
        score_consistency(true_gradient(law(effect), table["sequence"]), encoded, resamples=0)
        for effect in ("additive", "super_additive")
    ]
    assert scores[0].geometry_raw == pytest.approx(scores[1].geometry_raw, abs=1e-9)
    assert scores[0].spectrum_raw == pytest.approx(scores[1].spectrum_raw, abs=1e-9)


@pytest.mark.parametrize(
    "make, level",
    [
        (lambda s: true_mutagenesis(law(), s), 1.049),
        (lambda s: true_mutagenesis(law("super_additive"), s), 1.112),
        (lambda s: true_mutagenesis(law(), s, transform="anscombe"), 1.000),
        (lambda s: true_gradient(law(), s), 2.574),
    ],
)
def test_levels_of_true_maps(make, level):
    # measured on the published test sequences; ours are others from the same distribution
    table = both_motif_sequences().head(1000)
    found = score_consistency(
        make(table["sequence"]), one_hot(table["sequence"]), wrap=True, resamples=0, null_draws=1
    )
    assert found.geometry_raw == pytest.approx(level, abs=0.06)


def test_masks_are_informative_positions_and_everything_outside_sites():
    motif = Motif("half", [[1, 0, 0, 0], [0.25, 0.25, 0.25, 0.25], [0, 1, 0, 0]])
    other = Motif("whole", [[0, 0, 1, 0], [0, 0, 0, 1]])
    masks = site_masks(
        law(), ["AACATGTATA"], ["pos-1_half-ACA,pos-4_whole-TG"], [motif, other], min_information=0.1
    )
    assert masks.signal[0].nonzero()[0].tolist() == [1, 3, 4, 5]
    assert masks.background[0].nonzero()[0].tolist() == [0, 6, 7, 8, 9]


def test_background_under_chance_sites_can_be_left_unjudged():
    table = both_motif_sequences().head(200)
    options = (law(), table["sequence"], table["embeddings"], MOTIFS)
    strict, plain = site_masks(*options, max_occupancy=0.05), site_masks(*options)
    assert np.array_equal(strict.signal, plain.signal)
    assert not (strict.background & ~plain.background).any()
    assert 0.03 < plain.background.mean() - strict.background.mean() < 0.15
    # what a leftover background position cannot do: change the law when its window is broken
    left_out = plain.background & ~strict.background
    effect = np.abs(true_mutagenesis(law(), table["sequence"])).max(axis=1)
    assert effect[left_out].mean() > 5 * effect[strict.background].mean()


def test_bad_masks_are_refused():
    table = both_motif_sequences().head(3)
    with pytest.raises(SeqauditError, match="got 2, expected one for each of 3"):
        site_masks(law(), table["sequence"], table["embeddings"].head(2), MOTIFS)
    with pytest.raises(SeqauditError, match="no motif"):
        site_masks(law(), table["sequence"], table["embeddings"], [Motif("x", np.full((3, 4), 0.25))])

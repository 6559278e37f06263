"""Predictions: what the model says, whatever the batch, and the model is as it was."""

import numpy as np
import pytest
import torch
from torch import nn

from seqaudit.errors import SeqauditError
from seqaudit.models.cnn import build_cnn
from seqaudit.models.device import choose_device
from seqaudit.models.predict import predict


class LetterWeights(nn.Module):
    """Sum of one weight per letter and position: its predictions are plain arithmetic."""

    def __init__(self, weights):
        super().__init__()
        self.weights = nn.Parameter(torch.tensor(weights, dtype=torch.float32))
        self.dropout = nn.Dropout(0.5)

    def forward(self, one_hot):
        return self.dropout(torch.einsum("ncl,clo->no", one_hot, self.weights))


@pytest.fixture
def one_hot():
    letters = np.random.default_rng(1).integers(5, size=(23, 30))
    return np.eye(5, 4, dtype=np.int8)[letters].transpose(0, 2, 1)


def test_additive_model_by_arithmetic(one_hot):
    weights = np.random.default_rng(2).normal(size=(4, 30, 2))
    got = predict(LetterWeights(weights), one_hot, batch_size=7)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, np.einsum("ncl,clo->no", one_hot, weights), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.int8, np.float32, np.float64])
def test_batch_size_and_input_type_do_not_matter(one_hot, dtype):
    model = build_cnn("arch1", padding="valid", length=30, outputs=3, seed=1)
    reference = predict(model, one_hot, batch_size=100)
    assert reference.shape == (23, 3)
    for batch_size in (1, 5, 23):
        got = predict(model, one_hot.astype(dtype), batch_size=batch_size)
        np.testing.assert_allclose(got, reference, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(predict(model, torch.from_numpy(one_hot.copy())), reference)


def test_model_is_given_back_as_it_was(one_hot):
    model = LetterWeights(np.zeros((4, 30, 1)))
    model.train()
    model.dropout.eval()
    predict(model, one_hot)
    assert (model.training, model.dropout.training) == (True, False)
    assert model.weights.grad is None

    class Broken(LetterWeights):
        def forward(self, one_hot):
            raise RuntimeError("boom")

    model = Broken(np.zeros((4, 30, 1)))
    with pytest.raises(RuntimeError, match="boom"):
        predict(model, one_hot)
    assert model.training
    assert model.dropout.training


def test_predictions_that_are_not_finite_are_refused(one_hot):
    weights = np.zeros((4, 30, 1))
    weights[2, 5] = 1e38
    one_hot = one_hot.astype(np.float32) * np.where(np.arange(23) < 20, 1, 1e3)[:, None, None]
    one_hot[20:, 2, 5] = 1e3
    with pytest.raises(SeqauditError, match=r"predicted \[inf\] for sequence 20 \(3 such sequences\)"):
        predict(LetterWeights(weights), one_hot)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((3, 30, 4), r"one_hot: got shape \(3, 30, 4\), expected \(n, 4, length\)"),
        ((4, 30), r"one_hot: got shape \(4, 30\)"),
        ((3, 4, 31), "one_hot: sequences have 31 bp, but the model was built for 30 bp"),
    ],
)
def test_bad_input_is_refused(shape, message):
    model = build_cnn("arch1", padding="valid", length=30, seed=1)
    with pytest.raises(SeqauditError, match=message):
        predict(model, np.zeros(shape, dtype=np.int8))


def test_no_sequences_give_no_predictions():
    model = build_cnn("arch1", padding="valid", length=30, outputs=2, seed=1)
    assert predict(model, np.zeros((0, 4, 30), dtype=np.int8)).shape == (0, 2)


def test_bad_options_are_refused(one_hot):
    model = build_cnn("arch1", padding="valid", length=30, seed=1)
    with pytest.raises(SeqauditError, match="batch_size: got 0"):
        predict(model, one_hot, batch_size=0)
    with pytest.raises(SeqauditError, match="device 'abacus' is unknown"):
        predict(model, one_hot, device="abacus")
    with pytest.raises(SeqauditError, match="model: returned shape"):
        predict(nn.Flatten(0), one_hot)


def test_devices():
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert choose_device("auto").type == expected
    assert choose_device("cpu").type == "cpu"
    if not torch.cuda.is_available():
        with pytest.raises(SeqauditError, match="torch sees no CUDA device"):
            choose_device("cuda")

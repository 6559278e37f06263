"""Memory that does not suffice, on a GPU or on the host."""

import logging

import numpy as np
import pytest
import torch
from torch import nn

from seqaudit.errors import SeqauditError
from seqaudit.models.cnn import build_cnn
from seqaudit.models.predict import predict
from seqaudit.probes.mutagenesis import saturation_mutagenesis
from seqaudit.training.loop import fit

# how torch and numpy say it
GPU = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
HOST = RuntimeError("[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory")
NUMPY = MemoryError("Unable to allocate 8.00 GiB")


class Greedy(nn.Module):
    """A network that needs more memory than there is for more than ``fits`` sequences at once."""

    def __init__(self, error: BaseException, fits: int):
        super().__init__()
        self.linear = nn.Linear(4 * 12, 1)
        self.error, self.fits, self.asked = error, fits, []

    def forward(self, x):
        self.asked.append(len(x))
        if len(x) > self.fits:
            raise self.error
        return self.linear(x.flatten(1))


@pytest.fixture
def one_hot():
    letters = np.random.default_rng(1).integers(4, size=(100, 12))
    return np.eye(4, dtype=np.int8)[letters].transpose(0, 2, 1)


@pytest.mark.parametrize("error", [GPU, HOST, NUMPY], ids=["gpu", "host", "numpy"])
def test_predictions_are_made_in_smaller_batches_and_the_log_says_so(one_hot, error, caplog):
    model = Greedy(error, fits=9)
    with caplog.at_level(logging.WARNING):
        got = predict(model, one_hot, batch_size=64)
    expected = model.linear(torch.tensor(one_hot).float().flatten(1)).detach().numpy()
    np.testing.assert_allclose(got, expected, rtol=1e-6)
    assert max(model.asked) == 64 and model.asked[3] == 8 and sum(n for n in model.asked if n <= 9) == 100
    said = [record.message for record in caplog.records]
    assert len(said) == 3 and "going on with batches of 32 instead of 64" in said[0]
    assert str(error).splitlines()[0] in said[0]


def test_mutants_are_asked_in_smaller_batches(one_hot, caplog):
    model = Greedy(GPU, fits=50)
    got = saturation_mutagenesis(model, one_hot[:6], batch_size=200, method="naive")
    plenty = saturation_mutagenesis(Greedy(GPU, fits=10**6), one_hot[:6], batch_size=200, method="naive")
    assert got.effects.shape == plenty.effects.shape and "batches of 100 instead of 200" in caplog.text


def test_one_sequence_too_many_is_said(one_hot):
    with pytest.raises(SeqauditError, match=r"out of memory with a single sequence \(CUDA out of memory"):
        predict(Greedy(GPU, fits=0), one_hot)


def test_other_errors_are_not_mistaken_for_it(one_hot):
    model = Greedy(RuntimeError("mat1 and mat2 shapes cannot be multiplied"), fits=0)
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        predict(model, one_hot, batch_size=64)
    assert model.asked == [64]


@pytest.mark.parametrize("error", [GPU, HOST], ids=["gpu", "host"])
def test_training_stops_and_says_what_helps(one_hot, error, monkeypatch):
    def fail(*_):
        raise error

    monkeypatch.setattr("seqaudit.training.cpu_steps.CpuSteps.step", fail)
    model = build_cnn({"convolutions": [{"filters": 2, "width": 3}]}, padding="same", length=12, seed=1)
    target = np.zeros(100)
    with pytest.raises(
        SeqauditError, match=r"ran out of memory .* Free the device, set training.device to cpu"
    ):
        fit(model, one_hot, target, one_hot, target, seed=1, device="cpu")

"""Learning rates over a training, and fixed batches."""

from itertools import chain

import numpy as np
import pytest
import torch

from seqaudit.errors import SeqauditError
from seqaudit.models.cnn import build_cnn
from seqaudit.training.cpu_steps import CpuSteps
from seqaudit.training.loop import fit
from seqaudit.training.schedules import SCHEDULES, rate_factor

LENGTH = 12


def fitted(**options):
    rng = np.random.default_rng(1)
    one_hot = np.eye(4, dtype=np.int8)[rng.integers(4, size=(50, LENGTH))].transpose(0, 2, 1).copy()
    target = np.arange(50.0)
    model = build_cnn({"convolutions": [{"filters": 4, "width": 3}]}, padding="same", length=LENGTH, seed=1)
    data = one_hot[:40], target[:40], one_hot[40:], target[40:]
    return fit(model, *data, seed=2, batch_size=10, **{"max_epochs": 5, **options})


@pytest.fixture
def seen(monkeypatch):
    """Learning rate and targets of every step."""
    steps, step = [], CpuSteps.step

    def spy(self, one_hot, target):
        steps.append((self.learning_rate, target[:, 0].tolist()))
        return step(self, one_hot, target)

    monkeypatch.setattr(CpuSteps, "step", spy)
    return steps


def test_a_trapezoid_rises_stays_and_falls():
    factors = [rate_factor("trapezoid", progress) for progress in (0, 0.1, 0.5, 0.8, 1)]
    assert factors == pytest.approx([0, 1, 1, 1, 0])
    assert rate_factor("trapezoid", 0.05) == pytest.approx(0.5)
    assert rate_factor("trapezoid", 0.9) == pytest.approx(0.5)
    assert {rate_factor("constant", progress) for progress in (0, 0.05, 0.99, 1)} == {1.0}


def test_rates_follow_the_steps_of_the_longest_training(seen):
    fitted(learning_rate=0.01, schedule="trapezoid")
    rates = [rate for rate, _ in seen]
    # 20 steps, each at the middle of its twentieth: 10 % up are 2 steps, 20 % down are 4
    expected = [0.0025, 0.0075, *[0.01] * 14, 0.00875, 0.00625, 0.00375, 0.00125]
    assert rates == pytest.approx(expected, rel=1e-12)


def test_a_constant_rate_is_the_default(seen):
    fitted(learning_rate=0.003)
    assert [rate for rate, _ in seen] == [0.003] * 20


def test_a_killed_training_continues_on_its_schedule(tmp_path):
    class Killed(Exception):
        pass

    def kill(row):
        if row["epoch"] == 3:
            raise Killed

    options = {"schedule": "trapezoid", "learning_rate": 0.01}
    whole = fitted(**options)
    with pytest.raises(Killed):
        fitted(**options, checkpoint=tmp_path, checkpoint_seconds=0, on_epoch=kill)
    resumed = fitted(**options, checkpoint=tmp_path, checkpoint_seconds=0)
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[name], tensor), name


def test_epochs_have_the_batches_of_the_first_without_shuffling(seen):
    fitted(shuffle=False)
    batches = [targets for _, targets in seen]
    assert batches[4:] == batches[:4] * 4
    assert sorted(chain(*batches[:4])) == list(range(40))
    first = batches[:4]
    seen.clear()
    fitted()
    shuffled = [targets for _, targets in seen]
    assert shuffled[:4] == first, "the first epoch is the same"
    assert shuffled[4:8] != first
    assert sorted(chain(*shuffled[4:8])) == list(range(40))


def test_unknown_schedules_are_refused():
    with pytest.raises(SeqauditError, match=f"schedule 'cosine' is unknown, .*{', '.join(SCHEDULES)}"):
        fitted(schedule="cosine")

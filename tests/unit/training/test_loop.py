"""Whole trainings: early stopping, best weights, resuming, repeatability, errors."""

import logging

import numpy as np
import pytest
import torch

from seqaudit.data.schemas import SCHEMAS
from seqaudit.errors import SeqauditError
from seqaudit.models.cnn import build_cnn
from seqaudit.models.predict import predict
from seqaudit.training.loop import fit
from seqaudit.training.progress import FILE, remove_progress

LENGTH = 30
ARCHITECTURE = {
    "convolutions": [
        {"filters": 15, "width": 5, "dropout": 0.1},
        {"filters": 6, "width": 3, "batch_norm": True},
    ],
    "dense": [8],
}


def sequences(n, seed=1):
    letters = np.random.default_rng(seed).integers(4, size=(n, LENGTH))
    return np.eye(4, dtype=np.int8)[letters].transpose(0, 2, 1).copy()


def split(n_train=120, n_validation=60, outputs=None, seed=1):
    """Targets are noise around a weak signal, so that trainings overfit soon."""
    one_hot = sequences(n_train + n_validation, seed)
    generator = np.random.default_rng(seed + 1)
    target = one_hot[:, 0].mean(axis=1) * 3 + generator.normal(size=len(one_hot))
    if outputs:
        target = target[:, None] * np.arange(1, outputs + 1)
    return one_hot[:n_train], target[:n_train], one_hot[n_train:], target[n_train:]


def made(architecture=ARCHITECTURE, seed=1, outputs=1):
    return build_cnn(architecture, padding="same", length=LENGTH, outputs=outputs, seed=seed)


SETTINGS = {"seed": 5, "l1": 1e-3, "batch_size": 25, "max_epochs": 12, "patience": 50}


def assert_same_weights(left, right):
    other = right.state_dict()
    for name, tensor in left.state_dict().items():
        assert torch.equal(tensor, other[name]), name


def test_learns_to_count_letters():
    one_hot = sequences(1200)
    target = one_hot[:, 2].sum(axis=1) + 10.0
    model = build_cnn(
        {"convolutions": [{"filters": 8, "width": 3}], "dense": [8]}, padding="valid", length=LENGTH, seed=1
    )
    data = one_hot[:900], target[:900], one_hot[900:], target[900:]
    result = fit(model, *data, seed=1, batch_size=50, max_epochs=30, learning_rate=1e-2)
    assert result.record["validation_mse"] < 0.1 * target.var()
    predicted = predict(result.model, one_hot[900:])[:, 0]
    assert np.corrcoef(predicted, target[900:])[0, 1] > 0.95


def test_history_record_and_best_weights():
    data = split(outputs=2)
    result = fit(made(outputs=2), *data, seed=3, l1=1e-3, batch_size=25, learning_rate=1e-2, patience=4)
    history, record = result.history, result.record
    assert list(history) == [c.name for c in SCHEMAS["training_history"].columns if c.name != "model_id"]
    assert list(history["epoch"]) == list(range(1, len(history) + 1))
    assert record["epochs"] == len(history) == record["best_epoch"] + 4
    assert record["stopped"] == "patience"
    assert record["best_epoch"] == history["validation_loss"].idxmin() + 1
    running = history["validation_loss"].cummin()
    assert list(history["best"]) == list(running < running.shift(fill_value=np.inf))

    # the weights returned are those of the best epoch, and the loss watched includes their penalty
    mse = np.square(predict(result.model, data[2]) - data[3]).mean()
    penalty = 1e-3 * sum(float(kernel.detach().abs().sum()) for kernel in result.model.penalised_kernels())
    assert record["validation_mse"] == pytest.approx(mse, rel=1e-4)
    assert record["validation_loss"] == pytest.approx(mse + penalty, rel=1e-4)
    assert not result.model.training


def test_the_penalty_decides_when_the_best_epoch_is():
    # the error on validation can only grow (targets are the model's own predictions), but a
    # large penalty makes later epochs better
    one_hot = sequences(100)
    start = made({"convolutions": [{"filters": 4, "width": 3}]})
    target = predict(start, one_hot)
    result = fit(
        start,
        one_hot[:60],
        target[:60],
        one_hot[60:],
        target[60:],
        seed=1,
        l1=1.0,
        batch_size=20,
        max_epochs=5,
    )
    assert result.history["validation_mse"].is_monotonic_increasing
    assert result.record["best_epoch"] == 5


def test_first_epoch_loss_is_the_mean_over_batches_with_penalty():
    data = split(n_train=50)
    model = made({"convolutions": [{"filters": 4, "width": 3}]})
    mse = np.square(predict(model, data[0])[:, 0] - data[1]).mean()
    penalty = 0.01 * sum(float(kernel.detach().abs().sum()) for kernel in model.penalised_kernels())
    # a step so small that the weights stand still, and a last batch of 2
    result = fit(model, *data, seed=1, l1=0.01, batch_size=16, learning_rate=1e-12, max_epochs=1)
    assert result.history["train_loss"][0] == pytest.approx(mse + penalty, rel=1e-5)


def test_the_other_strand_is_shown_in_a_random_half_of_the_cases():
    ours = np.zeros((200, 4, LENGTH), dtype=np.int8)
    ours[:, 0] = 1  # AAA..., whose reverse complement is TTT...
    model = made({"convolutions": [{"filters": 4, "width": 3}]})
    on_a, on_t = predict(model, np.stack([ours[0], ours[0, ::-1, ::-1]]))[:, 0].astype(float)
    target = np.full(200, on_a)  # so that only the other strand costs anything
    result = fit(
        model, ours, target, ours, target, seed=1, learning_rate=1e-12, max_epochs=6, reverse_complement=True
    )
    share = result.history["train_loss"] / (on_t - on_a) ** 2
    assert share.between(0.35, 0.65).all()
    assert share.nunique() > 1
    assert np.allclose(result.history["validation_loss"], 0, atol=1e-6)


def test_palindromes_do_not_notice_the_other_strand():
    one_hot, target, *validation = split()
    half = one_hot[:, :, : LENGTH // 2]
    palindromes = np.concatenate([half, half[:, ::-1, ::-1]], axis=2)
    plain, both = (
        fit(made(), palindromes, target, *validation, **SETTINGS, reverse_complement=flag)
        for flag in (False, True)
    )
    assert_same_weights(plain.model, both.model)


def test_same_seed_same_bits_other_seed_other_order():
    data = split()
    first, again = (fit(made(), *data, **SETTINGS) for _ in range(2))
    assert_same_weights(first.model, again.model)
    other = fit(made(), *data, **{**SETTINGS, "seed": 6})
    assert not torch.equal(first.model.output.weight, other.model.output.weight)
    columns = ["train_loss", "validation_loss", "validation_mse"]
    assert first.history[columns].equals(again.history[columns])
    assert not first.history[columns].equals(other.history[columns])


def test_training_leaves_global_state_alone():
    torch.manual_seed(0)
    expected, threads = torch.rand(3), torch.get_num_threads()
    torch.manual_seed(0)
    fit(made(), *split(), **{**SETTINGS, "max_epochs": 1, "threads": threads + 1})
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads


class Killed(Exception):
    pass


def kill_after(epoch):
    def on_epoch(row):
        if row["epoch"] == epoch:
            raise Killed

    return on_epoch


@pytest.mark.parametrize("architecture", ["arch3", ARCHITECTURE], ids=["arch3", "dropout and norm"])
def test_a_killed_training_continues_to_the_same_bits(tmp_path, architecture, caplog):
    data = split()
    uninterrupted = fit(made(architecture), *data, **SETTINGS)
    folder = {"checkpoint": tmp_path, "checkpoint_seconds": 0}
    for epoch in (4, 9):
        with pytest.raises(Killed):
            fit(made(architecture), *data, **SETTINGS, **folder, on_epoch=kill_after(epoch))
    seen = []
    with caplog.at_level(logging.INFO):
        resumed = fit(made(architecture), *data, **SETTINGS, **folder, on_epoch=seen.append)
    # the state is written after the callback, so the epoch that was killed runs again
    assert [row["epoch"] for row in seen] == [9, 10, 11, 12]
    assert "continuing after epoch 8" in caplog.text
    assert_same_weights(uninterrupted.model, resumed.model)
    without_time = [c for c in resumed.history if c != "seconds"]
    assert resumed.history[without_time].equals(uninterrupted.history[without_time])

    finished = fit(made(architecture), *data, **SETTINGS, **folder, on_epoch=kill_after(1))
    assert_same_weights(uninterrupted.model, finished.model)
    remove_progress(tmp_path)
    assert not list(tmp_path.iterdir())


def test_state_of_another_training_is_ignored(tmp_path, caplog):
    data = split()
    settings = {**SETTINGS, "max_epochs": 2}
    fit(made(), *data, **settings, checkpoint=tmp_path)
    others = [
        (made(), data, {**settings, "l1": 0.0}),
        (made(), split(seed=2), settings),
        (made(seed=2), data, settings),
    ]
    for model, its_data, its_settings in others:
        caplog.clear()
        with caplog.at_level(logging.INFO):
            got = fit(model, *its_data, **its_settings, checkpoint=tmp_path)
        assert "belongs to other settings or data; training starts anew" in caplog.text
        assert got.record["epochs"] == 2


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty"])
def test_damaged_state_is_ignored(tmp_path, caplog, damage):
    data = split()
    settings = {**SETTINGS, "max_epochs": 2}
    expected = fit(made(), *data, **settings, checkpoint=tmp_path)
    path = tmp_path / FILE
    whole = bytearray(path.read_bytes())
    if damage == "flipped":
        whole[-5] ^= 16
    path.write_bytes({"truncated": whole[:-7], "flipped": whole, "empty": b""}[damage])
    got = fit(made(), *data, **settings, checkpoint=tmp_path)
    assert "is damaged" in caplog.text
    assert_same_weights(got.model, expected.model)


def test_log_lines_come_in_blocks(caplog):
    with caplog.at_level(logging.INFO):
        fit(made(), *split(), **{**SETTINGS, "max_epochs": 25})
    messages = [record.message for record in caplog.records]
    assert [message.split(":")[0] for message in messages] == [
        "epoch 10",
        "epoch 20",
        "stopped after 25 epochs (max_epochs)",
    ]


def with_value(array, value):
    array = array.copy()
    array[3] = value
    return array


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda x, y, v, w: (x, with_value(y, np.nan), v, w),
            r"target_train: row 3 is \[nan\] \(1 such rows\)",
        ),
        (lambda x, y, v, w: (x, y, v, with_value(w, np.inf)), r"target_validation: row 3 is \[inf\]"),
        (
            lambda x, y, v, w: (x.astype(float), y, v, w),
            r"one_hot_train: got torch.float64 .* expected torch.int8",
        ),
        (
            lambda x, y, v, w: (x[:, :, 1:], y, v, w),
            r"one_hot_train: .*\(120, 4, 29\), expected .*\(n, 4, 30\)",
        ),
        (lambda x, y, v, w: (x, y[1:], v, w), r"target_train: got shape \(119, 1\), expected \(120, 1\)"),
        (lambda x, y, v, w: (x, y, v[:0], w[:0]), r"one_hot_validation: .* with n >= 1"),
        (lambda x, y, v, w: (x, y, v, w[:, None].repeat(2, 1)), r"target_validation: got shape \(60, 2\)"),
    ],
)
def test_bad_data_are_refused(change, message):
    with pytest.raises(SeqauditError, match=message):
        fit(made(), *change(*split()), **SETTINGS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"l1": -1}, "l1: got -1.0, expected at least 0"),
        ({"l1": float("nan")}, "l1: got nan"),
        ({"seed": -1}, "seed: got -1"),
        ({"batch_size": 0}, "batch_size: got 0"),
        ({"max_epochs": 0}, "max_epochs: got 0"),
        ({"patience": 0}, "patience: got 0"),
        ({"learning_rate": 0}, "learning_rate: got 0.0, expected a positive number"),
    ],
)
def test_bad_settings_are_refused(change, message):
    with pytest.raises(SeqauditError, match=message):
        fit(made(), *split(), **{**SETTINGS, **change})


def test_divergence_names_epoch_and_cause():
    architecture = {"convolutions": [{"filters": 4, "width": 3, "activation": "exponential"}]}
    with pytest.raises(
        SeqauditError, match=r"training diverged in epoch 1: .* learning_rate=1000 is too high"
    ):
        fit(made(architecture), *split(), seed=1, learning_rate=1e3)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_agrees_with_the_cpu_and_repeats_its_bits():
    data = split()
    settings = {**SETTINGS, "max_epochs": 2}
    architecture = {"convolutions": [{"filters": 6, "width": 5}] * 2, "dense": [8]}
    on_cpu = fit(made(architecture), *data, **settings, device="cpu")
    first, again = (fit(made(architecture), *data, **settings, device="cuda") for _ in range(2))
    assert_same_weights(first.model, again.model)
    assert first.record["validation_loss"] == pytest.approx(on_cpu.record["validation_loss"], rel=1e-3)

"""The fast training step against the plain one: gradients, losses, padding, layers."""

import copy

import numpy as np
import pytest
import torch

from seqaudit.models.cnn import build_cnn
from seqaudit.training.cpu_steps import CpuSteps, _block, _carve, _slots
from seqaudit.training.layers import Dropout
from seqaudit.training.steps import AutogradSteps

LENGTH = 40


def conv(filters, width, **more):
    return {"filters": filters, "width": width, **more}


ARCHITECTURES = {
    "arch1": "arch1",
    "arch3": "arch3",
    "pooled": {
        "convolutions": [
            conv(15, 6, activation="exponential", pool=2),
            conv(20, 4, batch_norm=True),
            conv(30, 3, activation="gelu", pool=2),
        ],
        "pooling": "flatten",
        "dense": [7],
    },
    "smooth": {
        "convolutions": [
            conv(8, 5, activation="softplus"),
            conv(15, 2, activation="tanh"),
            conv(9, 3, activation="sigmoid", batch_norm=True),
        ],
        "pooling": "max",
        "dense": [5],
    },
    "odd": {
        "convolutions": [conv(1, 3), conv(15, 1, pool=2, batch_norm=True), conv(31, 3, dilation=2)],
        "pooling": "flatten",
    },
}


def made(architecture, padding, outputs=2):
    model = build_cnn(ARCHITECTURES[architecture], padding=padding, length=LENGTH, outputs=outputs, seed=1)
    with torch.no_grad():  # zero biases would leave their handling untested
        for index, parameter in enumerate(model.parameters()):
            if parameter.ndim == 1:
                parameter += 0.1 * torch.sin(torch.arange(len(parameter)) + index)
    return model


def made_data(n, outputs=2, seed=1):
    generator = np.random.default_rng(seed)
    letters = generator.integers(5, size=(n, LENGTH))  # the fifth letter is N
    one_hot = np.eye(5, 4, dtype=np.int8)[letters].transpose(0, 2, 1).copy()
    target = generator.normal(size=(n, outputs)).astype(np.float32)
    return torch.from_numpy(one_hot), torch.from_numpy(target)


def naive_gradients(model, one_hot, target, l1):
    """Mean squared error plus penalty, by autograd in float64."""
    model = copy.deepcopy(model).double().train()
    loss = (model(one_hot.double()) - target.double()).square().mean()
    loss = loss + l1 * sum(kernel.abs().sum() for kernel in model.penalised_kernels())
    loss.backward()
    return {name: parameter.grad for name, parameter in model.named_parameters()}


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("l1", [0.0, 1e-2])
def test_gradients_are_those_of_float64(architecture, padding, l1):
    model = made(architecture, padding)
    one_hot, target = made_data(32)
    expected = naive_gradients(model, one_hot, target, l1)
    steps = CpuSteps(copy.deepcopy(model), l1=l1, learning_rate=1e-3)
    prepared = steps.prepare(one_hot)
    squared_error = steps.step(prepared, target)

    # normalisation subtracts large sums from each other and so loses a digit or two
    relative = 2e-4 if any("norm" in name for name in expected) else 3e-6
    slots = _slots(model)
    gradients = _carve(steps._gradient, slots)
    for name, wanted in expected.items():
        got = slots[name][1](gradients[name]).reshape(wanted.shape)
        assert (got - wanted).norm() < relative * wanted.norm() + 1e-6, name
    with torch.no_grad():
        predicted = model.double().train()(one_hot.double())
    assert float(squared_error) == pytest.approx(float((predicted - target).square().sum()), rel=1e-5)


class KerasAdam:
    """Adam as keras.optimizers.Adam 2.3 states it, parameter by parameter."""

    def __init__(self, parameters, *, learning_rate):
        self.parameters, self.learning_rate, self.iterations = parameters, learning_rate, 0
        self.ms = [torch.zeros_like(parameter) for parameter in parameters]
        self.vs = [torch.zeros_like(parameter) for parameter in parameters]

    @torch.no_grad()
    def step(self):
        self.iterations += 1
        t = self.iterations
        lr_t = self.learning_rate * (np.sqrt(1.0 - 0.999**t) / (1.0 - 0.9**t))
        for p, m, v in zip(self.parameters, self.ms, self.vs):
            m[...] = 0.9 * m + (1.0 - 0.9) * p.grad
            v[...] = 0.999 * v + (1.0 - 0.999) * p.grad**2
            p -= lr_t * m / (torch.sqrt(v) + 1e-7)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("architecture", ["arch1", "pooled"])
def test_losses_follow_a_naive_float64_training(architecture, padding):
    model = made(architecture, padding)
    one_hot, target = made_data(60)
    naive = copy.deepcopy(model).double().train()
    adam = KerasAdam(list(naive.parameters()), learning_rate=1e-3)
    plain = AutogradSteps(copy.deepcopy(model), l1=1e-3, learning_rate=1e-3)
    fast = CpuSteps(copy.deepcopy(model), l1=1e-3, learning_rate=1e-3)
    prepared = fast.prepare(one_hot)
    for index in range(40):
        rows = torch.arange(60)[index % 3 * 20 :][: 20 - index % 2 * 7]
        penalty = 1e-3 * sum(kernel.abs().sum() for kernel in naive.penalised_kernels())
        for steps in (plain, fast):
            assert float(steps.penalty()) == pytest.approx(float(penalty.detach()), rel=1e-5)
        squared_error = (naive(one_hot[rows].double()) - target[rows]).square()
        naive.zero_grad()
        (squared_error.mean() + penalty).backward()
        adam.step()
        for steps, data in ((plain, one_hot), (fast, prepared)):
            got = steps.step(data[rows], target[rows])
            assert float(got) == pytest.approx(float(squared_error.sum().detach()), rel=2e-4)
    naive.eval()
    with torch.no_grad():
        wanted = float((naive(one_hot.double()) - target).square().sum())
    assert plain.squared_error(one_hot, target) == pytest.approx(wanted, rel=1e-3)
    assert fast.squared_error(prepared, target) == pytest.approx(wanted, rel=1e-3)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_padded_weights_stay_exactly_zero(architecture):
    steps = CpuSteps(made(architecture, "same"), l1=1e-2, learning_rate=1e-1)
    one_hot, target = made_data(20)
    for _ in range(50):
        steps.step(steps.prepare(one_hot), target)
    padded = steps._flat[steps._mask == 0]
    assert padded.numel() > 0
    assert not padded.any()


def test_weights_survive_the_padded_layout():
    model = made("pooled", "valid")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    steps = CpuSteps(model, l1=0, learning_rate=1e-3)
    for name, tensor in steps.weights().items():
        assert torch.equal(tensor, before[name]), name
    other = build_cnn(ARCHITECTURES["pooled"], padding="valid", length=LENGTH, outputs=2, seed=9).state_dict()
    steps.load_weights(other)
    for name, tensor in steps.weights().items():
        assert torch.equal(tensor, other[name]), name


@pytest.mark.parametrize("n", [1, 13, 64, 97, 134, 200, 500])
def test_batches_of_every_size_split_into_equal_blocks(n):
    block = _block(n)
    assert n % block == 0
    assert 16 <= block <= 64 or block == n
    model = made("pooled", "same")
    one_hot, _ = made_data(n)
    steps = CpuSteps(copy.deepcopy(model), l1=0, learning_rate=1e-3)
    got = steps._predict(steps.prepare(one_hot), training=False)
    with torch.no_grad():
        torch.testing.assert_close(got, model.eval()(one_hot.float()), rtol=1e-4, atol=1e-5)


def test_dropout_keeps_the_mean_and_passes_gradients_where_it_passed_values():
    layer, ones = Dropout(0.3), torch.ones(200, 50)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        result = layer.forward(ones, True)
    kept = result != 0
    torch.testing.assert_close(result, kept / 0.7)
    assert float(kept.float().mean()) == pytest.approx(0.7, abs=0.015)
    torch.testing.assert_close(layer.backward(3 * ones), 3 * result)
    assert layer.forward(ones, False) is ones

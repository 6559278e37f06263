"""Networks from descriptions: published sizes, Keras' initial weights, a naive forward pass."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from seqaudit.errors import SeqauditError
from seqaudit.models.cnn import PUBLISHED_ARCHITECTURES, Cnn, build_cnn, complete_architecture

TINY = {"convolutions": [{"filters": 3, "width": 3}], "dense": [5]}


@pytest.mark.parametrize(("name", "count"), [("arch1", 8606), ("arch2", 7576), ("arch3", 7246)])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_published_architectures_have_the_published_sizes(name, count, padding):
    model = build_cnn(name, padding=padding, length=100, seed=1)
    assert sum(parameter.numel() for parameter in model.parameters()) == count


def naive_forward(model, sequence):
    """One sequence (4, L), position by position in float64: the definition, no torch."""
    weights = {name: tensor.double().numpy() for name, tensor in model.state_dict().items()}
    hidden = sequence.astype(np.float64)
    for index, layer in enumerate(model.architecture["convolutions"]):
        kernel = weights[f"convolutions.{index}.convolution.weight"]
        bias = weights[f"convolutions.{index}.convolution.bias"]
        reach = (layer["width"] - 1) * layer["dilation"]
        if model.padding == "same":
            hidden = np.pad(hidden, ((0, 0), (reach // 2, reach - reach // 2)))
        columns = []
        for start in range(hidden.shape[1] - reach):
            window = hidden[:, start : start + reach + 1 : layer["dilation"]]
            columns.append((kernel * window).sum(axis=(1, 2)) + bias)
        hidden = np.array(columns).T
        activation = {
            "relu": lambda x: np.maximum(x, 0),
            "exponential": np.exp,
            "softplus": lambda x: np.log1p(np.exp(x)),
            "gelu": lambda x: x * stats.norm.cdf(x),
            "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
            "tanh": np.tanh,
        }[layer["activation"]]
        hidden = activation(hidden)
        whole = hidden.shape[1] // layer["pool"] * layer["pool"]
        hidden = hidden[:, :whole].reshape(len(hidden), -1, layer["pool"]).max(axis=2)
    pooled = {"average": hidden.mean(axis=1), "max": hidden.max(axis=1), "flatten": hidden.ravel()}
    hidden = pooled[model.architecture["pooling"]]
    for index in range(len(model.dense)):
        hidden = np.maximum(
            weights[f"dense.{index}.linear.weight"] @ hidden + weights[f"dense.{index}.linear.bias"], 0
        )
    return weights["output.weight"] @ hidden + weights["output.bias"]


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(
    "architecture",
    [
        "arch3",
        {"convolutions": [{"filters": 3, "width": 4, "activation": "exponential", "pool": 2}], "dense": [4]},
        {
            "convolutions": [
                {"filters": 4, "width": 2, "activation": "softplus", "dilation": 3},
                {"filters": 3, "width": 3, "activation": "gelu", "dilation": 2, "pool": 3},
            ],
            "pooling": "flatten",
        },
        {
            "convolutions": [
                {"filters": 4, "width": 3, "activation": "tanh"},
                {"filters": 3, "width": 1, "activation": "sigmoid"},
            ],
            "pooling": "max",
            "dense": [3, 2],
        },
    ],
)
def test_forward_is_the_definition(architecture, padding):
    model = build_cnn(architecture, padding=padding, length=30, outputs=2, seed=4).eval()
    generator = np.random.default_rng(5)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                parameter.copy_(torch.from_numpy(generator.normal(scale=0.1, size=parameter.shape)))
    sequences = np.eye(4)[generator.integers(4, size=(3, 30))].transpose(0, 2, 1)
    with torch.no_grad():
        predicted = model(torch.from_numpy(sequences).float()).numpy()
    expected = [naive_forward(model, sequence) for sequence in sequences]
    np.testing.assert_allclose(predicted, expected, rtol=2e-5, atol=2e-6)


def test_initial_weights_are_those_of_keras():
    wide = {"convolutions": [{"filters": 200, "width": 10}, {"filters": 150, "width": 5}], "dense": [100]}
    model = build_cnn(wide, padding="valid", length=50, outputs=60, seed=7)
    kernels = [
        ("first", model.convolutions[0].convolution.weight, 4 * 10),
        ("second", model.convolutions[1].convolution.weight, 200 * 5),
        ("dense", model.dense[0].linear.weight, 150),
    ]
    for name, kernel, fan_in in kernels:
        values = kernel.detach().double().numpy().ravel()
        wanted_sd = math.sqrt(2 / fan_in)
        scale = wanted_sd / stats.truncnorm.std(-2, 2)
        assert np.abs(values).max() <= 2 * scale * (1 + 1e-6), name
        assert stats.kstest(values / scale, stats.truncnorm(-2, 2).cdf).pvalue > 0.01, name
        assert values.std() == pytest.approx(wanted_sd, rel=4 / math.sqrt(2 * values.size)), name
    limit = math.sqrt(6 / (100 + 60))
    output = model.output.weight.detach().double().numpy().ravel()
    assert stats.kstest(output, stats.uniform(-limit, 2 * limit).cdf).pvalue > 0.01
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            assert not parameter.any(), name


def test_initial_weights_of_torch_are_distributed_as_its_own():
    layers = [{"filters": 60, "width": 10, "batch_norm": True}, {"filters": 50, "width": 5}]
    ours = build_cnn(
        {"convolutions": layers, "dense": [40]},
        padding="valid",
        length=50,
        outputs=30,
        seed=7,
        initial_weights="torch",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        theirs = Cnn(ours.architecture, padding="valid", length=50, outputs=30)
    for (name, parameter), other in zip(ours.named_parameters(), theirs.parameters()):
        ours_here, theirs_here = (p.detach().numpy().ravel() for p in (parameter, other))
        if "norm" in name:
            assert np.array_equal(ours_here, theirs_here), name
        else:
            assert stats.ks_2samp(ours_here, theirs_here).pvalue > 0.01, name


@pytest.mark.parametrize("initial_weights", ["keras", "torch"])
def test_initial_weights_depend_on_seed_only(initial_weights):
    models = [
        build_cnn("arch1", padding=padding, length=length, seed=seed, initial_weights=initial_weights)
        for padding, length, seed in [("valid", 100, 3), ("same", 60, 3), ("valid", 100, 4)]
    ]
    first, same, other = (torch.cat([p.ravel() for p in model.parameters()]) for model in models)
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_building_leaves_torch_alone():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    build_cnn(TINY, padding="valid", length=20, seed=1)
    assert torch.equal(torch.rand(3), expected)


def test_defaults_are_filled_in_and_the_given_stays_as_it_was():
    given = {"convolutions": [{"filters": 3, "width": 5}]}
    complete = complete_architecture(given)
    assert complete == {
        "convolutions": [
            {
                "filters": 3,
                "width": 5,
                "activation": "relu",
                "pool": 1,
                "batch_norm": False,
                "dropout": 0.0,
                "dilation": 1,
            }
        ],
        "pooling": "average",
        "dense": [],
        "dense_dropout": 0.0,
    }
    assert given == {"convolutions": [{"filters": 3, "width": 5}]}
    assert complete_architecture(complete) == complete


def test_sequences_as_long_as_the_receptive_field_are_enough():
    for name, field in [("arch1", 25), ("arch3", 21)]:
        build_cnn(name, padding="valid", length=field, seed=1)
        with pytest.raises(SeqauditError, match=rf"length: .* {field - 1} bp .* at least {field} bp"):
            build_cnn(name, padding="valid", length=field - 1, seed=1)
        build_cnn(name, padding="same", length=1, seed=1)
    pooled = {"convolutions": [{"filters": 2, "width": 3, "pool": 4, "dilation": 2}] * 2}
    # ((1 * 4 + 4) * 4 + 4) positions, computed by hand
    build_cnn(pooled, padding="valid", length=36, seed=1)
    with pytest.raises(SeqauditError, match="at least 36 bp"):
        build_cnn(pooled, padding="valid", length=35, seed=1)


def changed(**changes):
    return {"convolutions": [{"filters": 3, "width": 3, **changes}]}


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        ("arch9", "architecture 'arch9' is unknown.*arch1, arch2, arch3"),
        ({"convolutions": []}, "at least one layer"),
        ({"convolutions": "many"}, "convolutions is 'many'"),
        ({"dense": [3]}, "architecture has no convolutions"),
        ({"convolutions": [{"filters": 3}]}, r"convolutions\[0\] has no width"),
        ({"convolutions": [{"filters": 3, "widht": 3}]}, r"unknown key widht and no width"),
        ({**TINY, "poolin": "max"}, "unknown key poolin"),
        ({**TINY, "pooling": "median"}, "pooling is 'median', expected one of average, max, flatten"),
        ({**TINY, "dense": [3, 0]}, r"dense\[1\] is 0"),
        ({**TINY, "dense": 50}, "dense is 50"),
        ({**TINY, "dense_dropout": 1}, "dense_dropout is 1"),
        (changed(filters=True), r"convolutions\[0\].filters is True"),
        (changed(width=2.5), r"width is 2.5, expected an integer"),
        (changed(pool=0), "pool is 0"),
        (changed(activation="mish"), "activation is 'mish'"),
        (changed(batch_norm="yes"), "batch_norm is 'yes'"),
        (changed(dropout=-0.1), "dropout is -0.1"),
        (3, "architecture is 3, expected a mapping"),
    ],
)
def test_bad_descriptions_are_refused(architecture, message):
    with pytest.raises(SeqauditError, match=message):
        build_cnn(architecture, padding="valid", length=100, seed=1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"padding": "reflect"}, "padding 'reflect' is unknown, expected one of valid, same"),
        ({"length": 0}, "length: got 0"),
        ({"outputs": 0}, "outputs: got 0"),
        ({"length": 10.0}, "length: got 10.0"),
    ],
)
def test_bad_arguments_are_refused(changes, message):
    with pytest.raises(SeqauditError, match=message):
        build_cnn("arch1", **{"padding": "valid", "length": 100, "seed": 1, **changes})


def test_penalised_kernels_are_all_but_output_and_biases():
    model = build_cnn("arch1", padding="valid", length=100, seed=1)
    # 15 filters: 4 * 7, then 15 * 7 inputs three times; dense 15 x 50 and 50 x 50
    assert sum(kernel.numel() for kernel in model.penalised_kernels()) == 15 * 28 + 3 * 15 * 105 + 750 + 2500
    assert set(PUBLISHED_ARCHITECTURES) == {"arch1", "arch2", "arch3", "deepmr", "deepmr_bn"}

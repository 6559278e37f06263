"""Saturation mutagenesis: algebra, local equals naive on trained networks, invariances, errors."""

import copy

import numpy as np
import pytest
import torch
from residual_network import ResidualNetwork
from torch import nn

from seqaudit.errors import SeqauditError
from seqaudit.models.cnn import build_cnn
from seqaudit.models.predict import predict
from seqaudit.models.stages import stages_of
from seqaudit.probes import local_change
from seqaudit.probes.mutagenesis import mutagenesis_chunks, saturation_mutagenesis
from seqaudit.training.loop import fit

LENGTH = 41


def sequences(n, length=LENGTH, seed=1):
    letters = np.random.default_rng(seed).integers(4, size=(n, length))
    return np.eye(4, dtype=np.int8)[letters].transpose(0, 2, 1).copy()


def labels(one_hot, outputs):
    """Standardised numbers of GA and of TC, the latter times the former: learnt in a few epochs."""
    ga = (one_hot[:, 2, :-1] * one_hot[:, 0, 1:]).sum(1)
    tc = (one_hot[:, 3, :-1] * one_hot[:, 1, 1:]).sum(1)
    counts = np.stack([ga, ga * tc], axis=1)[:, :outputs]
    return ((counts - counts.mean(0)) / counts.std(0)).astype(np.float32)


def architecture(pooling, *, pool=(1, 1, 1), dilation=(1, 1, 1), **of_layer):
    layers = [
        {"filters": 6, "width": width, "pool": size, "dilation": distance, **of_layer}
        for width, size, distance in zip((5, 4, 3), pool, dilation)
    ]
    return {"convolutions": layers, "pooling": pooling, "dense": [16]}


def trained(description, padding, outputs=2):
    one_hot = sequences(300)
    target = labels(one_hot, outputs)
    model = build_cnn(description, padding=padding, length=LENGTH, outputs=outputs, seed=1)
    data = one_hot[:250], target[:250], one_hot[250:], target[250:]
    return fit(model, *data, seed=2, batch_size=25, max_epochs=15, learning_rate=4e-3).model


def trained_residual(length, **settings):
    torch.manual_seed(1)
    model = ResidualNetwork(**settings)
    one_hot = sequences(60, length)
    target = torch.from_numpy(labels(one_hot, model.output.out_features))
    optimiser = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(50):
        optimiser.zero_grad()
        (model(torch.from_numpy(one_hot).float()) - target).square().mean().backward()
        optimiser.step()
    return model


def with_gaps(one_hot):
    one_hot = one_hot.copy()
    one_hot[0, :, [0, 9, 10]] = 0
    one_hot[1, :, -1] = 0
    return one_hot


def in_float64(model, one_hot):
    """Effects from full passes of every mutant in float64: an independent, slow definition."""
    model = copy.deepcopy(model).double().eval()
    one_hot = torch.from_numpy(one_hot).double()
    effects = np.full((*one_hot.shape, model(one_hot).shape[1]), np.nan)
    with torch.no_grad():
        reference = model(one_hot)
        for base in range(4):
            for position in range(one_hot.shape[2]):
                mutants = one_hot.clone()
                mutants[:, :, position] = 0
                mutants[:, base, position] = 1
                known = one_hot[:, :, position].sum(1).numpy() > 0
                effects[known, base, position] = (model(mutants) - reference)[known]
    return effects


def assert_local_is_naive(model, one_hot):
    local = saturation_mutagenesis(model, one_hot, method="local")
    naive = saturation_mutagenesis(model, one_hot, method="naive")
    truth = in_float64(model, one_hot)
    largest = np.nanmax(np.abs(truth))
    assert largest > 0.01, "a test on effects that are rounding errors shows nothing"
    np.testing.assert_allclose(local.effects[0], truth, rtol=0, atol=1e-5 * largest)
    np.testing.assert_allclose(local.effects, naive.effects, rtol=0, atol=1e-5 * largest)
    assert np.array_equal(local.reference, naive.reference)


ARCHITECTURES = {
    "valid, flatten, batch norm": (architecture("flatten", batch_norm=True), "valid"),
    "same, flatten": (architecture("flatten"), "same"),
    "same, average, batch norm": (architecture("average", batch_norm=True), "same"),
    "valid, average, tanh": (architecture("average", activation="tanh"), "valid"),
    "valid, max": (architecture("max"), "valid"),
    "same, max, softplus, batch norm": (architecture("max", activation="softplus", batch_norm=True), "same"),
    "same, average, dilated": (architecture("average", dilation=(1, 2, 3)), "same"),
    "valid, flatten, dilated": (architecture("flatten", dilation=(2, 1, 4)), "valid"),
    "valid, max, far dilated": (architecture("max", dilation=(1, 4, 8)), "valid"),
    "same, flatten, pooled": (architecture("flatten", pool=(2, 1, 3)), "same"),
    "valid, average, pooled, batch norm": (architecture("average", pool=(3, 1, 1), batch_norm=True), "valid"),
    "same, max, pooled, dilated, gelu": (
        architecture("max", pool=(2, 2, 1), dilation=(1, 1, 3), activation="gelu"),
        "same",
    ),
    "exponential first layer": (
        {
            "convolutions": [
                {"filters": 6, "width": 7, "activation": "exponential"},
                {"filters": 8, "width": 5},
            ],
            "pooling": "average",
            "dense": [16],
        },
        "same",
    ),
    "no hidden dense layer": ({"convolutions": [{"filters": 5, "width": 6}], "dense": []}, "valid"),
}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_local_effects_equal_full_passes_on_trained_networks(name):
    description, padding = ARCHITECTURES[name]
    assert_local_is_naive(trained(description, padding), with_gaps(sequences(3, seed=5)))


@pytest.mark.parametrize(
    "length, settings",
    {
        "small windows": (130, {"layers": 2, "filters": 8, "width": 9}),
        "clipped windows": (60, {"layers": 4, "filters": 8, "width": 9, "outputs": 2}),
        "valid": (70, {"layers": 3, "filters": 8, "width": 7, "padding": "valid"}),
        "valid, small windows, cropped": (150, {"layers": 2, "filters": 8, "padding": "valid", "crop": 9}),
        "cropped": (60, {"layers": 3, "filters": 8, "width": 7, "crop": 13}),
    }.values(),
    ids=["small windows", "clipped", "valid", "valid, small, cropped", "cropped"],
)
def test_local_effects_equal_full_passes_with_dilated_residuals(length, settings):
    model = trained_residual(length, **settings)
    assert_local_is_naive(model, with_gaps(sequences(2, length, seed=5)))


def test_networks_of_both_kinds_of_windows_are_among_those():
    def together(description, padding):
        model = build_cnn(description, padding=padding, length=LENGTH, seed=1)
        network = local_change.LocalNetwork(stages_of(model), length=LENGTH, device=torch.device("cpu"))
        return network.together

    kinds = [together(*settings) for settings in ARCHITECTURES.values()]
    assert 1 in kinds and max(kinds) == LENGTH


@pytest.mark.parametrize("values", [1, 2_000, 20_000, 10_000_000])
@pytest.mark.parametrize(
    "name", ["same, flatten, pooled", "valid, max, far dilated", "same, max, softplus, batch norm"]
)
def test_sizes_of_passes_do_not_matter(name, values, monkeypatch):
    description, padding = ARCHITECTURES[name]
    model = build_cnn(description, padding=padding, length=LENGTH, outputs=2, seed=3)
    one_hot = sequences(5, seed=6)
    expected = saturation_mutagenesis(model, one_hot, method="naive").effects
    monkeypatch.setitem(local_change.VALUES_PER_PASS, "cpu", values)
    monkeypatch.setattr(local_change, "SHARING_POSITIONS", 3)
    effects = saturation_mutagenesis(model, one_hot, method="local").effects
    np.testing.assert_allclose(effects, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_local_effects_are_not_lost_in_large_predictions():
    """A large constant in the output hides small effects from differences of predictions."""
    model = build_cnn(architecture("average"), padding="same", length=LENGTH, seed=3)
    with torch.no_grad():
        model.output.bias.fill_(1e4)
    one_hot = sequences(2, seed=6)
    truth = in_float64(model, one_hot)
    effects = saturation_mutagenesis(model, one_hot).effects[0]
    np.testing.assert_allclose(effects, truth, rtol=0, atol=1e-5 * np.abs(truth).max())


class Linear(nn.Module):
    """A weight for each base at each position, and no convolution."""

    def __init__(self, length, outputs):
        super().__init__()
        self.weights = nn.Linear(4 * length, outputs)

    def forward(self, one_hot):
        return self.weights(one_hot.flatten(1))


@pytest.mark.parametrize("batch_size", [1, 7, 10_000])
def test_any_module_is_asked_in_batches(batch_size):
    model, one_hot = Linear(LENGTH, 3), with_gaps(sequences(4))
    effects = saturation_mutagenesis(model, one_hot, batch_size=batch_size).effects
    weights = model.weights.weight.detach().numpy().reshape(3, 4, LENGTH)
    for sequence, columns in enumerate(one_hot):
        for position in range(LENGTH):
            present = np.flatnonzero(columns[:, position])
            for base in range(4):
                found = effects[0, sequence, base, position]
                if len(present):
                    difference = weights[:, base, position] - weights[:, present[0], position]
                    np.testing.assert_allclose(found, difference, atol=1e-6)
                else:
                    assert np.isnan(found).all()


def test_one_convolution_by_algebra():
    """Width 1, ReLU, average: a base counts for what its filter lets through, over the length."""
    description = {"convolutions": [{"filters": 4, "width": 1}], "dense": []}
    model = build_cnn(description, padding="valid", length=LENGTH, outputs=2, seed=1)
    one_hot = sequences(2)
    kernel = model.convolutions[0].convolution.weight.detach().numpy()[:, :, 0]
    value = model.output.weight.detach().numpy() @ np.maximum(kernel, 0) / LENGTH
    present = one_hot.argmax(1)
    expected = value.T[None, :, None] - value.T[present][:, None]
    np.testing.assert_allclose(saturation_mutagenesis(model, one_hot).effects[0], expected, atol=1e-6)


@pytest.mark.parametrize("method", ["local", "naive"])
def test_what_a_result_holds(method):
    models = [build_cnn("arch1", padding="valid", length=60, outputs=2, seed=seed) for seed in (1, 2)]
    one_hot = with_gaps(sequences(3, 60))
    effects, reference = saturation_mutagenesis(models, one_hot, method=method)
    assert effects.shape == (2, 3, 4, 60, 2) and effects.dtype == np.float32
    assert reference.shape == (2, 3, 2) and reference.dtype == np.float32
    assert (effects.transpose(0, 4, 1, 2, 3)[:, :, one_hot == 1] == 0).all()
    unknown = one_hot.sum(1) == 0
    assert np.array_equal(np.isnan(effects), np.broadcast_to(unknown[None, :, None, :, None], effects.shape))
    for member, model in enumerate(models):
        assert np.array_equal(reference[member], predict(model, one_hot))
        alone = saturation_mutagenesis(model, torch.from_numpy(one_hot).float(), method=method)
        assert np.array_equal(alone.effects[0], effects[member], equal_nan=True)


def test_order_of_sequences_does_not_matter():
    model = trained(*ARCHITECTURES["valid, flatten, batch norm"])
    one_hot = sequences(30, seed=7)
    forward = saturation_mutagenesis(model, one_hot).effects
    backward = saturation_mutagenesis(model, one_hot[::-1].copy()).effects
    np.testing.assert_allclose(forward[:, ::-1], backward, rtol=0, atol=1e-5 * np.abs(forward).max())


def test_positions_that_no_output_sees_have_no_effect():
    """Valid convolutions and a pooling that drops an incomplete window never read the last bases."""
    description = {"convolutions": [{"filters": 8, "width": 3, "pool": 10}], "dense": []}
    model = build_cnn(description, padding="valid", length=LENGTH, seed=1)
    effects = saturation_mutagenesis(model, sequences(2)).effects
    assert (effects[:, :, :, 32:] == 0).all() and np.abs(effects[:, :, :, 25:32]).max() > 0


def test_chunks_make_up_the_whole_and_can_be_left_out():
    models = [build_cnn("arch1", padding="same", length=50, outputs=2, seed=seed) for seed in (1, 2)]
    one_hot = sequences(11, 50)
    whole = saturation_mutagenesis(models, one_hot)
    chunks = list(mutagenesis_chunks(models, one_hot, chunk_size=4))
    assert [(chunk.index, chunk.first, chunk.last) for chunk in chunks] == [(0, 0, 4), (1, 4, 8), (2, 8, 11)]
    effects = np.concatenate([chunk.result.effects for chunk in chunks], axis=1)
    np.testing.assert_allclose(effects, whole.effects, rtol=0, atol=1e-5 * np.abs(effects).max())
    resumed = list(mutagenesis_chunks(models, one_hot, chunk_size=4, done={0, 1}))
    assert [chunk.index for chunk in resumed] == [2]
    assert np.array_equal(resumed[0].result.effects, chunks[2].result.effects)


def test_chunks_are_computed_one_at_a_time():
    asked = []
    model = Linear(LENGTH, 1)
    model.register_forward_hook(lambda module, inputs, outputs: asked.append(len(outputs)))
    chunks = mutagenesis_chunks(model, sequences(1000), chunk_size=2, batch_size=3 * LENGTH)
    assert asked == []
    next(chunks)
    assert sum(asked) == 2 * (3 * LENGTH + 1)


@pytest.mark.parametrize("method", ["local", "naive"])
def test_models_are_left_as_they_were(method):
    description = architecture("flatten", batch_norm=True, dropout=0.2)
    model = build_cnn(description, padding="valid", length=LENGTH, seed=1).train()
    model.convolutions[1].eval()
    modes = [module.training for module in model.modules()]
    state = copy.deepcopy(model.state_dict())
    first = saturation_mutagenesis(model, sequences(2), method=method)
    assert modes == [module.training for module in model.modules()]
    assert all(torch.equal(tensor, model.state_dict()[name]) for name, tensor in state.items())
    assert all(parameter.requires_grad and parameter.grad is None for parameter in model.parameters())
    again = saturation_mutagenesis(model, sequences(2), method=method)
    assert np.array_equal(first.effects, again.effects), "dropout or batch statistics were at work"


class Wrong(ResidualNetwork):
    """Describes no residual sums, but computes them."""

    def convolution_stages(self):
        stages = super().convolution_stages()
        plain = tuple(stage._replace(residual=False) for stage in stages.convolutions)
        return stages._replace(convolutions=plain)


def broken(value):
    model = build_cnn("arch1", padding="valid", length=60, seed=1)
    with torch.no_grad():
        model.output.weight.fill_(value)
    return model


def cnn(outputs=1):
    return build_cnn("arch1", padding="valid", length=60, outputs=outputs, seed=1)


def soft():
    one_hot = sequences(3, 60).astype(np.float32)
    one_hot[2, :, 5] = 0.25
    return one_hot


@pytest.mark.parametrize(
    "models, one_hot, options, message",
    [
        ([], sequences(1, 60), {}, "models: the ensemble has no member"),
        (cnn(), sequences(0, 60), {}, r"got shape \(0, 4, 60\), expected \(n, 4, length\)"),
        (cnn(), sequences(1, 60)[0], {}, r"got shape \(4, 60\)"),
        (cnn(), sequences(1, 50), {}, "sequences have 50 bp, but the model was built for 60 bp"),
        (cnn(), soft(), {}, "sequence 2 is not one-hot"),
        ([cnn(), cnn(2)], sequences(1, 60), {}, r"models\[1\]: predicts 2 outputs, models\[0\] predicts 1"),
        (
            cnn(),
            sequences(1, 60),
            {"method": "fast"},
            "method 'fast' is unknown, expected one of auto, local",
        ),
        (cnn(), sequences(1, 60), {"batch_size": 0}, "batch_size: got 0"),
        (Linear(60, 1), sequences(1, 60), {"method": "local"}, "Linear does not say how it computes"),
        (broken(np.nan), sequences(1, 60), {}, "predicted .* expected finite numbers"),
        (Wrong(layers=2, filters=8), sequences(1, 60), {}, "describe another network than its forward"),
        (
            ResidualNetwork(layers=3, filters=8, padding="valid"),
            sequences(1, 30),
            {},
            "sequences of 30 bp are shorter than the network needs",
        ),
    ],
)
def test_bad_input_is_refused(models, one_hot, options, message):
    with pytest.raises(SeqauditError, match=message):
        saturation_mutagenesis(models, one_hot, **options)


def test_mutants_without_a_finite_prediction_are_named():
    class Brittle(nn.Module):
        """Not defined for sequences that begin with T."""

        def forward(self, one_hot):
            return torch.log(1 - one_hot[:, 3, :1]) + one_hot.mean((1, 2))[:, None]

    one_hot = sequences(3)
    one_hot[:, :, 0] = [1, 0, 0, 0]
    one_hot[:2, :, 0] = 0
    with pytest.raises(
        SeqauditError, match=r"models\[0\]: predictions of mutants of sequence 2 are not finite \(1 of"
    ):
        saturation_mutagenesis(Brittle(), one_hot)


def test_chunks_check_before_they_start():
    with pytest.raises(SeqauditError, match="chunk_size: got 0"):
        mutagenesis_chunks(cnn(), sequences(1, 60), chunk_size=0)
    with pytest.raises(SeqauditError, match="is not one-hot"):
        mutagenesis_chunks(cnn(), soft())

"""BPNet-like networks: their formula written out, shapes, strands, errors, disk and fast mutagenesis."""

import copy

import numpy as np
import pytest
import torch
from torch.nn import functional

from seqaudit.errors import SeqauditError
from seqaudit.models.bpnet import build_bpnet
from seqaudit.models.checkpoint import load_model, save_model
from seqaudit.models.ensembles import load_ensemble, save_ensemble
from seqaudit.models.predict import predict
from seqaudit.probes.mutagenesis import saturation_mutagenesis

LENGTH = 64
SMALL = {"filters": 6, "first_width": 9, "layers": 3, "profile_width": 7}


def small(**changes):
    """A small network whose biases are not zero."""
    model = build_bpnet(**{"outputs": 3, "length": LENGTH, "seed": 1, **SMALL, **changes})
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                parameter.copy_(0.1 * torch.randn(parameter.shape, generator=generator))
    return model.eval()


def sequences(n, length=LENGTH, seed=1):
    letters = np.random.default_rng(seed).integers(4, size=(n, length))
    return np.eye(4, dtype=np.int8)[letters].transpose(0, 2, 1).copy()


def written_out(model, one_hot):
    """Logits and log counts by one convolution after the other over sequences padded by hand."""

    def same(values, layer, dilation=1):
        reach = (layer.weight.shape[2] - 1) * dilation // 2
        padded = functional.pad(values, (reach, reach))
        taps = [
            torch.einsum(
                "fc,ncp->nfp",
                layer.weight[:, :, tap],
                padded[:, :, tap * dilation : tap * dilation + values.shape[2]],
            )
            for tap in range(layer.weight.shape[2])
        ]
        return sum(taps) + (0 if layer.bias is None else layer.bias[:, None])

    hidden = same(one_hot, model.first).clamp(min=0)
    for index, layer in enumerate(model.residual, start=1):
        hidden = hidden + same(hidden, layer, 2**index).clamp(min=0)
    counts = hidden.mean(2) @ model.count.weight.T + (0 if model.count.bias is None else model.count.bias)
    return same(hidden, model.profile), counts


@pytest.mark.parametrize("n", [1, 7, 48])
@pytest.mark.parametrize("options", [{}, {"strands": 2, "strand_counts": True, "bias": False}], ids=str)
def test_the_network_is_its_formula(n, options):
    model = small(**options).double()
    one_hot = torch.from_numpy(sequences(n)).double()
    logits, counts = model.profiles_and_counts(one_hot)
    by_hand, counts_by_hand = written_out(model, one_hot)
    strands = options.get("strands", 1)
    assert logits.shape == (n, 3, strands, LENGTH)
    torch.testing.assert_close(logits.flatten(1, 2), by_hand)
    torch.testing.assert_close(counts.reshape(n, -1), counts_by_hand)
    assert torch.equal(counts, model.log_counts(one_hot))


def test_as_a_function_of_sequences_it_is_the_counts_averaged_over_strands():
    model = small(strands=2, strand_counts=True)
    one_hot = torch.from_numpy(sequences(5)).float()
    assert model.log_counts(one_hot).shape == (5, 3, 2)
    torch.testing.assert_close(model(one_hot), model.log_counts(one_hot).mean(2))
    total = small(strands=2)
    assert torch.equal(total(one_hot), total.log_counts(one_hot))


def test_published_size():
    """64 x 25 on DNA, nine of 64 x 3, per factor two strands of profile and count (bpnet9)."""
    model = build_bpnet(outputs=4, length=1000, strands=2, strand_counts=True, seed=0)
    first, residual = 64 * (4 * 25) + 64, 9 * (64 * (64 * 3) + 64)
    assert sum(p.numel() for p in model.parameters()) == first + residual + 8 * (64 * 25) + 8 + 8 * 64 + 8
    assert [layer.dilation[0] for layer in model.residual] == [2, 4, 8, 16, 32, 64, 128, 256, 512]


def test_initial_weights_are_glorot_uniform_by_seed_alone():
    model, again, other = (build_bpnet(outputs=2, length=300, layers=7, seed=seed) for seed in (5, 5, 6))
    for mine, same, different in zip(model.parameters(), again.parameters(), other.parameters()):
        assert torch.equal(mine, same)
        assert mine.ndim == 1 or not torch.equal(mine, different)
    for layer, fans in ((model.first, (4 + 64) * 25), (model.residual[0], (64 + 64) * 3), (model.count, 66)):
        limit = (6 / fans) ** 0.5
        assert 0.9 * limit < layer.weight.abs().max() <= limit
        assert abs(layer.weight.std() / (limit / 3**0.5) - 1) < 0.1
        assert not layer.bias.any()


def test_building_leaves_the_global_generator_alone():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    small()
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"outputs": 0}, "outputs: got 0, expected an integer of at least 1"),
        ({"length": 2.5}, "length: got 2.5, expected an integer"),
        ({"filters": 0}, "filters: got 0"),
        ({"layers": -1}, "layers: got -1, expected an integer of at least 0"),
        ({"first_width": 8}, "first_width: got 8, expected an odd number"),
        ({"width": 2}, "width: got 2, expected an odd number"),
        ({"profile_width": 24}, "profile_width: got 24, expected an odd number"),
        ({"strands": 3}, "strands: got 3, expected 1 or 2"),
        ({"strand_counts": 1}, "strand_counts: got 1, expected true or false"),
        ({"strands": 1, "strand_counts": True}, "strand_counts: .* needs strands=2"),
        ({"bias": "no"}, "bias: got 'no', expected true or false"),
        ({"length": 8}, "length: sequences of 8 bp are too short for a first convolution of 9 bp"),
        ({"layers": 6}, "6 dilated layers, of which the last looks 64 bp to either side"),
    ],
)
def test_refused_options_are_named(options, message):
    with pytest.raises(SeqauditError, match=message):
        small(**options)


def test_sequences_may_be_shorter_than_the_receptive_field():
    """9 + 2 * (2 + 4 + ... + 32) = 133 bp here; bpnet9 has 2,069 bp on sequences of 1,000 bp."""
    model = small(layers=5, length=40)
    assert model(torch.from_numpy(sequences(2, 40)).float()).isfinite().all()
    small(layers=0)


def test_other_lengths_are_refused_by_predict():
    with pytest.raises(SeqauditError, match="sequences have 65 bp, but the model was built for 64 bp"):
        predict(small(), sequences(2, LENGTH + 1))


def test_predictions_do_not_depend_on_the_batch():
    model, one_hot = small(), sequences(37)
    expected = predict(model, one_hot, batch_size=1)
    for batch_size in (5, 16, 37):
        np.testing.assert_allclose(predict(model, one_hot, batch_size=batch_size), expected, atol=1e-6)


@pytest.mark.parametrize(
    "options",
    [{}, {"layers": 5}, {"strands": 2, "strand_counts": True}, {"bias": False, "layers": 0}],
    ids=str,
)
def test_fast_mutagenesis_is_that_of_every_mutant(options):
    model = small(**options)
    with torch.no_grad():
        model.count.weight.mul_(30)  # effects far above rounding, as in trained networks
    one_hot = sequences(3)
    one_hot[0, :, [0, 30]] = 0
    fast = saturation_mutagenesis(model, one_hot, method="local").effects[0]
    naive = saturation_mutagenesis(model, one_hot, method="naive").effects[0]
    exact = copy.deepcopy(model).double()
    tensor = torch.from_numpy(one_hot).double()
    largest = np.nanmax(np.abs(naive))
    assert largest > 0.1
    np.testing.assert_allclose(fast, naive, rtol=0, atol=1e-5 * largest)
    with torch.no_grad():
        for position in (0, 1, 31, LENGTH - 1):
            for base in range(4):
                mutant = tensor.clone()
                mutant[:, :, position] = 0
                mutant[:, base, position] = 1
                truth = (exact(mutant) - exact(tensor)).numpy()
                known = one_hot[:, :, position].any(1)
                np.testing.assert_allclose(
                    fast[known, base, position], truth[known], rtol=0, atol=1e-5 * largest
                )


def test_round_trip_on_disk(tmp_path):
    model = small(strands=2, strand_counts=True, bias=False)
    save_model(tmp_path, model, {"seed": 4})
    loaded, record = load_model(tmp_path)
    assert not loaded.training
    assert (loaded.architecture, loaded.length, loaded.outputs) == (model.architecture, LENGTH, 3)
    assert record["seed"] == 4
    one_hot = torch.from_numpy(sequences(2)).float()
    for mine, read in zip(model.profiles_and_counts(one_hot), loaded.profiles_and_counts(one_hot)):
        assert torch.equal(mine, read)


def test_ensembles_on_disk(tmp_path):
    models = [small(), small(seed=2)]
    save_ensemble(tmp_path, models, outputs=["Oct4", "Sox2", "Klf4"], record={"transform": "log1p"})
    ensemble = load_ensemble(tmp_path)
    assert ensemble.outputs == ["Oct4", "Sox2", "Klf4"]
    effects = saturation_mutagenesis(ensemble.models, sequences(1)).effects
    assert effects.shape == (2, 1, 4, LENGTH, 3)

"""Attribution maps: closed forms, finite differences, completeness, peers, and a model left as it was."""

import builtins

import numpy as np
import pytest
import torch
from attribution_networks import LENGTH, Linear, centred, relu_network, sequences, smooth_network
from torch import nn

from seqaudit.errors import SeqauditError
from seqaudit.models.cnn import build_cnn
from seqaudit.probes.attribution import METHODS, attribute, off_simplex_angles, off_simplex_shares
from seqaudit.probes.baselines import dinucleotide_references
from seqaudit.probes.mutagenesis import saturation_mutagenesis

CORE_METHODS = [method for method in METHODS if method != "deeplift_shap"]

CORE_METHODS = [method for method in METHODS if method != "deeplift_shap"]


@pytest.mark.parametrize("method", CORE_METHODS)
def test_every_method_knows_a_linear_model(method):
    model, one_hot = Linear(outputs=2), sequences(5)
    weight = model.weight[1].detach().numpy()
    found = attribute(model, one_hot, method=method, output=1, n_baselines=3, samples=7)
    expected = centred(np.broadcast_to(weight, one_hot.shape))
    if method == "gradient_x_input":
        expected = expected * one_hot
    assert found.maps.dtype == np.float32
    assert np.abs(found.maps - expected).max() < 1e-5
    assert found.predictions == pytest.approx((weight * one_hot).sum(axis=(1, 2)) + 3, rel=1e-5)


@pytest.mark.parametrize("method", CORE_METHODS)
def test_uncentred_maps_of_a_linear_model(method):
    model, one_hot = Linear(), sequences(5)
    weight = model.weight[0].detach().numpy()
    maps = attribute(model, one_hot, method=method, centre=False, n_baselines=3, samples=7).maps
    expected = np.broadcast_to(weight, one_hot.shape)
    if method == "gradient_x_input":
        expected = expected * one_hot
    if method == "ism":
        expected = expected - (expected * one_hot).sum(axis=1, keepdims=True)
    assert np.abs(maps - expected).max() < 1e-5


def test_saliency_is_the_slope_of_small_changes():
    model, one_hot = smooth_network().double(), torch.from_numpy(sequences(2)).double()
    maps = attribute(model.float(), one_hot, centre=False).maps
    model.double()
    for index in np.ndindex(2, 4, LENGTH):
        step = torch.zeros_like(one_hot)
        step[index] = 1e-5
        with torch.no_grad():
            slope = (model(one_hot + step) - model(one_hot - step))[index[0], 0] / 2e-5
        assert maps[index] == pytest.approx(slope.item(), abs=2e-6)


class SquareOfASum(nn.Module):
    """``(sum of w x) ** 2``: the mean gradient from b to x is ``w (w x + w b)``."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(-1, 1, 4 * LENGTH).reshape(4, LENGTH))

    def forward(self, one_hot):
        return (self.weight * one_hot).sum((1, 2))[:, None] ** 2


@pytest.mark.parametrize("rule, steps", [("gauss_legendre", 1), ("gauss_legendre", 5), ("trapezoid", 2)])
@pytest.mark.parametrize("baseline", ["zeros", "uniform"])
def test_integrated_gradients_of_a_square(rule, steps, baseline):
    # its gradient is linear along the path, which every rule integrates exactly
    model, one_hot = SquareOfASum(), sequences(4)
    weight = model.weight.detach().numpy()
    start = 0.0 if baseline == "zeros" else 0.25 * weight.sum()
    total = (weight * one_hot).sum(axis=(1, 2))
    options = {"method": "integrated_gradients", "baseline": baseline, "rule": rule, "steps": steps}
    found = attribute(model, one_hot, centre=False, **options)
    assert np.abs(found.maps - weight * (total + start)[:, None, None]).max() < 1e-5
    assert found.contributions.sum(axis=1) == pytest.approx(total**2 - start**2, abs=1e-4)
    assert np.abs(found.convergence_delta).max() < 1e-4


def test_integrated_gradients_are_complete_on_a_network():
    model, one_hot = smooth_network(), sequences(6)
    references = dinucleotide_references(one_hot, count=3, seed=4)
    found = attribute(model, one_hot, method="integrated_gradients", baseline=references, steps=40)
    with torch.no_grad():
        here = model(torch.from_numpy(one_hot).float())[:, 0]
        there = torch.stack([model(torch.from_numpy(references[:, r]).float())[:, 0] for r in range(3)]).mean(
            0
        )
    assert found.contributions.sum(axis=1) == pytest.approx((here - there).numpy(), abs=1e-5)
    assert np.abs(found.convergence_delta).max() < 1e-5
    coarse = attribute(model, one_hot, method="integrated_gradients", baseline=references, steps=1)
    assert np.abs(coarse.convergence_delta).max() > 5e-4  # and the delta says when it is not


def test_expected_gradients_tend_to_integrated_gradients():
    model, one_hot = smooth_network(), sequences(2)
    references = dinucleotide_references(one_hot, count=4, seed=1)
    exact = attribute(model, one_hot, method="integrated_gradients", baseline=references).maps

    def error(samples):
        options = {"method": "expected_gradients", "baseline": references, "samples": samples}
        drawn = [attribute(model, one_hot, seed=seed, **options).maps for seed in range(6)]
        return np.sqrt(np.mean((np.stack(drawn) - exact) ** 2))

    assert error(1000) / error(10) == pytest.approx(0.1, rel=0.4)


def test_smoothgrad_averages_the_gradient_over_noise():
    # the gradient of a square is linear, so that noise averages out at a rate that is known
    model, one_hot = SquareOfASum(), sequences(3)
    weight = model.weight.detach().numpy()
    plain = attribute(model, one_hot, centre=False).maps
    noisy = attribute(model, one_hot, method="smoothgrad", centre=False, samples=400, noise=0.2).maps
    ratio = ((noisy - plain) / weight).reshape(3, -1)
    assert np.ptp(ratio, axis=1).max() < 1e-2
    assert 0 < np.abs(ratio.mean(axis=1)).max() < 4 * 2 * 0.2 * np.linalg.norm(weight) / 20


def test_ism_is_that_of_mutagenesis_and_zero_at_n():
    model, one_hot = relu_network(), sequences(4)
    one_hot[1, :, 7] = 0
    effects = saturation_mutagenesis(model, one_hot).effects[0, ..., 0]
    found = attribute(model, one_hot, method="ism")
    effects[1, :, 7] = 0
    assert np.allclose(found.maps, centred(effects), atol=1e-7)
    assert found.off_simplex is None and found.convergence_delta is None


@pytest.mark.parametrize("method", CORE_METHODS)
def test_batches_do_not_matter(method):
    model, one_hot = relu_network(), sequences(7)
    options = {"method": method, "n_baselines": 3, "steps": 4, "samples": 5}
    whole = attribute(model, one_hot, batch_size=10_000, **options)
    for batch_size in (1, 13):
        parts = attribute(model, one_hot, batch_size=batch_size, **options)
        assert np.abs(parts.maps - whole.maps).max() < 1e-6
    # nor which other sequences are asked about, as long as their order is the same
    first = attribute(model, one_hot[:3], **options)
    assert np.abs(first.maps - whole.maps[:3]).max() < 1e-6


@pytest.mark.parametrize("method", ["smoothgrad", "expected_gradients"])
def test_the_seed_decides(method):
    model, one_hot = relu_network(), sequences(3)
    maps = [attribute(model, one_hot, method=method, samples=4, seed=seed).maps for seed in (1, 1, 2)]
    assert np.array_equal(maps[0], maps[1])
    assert not np.array_equal(maps[0], maps[2])


@pytest.mark.parametrize("method", CORE_METHODS)
def test_the_model_is_left_as_it_was(method):
    model = build_cnn(
        {"convolutions": [{"filters": 5, "width": 5, "batch_norm": True, "dropout": 0.5}], "dense": [4]},
        padding="same",
        length=LENGTH,
        outputs=1,
        seed=1,
    )
    model.train()
    model.dense.eval()
    next(iter(model.parameters())).requires_grad_(False)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    attribute(model, sequences(3), method=method, n_baselines=2, samples=2, steps=2)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert [module.training for module in model.modules()] == modes
    assert [p.requires_grad for p in model.parameters()] == [False] + [True] * (
        len(list(model.parameters())) - 1
    )
    assert all(p.grad is None for p in model.parameters())


def test_gradients_work_where_the_caller_switched_them_off():
    model, one_hot = relu_network(), sequences(3)
    with torch.no_grad():
        inside = attribute(model, one_hot).maps
    assert np.array_equal(inside, attribute(model, one_hot).maps)


def test_outputs_by_number_and_name():
    model, one_hot = Linear(outputs=2), sequences(3)
    second = attribute(model, one_hot, output=1).maps
    assert np.array_equal(attribute(model, one_hot, output="b", output_names=("a", "b")).maps, second)
    assert not np.array_equal(attribute(model, one_hot, output=0).maps, second)


def test_angles_to_the_plane_of_one_hot_sequences():
    gradients = np.array(
        [[1, -1, 0, 0], [1, 1, 1, 1], [-1, -1, -1, -1], [2, 1, 0, 0], [0, 0, 0, 0]], dtype=float
    )
    angles = off_simplex_angles(gradients.T[None])[0]
    assert angles[:4] == pytest.approx([0, 90, -90, np.degrees(np.arcsin(1.5 / 5**0.5))])
    assert np.isnan(angles[4])
    assert off_simplex_shares(gradients.T[None]) == {30: 0.75, 45: 0.5, 60: 0.5}
    assert attribute(Linear(), sequences(3)).off_simplex == off_simplex_shares(
        Linear().weight.detach().numpy()
    )


def test_references_keep_dinucleotides_and_do_not_depend_on_company():
    one_hot = sequences(4)
    made = dinucleotide_references(one_hot, count=3, seed=1)
    assert made.shape == (4, 3, 4, LENGTH) and made.dtype == np.int8
    pairs = np.einsum("nal,nbl->nab", one_hot[:, :, :-1], one_hot[:, :, 1:])
    for reference in range(3):
        shuffled = made[:, reference]
        assert np.array_equal(np.einsum("nal,nbl->nab", shuffled[:, :, :-1], shuffled[:, :, 1:]), pairs)
    assert np.array_equal(dinucleotide_references(one_hot[:2], count=3, seed=1), made[:2])
    assert not np.array_equal(dinucleotide_references(one_hot, count=3, seed=2), made)
    same = attribute(relu_network(), one_hot, method="integrated_gradients", n_baselines=3, seed=1)
    given = attribute(relu_network(), one_hot, method="integrated_gradients", baseline=made)
    assert np.array_equal(same.maps, given.maps)


def test_baselines_shared_by_all_sequences():
    one_hot = sequences(4)
    common = sequences(3, seed=9)
    shared = attribute(relu_network(), one_hot, method="integrated_gradients", baseline=common)
    repeated = np.broadcast_to(common, (4, *common.shape))
    each = attribute(relu_network(), one_hot, method="integrated_gradients", baseline=repeated)
    assert np.array_equal(shared.maps, each.maps)
    assert np.array_equal(shared.convergence_delta, each.convergence_delta)


class Detached(Linear):
    def forward(self, one_hot):
        return super().forward(one_hot).detach()


@pytest.mark.parametrize(
    "model, options, text",
    [
        (Linear(), {"method": "grad_cam"}, "method 'grad_cam' is unknown"),
        (Linear(), {"rule": "simpson"}, "rule 'simpson'"),
        (Linear(), {"steps": 1, "rule": "trapezoid"}, "steps: got 1, expected at least 2"),
        (Linear(), {"samples": 0}, "samples: got 0"),
        (Linear(), {"noise": 0.0}, "noise: got 0.0"),
        (Linear(), {"batch_size": 0}, "batch_size: got 0"),
        (Linear(2), {}, "predicts 2 outputs, choose one of 0 to 1"),
        (Linear(2), {"output": 2}, "output 2 does not exist"),
        (
            Linear(2),
            {"output": "c", "output_names": ("a", "b")},
            "output 'c' is unknown, expected one of a, b",
        ),
        (Linear(2), {"output": 0, "output_names": ("a",)}, "got 1 names, but the model predicts 2"),
        (Linear(), {"method": "integrated_gradients", "baseline": "ones"}, "baseline 'ones' is unknown"),
        (
            Linear(),
            {"method": "integrated_gradients", "baseline": np.zeros((2, 4, 5))},
            r"got shape \(2, 4, 5\)",
        ),
        (Linear(), {"method": "integrated_gradients", "n_baselines": 0}, "count: got 0"),
        (Detached(), {}, "predictions of Detached have no gradient"),
    ],
)
def test_bad_input_is_refused(model, options, text):
    with pytest.raises(SeqauditError, match=text):
        attribute(model, sequences(3), **options)


def test_deeplift_without_its_package(monkeypatch):
    usual = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("tangermeme"):
            raise ImportError("No module named 'tangermeme'")
        return usual(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SeqauditError, match=r"pip install tangermeme==1\.6\.0"):
        attribute(relu_network(), sequences(2), method="deeplift_shap")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("method", CORE_METHODS)
def test_a_gpu_gives_the_same(method):
    options = {"method": method, "n_baselines": 2, "samples": 3}
    maps = [
        attribute(relu_network(), sequences(4), device=device, **options).maps for device in ("cpu", "cuda")
    ]
    assert np.abs(maps[0] - maps[1]).max() < 1e-5

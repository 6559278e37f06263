"""Attribution maps against captum and tangermeme, where they are installed."""

import numpy as np
import pytest
import torch
from attribution_networks import LENGTH, centred, relu_network, sequences, smooth_network

from seqaudit.models.cnn import build_cnn
from seqaudit.probes.attribution import attribute
from seqaudit.probes.baselines import dinucleotide_references


@pytest.mark.parametrize("make", [smooth_network, relu_network])
def test_saliency_and_integrated_gradients_equal_captum(make):
    captum = pytest.importorskip("captum.attr", reason="captum is not installed")
    model, one_hot = make().eval(), sequences(4)
    inputs = torch.from_numpy(one_hot).float()
    saliency = captum.Saliency(model).attribute(inputs.clone(), target=0, abs=False).numpy()
    assert np.abs(attribute(model, one_hot, centre=False).maps - saliency).max() < 1e-6
    times = captum.InputXGradient(model).attribute(inputs.clone(), target=0).detach().numpy()
    found = attribute(model, one_hot, method="gradient_x_input", centre=False).maps
    assert np.abs(found - times).max() < 1e-6

    references = dinucleotide_references(one_hot, count=2, seed=1)
    theirs = [
        captum.IntegratedGradients(model, multiply_by_inputs=multiply)
        .attribute(inputs, torch.from_numpy(references[:, r]).float(), target=0, n_steps=20)
        .detach()
        .numpy()
        for multiply in (False, True)
        for r in range(2)
    ]
    ours = attribute(
        model, one_hot, method="integrated_gradients", baseline=references, steps=20, centre=False
    )
    assert np.abs(ours.maps - np.mean(theirs[:2], axis=0)).max() < 1e-5
    assert np.abs(ours.contributions - np.mean(theirs[2:], axis=0).sum(axis=1)).max() < 1e-5


def test_deeplift_equals_captum():
    pytest.importorskip("tangermeme", reason="tangermeme is not installed")
    captum = pytest.importorskip("captum.attr", reason="captum is not installed")
    model, one_hot = relu_network().eval(), sequences(4)
    references = dinucleotide_references(one_hot, count=3, seed=1)
    found = attribute(model, one_hot, method="deeplift_shap", baseline=references, centre=False)
    theirs = np.mean(
        [
            captum.DeepLift(model)
            .attribute(
                torch.from_numpy(one_hot).float(), torch.from_numpy(references[:, r]).float(), target=0
            )
            .detach()
            .numpy()
            for r in range(3)
        ],
        axis=0,
    )
    assert np.abs(found.contributions - theirs.sum(axis=1)).max() < 1e-5
    assert np.abs(found.convergence_delta).max() < 1e-5


@pytest.mark.parametrize("activation", ["relu", "exponential", "tanh"])
def test_deeplift_adds_up_on_our_networks(activation):
    pytest.importorskip("tangermeme", reason="tangermeme is not installed")
    model = build_cnn(
        {"convolutions": [{"filters": 6, "width": 5, "activation": activation}], "dense": [5]},
        padding="same",
        length=LENGTH,
        outputs=2,
        seed=3,
    )
    one_hot = sequences(3)
    found = attribute(model, one_hot, method="deeplift_shap", output=1, n_baselines=4, batch_size=5)
    assert np.abs(found.convergence_delta).max() < 1e-4
    assert np.abs(found.maps - centred(found.maps)).max() < 1e-6
    other = attribute(model, one_hot, method="deeplift_shap", output=1, n_baselines=4, batch_size=500)
    assert np.abs(found.maps - other.maps).max() < 1e-5

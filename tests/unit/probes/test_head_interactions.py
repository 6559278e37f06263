"""Interactions split into head and below: exact sums, known answers, agreement with the knock-out probe."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from toy_knockouts import knockouts, network

from seqaudit.data.knockouts import VERSIONS
from seqaudit.data.sequences import one_hot
from seqaudit.errors import SeqauditError
from seqaudit.models.predict import predict
from seqaudit.probes.head_interactions import head_outputs, layer_below_head, split_interactions
from seqaudit.probes.knockout import probe_interactions

DESIGN = {
    "model_id": "m",
    "dataset": "d",
    "control": None,
    "padding": "valid",
    "arch": "a",
    "l1": 0.0,
    "seed": 1,
}
IDENTITY = {"design": DESIGN, "transform": "identity", "device": "cpu"}


@pytest.mark.parametrize("pooling", ["average", "max", "flatten"])
@pytest.mark.parametrize("transform", ["identity", "anscombe"])
def test_both_parts_add_up_to_the_interaction_of_the_knock_out_test(pooling, transform):
    model, pairs = network(dense=[8, 8], pooling=pooling), knockouts(start_b=16)
    split = split_interactions(model, pairs, design=DESIGN, transform=transform, device="cpu")
    np.testing.assert_allclose(split["head"] + split["below"], split["interaction"], atol=1e-12)
    np.testing.assert_allclose(
        split["head_trained"] + split["below_trained"], split["interaction_trained"], atol=1e-12
    )
    sequences = pd.DataFrame(
        {
            "sequence_id": pairs["sequence_id"],
            "sequence": pairs["orig"],
            "target": 1.0,
            "group": None,
            "split": "test",
        }
    )
    extra = {"start_a": 10, "start_b": 16, "strand_a": "+", "strand_b": "+"}
    asked = probe_interactions(
        model, pairs.assign(**extra), None, None, sequences, model_id="m", transform=transform, device="cpu"
    )
    np.testing.assert_allclose(split["interaction"], asked["interaction"], atol=2e-6)


def test_the_layer_and_the_head_are_the_network():
    model, letters = network(dense=[8]), knockouts()["orig"].to_numpy()
    layer = layer_below_head(model, letters, batch_size=7, device="cpu")
    assert layer.shape == (25, 6) and not model.dense[0]._forward_pre_hooks
    np.testing.assert_allclose(head_outputs(model, layer), predict(model, one_hot(letters))[:, 0], atol=1e-6)


def test_a_linear_head_has_no_part_on_its_own_scale_but_one_behind_a_square():
    model, pairs = network(dense=[]), knockouts(start_b=16)
    split = split_interactions(model, pairs, design=DESIGN, transform="anscombe", device="cpu")
    np.testing.assert_allclose(split["head_trained"], 0, atol=1e-12)
    np.testing.assert_allclose(split["below_trained"], split["interaction_trained"], atol=1e-12)
    # the counts are a quarter of the square: both effects meet in it, by half of their product
    layer = {v: layer_below_head(model, pairs[v].to_numpy(), device="cpu") for v in VERSIONS}
    weight = model.output.weight.detach().double().numpy()[0]
    effects = [(layer[v] - layer["both_off"]) @ weight for v in ("b_off", "a_off")]
    np.testing.assert_allclose(split["head"], effects[0] * effects[1] / 2, atol=1e-10)


def test_sites_apart_are_additive_below_an_averaging_head_and_near_ones_are_not():
    """Two convolutions of width 5 see 9 letters: windows over both sites need fewer than 5 between them."""
    model = network(dense=[8, 8])
    apart = split_interactions(model, knockouts(start_b=40), **IDENTITY)
    assert apart["non_additivity"].max() < 1e-5 and apart["below"].abs().max() < 1e-6
    near = split_interactions(model, knockouts(start_b=15), **IDENTITY)
    assert near["non_additivity"].median() > 0.05 and near["below"].abs().median() > 1e-6


def test_a_softplus_heads_part_is_the_integral_of_its_hessian_over_the_rectangle():
    model, pairs = network(dense=[8]), knockouts(start_b=16, n=3)
    model.dense[0].activation = nn.Softplus()
    split = split_interactions(model, pairs, **IDENTITY)
    layer = {
        v: torch.from_numpy(layer_below_head(model, pairs[v].to_numpy(), device="cpu")) for v in VERSIONS
    }
    head = nn.Sequential(*model.dense, model.output).double()
    at, weights = np.polynomial.legendre.leggauss(8)
    for row in range(3):
        u, a, b = layer["both_off"][row], layer["b_off"][row], layer["a_off"][row]
        integral = 0.0
        for s, ws in zip((at + 1) / 2, weights / 2):
            for t, wt in zip((at + 1) / 2, weights / 2):
                point = u + s * (a - u) + t * (b - u)
                hessian = torch.autograd.functional.hessian(lambda v: head(v[None])[0, 0], point)
                integral += ws * wt * float((a - u) @ hessian @ (b - u))
        assert split["head"][row] == pytest.approx(integral, rel=1e-6, abs=1e-12)


def test_motifs_that_reach_nothing_say_so():
    model, pairs = network(dense=[4]), knockouts()
    pairs = pairs.assign(b_off=pairs["both_off"], orig=pairs["a_off"])
    split = split_interactions(model, pairs, **IDENTITY)
    assert split["non_additivity"].isna().all() and split["status"].str.startswith("motif A does not").all()
    assert split["interaction"].abs().max() < 1e-12


def test_other_networks_and_no_pairs_are_refused():
    with pytest.raises(SeqauditError, match="model: got a Linear"):
        layer_below_head(nn.Linear(2, 1), np.array(["ACGT"]), device="cpu")
    with pytest.raises(SeqauditError, match="pairs: got none"):
        split_interactions(network(dense=[4]), knockouts()[:0], design=DESIGN, transform="identity")

"""Nodes of networks on two digits: training, features, and images whose meaning is known by construction."""

import numpy as np
import pytest
import torch

from seqaudit.data.digit_pairs import digit_pairs
from seqaudit.data.digits import read_digits
from seqaudit.errors import SeqauditError
from seqaudit.probes.digit_nodes import node_meanings, node_points
from seqaudit.training.digit_network import train_digit_network

IDENTITY = {"dataset": "digits", "replicate": 1}


@pytest.fixture(scope="module")
def pairs():
    return digit_pairs([7, 4, 0], [7, 0], sizes=(1500, 300, 400), seed=1)


class Ink(torch.nn.Module):
    """Nodes whose images are known: the ink of either half, of both, and nothing."""

    def activations(self, images):
        left, right = images[:, :, :8].sum((1, 2)), images[:, :, 8:].sum((1, 2))
        return torch.stack([left, right, left - right, 0 * left], 1)

    def forward(self, images):
        return images[:, 0, 0] - 1.0


def test_a_trained_network_tells_the_pair(pairs):
    network = train_digit_network(pairs, nodes=8, seed=1, epochs=8, device="cpu")
    assert not network.training
    nodes = node_meanings(network, pairs, identity=IDENTITY)
    assert nodes["classifier_accuracy"].iloc[0] > 0.96
    table = node_points(network, pairs)
    assert table.y.mean() == pairs.label.mean() and len(table.features) >= 2
    np.testing.assert_allclose(table.x[table.split == "train"].std(axis=0), 1)
    again = train_digit_network(pairs, nodes=8, seed=1, epochs=8, device="cpu")
    assert torch.equal(again.upper[1].weight, network.upper[1].weight)


def test_training_leaves_the_callers_random_numbers_alone(pairs):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train_digit_network(pairs, nodes=2, seed=1, epochs=1, device="cpu")
    assert torch.equal(torch.rand(3), expected)


def test_images_that_maximise_a_node_are_those_with_the_most_ink(pairs):
    nodes = node_meanings(Ink(), pairs, identity=IDENTITY).set_index("node")
    ink = read_digits().images[pairs.held_out].sum(axis=(1, 2))
    darkest = pairs.held_out[ink.argmax()]
    assert nodes["half"].tolist()[:3] == ["left", "right", "left"]
    assert set(nodes["source"].iloc[:3]) == {darkest}
    assert set(nodes["digit"].iloc[:3]) == {read_digits().digits[darkest]}
    assert nodes.loc["node_01", "activation"] == pytest.approx(ink.max())
    assert nodes["blank"].eq(0).all()
    assert nodes["classifier_accuracy"].iloc[0] == pytest.approx(
        1 - pairs.label[pairs.split == "test"].mean()
    )


def test_silent_nodes_are_no_features_but_named(pairs):
    table = node_points(Ink(), pairs)
    assert table.features == ("node_01", "node_02", "node_03")
    status = node_meanings(Ink(), pairs, identity=IDENTITY).set_index("node")["status"]
    assert status["node_04"].startswith("silent") and status["node_01"] == "ok"


def test_networks_that_say_nothing_are_refused(pairs):
    silent = Ink()
    silent.activations = lambda images: torch.zeros(len(images), 4)
    with pytest.raises(SeqauditError, match="nodes: 0 of 4 vary between pairs of digits"):
        node_points(silent, pairs)

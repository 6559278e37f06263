"""Gates on motif sites: derivatives over the square are knock-out scores."""

import numpy as np
import pytest
import torch
from torch import nn
from toy_knockouts import knockouts, network

from seqaudit.data.knockouts import VERSIONS
from seqaudit.data.sequences import one_hot
from seqaudit.errors import SeqauditError
from seqaudit.probes.sequence_gates import gate_derivatives, gate_square


def smooth_network(pooling):
    model = network(dense=[8], pooling=pooling, activation="softplus").double()
    model.dense[0].activation = nn.Softplus()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter *= 3  # initial weights bend so little that interactions would be rounding errors
    return lambda encoded: (model(encoded)[:, 0] / 2) ** 2 - 3 / 8


@pytest.mark.parametrize(("pooling", "start_b"), [("average", 40), ("flatten", 15)])
def test_the_mean_derivative_over_the_square_is_the_interaction(pooling, start_b):
    function, pairs = smooth_network(pooling), knockouts(start_b=start_b, n=2)
    gates, weights = gate_square(8)
    integral = gate_derivatives(function, pairs, gates) @ weights
    with torch.no_grad():
        both, a_off, b_off, neither = (
            function(torch.from_numpy(one_hot(pairs[v].to_numpy())).double()).numpy() for v in VERSIONS
        )
    interaction = both - a_off - b_off + neither
    assert np.abs(interaction).max() > 1e-5
    np.testing.assert_allclose(integral, interaction, rtol=1e-6, atol=1e-11)


def test_a_product_of_occupancies_has_its_derivative_everywhere():
    """f = 3 * (letters G at position 10) * (letters C at position 40): derivative 3 for every gate."""
    pairs = knockouts(n=3)

    def function(encoded):
        return 3 * encoded[:, 2, 10] * encoded[:, 1, 40] + 5 * encoded[:, 2, 10] ** 2

    found = gate_derivatives(function, pairs, np.array([[0, 0], [0.3, 0.9], [1, 1]]))
    np.testing.assert_allclose(found, 3.0)


def test_a_relu_network_has_no_derivative_although_it_interacts():
    """Why knock-outs, not derivatives, are asked of the published networks."""
    model = network(dense=[8]).double()
    pairs = knockouts(start_b=15, n=5)
    gates, weights = gate_square(4)
    integral = gate_derivatives(lambda encoded: model(encoded)[:, 0], pairs, gates) @ weights
    with torch.no_grad():
        values = [
            model(torch.from_numpy(one_hot(pairs[v].to_numpy())).double())[:, 0].numpy() for v in VERSIONS
        ]
    interaction = values[0] - values[1] - values[2] + values[3]
    assert np.abs(interaction).max() > 1e-4
    np.testing.assert_array_equal(integral, 0)


def test_the_square_is_integrated_exactly_up_to_its_degree():
    gates, weights = gate_square(3)
    assert weights.sum() == pytest.approx(1)
    assert (gates[:, 0] ** 5 * gates[:, 1] ** 3) @ weights == pytest.approx(1 / 6 / 4)


def test_overlapping_sites_are_refused():
    pairs = knockouts(start_a=10, start_b=12)
    with pytest.raises(SeqauditError, match="sites of pair 'p0' overlap"):
        gate_derivatives(lambda encoded: encoded.sum((1, 2)), pairs, np.array([[0.5, 0.5]]))

"""Gauss-Newton steps, tidy units and widest windows, each against algebra or a naive way."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from seqaudit.errors import SeqauditError
from seqaudit.models.additive import build_twin, combine_twins
from seqaudit.training import gauss_newton
from seqaudit.training.gauss_newton import mean_squared_error, polish
from seqaudit.training.twin_units import centre_units, drop_idle_units
from seqaudit.training.twin_window import widest_window

LENGTH, WIDTH = 12, 5


def random_dna(n, *, seed=0):
    codes = np.random.default_rng(seed).integers(0, 4, (n, LENGTH))
    return torch.from_numpy(np.eye(4, dtype=np.float32)[codes].transpose(0, 2, 1).copy())


def wild(family="sigmoid", *, transform="anscombe", seed=0):
    twin = build_twin(family, width=WIDTH, length=LENGTH, transform=transform, scale=5.0, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return twin


class Linear(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(LENGTH, 1)

    def forward(self, one_hot):
        return self.layer(one_hot[:, 0])

    def predict_with_slopes(self, one_hot):
        slopes = torch.cat([one_hot[:, 0], torch.ones(len(one_hot), 1)], dim=1)
        return self(one_hot)[:, 0].detach(), slopes


def test_a_linear_network_gets_the_least_squares_solution():
    x = torch.randn(80, 4, LENGTH, generator=torch.Generator().manual_seed(1))
    y = torch.randn(80, generator=torch.Generator().manual_seed(2))
    network = Linear()
    polished = polish(network, (x, y), (x, y), max_steps=12, tolerance=1e-9)
    design = np.column_stack([x[:, 0].numpy(), np.ones(80)]).astype(float)
    solution, residual, *_ = np.linalg.lstsq(design, y.numpy().astype(float), rcond=None)
    assert network.layer.weight.detach().numpy()[0] == pytest.approx(solution[:-1], abs=2e-4)
    assert polished.train_mse == pytest.approx(residual[0] / 80, rel=1e-5)


@pytest.mark.parametrize("family", ["sigmoid", "layered"])
def test_normal_equations_are_those_of_every_sequence_by_itself(family):
    twin = wild(family)
    x, y = random_dna(7), torch.arange(7.0)
    normal = gauss_newton._normal_equations(twin, x, y)
    slopes, residuals = [], []
    for row, target in zip(x, y):
        twin.zero_grad()
        output = twin(row[None])[0, 0]
        output.backward()
        slopes.append(torch.cat([p.grad.flatten() for p in twin.parameters()]).double().numpy())
        residuals.append(float(target - output.detach()))
    slopes, residuals = np.array(slopes), np.array(residuals)
    assert normal.curvature.numpy() == pytest.approx(slopes.T @ slopes / 7, rel=1e-4, abs=1e-5)
    assert normal.descent.numpy() == pytest.approx(slopes.T @ residuals / 7, rel=1e-4, abs=1e-5)
    assert normal.mse == pytest.approx((residuals**2).mean(), rel=1e-5)


@pytest.mark.parametrize("transform", ["anscombe", "log1p", "identity"])
@pytest.mark.parametrize("response", ["sigmoid", "softplus"])
@pytest.mark.parametrize("hidden", [0, 3])
def test_written_out_slopes_are_those_of_autograd(transform, response, hidden):
    family = {"units": 2, "hidden": hidden, "response": response}
    twin = combine_twins([wild(family, transform=transform, seed=seed) for seed in (1, 2)]).double()
    x = random_dna(6)
    predictions, slopes = twin.predict_with_slopes(x)
    assert predictions.numpy() == pytest.approx(twin(x)[:, 0].detach().numpy(), rel=1e-12)
    for row, mine in zip(x, slopes):
        twin.zero_grad()
        twin(row[None])[0, 0].backward()
        expected = torch.cat([parameter.grad.flatten() for parameter in twin.parameters()])
        assert mine.numpy() == pytest.approx(expected.numpy(), rel=1e-9, abs=1e-12)


def test_polishing_never_raises_the_loss_and_keeps_the_best_validation():
    truth, twin = wild(seed=3), wild(seed=3)
    x, held_out = random_dna(150), random_dna(60, seed=1)
    with torch.no_grad():
        y, y_held_out = truth(x)[:, 0], truth(held_out)[:, 0]
        for parameter in twin.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(8)))
    before = mean_squared_error(twin, x, y)
    polished = polish(twin, (x, y), (held_out, y_held_out), max_steps=6)
    assert polished.train_mse < before / 10
    assert mean_squared_error(twin, x, y) == pytest.approx(polished.train_mse, rel=1e-3)
    assert mean_squared_error(twin, held_out, y_held_out) == pytest.approx(polished.validation_mse, rel=1e-6)


def test_weights_stay_where_no_step_helps_validation():
    """Validation targets are what the network says already; any step away from it makes that worse."""
    twin = wild(seed=5)
    x, held_out = random_dna(40), random_dna(30, seed=1)
    y_held_out = twin(held_out)[:, 0].detach()
    before = copy.deepcopy(twin.state_dict())
    polished = polish(twin, (x, torch.zeros(40)), (held_out, y_held_out), max_steps=3)
    assert polished.steps == 0
    assert all(torch.equal(value, before[name]) for name, value in twin.state_dict().items())


@pytest.mark.parametrize("transform", ["anscombe", "identity"])
@pytest.mark.parametrize("family", ["sigmoid", "layered"])
def test_units_that_do_nothing_leave_without_a_trace(family, transform):
    twin = wild(family, transform=transform)
    x = random_dna(50)
    member = twin.members[0]
    with torch.no_grad():
        member.amplitude[1] = 0  # silent
        if family == "sigmoid":  # always fully on: a constant
            member.weight[:, 0] = 0
            member.bias[0] = 30
    before = twin(x)
    smaller = drop_idle_units(twin, x)
    kept = smaller.architecture["families"][0]["units"]
    assert 1 <= kept <= len(member.amplitude) - (2 if family == "sigmoid" else 1)
    assert torch.allclose(smaller(x), before, rtol=1e-4)


def test_the_last_unit_stays():
    twin = wild()
    with torch.no_grad():
        twin.members[0].amplitude.zero_()
    assert drop_idle_units(twin, random_dna(9)).architecture["families"][0]["units"] == 1


@pytest.mark.parametrize("first", [0, 3])
def test_moving_a_unit_with_room_changes_nothing(first):
    """A unit that reads two of five positions reads the same two from the middle of its window."""
    twin = wild({"units": 1})
    with torch.no_grad():
        columns = twin.members[0].weight[:, 0].view(WIDTH, 4)
        columns[[place for place in range(WIDTH) if place not in (first, first + 1)]] = 0
    x = random_dna(20)
    before, moved = twin(x), combine_twins([twin])
    assert centre_units(moved)
    reads = moved.members[0].weight.detach()[:, 0].view(WIDTH, 4).abs().sum(dim=1)
    assert reads[1] > 0 or reads[2] > 0
    assert reads[0] == reads[4] == 0
    assert torch.allclose(moved(x), before, rtol=1e-5)
    assert not centre_units(moved)


def test_units_behind_a_hidden_layer_stay():
    assert not centre_units(wild("layered"))


def pair(a_off, b_off, orig="AAAAAAAAAAAA"):
    return pd.DataFrame({"pair_id": ["p"], "orig": [orig], "a_off": [a_off], "b_off": [b_off]})


def test_the_widest_window_reaches_from_site_to_site():
    left, right = pair("AACCAAAAAAAA", "AAAAAAAACCCA"), pair("AAAAAAAAAACC", "CAAAAAAAAAAA")
    assert widest_window(left, at_most=20) == 5  # positions 3 and 8
    assert widest_window(right, at_most=20) == 10
    assert widest_window(left, right, left.iloc[:0], at_most=20) == 5
    assert widest_window(left, at_most=4) == 4
    assert widest_window(pair("A" * 12, "CCAAAAAAAAAA"), at_most=20) == 20  # nothing was replaced
    with pytest.raises(SeqauditError, match="sites of pair 'p' overlap"):
        widest_window(pair("ACCAAAAAAAAA", "AACCAAAAAAAA"), at_most=20)

"""Additive twins: no interaction beyond the window, whatever the weights, and nothing else lost."""

import numpy as np
import pytest
import torch

from seqaudit.data.targets import transform_target
from seqaudit.errors import SeqauditError
from seqaudit.models.additive import (
    FAMILIES,
    AdditiveTwin,
    build_twin,
    combine_twins,
    complete_family,
    transformed,
)
from seqaudit.models.checkpoint import load_model, save_model
from seqaudit.models.predict import predict

WIDTH, LENGTH = 6, 30
SOFT = {"units": 3, "hidden": 4, "response": "softplus"}
TRANSFORMS = ("anscombe", "identity", "log1p")


def wild(family, transform, *, seed=0, width=WIDTH, length=LENGTH):
    """A twin in float64 whose random weights are large, so that nothing is nearly linear."""
    location = 3.0 if transform == "identity" else 0.0
    twin = build_twin(
        family, width=width, length=length, transform=transform, location=location, scale=50.0, seed=seed
    ).double()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return twin


def random_dna(n, *, seed=1, length=LENGTH):
    codes = np.random.default_rng(seed).integers(0, 4, (n, length))
    return torch.from_numpy(np.eye(4, dtype=np.int8)[codes].transpose(0, 2, 1).copy())


def interaction(twin, first, second):
    """Interaction, in the unit of the target, of replacing two single positions in random sequences."""
    orig = random_dna(40)
    other = random_dna(40, seed=2)
    versions = []
    for places in ([], [first], [second], [first, second]):
        changed = orig.clone()
        changed[:, :, places] = other[:, :, places]
        versions.append(twin.predict_target(changed).detach().numpy())
    return versions[0] - versions[1] - versions[2] + versions[3], versions[0]


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("family", [*FAMILIES, SOFT], ids=lambda f: f if isinstance(f, str) else "softplus")
def test_distant_changes_never_interact(family, transform):
    twin = wild(family, transform)
    for first, second in [(0, WIDTH), (5, 5 + WIDTH), (20, 3), (LENGTH - 1, 0)]:
        excess, level = interaction(twin, first, second)
        assert np.abs(excess).max() < 1e-12 * np.abs(level).max()
    # one position closer, a window sees both
    excess, level = interaction(twin, 10, 10 + WIDTH - 1)
    assert np.abs(excess).max() > 1e-6 * np.abs(level).max()


def test_the_mean_of_twins_is_additive_and_the_mean():
    twins = [wild("sigmoid", "anscombe"), wild(SOFT, "anscombe", seed=4)]
    mean = combine_twins(twins).double()
    for copy, twin in zip(mean.members, twins, strict=True):
        copy.load_state_dict(twin.members[0].state_dict())
    x = random_dna(9)
    expected = (twins[0].predict_target(x) + twins[1].predict_target(x)) / 2
    assert torch.allclose(mean.predict_target(x), expected, rtol=1e-13)
    excess, level = interaction(mean, 2, 2 + WIDTH)
    assert np.abs(excess).max() < 1e-12 * np.abs(level).max()


@pytest.mark.parametrize("family", ["sigmoid", "layered"])
def test_equals_a_loop_over_windows(family):
    twin = wild(family, "anscombe")
    x = random_dna(3).numpy().astype(float)
    member = twin.members[0]
    weights = {name: value.detach().numpy() for name, value in member.named_parameters()}
    for row, predicted in zip(x, twin.predict_target(torch.from_numpy(x)).tolist(), strict=True):
        total = np.log1p(np.exp(weights["baseline"]))
        for start in range(-WIDTH + 1, LENGTH):
            window = np.zeros((WIDTH, 4))
            for offset in range(WIDTH):
                if 0 <= start + offset < LENGTH:
                    window[offset] = row[:, start + offset]
            unit = window.ravel() @ weights["weight"] + weights["bias"]
            if family == "layered":
                unit = np.maximum(unit, 0) @ weights["unit_weight"] + weights["unit_bias"]
            total += (np.abs(weights["amplitude"]) / (1 + np.exp(-unit))).sum()
        assert predicted == pytest.approx(50 * total, rel=1e-12)


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_output_is_in_the_training_space(transform):
    twin = wild("sigmoid", transform)
    x = random_dna(5)
    target = twin.predict_target(x).detach().numpy()
    assert twin(x).detach().numpy()[:, 0] == pytest.approx(transform_target(target, transform), rel=1e-14)
    if transform != "identity":
        assert (target > 0).all()  # whatever the weights


def test_measured_targets_may_be_negative():
    values = [
        wild("sigmoid", "identity", seed=seed).predict_target(random_dna(20)).min() for seed in range(5)
    ]
    assert min(values) < 0


def test_unknown_letters_match_nothing():
    """A window of Ns is a window of zeros: only the biases speak."""
    twin = wild("sigmoid", "anscombe")
    member = twin.members[0]
    at_zero = torch.sigmoid(member.bias) @ member.amplitude.abs()
    expected = 50 * (torch.nn.functional.softplus(member.baseline) + (LENGTH + WIDTH - 1) * at_zero)
    assert twin.predict_target(torch.zeros(1, 4, LENGTH)).item() == pytest.approx(expected.item(), rel=1e-12)


def test_same_seed_same_weights():
    def built(seed):
        return build_twin("layered", width=5, length=20, transform="anscombe", seed=seed).state_dict()

    assert all(torch.equal(value, built(3)[name]) for name, value in built(3).items())
    assert not torch.equal(built(3)["members.0.weight"], built(4)["members.0.weight"])


def test_survives_the_disk_and_predicts_like_a_network(tmp_path):
    twins = [
        build_twin(family, width=5, length=20, transform="anscombe", scale=9.0, seed=1) for family in FAMILIES
    ]
    twin = combine_twins(twins)
    save_model(tmp_path, twin, {"members": list(FAMILIES)})
    loaded, record = load_model(tmp_path)
    assert isinstance(loaded, AdditiveTwin)
    assert record["members"] == list(FAMILIES)
    x = random_dna(7, length=20)
    assert np.array_equal(predict(loaded, x), predict(twin, x))
    assert predict(loaded, x).shape == (7, 1)
    with pytest.raises(SeqauditError, match="built for 20 bp"):
        predict(loaded, random_dna(2))


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_transform_of_tensors_is_that_of_arrays(transform):
    target = torch.tensor([0.0, 0.5, 3.0, 700.0], dtype=torch.float64)
    assert transformed(target, transform).numpy() == pytest.approx(
        transform_target(target.numpy(), transform), rel=1e-15
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"family": "relu"}, "family 'relu' is unknown, expected one of sigmoid, layered"),
        ({"family": {"filters": 3}}, "key 'filters' is unknown"),
        ({"family": {"units": 0}}, "units is 0, expected a whole number of at least 1"),
        ({"family": {"response": "relu"}}, "response 'relu' is unknown, expected sigmoid or softplus"),
        ({"width": 31}, "width: got 31, expected 1 to the length of the sequences, 30 bp"),
        ({"scale": 0.0}, "scale: got 0.0"),
        ({"location": 1.0}, "location: got 1.0, expected 0 for transform 'anscombe'"),
        ({"transform": "sqrt"}, "transform: got 'sqrt'"),
    ],
)
def test_refuses(changes, said):
    settings = {"family": "sigmoid", "width": 6, "length": 30, "transform": "anscombe", "seed": 0, **changes}
    with pytest.raises(SeqauditError, match=said):
        build_twin(settings.pop("family"), **settings)


def test_refuses_to_combine_what_differs():
    with pytest.raises(SeqauditError, match="fit them to one dataset"):
        combine_twins([wild("sigmoid", "anscombe"), wild("sigmoid", "anscombe", width=5)])
    with pytest.raises(SeqauditError, match="none given"):
        combine_twins([])


def test_families_are_complete():
    assert complete_family({"units": 2}) == {"units": 2, "hidden": 0, "response": "sigmoid"}
    assert all(complete_family(name) == family for name, family in FAMILIES.items())

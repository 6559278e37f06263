"""Posteriors come back from disk as they were, and damage is noticed."""

import numpy as np
import pytest
import torch

from seqaudit.errors import SeqauditError
from seqaudit.models.concrete import ConcretePosterior
from seqaudit.models.mean_field import MeanFieldPosterior
from seqaudit.models.mlp import Mlps, Scaling
from seqaudit.models.posterior import Ensemble, PointPosterior
from seqaudit.models.posterior_files import load_posteriors, save_posteriors

POINTS = np.random.default_rng(0).normal(size=(6, 3))


def network(seed: int) -> Mlps:
    rng = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=rng)

    return Mlps(
        (normal(1, 4, 3), normal(1, 1, 4)),
        (normal(1, 4), normal(1, 1)),
        normal(1, 3),
        normal(1),
        10.0,
        "softplus",
        Scaling(np.arange(3.0), np.array([1.0, 2.0, 3.0]), 0.5, float(seed)),
    )


def concrete(seed: int) -> ConcretePosterior:
    return ConcretePosterior(network(seed), (torch.full((3,), -2.0), torch.full((4,), -1.0)))


def mean_field(seed: int) -> MeanFieldPosterior:
    sds = (torch.full((4, 3), 0.1), torch.full((1, 4), 0.2))
    return MeanFieldPosterior(network(seed), sds, (torch.full((4,), 0.3), torch.full((1,), 0.4)))


@pytest.mark.parametrize(
    "make",
    [
        concrete,
        mean_field,
        lambda seed: Ensemble((PointPosterior(network(seed)), PointPosterior(network(seed + 100)))),
        lambda seed: Ensemble((concrete(seed),)),
    ],
    ids=["concrete", "mean_field", "ensemble", "ensemble_of_one"],
)
def test_posteriors_come_back_to_the_last_bit(tmp_path, make):
    posteriors = [make(1), make(2), make(3)]
    if isinstance(posteriors[0], Ensemble):  # members share their scaling
        scaling = posteriors[0].members[0].network.scaling
        assert len(posteriors[0].members) == 1 or scaling is not None
    save_posteriors(posteriors, tmp_path / "networks.safetensors")
    again = load_posteriors(tmp_path / "networks.safetensors")
    assert [type(one) for one in again] == [type(one) for one in posteriors]
    for before, after in zip(posteriors, again):
        members = zip(getattr(before, "members", [before]), getattr(after, "members", [after]))
        for first, second in members:
            np.testing.assert_array_equal(
                first.sample(5, seed=7).predict(POINTS), second.sample(5, seed=7).predict(POINTS)
            )
            assert second.network.scaling.target_scale == first.network.scaling.target_scale


def test_damage_is_noticed(tmp_path):
    path = tmp_path / "networks.safetensors"
    save_posteriors([concrete(1)], path)
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(SeqauditError, match=r"networks\.safetensors: damaged or altered, its content"):
        load_posteriors(path)
    path.write_bytes(content[:50])
    with pytest.raises(SeqauditError, match="damaged or altered"):
        load_posteriors(path)
    with pytest.raises(SeqauditError, match="no such file, expected trained networks"):
        load_posteriors(tmp_path / "none.safetensors")


def test_posteriors_of_different_kinds_do_not_share_a_file(tmp_path):
    with pytest.raises(SeqauditError, match="got 2 of 2 kinds or shapes"):
        save_posteriors([concrete(1), mean_field(1)], tmp_path / "networks.safetensors")
    assert not list(tmp_path.iterdir())

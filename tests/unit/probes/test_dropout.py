"""The table of drop probabilities."""

import pytest
import torch
from toy_mlps import random_mlps

from seqaudit.models.concrete import ConcretePosterior
from seqaudit.models.posterior import Ensemble, PointPosterior
from seqaudit.probes.dropout import dropout_table

IDENTITY = {"fit": "f", "dataset": "d", "posterior": "concrete"}


def concrete(inputs, hidden) -> ConcretePosterior:
    return ConcretePosterior(
        random_mlps([2, 3, 1], samples=1),
        (torch.logit(torch.tensor(inputs)), torch.logit(torch.tensor(hidden))),
    )


def test_every_node_has_its_probability_and_inputs_their_names():
    table = dropout_table(concrete([0.1, 0.7], [0.2, 0.3, 0.4]), ["q", "r"], identity=IDENTITY)
    assert table["drop_probability"].to_numpy() == pytest.approx([0.1, 0.7, 0.2, 0.3, 0.4])
    assert list(table["layer"]) == [0, 0, 1, 1, 1] and list(table["feature"])[:2] == ["q", "r"]
    assert table["feature"].isna().sum() == 3


def test_members_of_an_ensemble_are_averaged():
    both = Ensemble((concrete([0.1, 0.7], [0.2] * 3), concrete([0.3, 0.5], [0.4] * 3)))
    table = dropout_table(both, ["q", "r"], identity=IDENTITY)
    assert table["drop_probability"].to_numpy() == pytest.approx([0.2, 0.6, 0.3, 0.3, 0.3])


def test_networks_without_dropout_have_no_rows():
    plain = Ensemble((PointPosterior(random_mlps([2, 3, 1], samples=1)),))
    assert dropout_table(plain, ["q", "r"], identity=IDENTITY).empty

"""Worlds by name, and what is true in them."""

import numpy as np
import pytest

from seqaudit.data.features import FeatureTable
from seqaudit.data.hessian import GroupHessians
from seqaudit.errors import SeqauditError
from seqaudit.inference.signed_groups import group_table
from seqaudit.simulate.tabular_worlds import (
    LAWS,
    add_group_truth,
    injected_table,
    pair_truth,
    tabular_law,
    true_forms,
)

SEVEN = {"law": "seven_interactions"}


@pytest.mark.parametrize("law, pairs", list(zip(LAWS, (7, 10, 20))))
def test_worlds_have_their_pairs_and_none_as_main_effects_only(law, pairs):
    assert len(tabular_law(law).interacting()) == pairs
    assert tabular_law(law, main_effects_only=True).interacting() == []


def test_an_unknown_world_is_named():
    with pytest.raises(SeqauditError, match="got 'eight', expected one of seven_interactions"):
        tabular_law("eight")


def test_a_product_has_its_weight_as_true_hessian_in_every_group():
    rng = np.random.default_rng(0)
    x = tabular_law(**SEVEN).draw(200, rng)
    labels = np.arange(200) % 3
    truth = pair_truth(tabular_law(**SEVEN).names, x, labels, law=SEVEN)
    first = truth.iloc[0]
    assert (first["feature_a"], first["feature_b"]) == ("x1", "x2") and first["interacts"]
    assert first[["aeh", "geh", "eah"]].tolist() == pytest.approx([3.4] * 3)

    mean = rng.normal(size=(4, 3, 8, 8))
    asked = GroupHessians(mean, np.abs(mean).mean(axis=1), np.array([67, 67, 66]))
    identity = {"fit": "f", "dataset": "d", "posterior": "p"}
    groups = group_table(asked, tabular_law(**SEVEN).names, identity=identity)
    filled = add_group_truth(groups, x, labels, law=SEVEN)
    product = filled[(filled["feature_a"] == "x1") & (filled["feature_b"] == "x2")]
    assert product["truth"].to_numpy() == pytest.approx([3.4] * 3)
    # b / a has the second derivative -1 / a^2
    quotient = filled[(filled["feature_a"] == "x3") & (filled["feature_b"] == "x4")]
    by_hand = [np.mean(-2.175 / x[labels == m, 2] ** 2) for m in range(3)]
    assert quotient["truth"].to_numpy() == pytest.approx(by_hand)
    assert add_group_truth(groups, x, labels, law=None, interacting=None) is groups


def test_without_a_law_only_the_named_pairs_interact():
    truth = pair_truth(["G", "T", "D"], np.zeros((2, 3)), np.zeros(2, int), interacting=[["T", "G"]])
    assert truth["interacts"].tolist() == [True, False, False]
    assert pair_truth(["G", "T"], np.zeros((2, 2)), np.zeros(2, int)) is None


def test_true_forms_are_those_of_the_law():
    forms = true_forms(SEVEN)
    assert len(forms) == 7 and forms[0, 1](2.0, 3.0) == 6.0
    assert true_forms(None) is None


def test_an_injected_interaction_adds_its_share_of_variance():
    rng = np.random.default_rng(0)
    x, y = rng.uniform(size=(5000, 3)), rng.normal(size=5000)
    table = FeatureTable(x, y, ("a", "b", "c"), "y", np.full(5000, "train", dtype=object))
    changed = injected_table(table, pair=("a", "c"), form="product", share=0.1)
    assert np.var(changed.y - y) / np.var(y) == pytest.approx(0.1, rel=1e-6)
    with pytest.raises(SeqauditError, match="no feature 'd'; there are a, b, c"):
        injected_table(table, pair=("a", "d"), form="product", share=0.1)

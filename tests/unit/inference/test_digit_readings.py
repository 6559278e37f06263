"""Pairs of nodes read as digits, by hand."""

import pandas as pd
import pytest

from seqaudit.errors import SeqauditError
from seqaudit.inference.digit_readings import read_node_pairs, summarise_readings

NODES = pd.DataFrame(
    {
        "node": ["n1", "n2", "n3", "n4"],
        "half": ["left", "right", "left", "right"],
        "digit": [7, 0, 7, 4],
        "source": [11, 12, 13, 14],
        "classifier_accuracy": 0.99,
    }
)
NETWORKS = pd.DataFrame({"targets": ["observed", "permutation"], "test_r2": [0.9, None]})


def scored(order):
    """Scores of all six pairs, the strongest first."""
    rows = [
        {"feature_a": a, "feature_b": b, "score": 6.0 - k, "rank": k + 1} for k, (a, b) in enumerate(order)
    ]
    return pd.DataFrame(rows).assign(sd=0.1, measure="geh")


def read(order, fit="f"):
    pairs = pd.concat([scored(order), scored(order).assign(measure="aeh", score=100.0)])
    identity = {"fit": fit, "dataset": "d", "replicate": 1}
    return read_node_pairs(pairs, NODES, NETWORKS, positive=[7, 0], identity=identity)


FIRST = [("n1", "n3"), ("n1", "n2"), ("n2", "n3"), ("n1", "n4"), ("n2", "n4"), ("n3", "n4")]
SECOND = [("n2", "n3"), *(pair for pair in FIRST if pair != ("n2", "n3"))]


def test_only_the_positive_pair_in_its_halves_reads_as_expected():
    readings = read(FIRST)
    found = readings.set_index(["feature_a", "feature_b"])
    # n1 and n3 are a 7 on the left, n2 a 0 on the right, n4 a 4 on the right; whichever node comes first
    assert found["expected"].to_dict() == {pair: pair in (("n1", "n2"), ("n2", "n3")) for pair in found.index}
    assert found["across"].to_dict() == {
        pair: pair not in (("n1", "n3"), ("n2", "n4")) for pair in found.index
    }
    assert readings["score"].tolist() == [6, 5, 4, 3, 2, 1]
    assert found.loc[("n2", "n3"), ["source_a", "source_b"]].tolist() == [12, 13]
    assert (readings["test_r2"] == 0.9).all()


def test_networks_are_counted():
    both = pd.concat([read(FIRST, "f"), read(SECOND, "g")])
    summary = summarise_readings(both).iloc[0]
    assert summary["n_networks"] == 2
    assert summary["strongest"] == 1  # the strongest pair of f is that of two nodes for the 7
    assert summary["strongest_across"] == 2
    assert summary["chance"] == pytest.approx(2 * 2 / 6)
    assert summary["chance_across"] == pytest.approx(2 * 2 / 4)


def test_nodes_without_a_meaning_are_refused():
    with pytest.raises(SeqauditError, match="nodes: no row for 'n9'"):
        read([("n1", "n9")])

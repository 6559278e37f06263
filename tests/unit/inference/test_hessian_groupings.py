"""Groups of points by number, by strata and by the published distance."""

import numpy as np
import pytest

from seqaudit.errors import SeqauditError
from seqaudit.inference.hessian_groupings import choose_points, group_points, grouping_table, read_labels

IDENTITY = {"fit": "f", "dataset": "d", "posterior": "concrete"}
POINTS = np.array([[0.0, 5.0], [1.0, 5.0], [2.0, 5.5], [0.2, 9.0], [1.5, 9.0]])


def test_points_are_held_out_ones_in_order():
    split = np.array(["train", "test", "test", "validation", "test"], dtype=object)
    assert choose_points(split, max_points=None).tolist() == [1, 2, 4]
    few = choose_points(split, max_points=2, seed=1)
    assert len(few) == 2 and set(few) <= {1, 2, 4} and few[0] < few[1]


def test_strata_are_cells_between_edges_and_say_what_they_hold():
    found = group_points(
        POINTS,
        ["q", "r"],
        groups="strata",
        scaled=POINTS,
        strata={"q": [0.5, 1.5], "r": [7]},
        identity=IDENTITY,
    )
    named = [found.names[label] for label in found.labels]
    assert named == ["q=<0.5, r=<7", "q=0.5..1.5, r=<7", "q=>=1.5, r=<7", "q=<0.5, r=>=7", "q=>=1.5, r=>=7"]
    assert found.curve.empty


def test_strata_of_unknown_features_are_refused():
    with pytest.raises(SeqauditError, match=r"strata: got Q, expected one or more of the features q, r"):
        group_points(POINTS, ["q", "r"], groups="strata", scaled=POINTS, strata={"Q": [1]}, identity=IDENTITY)


def test_a_number_of_groups_is_found_by_k_means_on_scaled_points():
    scaled = POINTS * [1, 0.001]  # now the first feature decides
    found = group_points(POINTS, ["q", "r"], groups=2, scaled=scaled, identity=IDENTITY)
    assert len(set(found.labels)) == 2 and found.labels[0] == found.labels[3]
    assert found.names == ["group_1", "group_2"]


def test_groups_are_chosen_where_ranks_have_settled():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (300, 3))
    hessians = np.zeros((300, 3, 3))
    hessians[:, 0, 1] = hessians[:, 1, 0] = 1.0
    hessians[:, 0, 2] = hessians[:, 2, 0] = 3 * np.sign(x[:, 1])  # seen only once there are two groups
    found = group_points(
        x, ["a", "b", "c"], groups="auto", scaled=x, hessians=hessians, identity=IDENTITY, max_groups=14
    )
    assert 2 <= len(found.names) <= 14
    assert found.curve["n_groups"].max() == 14
    assert set(found.curve.loc[found.curve["chosen"], "n_groups"]) == {len(found.names)}


def test_more_groups_than_points_is_an_error():
    with pytest.raises(SeqauditError, match="got 9 groups for 5 points"):
        group_points(POINTS, ["q", "r"], groups=9, scaled=POINTS, identity=IDENTITY)


def test_groups_come_back_from_their_table():
    found = group_points(POINTS, ["q", "r"], groups=3, scaled=POINTS, identity=IDENTITY)
    rows, labels = read_labels(grouping_table(found, np.array([3, 5, 8, 9, 11]), identity=IDENTITY))
    assert rows.tolist() == [3, 5, 8, 9, 11]
    same = found.labels[:, None] == found.labels
    assert np.array_equal(labels[:, None] == labels, same)

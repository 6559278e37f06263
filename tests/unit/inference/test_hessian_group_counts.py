"""Groups of points, and the published distance that says how many."""

import numpy as np
import pandas as pd
import pytest

from seqaudit.data.hessian import GroupHessians
from seqaudit.errors import SeqauditError
from seqaudit.inference.hessian_group_counts import (
    choose_group_count,
    distance_curve,
    group_point_hessians,
    kmeans_groups,
    rank_distance,
    split_half_agreement,
    stratum_groups,
)

IDENTITY = {"fit": "toy", "dataset": "toy", "posterior": "mean"}


def curve(values):
    return pd.DataFrame({"n_groups": np.arange(2, 2 + len(values)), "seed": 0, "distance": values})


def test_kmeans_finds_separate_clouds():
    rng = np.random.default_rng(0)
    centres = np.array([[0, 0], [9, 0], [0, 9.0]])
    truth = rng.integers(0, 3, 200)
    labels = kmeans_groups(centres[truth] + rng.normal(0, 0.2, (200, 2)), n_groups=3)
    assert len({(a, b) for a, b in zip(truth.tolist(), labels.tolist())}) == 3
    assert (kmeans_groups(rng.normal(size=(20, 2)), n_groups=1) == 0).all()


def test_units_do_not_change_groups():
    points = np.random.default_rng(8).uniform(size=(60, 3))
    one = kmeans_groups(points, n_groups=4)
    assert (one == kmeans_groups(points * [1, 1000, 0.01] - 7, n_groups=4)).all()


def test_group_means_equal_a_plain_loop():
    rng = np.random.default_rng(1)
    hessians, labels = rng.normal(size=(3, 25, 4, 4)), np.arange(25) % 4
    grouped = group_point_hessians(hessians, labels)
    for k in range(3):
        for m in range(4):
            np.testing.assert_allclose(grouped.mean[k, m], np.mean(hessians[k][labels == m], axis=0))
        np.testing.assert_allclose(grouped.absolute[k], np.mean(np.abs(hessians[k]), axis=0))
    assert grouped.sizes.tolist() == [7, 6, 6, 6]


def test_distance_by_hand():
    # shares .5 .3 .2 and .3 .5 .2: the first two pairs change rank by 1 and share by .2
    assert rank_distance([5, 3, 2], [0.6, 1.0, 0.4]) == pytest.approx(2 * 0.2**2 * 1**2)
    assert rank_distance([5, 3, 2], [50, 20, 1]) == 0, "equal ranks are no distance, whatever the scores"
    assert rank_distance([0, 0, 0], [0, 0, 0]) == 0


def test_scores_that_grow_leave_the_distance_at_zero():
    rng = np.random.default_rng(2)
    scores = rng.gamma(2, size=10)
    assert rank_distance(scores, scores**3) == 0


def test_the_choice_is_the_first_count_after_which_nothing_happens():
    values = [0.3, 0.2, 0.001, 0.05, 0.0, 0.001, 0.002, 0.0, 0.0, 0.001, 0.0, 0.0, 0.002, 0.0, 0.0, 0.0, 0.0]
    choice = choose_group_count(curve(values))
    assert choice == (5, True), "the bump at 5 groups is the last distance of 1 % of the maximum"
    assert choose_group_count(curve(values), stays=2) == (5, True)
    assert choose_group_count(curve(values), stays=1) == (3, True), "4 groups are near 3"
    assert choose_group_count(curve([0.0] * 12)) == (1, True)


def test_a_curve_that_does_not_settle_says_so():
    choice = choose_group_count(curve([0.3, 0.2, 0.25, 0.3, 0.2, 0.3]))
    assert choice == (7, False)


def test_the_curve_of_a_world_with_two_halves():
    # pair (0, 1) is +1 left and -1 right: invisible with one group, whole with two
    rng = np.random.default_rng(3)
    points = rng.uniform(size=(300, 3))
    points[:, 0] += 5 * (np.arange(300) % 2)
    hessians = np.zeros((300, 3, 3))
    hessians[:, 0, 1] = hessians[:, 1, 0] = np.where(np.arange(300) % 2, 1.0, -1.0)
    hessians[:, 0, 2] = hessians[:, 2, 0] = 0.3
    table = distance_curve(hessians, points, identity=IDENTITY, max_groups=13, seeds=(0, 1))
    mean = table.groupby("n_groups")["distance"].mean()
    # shares 0, 1, 0 become 1/1.3, .3/1.3, 0 for (0, 1), (0, 2), (1, 2); ranks 2.5, 1, 2.5 become 1, 2, 3
    assert mean[2] == pytest.approx((1 / 1.3) ** 2 * 1.5**2 + (1 - 0.3 / 1.3) ** 2 * 1)
    assert mean[3:].max() < 1e-12
    assert table.loc[table["chosen"], "n_groups"].unique().tolist() == [2] and table["settled"].all()


def test_strata_are_named():
    labels, names = stratum_groups(pd.DataFrame({"gata": [1, 0, 1, 1], "tal": [0, 2, 0, 2]}))
    assert names == ["gata=0, tal=2", "gata=1, tal=0", "gata=1, tal=2"]
    assert labels.tolist() == [1, 0, 1, 2]
    with pytest.raises(SeqauditError, match="1 gaps"):
        stratum_groups(pd.DataFrame({"gata": [1, np.nan]}))


def test_halves_agree_on_signal_and_not_on_noise():
    rng = np.random.default_rng(4)

    def half(noise):
        mean = signal + noise * rng.normal(size=(1, 20, 3, 3))
        return GroupHessians(mean, np.abs(mean).mean(axis=1), np.full(20, 5))

    signal = rng.normal(size=(1, 20, 3, 3))
    assert split_half_agreement(half(0.0), half(0.0)) == pytest.approx(1)
    assert split_half_agreement(half(1.0), half(1.0)) == pytest.approx(0.5, abs=0.2)
    signal = 0.0
    assert abs(split_half_agreement(half(1.0), half(1.0))) < 0.35
    with pytest.raises(SeqauditError, match="expected the same"):
        split_half_agreement(half(1.0), half(1.0)._replace(mean=np.ones((1, 4, 3, 3)), sizes=np.ones(4)))


def test_errors():
    rng = np.random.default_rng(5)
    with pytest.raises(SeqauditError, match="got 9 groups for 8 points"):
        kmeans_groups(rng.normal(size=(8, 2)), n_groups=9)
    with pytest.raises(SeqauditError, match="only 3 of the 30 points are different"):
        kmeans_groups(np.repeat(np.eye(3), 10, axis=0), n_groups=4)
    with pytest.raises(SeqauditError, match="feature 'x2' is nan in row 3"):
        kmeans_groups(np.where(np.arange(16).reshape(8, 2) == 7, np.nan, 1.0), n_groups=2)
    with pytest.raises(SeqauditError, match="the curve is empty"):
        choose_group_count(curve([]))

"""Training records of networks on tables."""

import numpy as np
import pytest
from toy_mlps import random_mlps

from seqaudit.models.posterior import Ensemble, PointPosterior
from seqaudit.training.bayesian import Fitted
from seqaudit.training.bayesian_records import mean_prediction, training_records

IDENTITY = {"fit": "f", "dataset": "d", "posterior": "ensemble"}
RECORD = {
    "epochs": 9,
    "best_epoch": 7,
    "train_loss": 0.5,
    "validation_loss": 0.6,
    "noise_precision": 2.0,
    "stopped": "patience",
}


def test_the_prediction_of_an_ensemble_is_the_average_of_its_members():
    networks = random_mlps([3, 4, 1], samples=2)
    ensemble = Ensemble(tuple(PointPosterior(networks.part(slice(k, k + 1))) for k in range(2)))
    points = np.random.default_rng(0).normal(size=(5, 3))
    np.testing.assert_allclose(mean_prediction(ensemble, points), networks.predict(points).mean(axis=0))


def test_records_tell_how_well_held_out_targets_are_predicted():
    posterior = PointPosterior(random_mlps([3, 4, 1], samples=1))
    points = np.random.default_rng(0).normal(size=(200, 3))
    right = posterior.mean().predict(points)[0]
    noisy = right + np.random.default_rng(1).normal(size=200) * right.std()
    for target, expected in ((right, 1.0), (noisy, 0.5)):
        table = training_records(
            [Fitted(posterior, (RECORD, RECORD))],
            identity=IDENTITY,
            targets="observed",
            draws=[0],
            test_points=points,
            test_target=target,
        )
        assert list(table["member"]) == [1, 2] and list(table["draw"]) == [0, 0]
        assert table["test_r2"].to_numpy() == pytest.approx([expected] * 2, abs=0.12)


def test_refits_have_no_held_out_targets():
    posterior = PointPosterior(random_mlps([3, 4, 1], samples=1))
    table = training_records(
        [Fitted(posterior, (RECORD,))] * 2, identity=IDENTITY, targets="additive", draws=[3, 4]
    )
    assert list(table["draw"]) == [3, 4] and table["test_r2"].isna().all()

"""Training records of networks on tables."""

import numpy as np
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


def test_all_members_carry_the_losses_on_held_out_points():
    posterior = PointPosterior(random_mlps([3, 4, 1], samples=1))
    table = training_records(
        [Fitted(posterior, (RECORD, RECORD))],
        identity=IDENTITY,
        targets="observed",
        draws=[0],
        held_out={"test_r2": 0.5, "p_loss": 0.01},
    )
    assert list(table["member"]) == [1, 2] and list(table["draw"]) == [0, 0]
    assert table["test_r2"].eq(0.5).all() and table["p_loss"].eq(0.01).all()
    assert table["loss_gain"].isna().all()


def test_refits_have_no_held_out_targets():
    posterior = PointPosterior(random_mlps([3, 4, 1], samples=1))
    table = training_records(
        [Fitted(posterior, (RECORD,))] * 2, identity=IDENTITY, targets="additive", draws=[3, 4]
    )
    assert list(table["draw"]) == [3, 4] and table["test_r2"].isna().all()

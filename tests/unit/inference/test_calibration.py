"""Calibration: truths by algebra, recovery of a simulated over-confidence, error texts."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import isotonic_regression
from scipy.stats import norm

from seqaudit.data.tables import read_table, write_table
from seqaudit.errors import SeqauditError
from seqaudit.inference.calibration import (
    OBSERVATION_NOISE,
    Predictions,
    QuantileMap,
    calibration_errors,
    calibration_table,
    ensemble_moments,
    fit_quantiles,
    predictions_by_output,
    scale_members,
    standardised_errors,
    variance_factor,
)


def toy(n=4000, *, members=5, k=3.0, noise=0.0, seed=1) -> Predictions:
    """Members scatter by about 1; the truth is ``k`` of their own standard deviations away."""
    rng = np.random.default_rng(seed)
    values = rng.normal(rng.normal(0, 5, n), 1, (members, n))
    mean, sd = values.mean(axis=0), values.std(axis=0, ddof=1)
    expected = mean + k * sd * rng.normal(size=n)
    target = expected + np.sqrt(noise) * rng.normal(size=n)
    return Predictions(np.array([f"seq{i:05d}" for i in range(n)]), values, target, expected)


def table_of(*parts: tuple[str, str, Predictions]) -> pd.DataFrame:
    """Table ``ensemble_predictions`` of ``(output, split, predictions)``."""
    tables = []
    for output, split, predictions in parts:
        for member, values in enumerate(predictions.members):
            tables.append(
                pd.DataFrame(
                    {
                        "member": member,
                        "sequence_id": [f"{split}.{name}" for name in predictions.sequence_ids],
                        "split": split,
                        "output": output,
                        "prediction": values.astype(np.float32),
                        "target": predictions.target,
                        "expected": predictions.expected,
                    }
                )
            )
    return pd.concat(tables, ignore_index=True)


@pytest.mark.parametrize("k", [0.5, 1.0, 3.0])
def test_quantile_recalibration_keeps_the_mean_and_scales_the_spread(k):
    fitted, held_out = toy(k=k), toy(k=k, seed=2)
    moved = fit_quantiles(fitted, noise_variance=0).recalibrate(held_out.members)
    mean, sd = ensemble_moments(held_out.members, ddof=1)
    shift = (moved.mean(axis=0) - mean) / sd
    assert abs(shift.mean()) < 0.05
    assert np.mean(moved.std(axis=0, ddof=1) / sd) == pytest.approx(k, rel=0.05)


def test_scale_recalibration_keeps_the_mean_and_scales_the_spread():
    fitted, held_out = toy(), toy(seed=2)
    factor = variance_factor(fitted, noise_variance=0)
    moved = scale_members(held_out.members, factor)
    assert np.allclose(moved.mean(axis=0), held_out.members.mean(axis=0))
    ratio = moved.std(axis=0, ddof=1) / held_out.members.std(axis=0, ddof=1)
    assert np.allclose(ratio, np.sqrt(factor)) and ratio[0] == pytest.approx(3, rel=0.05)


def test_known_noise_is_subtracted():
    noisy = toy(n=40_000, k=1.5, noise=4.0)
    assert variance_factor(noisy, noise_variance=4.0) == pytest.approx(1.5**2, rel=0.06)
    assert variance_factor(noisy, noise_variance=0.0) == pytest.approx(1.5**2 + 4.0, rel=0.06)
    assert variance_factor(toy(k=0.1), noise_variance=1.0) < 0, "too much noise was assumed, and it shows"


def test_the_variance_factor_of_an_honest_ensemble_is_one_and_the_error_of_its_mean():
    rng = np.random.default_rng(4)
    draws = rng.normal(0, 2, (6, 50_000))
    honest = Predictions(np.arange(50_000).astype(str), draws[:5], draws[5], draws[5])
    assert variance_factor(honest, noise_variance=0) == pytest.approx(1 + 1 / 5, rel=0.02)


def test_standardised_errors_by_hand():
    one = Predictions(np.array(["a"]), np.array([[1.0], [3.0]]), np.array([7.0]), np.array([np.nan]))
    # mean 2, variance between members 2, with noise 2 + 23 = 25
    assert standardised_errors(one, noise_variance=23.0)[0] == pytest.approx(1.0)


def test_counts_have_the_assumed_noise():
    counts = np.random.default_rng(5).poisson(40.0, 200_000)
    assert np.var(2 * np.sqrt(counts + 3 / 8)) == pytest.approx(OBSERVATION_NOISE["anscombe"], abs=0.02)


def test_isotonic_regression_would_change_nothing():
    """Levels of seen errors are cumulative shares, so they rise already."""
    quantiles = fit_quantiles(toy(n=500), noise_variance=0)
    levels = np.arange(1, 501) / 501
    assert np.allclose(quantiles.quantile(levels), quantiles.residuals)
    assert np.allclose(isotonic_regression(quantiles.quantile(levels)).x, quantiles.residuals)


def test_beyond_the_seen_errors_the_map_is_constant():
    quantiles = QuantileMap(np.array([-2.0, 0.0, 1.0]))
    assert quantiles.quantile([0.0, 0.001, 0.5, 0.999, 1.0]).tolist() == [-2, -2, 0, 1, 1]


def test_members_that_agree_stay_where_they_are():
    moved = QuantileMap(np.array([-3.0, 0.0, 3.0])).recalibrate(np.array([[2.0, 1.0], [2.0, 3.0]]))
    assert moved[:, 0].tolist() == [2.0, 2.0] and moved[0, 1] < 1


def test_calibration_table_finds_and_repairs_overconfidence(tmp_path):
    table = table_of(("GATA1", "calibration", toy(2000)), ("TAL1", "calibration", toy(2000, k=1.0, seed=3)))
    made = calibration_table(table, ensemble="e", noise_variance=0)
    write_table(made, tmp_path / "calibration.parquet", "calibration")
    assert len(read_table(tmp_path / "calibration.parquet", "calibration")) == 2 * 19
    before = made.query("output == 'GATA1'").set_index("level")["observed_before"]
    # errors of 3 standard deviations: a share Phi(z / 3) lies below the quantile z
    expected = norm.cdf(norm.ppf(before.index.to_numpy()) / 3)
    assert np.abs(before.to_numpy() - expected).max() < 0.035
    errors = calibration_errors(made)
    assert errors.loc["GATA1", "calibration_error_before"] == pytest.approx(
        np.abs(expected - before.index.to_numpy()).mean(), abs=0.02
    )
    assert errors["calibration_error_after"].max() < 0.015
    assert errors.loc["TAL1", "calibration_error_before"] < 0.02


def test_recalibration_is_scored_on_sequences_it_was_not_fitted_to():
    """Pure noise from eight sequences: a map scored on its own sequences would look perfect."""
    errors = [
        calibration_errors(
            calibration_table(
                table_of(("a", "calibration", toy(8, seed=seed))), ensemble="e", noise_variance=0
            )
        ).loc["a", "calibration_error_after"]
        for seed in range(12)
    ]
    assert np.mean(errors) > 0.05


def test_the_order_of_rows_does_not_matter():
    table = table_of(("a", "calibration", toy(300)), ("b", "calibration", toy(300, seed=9)))
    first = calibration_table(table, ensemble="e", noise_variance=1.0)
    shuffled = calibration_table(table.sample(frac=1, random_state=1), ensemble="e", noise_variance=1.0)
    pd.testing.assert_frame_equal(first, shuffled)


def test_predictions_are_joined_by_id():
    table = table_of(("a", "test", toy(20))).sample(frac=1, random_state=1)
    arrays = predictions_by_output(table, split="test")["a"]
    assert np.allclose(arrays.members, toy(20).members, atol=1e-5)
    assert arrays.sequence_ids.tolist() == sorted(arrays.sequence_ids)
    assert np.allclose(arrays.target, toy(20).target)


TABLE = table_of(("a", "calibration", toy(10)), ("a", "test", toy(10)))


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        (TABLE[TABLE["split"] == "test"], {}, "no sequence of split 'calibration' .found test."),
        (TABLE.iloc[:0], {}, "no sequence of split 'calibration' .found no row."),
        (TABLE[TABLE["member"] == 0], {}, "1 member, expected an ensemble of at least 2"),
        (
            TABLE.assign(prediction=np.nan),
            {},
            "prediction of sequence 'calibration.seq00000' by member 0 is nan",
        ),
        (TABLE.assign(target=np.inf), {}, "target of sequence .* is inf .50 such rows."),
        (TABLE.iloc[1:], {}, "sequence 'calibration.seq00000' has no prediction of some member"),
        (TABLE.assign(prediction=1.0), {}, "all members predict the same .* Members must differ by seed"),
        (TABLE, {"noise_variance": -1.0}, "noise_variance: got -1.0"),
        (TABLE, {"levels": [0.5, 1.0]}, "levels: got .* expected probabilities between 0 and 1"),
        (TABLE, {"levels": []}, "levels: got "),
        (
            TABLE[TABLE["sequence_id"] < "calibration.seq00003"],
            {},
            "3 sequences of split 'calibration', expected at least 4",
        ),
    ],
)
def test_bad_input_is_refused(table, options, message):
    with pytest.raises(SeqauditError, match=message):
        calibration_table(table, **{"ensemble": "e", "noise_variance": 0.0, **options})


def test_bad_arrays_are_refused():
    with pytest.raises(SeqauditError, match="members: got 1, expected at least 2"):
        scale_members(np.ones((1, 3)), 1.0)
    with pytest.raises(SeqauditError, match="missing or infinite"):
        QuantileMap(np.zeros(3)).recalibrate(np.array([[np.nan], [1.0]]))
    with pytest.raises(SeqauditError, match=r"factor: got -0\.5"):
        scale_members(np.ones((2, 3)), -0.5)
    assert np.isnan(variance_factor(toy(4)._replace(members=np.ones((2, 4))), noise_variance=0))

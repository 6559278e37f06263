"""Targets drawn around a twin have its mean, the noise of their kind, and streams of their own."""

import numpy as np
import pandas as pd
import pytest

from seqaudit.errors import SeqauditError
from seqaudit.simulate.twin_labels import draw_null_targets

N = 20_000


def world(*, noise_sd=0.5):
    rng = np.random.default_rng(0)
    expected = rng.uniform(1, 40, N)
    ids = [f"s{row}" for row in range(N)]
    sequences = pd.DataFrame(
        {
            "sequence_id": ids,
            "split": np.where(np.arange(N) % 2, "train", "validation"),
            "target": expected + rng.normal(0, noise_sd, N),
            "count": 1,
            "expected_count": 0.0,
        }
    )
    predictions = pd.DataFrame({"model_id": "d.twin", "sequence_id": ids, "prediction": expected})
    return sequences, predictions.sample(frac=1, random_state=1)


def draw(sequences, predictions, transform="anscombe", replicate=1, seed=0):
    return draw_null_targets(sequences, predictions, transform=transform, replicate=replicate, seed=seed)


def test_counts_are_poisson_around_the_twin():
    sequences, predictions = world()
    drawn = draw(sequences, predictions)
    expected = sequences["sequence_id"].map(predictions.set_index("sequence_id")["prediction"])
    assert np.array_equal(drawn["expected_count"], expected)
    assert (drawn["target"] == drawn["target"].round()).all()
    # Pearson's statistic has mean N and variance about 2 N
    pearson = ((drawn["target"] - expected) ** 2 / expected).sum()
    assert abs(pearson - N) < 4 * np.sqrt(2.2 * N)
    assert abs((drawn["target"] - expected).sum()) < 4 * np.sqrt(expected.sum())
    assert drawn["count"].isna().all()


def test_measured_targets_have_the_variance_of_the_residuals():
    sequences, predictions = world(noise_sd=0.5)
    drawn = draw(sequences, predictions, transform="identity")
    residual = drawn["target"] - drawn["expected_count"]
    assert residual.std() == pytest.approx(0.5, rel=0.03)
    assert abs(residual.mean()) < 4 * 0.5 / np.sqrt(N)


def test_replicates_and_seeds_have_streams_of_their_own():
    sequences, predictions = world()
    first = draw(sequences, predictions)["target"]
    assert first.equals(draw(sequences, predictions)["target"])
    for other in ({"replicate": 2}, {"seed": 1}):
        assert (first != draw(sequences, predictions, **other)["target"]).mean() > 0.8


def test_refuses():
    sequences, predictions = world()
    with pytest.raises(SeqauditError, match="sequence 's0' has none"):
        draw(sequences, predictions[predictions["sequence_id"] != "s0"])
    two = pd.concat([predictions, predictions.assign(model_id="d.twin.other")])
    with pytest.raises(SeqauditError, match="got 2 twins"):
        draw(sequences, two)
    with pytest.raises(SeqauditError, match="no row of split 'validation'"):
        draw(sequences.assign(split="train"), predictions, transform="identity")

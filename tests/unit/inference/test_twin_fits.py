"""Losses of twins, networks and truth stand side by side, each on the same sequences."""

import numpy as np
import pandas as pd
import pytest

from seqaudit.errors import SeqauditError
from seqaudit.inference.twin_fits import compare_fits

SEQUENCES = pd.DataFrame(
    {
        "sequence_id": ["t", "v1", "v2"],
        "split": ["train", "validation", "validation"],
        "target": [50.0, 10.0, 20.0],
        "expected_count": [50.0, 12.0, 19.0],
    }
)
CANDIDATES = pd.DataFrame(
    {
        "family": ["sigmoid", "sigmoid", "layered"],
        "seed": [1, 2, 1],
        "screening_mse": [9.0, 8.0, np.nan],
        "validation_mse": [np.nan, 6.0, np.nan],
        "status": ["screened out", "chosen", "diverged"],
    }
)
# other twins, and rows of another order, must not matter
PREDICTIONS = pd.DataFrame(
    {
        "model_id": ["d.twin", "d.twin", "d.twin", "d.twin.sigmoid.seed_1"],
        "sequence_id": ["v2", "t", "v1", "v1"],
        "split": ["validation", "train", "validation", "validation"],
        "prediction": [21.0, 1.0, 13.0, 99.0],
    }
)
HISTORY = pd.DataFrame(
    {
        "model_id": ["d.arch1.l1_0.0001.seed_1"] * 3,
        "epoch": [1, 2, 3],
        "validation_mse": [5.0, 3.0, 4.0],
        "best": [True, True, False],
    }
)


def fits(sequences=SEQUENCES, predictions=PREDICTIONS, transform="identity") -> pd.DataFrame:
    table = compare_fits(sequences, CANDIDATES, predictions, HISTORY, dataset="d", transform=transform)
    return table.set_index("predictor")


def test_losses_by_hand():
    table = fits()
    assert (table["n_validation"] == 2).all()
    # (2 ** 2 + 1 ** 2) / 2 and (3 ** 2 + 1 ** 2) / 2
    expected = {
        "sigmoid.seed_1": 9.0,
        "sigmoid.seed_2": 6.0,
        "d.twin": 5.0,
        "d.truth": 2.5,
        "d.arch1.l1_0.0001.seed_1": 3.0,
    }
    found = table["validation_mse"].dropna().to_dict()
    assert found == pytest.approx(expected)
    assert table["relative_mse"].dropna().to_dict() == pytest.approx(
        {k: v / 2.5 for k, v in expected.items()}
    )
    assert table.loc["layered.seed_1", "status"] == "diverged"
    assert table.loc["d.arch1.l1_0.0001.seed_1", "form"] == "arch1"


def test_without_a_truth_the_twin_is_the_measure():
    table = fits(SEQUENCES.assign(expected_count=np.nan))
    assert "d.truth" not in table.index
    assert table.loc["d.twin", "relative_mse"] == 1
    assert table.loc["d.arch1.l1_0.0001.seed_1", "relative_mse"] == pytest.approx(3 / 5)


def test_negative_counts_are_the_smallest_that_can_be_transformed():
    low = PREDICTIONS.assign(prediction=[21.0, 1.0, -4.0, 99.0])
    # 2 sqrt(0) against 2 sqrt(10.375), and 2 sqrt(21.375) against 2 sqrt(20.375)
    assert fits(predictions=low, transform="anscombe").loc["d.twin", "validation_mse"] == pytest.approx(
        (41.5 + 4 * (21.375**0.5 - 20.375**0.5) ** 2) / 2
    )


def test_a_twin_that_was_not_asked_is_refused():
    with pytest.raises(SeqauditError, match=r"of 2 validation sequences 1 have no prediction of 'd\.twin'"):
        fits(predictions=PREDICTIONS.iloc[1:])

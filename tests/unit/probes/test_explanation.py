"""One model explained: maps by every method, and predictions of sequences kept for selection."""

import numpy as np
import pandas as pd
import pytest
from attribution_networks import LENGTH, Linear, centred, sequences

from seqaudit.errors import SeqauditError
from seqaudit.probes.explanation import explain_model


@pytest.fixture(scope="module")
def table():
    letters = np.array(list("ACGT"))[sequences(12).argmax(axis=1)]
    return pd.DataFrame(
        {
            "sequence_id": [f"s{i}" for i in range(12)],
            "split": ["train"] * 2 + ["validation"] * 4 + ["test"] * 6,
            "sequence": ["".join(row) for row in letters],
            "target": np.arange(12.0),
        }
    )


def test_maps_and_held_out_predictions_of_a_linear_network(table):
    model = Linear()
    chosen = table[table["split"] == "test"]
    maps, summary, heldout, target = explain_model(
        model, chosen, table, model_id="m", transform="identity", methods=["saliency", "ism"], seed=1
    )
    weight = centred(model.weight.detach().numpy()[0])
    assert list(maps) == ["saliency", "ism"]
    for found in maps.values():  # of a linear function all methods give its centred weights
        np.testing.assert_allclose(found, np.broadcast_to(weight, (6, 4, LENGTH)), atol=2e-5)
    assert list(summary["n_heldout"]) == [4, 4] and list(summary["n_sequences"]) == [6, 6]
    assert summary["off_simplex_30"].notna().tolist() == [True, False]
    weights = model.weight.detach().numpy()[0]
    expected = (sequences(12)[2:6] * weights).sum(axis=(1, 2)) + 3
    np.testing.assert_allclose(heldout, expected, rtol=1e-5)
    np.testing.assert_array_equal(target, [2, 3, 4, 5])


def test_without_validation_sequences_nothing_could_choose(table):
    test_only = table[table["split"] == "test"]
    with pytest.raises(SeqauditError, match="0 of split validation, expected at least 2"):
        explain_model(
            Linear(), test_only, test_only, model_id="m", transform="identity", methods=["saliency"]
        )

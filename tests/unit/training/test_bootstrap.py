"""Networks trained again on other targets: as from scratch, or from where the model was."""

import numpy as np
import pandas as pd
import torch

from seqaudit.training.bootstrap import retrain_model
from seqaudit.training.train import train_model

ARCHITECTURE = {"convolutions": [{"filters": 3, "width": 4}], "dense": [4]}
SETTINGS = {"transform": "anscombe", "l1": 1e-4, "seed": 3, "device": "cpu"}


def sequences(seed=0, n=120):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "split": np.where(np.arange(n) < 80, "train", "validation"),
            "sequence": ["".join(row) for row in rng.choice(list("ACGT"), (n, 15))],
            "target": rng.poisson(30, n).astype(float),
        }
    )


def trained(table, **options):
    return train_model(table, architecture=ARCHITECTURE, padding="same", **SETTINGS, **options)


def test_from_scratch_is_the_ordinary_training():
    model = trained(sequences(), max_epochs=2).model
    null = sequences().assign(target=7.0)
    again = retrain_model(model, null, warm_start=False, max_epochs=3, **SETTINGS)
    expected = trained(null, max_epochs=3)
    for name, value in expected.model.state_dict().items():
        assert torch.equal(value, again.model.state_dict()[name]), name


def test_a_warm_start_begins_where_the_model_was_and_leaves_it_alone():
    first = trained(sequences(), max_epochs=5)
    before = {name: value.clone() for name, value in first.model.state_dict().items()}
    still = {"max_epochs": 1, "learning_rate": 1e-12}
    again = retrain_model(first.model, sequences(), warm_start=True, **still, **SETTINGS)
    for name, value in again.model.state_dict().items():
        assert torch.allclose(value, before[name], atol=1e-6), name
    moved = retrain_model(first.model, sequences(), warm_start=True, max_epochs=1, **SETTINGS)
    assert not torch.equal(moved.model.output.weight, before["output.weight"])
    assert all(torch.equal(value, before[name]) for name, value in first.model.state_dict().items())

"""Batch normalisation by a sequence's own mutants: the published defect, against a direct loop."""

import copy

import numpy as np
import pytest
import torch

from seqaudit.errors import SeqauditError
from seqaudit.models.cnn import build_cnn
from seqaudit.models.predict import predict
from seqaudit.probes.mutagenesis import mutagenesis_chunks, saturation_mutagenesis

LENGTH = 30


def sequences(n, seed=1):
    letters = np.random.default_rng(seed).integers(4, size=(n, LENGTH))
    return np.eye(4, dtype=np.int8)[letters].transpose(0, 2, 1).copy()


def network(seed=1, batch_norm=True, dropout=0.0):
    """With running statistics of random sequences, as after a training."""
    layer = {"filters": 5, "width": 7, "batch_norm": batch_norm, "dropout": dropout}
    description = {"convolutions": [layer, layer], "pooling": "flatten", "dense": [6]}
    model = build_cnn(
        description, padding="valid", length=LENGTH, outputs=2, seed=seed, initial_weights="torch"
    )
    with torch.no_grad():
        for _ in range(20):
            model(torch.from_numpy(sequences(50, seed)).float())
    return model.eval()


def as_published(model, one_hot):
    """Effects ``(n, 4, L, outputs)`` and references, by one batch in training mode after another."""
    effects, references = [], []
    for sequence in one_hot:
        batch = []
        for position in range(LENGTH):
            for base in range(4):
                mutant = sequence.copy()
                mutant[:, position] = np.eye(4)[base]
                batch.append(mutant)
        fresh = copy.deepcopy(model).train()
        with torch.no_grad():
            predictions = fresh(torch.from_numpy(np.array(batch)).float()).numpy()
        predictions = predictions.reshape(LENGTH, 4, -1)
        unmutated = predictions[np.arange(LENGTH), sequence.argmax(0)]
        effects.append((predictions - unmutated[:, None]).transpose(1, 0, 2))
        references.append(unmutated[0])
    return np.array(effects), np.array(references)


def test_equals_a_direct_loop_over_batches_in_training_mode():
    one_hot, models = sequences(4), [network(1), network(2)]
    found = saturation_mutagenesis(models, one_hot, batch_norm="train")
    for member, model in enumerate(models):
        effects, references = as_published(model, one_hot)
        assert np.abs(effects).max() > 0.05
        np.testing.assert_allclose(found.effects[member], effects, atol=1e-5)
        np.testing.assert_allclose(found.reference[member], references, atol=1e-5)


def test_a_reference_depends_on_its_own_mutants():
    model, one_hot = network(), sequences(3)
    defect = saturation_mutagenesis(model, one_hot, batch_norm="train")
    correct = saturation_mutagenesis(model, one_hot)
    assert np.array_equal(correct.reference[0], predict(model, one_hot))
    spread = correct.reference.std()
    assert np.abs(defect.reference - correct.reference).max() > 0.1 * spread
    # but not on other sequences: each has a batch of its own
    alone = saturation_mutagenesis(model, one_hot[1:2], batch_norm="train")
    assert np.array_equal(alone.effects[:, 0], defect.effects[:, 1])


def test_networks_are_left_as_they_were():
    model = network(dropout=0.5)
    model.convolutions[0].train()  # flags that differ between layers
    before = copy.deepcopy(model.state_dict())
    flags = [(module.training, getattr(module, "track_running_stats", None)) for module in model.modules()]
    first = saturation_mutagenesis(model, sequences(2), batch_norm="train")
    again = saturation_mutagenesis(model, sequences(2), batch_norm="train")
    assert np.array_equal(first.effects, again.effects), "dropout was on"
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    assert flags == [
        (module.training, getattr(module, "track_running_stats", None)) for module in model.modules()
    ]


def test_networks_are_left_as_they_were_after_an_error():
    model = network()
    model.output.register_forward_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        saturation_mutagenesis(model, sequences(1), batch_norm="train")
    assert not any(module.training for module in model.modules())
    assert all(block.norm.track_running_stats for block in model.convolutions)


def test_gaps_are_copies_in_the_batch_and_have_no_effect():
    one_hot = sequences(1)
    one_hot[0, :, [0, 4]] = 0
    found = saturation_mutagenesis(network(), one_hot, batch_norm="train")
    gaps = np.isnan(found.effects).all(axis=(0, 1, 2, 4))
    assert list(np.flatnonzero(gaps)) == [0, 4]
    assert np.isfinite(np.delete(found.effects, [0, 4], axis=3)).all()


def test_chunks_give_the_same():
    model, one_hot = network(), sequences(5)
    whole = saturation_mutagenesis(model, one_hot, batch_norm="train")
    parts = [c.result.effects for c in mutagenesis_chunks(model, one_hot, chunk_size=2, batch_norm="train")]
    assert np.array_equal(np.concatenate(parts, axis=1), whole.effects)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"batch_norm": "training"}, "batch_norm 'training' is unknown, expected one of evaluate, train"),
        ({"batch_norm": "train", "method": "local"}, "method is 'local', which computes each mutant"),
        ({"batch_norm": "train", "models": network(batch_norm=False)}, r"models\[0\] has no batch norm"),
        ({"batch_norm": "train", "one_hot": sequences(1)[:, :, 1:]}, "have 29 bp, but the model was built"),
    ],
)
def test_bad_input_is_refused(options, message):
    options = {"models": network(), "one_hot": sequences(1), **options}
    with pytest.raises(SeqauditError, match=message):
        saturation_mutagenesis(options.pop("models"), options.pop("one_hot"), **options)

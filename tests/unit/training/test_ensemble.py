"""Ensembles: splits by families, members, folded scales, resuming, errors."""

import copy

import numpy as np
import pytest
import torch
from toy_causal import ARCHITECTURE, toy_tables

from seqaudit.data.causal import families, target_matrix
from seqaudit.data.schemas import SCHEMAS
from seqaudit.data.sequences import one_hot
from seqaudit.data.targets import transform_target
from seqaudit.errors import SeqauditError
from seqaudit.models.cnn import build_cnn
from seqaudit.models.predict import predict
from seqaudit.training import ensemble as module
from seqaudit.training.ensemble import (
    remove_ensemble_progress,
    train_ensemble,
    train_until_learned,
    unscale_outputs,
)
from seqaudit.training.loop import FitResult

OUTPUTS = ["y", "x"]


def trained(sequences=None, targets=None, **options):
    if sequences is None:
        sequences, targets = toy_tables()
    settings = {
        "outputs": OUTPUTS,
        "architecture": ARCHITECTURE,
        "padding": "valid",
        "transform": "anscombe",
        "members": 3,
        "seed": 4,
        "batch_size": 30,
        "max_epochs": 4,
        "restarts": 0,
    }
    return train_ensemble(sequences, targets, **{**settings, **options})


@pytest.fixture
def fits(monkeypatch):
    """Arguments of every call of ``fit``."""
    calls, fit = [], module.fit

    def spy(model, *data, **options):
        calls.append((copy.deepcopy(model), data, options))
        return fit(model, *data, **options)

    monkeypatch.setattr(module, "fit", spy)
    return calls


def weights(models):
    return [torch.cat([tensor.ravel() for tensor in model.state_dict().values()]) for model in models]


def letters_of(part):
    return ["".join("ACGT"[letter] for letter in sequence.argmax(0)) for sequence in part]


def test_learns_both_outputs_in_the_training_space():
    sequences, targets = toy_tables(n_train=800, n_mutants=400)
    options = {"members": 2, "max_epochs": 30, "batch_size": 20}
    result = trained(sequences, targets, **options)
    test = sequences[sequences["split"] == "test"]
    expected = transform_target(target_matrix(test, targets, outputs=OUTPUTS, column="expected"), "anscombe")
    for model in result.models:
        residual = predict(model, one_hot(test["sequence"])) - expected
        assert (np.square(residual).mean(0) < 0.3 * expected.var(0)).all()
        assert not model.training


def test_a_member_that_learned_nothing_is_trained_again(fits):
    """Epochs of no length: no attempt learns. A first attempt is that of an ensemble without restarts."""
    options = {"members": 2, "learning_rate": 1e-9, "max_epochs": 1}
    trained(restarts=2, **options)
    assert len(fits) == 6
    assert len({call[2]["seed"] for call in fits}) == 6
    for member in (0, 1):
        first, *later = fits[3 * member : 3 * member + 3]
        for one in later:  # what is held out stays
            np.testing.assert_array_equal(one[1][2], first[1][2])
    first_attempts = fits[::3]
    fits.clear()
    trained(**options)
    for (ours, _, called), (alone, _, called_alone) in zip(first_attempts, fits, strict=True):
        assert torch.equal(*weights([ours, alone])) and called["seed"] == called_alone["seed"]


@pytest.mark.parametrize(
    "errors, kept, tried",
    [([3.9, 0.1, 0.1], 1, 1), ([4.0, 1.5, 0.1], 2, 2), ([3.99, 3.95, 4.2], 2, 3)],
    ids=["learned", "learned later", "never learned: the best"],
)
def test_which_attempt_is_kept(errors, kept, tried, tmp_path):
    folders = []

    def train(*, weights_seed, seed, checkpoint):
        folders.append(checkpoint.name)
        return FitResult(None, None, {"validation_mse": errors[len(folders) - 1]})

    result = train_until_learned(train, variance=4, seed=(1, 0), restarts=2, checkpoint=tmp_path / "member_0")
    assert result.record["attempt"] == kept
    assert folders == ["member_0", "member_0_attempt_2", "member_0_attempt_3"][:tried]


def test_a_member_that_learned_is_kept(fits):
    sequences, targets = toy_tables(n_train=800, n_mutants=400)
    result = trained(sequences, targets, members=2, max_epochs=10, batch_size=20, restarts=2)
    assert len(fits) == 2 and [own["attempt"] for own in result.record["members"]] == [1, 1]


def test_mutants_stay_with_their_parents(fits):
    sequences, targets = toy_tables()
    trained(sequences, targets)
    rows = sequences[sequences["split"] == "train"].drop_duplicates("sequence")
    assert len(rows) == 180, "sequences must tell rows apart"
    parents = rows.set_index("sequence")["parent"]
    held_out = []
    for _, (ours, _, theirs, _), _ in fits:
        in_training, in_validation = set(parents[letters_of(ours)]), set(parents[letters_of(theirs)])
        assert not in_training & in_validation
        assert len(in_validation) == 18, "15 % of 120 families"
        assert len(ours) + len(theirs) == 180
        held_out.append(in_validation)
    assert held_out[0] != held_out[1] != held_out[2]


def test_the_number_of_mutants_does_not_move_the_split(fits):
    sequences, targets = toy_tables()
    rows = sequences[sequences["split"] == "train"].set_index("sequence")
    validation = []
    for n_mutants in (0, 20, 60, None):
        fits.clear()
        result = trained(sequences, targets, n_mutants=n_mutants, members=1, max_epochs=1)
        (_, (ours, _, theirs, _), _) = fits[0]
        used = rows.loc[letters_of(ours) + letters_of(theirs)]
        wanted = 60 if n_mutants is None else n_mutants
        assert set(used.loc[used["mutated"], "sequence_id"]) == {f"mutant_{row}" for row in range(wanted)}
        assert result.record["n_mutants"] == wanted
        theirs = rows.loc[letters_of(theirs)]
        validation.append(set(theirs.loc[~theirs["mutated"], "sequence_id"]))
    assert validation[0] == validation[1] == validation[2] == validation[3]


def test_members_differ_by_weights_split_and_order_and_begin_a_larger_ensemble(fits):
    five = trained(members=5)
    initial = weights(model for model, *_ in fits)
    for several in (initial, weights(five.models)):
        assert all(not torch.equal(several[i], several[j]) for i in range(5) for j in range(i))
    assert len({options["seed"] for *_, options in fits}) == 5
    for small, large in zip(weights(trained(members=2).models), weights(five.models)):
        assert torch.equal(small, large)
    other = weights(trained(members=2, seed=5).models)
    assert all(not torch.equal(a, b) for a in other for b in weights(five.models))


def test_initial_weights_and_targets_are_as_asked_for(fits):
    sequences, targets = toy_tables()
    for standardise, initial_weights in ((True, "torch"), (False, "keras")):
        fits.clear()
        result = trained(
            sequences,
            targets,
            standardise_targets=standardise,
            initial_weights=initial_weights,
            members=1,
        )
        model, (_, ours, _, theirs), _ = fits[0]
        assert bool(model.output.bias.any()) == (initial_weights == "torch")
        if standardise:
            np.testing.assert_allclose(ours.mean(0), 0, atol=1e-12)
            np.testing.assert_allclose(ours.std(0), 1, rtol=1e-12)
        else:
            rows = sequences[sequences["split"] == "train"]
            everything = transform_target(target_matrix(rows, targets, outputs=OUTPUTS), "anscombe")
            np.testing.assert_allclose(np.sort(np.concatenate([ours, theirs]), 0), np.sort(everything, 0))
        member = result.record["members"][0]
        assert (member["target_sd"] == [1, 1]) != standardise


def test_the_scale_of_targets_moves_into_the_output_layer():
    generator = np.random.default_rng(1)
    model = build_cnn(
        ARCHITECTURE, padding="valid", length=20, outputs=2, seed=1, initial_weights="torch"
    ).double()
    sequences = torch.from_numpy(generator.random((9, 4, 20)))
    mean, sd = np.array([40.0, -3.0]), np.array([27.0, 0.1])
    with torch.no_grad():
        before = model(sequences).numpy()
        unscale_outputs(model, mean=mean, sd=sd)
        np.testing.assert_allclose(model(sequences).numpy(), before * sd + mean, rtol=1e-13)


def test_members_predict_what_their_last_standardised_loss_says(fits):
    result = trained(members=2)
    for index, (model, (_, (_, _, letters, scaled), _)) in enumerate(zip(result.models, fits)):
        member = result.record["members"][index]
        mean, sd = np.array(member["target_mean"]), np.array(member["target_sd"])
        in_units_of_training = (predict(model, letters) - mean) / sd
        mse = np.square(in_units_of_training - scaled).mean()
        assert mse == pytest.approx(member["validation_mse"], rel=1e-4)


def test_predictions_do_not_depend_on_the_rest_of_a_batch():
    layer = {"filters": 6, "width": 5, "batch_norm": True}
    result = trained(architecture={**ARCHITECTURE, "convolutions": [layer]}, members=1)
    sequences, _ = toy_tables(seed=2)
    letters = one_hot(sequences["sequence"])
    whole = predict(result.models[0], letters)
    alone = np.concatenate([predict(result.models[0], letters[row : row + 1]) for row in range(5)])
    np.testing.assert_allclose(alone, whole[:5], rtol=1e-5)


def test_history_and_record():
    result = trained(members=2)
    declared = [column.name for column in SCHEMAS["training_history"].columns if column.name != "model_id"]
    assert list(result.history) == ["member", *declared]
    assert result.history.groupby("member").size().tolist() == [4, 4]
    assert result.record["outputs"] == OUTPUTS
    assert result.record["epochs"] == 4
    assert result.record["seconds"] == pytest.approx(result.history["seconds"].sum())
    assert [member["member"] for member in result.record["members"]] == [0, 1]


def test_one_member_is_an_ensemble():
    assert len(trained(members=1).models) == 1


def test_the_order_of_rows_of_targets_means_nothing():
    sequences, targets = toy_tables()
    shuffled = targets.sample(frac=1, random_state=1)
    for one, other in zip(
        weights(trained(sequences, targets).models), weights(trained(sequences, shuffled).models)
    ):
        assert torch.equal(one, other)


class Killed(Exception):
    pass


@pytest.mark.parametrize("member, epoch", [(1, 1), (1, 3), (2, 2)], ids=["between", "inside", "later"])
def test_a_killed_ensemble_continues_to_the_same_bits(tmp_path, monkeypatch, member, epoch):
    whole = trained()
    started, fit = [], module.fit

    def killed(*arguments, **options):
        number = len(started)
        started.append(number)

        def on_epoch(row):
            if (number, row["epoch"]) == (member, epoch):
                raise Killed

        return fit(*arguments, **options, on_epoch=on_epoch)

    folder = {"checkpoint": tmp_path / "state", "checkpoint_seconds": 0}
    monkeypatch.setattr(module, "fit", killed)
    with pytest.raises(Killed):
        trained(**folder)
    run = []
    monkeypatch.setattr(module, "fit", lambda *a, **o: fit(*a, **o, on_epoch=lambda row: run.append(row)))
    resumed = trained(**folder)
    assert len(run) == 4 * (3 - member) - (epoch - 1), "finished members and epochs do not run again"
    for one, other in zip(weights(whole.models), weights(resumed.models)):
        assert torch.equal(one, other)
    timeless = [column for column in whole.history if column != "seconds"]
    assert whole.history[timeless].equals(resumed.history[timeless])

    remove_ensemble_progress(tmp_path / "state")
    assert not list((tmp_path / "state").iterdir())


def with_nan(targets):
    targets = targets.copy()
    targets.loc[(targets["sequence_id"] == "train_7") & (targets["output"] == "y"), "target"] = np.nan
    return targets


def constant(targets):
    return targets.assign(target=targets["target"].where(targets["output"] != "x", 3.0))


@pytest.mark.parametrize(
    ("of_sequences", "of_targets", "options", "message"),
    [
        (None, None, {"outputs": ["y", "z"]}, "outputs: z has no targets"),
        (None, with_nan, {}, "sequence 'train_7' has target nan of output 'y'"),
        (None, constant, {}, "output 'x' is 3.67423 in all training sequences"),
        (lambda s: s[s["split"] == "test"], None, {}, "no row of split 'train'"),
        (lambda s: s[s["sequence_id"] != "train_3"], None, {}, "is a mutant of 'train_3', which is not"),
        (None, None, {"n_mutants": 61}, "n_mutants: got 61, but the training split has 60 labelled"),
        (None, None, {"n_mutants": -1}, "n_mutants: got -1"),
        (None, None, {"validation_fraction": 0.001}, "leaves 120 to train and 0 to validate on"),
        (None, None, {"validation_fraction": 1.0}, "leaves 0 to train and 120 to validate on"),
        (None, None, {"members": 0}, "members: got 0, expected at least 1"),
        (None, None, {"seed": -1}, "seed: got -1, expected at least 0"),
        (None, None, {"initial_weights": "zeros"}, "initial_weights 'zeros' is unknown, .* keras, torch"),
        (None, None, {"transform": "log"}, "transform 'log' is unknown"),
    ],
)
def test_bad_input_is_refused(of_sequences, of_targets, options, message):
    sequences, targets = toy_tables()
    sequences = of_sequences(sequences) if of_sequences else sequences
    targets = of_targets(targets) if of_targets else targets
    with pytest.raises(SeqauditError, match=message):
        trained(sequences, targets, **options)


def test_families_of_the_toy_have_several_mutants():
    sequences, _ = toy_tables()
    rows = sequences[sequences["split"] == "train"]
    assert np.bincount(families(rows)).max() >= 2

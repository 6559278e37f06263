"""Training on read profiles and counts: losses by algebra, augmentation, determinism, truth recovered."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch.distributions import Multinomial

from seqaudit.data.sequences import one_hot
from seqaudit.errors import SeqauditError
from seqaudit.models.bpnet import build_bpnet
from seqaudit.models.ensembles import load_ensemble, predict_ensemble, save_ensemble
from seqaudit.probes.mutagenesis import saturation_mutagenesis
from seqaudit.training.bpnet import ReadData, _shifted, _turned, fit_bpnet, train_bpnet
from seqaudit.training.bpnet_ensemble import train_bpnet_ensemble
from seqaudit.training.bpnet_steps import BpnetSteps, multinomial_nll
from seqaudit.training.ensemble import remove_ensemble_progress, train_ensemble
from seqaudit.training.read_profiles import profiles_from_table, read_profiles

LENGTH = 60
NETWORK = {"filters": 8, "first_width": 7, "layers": 2, "profile_width": 5, "strands": 2}
MOTIF = "GATAAG"
OPTIONS = {"seed": 1, "batch_size": 32, "device": "cpu", "learning_rate": 5e-3}


def world(n, seed=1):
    """Half of the sequences hold GATAAG at 10 to 45: 90 reads near it instead of 10 anywhere.

    Output "high" rises with the motif, "low" falls with it by the same factor.
    """
    rng = np.random.default_rng(seed)
    letters = rng.integers(4, size=(n, LENGTH))
    start = rng.integers(10, 46, size=n)
    bound = rng.random(n) < 0.5
    for row in np.flatnonzero(bound):
        letters[row, start[row] : start[row] + 6] = ["ACGT".index(base) for base in MOTIF]
    sequences = ["".join("ACGT"[code] for code in row) for row in letters]
    expected = np.stack([np.where(bound, 90, 10), np.where(bound, 10, 90)], axis=1)
    counts = rng.poisson(expected)
    profiles = np.zeros((n, 2, 2, LENGTH), dtype=np.int16)
    for row in range(n):
        for output in range(2):
            for strand, sign in enumerate((-1, 1)):
                k = counts[row, output] // 2 + (strand * counts[row, output]) % 2
                near = start[row] + 3 + sign * 2 + rng.integers(-2, 3, size=k)
                position = near if bound[row] else rng.integers(LENGTH, size=k)
                np.add.at(profiles[row, output, strand], position, 1)
    return sequences, counts, profiles


@pytest.fixture(scope="module")
def data():
    sequences, counts, profiles = world(400)
    return ReadData(one_hot(sequences), counts, profiles)


def part(data, rows):
    return ReadData(data.one_hot[rows], data.counts[rows], data.profiles[rows])


def tables(n=60):
    sequences, counts, profiles = world(n)
    ids = [f"s{row}" for row in range(n)]
    frame = pd.DataFrame(
        {
            "sequence_id": ids,
            "split": ["train"] * (n - 10) + ["test"] * 10,
            "sequence": sequences,
            "parent": ids,
            "mutated": False,
            "embeddings": "",
        }
    )
    outputs = ["high", "low"]
    targets = pd.DataFrame(
        {
            "sequence_id": np.repeat(ids, 2),
            "output": outputs * n,
            "target": counts.ravel().astype(float),
            "expected": np.nan,
            "occupancy": np.nan,
        }
    )
    row, output, strand, position = np.nonzero(profiles)
    sparse = pd.DataFrame(
        {
            "sequence_id": np.array(ids)[row],
            "output": np.array(outputs)[output],
            "strand": np.array(["+", "-"])[strand],
            "position": position,
            "reads": profiles[row, output, strand, position].astype(np.int64),
        }
    )
    return frame, targets, sparse, profiles


# losses


def test_profile_loss_is_that_of_a_multinomial():
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(5, 3, 20, generator=generator, dtype=torch.float64)
    reads = torch.poisson(torch.full((5, 3, 20), 1.5, dtype=torch.float64), generator=generator)
    loss = multinomial_nll(logits, reads)
    assert loss.shape == (5, 3)
    for row in range(5):
        for strand in range(3):
            total = int(reads[row, strand].sum())
            by_torch = -Multinomial(total, logits=logits[row, strand]).log_prob(reads[row, strand])
            torch.testing.assert_close(loss[row, strand], by_torch)


def test_profile_loss_by_hand():
    # one read on a fair pair of positions: log 2; a read on either: 2 of 4 outcomes
    even = torch.zeros(2, dtype=torch.float64)
    assert float(multinomial_nll(even, torch.tensor([1.0, 0.0]))) == pytest.approx(np.log(2))
    assert float(multinomial_nll(even, torch.tensor([1.0, 1.0]))) == pytest.approx(np.log(2))
    assert float(multinomial_nll(even + 7, torch.tensor([0.0, 0.0]))) == pytest.approx(0)


@pytest.mark.parametrize("by_strand", [False, True])
def test_losses_of_a_batch_by_hand(data, by_strand):
    model = build_bpnet(outputs=2, length=LENGTH, seed=3, strand_counts=by_strand, **NETWORK)
    steps = BpnetSteps(model, profile_weight=0.5, count_weight=3.0, learning_rate=1e-3)
    letters = torch.from_numpy(data.one_hot[:4])
    reads = torch.from_numpy(data.profiles[:4]).float()
    counts = torch.log1p(reads.sum(3) if by_strand else reads.sum((2, 3)))
    with torch.no_grad():
        logits, predicted = model.profiles_and_counts(letters.float())
        profile_loss = sum(
            float(multinomial_nll(logits[row, output, strand], reads[row, output, strand]))
            for row in range(4)
            for output in range(2)
            for strand in range(2)
        )
        error = (predicted - counts) ** 2
    strands = 2 if by_strand else 1
    loss, squared_error = steps.losses(letters, counts, reads).tolist()
    assert loss == pytest.approx(0.5 * profile_loss + 3 * float(error.sum()) / strands, rel=1e-5)
    assert squared_error == pytest.approx(float(error.sum()) / (2 * strands), rel=1e-5)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    assert steps.step(letters, counts, reads).tolist() == pytest.approx([loss, squared_error], rel=1e-6)
    assert all(
        (model.state_dict()[name] != tensor).any() for name, tensor in before.items() if "bias" not in name
    )


def test_the_gradient_of_the_loss_is_that_of_the_formula(data):
    """Of logits: expected minus observed reads, so the profile head's bias has the gradient zero."""
    reads = torch.from_numpy(data.profiles[:3, 0, 0]).double()
    logits = torch.randn(3, LENGTH, dtype=torch.float64).requires_grad_()
    multinomial_nll(logits, reads).sum().backward()
    expected = reads.sum(1, keepdim=True) * logits.softmax(1) - reads
    torch.testing.assert_close(logits.grad, expected.detach())


# profiles


def test_sparse_profiles_are_dense_ones_without_zeros(data):
    dense = torch.from_numpy(data.profiles[:20]).float()
    dense[3] = 0
    sparse = read_profiles(dense)
    assert len(sparse) == 20 and sparse.shape == (2, 2, LENGTH)
    rows = torch.tensor([5, 3, 19, 5, 0])
    assert torch.equal(sparse.dense(rows), dense[rows])
    assert torch.equal(sparse.select(rows).dense(torch.arange(5)), dense[rows])
    assert torch.equal(sparse.totals(), dense.sum(3))


def test_profiles_from_a_table_are_joined_by_id():
    _, _, table, profiles = tables(12)
    shuffled = table.sample(frac=1, random_state=1)
    ids = ["s7", "without reads", "s2"]
    sparse = profiles_from_table(shuffled, ids, outputs=["low", "high"], strands=2, length=LENGTH)
    expected = np.stack([profiles[7], np.zeros_like(profiles[7]), profiles[2]])[:, ::-1]
    assert torch.equal(sparse.dense(torch.arange(3)), torch.from_numpy(expected.copy()).float())
    both = profiles_from_table(table, ids, outputs=["low", "high"], strands=1, length=LENGTH)
    summed = expected.sum(2, keepdims=True)
    assert torch.equal(both.dense(torch.arange(3)), torch.from_numpy(summed.copy()).float())


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("strand", "*", r"sequence 's0', output .* strand \*.* expected strand \+ or -"),
        ("position", LENGTH, "position 60.* expected a position from 0 to 59"),
        ("position", -1, "position -1.* expected a position from 0 to 59"),
        ("reads", 0, "0 reads.* expected at least 1 read"),
        ("output", "other", "no row of output 'high'"),
    ],
)
def test_bad_rows_of_profiles_are_named(column, value, message):
    _, _, table, _ = tables(12)
    table.loc[table["output"] == "high" if column == "output" else table.index[:1], column] = value
    with pytest.raises(SeqauditError, match=message):
        profiles_from_table(table, ["s0", "s1"], outputs=["high", "low"], strands=2, length=LENGTH)


def test_bad_dense_profiles_are_named(data):
    with pytest.raises(SeqauditError, match=r"got shape \(3, 60\), expected \(n, outputs, strands"):
        read_profiles(np.zeros((3, LENGTH)))
    for value in (-1, np.nan, np.inf):
        dense = data.profiles[:3].astype(float)
        dense[1, 0, 0, 0] = value
        with pytest.raises(SeqauditError, match="sequence 1 has reads that are negative or not finite"):
            read_profiles(dense)


# augmentation


def test_turning_reverses_positions_and_swaps_strands(data):
    letters = torch.from_numpy(one_hot(["AACGT" * 12, "GGATC" * 12]))
    turned = _turned(letters, torch.tensor([True, False]), (1, 2))
    assert torch.equal(turned, torch.from_numpy(one_hot(["ACGTT" * 12, "GGATC" * 12])))
    reads = torch.from_numpy(data.profiles[:2])
    both = _turned(reads, torch.tensor([True, False]), (2, 3))
    for strand in range(2):
        assert torch.equal(both[0, :, strand], reads[0, :, 1 - strand].flip(1))
    assert torch.equal(both[1], reads[1])


def test_shifting_moves_sequence_and_reads_alike(data):
    letters, reads = torch.from_numpy(data.one_hot[:3]), torch.from_numpy(data.profiles[:3])
    shift = torch.tensor([4, 0, -7])
    for values in (letters, reads):
        moved = _shifted(values, shift)
        assert torch.equal(moved[0, ..., 4:], values[0, ..., :-4]) and not moved[0, ..., :4].any()
        assert torch.equal(moved[1], values[1])
        assert torch.equal(moved[2, ..., :-7], values[2, ..., 7:]) and not moved[2, ..., -7:].any()
        assert moved.dtype == values.dtype


# training


@pytest.fixture(scope="module")
def trained(data):
    fast = {**OPTIONS, "learning_rate": 0.02, "schedule": "trapezoid", "patience": 20}
    return train_bpnet(
        part(data, slice(0, 320)), part(data, slice(320, None)), network=NETWORK, max_epochs=20, **fast
    )


def test_training_learns_counts_and_where_reads_are(data, trained):
    history, record = trained.history, trained.record
    variance = np.log1p(data.counts[320:]).var(0).mean()
    assert record["validation_mse"] < 0.3 * variance
    assert history["train_loss"].iloc[-1] < 0.8 * history["train_loss"].iloc[0]
    best = history.loc[history["best"]].iloc[-1]
    assert best["validation_loss"] == history["validation_loss"].min() == record["validation_loss"]
    assert record["count_weight"] == pytest.approx(data.counts[:320].sum() / 320 / 2 / 2)
    # reads of held-out bound sequences lie near the motif
    bound = data.counts[320:, 0] > 50
    logits, _ = trained.model.profiles_and_counts(torch.from_numpy(data.one_hot[320:][bound]).float())
    found = logits[:, 0].softmax(2).sum(1).argmax(1).numpy()
    true = data.profiles[320:][bound][:, 0].sum(1).argmax(1)
    assert np.median(np.abs(found - true)) <= 3


def test_mutagenesis_of_the_trained_network_recovers_the_sign_of_the_motif(data, trained):
    bound = np.flatnonzero(data.counts[320:, 0] > 50)[:12] + 320
    effects = saturation_mutagenesis(trained.model, data.one_hot[bound], method="local").effects[0]
    naive = saturation_mutagenesis(trained.model, data.one_hot[bound], method="naive").effects[0]
    np.testing.assert_allclose(effects, naive, rtol=0, atol=1e-5 * np.abs(naive).max())
    within = []
    for sequence in data.one_hot[bound]:
        letters = "".join("ACGT"[code] for code in sequence.argmax(0))
        within.append(letters.index(MOTIF) + np.arange(6))
    inside = np.stack([e[:, p].sum((0, 1)) / 18 for e, p in zip(effects, within)]).mean(0)
    high, low = inside
    assert high < -0.1 and low > 0.1
    outside = np.mean([np.delete(e, p, axis=1).mean((0, 1)) for e, p in zip(effects, within)], axis=0)
    assert np.abs(outside).max() < 0.2 * min(-high, low)


def test_counts_alone_can_be_learnt_without_profiles(data):
    """The profile head is left as it was, the counts are learnt from motif content."""
    letters, counts = data.one_hot, data.counts
    model = build_bpnet(outputs=2, length=LENGTH, seed=2, **NETWORK)
    head = model.profile.weight.detach().clone()
    first, second = (ReadData(letters[rows], counts[rows]) for rows in (slice(0, 320), slice(320, None)))
    result = fit_bpnet(model, first, second, profile_weight=0, max_epochs=3, **OPTIONS)
    assert torch.equal(result.model.profile.weight, head)
    assert result.history["train_loss"].is_monotonic_decreasing
    start = train_bpnet(
        first, second, network=NETWORK, profile_weight=0, max_epochs=1, **{**OPTIONS, "learning_rate": 1e-12}
    )
    # before training every prediction is near the mean log count, so the error is near the variance
    assert start.record["validation_mse"] == pytest.approx(np.log1p(counts[320:]).var(0).mean(), rel=0.1)


def test_same_seed_same_bits_and_another_seed_another_network(data):
    def weights(**changes):
        few = part(data, slice(0, 64)), part(data, slice(64, 96))
        result = train_bpnet(*few, network=NETWORK, max_epochs=2, **{**OPTIONS, **changes})
        return torch.cat([tensor.flatten() for tensor in result.model.state_dict().values()])

    expected = weights()
    assert torch.equal(weights(), expected)
    assert not torch.equal(weights(seed=2), expected)
    assert not torch.equal(weights(weights_seed=2), expected)
    assert not torch.equal(weights(reverse_complement=False), expected)
    assert not torch.equal(weights(max_shift=3), expected)


def test_an_interrupted_training_continues_to_the_same_bits(data, tmp_path):
    few = part(data, slice(0, 64)), part(data, slice(64, 96))
    options = {"network": NETWORK, "max_epochs": 5, **OPTIONS}
    whole = train_bpnet(*few, **options)

    class Killed(Exception):
        pass

    def kill(row):
        if row["epoch"] == 3:
            raise Killed

    state = {"checkpoint": tmp_path, "checkpoint_seconds": 0}
    with pytest.raises(Killed):
        train_bpnet(*few, on_epoch=kill, **state, **options)
    seen = []
    resumed = train_bpnet(*few, on_epoch=lambda row: seen.append(row["epoch"]), **state, **options)
    assert seen == [3, 4, 5]
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[name], tensor), name
    pd.testing.assert_frame_equal(
        whole.history.drop(columns="seconds"), resumed.history.drop(columns="seconds")
    )


def test_training_by_strand_needs_and_takes_counts_by_strand(data):
    by_strand = ReadData(data.one_hot[:64], data.profiles[:64].sum(3), data.profiles[:64])
    network = {**NETWORK, "strand_counts": True}
    result = train_bpnet(by_strand, by_strand, network=network, max_epochs=1, **OPTIONS)
    assert result.model(torch.from_numpy(data.one_hot[:2]).float()).shape == (2, 2)
    with pytest.raises(SeqauditError, match=r"train.counts: got shape \(64, 2\), expected \(64, 2, 2\)"):
        train_bpnet(part(data, slice(0, 64)), by_strand, network=network, **OPTIONS)


def test_bad_input_is_named(data):
    good = part(data, slice(0, 40))
    bad_counts = good.counts.astype(float)
    bad_counts[7, 1] = -1
    cases = [
        (good._replace(one_hot=good.one_hot.astype(float)), {}, "train.one_hot: got torch.float64"),
        (good._replace(one_hot=good.one_hot[0]), {}, "train: got one_hot of shape"),
        (
            good._replace(counts=good.counts[:39]),
            {},
            r"train.counts: got shape \(39, 2\), expected \(40, 2\)",
        ),
        (good._replace(counts=bad_counts), {}, r"train.counts: row 7 is \[.*-1.0\] \(1 such rows\)"),
        (good._replace(profiles=None), {}, "train.profiles: there are none.*profile_weight=0"),
        (good._replace(profiles=good.profiles[:, :1]), {}, r"train.profiles: got shape \(40, 1, 2, 60\)"),
        (good, {"count_weight": 0}, "count_weight: got 0.0, expected a positive"),
        (
            good,
            {"count_weight": "auto"},
            "count_weight: got 'auto', expected a positive number or 'balanced'",
        ),
        (good, {"profile_weight": -1}, "profile_weight: got -1"),
        (good, {"max_shift": 60}, "max_shift: got 60 bp for sequences of 60 bp"),
        (good, {"schedule": "cosine"}, "schedule 'cosine' is unknown"),
        (good, {"learning_rate": 1e30}, "training diverged in epoch 1"),
    ]
    with pytest.raises(SeqauditError, match="network: unknown option filter, expected bias, filters, first"):
        train_bpnet(good, good, network={"filter": 3}, **OPTIONS)
    for train, changes, message in cases:
        with pytest.raises(SeqauditError, match=message):
            train_bpnet(train, good, network=NETWORK, max_epochs=2, **{**OPTIONS, **changes})


# ensembles


def test_ensembles_from_tables_are_stored_and_asked_like_any_other(tmp_path):
    sequences, targets, profiles, _ = tables()
    options = {"outputs": ["high", "low"], "network": NETWORK, "max_epochs": 2, **OPTIONS}
    result = train_bpnet_ensemble(
        sequences, targets, profiles, members=2, checkpoint=tmp_path / "state", **options
    )
    assert list(result.history.columns[:2]) == ["member", "epoch"]
    assert result.record["transform"] == "log1p" and len(result.record["members"]) == 2
    assert result.record["members"][0]["n_validation"] == round(0.15 * 50)
    weights = [model.first.weight for model in result.models]
    assert not torch.equal(*weights)
    one = train_bpnet_ensemble(sequences, targets, profiles, members=1, **options)
    assert torch.equal(one.models[0].first.weight, weights[0])

    save_ensemble(tmp_path / "ensemble", result.models, outputs=options["outputs"], record=result.record)
    remove_ensemble_progress(tmp_path / "state")
    assert not any((tmp_path / "state").iterdir())
    ensemble = load_ensemble(tmp_path / "ensemble")
    table = predict_ensemble(
        ensemble.models, sequences, targets, outputs=ensemble.outputs, transform="log1p", splits=("test",)
    )
    assert len(table) == 2 * 10 * 2
    first = targets[(targets["sequence_id"] == "s50") & (targets["output"] == "high")]["target"].item()
    assert table["target"].iloc[0] == pytest.approx(np.log1p(first))


def test_ensembles_hold_out_the_sequences_that_other_networks_do():
    """Same seed, same split: what differs between kinds of networks is not their data."""
    sequences, targets, _, _ = tables()
    settings = {"outputs": ["high", "low"], "members": 2, "seed": 5, "max_epochs": 1, "device": "cpu"}
    ours = train_bpnet_ensemble(sequences, targets, network=NETWORK, batch_size=8, **settings)
    small = {"convolutions": [{"filters": 4, "width": 3}]}
    others = train_ensemble(
        sequences,
        targets,
        architecture=small,
        padding="same",
        transform="log1p",
        standardise_targets=False,
        **settings,
    )
    digests = {"data_sha256", "n_train", "n_validation"}
    for mine, other in zip(ours.record["members"], others.record["members"]):
        assert {key: mine[key] for key in digests} == {key: other[key] for key in digests}


def test_ensembles_refuse_impossible_settings():
    sequences, targets, _, _ = tables()
    for changes, message in (
        ({"members": 0}, "members: got 0"),
        ({"seed": -1}, "seed: got -1"),
        ({"n_mutants": 1}, "n_mutants: got 1, but the training split has 0"),
        ({"outputs": ["high", "third"]}, "third has no targets"),
    ):
        with pytest.raises(SeqauditError, match=message):
            train_bpnet_ensemble(
                sequences, targets, **{"outputs": ["high"], "members": 1, "seed": 1, **changes}
            )


def test_ensembles_on_counts_alone():
    sequences, targets, profiles, _ = tables()
    options = {"outputs": ["high", "low"], "members": 1, "max_epochs": 1, **OPTIONS}
    result = train_bpnet_ensemble(sequences, targets, network=NETWORK, **options)
    assert result.record["members"][0]["profile_weight"] == 0
    by_strand = {**NETWORK, "strand_counts": True}
    with pytest.raises(SeqauditError, match="strand_counts needs reads by strand"):
        train_bpnet_ensemble(sequences, targets, network=by_strand, **options)
    train_bpnet_ensemble(sequences, targets, profiles, network=by_strand, **options)


def test_a_member_that_learned_nothing_about_counts_is_trained_again(caplog):
    sequences, targets, profiles, _ = tables()
    options = {**OPTIONS, "learning_rate": 1e-9, "max_epochs": 1, "members": 1, "restarts": 1}
    train_bpnet_ensemble(sequences, targets, profiles, outputs=["high", "low"], network=NETWORK, **options)
    assert "attempt 1 of 2 learned nothing" in caplog.text and "attempt 2 of 2 learned nothing" in caplog.text

"""Verdicts of the additive twin: what is real is confirmed, what is not is not, and poor twins say so."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from twin_worlds import make_world, pair_table, parts_of

from seqaudit.data.schemas import SCHEMAS
from seqaudit.data.tables import read_table, write_table
from seqaudit.errors import SeqauditError
from seqaudit.inference.additive_twin import add_to_loss_models, judge_twin
from seqaudit.inference.loss_tests import run_loss_tests
from seqaudit.inference.twin_claims import split_twins
from seqaudit.inference.twin_gate import (
    Judged,
    additive_parts,
    decide,
    judge_by_all,
    others_without_interaction,
    prepare_all,
    shown_misfit,
    simulated_rate,
)
from seqaudit.inference.twin_reasons import format_share, verdict_words
from seqaudit.inference.twin_regression import confirmed_share

GOOD = (0.7, 0.7, 1.0)


@pytest.fixture(scope="module")
def strong():
    return make_world(3, exponent=1.5, twin_errors=GOOD, n_models=2, n_pairs=800)


@pytest.fixture(scope="module")
def additive():
    return make_world(4, exponent=1.0, twin_errors=(0.3, 0.3), n_models=2, n_pairs=800)


def judge(world, **options):
    return judge_twin(world.models, world.twins, **options)


def prepared(world, number=0):
    twins = parts_of(world.twin_predicted)
    twins[:, 3] = 0
    return prepare_all(parts_of(world.predicted)[number], twins, np.arange(len(world.label)), noise="poisson")


def test_a_strong_interaction_is_confirmed_with_its_share(strong):
    judged = judge(strong)
    assert list(judged["verdict_twin"]) == ["confirmed", "confirmed"]
    assert (judged["gate"] == "open").all()
    assert ((judged["ci_low"] < 1) & (judged["ci_high"] > 0.8)).all()
    words = verdict_words(judged.iloc[0])
    assert words.startswith("confirmed (beta = ")
    assert "by each of 3 additive twins" in judged["reason"].iloc[0]


def test_an_additive_world_supports_nothing(additive):
    judged = judge(additive)
    assert not judged["verdict_twin"].isin(["confirmed", "present, size unconfirmed"]).any()


def test_table_keeps_its_schema(strong, tmp_path):
    judged = judge(strong)
    write_table(judged, tmp_path / "twin.parquet", "twin_models")
    read = read_table(tmp_path / "twin.parquet", "twin_models")
    assert list(read.columns) == [column.name for column in SCHEMAS["twin_models"].columns]
    assert judged["status"].eq("ok").all()


def test_twin_error_is_how_far_beta_moves_when_a_witness_is_the_truth(strong):
    regressions = prepared(strong)
    moved = [confirmed_share(regressions[0], witness.twin).beta[0] for witness in regressions[1:]]
    judged = judge(strong).iloc[0]
    np.testing.assert_allclose(judged["twin_error"], np.sqrt(np.mean(np.square(moved))), rtol=1e-6)


def test_a_poor_twin_cannot_tell_where_alone_it_would_confirm():
    """Chosen twin with an error far above the model's: without witnesses it would confirm a false claim."""
    found = {"alone": 0, "cannot tell": 0}
    for seed in range(20):
        world = make_world(seed, twin_errors=(15.0, 1.0, 1.0), n_pairs=500)
        row = judge(world).iloc[0]
        if row["p_margin_25"] < 0.05 or row["cross_p"] < 0.05:
            found["alone"] += 1
            found["cannot tell"] += row["verdict_twin"] == "cannot tell"
    assert found["alone"] >= 3
    assert found["cannot tell"] == found["alone"]


def test_one_twin_by_itself_cannot_confirm(strong):
    alone = judge_twin(strong.models, strong.twins[:1]).iloc[0]
    assert (alone["verdict_twin"], alone["gate"]) == ("cannot tell", "no witness")
    assert np.isnan(alone["twin_error"]) and np.isnan(alone["twin_p"])
    assert "without a second one" in alone["reason"]


@pytest.mark.parametrize(
    ("beta", "witness_error", "cross_p", "expected"),
    [
        ([0.8, 0.7], 0.1, [0.0, 0.0], "confirmed"),
        ([0.8, 0.3], 0.1, [0.0, 0.0], "present"),  # a witness sees less than the margin
        ([0.8, 0.7], 0.4, [0.0, 0.0], "present"),  # 0.55 is less than 1.645 * 0.4
        ([0.8, 0.7], 0.6, [0.0, 0.0], "ungated"),  # 0.8 is less than 1.645 * 0.6
        ([0.8, 0.1], 0.1, [0.0, 0.3], "chosen"),
        ([0.3, 0.3], 0.1, [0.2, 0.0], "nothing"),
    ],
)
def test_the_rule(beta, witness_error, cross_p, expected):
    nothing = np.zeros((1, 4))
    judged = Judged(
        beta=np.array(beta)[:, None],
        se=np.full((2, 1), 0.05),
        cross_p=np.array(cross_p)[:, None],
        witness_error=witness_error,
        ensemble_error=2.0,
        ensemble_better=np.array([False]),
        misfit=np.array([0.2]),
        coefficients=nothing,
        influence=nothing,
    )
    said = decide(judged, margin=0.25, alpha=0.05)
    order = ["confirmed", "present", "chosen", "ungated"]
    assert next((name for name in order if getattr(said, name)[0]), "nothing") == expected
    better = judged._replace(ensemble_better=np.array([True]))
    assert not decide(better, margin=0.25, alpha=0.05).confirmed[0]
    unfit = decide(judged._replace(misfit=np.array([0.26])), margin=0.25, alpha=0.05)
    assert not (unfit.confirmed[0] or unfit.present[0]) and unfit.twin_p[0] == unfit.present_p[0] == 1
    assert unfit.ungated[0] == said.ungated[0]


def test_other_models_stand_in_for_the_truth_only_where_they_predict_better(strong):
    poor = make_world(8, twin_errors=(9.0, 9.0), model_error=3.0, n_models=6, n_pairs=800)
    for world, better in ((poor, True), (strong, False)):
        parts = parts_of(world.predicted)
        others = others_without_interaction(parts, 0)
        np.testing.assert_allclose(others, parts[1:, :3].sum(axis=1).mean(axis=0))
        regressions = prepared(world)
        judged = judge_by_all(regressions, world.label, others=others)
        weights, twin = regressions[0].weights, regressions[0].twin
        naive = (weights * (world.label - others) ** 2).sum() < (weights * (world.label - twin) ** 2).sum()
        assert judged.ensemble_better[0] == naive == better
        moved = abs(confirmed_share(regressions[0], others).beta[0])
        np.testing.assert_allclose(judged.ensemble_error, moved, rtol=1e-6)
        expected = max(moved, judged.witness_error) if better else judged.witness_error
        np.testing.assert_allclose(judged.twin_error[0], expected, rtol=1e-6)
    assert others_without_interaction(parts[:1], 0) is None


def test_misfit_is_the_most_that_an_error_of_its_size_can_do():
    """An error of the twin in the shape of the claim moves beta by the bound, any other by less."""
    regression = prepared(make_world(5, twin_errors=(1.0,), n_pairs=600))[0]
    weights, twin, b = regression.weights, regression.twin, regression.solver[0]
    worst = 400 * b / weights
    expected = twin + worst
    misfit = shown_misfit(regression, expected, expected)[0]
    gain = weights * worst**2
    lowest = gain.sum() - norm.ppf(0.95) * np.sqrt(600) * np.std(gain, ddof=1)
    moved = confirmed_share(regression, expected).beta[0]
    np.testing.assert_allclose(moved, b @ worst)
    np.testing.assert_allclose(misfit, moved * np.sqrt(lowest / gain.sum()), rtol=1e-9)
    other = np.random.default_rng(0).permutation(worst)
    size = np.sqrt((weights * other**2).sum() * (b**2 / weights).sum())
    assert abs(confirmed_share(regression, twin + other).beta[0]) < size


def test_misfit_needs_another_function_that_predicts_better(strong):
    regression = prepared(strong)[0]
    rng = np.random.default_rng(1)
    worse = regression.twin + rng.normal(0, 10, len(strong.label))
    # labels around the twin: nothing predicts better; labels around the other: that one does
    around_twin, around_worse = (rng.poisson(np.maximum(f, 0), (5, 800)) for f in (regression.twin, worse))
    assert (shown_misfit(regression, around_twin, worse) == 0).all()
    assert (shown_misfit(regression, around_worse, worse) > 0).all()
    assert (shown_misfit(regression, around_twin, regression.twin) == 0).all()


def test_groups_of_pairs_count_once(strong):
    """Every pair twice in one group: the same gain, and the same doubt about it."""
    regression, additive = prepared(strong)[0], strong.truth[0]
    twice = prepare_all(
        np.repeat(parts_of(strong.predicted)[0], 2, axis=1),
        [np.repeat(parts_of(strong.twin_predicted)[0], 2, axis=1)],
        2 * np.arange(800),
        noise="poisson",
    )[0]
    once = shown_misfit(regression, strong.label, additive)
    assert once[0] > 0
    np.testing.assert_allclose(
        shown_misfit(twice, np.repeat(strong.label, 2), np.repeat(additive, 2)), once, rtol=1e-6
    )


def test_an_error_that_all_twins_share_shows_in_the_models():
    """Twins that agree with each other and are wrong: no witness says so, the models' additive parts do."""
    found = 0
    for seed in range(12):
        world = make_world(
            seed, twin_errors=(9.0,) * 3, common_error=0.95, model_error=5.0, n_models=4, n_pairs=500
        )
        additive = additive_parts(parts_of(world.predicted)).mean(axis=0)
        regressions = prepared(world)
        for _, row in judge(world).iterrows():
            assert (row["verdict_twin"], row["gate"]) == ("cannot tell", "models predict better")
            assert "Without any interaction the models predict these pairs better" in row["reason"]
        unguarded = judge_by_all(regressions, world.label)
        found += unguarded.cross_p[0, 0] < 0.05 or unguarded.beta[0, 0] - 0.25 > 1.645 * unguarded.se[0, 0]
        assert shown_misfit(regressions[0], world.label, additive)[0] > 0.25
    assert found >= 2


def test_a_real_interaction_does_not_close_the_gate(strong):
    assert (judge(strong)["misfit"] == 0).all()


def test_simulated_labels_of_a_far_witness_are_rejected_often():
    near = prepared(make_world(1, twin_errors=(1.0, 1.0), n_pairs=600))
    # the model itself, taken for a witness, is what the test is made to find
    world = make_world(1, exponent=1.5, twin_errors=(1.0, 1.0), n_pairs=600)
    far = prepared(world)
    far[1] = far[1]._replace(twin=world.predicted[0, 0])
    options = {"alpha": 0.05, "n_draws": 60, "n_folds": 5, "seed": 0}
    assert simulated_rate(near, world.label, noise="poisson", **options) <= 0.1
    assert simulated_rate(far, world.label, noise="poisson", **options) > 0.9
    assert simulated_rate(far, world.label, noise="constant", **options) > 0.9


def test_measured_targets_may_be_negative():
    world = make_world(3, exponent=1.5, twin_errors=GOOD, n_pairs=800)
    label = world.truth[0] + np.random.default_rng(0).normal(0, 15, 800) - 500
    shift = pair_table("cnn.0", world.predicted[0], label)
    twins = [pair_table(f"twin.{i}", twin, label) for i, twin in enumerate(world.twin_predicted)]
    for table in (shift, *twins):
        table[["f_orig", "f_a_off", "f_b_off", "f_both_off"]] -= 500
    row = judge_twin(shift, twins, noise="constant").iloc[0]
    assert row["verdict_twin"] == "confirmed"


def test_a_model_without_interaction_claims_nothing(strong):
    models = strong.models.copy()
    models["f_both_off"] += models["interaction"]
    models["interaction"] = 0.0
    row = judge_twin(models, strong.twins).iloc[0]
    assert row["verdict_twin"] == "not supported"
    assert "claims no interaction" in row["reason"]


def test_loss_models_carry_the_verdict(strong, tmp_path):
    evaluations = pd.DataFrame(
        {
            "model_id": ["cnn.0", "cnn.1"],
            "dataset": "d",
            "control": "positive",
            "padding": "same",
            "arch": "arch1",
            "l1": 0.0,
            "seed": 1,
            "epochs": 9,
            "test_mse": 1.0,
            "test_pearson": 0.9,
        }
    )
    models = run_loss_tests(strong.models, evaluations)
    assert models["twin_p"].isna().all() and models["twin_verdict"].isna().all()
    judged = judge(strong).iloc[:1]
    found = add_to_loss_models(models, judged)
    write_table(found, tmp_path / "models.parquet", "loss_models")
    first, second = found.iloc[0], found.iloc[1]
    assert (first["twin_p"], first["twin_beta"]) == (judged["twin_p"].iloc[0], judged["beta"].iloc[0])
    assert first["twin_verdict"] == "confirmed"
    assert first["reason"].endswith(f" Additive twin: {verdict_words(judged.iloc[0])}.")
    assert first["verdict"] == models["verdict"].iloc[0]
    assert pd.isna(second["twin_p"]) and second["reason"] == models["reason"].iloc[1]
    with pytest.raises(SeqauditError, match=r"'other' at A-B \(1 such"):
        add_to_loss_models(models, judged.assign(model_id="other"))


def test_twins_of_one_table_keep_their_order(strong):
    table = pd.concat(strong.twins, ignore_index=True)
    assert [t["model_id"].iloc[0] for t in split_twins(table)] == ["twin.0", "twin.1", "twin.2"]


def test_too_few_pairs_are_said(strong):
    few = [t[t["pair_id"] < "A-B.00020"] for t in (strong.models, *strong.twins)]
    row = judge_twin(few[0], few[1:]).iloc[0]
    assert row["verdict_twin"] == "cannot tell"
    assert row["status"] == "20 independent labelled held-out pairs, fewer than 30"
    assert np.isnan(row["beta"])


def test_shares_are_written_as_the_literature_does():
    assert [format_share(v) for v in (0.79, -0.05, 1.02, -0.001, 0.999)] == [
        ".79",
        "-.05",
        "1.02",
        ".00",
        "1.00",
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"margin": 0.0}, "margin: got 0.0"),
        ({"alpha": 0.7}, "alpha: got 0.7"),
        ({"noise": "gauss"}, "noise: got 'gauss'"),
        ({"min_pairs": 2}, "min_pairs: got 2"),
        ({"n_draws": 3}, "n_draws: got 3"),
    ],
)
def test_options_out_of_range_are_refused(strong, options, message):
    with pytest.raises(SeqauditError, match=message):
        judge(strong, **options)


def test_no_twins_are_refused(strong):
    with pytest.raises(SeqauditError, match="twins: got none"):
        judge_twin(strong.models, [])

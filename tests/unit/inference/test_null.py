"""Bootstrap p-values: counts done by hand, right in distribution, and never smaller than they can be."""

import numpy as np
import pandas as pd
import pytest
from twin_worlds import make_world

from seqaudit.data.tables import write_table
from seqaudit.errors import SeqauditError
from seqaudit.inference.null import STATISTICS, claim_statistics, compare_with_null


def statistics_table(values, *, prefix="m", motif_pairs=("A-B",)):
    """Values (n_models, n_motif_pairs), the same for all statistics."""
    values = np.asarray(values, dtype=float).reshape(-1, len(motif_pairs))
    return pd.DataFrame(
        [
            {"model_id": f"{prefix}{i}", "motif_pair": pair, **dict.fromkeys(STATISTICS, value)}
            for i, row in enumerate(values)
            for pair, value in zip(motif_pairs, row)
        ]
    )


def designs_of(*tables):
    return {model: "arch1" for table in tables for model in table["model_id"]}


def test_p_counts_null_models_at_least_as_large(tmp_path):
    observed, null = statistics_table([3.0]), statistics_table([1, 2, 3, 4, 0.5], prefix="null")
    table = compare_with_null(observed, null, designs_of(observed, null))
    write_table(table, tmp_path / "t.parquet", "null_tests")
    assert set(table["statistic"]) == set(STATISTICS)
    np.testing.assert_allclose(table["p"], 3 / 6)
    np.testing.assert_allclose(table["smallest_p"], 1 / 6)
    # one motif pair: the family is the pair
    np.testing.assert_allclose(table["p_family"], table["p"])


def test_no_p_is_smaller_than_the_number_of_null_models_allows():
    observed, null = statistics_table([99.0]), statistics_table(np.arange(19), prefix="null")
    table = compare_with_null(observed, null, designs_of(observed, null))
    np.testing.assert_allclose(table["p"], 0.05)


def test_a_family_of_motif_pairs_keeps_its_level():
    rng = np.random.default_rng(0)
    motif_pairs = ("A-B", "A-C", "B-C")
    scales = np.array([1.0, 10.0, 100.0])
    n, observed, null, designs = 150, [], [], {}
    for repeat in range(n):
        values = rng.normal(size=(20, 3)) * scales
        observed.append(statistics_table(values[:1], prefix=f"m{repeat}.", motif_pairs=motif_pairs))
        null.append(statistics_table(values[1:], prefix=f"null{repeat}.", motif_pairs=motif_pairs))
        designs |= dict.fromkeys([*observed[-1]["model_id"], *null[-1]["model_id"]], f"design{repeat}")
    table = compare_with_null(pd.concat(observed), pd.concat(null), designs)
    smallest = table[table["statistic"] == "beta"].groupby("model_id")[["p", "p_family"]].min()
    assert (smallest["p"] <= 0.05).mean() > 0.08
    # five standard errors: 0.05 is the level by construction
    assert abs((smallest["p_family"] <= 0.05).mean() - 0.05) < 5 * np.sqrt(0.05 * 0.95 / n)


def test_only_null_models_of_the_same_design_count():
    observed = statistics_table([3.0])
    null = statistics_table([1, 2, 9, 9, 9, 9], prefix="null")
    designs = {"m0": "a", **{f"null{i}": "a" if i < 2 else "b" for i in range(6)}}
    table = compare_with_null(observed, null, designs, min_null=2)
    assert (table["n_null"] == 2).all()
    np.testing.assert_allclose(table["p"], 1 / 3)
    few = compare_with_null(observed, null, designs)
    assert few["p"].isna().all()
    assert few["status"].iloc[0] == "2 null models of this design, fewer than 4"


def test_statistics_are_what_they_say():
    world = make_world(2, exponent=1.3, n_models=2, n_pairs=300)
    table = claim_statistics(world.models, world.twins[0]).set_index("model_id")
    cnn = world.models[world.models["model_id"] == "cnn.1"]
    row = table.loc["cnn.1"]
    np.testing.assert_allclose(row["mean_abs_interaction"], cnn["interaction"].abs().mean())
    np.testing.assert_allclose(row["mean_interaction"], abs(cnn["interaction"].mean()))
    np.testing.assert_allclose(row["mean_loss_improvement"], (cnn["loss_without"] - cnn["loss_with"]).mean())
    by_model = {"cnn.0": world.twins[0], "cnn.1": world.twins[1]}
    own = claim_statistics(world.models, by_model).set_index("model_id")
    assert own.loc["cnn.0", "beta"] == table.loc["cnn.0", "beta"]
    assert own.loc["cnn.1", "beta"] != table.loc["cnn.1", "beta"]


def test_pairs_of_one_sequence_count_once():
    world = make_world(2, n_pairs=300)
    groups = np.repeat(["a", *(f"g{i:03d}" for i in range(99))], [201] + [1] * 99)
    models = world.models.assign(group=groups)
    value = claim_statistics(models, world.twins[0])["mean_interaction"].iloc[0]
    by_group = models.groupby("group")["interaction"].mean().mean()
    np.testing.assert_allclose(value, abs(by_group))


def test_null_models_bring_their_own_labels():
    world = make_world(2, n_models=2, n_pairs=300)
    models = world.models.copy()
    models.loc[models["model_id"] == "cnn.1", "label"] += 1
    table = claim_statistics(models, world.twins[0])
    assert list(table["model_id"]) == ["cnn.0", "cnn.1"]


def test_wrong_input_is_named():
    observed, null = statistics_table([3.0]), statistics_table([1, 2], prefix="null")
    with pytest.raises(SeqauditError, match=r"designs: model 'null0' \(2 such"):
        compare_with_null(observed, null, {"m0": "a"})
    two = statistics_table([[1.0, 2.0]], motif_pairs=("A-B", "A-C"))
    with pytest.raises(SeqauditError, match="Probe null models at the same pairs"):
        compare_with_null(two, null, designs_of(two, null))
    world = make_world(2, n_pairs=100)
    with pytest.raises(SeqauditError, match=r"none is given for model 'cnn\.0'"):
        claim_statistics(world.models, {})

"""Moments over members against numpy's, and tables joined by id against loops."""

import time

import numpy as np
import pandas as pd
import pytest
from deepmr_world import make_world, shuffled

from seqaudit.errors import SeqauditError
from seqaudit.inference.deepmr import member_moments, pivot_effects
from seqaudit.inference.deepmr.effects import join_true_effects

MEMBERS, MUTATIONS, OUTPUTS = 4, 60, 3


@pytest.fixture
def effects():
    return np.random.default_rng(2).normal(size=(MEMBERS, MUTATIONS, OUTPUTS)).astype(np.float32)


def test_moments_are_numpys(effects):
    moments = member_moments(effects)
    assert moments.mean.dtype == moments.covariance.dtype == np.float64
    for mutation in range(MUTATIONS):
        of_members = effects[:, mutation].astype(np.float64)
        np.testing.assert_allclose(moments.mean[mutation], of_members.mean(0), rtol=1e-14, atol=1e-16)
        np.testing.assert_allclose(
            moments.covariance[mutation], np.cov(of_members, rowvar=False, ddof=1), rtol=1e-12, atol=1e-15
        )
        np.testing.assert_allclose(
            moments.variance[mutation], of_members.var(0, ddof=1), rtol=1e-12, atol=1e-15
        )


def test_variance_survives_a_large_mean():
    """Members that differ in the last digits of float32: two-moment formulas would give rubbish."""
    effects = np.full((3, 1, 2), 4096.0, dtype=np.float32)
    effects[:, 0, 0] += np.array([-1, 0, 1], dtype=np.float32) / 1024
    moments = member_moments(effects)
    assert moments.variance[0].tolist() == [2.0**-20, 0.0]
    assert (moments.variance >= 0).all()


def test_order_of_members_does_not_matter(effects):
    forward, backward = member_moments(effects), member_moments(effects[::-1])
    np.testing.assert_allclose(forward.covariance, backward.covariance, rtol=1e-13, atol=1e-16)


def test_one_member_has_no_variance(effects):
    with pytest.raises(SeqauditError, match=r"1 member has no variance .* at least 2"):
        member_moments(effects[:1])


def test_pivot_puts_every_effect_in_its_place():
    table = shuffled(make_world(loci=3, length=6 + 4).effects)
    effects = pivot_effects(table)
    assert effects.outputs == ("GATA1", "TAL1")
    assert effects.values.shape == (5, 3 * 10 * 3, 2)
    assert effects.loci.tolist() == ["locus_0", "locus_1", "locus_2"]
    where = effects.mutations.reset_index().set_index(["locus_id", "position", "ref", "alt"])["index"]
    for row in table.itertuples():
        place = where[row.locus_id, row.position, row.ref, row.alt]
        assert effects.values[row.member, place, effects.outputs.index(row.output)] == np.float32(row.effect)
        assert effects.loci[effects.locus[place]] == row.locus_id


def test_pivot_does_not_depend_on_the_order_of_rows_or_the_type_of_ids():
    table = make_world().effects
    for other in (shuffled(table), table.astype({"locus_id": "category", "output": "category"})):
        for one, two in zip(pivot_effects(table), pivot_effects(other)):
            np.testing.assert_array_equal(one, two)


def test_loci_may_have_different_numbers_of_mutations():
    """An N is not mutated."""
    table = make_world(loci=2, length=9).effects
    gone = (table["locus_id"] == "locus_1") & (table["position"] == 4)
    effects = pivot_effects(table[~gone])
    assert np.bincount(effects.locus).tolist() == [27, 24]


def test_pivot_is_fast():
    """5 members, 450 loci, 300 mutations, 2 outputs; 0.3 s where it was written."""
    table = make_world(loci=450, length=100).effects
    begin = time.process_time()
    pivot_effects(table)
    assert time.process_time() - begin < 3


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda t: t.drop(columns="alt"), "mutation_effects: no column alt; expected member, locus_id"),
        (lambda t: t.iloc[:0], "mutation_effects: no row"),
        (
            lambda t: t.drop(index=7),
            r"1 effects are missing, first that of member 0 on GATA1 at locus locus_",
        ),
        (
            lambda t: t[(t["member"] != 2) | (t["output"] != "TAL1")],
            r"180 effects are missing, first that of member 2 on TAL1 .* with all members",
        ),
        (lambda t: pd.concat([t, t.iloc[[3]]]), "2 rows have the effect of one member more than once, first"),
        (
            lambda t: t.assign(effect=t["effect"].where(t.index != 5)),
            "1 rows have an effect that is not a finite",
        ),
        (lambda t: t.assign(effect=np.float32(np.inf)), "rows have an effect that is not a finite number"),
        (
            lambda t: t.assign(alt=t["alt"].where(t.index != 5, "N")),
            "1 rows have a 'alt' that is not one of A, C",
        ),
        (lambda t: t.assign(alt=t["ref"]), "rows have a mutation to the same base"),
        (lambda t: t.assign(position=t["position"] - 1), "rows have a negative position"),
        (lambda t: t.assign(locus_id=t["locus_id"].where(t.index != 5)), "'locus_id' is empty in 1 rows"),
    ],
)
def test_pivot_refuses(change, message):
    table = make_world(loci=6, length=10).effects
    with pytest.raises(SeqauditError, match=message):
        pivot_effects(change(table))


def test_two_reference_bases_at_one_position():
    table = make_world(loci=1, length=9, members=2).effects
    rows = (table["position"] == 3) & (table["member"] == 1)
    base = table.loc[rows, "ref"].iloc[0]
    bases = table.loc[rows, "alt"].to_numpy()
    table.loc[rows & (table["alt"] == bases[0]), "ref"] = bases[1]
    assert base != bases[1]
    with pytest.raises(SeqauditError, match="rows have another reference base than others at their position"):
        pivot_effects(table)


def test_truth_is_joined_by_id():
    world = make_world()
    effects = pivot_effects(world.effects)
    truth = join_true_effects(shuffled(world.truth), effects)
    expected = world.truth.set_index(["locus_id", "position", "alt", "output"])["effect"]
    for place, row in enumerate(effects.mutations.itertuples()):
        for index, output in enumerate(effects.outputs):
            assert truth[place, index] == expected[row.locus_id, row.position, row.alt, output]


def test_unknown_truth_is_nan():
    world = make_world(loci=2)
    effects = pivot_effects(world.effects)
    assert np.isnan(join_true_effects(None, effects)).all()
    known = join_true_effects(world.truth[world.truth["locus_id"] == "locus_0"], effects)
    assert np.isfinite(known).all(axis=1).tolist() == (effects.mutations["locus_id"] == "locus_0").tolist()


def test_truth_of_other_sequences_is_refused():
    world = make_world(loci=2)
    effects = pivot_effects(world.effects)
    other = world.truth.assign(ref=world.truth["ref"].map(dict(zip("ACGT", "CGTA"))))
    with pytest.raises(
        SeqauditError, match=r"true_effects: .* rows have another reference base than mutation_effects"
    ):
        join_true_effects(other, effects)
    with pytest.raises(SeqauditError, match="the effect of one mutation more than once"):
        join_true_effects(pd.concat([world.truth, world.truth]), effects)

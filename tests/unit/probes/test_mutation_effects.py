"""Moments over members against numpy's, tables against loops."""

import numpy as np
import pytest

from seqaudit.errors import SeqauditError
from seqaudit.probes.mutation_effects import list_mutations, member_moments, member_table, pair_table

MEMBERS, N, LENGTH, OUTPUTS = 4, 3, 7, 3
LOCI = ["locus_b", "locus_a", "locus_c"]
NAMES = ["GATA1", "TAL1", "SOX2"]


@pytest.fixture
def one_hot():
    letters = np.random.default_rng(1).integers(4, size=(N, LENGTH))
    encoded = np.eye(4, dtype=np.int8)[letters].transpose(0, 2, 1).copy()
    encoded[1, :, 2] = 0
    return encoded


@pytest.fixture
def effects(one_hot):
    values = np.random.default_rng(2).normal(size=(MEMBERS, N, 4, LENGTH, OUTPUTS)).astype(np.float32)
    values *= 1 - one_hot[None, ..., None]
    values[:, 1, :, 2] = np.nan
    return values


def test_moments_are_numpys(effects):
    moments = member_moments(effects)
    assert moments.mean.dtype == moments.covariance.dtype == np.float64
    for place in np.ndindex(N, 4, LENGTH):
        of_members = effects[(slice(None), *place)].astype(np.float64)
        np.testing.assert_allclose(moments.mean[place], of_members.mean(0), rtol=1e-14, atol=1e-16)
        np.testing.assert_allclose(
            moments.covariance[place], np.cov(of_members, rowvar=False, ddof=1), rtol=1e-12, atol=1e-15
        )
        np.testing.assert_allclose(moments.variance[place], of_members.var(0, ddof=1), rtol=1e-12, atol=1e-15)


def test_variance_survives_a_large_mean():
    """Members that differ in the last digits of float32: two-moment formulas would give rubbish."""
    effects = np.full((3, 1, 4, 1, 2), 4096.0, dtype=np.float32)
    effects[:, 0, 1, 0, 0] += np.array([-1, 0, 1], dtype=np.float32) / 1024
    moments = member_moments(effects)
    assert moments.variance[0, 1, 0].tolist() == [2.0**-20, 0.0]
    assert (moments.variance >= 0).all()


def test_order_of_members_does_not_matter(effects):
    forward, backward = member_moments(effects), member_moments(effects[::-1])
    np.testing.assert_allclose(forward.covariance, backward.covariance, rtol=1e-13, atol=1e-16)


def test_one_member_has_no_variance(effects):
    with pytest.raises(SeqauditError, match=r"1 member has no variance .* at least 2"):
        member_moments(effects[:1])


def test_every_base_has_three_mutations_and_no_n_has_any(one_hot):
    expected = []
    for sequence in range(N):
        for position in range(LENGTH):
            present = np.flatnonzero(one_hot[sequence, :, position])
            if len(present):
                expected += [
                    (sequence, position, present[0], base) for base in range(4) if base != present[0]
                ]
    assert list(zip(*list_mutations(one_hot))) == expected
    assert len(expected) == 3 * (N * LENGTH - 1)


def test_member_table_holds_every_effect(effects, one_hot):
    table = member_table(effects, one_hot, locus_ids=LOCI, outputs=NAMES)
    assert len(table) == MEMBERS * 3 * (N * LENGTH - 1)
    assert not table.isna().any(axis=None)
    assert not table.duplicated(["member", "locus_id", "position", "alt"]).any()
    for row in table.itertuples():
        sequence, base = LOCI.index(row.locus_id), "ACGT".index(row.alt)
        assert one_hot[sequence, "ACGT".index(row.ref), row.position] == 1
        found = [getattr(row, f"effect_{name}") for name in NAMES]
        assert found == effects[row.member, sequence, base, row.position].tolist()


def test_pair_table_holds_moments_of_the_named_outputs(effects, one_hot):
    moments = member_moments(effects)
    table = pair_table(moments, one_hot, locus_ids=LOCI, outputs=NAMES, exposure="SOX2", outcome="GATA1")
    assert len(table) == 3 * (N * LENGTH - 1)
    assert set(table["exposure"]) == {"SOX2"} and set(table["outcome"]) == {"GATA1"}
    row = table[(table["locus_id"] == "locus_a") & (table["position"] == 4)].iloc[2]
    values = effects[:, 1, "ACGT".index(row["alt"]), 4].astype(np.float64)
    assert row["ref"] == "ACGT"[one_hot[1, :, 4].argmax()]
    assert row["beta_exposure"] == pytest.approx(values[:, 2].mean())
    assert row["beta_outcome"] == pytest.approx(values[:, 0].mean())
    assert row["variance_exposure"] == pytest.approx(values[:, 2].var(ddof=1))
    assert row["variance_outcome"] == pytest.approx(values[:, 0].var(ddof=1))
    assert row["covariance"] == pytest.approx(np.cov(values[:, 2], values[:, 0])[0, 1])


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"locus_ids": LOCI[:2]}, "locus_ids: got 2 names, expected 3"),
        ({"locus_ids": ["a", "b", "a"]}, "locus_ids: names are repeated"),
        ({"outputs": NAMES[:1]}, "outputs: got 1 names, expected 3"),
        ({"exposure": "KLF4"}, "exposure 'KLF4' is not predicted, expected one of GATA1, TAL1, SOX2"),
        ({"outcome": "KLF4"}, "outcome 'KLF4' is not predicted"),
    ],
)
def test_names_must_fit(effects, one_hot, changed, message):
    options = {"locus_ids": LOCI, "outputs": NAMES, "exposure": "SOX2", "outcome": "GATA1"} | changed
    with pytest.raises(SeqauditError, match=message):
        pair_table(member_moments(effects), one_hot, **options)

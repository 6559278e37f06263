"""Which mutations there are, and the table of effects against a loop."""

import numpy as np
import pytest

from seqaudit.data.schemas import SCHEMAS
from seqaudit.errors import SeqauditError
from seqaudit.probes.mutation_effects import list_mutations, member_table

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


@pytest.fixture
def reference():
    return np.random.default_rng(3).normal(size=(MEMBERS, N, OUTPUTS)).astype(np.float32)


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


def test_member_table_holds_every_effect(effects, reference, one_hot):
    table = member_table(effects, reference, one_hot, locus_ids=LOCI, outputs=NAMES)
    assert list(table) == [column.name for column in SCHEMAS["mutation_effects"].columns]
    assert len(table) == MEMBERS * OUTPUTS * 3 * (N * LENGTH - 1)
    assert not table.isna().any(axis=None)
    assert not table.duplicated(["member", "locus_id", "output", "position", "alt"]).any()
    assert table["effect"].dtype == table["reference"].dtype == np.float32
    for row in table.itertuples():
        sequence, base, output = LOCI.index(row.locus_id), "ACGT".index(row.alt), NAMES.index(row.output)
        assert one_hot[sequence, "ACGT".index(row.ref), row.position] == 1
        assert row.effect == effects[row.member, sequence, base, row.position, output]
        assert row.reference == reference[row.member, sequence, output]


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"locus_ids": LOCI[:2]}, "locus_ids: got 2 names, expected 3"),
        ({"locus_ids": ["a", "b", "a"]}, "locus_ids: names are repeated"),
        ({"outputs": NAMES[:1]}, "outputs: got 1 names, expected 3"),
    ],
)
def test_names_must_fit(effects, reference, one_hot, changed, message):
    with pytest.raises(SeqauditError, match=message):
        member_table(effects, reference, one_hot, **({"locus_ids": LOCI, "outputs": NAMES} | changed))

"""Effects of many loci: the same as all at once, and nothing lost when a job is killed."""

import numpy as np
import pandas as pd
import pytest
from toy_causal import ARCHITECTURE, LENGTH

from seqaudit.data.sequences import one_hot
from seqaudit.data.tables import write_table
from seqaudit.errors import SeqauditError
from seqaudit.models.cnn import build_cnn
from seqaudit.probes import locus_effects
from seqaudit.probes.locus_effects import mutate_loci, remove_chunks
from seqaudit.probes.mutagenesis import saturation_mutagenesis


def network(seed: int):
    return build_cnn(ARCHITECTURE, padding="valid", length=LENGTH, outputs=2, seed=seed).eval()


@pytest.fixture
def loci() -> pd.DataFrame:
    letters = np.random.default_rng(1).choice(list("ACGT"), size=(7, LENGTH))
    return pd.DataFrame(
        {"sequence_id": [f"test_{row}" for row in range(7)], "sequence": ["".join(row) for row in letters]}
    )


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(locus_effects, "CHUNK", 3)


def test_every_row_is_the_effect_of_its_mutation(loci):
    models = [network(1), network(2)]
    table = mutate_loci(models, loci, outputs=["x", "y"])
    assert len(table) == 2 * 7 * LENGTH * 3 * 2
    at_once = saturation_mutagenesis(models, one_hot(loci["sequence"]))
    for row in table.sample(50, random_state=1).itertuples():
        locus, output = int(row.locus_id.split("_")[1]), ["x", "y"].index(row.output)
        assert loci["sequence"][locus][row.position] == row.ref != row.alt
        wanted = at_once.effects[row.member, locus, "ACGT".index(row.alt), row.position, output]
        assert row.effect == pytest.approx(wanted, abs=1e-5)
        assert row.reference == pytest.approx(at_once.reference[row.member, locus, output], abs=1e-5)


def test_a_killed_job_continues_to_the_same_bits(loci, tmp_path, monkeypatch):
    models = [network(1)]
    undisturbed = mutate_loci(models, loci, outputs=["x", "y"])
    asked = []

    def dies_in_the_second_chunk(table, path, *details, **more):
        if asked:
            raise KeyboardInterrupt
        asked.append(path)
        write_table(table, path, *details, **more)

    monkeypatch.setattr(locus_effects, "write_table", dies_in_the_second_chunk)
    with pytest.raises(KeyboardInterrupt):
        mutate_loci(models, loci, outputs=["x", "y"], store=tmp_path)
    monkeypatch.setattr(locus_effects, "write_table", write_table)
    assert [path.name for path in tmp_path.iterdir()] == ["chunk_0.parquet"]
    continued = mutate_loci(models, loci, outputs=["x", "y"], store=tmp_path)
    pd.testing.assert_frame_equal(continued, undisturbed, check_exact=True)
    remove_chunks(tmp_path)
    assert not tmp_path.exists()


def test_chunks_of_other_networks_and_damaged_ones_are_not_used(loci, tmp_path):
    mutate_loci([network(1)], loci, outputs=["x", "y"], store=tmp_path)
    (tmp_path / "chunk_0.parquet").write_bytes(b"torn")
    for seed in (1, 2):
        found = mutate_loci([network(seed)], loci, outputs=["x", "y"], store=tmp_path)
        pd.testing.assert_frame_equal(found, mutate_loci([network(seed)], loci, outputs=["x", "y"]))


def test_no_locus_is_an_error(loci):
    with pytest.raises(SeqauditError, match="there is no sequence to mutate"):
        mutate_loci([network(1)], loci.head(0), outputs=["x", "y"])

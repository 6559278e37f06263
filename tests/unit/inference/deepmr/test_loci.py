"""Classes of sequences and sites, joined by id."""

import numpy as np
import pandas as pd
import pytest
from deepmr_world import make_world, shuffled

from seqaudit.errors import SeqauditError
from seqaudit.inference.deepmr import CLASSES, pivot_effects
from seqaudit.inference.deepmr.loci import locate_sites

EMBEDDINGS = {
    "locus_0": "pos-2_GATA1-ACGT,pos-7_TAL1-AC",
    "locus_1": "pos-0_GATA1-ACGT,pos-6_GATA1-ACGT",
    "locus_2": "pos-7_TAL1-AC",
    "locus_3": "",
    "locus_4": None,
}


@pytest.fixture
def effects():
    return pivot_effects(make_world(loci=5, length=10, members=2).effects)


@pytest.fixture
def sequences():
    return pd.DataFrame({"sequence_id": list(EMBEDDINGS), "embeddings": list(EMBEDDINGS.values())})


def test_classes(effects, sequences):
    for table in (sequences, shuffled(sequences)):
        sites = locate_sites(table, effects)
        classes = sites.classify("GATA1", "TAL1").tolist()
        assert classes == ["both", "exposure_only", "outcome_only", "neither", "unknown"]
        assert set(classes) == set(CLASSES)
        assert sites.classify("TAL1", "GATA1").tolist()[1:3] == ["outcome_only", "exposure_only"]


def test_mutations_inside_sites(effects, sequences):
    inside = locate_sites(sequences, effects).inside("GATA1", effects)
    expected = {"locus_0": {2, 3, 4, 5}, "locus_1": {0, 1, 2, 3, 6, 7, 8, 9}}
    for row, found in zip(effects.mutations.itertuples(), inside):
        assert found == (row.position in expected.get(row.locus_id, set()))


def test_an_output_may_be_called_unlike_its_motif(effects, sequences):
    sequences["embeddings"] = sequences["embeddings"].str.replace("GATA1", "GATA_disc1")
    named = locate_sites(sequences, effects, {"GATA1": "GATA_disc1"})
    assert named.classify("GATA1", "TAL1").tolist()[:2] == ["both", "exposure_only"]
    assert not locate_sites(sequences, effects).has("GATA1").any()


def test_without_sequences_nothing_is_known(effects):
    sites = locate_sites(None, effects)
    assert set(sites.classify("GATA1", "TAL1")) == {"unknown"}
    assert not np.any(sites.inside("GATA1", effects))


def test_loci_must_be_among_the_sequences(effects, sequences):
    with pytest.raises(SeqauditError, match=r"no sequence 'locus_1' \(2 of 5 mutated loci are missing\)"):
        locate_sites(sequences.drop(index=[1, 3]), effects)
    with pytest.raises(SeqauditError, match="sequence_id 'locus_0' is repeated"):
        locate_sites(pd.concat([sequences, sequences]), effects)
    with pytest.raises(SeqauditError, match="embeddings: row 0 holds 'GATA1 at 3'"):
        locate_sites(sequences.assign(embeddings="GATA1 at 3"), effects)

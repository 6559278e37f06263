"""The whole way from effects to tables: declared columns, joins by id, errors, several pairs."""

import numpy as np
import pandas as pd
import pytest
from deepmr_world import DESIGN, PAIR, make_world, shuffled

from seqaudit.data.tables import read_table, write_table
from seqaudit.errors import SeqauditError
from seqaudit.inference.deepmr import analyse_ensemble, pivot_effects

TABLES = ("instruments", "deepmr_local", "deepmr_global")


def analyse(world, **options):
    options = {"pairs": [PAIR], "design": DESIGN, "methods": ["ivw"]} | options
    return analyse_ensemble(world.effects, world.sequences, world.truth, **options)


@pytest.fixture(scope="module")
def world():
    return make_world()


@pytest.fixture(scope="module")
def analysis(world):
    return analyse(world)


def test_tables_are_as_declared(analysis, tmp_path):
    for table, name in zip(analysis, TABLES):
        path = tmp_path / f"{name}.parquet"
        write_table(table, path, name)
        assert len(read_table(path, name)) == len(table) > 0


def test_effects_are_found(analysis, world):
    local = analysis.local[analysis.local["method"] == "member_slope"].set_index("locus_id")
    assert (local["status"] == "ok").all()
    np.testing.assert_allclose(local["b"], world.slopes[local.index], atol=0.3)
    np.testing.assert_allclose(local["truth"], world.slopes[local.index], atol=1e-6)
    assert (local["n_instruments"] == 24).all() and (local["n_mutations"] == 60).all()
    overall = analysis.overall.set_index(["method", "sequence_class"])
    for name, slope in (("exposure_only", 0), ("both", 3), ("all", 1.5)):
        row = overall.loc[("member_slope/mean", name)]
        assert row["truth"] == pytest.approx(slope, abs=1e-6)
        assert row["ci_low"] < slope < row["ci_high"]


def test_instruments_lie_in_sites_of_the_exposure(analysis):
    chosen = analysis.instruments["selected"]
    assert chosen.equals(analysis.instruments["in_motif"].astype(bool))
    assert (analysis.instruments.loc[chosen, "beta_exposure"] < -4).all()


@pytest.mark.parametrize("options", [{}, {"instruments": {"cross_fit": True}}, {"moderated": True}])
def test_the_order_of_no_table_matters(world, options):
    mixed = world._replace(
        effects=shuffled(world.effects, 1),
        sequences=shuffled(world.sequences, 2),
        truth=shuffled(world.truth, 3),
    )
    for one, two in zip(analyse(world, **options), analyse(mixed, **options)):
        pd.testing.assert_frame_equal(one, two)


def test_other_sequences_do_not_matter(world, analysis):
    more = pd.concat(
        [pd.DataFrame({"sequence_id": ["train_1"], "embeddings": ["pos-0_TAL1-A"]}), world.sequences]
    )
    for one, two in zip(analysis, analyse(world._replace(sequences=more))):
        pd.testing.assert_frame_equal(one, two)


def test_coverage_is_by_id(world):
    """Truths of loci at other places in the table would halve the coverage: slopes are 0 and 3."""
    row = analyse(world).overall.set_index(["method", "sequence_class"]).loc[("member_slope/mean", "all")]
    assert row["local_coverage"] > 0.8
    swapped = world.truth.assign(
        locus_id=world.truth["locus_id"].map(dict(zip(world.slopes.index, world.slopes.index[::-1])))
    )
    with pytest.raises(SeqauditError, match=r"true_effects: .* another reference base"):
        analyse(world._replace(truth=swapped))


def test_several_pairs_from_one_pivot(world):
    effects = pivot_effects(world.effects)
    both = [PAIR, PAIR[::-1]]
    together = analyse_ensemble(
        effects, world.sequences, world.truth, pairs=both, design=DESIGN, methods=["ivw"]
    )
    for pair in both:
        alone = analyse(world, pairs=[pair])
        for one, two in zip(together, alone):
            part = one[one["exposure"] == pair[0]].reset_index(drop=True)
            pd.testing.assert_frame_equal(part, two, check_dtype=False)


def test_outputs_that_nobody_asked_for_do_not_matter(world, analysis):
    extra = world.effects[world.effects["output"] == "TAL1"].assign(output="KLF4", effect=np.float32(1))
    more = pd.concat([world.effects, extra], ignore_index=True)
    pd.testing.assert_frame_equal(analyse(world._replace(effects=more)).local, analysis.local)


def test_no_locus_with_a_site_of_the_exposure(world):
    sequences = world.sequences.assign(embeddings="pos-0_TAL1-ACGT")
    result = analyse(world._replace(sequences=sequences))
    assert set(result.local["status"]) == {"no_exposure_site"}
    assert set(result.overall["status"]) == {"no_loci", "no_local_estimates"}
    assert not result.instruments["selected"].any()
    assert len(result.local) == 6 * result.local["method"].nunique()


def test_no_mutation_is_strong_enough(world):
    result = analyse(world, instruments={"min_abs_beta": 1000})
    assert set(result.local["status"]) == {"too_few_instruments"}
    assert (result.overall["k"] == 0).all()


def test_sites_that_are_not_known(world):
    for sequences in (None, world.sequences.assign(embeddings=None)):
        unknown = world._replace(sequences=sequences)
        with pytest.raises(
            SeqauditError, match=r"no sequence has known sites .* Give the sites or take region"
        ):
            analyse(unknown)
        result = analyse(unknown, instruments={"region": "peak", "peak_width": 8})
        assert set(result.local["sequence_class"]) == {"unknown"}
        assert (result.local["status"] == "ok").all()
        assert result.instruments["in_motif"].isna().all()
        overall = result.overall.set_index(["method", "sequence_class"])["k"]["member_slope/mean"]
        assert overall.to_dict() == {"exposure_only": 0, "both": 0, "all": 6}


def test_the_published_recipe(world):
    """z >= 1 over all mutations, anywhere; MR-Egger; REML with a normal interval."""
    published = {"min_abs_beta": None, "min_abs_z": None, "min_pooled_z": 1, "region": "anywhere"}
    result = analyse(world, instruments=published)
    beta = result.instruments["beta_exposure"]
    expected = (beta - beta.mean()).abs() / beta.std(ddof=0) >= 1
    assert result.instruments["selected"].tolist() == expected.tolist()
    assert {"egger_published/reml", "wald_mean/sd"} <= set(result.overall["method"])


def test_without_truth(world):
    result = analyse(world._replace(truth=None))
    assert result.local["truth"].isna().all()
    assert result.instruments["true_beta_exposure"].isna().all()
    assert result.overall[["truth", "local_coverage", "pi_coverage"]].isna().all(axis=None)


@pytest.mark.parametrize(
    "change, options, message",
    [
        ({}, {"pairs": [("GATA1", "KLF4")]}, "outcome 'KLF4' is not predicted, expected one of GATA1, TAL1"),
        ({}, {"pairs": [("KLF4", "TAL1")]}, "exposure 'KLF4' is not predicted"),
        ({}, {"pairs": [("TAL1", "TAL1")]}, "'TAL1' is exposure and outcome"),
        ({}, {"pairs": []}, r"pairs: got \[\], expected one or more"),
        ({}, {"pairs": [PAIR, PAIR]}, "expected one or more different"),
        ({}, {"methods": ["eggar"]}, "unknown method 'eggar'"),
        ({}, {"target": "world"}, "target: got 'world'"),
        ({}, {"se_mode": "sd"}, "se_mode: got 'sd'"),
        ({}, {"instruments": {"region": "x"}}, "got region='x'"),
        ({}, {"design": {"ensemble": "e"}}, "design: got ensemble, expected ensemble, study"),
        ({"members": 1}, {}, "1 member has no variance between members"),
        ({"members": 3}, {"instruments": {"cross_fit": True}}, "cross_fit needs at least 4 members"),
    ],
)
def test_refused(change, options, message):
    with pytest.raises(SeqauditError, match=message):
        analyse(make_world(loci=2, length=10, **change), **options)


def test_missing_output(world):
    one = world.effects[world.effects["output"] == "GATA1"]
    with pytest.raises(SeqauditError, match="outcome 'TAL1' is not predicted, expected one of GATA1"):
        analyse(world._replace(effects=one))

"""Knock-outs: what changes and what does not, the rules of selection, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from seqaudit.data.knockouts import VERSIONS, knock_out_motifs
from seqaudit.data.motifs import Motif, log_odds, score_sites
from seqaudit.data.sequences import reverse_complement
from seqaudit.data.tables import read_table, write_table
from seqaudit.errors import SeqauditError
from seqaudit.simulate.motif_pairs import count_law, simulate_motif_pairs

UNIFORM = (0.25, 0.25, 0.25, 0.25)


def sharp(name, consensus, alternative_name=""):
    ppm = 0.02 + 0.92 * np.eye(4)[["ACGT".index(letter) for letter in consensus]]
    return Motif(name, ppm, alternative_name)


A = sharp("gata_1", "AGATAAGC", "GATA1")
B = sharp("tal_1", "ACCATCTGTT", "TAL1")
C = sharp("crx_1", "CTAATCCC", "CRX")
MATRICES = {motif.name: log_odds(motif, pseudocount=0.001, background=UNIFORM) for motif in (A, B, C)}


@pytest.fixture(scope="module")
def simulated():
    return simulate_motif_pairs(
        A, B, effect="super_additive", padding="same", length=80, n_train=400, n_validation=100, n_test=400,
        background=UNIFORM,
    )  # fmt: skip


@pytest.fixture(scope="module")
def law():
    return count_law(A, B, effect="super_additive", padding="same", background=UNIFORM)


def knock_out(sequences, pairs=(("GATA1", "TAL1"),), **options):
    return knock_out_motifs(sequences, [A, B, C], pairs, **{"background": UNIFORM, "seed": 5, **options})


@pytest.fixture(scope="module")
def tables(simulated, law):
    return knock_out(simulated, expected=law.expected_counts)


def sequence_table(sequences, splits=None):
    n = len(sequences)
    return pd.DataFrame(
        {
            "sequence_id": [f"s{i}" for i in range(n)],
            "split": splits or ["train", *["test"] * (n - 1)],
            "sequence": sequences,
            "embeddings": pd.Series([None] * n, dtype="str"),
        }
    )


def site(text, start, width):
    return text[start : start + width]


@pytest.mark.parametrize("name", ["pairs", "random_location", "shuffled"])
def test_each_version_differs_from_the_original_at_its_sites_only(tables, name):
    table = getattr(tables, name)
    assert len(table) > 30
    for row in table.itertuples():
        off_a, off_b = site(row.a_off, row.start_a, A.width), site(row.b_off, row.start_b, B.width)
        with_a_off = row.orig[: row.start_a] + off_a + row.orig[row.start_a + A.width :]
        with_b_off = row.orig[: row.start_b] + off_b + row.orig[row.start_b + B.width :]
        both = with_a_off[: row.start_b] + off_b + with_a_off[row.start_b + B.width :]
        assert (row.a_off, row.b_off, row.both_off) == (with_a_off, with_b_off, both)
        gap = max(row.start_b - row.start_a - A.width, row.start_a - row.start_b - B.width)
        assert gap >= B.width - 1


def test_replacements_score_below_the_threshold_except_in_shuffles(tables):
    for name, least, most in (("pairs", 1, 1), ("random_location", 1, 1), ("shuffled", 0.4, 0.95)):
        table = getattr(tables, name)
        for which, motif in (("a", A), ("b", B)):
            replaced = [
                site(t, s, motif.width) for t, s in zip(table[f"{which}_off"], table[f"start_{which}"])
            ]
            weak = score_sites(replaced, MATRICES[motif.name]) < -10
            assert least <= weak.mean() <= most
            letters = np.array(list("".join(replaced)))
            assert all(abs((letters == letter).mean() - 0.25) < 0.06 for letter in "ACGT")


def test_real_sites_carry_the_motifs_of_the_record(simulated, tables):
    record = simulated.set_index("sequence_id")["embeddings"]
    for row in tables.pairs.itertuples():
        site_a, site_b = site(row.orig, row.start_a, A.width), site(row.orig, row.start_b, B.width)
        expected = f"pos-{row.start_a}_gata_1-{site_a},pos-{row.start_b}_tal_1-{site_b}"
        assert record[row.sequence_id] == expected
        assert row.pair_id == f"GATA1-TAL1.{row.sequence_id}.{row.start_a}.{row.start_b}"
        assert (row.motif_pair, row.motif_a, row.motif_b) == ("GATA1-TAL1", "GATA1", "TAL1")
        assert score_sites([site_a], MATRICES["gata_1"])[0] > 2
        assert score_sites([site_b], MATRICES["tal_1"])[0] > 2


def test_null_sets_belong_to_the_real_pairs(tables):
    pairs, random_location, shuffled = tables
    assert pairs["pair_id"].is_unique and set(pairs["split"]) == {"train", "test"}
    pd.testing.assert_frame_equal(random_location[["pair_id", "orig"]], pairs[["pair_id", "orig"]])
    in_test = pairs.loc[pairs["split"] == "test"].reset_index(drop=True)
    same = ["pair_id", "start_a", "start_b", "split", "strand_a", "strand_b"]
    pd.testing.assert_frame_equal(shuffled[same], in_test[same])
    assert all(sorted(s) == sorted(o) and s != o for s, o in zip(shuffled["orig"], in_test["orig"]))
    assert set(random_location["start_a"]) != set(pairs["start_a"])


def test_expected_counts_are_those_of_each_version(tables, law):
    for table in tables:
        for version in VERSIONS:
            np.testing.assert_allclose(table[f"expected_{version}"], law.expected_counts(table[version]))
    main = tables.pairs["expected_a_off"] + tables.pairs["expected_b_off"]
    interaction = tables.pairs["expected_orig"] - main + tables.pairs["expected_both_off"]
    assert interaction.mean() > 10


def test_an_additive_truth_has_no_interaction(simulated):
    additive = count_law(A, B, effect="additive", padding="same", background=UNIFORM)
    for table in knock_out(simulated, expected=additive.expected_counts):
        orig, a_off, b_off, both_off = (table[f"expected_{version}"] for version in VERSIONS)
        np.testing.assert_allclose(orig + both_off, a_off + b_off, rtol=1e-12)


def test_tables_fit_their_schema_and_are_reproducible(simulated, tables, law, tmp_path):
    again = knock_out(simulated, expected=law.expected_counts)
    for name, table in tables._asdict().items():
        pd.testing.assert_frame_equal(table, getattr(again, name))
        write_table(table, tmp_path / f"{name}.parquet", "knockouts")
        pd.testing.assert_frame_equal(read_table(tmp_path / f"{name}.parquet", "knockouts"), table)
    other = knock_out(simulated, seed=6)
    assert (other.pairs["a_off"] != tables.pairs["a_off"]).all()
    assert other.pairs["pair_id"].equals(tables.pairs["pair_id"])
    assert other.pairs["expected_orig"].isna().all()


def test_thresholds_are_strict(simulated, tables):
    scores = score_sites(
        [site(t, s, A.width) for t, s in zip(tables.pairs["orig"], tables.pairs["start_a"])],
        MATRICES["gata_1"],
    )
    weakest = np.sort(scores)[5]
    stricter = knock_out(simulated, min_log_odds=weakest).pairs
    gone = set(tables.pairs["pair_id"]) - set(stricter["pair_id"])
    assert set(tables.pairs.loc[scores <= weakest, "pair_id"]) <= gone
    closer, farther = knock_out(simulated, min_gap=0).pairs, knock_out(simulated, min_gap=20).pairs
    assert set(farther["pair_id"]) < set(tables.pairs["pair_id"]) < set(closer["pair_id"])


def consensus(motif):
    return "".join("ACGT"[i] for i in motif.ppm.argmax(axis=1))


def reverse(text):
    return reverse_complement([text])[0]


SPACER = "CACACACACACACACACACA"


def test_scanning_finds_sites_on_both_strands_and_switches_them_off():
    forward = SPACER + consensus(A) + SPACER + consensus(B) + SPACER
    backward = SPACER + reverse(consensus(A)) + SPACER + reverse(consensus(B)) + SPACER
    tables = knock_out(sequence_table([forward, backward, reverse(forward)]), instances="scan")
    pairs = tables.pairs
    assert pairs[["start_a", "start_b"]].to_numpy().tolist() == [[20, 48], [20, 48], [50, 20]]
    assert pairs["strand_a"].tolist() == pairs["strand_b"].tolist() == ["+", "-", "-"]
    for row in pairs.itertuples():
        off_a = [site(row.a_off, row.start_a, A.width)]
        off_b = [site(row.b_off, row.start_b, B.width)]
        assert score_sites(off_a, MATRICES["gata_1"], strand=row.strand_a)[0] < -10
        assert score_sites(off_b, MATRICES["tal_1"], strand=row.strand_b)[0] < -10


def test_the_strongest_pairs_of_a_sequence_are_kept():
    weak_a = consensus(A)[:-1] + "T"
    sequence = SPACER.join(["", weak_a, consensus(B), consensus(A), ""])
    start_weak, start_b, start_strong = 20, 48, 78
    data = sequence_table([sequence, sequence])
    one = knock_out(data, instances="scan").pairs
    assert one["start_a"].tolist() == [start_strong] * 2
    two = knock_out(data, instances="scan", max_pairs_per_sequence=2).pairs
    assert two["start_a"].tolist() == [start_weak, start_strong] * 2
    assert set(two["start_b"]) == {start_b} and two["pair_id"].is_unique


def test_several_motif_pairs_have_their_own_letters():
    sequence = SPACER.join(["", consensus(A), consensus(B), consensus(C), ""])
    data = sequence_table([sequence] * 3)
    pairs = [("GATA1", "CRX"), ("TAL1", "GATA1"), ("crx_1", "tal_1")]
    together = knock_out(data, pairs, instances="scan")
    assert together.pairs["motif_pair"].tolist() == [
        name for name in ("GATA1-CRX", "TAL1-GATA1", "crx_1-tal_1") for _ in range(3)
    ]
    assert together.pairs["pair_id"].is_unique
    first = knock_out(data, pairs[:1], instances="scan")
    for name, table in first._asdict().items():
        pd.testing.assert_frame_equal(getattr(together, name)[: len(table)], table)
    # A and C are equally wide: with one stream, their replacements would be the same letters
    second = together.pairs.iloc[3]
    assert site(second["b_off"], second["start_b"], 8) != site(
        first.pairs["b_off"][0], first.pairs["start_b"][0], 8
    )


def test_without_training_pairs_the_test_pairs_remain(simulated, law):
    tables = knock_out(simulated[simulated["split"] != "train"], expected=law.expected_counts)
    assert set(tables.pairs["split"]) == {"test"}
    with_n = sequence_table(["N" * 88, SPACER + consensus(A) + SPACER + consensus(B) + "N" * 30])
    assert len(knock_out(with_n, instances="scan").pairs) == 1


@pytest.mark.parametrize(
    "options, message",
    [
        ({"pairs": []}, "motif_pairs: none given"),
        ({"pairs": [("GATA1", "GATA1")]}, r"motif_pairs: \['GATA1', 'GATA1'\], expected two different"),
        ({"pairs": [("GATA1", "gata_1")]}, "'GATA1-gata_1' repeats a motif"),
        ({"pairs": [("GATA1", "TAL1"), ("TAL1", "gata_1")]}, "'TAL1-gata_1' repeats a motif or an earlier"),
        ({"pairs": [("GATA1", "TAL2")]}, r"no motif 'TAL2' among 3\. Did you mean TAL1"),
        ({"instances": "both"}, "instances: got 'both', expected one of embeddings, scan"),
        (
            {"max_log_odds_off": -60},
            r"max_log_odds_off=-60: no letters score that low for motif 'GATA1', its lowest log-odds are "
            r"-20\.11\. Half of all random strings score below -1\d\.\d\d: raise it",
        ),
        (
            {"min_log_odds": 50},
            r"'GATA1-TAL1': no usable pair in 400 test sequences\. \d+ have sites of both motifs, \d+ of "
            r"these at least 9 bp apart, 0 of these with log-odds above 50\. Lower knockouts\.min_gap or",
        ),
        ({"min_gap": 70}, "0 of these at least 70 bp apart, 0 of these"),
        ({"pairs": [("GATA1", "CRX")]}, "0 have sites of both motifs"),
    ],
)
def test_what_cannot_work_is_explained(simulated, options, message):
    with pytest.raises(SeqauditError, match=message):
        knock_out(simulated, **options)


def test_letters_that_almost_never_score_low_end_the_search():
    picky, also = (Motif(name, [[0.33, 0.33, 0.33, 0.01]] * 16) for name in ("picky", "also"))  # but for T
    with pytest.raises(SeqauditError, match="10000 random strings all score higher for motif 'also'"):
        knock_out_motifs(
            sequence_table([SPACER * 4] * 2), [picky, also], [("picky", "also")], background=UNIFORM,
            instances="scan", max_log_odds_off=-45,
        )  # fmt: skip


def test_measured_data_have_no_embeddings(simulated):
    with pytest.raises(SeqauditError, match=r"no embeddings \(row 0\), as for measured data. Use 'scan'"):
        knock_out(simulated.assign(embeddings=None))


def test_motifs_wider_than_the_sequences_are_named():
    with pytest.raises(SeqauditError, match="motif 'TAL1' is 10 bp wide, the sequences have 9 bp"):
        knock_out(sequence_table(["ACGTACGTA"] * 2), instances="scan")

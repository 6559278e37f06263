"""Effects by spacing: gaps by hand, pooling in closed form, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from seqaudit.data.tables import read_table, write_table
from seqaudit.errors import SeqauditError
from seqaudit.inference.deepmr.spacing import site_gaps, spacing_table


def sequences(*embeddings) -> pd.DataFrame:
    return pd.DataFrame({"sequence_id": [f"s{i}" for i in range(len(embeddings))], "embeddings": embeddings})


def local(b, *, se=0.1, method="egger", ensemble="e", truth=np.nan) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "ensemble": ensemble,
            "study": "study",
            "scenario": "none",
            "round": 1,
            "recipe": "r",
            "locus_id": [f"s{i}" for i in range(len(b))],
            "exposure": "X",
            "outcome": "Y",
            "method": method,
            "b": b,
            "se": se,
            "truth": truth,
        }
    )


def at_gap(gap: int) -> str:
    """A site of X of 4 bp at position 10, and one of Y of 3 bp so many bases after its end."""
    return f"pos-10_X-ACGT,pos-{14 + gap}_Y-AAA"


@pytest.mark.parametrize(
    ("embeddings", "gap"),
    [
        (at_gap(6), 6),
        ("pos-20_Y-AAA,pos-30_X-ACGT", 7),  # Y first: 23 to 30
        (at_gap(0), 0),
        ("pos-10_X-ACGT,pos-12_Y-AAA", 0),  # overlap
        ("pos-10_X-ACGT,pos-40_Y-AAA,pos-90_Y-AAA", 26),  # the nearest, not the last
        ("pos-0_X-ACGT,pos-80_X-ACGT,pos-70_Y-AAA", 7),
    ],
)
def test_gaps_are_from_edge_to_edge_of_the_nearest_sites(embeddings, gap):
    assert site_gaps(sequences(embeddings), "X", "Y").to_dict() == {"s0": gap}
    assert site_gaps(sequences(embeddings), "Y", "X").to_dict() == {"s0": gap}


def test_sequences_without_both_sites_have_no_gap():
    table = sequences("pos-1_X-ACGT", "", None, at_gap(3))
    assert site_gaps(table, "X", "Y").to_dict() == {"s3": 3}
    renamed = sequences("pos-1_m1-ACGT,pos-9_m2-AA")
    assert site_gaps(renamed, "X", "Y").empty
    assert site_gaps(renamed, "X", "Y", motifs={"X": "m1", "Y": "m2"}).to_dict() == {"s0": 4}


def test_bins_hold_their_upper_edge_and_the_first_holds_zero(tmp_path):
    table = sequences(*map(at_gap, [0, 35, 36, 70, 71]), "pos-1_X-ACGT")
    made = spacing_table(local([1.0, 2.0, 3.0, 5.0, 7.0, 100.0]), table)
    write_table(made, tmp_path / "spacing.parquet", "deepmr_spacing")
    made = read_table(tmp_path / "spacing.parquet", "deepmr_spacing").set_index("spacing")
    assert made["k"].to_dict() == {"0 to 35": 2, "35 to 70": 2, "70 to 150": 1, "150 to 1000": 0}
    assert made["method"].unique().tolist() == ["egger/reml_hk"]
    assert made.loc["0 to 35", "b"] == pytest.approx(1.5)
    assert "no locus of this spacing" in made.loc["150 to 1000", "status"]
    assert "one usable study" in made.loc["70 to 150", "status"]
    assert np.isnan(made.loc["70 to 150", "truth"])


def test_wider_gaps_have_a_bin_of_their_own():
    made = spacing_table(local([1.0, 2.0]), sequences(at_gap(5), at_gap(50)), edges=(0, 10))
    assert made[["spacing", "k"]].to_numpy().tolist() == [["0 to 10", 1], ["> 10", 1]]


def test_equal_standard_errors_have_a_closed_form():
    """The mean is plain; REML's tau2 is the variance minus se2; Hartung and Knapp's se is sd / sqrt(k)."""
    b = np.array([0.2, 1.0, 1.3, 2.5, 3.0])
    made = spacing_table(local(b, se=0.1, truth=b - 0.5), sequences(*[at_gap(5)] * 5), edges=(0, 10)).iloc[0]
    assert made["b"] == pytest.approx(b.mean())
    assert made["tau"] == pytest.approx(np.sqrt(b.var(ddof=1) - 0.01), rel=1e-5)
    assert made["se"] == pytest.approx(b.std(ddof=1) / np.sqrt(5), rel=1e-5)
    half = (made["ci_high"] - made["ci_low"]) / 2
    assert half == pytest.approx(2.776445 * made["se"], rel=1e-5) and made["df"] == 4
    assert made["truth"] == pytest.approx(b.mean() - 0.5)
    normal = spacing_table(local(b), sequences(*[at_gap(5)] * 5), edges=(0, 10), pooling="reml").iloc[0]
    assert (normal["ci_high"] - normal["ci_low"]) / 2 == pytest.approx(1.959964 * normal["se"], rel=1e-6)
    assert np.isnan(normal["df"]) and np.isnan(normal["truth"])


def test_ensembles_and_methods_are_kept_apart_and_order_does_not_matter():
    table = sequences(*map(at_gap, [1, 2, 60, 61]))
    parts = [local([1.0, 2.0, 3.0, 4.0], method=m, ensemble=e) for m in ("egger", "ivw") for e in ("e", "f")]
    parts[3]["b"] += 10
    whole = pd.concat(parts, ignore_index=True)
    made = spacing_table(whole, table, edges=(0, 35, 70))
    assert len(made) == 8 and made["b"].tolist() == pytest.approx([1.5, 3.5] * 3 + [11.5, 13.5])
    shuffled = spacing_table(whole.sample(frac=1, random_state=1), table.iloc[::-1], edges=(0, 35, 70))
    keys = ["ensemble", "method", "gap_above"]
    pd.testing.assert_frame_equal(
        made.sort_values(keys, ignore_index=True), shuffled.sort_values(keys, ignore_index=True)
    )


def test_loci_without_an_estimate_do_not_count():
    made = spacing_table(local([1.0, np.nan]), sequences(at_gap(1), at_gap(2)), edges=(0, 10))
    assert made["k"].tolist() == [1]
    nothing = spacing_table(local([np.nan]), sequences(at_gap(1)), edges=(0, 10))
    assert nothing["k"].tolist() == [0] and nothing["b"].isna().all()


def test_bad_input_is_refused():
    table = sequences(at_gap(1))
    for edges in ((35,), (10, 5), (-1, 4)):
        with pytest.raises(SeqauditError, match="edges: got"):
            spacing_table(local([1.0]), table, edges=edges)
    with pytest.raises(SeqauditError, match="pooling: got 'mean', expected one of reml_hk, reml"):
        spacing_table(local([1.0]), table, pooling="mean")
    with pytest.raises(SeqauditError, match=r"no sequence 's1' \(1 of the loci"):
        spacing_table(local([1.0, 2.0]), table)

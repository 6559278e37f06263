"""Populations of networks as posteriors: strata, shares, and what a single seed cannot say."""

import numpy as np
import pytest
from toy_heads import toy_heads

from seqaudit.data.tables import write_table
from seqaudit.errors import SeqauditError
from seqaudit.inference.head_strata import summarise_heads


def test_designs_hold_means_and_shares():
    heads = toy_heads()
    found = summarise_heads(heads).designs
    assert len(found) == 1 and found["n_networks"][0] == 3 and found["n_pairs"][0] == 60
    row = found.iloc[0]
    assert row["mean_interaction"] == pytest.approx(row["mean_head"] + row["mean_below"])
    by_seed = heads.groupby("seed")[["head", "below"]].mean()
    assert row["mean_head"] == pytest.approx(by_seed["head"].mean())
    assert row["sd_below"] == pytest.approx(by_seed["below"].std())
    # all values are positive here, so the share is that of the means
    shares = by_seed["head"] / (by_seed["head"] + by_seed["below"])
    assert row["head_share"] == pytest.approx(shares.mean()) and row["mean_truth"] == 12


def test_signed_means_in_strata_have_intervals_over_networks():
    heads = toy_heads()
    groups = summarise_heads(heads).groups.set_index(["fit", "group"])
    below = groups.loc["d.a.l1_0.A-B.below.spacing"]
    assert below.loc["spacing=>=10", "mean"] == 0 and below.loc["spacing=<10", "n_points"] == 20
    seeds = heads[heads["spacing"] == "<10"].groupby("seed")["below"].mean()
    assert below.loc["spacing=<10", "mean"] == pytest.approx(seeds.mean())
    assert (
        seeds.min() <= below.loc["spacing=<10", "ci_low"] < below.loc["spacing=<10", "ci_high"] <= seeds.max()
    )


def test_scores_are_group_expected_interactions():
    pairs = summarise_heads(toy_heads(below=-4.0)).pairs
    mine = pairs[pairs["fit"] == "d.a.l1_0.A-B.below.spacing"].set_index("measure")
    # a third of the pairs is near, with a mean of about -4; all groups of one sign: the measures agree
    assert mine["score"].to_numpy() == pytest.approx(4 / 3, rel=0.3)
    assert mine.loc["aeh", "score"] == pytest.approx(mine.loc["geh", "score"])
    assert (mine["feature_a"] == "A").all() and (mine["posterior"] == "seeds").all()


def test_one_seed_has_means_but_no_spread(tmp_path):
    found = summarise_heads(toy_heads(seeds=(7,)))
    assert np.isnan(found.designs["sd_head"][0]) and found.groups["sd"].isna().all()
    for name, schema in (
        ("designs", "hessian_head_designs"),
        ("pairs", "hessian_pairs"),
        ("groups", "hessian_groups"),
    ):
        write_table(getattr(found, name), tmp_path / f"{name}.parquet", schema)
    write_table(toy_heads(), tmp_path / "heads.parquet", "hessian_heads")


def test_networks_asked_about_other_pairs_are_refused():
    heads = toy_heads()
    heads.loc[heads["seed"] == 2, "pair_id"] = [f"q{i}" for i in range(60)]
    with pytest.raises(SeqauditError, match="asked about different pairs"):
        summarise_heads(heads)

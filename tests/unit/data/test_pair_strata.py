"""Strata of motif pairs, by hand."""

import numpy as np
import pandas as pd
import pytest

from seqaudit.data.motifs import Motif
from seqaudit.data.pair_strata import choose_pairs, ordered_strata, pair_strata
from seqaudit.errors import SeqauditError
from seqaudit.inference.hessian_group_counts import stratum_groups

SETTINGS = {
    "background": [0.25] * 4,
    "pseudocount": 0.001,
    "padding": "valid",
    "spacing_bins": [5, 20],
    "edge_bins": [3],
}


def motif(name, word):
    return Motif(name, np.eye(4)[["ACGT".index(letter) for letter in word]])


A, B = motif("A", "GATAAG"), motif("B", "CAGCTG")


def sequence(*sites, length=50, filler="T"):
    letters = [filler] * length
    for start, word in sites:
        letters[start : start + len(word)] = word
    return "".join(letters)


def pair(start_a, start_b, letters, **more):
    row = {"motif_a": "A", "motif_b": "B", "start_a": start_a, "start_b": start_b, "orig": letters}
    return {**row, "motif_pair": "A-B", "split": "test", **more}


def test_strata_by_hand():
    table = pd.DataFrame(
        [
            # 4 letters between, 2 from the left end
            pair(2, 12, sequence((2, "GATAAG"), (12, "CAGCTG"))),
            # B first; 5 between; 3 from the right end: 50 - 47
            pair(41, 30, sequence((41, "GATAAG"), (30, "CAGCTG"))),
            # 24 between; a second A
            pair(5, 35, sequence((5, "GATAAG"), (18, "GATAAG"), (35, "CAGCTG"))),
        ]
    )
    strata = pair_strata(table, [A, B], **SETTINGS)
    assert strata["copies"].tolist() == ["1+1", "1+1", "2+1"]
    assert strata["spacing"].tolist() == ["<5", "5..19", ">=20"]
    assert strata["edge"].tolist() == ["<3", ">=3", ">=3"]


def test_gc_tertiles_are_of_all_pairs():
    fillers = ["T" * 50, "TG" * 25, "GC" * 25]
    rows = []
    for filler in fillers * 4:
        letters = list(filler)
        letters[5:11], letters[20:26] = "GATAAG", "CAGCTG"
        rows.append(pair(5, 20, "".join(letters)))
    strata = pair_strata(pd.DataFrame(rows), [A, B], **SETTINGS)
    assert strata["gc"].tolist() == ["low", "middle", "high"] * 4


def test_pairs_are_chosen_from_held_out_sequences():
    rows = [pair(2, 12, "T", pair_id=i, split="test" if i % 2 else "train") for i in range(60)]
    rows += [pair(2, 12, "T", pair_id=100 + i, motif_pair="A-C") for i in range(3)]
    table = pd.DataFrame(rows)
    chosen = choose_pairs(table, max_pairs=10, seed=1)
    assert chosen.groupby("motif_pair").size().to_dict() == {"A-B": 10, "A-C": 3}
    mine = chosen.loc[chosen["motif_pair"] == "A-B", "pair_id"]
    assert (mine % 2 == 1).all() and mine.is_monotonic_increasing and mine.is_unique
    assert chosen.equals(choose_pairs(table, max_pairs=10, seed=1))
    assert len(choose_pairs(table, max_pairs=None, seed=1)) == 33
    with pytest.raises(SeqauditError, match="none of 60 is in a test sequence"):
        choose_pairs(table[:60].assign(split="train"), max_pairs=10, seed=1)


def test_unknown_motifs_are_refused():
    with pytest.raises(SeqauditError, match="motifs: 'B' of the pairs is not among A"):
        pair_strata(pd.DataFrame([pair(2, 12, sequence())]), [A], **SETTINGS)


def test_strata_are_in_the_order_of_what_they_measure():
    strata = pd.DataFrame(
        {
            "copies": ["2+1", "1+2", "1+1", "2+2"],
            "spacing": [">=50", "5..9", "<5", "10..49"],
            "gc": ["middle", "high", "low", "high"],
        }
    )
    ordered = ordered_strata(strata)
    assert list(ordered["copies"].cat.categories) == ["1+1", "1+2", "2+1", "2+2"]
    assert list(ordered["spacing"].cat.categories) == ["<5", "5..9", "10..49", ">=50"]
    assert list(ordered["gc"].cat.categories) == ["low", "middle", "high"]
    _, names = stratum_groups(ordered[["spacing"]])
    assert names == ["spacing=<5", "spacing=5..9", "spacing=10..49", "spacing=>=50"]

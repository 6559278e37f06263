"""The figure of heads shows what its tables say."""

import numpy as np
import pandas as pd
import pytest
from toy_heads import toy_heads

from seqaudit.figures.hessian_heads import HeadResults, origins
from seqaudit.inference.head_strata import summarise_heads


@pytest.fixture(scope="module")
def results():
    found = summarise_heads(pd.concat([toy_heads(), toy_heads(head=1.0, below=-3.0, dataset="e")]))
    return HeadResults(found.designs, found.groups)


def test_bars_are_shares_and_points_are_signed_means(results):
    drawn = origins(results)
    shares, first, second = drawn.figure.axes[:3]
    widths = [bar.get_width() for bar in shares.patches]
    np.testing.assert_allclose(widths[:2], results.designs["head_share"])
    np.testing.assert_allclose(np.add(widths[:2], widths[2:]), 1)
    for axes, dataset in ((first, "d"), (second, "e")):
        names = [label.get_text() for label in axes.get_yticklabels()]
        assert names == ["copies=1+1", "spacing=<10", "spacing=>=10", "edge=<5", "gc=low"]
        mine = results.groups[results.groups["fit"].str.startswith(f"{dataset}.a.l1_0.A-B.below.")]
        below = next(line for line in axes.lines if line.get_marker() == "^")
        np.testing.assert_allclose(below.get_xdata(), mine["mean"])
    assert "60 held-out pairs" in drawn.caption and "3 networks of a design" in drawn.caption


def test_without_networks_it_says_why():
    empty = HeadResults(pd.DataFrame(), pd.DataFrame())
    assert origins(empty).why_missing

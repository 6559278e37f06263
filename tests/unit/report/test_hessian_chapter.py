"""The chapter about interactions with uncertainty: what is called is said, and what is not known is not."""

import re

import pytest
from toy_deepmr import HEADLINE, toy_study
from toy_hessian import toy_results

from seqaudit.data.tables import read_tables
from seqaudit.inference.audit import audit
from seqaudit.report.build import build_report
from seqaudit.report.hessian import coverage_sentences, digit_sentences, fit_sentences, hessian_chapter


@pytest.fixture(scope="module")
def results():
    return toy_results()


@pytest.fixture(scope="module")
def questions():
    return audit({"deepmr_global": toy_study(rounds=1, loci=2).effects}, headline=HEADLINE)


def tables_of(results) -> dict:
    names = ("pairs", "auc", "coverage", "false_positives")
    tables = {f"hessian_{name}": getattr(results, name) for name in names}
    return {**tables, "hessian_networks": read_tables([], "hessian_networks", optional=True)}


def section(chapter, title):
    return next(part for part in chapter.sections if part.title == title)


def test_a_sentence_says_what_both_rules_call_and_what_is_true(results):
    geh = results.pairs[results.pairs["measure"] == "geh"]
    first = geh[geh["fit"] == results.fits[0]]
    told = fit_sentences(geh)[0]
    top = first.sort_values("score", ascending=False).iloc[0]
    assert told.startswith(f"{results.fits[0]}: the largest score of 28 pairs is ")
    assert f"{top['feature_a']} × {top['feature_b']}" in told
    published = int(first["published_call"].sum())
    assert f"the published rule calls {published} of 28" in told and "in truth 7 interact" in told
    for row in first[first["call"].eq(True)].itertuples():
        assert f"{row.feature_a} × {row.feature_b}" in told


def test_without_refits_nothing_is_said_to_be_called():
    bare = toy_results(known=False, nulls=False)
    chapter = hessian_chapter(tables_of(bare), [])
    found = section(chapter, "What was found")
    assert "nothing is called" in found.paragraphs[0]
    assert not any("additive null calls" in point or "in truth" in point for point in found.points)
    pairs = section(chapter, "Every pair").tables[0]
    assert "Truth" not in [column.name for column in pairs.columns]
    assert len(pairs.rows) == (bare.pairs["measure"] == "geh").sum()


def test_coverage_is_that_of_pairs_that_interact(results):
    told = coverage_sentences(results.coverage)
    true = results.coverage[results.coverage["interacts"] & (results.coverage["quantity"] == "geh")]
    share = 100 * (true["coverage"] * true["n"]).sum() / true["n"].sum()
    assert len(told) == 1 and f"in {share:.0f} % of {true['n'].sum()} cases" in told[0]
    assert coverage_sentences(None) == []


def test_tables_show_areas_and_false_positives(results):
    checks = section(hessian_chapter(tables_of(results), []), "Checks of the method").tables
    areas, rates = checks
    assert len(areas.rows) == len(results.auc) and len(rates.rows) == len(results.false_positives)
    shown = {row.cells[3].text for row in rates.rows}
    assert "score above 2 sd (published)" in shown and "additive null, all pairs together" in shown


def test_the_chapter_comes_into_the_report_and_names_are_escaped(results, questions):
    tables = tables_of(results)
    pairs = tables["hessian_pairs"]
    tables["hessian_pairs"] = pairs.assign(feature_a=pairs["feature_a"].replace("x1", "<b>x1</b>"))
    page = build_report(
        {**tables, "audit": questions},
        [],
        title="t",
        run="r",
        config_summary={},
        provenance={},
    )
    assert "Interactions with uncertainty" in page and "Cui T, Marttinen P" in page
    assert "<b>x1</b>" not in page and re.search(r"&lt;b&gt;x1", page)


def test_digits_are_counted_beside_blind_choice(results):
    told = digit_sentences(results.readings)
    top = results.readings.sort_values("rank").drop_duplicates("fit")
    assert len(told) == 1 and f"in {int(top['expected'].sum())} of 2 networks" in told[0]
    # 4 of the 10 pairs of the toy read as expected
    assert "(chosen blindly 0.8)" in told[0] and "at least 99 %" in told[0]
    assert digit_sentences(None) == []


def test_the_loss_gate_stands_beside_the_call(results):
    scores = results.pairs[results.pairs["measure"] == "geh"].assign(p_loss=0.3, gated_call=False)
    assert "held-out loss has p = 0.3 for no gain; call and loss gate agree on 0" in fit_sentences(scores)[0]

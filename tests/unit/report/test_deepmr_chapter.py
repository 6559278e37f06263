"""The chapter about causal effects: sentences say what the tables hold, nothing is left out silently."""

import re

import numpy as np
import pandas as pd
import pytest
from toy_deepmr import HEADLINE, toy_measured, toy_study
from toy_tables import toy_architectures, toy_dataset

from seqaudit.figures.deepmr_words import interval_words
from seqaudit.inference.audit import audit
from seqaudit.inference.deepmr.headline import headline_methods, spoken_for
from seqaudit.report.build import build_report
from seqaudit.report.deepmr import deepmr_chapter, effect_sentences, notes, score_sentences

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def simulated():
    return toy_study(scenarios=("unconfounded", "both"), rounds=4, loci=4)


@pytest.fixture(scope="module")
def measured():
    return toy_measured(loci=4)


@pytest.fixture(scope="module")
def tables(simulated, measured) -> dict[str, pd.DataFrame]:
    return {
        "deepmr_global": pd.concat([simulated.effects, measured.effects], ignore_index=True),
        "deepmr_scores": simulated.scores,
    }


def headline_rows(effects):
    return spoken_for(effects, headline_methods(effects, HEADLINE))


def section(chapter, title):
    return next(part for part in chapter.sections if part.title == title)


def test_a_sentence_tells_effect_interval_loci_class_and_truth(simulated):
    first = effect_sentences(headline_rows(simulated.effects))[0]
    row = simulated.effects.query(
        "round == 1 and scenario == 'unconfounded' and recipe == 'corrected' and sequence_class == 'both' "
        "and method == 'member_slope/mean'"
    ).iloc[0]
    assert first.startswith(
        "GATA1 → TAL1 (cascade, unconfounded, corrected): one unit more GATA1 changes TAL1"
    )
    assert (
        f"by {interval_words(row['b'], row['ci_low'], row['ci_high'])} at 223 loci with both motifs" in first
    )
    assert f"true {row['truth']:.3g}" in first and "441 loci in all" in first


def test_every_pair_scenario_and_recipe_has_its_sentence(simulated, measured):
    assert len(effect_sentences(headline_rows(simulated.effects))) == 2 * 2
    told = effect_sentences(headline_rows(measured.effects))
    assert len(told) == 12 and not any("true" in sentence for sentence in told)
    assert "Oct4 → Sox2 (factors, corrected)" in told[0], "'none' is not a scenario to name"
    many = pd.concat([measured.effects.assign(study=f"s{i}") for i in range(3)])
    assert effect_sentences(headline_rows(many))[-1] == "12 more effects in the table below."


def test_a_failed_estimate_says_why(measured):
    gone = measured.effects.assign(b=np.nan, status="no_local_estimates")
    told = effect_sentences(headline_rows(gone))[0]
    assert told.endswith("no estimate: no locus of this class has an estimate.")


def test_scores_are_told_in_words(simulated):
    methods = headline_methods(simulated.effects, HEADLINE)
    told = score_sentences(simulated.scores, methods)
    assert len(told) == 4
    row = simulated.scores.query(
        "scenario == 'both' and recipe == 'published' and sequence_class == 'both' "
        "and method == 'egger_published/reml' and gamma_cluster == 'all'"
    ).iloc[0]
    assert "(cascade, both, published), loci with both motifs: bias " in told[3]
    assert f"held the truth in {100 * row['ci_coverage']:.0f} % of 4 rounds" in told[3]


def test_tables_hold_every_row(tables, simulated, measured):
    chapter = deepmr_chapter(tables, [], headline=HEADLINE)
    effects = section(chapter, "Every global effect")
    first_rounds = headline_rows(simulated.effects).query("round == 1")
    assert len(effects.tables[0].rows) == len(first_rounds) + 12
    assert "of 1 to 4; all rounds are in the table" in effects.paragraphs[0]
    scores = section(chapter, "Scores over rounds of a simulation")
    assert len(scores.tables[0].rows) == len(simulated.scores)
    for table in (effects.tables[0], scores.tables[0]):
        assert all(len(row.cells) == len(table.columns) for row in table.rows)


def test_measured_data_alone_need_no_scores(measured):
    tables = {"deepmr_global": measured.effects}
    chapter = deepmr_chapter(tables, [])
    assert not any("Scores" in part.title for part in chapter.sections)
    unknown = toy_study(scenarios=("random",), rounds=1, loci=2).scores.assign(bias=np.nan)
    assert not any(
        "Scores" in part.title for part in deepmr_chapter({**tables, "deepmr_scores": unknown}, []).sections
    )
    names = [column.name for column in section(chapter, "Every global effect").tables[0].columns]
    assert "Truth" not in names


def test_notes_fit_the_data(simulated, measured):
    on_simulated = " ".join(notes(simulated.effects, headline_methods(simulated.effects, HEADLINE)))
    on_measured = " ".join(notes(measured.effects, headline_methods(measured.effects, {})))
    for said in (on_simulated, on_measured):
        assert "Recipe corrected estimates: mean slope" in said
        assert "through the exposure only" in said
    assert "takes loci as independent" in on_simulated and "mixture" in on_simulated
    assert "nobody knows the truth" not in on_simulated
    assert "measured data (factors) nobody knows the truth" in on_measured
    assert "takes loci as independent" not in on_measured and "mixture" not in on_measured
    rows = headline_rows(measured.effects)
    assert f"Of {rows['n_loci'].sum():,} mutated loci {rows['k'].sum():,} have an estimate" in on_measured


def report(tables, **changes) -> str:
    dataset = toy_dataset(n_pairs=6, seeds=(1,), archs=("arch1",), l1s=(0.0,))
    loss = {
        "loss_models": dataset.models,
        "loss_verdicts": dataset.verdicts,
        "loss_architectures": toy_architectures(dataset),
    }
    settings = {"title": "t", "run": "r", "config_summary": {}, "provenance": {}, "headline": HEADLINE}
    tables = {**loss, **tables}
    tables["audit"] = audit(tables, headline=HEADLINE)
    return build_report(tables, [], **{**settings, **changes})


def test_the_chapter_is_part_of_the_page(tables):
    page = report(tables)
    assert page.index('id="interactions"') < page.index('id="causes"') < page.index('id="about"')
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(set(ids)) == len(ids)
    assert "Malina S, Cizin D, Knowles DA" in page
    without = report({})
    assert 'id="causes"' not in without and "Malina" not in without


@pytest.mark.parametrize("where", ["study", "scenario", "recipe", "exposure", "status", "estimand", "method"])
def test_names_cannot_do_harm(tables, where):
    hostile = {name: table.copy() for name, table in tables.items()}
    for table in hostile.values():
        if where in table:
            table[where] = HOSTILE + table[where].astype(str)
    assert HOSTILE not in report(hostile)

"""The chapter about the additive twin says what its tables hold."""

import pytest
from toy_twins import toy_twins

from seqaudit.figures.twin_entries import ADDITIVE_TWIN
from seqaudit.report.loss import _model_table
from seqaudit.report.twin import notes, twin_chapter


@pytest.fixture(scope="module")
def results():
    return toy_twins(archs=("arch1", "arch3"), n_null=0)


def chapter(results, **changes):
    tables = {"twin_summary": results.summary, "twin_power": results.power}
    return twin_chapter({**tables, **changes}, [])


def section(chapter, identifier):
    return next((part for part in chapter.sections if part.id == identifier), None)


def test_every_question_has_its_consensus_and_the_reason(results):
    made = chapter(results)
    assert made.title == ADDITIVE_TWIN
    rows = section(made, "twin-verdicts").tables[0].rows
    assert [row.cells[1].text for row in rows] == list(results.summary["dataset"])
    assert [row.cells[2].badge.text for row in rows] == list(results.summary["verdict_twin"])
    confirmed = results.summary[results.summary["verdict_twin"] == "confirmed"]
    assert len(confirmed) and all(rows[place].cells[2].badge.kind == "yes" for place in confirmed.index)
    assert {row.note for row in rows} == {"Made for a test."}
    first = results.summary.iloc[0]
    assert rows[0].cells[7].text == f"{first['n_confirmed']} of {first['n_models']}"


def test_power_is_a_table_where_the_truth_is_known(results):
    rows = section(chapter(results), "twin-power").tables[0].rows
    assert len(rows) == len(results.power)
    assert rows[0].cells[3].text == f"{results.power['n_rejected'][0]} of {results.power['n_models'][0]}"
    assert section(chapter(results, twin_power=results.power.iloc[:0]), "twin-power") is None
    assert section(twin_chapter({"twin_summary": results.summary}, []), "twin-power") is None


def test_what_cannot_be_told_is_said_with_its_reason(results):
    summary = results.summary.copy()
    assert not any("Cannot tell" in note for note in notes(summary))
    summary.loc[0, ["verdict_twin", "reason"]] = ["cannot tell", "Twins disagree."]
    assert any("neg_valid, GATA1-TAL1: Twins disagree." in note for note in notes(summary))
    summary["n_twins"] = 1
    assert any("with a single one nothing can be confirmed" in note for note in notes(summary))


def test_the_table_of_models_shows_shares_and_verdicts(results):
    models = results.models.copy()
    models.loc[0, ["twin_beta", "twin_ci_low", "twin_ci_high"]] = [0.791, 0.77, 0.81]
    models.loc[1, "twin_verdict"] = None
    models.loc[1, "twin_beta"] = None
    table = _model_table(models, {})
    place = [column.name for column in table.columns].index("Share confirmed")
    assert table.rows[0].cells[place].text == "0.79 [0.77, 0.81]"
    assert table.rows[1].cells[place].text == table.rows[1].cells[place - 1].text == "–"
    assert "Share confirmed" not in [
        column.name for column in _model_table(models.assign(twin_verdict=None), {}).columns
    ]

"""The first page: every question with its evidence, drawn where it belongs, and nothing that does harm."""

import re
from html import unescape

import numpy as np
import pandas as pd
import pytest
from toy_audit import PUBLISHED, toy_audit_tables

from seqaudit.report.audit import audit_summary
from seqaudit.report.build import build_report
from seqaudit.report.models import model_rows, models_chapter
from seqaudit.report.strips import axis_over, votes

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    return toy_audit_tables(rounds=2, n_pairs=20, seeds=(1,), l1s=(0.0,))


@pytest.fixture(scope="module")
def summary(tables):
    return audit_summary(tables["audit"], units={"neg_valid": "reads"})


def strip(summary, row: int):
    return summary.tables[0].rows[row].cells[2].strip


def test_every_question_has_its_verdict_reason_and_strip(tables, summary):
    rows = summary.tables[0].rows
    assert len(rows) == len(tables["audit"]) == 20
    for row, question in zip(rows, tables["audit"].itertuples()):
        assert row.cells[0].text == question.pair and question.dataset in row.cells[0].detail
        assert row.cells[1].text == question.verdict
        assert len(row.cells[2].strip) >= 1
    assert summary.paragraphs == [
        "4 motif pairs: 2 real, 2 not supported. 16 causal questions: 16 with an effect."
    ]


def test_a_strip_has_one_row_per_line_of_evidence(summary):
    assert [line.label for line in strip(summary, 0)] == [
        "Claimed interaction", "Held-out loss", "Votes of models", "Additive twin", "Group Hessian",
        "Consistency",
    ]  # fmt: skip
    assert [line.label for line in strip(summary, 4)] == ["Effect", "Recipes that agree", "Rounds that agree"]


def test_without_other_lines_only_the_loss_tests_are_shown():
    small = {"n_pairs": 6, "archs": ("arch1",), "seeds": (1,), "l1s": (0.0,)}
    bare = toy_audit_tables(datasets=PUBLISHED[:1], rounds=0, extra_lines=False, **small)
    shown = strip(audit_summary(bare["audit"], units={}), 0)
    assert [line.label for line in shown] == ["Claimed interaction", "Held-out loss", "Votes of models"]


def test_marks_lie_where_their_numbers_say(tables, summary):
    """Within a line of evidence, positions are a linear function of the values."""
    audit = tables["audit"]
    values, places = [], []
    for row in range(4):
        mark = next(line for line in strip(summary, row) if line.label == "Held-out loss").mark
        values += [*audit.loc[row, ["loss_effect", "loss_low", "loss_high"]].astype(float), 0.0]
        places += [mark.dot, mark.low, mark.high, mark.zero]
    slope, intercept = np.polyfit(values, places, 1)
    np.testing.assert_allclose(np.array(values) * slope + intercept, places, atol=0.02)
    assert slope > 0 and min(places) >= 0 and max(places) <= 100


def test_truth_is_marked_but_says_nothing(tables, summary):
    claimed = strip(summary, 0)[0]
    assert claimed.kind == "plain" and claimed.mark.truth is not None and claimed.says == "true 0"
    unknown = tables["audit"].assign(truth=np.nan)
    assert strip(audit_summary(unknown, units={}), 0)[0].mark.truth is None


def test_every_drawing_is_told_in_words(summary):
    for row in summary.tables[0].rows:
        for line in row.cells[2].strip:
            assert line.spoken and line.help
            if line.kind in ("yes", "no", "maybe", "none"):
                assert line.says and line.says in line.spoken


def test_votes_fill_the_bar():
    bar = votes([(3, "yes"), (0, "maybe"), (1, "no")])
    assert [(part.start, part.width, part.kind) for part in bar] == [(0, 75, "yes"), (75, 25, "no")]
    assert votes([(0, "yes")]) == []


def test_axes():
    axis = axis_over([2.0, None, float("nan"), -1.0])
    assert (axis.low, axis.high) == (-1, 2)
    assert axis.place(-1.0) == 4 and axis.place(2.0) == 96 and axis.place(0.5) == 50
    assert axis.place(None) is None and axis.place(float("nan")) is None
    assert axis.place(99.0) == 96, "beyond the end is at the end"
    assert axis_over([]).place(0.0) == 50


def test_models_carry_consistency_and_the_mark(tables):
    rows = model_rows(tables["loss_models"], tables["consistency_models"])
    assert len(rows) == tables["loss_models"]["model_id"].nunique()
    assert rows.groupby("dataset")["selected"].sum().eq(1).all()
    chapter = models_chapter(tables, [])
    table = chapter.sections[-1].tables[0]
    assert [column.name for column in table.columns if column.choices] == [
        "Choice", "Dataset", "Architecture", "Verdict",
    ]  # fmt: skip
    assert sum(row.cells[0].text == "selected" for row in table.rows) == 4


def test_models_without_consistency_have_no_choice(tables):
    without = {name: table for name, table in tables.items() if name != "consistency_models"}
    table = models_chapter(without, []).sections[-1].tables[0]
    assert [column.name for column in table.columns][:2] == ["Dataset", "Architecture"]
    assert "not computed" in models_chapter(without, []).sections[-1].paragraphs[0]


def test_verdicts_over_several_pairs_are_told_together(tables):
    models = tables["loss_models"]
    twice = pd.concat([models, models.assign(motif_pair="C-D", verdict="not tested")], ignore_index=True)
    assert model_rows(twice, None)["verdict"].iloc[0] == "1 not supported, 1 not tested"


@pytest.mark.parametrize(
    "where", ["pair", "dataset", "scenario", "control", "verdict", "reason", "selected_model"]
)
def test_names_cannot_do_harm(tables, where):
    # the other chapters have tests of their own
    few = {name: table for name, table in tables.items() if name.startswith("loss")}
    audit = tables["audit"].copy()
    audit[where] = [HOSTILE + str(value) for value in audit[where]]
    page = build_report(
        {**few, "audit": audit}, [], title="t", run="r", config_summary={}, provenance={},
        units={HOSTILE: HOSTILE},
    )  # fmt: skip
    assert HOSTILE not in page and page.count("<script>") == 1
    assert unescape(page).count(HOSTILE) > 1


def test_strips_draw_within_the_content_policy(tables):
    few = {name: tables[name] for name in ("loss_models", "loss_verdicts", "loss_architectures", "audit")}
    page = build_report(few, [], title="t", run="r", config_summary={}, provenance={})
    first = page[page.index('id="audit-table"') : page.index("</table>")]
    assert first.count('<svg class="mark" role="img"') == 4 * 6 + 4 * 3 + 12
    assert not re.search(r"\sstyle=|\son\w+=|href=|xlink", first), "no inline styles, handlers or links"
    assert all(0 <= float(x) <= 100 for x in re.findall(r'(?:cx|x1|x2)="([\d.]+)%"', first))

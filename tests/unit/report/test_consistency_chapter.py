"""The chapter about attribution consistency says what its tables hold, good news or bad."""

import pandas as pd
import pytest
from toy_consistency import toy_consistency

from seqaudit.figures.consistency_entries import EXPLANATIONS
from seqaudit.inference.consistency_answers import ALL_DATASETS, RANKING
from seqaudit.report.consistency import choice_sentences, consistency_chapter, notes, worth_sentences

SPOKEN = ("saliency", "default")


@pytest.fixture(scope="module")
def results():
    return toy_consistency()


@pytest.fixture(scope="module")
def measured():
    return toy_consistency({"<b>mine": None}, known=False, methods=("saliency",), settings=("default",))


def tables(results) -> dict[str, pd.DataFrame]:
    return {f"consistency_{name}": getattr(results, name) for name in ("models", "choices", "answers")}


def section(chapter, identifier):
    return next((part for part in chapter.sections if part.id == identifier), None)


def test_every_dataset_gets_its_model_and_the_reason(results):
    told = choice_sentences(results.considered())
    chosen = results.considered().query("selected").set_index("dataset")["model_id"]
    assert len(told) == 2
    for sentence, (dataset, model) in zip(told, chosen.items()):
        assert sentence.startswith(f"{dataset}: explain {model}. Selected: ")


def test_without_a_model_the_reason_is_said(results):
    models = results.of_spoken(results.models).assign(
        selected=False, reason="Not considered: its held-out loss is not finite."
    )
    assert "no model could be recommended. Not considered" in choice_sentences(models)[0]


@pytest.mark.parametrize(
    ("gain", "words"), [(0.1, "is 0.1 better than"), (-0.2, "is 0.2 worse than"), (0.0, "is that of")]
)
def test_what_the_choice_was_worth_is_said_either_way(results, gain, words):
    choices = results.of_spoken(results.choices)
    choices = choices[choices["dataset"] == "neg_valid"].drop_duplicates("choice").copy()
    choices.loc[choices["choice"] == "lowest held-out loss", "truth"] = 0.5
    choices.loc[choices["choice"] == "selected", "truth"] = 0.5 + gain
    told = worth_sentences(choices, results.answers.iloc[:0], SPOKEN)
    assert len(told) == 1 and words in told[0] and "the lowest loss; the best model has" in told[0]


def test_the_pooled_correlation_is_told_with_its_interval(results):
    told = worth_sentences(results.choices, results.answers, SPOKEN)[-1]
    row = results.answer(ALL_DATASETS, RANKING, "consistency_geometry")
    assert f"consistency of directions {row['value']:.2g} [{row['ci_low']:.2g}, {row['ci_high']:.2g}]" in told
    assert "Over 24 models (all datasets)" in told


def test_tables_hold_every_choice_and_the_answers_of_the_first_method(results):
    chapter = consistency_chapter(tables(results), [])
    assert chapter.title == EXPLANATIONS
    assert len(section(chapter, "explanations-choices").tables[0].rows) == len(results.choices)
    rows = section(chapter, "explanations-answers").tables[0].rows
    ranked = [row for row in rows if row.cells[0].text == RANKING]
    assert {row.cells[2].text for row in ranked} == {"saliency, default"}


def test_measured_data_have_no_truth_to_tell(measured):
    chapter = consistency_chapter(tables(measured), [])
    assert section(chapter, "explanations-choices") is None
    assert worth_sentences(measured.choices, measured.answers, SPOKEN) == []
    assert any("nobody knows the true attributions" in note for note in notes(measured.models))
    assert any("explain <b>mine." in point for point in section(chapter, "explanations-found").points)


def test_maps_set_aside_are_counted(results):
    models = results.models.copy()
    assert not any("set aside" in note for note in notes(models))
    models.loc[0, "n_zero"] = 3
    assert any(note.startswith("1 row of the table") for note in notes(models))

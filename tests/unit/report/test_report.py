"""The report: complete, escaped, independent of any network."""

import re
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise

import pandas as pd
import pytest
from toy_deepmr import toy_study
from toy_tables import toy_architectures, toy_dataset

from seqaudit.errors import SeqauditError
from seqaudit.figures.catalogue import DATASET_FIGURES, INTERACTIONS, RUN_FIGURES
from seqaudit.figures.saved import SavedFigure
from seqaudit.inference.audit import audit
from seqaudit.report.build import build_report, flat_settings
from seqaudit.report.cells import number_cell, p_cell, share_cell, verdict_cell
from seqaudit.report.galleries import LARGEST_SVG, anchor, figure_sections, picture_of
from seqaudit.report.loss import caveats
from seqaudit.report.page import Cell

SVG = '<?xml version="1.0"?><svg height="72pt" version="1.1" width="144pt" xmlns="s"></svg>'
HOSTILE = "<script>alert(1)</script>"


class Reader(HTMLParser):
    """Collects what a browser would load, run or show."""

    def __init__(self, page: str):
        super().__init__()
        self.tags, self.loads, self.ids, self.text, self.scripts = [], [], [], [], 0
        self.open = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        self.loads += [attributes[name] for name in ("src", "href", "action", "data") if attributes.get(name)]
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.scripts += tag == "script"
        if tag not in ("meta", "img", "input", "link", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data):
        if not {"script", "style"} & set(self.open):
            self.text.append(data)

    def of(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def runs():
    negative = toy_dataset(n_pairs=20)
    measured = toy_dataset(
        "own", control=None, padding="same", motif_pairs=("CRX-NRL",), n_pairs=20, seeds=(1,)
    )
    return [negative, measured]


def tables_of(runs) -> dict[str, pd.DataFrame]:
    tables = {
        "loss_models": pd.concat([r.models for r in runs], ignore_index=True),
        "loss_verdicts": pd.concat([r.verdicts for r in runs], ignore_index=True),
        "loss_architectures": pd.concat([toy_architectures(r) for r in runs], ignore_index=True),
    }
    return {**tables, "audit": audit(tables)}


@pytest.fixture(scope="module")
def figures(tmp_path_factory, runs):
    saved = []
    for scope, entries in [("", RUN_FIGURES), *((r.dataset, DATASET_FIGURES) for r in runs)]:
        folder = tmp_path_factory.mktemp(scope or "run")
        for entry in entries:
            for suffix in ("svg", "png"):
                (folder / f"{entry.name}.{suffix}").write_text(SVG)
            why = "no truth." if (entry.name, scope) == ("interaction_main_effect_error", "own") else ""
            caption = f"n = 7 for {entry.name} of {scope or 'all'}."
            saved.append(
                SavedFigure(
                    entry.name, scope, entry.title, entry.category, entry.section, caption, why, folder
                )
            )
    return saved


def build(tables, figures, **changes) -> str:
    settings = {
        "title": "What did they learn?",
        "run": "test",
        "config_summary": {"run": "test", "population": {"l1": [0, 1e-4]}},
        "provenance": {"git_commit": "abc123", "command": "snakemake --configfile mine.yaml"},
        "units": {"own": "log2 activity"},
    }
    return build_report(tables, figures, **{**settings, **changes})


@pytest.fixture(scope="module")
def page(runs, figures):
    return build(tables_of(runs), figures)


def test_it_needs_no_network(page):
    reader = Reader(page)
    assert all(load.startswith(("data:", "#")) for load in reader.loads)
    assert not re.search(r"@import|url\((?!data:)|fetch\(|XMLHttpRequest", page)
    policy = next(m["content"] for m in reader.of("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    assert "unsafe-eval" not in policy and "script-src 'sha256-" in policy


def test_only_its_own_script_may_run(page):
    import base64
    import hashlib

    script = re.search(r"<script>(.*?)</script>", page, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in unescape(page)


def test_links_lead_somewhere_and_ids_are_unique(page):
    reader = Reader(page)
    assert len(set(reader.ids)) == len(reader.ids)
    targets = {load[1:] for load in reader.loads if load.startswith("#")}
    assert targets <= set(reader.ids)
    assert not reader.open, "every element is closed"


def test_verdicts_come_first_with_their_reason(page, runs):
    order = ["verdicts", "models", "interactions", "loss-verdicts", "loss-models", "caveats"]
    places = [page.index(f'id="{name}"') for name in order]
    assert places == sorted(places)
    text = " ".join(Reader(page).text)
    for row in pd.concat([r.verdicts for r in runs]).itertuples():
        assert row.reason in text
    assert "2 questions, asked of 18 trained networks" in text
    first_table = page[page.index('id="verdicts-table"') :][:6_000]
    assert first_table.index("GATA1-TAL1") < first_table.index("CRX-NRL")


def test_every_model_has_its_row_and_its_numbers(page, runs):
    table = page[page.index('id="loss-models-table"') :]
    table = table[: table.index("</table>")]
    bodies = table.split("<tbody>")[1:]
    models = pd.concat([r.models for r in runs])
    assert len(bodies) == len(models)
    for body, model in zip(bodies, models.itertuples()):
        stored = re.findall(r'data-sort="([^"]*)"', body)
        assert repr(float(model.test_mse)) in stored and repr(float(model.paired_p)) in stored
        assert model.dataset in body and model.arch in body


def test_every_figure_is_in_it_once_with_its_caption(page, figures):
    reader = Reader(page)
    shown = [figure for figure in figures if not figure.why_missing]
    pictures = [image for image in reader.of("img") if image.get("src", "").startswith("data:image/svg+xml")]
    assert len(pictures) == len(shown) == 2 * 12 + 5 - 1
    assert all(image["alt"] for image in pictures)
    assert {(image["width"], image["height"]) for image in pictures} == {("230", "115")}
    text = " ".join(reader.text)
    for figure in shown:
        assert text.count(figure.caption) == 1
    assert "Not available: no truth." in text


@pytest.mark.parametrize("where", ["motif_pair", "reason", "dataset", "arch", "status", "verdict"])
def test_names_cannot_do_harm(runs, figures, where):
    tables = tables_of(runs)
    for table in tables.values():
        if where in table:
            table[where] = HOSTILE + table[where].astype(str)
    hostile = [f._replace(title=HOSTILE, caption=HOSTILE, dataset=HOSTILE, section=HOSTILE) for f in figures]
    texts = {"title": HOSTILE, "run": HOSTILE, "units": {"own": HOSTILE}}
    page = build(tables, hostile, **texts, config_summary={HOSTILE: [HOSTILE]}, provenance={"x": HOSTILE})
    assert HOSTILE not in page
    assert Reader(page).scripts == 1
    assert unescape(page).count(HOSTILE) > 5


def test_headings_do_not_skip_levels(page):
    levels = [int(tag[1]) for tag, _ in Reader(page).tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_it_stays_small_for_180_models(figures):
    runs = [toy_dataset(f"d{i}", n_pairs=5, l1s=(0.0, 1e-4, 1e-3), seeds=(1, 2, 3, 4, 5)) for i in range(4)]
    page = build(tables_of(runs), [])
    assert page.count("<tbody>") >= 180
    assert len(page) < 1_000_000


def test_the_same_results_give_the_same_page(runs, figures, page):
    assert build(tables_of(runs), figures) == page


def test_how_to_run_it_again_settings_and_versions(page):
    text = " ".join(Reader(page).text)
    assert "snakemake --configfile mine.yaml" in text
    assert "population.l1" in text and "abc123" in text
    assert "Look at the Loss" in text


def test_caveats_fit_the_data(runs):
    negative, measured = runs
    on_simulated = " ".join(caveats(negative.models, negative.verdicts))
    on_measured = " ".join(caveats(measured.models, measured.verdicts))
    assert "models of negative controls" in on_simulated and "nobody knows the truth" not in on_simulated
    assert "nobody knows the truth" in on_measured and "noise-free truth" not in on_measured
    untested = measured.verdicts.assign(verdict="not tested")
    assert "could not be tested" in " ".join(caveats(measured.models, untested))


def test_missing_values_are_dashes_and_sort_last():
    assert number_cell(float("nan")) == p_cell(None) == share_cell(0, 0)
    assert number_cell(None).sort == "" and number_cell(None).text == "–"
    assert number_cell(-2.456, unit="reads") == Cell("−2.46 reads", -2.456)
    assert p_cell(0.0).text == "< 10⁻³⁰⁰" and p_cell(0.011).text == "0.011"
    assert share_cell(3, 4)[:2] == ("3 of 4", 0.75)


def test_verdicts_sort_from_supported_to_untested():
    verdicts = ["real", "inconsistent across architectures", "not supported", "not tested"]
    assert sorted(verdicts, key=lambda verdict: verdict_cell(verdict).sort) == verdicts
    assert verdict_cell("something new").badge.kind == "none"


def test_settings_are_flat():
    nested = {
        "a": {"b": [1, 2], "c": None},
        "d": {},
        "e": [{"id": "x", "name": "y"}],
        "f": [["A", "B"], ["A", "C"]],
    }
    assert flat_settings(nested) == {
        "a.b": "1, 2",
        "a.c": "none",
        "d": "default",
        "e": "id: x, name: y",
        "f": "A × B, A × C",
    }


def test_other_categories_become_chapters(tmp_path, runs):
    for suffix in ("svg", "png"):
        (tmp_path / f"forest.{suffix}").write_text(SVG)
    extra = SavedFigure("forest", "own", "Forest", "Causes & effects", "Effects", "n = 3.", "", tmp_path)
    page = build(tables_of(runs), [extra])
    assert "Causes &amp; effects" in page and 'id="figure-forest-own"' in page
    assert figure_sections([extra], INTERACTIONS) == []


def test_large_drawings_are_shown_as_pictures(tmp_path):
    svg, png = tmp_path / "a.svg", tmp_path / "a.png"
    svg.write_text(SVG + " " * LARGEST_SVG)
    png.write_bytes(b"pixels")
    assert picture_of(svg, png).source == "data:image/png;base64,cGl4ZWxz"
    svg.write_text(SVG)
    assert picture_of(svg, png).source.startswith("data:image/svg+xml;base64,")
    svg.unlink()
    with pytest.raises(SeqauditError, match=r"a\.svg: figure not readable"):
        picture_of(svg, png)


def test_anchors():
    assert anchor("Motif interactions", "The data") == "motif-interactions-the-data"
    assert anchor("<>") == "section"


def test_a_run_without_interaction_tests_opens_with_its_causal_effects():
    tables = {"deepmr_global": toy_study().effects, "deepmr_scores": toy_study().scores}
    tables["audit"] = audit(tables)
    page = build_report(tables, [], title="t", run="r", config_summary={}, provenance={})
    assert "4 causal questions: 4 with an effect." in page and "Motif interactions" not in page
    assert "Malina" in page and "Finkelstein" not in page

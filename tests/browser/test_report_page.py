"""The report in a real browser without network: nothing is missing, tables sort and filter."""

import pytest
from browser_page import figure_widths, quiet


@pytest.fixture(scope="module")
def page(smoke, chromium):
    """The smoke run's report."""
    return chromium(smoke.folder / "results/smoke/report.html")


DATASET = 1
"""Column of the models' table; the first one marks the chosen models."""


def column(page, table: str, index: int) -> list:
    """Sort keys of a column as shown, numbers as numbers."""
    keys = page.execute_script(
        "return [...document.getElementById(arguments[0]).tBodies].filter(body => !body.hidden)"
        ".map(body => body.rows[0].cells[arguments[1]])"
        ".map(cell => cell.dataset.sort ?? cell.textContent.trim())",
        table,
        index,
    )
    try:
        return [float(key) for key in keys if key != ""]
    except ValueError:
        return keys


def test_the_page_asks_the_network_for_nothing_and_reports_no_error(page):
    assert quiet(page)


def test_every_figure_shows(page):
    widths = figure_widths(page)
    assert len(widths) > 10 and min(widths) > 0


def test_columns_of_numbers_sort_both_ways(page):
    heads = page.find_elements("css selector", "#models-table th button")
    tried = 0
    for index, head in enumerate(heads):
        if not all(isinstance(key, float) for key in column(page, "models-table", index)):
            continue
        tried += 1
        head.click()
        rising = column(page, "models-table", index)
        head.click()
        assert rising == sorted(rising), head.text
        assert column(page, "models-table", index) == sorted(rising, reverse=True), head.text
    assert tried > 5


def test_searching_hides_the_other_models(page):
    box = page.find_element("css selector", "#models .filters input")
    everything = len(column(page, "models-table", DATASET))
    box.send_keys("tiny")
    assert 0 < len(column(page, "models-table", DATASET)) < everything
    box.clear()
    box.send_keys(" ")
    assert len(column(page, "models-table", DATASET)) == everything


def test_nothing_is_cut_off_on_a_screen_or_a_phone(page):
    for width in (1500, 420):
        page.set_window_size(width, 900)
        too_wide = page.execute_script(
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert too_wide <= 0, f"{too_wide} px at {width}"

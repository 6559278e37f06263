"""A headless Chromium that cannot resolve any host, and a report of the published design's size."""

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "figures"))

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    """Function that starts a browser; all are closed at the end."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed (make env-dev)")
    if not (BROWSER and DRIVER):
        pytest.skip("no Chromium (Debian: apt-get install chromium chromium-driver)")
    from selenium.webdriver.chrome.service import Service

    opened = []

    def start(page: Path):
        options = webdriver.ChromeOptions()
        options.binary_location = BROWSER
        for argument in (
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1500,1100",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--user-data-dir={tmp_path_factory.mktemp('chromium')}",
        ):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        driver = webdriver.Chrome(options=options, service=Service(DRIVER))
        opened.append(driver)
        driver.get(page.as_uri())
        return driver

    yield start
    for driver in opened:
        driver.quit()


@pytest.fixture(scope="session")
def paper_page(tmp_path_factory) -> Path:
    """A report of 180 models, 200 ensembles and as many figures as the published design has."""
    from toy_audit import toy_audit_tables, toy_explained
    from toy_deepmr import HEADLINE

    from seqaudit.figures import draw
    from seqaudit.figures.audit import AuditResults
    from seqaudit.figures.catalogue import DATASET_FIGURES, RUN_FIGURES, STUDY_FIGURES
    from seqaudit.figures.saved import SavedFigure, read_figures
    from seqaudit.report.build import build_report

    folder = tmp_path_factory.mktemp("paper")
    tables = toy_audit_tables(rounds=25)
    assert tables["loss_models"]["model_id"].nunique() == 180
    assert tables["deepmr_global"]["ensemble"].nunique() > 200
    draw.draw_audit_figures(
        AuditResults(tables["loss_models"], tables["consistency_models"]), folder / "audit"
    )
    draw.draw_explained_figures(toy_explained("pos_same", n=1), folder / "explained")
    figures = [*read_figures(folder / "audit"), *read_figures(folder / "explained")]
    # other figures are drawn by other tests; here a drawing of their usual size stands for each
    drawing = (folder / "explained" / "attribution_logos.svg").read_text()
    datasets = tables["loss_verdicts"]["dataset"]
    for scope, entries in [
        ("", RUN_FIGURES),
        *((name, DATASET_FIGURES) for name in datasets),
        ("cascade", STUDY_FIGURES),
    ]:
        home = folder / (scope or "run")
        home.mkdir()
        for entry in entries:
            (home / f"{entry.name}.svg").write_text(drawing)
            figures.append(
                SavedFigure(
                    entry.name,
                    scope,
                    entry.title,
                    entry.category,
                    entry.section,
                    "Made for a test.",
                    "",
                    home,
                )
            )
    page = build_report(
        tables, figures, title="What did the networks learn?", run="paper", config_summary={"run": "paper"},
        provenance={"git_commit": "abc"}, headline=HEADLINE,
    )  # fmt: skip
    path = folder / "report.html"
    path.write_text(page, encoding="utf-8")
    return path

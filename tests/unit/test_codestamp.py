"""Code stamps change with the code behind a script, and with nothing else."""

from pathlib import Path

import pytest

from seqaudit import codestamp
from seqaudit.codestamp import code_stamp, stamped_modules

SCRIPTS = Path(__file__).resolve().parents[2] / "workflow/scripts"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A small package: alone.py, and top.py that imports base.py by way of middle.py."""
    root = tmp_path / "seqaudit"
    (root / "data").mkdir(parents=True)
    for name, text in {
        "__init__": "",
        "data/__init__": "",
        "alone": "X = 1\n",
        "top": "from seqaudit.data import middle\n",
        "data/middle": "import seqaudit.data.base\n",
        "data/base": "Y = 1\n",
    }.items():
        (root / f"{name}.py").write_text(text)
    monkeypatch.setattr(codestamp, "PACKAGE", root)
    yield root
    codestamp._source.cache_clear()
    codestamp._imports_of.cache_clear()


def stamp(script: Path) -> str:
    codestamp._source.cache_clear()
    codestamp._imports_of.cache_clear()
    return code_stamp(script)


def script(folder: Path, text: str) -> Path:
    path = folder / "script.py"
    path.write_text(text)
    return path


def test_a_change_far_below_is_seen_and_a_change_elsewhere_is_not(package, tmp_path):
    top = script(tmp_path, "from seqaudit.top import run\n")
    before = stamp(top)
    (package / "alone.py").write_text("X = 2\n")
    assert stamp(top) == before
    (package / "data/base.py").write_text("Y = 2\n")
    assert stamp(top) != before


def test_templates_beside_a_module_count(package, tmp_path):
    top = script(tmp_path, "from seqaudit.data import middle\n")
    before = stamp(top)
    (package / "data/page.html").write_text("<p>")
    assert stamp(top) != before


def test_only_the_tables_that_a_script_names_count(package, tmp_path, monkeypatch):
    reads_pairs = script(tmp_path, "from seqaudit.alone import X\nread('pairs')\n")
    monkeypatch.setattr(codestamp, "SCHEMAS", {"pairs": 1, "models": 1})
    before = stamp(reads_pairs)
    monkeypatch.setattr(codestamp, "SCHEMAS", {"pairs": 1, "models": 2})
    assert stamp(reads_pairs) == before
    monkeypatch.setattr(codestamp, "SCHEMAS", {"pairs": 2, "models": 2})
    assert stamp(reads_pairs) != before


def test_training_does_not_depend_on_tests_or_figures():
    modules = stamped_modules(SCRIPTS / "train_model.py")
    assert "seqaudit.training.loop" in modules and "seqaudit.data.targets" in modules
    assert not [
        m for m in modules if m.startswith(("seqaudit.figures", "seqaudit.inference", "seqaudit.probes"))
    ]

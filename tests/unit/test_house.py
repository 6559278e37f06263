"""The house rules that a reviewer would otherwise have to check: floors, thin scripts, fresh pages, pins."""

import ast
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src/seqaudit"
MODULES = sorted(PACKAGE.rglob("*.py"))
SCRIPTS = sorted((ROOT / "workflow/scripts").glob("*.py"))

# what each floor may import besides itself
FLOORS = {
    "errors": set(),
    "data": {"errors"},
    "simulate": {"errors", "data"},
    "models": {"errors", "data"},
    "training": {"errors", "data", "models"},
    "probes": {"errors", "data", "models"},
    "inference": {"errors", "data"},
    "figures": {"errors", "data", "inference"},
    "report": {"errors", "data", "inference", "figures"},
    "config": {"errors"},
    "drivers": {"errors"},
    "snakemake_repairs": set(),
    "codestamp": {"data"},
    "job": {"errors"},
    "mr": {"errors", "data", "inference", "figures"},
}
ONLY_FOR = {
    "torch": {"models", "training", "probes"},
    "matplotlib": {"figures"},
    "snakemake": set(),
}


def imports(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    return set(names)


def floor_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_downwards_only(path):
    inside = path.relative_to(PACKAGE).with_suffix("").parts
    floor = inside[0]
    if floor == "__init__":
        assert not imports(path)
        return
    assert floor in FLOORS, f"{floor} has no floor: add it to the design and to this test"
    used = {floor_of(name) for name in imports(path) if name.startswith("seqaudit")} - {"", floor}
    assert used <= FLOORS[floor], (
        f"{floor} may import {FLOORS[floor] or 'nothing'}, not {used - FLOORS[floor]}"
    )
    for package, floors in ONLY_FOR.items():
        if any(name.split(".")[0] == package for name in imports(path)):
            assert floor in floors, f"{floor} imports {package}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_modules_are_short_enough_to_read(path):
    assert len(path.read_text().splitlines()) <= 500


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: p.stem)
def test_scripts_are_thin(path):
    tree = ast.parse(path.read_text())
    assert len(path.read_text().splitlines()) <= 40
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef | ast.Lambda)]
    assert "snakemake.config" not in path.read_text()


def rules() -> dict[str, str]:
    text = "\n".join(path.read_text() for path in sorted((ROOT / "rules").glob("*.smk")))
    parts = re.split(r"^rule (\w+):\n", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2]))


def test_every_script_belongs_to_the_rule_of_its_name():
    assert {path.stem for path in SCRIPTS} == set(rules())


@pytest.mark.parametrize("name", rules())
def test_every_rule_declares_what_a_cluster_needs(name):
    body = rules()[name]
    for needed in (
        "log:",
        "benchmark:",
        "threads:",
        "mem_mb=",
        "runtime=",
        "conda:",
        f'code_stamp("{name}")',
    ):
        assert needed in body, f"rule {name} has no {needed}"
    assert "gpu" not in body, "GPUs are requested in the slurm profile only"


def test_generated_pages_are_fresh():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs/generate.py")
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    for name, page in generate.PAGES.items():
        assert (ROOT / name).read_text() == page(), f"{name} is stale: run 'make docs'"


@pytest.mark.parametrize("path", sorted((ROOT / "envs").glob("*.yaml")), ids=lambda p: p.stem)
def test_environments_agree_with_the_pins(path):
    pins = dict(
        line.strip().split("==")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line
    )
    pins = {name.lower().replace("_", "-"): version for name, version in pins.items()}
    listed = next(
        entry["pip"] for entry in yaml.safe_load(path.read_text())["dependencies"] if isinstance(entry, dict)
    )
    for requirement in listed:
        name, version = requirement.split("==")
        assert pins[name.lower()] == version, f"{path.name}: {requirement}, pinned is {pins[name.lower()]}"


def test_the_job_environment_has_every_runtime_dependency():
    project = (ROOT / "pyproject.toml").read_text()
    needed = re.findall(
        r'"([\w-]+)>=', project.split("[project.optional-dependencies]")[0].split("dependencies = [")[1]
    )
    listed = (ROOT / "envs/seqaudit.yaml").read_text()
    assert [name for name in needed if f"- {name}==" not in listed] == []


def test_the_driver_imports_nothing_heavy():
    heavy = ["numpy", "pandas", "torch", "pyarrow", "matplotlib"]
    check = (
        f"import sys, seqaudit.config, seqaudit.codestamp; print([m for m in {heavy} if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"

"""A hash of the code behind a rule, so that a change in the package reruns what it touches.

Snakemake compares a rule's own script with its outputs, but does not see the modules
that the script imports. Every rule therefore carries ``params: code=code_stamp(...)``.
"""

import ast
import hashlib
from functools import cache
from pathlib import Path

from seqaudit.data.schemas import SCHEMAS

PACKAGE = Path(__file__).parent
# Changes to these cannot change a result: tables are stamped one by one below.
UNSTAMPED = {
    "seqaudit",
    "seqaudit.errors",
    "seqaudit.job",
    *(
        f"seqaudit.data.schemas{part}"
        for part in (
            "",
            ".audit",
            ".consistency",
            ".declaration",
            ".deepmr",
            ".hessian",
            ".loss",
            ".mr",
            ".twin",
            ".twin_tests",
        )
    ),
}

TEMPLATES = (".html", ".css", ".js")
"""Files beside a module that it may read."""


def code_stamp(script: str | Path) -> str:
    """Hash the package modules that a script imports, directly or through others.

    Parameters
    ----------
    script : path
        A thin script. Names of tables in it count as well: changing the declaration of a
        table restamps the scripts that read or write it, and no other.

    Returns
    -------
    str
        Twelve hexadecimal digits.
    """
    tree = ast.parse(Path(script).read_text())
    digest = hashlib.sha256()
    modules = sorted(_imported(tree, recursive=True))
    for module in modules:
        digest.update(_source(module).encode())
    for folder in sorted({_path(module).parent for module in modules}):
        for template in sorted(path for path in folder.iterdir() if path.suffix in TEMPLATES):
            digest.update(template.read_bytes())
    for text in sorted(
        {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and n.value in SCHEMAS}
    ):
        digest.update(repr(SCHEMAS[text]).encode())
    return digest.hexdigest()[:12]


def stamped_modules(script: str | Path) -> set[str]:
    """Modules of the package whose source goes into the stamp of a script."""
    return _imported(ast.parse(Path(script).read_text()), recursive=True)


def _imported(tree: ast.AST, *, recursive: bool = False) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("seqaudit"):
            # 'from seqaudit.models import cnn' names a module, 'from seqaudit.models.cnn import x' a function
            found |= {m for a in node.names if _path(m := f"{node.module}.{a.name}")} or {node.module}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("seqaudit")}
    found = {module for module in found if _path(module)} - UNSTAMPED
    if recursive:
        todo = list(found)
        while todo:
            new = _imports_of(todo.pop()) - found
            found |= new
            todo.extend(new)
    return found


@cache
def _imports_of(module: str) -> set[str]:
    return _imported(ast.parse(_source(module)))


@cache
def _source(module: str) -> str:
    return _path(module).read_text()


def _path(module: str) -> Path | None:
    base = PACKAGE.joinpath(*module.split(".")[1:])
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None

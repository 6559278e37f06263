"""The one place that knows Snakemake: log file, versions, provenance, errors as users see them."""

import hashlib
import json
import logging
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from seqaudit import __version__
from seqaudit.errors import SeqauditError

_VERSIONED = ("numpy", "pandas", "pyarrow", "scipy", "torch")


class Job(NamedTuple):
    """What a thin script may read, and the provenance that its tables carry."""

    input: Any
    output: Any
    params: Any
    wildcards: Any
    threads: int
    log: str
    provenance: Mapping[str, str]


def start_job(snakemake) -> Job:
    """Open the rule's log, record versions and settings, and make errors readable.

    Messages of the package go to the log file, warnings to stderr as well. A
    ``SeqauditError`` ends the job with its message alone; the traceback is kept in the log.

    Parameters
    ----------
    snakemake : the object that Snakemake gives to scripts

    Returns
    -------
    Job
    """
    log = str(snakemake.log[0])
    _open_log(log)
    params = {name: value for name, value in snakemake.params.items() if name != "code"}
    provenance = {
        "rule": snakemake.rule,
        "wildcards": json.dumps(dict(snakemake.wildcards.items())),
        "params": json.dumps(params, default=str, sort_keys=True),
        "config_hash": _hash_of(snakemake.config),
        "code_stamp": str(snakemake.params.get("code", "")),
        "git_commit": _git_commit(),
        "versions": f"Python {platform.python_version()}, {', '.join(_versions())}",
        "seed": str(params.get("seed", snakemake.wildcards.get("seed", ""))),
    }
    logger = logging.getLogger("seqaudit")
    logger.info("rule %s %s", snakemake.rule, provenance["wildcards"])
    logger.info(
        "seqaudit %s from %s, commit %s", __version__, Path(__file__).parent, provenance["git_commit"]
    )
    logger.info("%s", provenance["versions"])
    logger.info("params %s", provenance["params"])
    return Job(
        snakemake.input,
        snakemake.output,
        snakemake.params,
        snakemake.wildcards,
        snakemake.threads,
        log,
        provenance,
    )


def _open_log(path: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    to_file = logging.FileHandler(path, mode="w")
    to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    to_screen = logging.StreamHandler(sys.stderr)
    to_screen.setFormatter(logging.Formatter("%(message)s"))
    to_screen.setLevel(logging.WARNING)
    logger = logging.getLogger("seqaudit")
    logger.setLevel(logging.INFO)
    logger.addHandler(to_file)
    logger.addHandler(to_screen)
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").addHandler(to_file)

    def report(kind, error, trace):
        record = logging.LogRecord("seqaudit", logging.ERROR, "", 0, str(error), None, (kind, error, trace))
        to_file.handle(record)
        if issubclass(kind, SeqauditError):
            print(f"\nseqaudit: {error}\n(log: {path})", file=sys.stderr)
        else:
            sys.__excepthook__(kind, error, trace)

    sys.excepthook = report


def _versions() -> list[str]:
    found = []
    for package in _VERSIONED:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} not installed")
    return found


def _hash_of(config: Mapping) -> str:
    return hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode()).hexdigest()[:12]


def _git_commit() -> str:
    """Commit of the code that runs, with '+' for uncommitted changes; 'unknown' outside a checkout."""
    folder = Path(__file__).parent
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        said = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return said.stdout.strip() or "unknown"

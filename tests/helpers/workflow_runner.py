"""Runs of the real workflow, each in its own folder, with the environment that runs the tests."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Workflow:
    """Snakemake on this checkout, working in one folder."""

    def __init__(self, folder: Path, config: Path | str):
        self.folder = folder
        self.config = str(config)

    def __call__(self, *arguments: str, config: str | None = None, **settings) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
        command += ["--directory", str(self.folder), *arguments]
        if "--profile" not in arguments:
            command += ["--cores", "2"]
        command += ["--configfile", config or self.config]
        if settings:
            command += ["--config", *(f"{key}={value}" for key, value in settings.items())]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=900)

    def planned(self, *arguments: str, **settings) -> dict[str, int]:
        """Jobs by rule that a dry run would start."""
        done = self(*arguments, "--dry-run", "--quiet", "rules", **settings)
        assert done.returncode == 0, done.stdout + done.stderr
        return job_counts(done.stdout + done.stderr)


def job_counts(said: str) -> dict[str, int]:
    """The table 'job count' that Snakemake prints."""
    lines = said.splitlines()
    starts = [i for i, line in enumerate(lines) if line.split() == ["job", "count"]]
    counts = {}
    for line in lines[starts[0] + 2 :] if starts else []:
        if len(line.split()) != 2 or line.split()[0] == "total":
            break
        name, count = line.split()
        counts[name] = int(count)
    return counts

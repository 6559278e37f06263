"""Snakemake as a driver of a test cluster: the real profile in a folder of its own, watched from outside."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from slurm_cluster import Cluster
from workflow_runner import ROOT

FAULTS = ROOT / "tests/slurm/faults.smk"
FASTPOLL = str(ROOT / "tests/slurm/fastpoll.py")
HURRY = ("--slurm-init-seconds-before-status-checks", "1", "--latency-wait", "5", "--jobs", "8")
"""What a test cannot wait for; everything else is as in profiles/slurm."""

PATIENCE = 600
"""Seconds until something that does not come fails a test: much, for hosts with more to do."""


class Driver:
    """One run of Snakemake; ends with the test at the latest.

    Parameters
    ----------
    cluster : Cluster
    folder : path
        Where it works.
    arguments : str
        Targets and options, after those of the profiles.
    snakefile : path
    retries : int
    program : sequence of str, optional
        A Python script with its arguments, instead of Snakemake with all these.
    """

    def __init__(
        self,
        cluster: Cluster,
        folder: Path,
        *arguments: str,
        snakefile: Path = FAULTS,
        retries: int = 1,
        program: Sequence[str] = (),
    ):
        self.cluster, self.folder = cluster, folder
        self.log = folder / f"driver_{len(list(folder.glob('driver_*.log')))}.log"
        options = ["--profile", str(ROOT / "profiles/slurm")]
        options += ["--workflow-profile", str(ROOT / "profiles/default"), *HURRY]
        options += ["--retries", str(retries), "--snakefile", str(snakefile), *arguments]
        # whoever starts the tests in the background has them, and all they start, ignore Ctrl-C
        command = ["env", "--default-signal=INT", sys.executable, *(program or [FASTPOLL, *options])]
        environment = {"OMP_NUM_THREADS": "1", "COLUMNS": "200", "SEQAUDIT_RESUME_POLL": "1"}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env={**cluster.environment, **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self, seconds: float = PATIENCE) -> int:
        """Exit status; a driver that hangs is killed and fails the test."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.end()
            raise AssertionError(f"the driver did not end within {seconds} s\n{self.story()}") from None

    def wait_until(self, ready: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
        """Wait for something that the run brings about."""
        end = time.monotonic() + seconds
        while not ready():
            assert self.process.poll() is None, f"the driver ended before {what}\n{self.story()}"
            assert time.monotonic() < end, f"{what}: not within {seconds} s\n{self.story()}"
            time.sleep(0.3)

    def wait_for_files(self, *names: str) -> None:
        paths = [self.folder / name for name in names]
        self.wait_until(lambda: all(path.exists() for path in paths), f"{', '.join(names)} appeared")

    def signal(self, number: int) -> None:
        """To Snakemake itself, not to its children."""
        self.process.send_signal(number)

    def end(self) -> None:
        """Kill it and what it started on this host; jobs on nodes go on."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def story(self) -> str:
        """What happened, for a failing test."""
        jobs = "\n".join(str(job) for job in self.cluster.sacct(self.folder))
        logs = [
            f"--- {path}\n{path.read_text(errors='replace')[-3000:]}"
            for path in sorted(self.folder.glob("logs/slurm/**/*.log"))
        ]
        return "\n".join([self.said[-6000:], jobs, *logs])


def states(driver: Driver, rule: str) -> list[str]:
    """How the jobs of a rule ended, in the order of their submission."""
    return [job["State"] for job in driver.cluster.sacct(driver.folder) if job["rule"] == rule]


def starts(folder: Path, job: str) -> int:
    """How often the command of a job of faults.smk was started."""
    path = folder / "starts" / job
    return len(path.read_text().splitlines()) if path.exists() else 0


def is_whole(folder: Path, *names: str) -> bool:
    """Whether jobs of faults.smk wrote their outputs to the end."""
    return all((folder / name).read_text() == "whole\n" for name in names)

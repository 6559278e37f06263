"""Go on with a run whose driver was killed: 'make resume', or this script in the folder of the run.

    python workflow/resume.py [--cancel] [--gone] [--folder FOLDER] [run] [-- more arguments for Snakemake]

Starts the command of the last driver again, as soon as that is safe: not while that driver lives, and not
while jobs that it started are still writing. Those are waited for, and their results kept; jobs that wait in
the queue of SLURM are cancelled, as they will be submitted again.
"""

import argparse
import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from seqaudit.drivers import DriverNote, read_note, unfinished_runs
from seqaudit.errors import SeqauditError

POLL_SECONDS = float(os.environ.get("SEQAUDIT_RESUME_POLL", "10"))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", nargs="?", help="name of the run; needed if several were interrupted")
    parser.add_argument("--folder", type=Path, default=Path(), help="where results/ is; here by default")
    parser.add_argument("--cancel", action="store_true", help="end running jobs instead of waiting for them")
    parser.add_argument("--gone", action="store_true", help="the last driver's host is down for good")
    own, more = split(sys.argv[1:], "--")
    known = parser.parse_args(own)

    path = choose(unfinished_runs(known.folder), known.run)
    note = read_note(path)
    if not note:
        raise SeqauditError(f"{path}: empty; the driver died before it began. Start Snakemake as before.")
    mine = DriverNote(path)
    mine.claim()  # refuses while the driver lives
    if note["host"] != socket.gethostname() and not known.gone:
        # locks need not reach across hosts
        raise SeqauditError(
            f"run '{path.stem}' was driven from {note['host']} (process {note['pid']}), this is "
            f"{socket.gethostname()}. Resume it there, or add --gone if that driver is certainly dead."
        )
    wait_for_orphans(note, path.parents[2].absolute(), cancel=known.cancel)
    mine.release()

    command = snakemake(note["command"])
    subprocess.run([*command, "--unlock"], cwd=note["folder"], check=True)
    print("resuming:", *command, *more, flush=True)
    os.chdir(note["folder"])
    os.execv(command[0], [*command, *more])


def split(words: list[str], mark: str) -> tuple[list[str], list[str]]:
    """What is before and after the first mark."""
    at = words.index(mark) if mark in words else len(words)
    return words[:at], words[at + 1 :]


def choose(notes: dict[str, Path], run: str | None) -> Path:
    """The note of the run meant."""
    if run is None and len(notes) == 1:
        return next(iter(notes.values()))
    if run in notes:
        return notes[run]
    if not notes:
        raise SeqauditError("no run was interrupted here; start one with 'snakemake' (see README.md).")
    asked = "several runs" if run is None else f"run '{run}' is not among those that"
    raise SeqauditError(f"{asked} were interrupted here: {', '.join(notes)}. Name one of them.")


def snakemake(argv: list[str]) -> list[str]:
    """The command of the last driver, in this environment."""
    program = ["-m", "snakemake"] if Path(argv[0]).name == "__main__.py" else [argv[0]]
    return [sys.executable, *program, *argv[1:]]


def wait_for_orphans(note: dict, folder: Path, *, cancel: bool) -> None:
    """Until nothing that the last driver started can write to the results any more."""
    name = note["slurm_name"]
    said = None
    while True:
        processes = local_orphans(folder)
        jobs = slurm_orphans(name) if name and shutil.which("squeue") else {}
        if not processes and jobs == {}:
            return
        if jobs is None:
            state = "SLURM does not answer"
        else:
            doomed = [job for job, state in jobs.items() if cancel or state == "PENDING"]
            if doomed:
                subprocess.run(["scancel", *doomed])
            who = [f"{len(jobs)} SLURM jobs"] * bool(jobs) + [f"process {one.pid}" for one in processes]
            state = f"still at work: {', '.join(who)}"
        if cancel:
            for process in processes:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()  # results are written all or nothing
        if state != said:
            said = state
            print(f"{state}; waiting" + ("" if cancel else " (--cancel ends them)"), flush=True)
        time.sleep(POLL_SECONDS)


def slurm_orphans(name: str) -> dict[str, str] | None:
    """State of the jobs of a run by id, as far as they are in the queue; None if SLURM does not answer."""
    asked = ["squeue", "--noheader", f"--name={name}", "--format=%i %T"]
    answer = subprocess.run(asked, capture_output=True, text=True)
    if answer.returncode != 0:
        return None
    return dict(line.split() for line in answer.stdout.splitlines())


def local_orphans(folder: Path) -> list[psutil.Process]:
    """Jobs on this host that work in a folder and have no driver."""
    drivers = {read_note(path).get("pid") for path in unfinished_runs(folder).values()}
    me = psutil.Process()
    mine = {process.pid for process in (me, *me.parents())}
    found = []
    for process in psutil.process_iter(["cmdline", "cwd"]):
        words = " ".join(process.info["cmdline"] or [])
        if process.info["cwd"] != str(folder) or not re.search(r"snakemake", words):
            continue
        with contextlib.suppress(psutil.NoSuchProcess):
            family = {process.pid, *(parent.pid for parent in process.parents())}
            if not family & drivers and process.pid not in mine:
                found.append(process)
    return found


if __name__ == "__main__":
    try:
        main()
    except SeqauditError as error:
        sys.exit(f"seqaudit: {error}")

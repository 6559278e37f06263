"""Power cuts: everything is killed at random moments, again and again, and one more run makes it good."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import long_mutagenesis
import pandas as pd
import pytest
from same_results import differences
from workflow_runner import ROOT, Workflow

from seqaudit.data.tables import read_table
from seqaudit.probes import locus_effects

KILLS = int(os.environ.get("SEQAUDIT_KILLS", "6"))
"""One for every stage; docs/reliability.md reports 'SEQAUDIT_KILLS=20 pytest tests/faults/test_kills.py'."""

STAGES = [
    "simulate_motif_pairs",
    "simulate_tf_cascade",
    "train_model",
    "train_ensemble",
    "mutate_sequences",
    "build_report",
]
RESUME = str(ROOT / "workflow/resume.py")
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "SEQAUDIT_RESUME_POLL": "0.5"}


def start(workflow: Workflow, log: Path, *arguments: str, orphans: bool) -> subprocess.Popen:
    """Begin, or go on after a kill that left jobs at work or did not."""
    if orphans:
        command = [sys.executable, RESUME, *(("--", *arguments) if arguments else ())]
    else:
        # no job can be at work: the lock of the dead driver says nothing
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--nolock"]
        command += ["--cores", "2", "--configfile", workflow.config, *arguments]
    with log.open("w") as out:
        return subprocess.Popen(
            command, cwd=workflow.folder, stdout=out, stderr=out, env=ENVIRONMENT, start_new_session=True
        )


def jobs_in(log: Path) -> tuple[list[str], list[str]]:
    """Rules of the jobs that a driver began and finished."""
    said = log.read_text(errors="replace")
    begun = re.findall(r"^(?:local)?rule (\w+):", said, flags=re.MULTILINE)
    return begun, re.findall(r"^Finished jobid: \d+ \(Rule: (\w+)\)", said, flags=re.MULTILINE)


def kill_after(process: subprocess.Popen, log: Path, *, stage: str, seconds: float, whole: bool) -> list[str]:
    """Kill a driver, with or without its jobs, some time after a rule began; rules of the jobs at work."""
    while stage not in jobs_in(log)[0]:
        assert process.poll() is None, f"{stage} never began\n{log.read_text()}"
        time.sleep(0.05)
    time.sleep(seconds)
    if process.poll() is not None:
        return []
    if whole:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()
    begun, finished = jobs_in(log)
    for rule in finished:
        begun.remove(rule)
    return begun


@pytest.mark.slow
def test_many_kills_and_one_more_run_give_the_results_of_an_undisturbed_run(undisturbed, tmp_path):
    workflow = Workflow(tmp_path / "killed", ROOT / "config/test/cluster.yaml")
    workflow.folder.mkdir()
    draw = random.Random(2026)
    cut_off, finished, kills, orphans = [], set(), 0, False
    for number in range(3 * KILLS):
        if kills == KILLS:
            break
        stage = STAGES[kills * len(STAGES) // KILLS]
        log = tmp_path / f"{number}.log"
        # what is whole already is computed again, so that there is something to kill
        again = ["--forcerun", stage] if stage in finished else []
        process = start(workflow, log, *again, orphans=orphans)
        orphans = kills % 4 == 3
        at_work = kill_after(process, log, stage=stage, seconds=draw.uniform(0, 3), whole=not orphans)
        finished |= set(jobs_in(log)[1])
        if at_work:
            cut_off += at_work
            kills += 1
        else:
            orphans = False
    assert kills == KILLS and len(cut_off) >= KILLS
    print(f"{kills} kills cut off {sorted(cut_off)}")

    log = tmp_path / "last.log"
    assert start(workflow, log, orphans=True).wait(900) == 0, log.read_text()
    assert differences(*(run.folder / "results/cluster" for run in (workflow, undisturbed))) == []
    assert workflow.planned() == {}
    left = [path for path in workflow.folder.glob("scratch/**/*") if path.is_file()]
    left += workflow.folder.glob("results/**/.*.*")
    assert left == [], "checkpoints and half-written files are cleared away"


def test_mutagenesis_killed_between_and_within_chunks_gives_the_same_bits(tmp_path, monkeypatch):
    monkeypatch.setattr(locus_effects, "CHUNK", long_mutagenesis.PER_CHUNK)
    undisturbed = long_mutagenesis.long_mutagenesis()
    draw = random.Random(8)
    store, table = tmp_path / "chunks", tmp_path / "effects.parquet"
    command = [sys.executable, long_mutagenesis.__file__, str(store), str(table)]

    def stored() -> dict[str, int]:
        """Chunks by name, with the moment they were written."""
        return {path.name: path.stat().st_mtime_ns for path in store.glob("chunk_*.parquet")}

    seen = {}
    for _ in range(5):
        process = subprocess.Popen(command, env=ENVIRONMENT)
        target = len(seen) + draw.randint(1, 4)
        while len(stored()) < target:
            assert process.poll() is None, "it ended before it was killed"
            time.sleep(0.001)
        time.sleep(draw.uniform(0, 0.05))
        process.kill()
        assert process.wait() == -signal.SIGKILL and not table.exists()
        now = stored()
        assert len(now) > len(seen) and seen.items() <= now.items(), "finished chunks are not computed again"
        seen = now
    assert len(seen) < long_mutagenesis.LOCI / long_mutagenesis.PER_CHUNK
    subprocess.run(command, env=ENVIRONMENT, check=True)
    assert seen.items() <= stored().items()
    pd.testing.assert_frame_equal(
        read_table(table, "mutation_effects"), undisturbed, check_exact=True, check_dtype=False
    )

"""People: two drivers at once, one that was killed, and a config edited under way."""

import os
import subprocess
import sys
import time
from pathlib import Path

import yaml
from same_results import differences
from workflow_runner import ROOT, Workflow

CONFIG = ROOT / "config/test/cluster.yaml"
MODELS = "results/cluster/models"


def begin(workflow: Workflow, *arguments: str, config: str | None = None) -> subprocess.Popen:
    command = [sys.executable, "-m", "snakemake", *arguments, "--snakefile", str(ROOT / "Snakefile")]
    command += ["--cores", "2", "--configfile", config or workflow.config]
    workflow.folder.mkdir(exist_ok=True)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command,
        cwd=workflow.folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for(path: Path, process: subprocess.Popen) -> None:
    while not path.exists():
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.05)


def test_of_two_drivers_started_at_once_one_works_and_one_says_so(undisturbed, tmp_path):
    workflow = Workflow(tmp_path / "two", CONFIG)
    drivers = [begin(workflow, "models"), begin(workflow, "models")]
    said = [driver.communicate(timeout=600)[0] for driver in drivers]
    by_status = dict(zip((driver.returncode for driver in drivers), said))
    assert set(by_status) == {0, 1}, "\n".join(said)
    assert "a driver works on it already" in by_status[1] or "cannot be locked" in by_status[1]
    assert "rule train_model" not in by_status[1]
    assert differences(workflow.folder / MODELS, undisturbed.folder / MODELS) == []


def test_a_driver_killed_on_this_host_is_resumed_after_its_jobs(undisturbed, tmp_path):
    workflow = Workflow(tmp_path / "killed", CONFIG)
    driver = begin(workflow, "models")
    wait_for(workflow.folder / "logs/cluster/simulate_motif_pairs/pos_same.log", driver)
    driver.kill()
    driver.wait()
    resume = [sys.executable, str(ROOT / "workflow/resume.py")]
    environment = {**os.environ, "SEQAUDIT_RESUME_POLL": "0.5"}
    done = subprocess.run(resume, cwd=workflow.folder, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "still at work: process" in done.stdout
    assert differences(workflow.folder / MODELS, undisturbed.folder / MODELS) == []
    again = subprocess.run(resume, cwd=workflow.folder, capture_output=True, text=True)
    assert again.returncode == 1 and "no run was interrupted here" in again.stderr


def test_a_config_edited_under_way_is_met_by_one_more_run(undisturbed, tmp_path):
    """Every job reads the config for itself; what began before the edit is made again."""
    workflow = Workflow(tmp_path / "edited", tmp_path / "edited/mine.yaml")
    workflow.folder.mkdir()
    config = yaml.safe_load(CONFIG.read_text())
    Path(workflow.config).write_text(yaml.safe_dump({**config, "training": {"max_epochs": 3}}))
    driver = begin(workflow, "models")
    # between the parsing of the config by the driver and by its jobs, and after some of them
    wait_for(workflow.folder / "logs/cluster/simulate_motif_pairs/pos_same.log", driver)
    Path(workflow.config).write_text(yaml.safe_dump(config))
    driver.communicate(timeout=600)
    done = workflow("models")
    assert done.returncode == 0, done.stdout + done.stderr
    assert differences(workflow.folder / MODELS, undisturbed.folder / MODELS) == []
    assert workflow.planned("models") == {}

"""Filesystems under results/ that are full, read-only, foreign, of another time, or that damage files."""

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from same_results import differences, files
from workflow_runner import ROOT, Workflow, job_counts

CONFIG = ROOT / "config/test/cluster.yaml"
MODELS = "results/cluster/models"
SEQUENCES = "results/cluster/data/pos_same/sequences.parquet"


def mount(*arguments: str) -> bool:
    return subprocess.run(["mount", *arguments], capture_output=True).returncode == 0


@pytest.fixture
def mounted(tmp_path) -> Iterator[Workflow]:
    """A folder whose results/ is a small filesystem of its own."""
    workflow = Workflow(tmp_path / "über mounts", CONFIG)
    results = workflow.folder / "results"
    results.mkdir(parents=True)
    if os.geteuid() != 0 or not mount("-t", "tmpfs", "-o", "size=40k", "tmpfs", str(results)):
        pytest.skip("only root can mount a filesystem")
    yield workflow
    subprocess.run(["umount", "--lazy", str(results)], check=True)


def test_a_full_disk_is_named_leaves_nothing_half_written_and_needs_only_space(mounted, undisturbed):
    failed = mounted(SEQUENCES)
    assert failed.returncode == 1
    assert f"{SEQUENCES}: cannot be written (No space left on device)" in failed.stderr
    assert files(mounted.folder / "results/cluster") == []

    assert mount("-o", "remount,size=50m", str(mounted.folder / "results"))
    done = mounted("models")
    assert done.returncode == 0, done.stderr
    models = [workflow.folder / "results/cluster/models" for workflow in (mounted, undisturbed)]
    assert differences(*models) == []


def test_a_read_only_disk_is_named(mounted):
    assert mount("-o", "remount,ro", str(mounted.folder / "results"))
    failed = mounted(SEQUENCES)
    assert failed.returncode == 1
    assert "Read-only file system: 'results/cluster'" in failed.stdout + failed.stderr
    assert "Traceback" not in failed.stdout + failed.stderr


def test_results_on_another_filesystem(undisturbed, tmp_path):
    elsewhere = Path("/dev/shm")
    if not elsewhere.is_dir() or elsewhere.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second filesystem at /dev/shm")
    place = elsewhere / f"seqaudit über {os.getpid()}"
    workflow = Workflow(tmp_path, CONFIG)
    try:
        place.mkdir()
        (tmp_path / "results").symlink_to(place)
        done = workflow("models")
        assert done.returncode == 0, done.stdout + done.stderr
        assert differences(place / "cluster/models", undisturbed.folder / MODELS) == []
        assert workflow.planned("models") == {}
    finally:
        shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def trained(undisturbed, tmp_path) -> Workflow:
    """A copy of a finished run, to be disturbed."""
    folder = tmp_path / "trained"
    shutil.copytree(undisturbed.folder, folder, ignore=shutil.ignore_patterns("log", "locks", "drivers"))
    return Workflow(folder, CONFIG)


def test_files_from_the_future_change_nothing(trained, undisturbed):
    """As a node with a wrong clock writes them."""
    tomorrow = time.time() + 86_400
    os.utime(trained.folder / SEQUENCES, (tomorrow, tomorrow))
    # small files are compared by content; of large ones Snakemake sees the date only
    assert trained.planned() == {}
    large = ("--max-checksum-file-size", "1")
    planned = trained.planned(*large)
    assert planned["train_model"] == 2 and "simulate_motif_pairs" not in planned
    failed = trained("models", *large)
    assert failed.returncode == 1 and "could indicate a clock skew problem" in failed.stderr
    os.utime(trained.folder / SEQUENCES)  # what 'touch' does
    done = trained("models", *large)
    assert done.returncode == 0, done.stdout + done.stderr
    assert differences(trained.folder / MODELS, undisturbed.folder / MODELS) == []


def verify(workflow: Workflow) -> subprocess.CompletedProcess:
    command = [sys.executable, str(ROOT / "workflow/verify.py"), "results"]
    return subprocess.run(command, cwd=workflow.folder, capture_output=True, text=True)


def damage(path: Path) -> None:
    """As a disk that forgets: no date changes."""
    whole, times = path.read_bytes(), path.stat()
    middle = len(whole) // 2
    path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    os.utime(path, (times.st_atime, times.st_mtime))


def test_a_damaged_table_is_named_and_made_again_on_request(trained, undisturbed):
    damage(trained.folder / SEQUENCES)
    found = verify(trained)
    assert found.returncode == 1 and f"{SEQUENCES}: not a readable Parquet file" in found.stdout
    assert found.stdout.endswith(f"--forcerun {SEQUENCES}\n")
    # a job that needs it says so as well, and computes nothing from it
    failed = trained("models", "--forcerun", "train_model")
    assert failed.returncode == 1 and f"{SEQUENCES}: not a readable Parquet file" in failed.stderr
    assert "Delete it and rerun the rule that makes it" in failed.stderr

    done = trained("models", "--forcerun", SEQUENCES)
    assert done.returncode == 0, done.stdout + done.stderr
    assert job_counts(done.stdout + done.stderr)["simulate_motif_pairs"] == 1
    assert verify(trained).returncode == 0
    assert differences(trained.folder / MODELS, undisturbed.folder / MODELS) == []


def test_damaged_networks_are_named_and_made_again_on_request(trained, undisturbed):
    network = "results/cluster/models/pos_same.tiny.l1_0.0001.seed_2"
    ensemble = "results/cluster/deepmr/models/cascade.both.round_1.small"
    damage(trained.folder / network / "weights.safetensors")
    damage(trained.folder / ensemble / "member_1/weights.safetensors")
    found = verify(trained)
    assert found.returncode == 1 and f"{network}/weights.safetensors: damaged" in found.stdout
    assert f"{ensemble}/member_1/weights.safetensors: damaged" in found.stdout

    command = shlex.split(found.stdout.splitlines()[-1])
    assert set(command) == {"--forcerun", f"{network}/model.json", ensemble}
    done = trained(f"{network}/model.json", ensemble, *command)
    assert done.returncode == 0, done.stdout + done.stderr
    made = job_counts(done.stdout + done.stderr)
    assert made["train_model"] == made["train_ensemble"] == 1
    assert verify(trained).returncode == 0
    for models in (MODELS, "results/cluster/deepmr/models"):
        assert differences(trained.folder / models, undisturbed.folder / models) == []

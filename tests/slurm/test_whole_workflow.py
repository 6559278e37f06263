"""This workflow itself, at its smallest, through a real cluster and with the profile that users get."""

import collections
import re
import shutil
from pathlib import Path

import pytest
import yaml
from same_results import differences
from slurm_driver import Driver
from workflow_runner import ROOT, Workflow

CONFIG = ROOT / "config/test/cluster.yaml"
SNAKEFILE = ROOT / "Snakefile"
PROFILE = str(ROOT / "profiles/slurm")
DONE = "COMPLETED"
PROBES = "probes_pos_same_probe_interactions"
"""The job of a group, named after the group and its rules."""


@pytest.fixture(scope="module")
def finished(cluster, tmp_path_factory) -> Driver:
    """A run of everything; a folder name that is hard on careless quoting."""
    folder = tmp_path_factory.mktemp("läuft hier")
    driver = Driver(cluster, folder, "--configfile", str(CONFIG), snakefile=SNAKEFILE)
    try:
        assert driver.wait(1200) == 0, driver.story()
        yield driver
    finally:
        driver.end()


@pytest.fixture(scope="module")
def local(undisturbed) -> Path:
    """Results of the same run without a cluster."""
    return undisturbed.folder / "results/cluster"


def described_jobs(folder: Path, config: Path) -> list[tuple[str, dict[str, str]]]:
    """Rule and resources of every job with the slurm profile, from a dry run."""
    dry = Workflow(folder, config)("--dry-run", "--profile", PROFILE)
    assert dry.returncode == 0, dry.stdout + dry.stderr
    jobs = re.findall(r"^ *rule (\w+):\n((?: {4,}\S.*\n)+)", dry.stdout + dry.stderr, flags=re.MULTILINE)
    return [(rule, dict(re.findall(r"(\w+)=([^,\s]+)", text))) for rule, text in jobs]


def test_every_job_succeeded_at_once(finished, tmp_path):
    jobs = finished.cluster.sacct(finished.folder)
    assert {job["State"] for job in jobs} == {DONE}
    planned = Workflow(tmp_path, CONFIG).planned("--profile", PROFILE)
    # two probes are one job of their group, and the target is none
    assert (planned.pop("probe_interactions"), planned.pop("all")) == (2, 1)
    assert collections.Counter(job["rule"] for job in jobs) == {**planned, PROBES: 1}


def test_networks_have_gpus_and_nothing_else_does(finished):
    jobs = finished.cluster.sacct(finished.folder)
    assert {job["rule"] for job in jobs if job["Partition"] == "gpu"} == {
        "train_model",
        "train_ensemble",
        "mutate_sequences",
    }
    for job in jobs:
        on_gpu = job["Partition"] == "gpu"
        assert job["NodeList"][0] == ("g" if on_gpu else "n")
        assert ("gres/gpu=1" in job["ReqTRES"]) == on_gpu


@pytest.mark.parametrize("name", ["test/smoke", "config"])
def test_every_job_has_memory_time_and_partition(tmp_path, name):
    jobs = described_jobs(tmp_path, ROOT / f"config/{name}.yaml")
    assert len(jobs) > 20
    for rule, resources in jobs:
        assert {"mem_mb", "runtime", "slurm_partition"} <= set(resources), rule
        assert (resources["slurm_partition"] == "gpu") == (resources.get("gpu") == "1"), rule
        assert "gpu" in resources or not rule.startswith("train"), rule


def test_jobs_ask_for_what_their_rules_declare(finished, tmp_path):
    wanted = {
        rule: (int(resources["mem_mb"]), resources["runtime"], resources["slurm_partition"])
        for rule, resources in described_jobs(tmp_path, CONFIG)
    }
    for job in finished.cluster.sacct(finished.folder):
        count = 2 if job["rule"] == PROBES else 1
        memory, minutes, partition = wanted["probe_interactions" if count == 2 else job["rule"]]
        asked = dict(part.split("=") for part in job["ReqTRES"].split(","))
        assert job["Partition"] == partition and job["TimelimitRaw"] == minutes, job
        assert int(asked["cpu"]) == count and megabytes(asked["mem"]) == count * memory, job


def megabytes(text: str) -> float:
    return float(text[:-1]) * {"M": 1, "G": 1024}[text[-1]]


def test_results_are_those_of_a_local_run(finished, local):
    assert differences(finished.folder / "results/cluster", local) == []


def test_a_second_run_submits_nothing(finished, cluster):
    before = len(cluster.sacct(finished.folder))
    again = Driver(cluster, finished.folder, "--configfile", str(CONFIG), snakefile=SNAKEFILE)
    assert again.wait() == 0, again.story()
    assert "Nothing to be done" in again.said and len(cluster.sacct(finished.folder)) == before


@pytest.fixture
def simulated(finished, tmp_path) -> Path:
    """A folder in which sequences are simulated but nothing is trained."""
    source, target = (folder / "results/cluster/data" for folder in (finished.folder, tmp_path))
    shutil.copytree(source, target)
    shutil.copytree(finished.folder / ".snakemake/metadata", tmp_path / ".snakemake/metadata")
    return tmp_path


def test_networks_of_one_dataset_share_a_gpu_job(drive, cluster, simulated, local):
    driver = drive(
        *("models", "--configfile", str(CONFIG)),
        *("--groups", "train_model=networks_{dataset}", "--group-components", "networks_{dataset}=2"),
        *("--set-resources", "train_model:slurm_partition=gpu", "train_model:gres='gpu:1'"),
        snakefile=SNAKEFILE,
    )
    assert driver.wait() == 0, driver.story()
    [job] = cluster.sacct(simulated)
    asked = dict(part.split("=") for part in job["ReqTRES"].split(","))
    assert job["State"] == DONE and job["Partition"] == "gpu"
    assert asked["gres/gpu"] == "1" and asked["cpu"] == "2" and megabytes(asked["mem"]) == 2 * 4000
    assert differences(simulated / "results/cluster/models", local / "models") == []


def test_a_killed_training_goes_on_from_its_checkpoint_to_the_same_weights(drive, cluster, simulated):
    config = yaml.safe_load(CONFIG.read_text())
    config["training"] = {"max_epochs": 150, "patience": 150, "checkpoint_seconds": 0}
    config["population"]["seeds"] = [1]
    (simulated / "long.yaml").write_text(yaml.safe_dump(config))
    driver = drive("models", "--configfile", "long.yaml", snakefile=SNAKEFILE)
    driver.wait_until(
        lambda: list(simulated.glob("scratch/cluster/*/progress.safetensors")), "a checkpoint appeared"
    )
    [job] = cluster.sacct(simulated)
    cluster.call("scancel", job["JobIDRaw"])
    assert driver.wait() == 0, driver.story()
    assert [job["State"] for job in cluster.sacct(simulated)] == ["CANCELLED", DONE]
    [log] = simulated.glob("logs/cluster/train_model/*.log")
    assert re.search(r"continuing after epoch \d+ from", log.read_text())

    undisturbed = Workflow(simulated / "undisturbed", simulated / "long.yaml")
    shutil.copytree(simulated / "results/cluster/data", undisturbed.folder / "results/cluster/data")
    shutil.copytree(simulated / ".snakemake/metadata", undisturbed.folder / ".snakemake/metadata")
    done = undisturbed("models")
    assert done.returncode == 0, done.stdout + done.stderr
    models = [folder / "results/cluster/models" for folder in (simulated, undisturbed.folder)]
    assert differences(*models) == []

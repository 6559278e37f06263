"""The published design, 180 networks in four conditions, on a cluster that loses nodes and its head.

    python tests/slurm/paper_design.py [--part] [--folder /tmp/paper] [--against FOLDER]

Sizes are tiny, networks and their jobs are those of config/paper.yaml, with all lines of evidence about
them; fifteen networks share a GPU job, as profiles/README.md advises for short trainings. While the run goes
on, a CPU node and the GPU node die and come back, and controller and accounting are away for a minute.
Afterwards SLURM's accounting and the files are asked whether anything was lost or computed twice. Three
quarters of an hour on two cores. '--part' tries the same on twenty networks. '--against' names the results of
another run of the same config, such as an undisturbed one on this host, and compares every table and weight.
"""

import argparse
import collections
import json
import math
import shutil
import sys
import tempfile
import time
from pathlib import Path

import psutil
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "helpers"))

from same_results import differences
from slurm_cluster import Cluster
from slurm_driver import Driver
from workflow_runner import ROOT

CONFIG = ROOT / "config/test/cluster_paper.yaml"
RESUME = str(ROOT / "workflow/resume.py")
PER_JOB = 15
GROUPED = {"train_model": "networks", "probe_interactions": "probes", "explain_model": "explanations"}
"""Rules that share jobs, with the name of the group within a data set."""

GROUPS = (
    *("--jobs", "100"),  # or jobs that wait for a GPU keep others from nodes that are free
    *("--groups", *(f"{rule}={name}_{{dataset}}" for rule, name in GROUPED.items())),
    *("--group-components", *(f"{name}_{{dataset}}={PER_JOB}" for name in GROUPED.values())),
    # one GPU for all of a job's networks: Snakemake adds up numbers, but not texts
    *("--set-resources", "train_model:slurm_partition=gpu", "train_model:gres='gpu:1'"),
    *(
        f"{rule}:{what}"
        for rule in ("train_ensemble", "mutate_sequences")
        for what in ("slurm_partition=gpu", "gpu=1")
    ),
)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "paper_design")
    parser.add_argument("--part", action="store_true", help="twenty networks only")
    parser.add_argument("--against", type=Path, help="results folder of another run of the same config")
    known = parser.parse_args()
    known.folder.mkdir(parents=True)
    config = known.folder / "config.yaml"
    config.write_text(yaml.safe_dump(design(part=known.part)))

    lab = Path(tempfile.mkdtemp(prefix="slurm", dir="/tmp"))
    # a job that is tried again asks for twice the memory
    cluster = Cluster(lab, cpus=PER_JOB, memory_mb=12_000 * PER_JOB).start()
    try:
        summary = run(cluster, known.folder, config)
    finally:
        shutil.copytree(cluster.log, known.folder / "slurm_daemons", dirs_exist_ok=True)
        cluster.stop()
        shutil.rmtree(lab, ignore_errors=True)
    if known.against:
        summary["different"] = differences(known.folder / "results", known.against)
    (known.folder / "summary.json").write_text(json.dumps(summary, indent=2))
    print(json.dumps(summary, indent=2))
    whole = summary["models"] == summary["models_wanted"] and not summary["completed_twice"]
    return int(not (whole and summary["exit_status"] == 0 and not summary.get("different")))


def design(*, part: bool) -> dict:
    config = yaml.safe_load(CONFIG.read_text())
    if part:
        config["population"] |= {"architectures": ["arch1"], "l1": [0]}
    return config


def run(cluster: Cluster, folder: Path, config: Path) -> dict:
    """Drive the workflow, break the cluster on the way, and count."""
    content = yaml.safe_load(config.read_text())
    population = content["population"]
    per_dataset = len(population["architectures"]) * len(population["l1"]) * len(population["seeds"])
    wanted = len(content["datasets"]) * per_dataset

    def trained() -> int:
        return len(list(folder.glob("results/*/models/*/model.json")))

    started = time.monotonic()
    arguments = ("--configfile", str(config), *GROUPS)
    driver = Driver(cluster, folder, *arguments, snakefile=ROOT / "Snakefile", retries=2)
    events = []

    def at(share: float, what: str) -> None:
        driver.wait_until(lambda: trained() >= share * wanted, what, seconds=86_400)
        events.append({"event": what, "after_s": round(time.monotonic() - started), "models": trained()})
        print(events[-1], flush=True)

    driver.wait_until(lambda: cluster.sacct(folder), "the first job was submitted", seconds=3600)
    to_first_job = time.monotonic() - started
    for share, node in ((0.2, "g1"), (0.5, "n1")):
        at(share, f"node {node} dies")
        cluster.kill_node(node)
        time.sleep(45)  # a reboot
        cluster.start_node(node)
    at(0.75, "controller and accounting are away for a minute")
    cluster.kill_controller()
    cluster.kill_accounting()
    time.sleep(60)
    cluster.start_accounting()
    cluster.start_controller()
    cpu_seconds = 0.0
    while driver.process.poll() is None:
        times = psutil.Process(driver.process.pid).cpu_times()
        cpu_seconds = times.user + times.system + times.children_user + times.children_system
        time.sleep(1)
    statuses = [driver.process.returncode]
    while statuses[-1] != 0 and len(statuses) < 3:  # what a user would do
        resumed = Driver(cluster, folder, program=[RESUME])
        statuses.append(resumed.wait(86_400))
    jobs = cluster.sacct(folder)
    # all jobs of a group have one comment
    in_groups = {
        f"rule_{name}_{dataset}_{rule}": math.ceil(per_dataset / PER_JOB)
        for dataset in content["datasets"]
        for rule, name in GROUPED.items()
    }
    done = collections.Counter(job["Comment"] for job in jobs if job["State"] == "COMPLETED")
    return {
        "models_wanted": wanted,
        "models": trained(),
        "exit_status": statuses[-1],
        "resumed": len(statuses) - 1,
        "minutes": round((time.monotonic() - started) / 60, 1),
        "events": events,
        "slurm_jobs": len(jobs),
        "states": dict(collections.Counter(job["State"] for job in jobs)),
        "completed_twice": [what for what, count in done.items() if count > in_groups.get(what, 1)],
        "seconds_to_first_job": round(to_first_job, 1),
        "driver_cpu_seconds_per_job": round(cpu_seconds / max(1, len(jobs)), 2),
    }


if __name__ == "__main__":
    sys.exit(main())

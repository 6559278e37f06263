"""One cluster for all tests in this folder. Without SLURM or root they are skipped, and say why."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import slurm_cluster
from slurm_driver import Driver

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items) -> None:
    reason = slurm_cluster.why_not()
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.slurm)
            if reason and "cluster" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def cluster() -> Iterator[slurm_cluster.Cluster]:
    # not in pytest's own folder: socket paths are limited to 107 bytes
    folder = Path(tempfile.mkdtemp(prefix="slurm", dir="/tmp"))
    cluster = slurm_cluster.Cluster(folder)
    try:
        yield cluster.start()
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def drive(cluster, tmp_path) -> Iterator[Callable[..., Driver]]:
    """Start drivers in the test's folder; nothing of them is left when it ends."""
    drivers = []

    def start(*arguments: str, folder: Path = tmp_path, **options) -> Driver:
        drivers.append(Driver(cluster, folder, *arguments, **options))
        return drivers[-1]

    yield start
    for driver in drivers:
        driver.end()
        for job in cluster.queue(driver.folder):
            cluster.call("scancel", job)

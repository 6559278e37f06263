"""What can go wrong on a cluster, done to real daemons with jobs that only sleep and fail.

Truth is what SLURM's accounting and the files say, never the text that Snakemake prints.
"""

import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from slurm_driver import Driver, is_whole, starts, states

DONE, FAILED = "COMPLETED", "FAILED"


@pytest.fixture(scope="module", autouse=True)
def begun(cluster, tmp_path_factory) -> Iterator[Driver]:
    """A run in which one job fails once, one is cancelled by somebody, and one runs out of its minute.

    That takes long, so it goes on beside the first tests. Those that break nodes come after its end.
    """
    folder = tmp_path_factory.mktemp("repairable")
    driver = Driver(cluster, folder, "fails_once.txt", "sleep_60_cancelled.txt", "out_of_time.txt")

    def cancel() -> None:
        driver.wait_for_files("starts/sleep_60_cancelled.txt")
        cluster.call("scancel", (folder / "starts/sleep_60_cancelled.txt").read_text().split()[0])

    somebody = threading.Thread(target=cancel)
    somebody.start()
    yield driver
    driver.end()
    somebody.join()


def test_hopeless_jobs_end_the_run_after_everything_else_is_done(drive):
    driver = drive("after_hopeless.txt", "too_big.txt", "sleep_1_beside.txt")
    assert driver.wait() == 1, driver.story()
    assert states(driver, "hopeless") == [FAILED, FAILED] and starts(driver.folder, "hopeless") == 2
    assert is_whole(driver.folder, "sleep_1_beside.txt")
    # nothing that depends on it was submitted, and nothing half-written is left
    assert states(driver, "after_hopeless") == [] and not (driver.folder / "hopeless.txt").exists()
    assert len(list(driver.folder.glob("logs/slurm/rule_hopeless/*.log"))) == 2
    # a request that no node can meet is refused at submission, not waited for
    refused = [job for job in driver.cluster.sacct(driver.folder) if job["rule"] == "too_big"]
    assert {(job["State"], job["NodeList"]) for job in refused} == {(FAILED, "None assigned")}
    assert starts(driver.folder, "too_big") == 0 and not (driver.folder / "too_big.txt").exists()
    assert "Requested node configuration is not available" in driver.said


def test_ctrl_c_cancels_the_jobs_and_leaves_nothing_half_written(drive):
    driver = drive("sleep_60_a.txt")
    driver.wait_for_files("starts/sleep_60_a.txt")
    driver.signal(signal.SIGINT)
    assert_cancelled(driver)


def test_ctrl_c_cancels_the_jobs_also_while_the_driver_asks_after_them(drive, slow_accounting):
    """Just then the plugin has no list of its jobs."""
    driver = drive("sleep_60_a.txt")
    driver.wait_for_files("starts/sleep_60_a.txt")
    driver.wait_until(slow_accounting.exists, "the driver asks accounting")
    driver.signal(signal.SIGINT)
    assert_cancelled(driver)


def assert_cancelled(driver: Driver) -> None:
    assert driver.wait() == 1
    driver.cluster.wait_until_ended(driver.folder)
    assert states(driver, "sleep") == ["CANCELLED"], driver.story()
    assert not (driver.folder / "sleep_60_a.txt").exists()
    assert not list(driver.folder.glob(".snakemake/locks/*"))


@pytest.fixture
def slow_accounting(cluster) -> Iterator[Path]:
    """Every question to accounting takes five seconds more, in which this file exists."""
    asking, program = cluster.folder / "asking", cluster.folder / "bin/sacct"
    program.write_text(f'#!/bin/sh\ntouch {asking}; sleep 5; rm -f {asking}\nexec /usr/bin/sacct "$@"\n')
    program.chmod(0o755)
    yield asking
    program.unlink()


def test_sigterm_lets_running_jobs_finish(drive):
    driver = drive("sleep_15_a.txt")
    driver.wait_for_files("starts/sleep_15_a.txt")
    driver.signal(signal.SIGTERM)
    assert driver.wait() == 1
    assert states(driver, "sleep") == [DONE] and is_whole(driver.folder, "sleep_15_a.txt")
    again = drive("sleep_15_a.txt")
    assert again.wait() == 0 and states(again, "sleep") == [DONE]


@pytest.fixture(scope="module")
def recovered(begun) -> Driver:
    """That run, finished."""
    assert begun.wait() == 0, begun.story()
    return begun


def test_a_job_that_fails_once_runs_again_without_the_half_written_output(recovered):
    assert states(recovered, "fails_once") == [FAILED, DONE]
    # the rule itself would exit with 9 if the file of the first attempt were still there
    assert starts(recovered.folder, "fails_once") == 2 and is_whole(recovered.folder, "fails_once.txt")


def test_a_job_cancelled_by_somebody_is_submitted_again(recovered):
    assert states(recovered, "sleep") == ["CANCELLED", DONE]
    assert is_whole(recovered.folder, "sleep_60_cancelled.txt")


def test_a_job_out_of_time_gets_more_of_it(recovered):
    jobs = [job for job in recovered.cluster.sacct(recovered.folder) if job["rule"] == "out_of_time"]
    assert [(job["State"], job["TimelimitRaw"]) for job in jobs] == [("TIMEOUT", "1"), (DONE, "2")]
    assert is_whole(recovered.folder, "out_of_time.txt")


def test_jobs_of_a_dead_node_run_on_another(drive, cluster):
    names = [f"sleep_60_{i}.txt" for i in range(2)]
    driver = drive(*names, "--set-resources", "sleep:mem_mb=40000")
    try:
        driver.wait_for_files(*(f"starts/{name}" for name in names))
        node_of = {job["JobIDRaw"]: job["NodeList"] for job in cluster.sacct(driver.folder)}
        assert sorted(node_of.values()) == ["n1", "n2"], driver.story()
        cluster.kill_node("n1")
        assert driver.wait() == 0, driver.story()
    finally:
        cluster.wait_until_idle()
    jobs = cluster.sacct(driver.folder)
    assert [job["State"] for job in jobs if job["NodeList"] == "n1"] == ["NODE_FAIL"]
    assert [job["State"] for job in jobs if job["NodeList"] == "n2"] == [DONE, DONE]
    assert len(jobs) == 3 and sorted(starts(driver.folder, name) for name in names) == [1, 2]
    assert is_whole(driver.folder, *names)
    # the cluster would have requeued it as well; two copies must never run
    assert not cluster.queue(driver.folder)


def test_an_outage_of_controller_and_accounting_is_survived(drive, cluster):
    """With the plugin's own five attempts the driver forgets its jobs and waits for ever."""
    names = ["sleep_40_a.txt", "sleep_15_b.txt"]  # one ends during the outage, one after it
    driver = drive(*names)
    driver.wait_for_files(*(f"starts/{name}" for name in names))
    time.sleep(5)  # what a controller learned in its last seconds, it may not have written down
    cluster.kill_controller()
    cluster.kill_accounting()
    try:
        time.sleep(13)
    finally:
        cluster.start_accounting()
        cluster.start_controller()
    assert driver.wait() == 0, driver.story()
    assert states(driver, "sleep") == [DONE, DONE] and is_whole(driver.folder, *names)
    assert [starts(driver.folder, name) for name in names] == [1, 1]
    cluster.wait_until_idle()

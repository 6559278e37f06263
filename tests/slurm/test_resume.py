"""A driver that was killed, and the one command that goes on without it."""

import collections
import signal

import pytest
from slurm_driver import ROOT, is_whole, starts, states

DONE = "COMPLETED"
RESUME = str(ROOT / "workflow/resume.py")
NAMES = ["sleep_25_a.txt", "sleep_25_b.txt", "sleep_1_c.txt"]
# one job at a time and node, so that one still waits in the queue
ONE_PER_NODE = ("--set-resources", "sleep:mem_mb=40000")


@pytest.fixture
def killed(drive):
    """A driver killed while some of its jobs run and some wait."""
    driver = drive(*NAMES, *ONE_PER_NODE)
    driver.wait_until(lambda: any((driver.folder / "starts").glob("*")), "a job began")
    driver.signal(signal.SIGKILL)
    driver.process.wait()
    return driver


def overlapping(jobs: list[dict]) -> list[tuple[dict, dict]]:
    """Pairs of jobs that wrote the same outputs at the same time."""
    ran = [job for job in jobs if job["Start"] not in ("Unknown", "None")]
    return [
        (one, other)
        for i, one in enumerate(ran)
        for other in ran[i + 1 :]
        if one["Comment"] == other["Comment"] and one["Start"] < other["End"] and other["Start"] < one["End"]
    ]


def test_results_of_jobs_that_outlived_their_driver_are_kept(drive, cluster, killed):
    cluster.wait_until_ended(killed.folder)
    assert states(killed, "sleep") == [DONE] * 3
    assert list((killed.folder / ".snakemake/locks").iterdir()), "a killed driver leaves its lock"
    again = drive(program=[RESUME])
    assert again.wait() == 0, again.story()
    assert states(killed, "sleep") == [DONE] * 3, "nothing may be computed twice"
    assert is_whole(killed.folder, *NAMES)
    assert not list((killed.folder / ".snakemake/incomplete").glob("*"))


def test_resuming_at_once_waits_for_running_jobs_and_takes_back_waiting_ones(drive, cluster, killed):
    again = drive(program=[RESUME])
    assert again.wait() == 0, again.story()
    cluster.wait_until_ended(killed.folder)
    jobs = cluster.sacct(killed.folder)
    assert not overlapping(jobs)
    assert sum(job["State"] == DONE for job in jobs) == 3, "every job once, by the old or the new driver"
    assert all(starts(killed.folder, name) == 1 for name in NAMES) and is_whole(killed.folder, *NAMES)


def test_resuming_can_cancel_running_jobs(drive, cluster, killed):
    again = drive(program=[RESUME, "--cancel"])
    assert again.wait() == 0, again.story()
    jobs = cluster.sacct(killed.folder)
    assert not overlapping(jobs) and "CANCELLED" in {job["State"] for job in jobs}
    # one that was cancelled after its last byte need not be done again
    done = collections.Counter(job["Comment"] for job in jobs if job["State"] == DONE)
    assert set(done.values()) == {1} and is_whole(killed.folder, *NAMES)


def test_nothing_is_resumed_while_its_driver_lives(drive):
    driver = drive("sleep_30_a.txt")
    driver.wait_for_files("starts/sleep_30_a.txt")
    second = drive(program=[RESUME])
    assert second.wait() == 1 and "a driver works on it already" in second.said
    assert (
        driver.wait() == 0
        and states(driver, "sleep") == [DONE]
        and starts(driver.folder, "sleep_30_a.txt") == 1
    )
    third = drive(program=[RESUME])
    assert third.wait() == 1 and "no run was interrupted here" in third.said

import asyncio
import threading
import time
from types import SimpleNamespace

from snakemake.scheduling.job_scheduler import JobScheduler

from seqaudit.snakemake_repairs import repair_job_states, repair_reevaluation


def test_the_first_word_of_a_state_is_handed_on():
    async def sacct(command, logger):
        return {"1": "CANCELLED by 1000", "2": "RUNNING", "3": ""}, 0.5

    plugin = SimpleNamespace(query_job_status=sacct)
    repair_job_states(plugin)
    repair_job_states(plugin)
    states, seconds = asyncio.run(plugin.query_job_status("sacct", None))
    assert states == {"1": "CANCELLED", "2": "RUNNING"} and seconds == 0.5


def test_no_answer_stays_no_answer():
    async def silent(command, logger):
        return None, 1.0

    plugin = SimpleNamespace(query_job_status=silent)
    repair_job_states(plugin)
    assert asyncio.run(plugin.query_job_status("sacct", None)) == (None, 1.0)


def woken(scheduler: type, times: int) -> int:
    """How often a scheduler wakes up in half a second in which this many jobs finished."""
    mine = object.__new__(scheduler)
    mine._open_jobs = threading.Semaphore(0)
    for _ in range(times):
        mine._schedule_reevalutation(0.2)
    time.sleep(0.5)
    wakes = 0
    while mine._open_jobs.acquire(blocking=False):
        wakes += 1
    return wakes


def test_many_finished_jobs_wake_the_scheduler_once():
    class Repaired(JobScheduler):
        pass

    assert woken(JobScheduler, 20) == 20, "Snakemake is repaired: remove ours"
    repair_reevaluation(Repaired)
    repair_reevaluation(Repaired)
    assert woken(Repaired, 20) == 1
    assert woken(Repaired, 1) == 1

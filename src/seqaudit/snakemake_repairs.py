"""Repairs of Snakemake and its SLURM plugin while they drive a run (docs/reliability.md)."""

import threading
from types import ModuleType


def repair_job_states(plugin: ModuleType) -> None:
    """Hand the SLURM plugin the first word of a job's state.

    Plugin 2.8 does not know the state of a job that somebody cancelled, 'CANCELLED by 1000' in the words
    of sacct, and would wait for it for ever.

    Parameters
    ----------
    plugin : module
        ``snakemake_executor_plugin_slurm``. Repaired once, however often this is called.
    """
    ask = plugin.query_job_status
    if hasattr(ask, "repaired"):
        return

    async def first_words_of_states(command, logger):
        states, seconds = await ask(command, logger)
        if states is not None:
            states = {job: state.split()[0] for job, state in states.items() if state}
        return states, seconds

    first_words_of_states.repaired = True
    plugin.query_job_status = first_words_of_states


def repair_reevaluation(scheduler: type) -> None:
    """Let no more than one timer at a time wake the scheduler.

    Snakemake 9.27 limits itself to 100 jobs a second. For that, whatever wakes its scheduler starts a timer
    that wakes it again a second later: every finished job adds a chain of timers that never ends, and
    after 200 jobs the driver takes half a core.

    Parameters
    ----------
    scheduler : type
        ``snakemake.scheduling.job_scheduler.JobScheduler``. Repaired once, however often this is called.
    """
    if hasattr(scheduler._schedule_reevalutation, "repaired"):
        return

    def wake_once(self, delay: float) -> None:
        waiting = getattr(self, "_reevaluation", None)
        if waiting is not None and waiting.is_alive():
            return
        # a daemon: the end of a run has nothing to wait for
        self._reevaluation = threading.Timer(delay, self._open_jobs.release)
        self._reevaluation.daemon = True
        self._reevaluation.start()

    wake_once.repaired = True
    scheduler._schedule_reevalutation = wake_once

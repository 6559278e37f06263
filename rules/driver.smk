# What only the driver needs: one driver per run, a note of how to go on without it (workflow/resume.py),
# and repairs of Snakemake.
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(workflow.current_basedir) / "../src"))

from seqaudit.drivers import FOLDER, DriverNote, remove_unfinished
from seqaudit.errors import SeqauditError
from seqaudit.snakemake_repairs import repair_job_states, repair_reevaluation
from snakemake.scheduling.job_scheduler import JobScheduler

repair_reevaluation(JobScheduler)
slurm_plugin = sys.modules.get("snakemake_executor_plugin_slurm")
if slurm_plugin is not None:
    repair_job_states(slurm_plugin)


driver = {
    "started": time.strftime("%Y-%m-%d %H:%M:%S"),
    "host": socket.gethostname(),
    "pid": os.getpid(),
    "folder": str(workflow.workdir_init),
    "command": sys.argv,
}
run_name = config.get("run", "run")
driver_note = DriverNote(f"{FOLDER}/{run_name}.json")


onstart:
    try:
        driver_note.claim()
    except SeqauditError as error:
        raise WorkflowError(str(error)) from None
    # name of the run's jobs in SLURM; None for a run on this host
    driver["slurm_name"] = getattr(workflow.scheduler._executor, "run_uuid", None)
    driver_note.write(driver)


onsuccess:
    remove_unfinished(f"results/{run_name}", f"scratch/{run_name}")
    driver_note.write({**driver, "finished": True})


onerror:
    # While it asks SLURM about them, the plugin forgets its jobs, and Ctrl-C in such a moment cancels none. No
    # job of an orderly end is in the queue any more.
    if driver.get("slurm_name"):
        subprocess.run(["scancel", f"--name={driver['slurm_name']}"])

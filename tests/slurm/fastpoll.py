"""Snakemake with a constant interval between questions to SLURM.

The plugin adds ten seconds for every round in which no job finished, and no setting turns that off. Only the
driver is different: submitted jobs start Snakemake as ever.
"""

import os
import sys

import snakemake_executor_plugin_slurm as plugin
from snakemake.cli import main

every = float(os.environ.get("SLURM_LAB_POLL", "1"))
plugin.Executor.next_seconds_between_status_checks = property(lambda self: every, lambda self, value: None)
sys.exit(main())

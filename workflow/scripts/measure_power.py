"""Rejections of all tests by the size of the simulated effect (rule measure_power)."""

from seqaudit.data.tables import read_table, write_table
from seqaudit.inference.twin_power import power_by_effect
from seqaudit.job import start_job

job = start_job(snakemake)
power = power_by_effect(
    read_table(job.input.models, "loss_models"),
    read_table(job.input.summary, "twin_summary"),
    read_table(job.input.redraws, "twin_redraws"),
    job.params.exponents,
    alpha=job.params.alpha,
)
write_table(power, job.output.power, "twin_power", provenance=job.provenance)

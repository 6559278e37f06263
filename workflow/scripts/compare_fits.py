"""Losses of a dataset's twins beside those of its networks and of the truth (rule compare_fits)."""

from seqaudit.data.tables import read_table, read_tables, write_table
from seqaudit.inference.twin_fits import compare_fits
from seqaudit.job import start_job

job = start_job(snakemake)
fits = compare_fits(
    read_table(job.input.sequences, "sequences"),
    read_table(job.input.candidates, "twin_candidates"),
    read_table(job.input.predictions, "twin_predictions"),
    read_tables(job.input.history, "training_history", optional=True),
    dataset=job.wildcards.dataset,
    transform=job.params.transform,
)
write_table(fits, job.output.fits, "twin_fits", provenance=job.provenance)

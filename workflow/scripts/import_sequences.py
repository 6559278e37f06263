"""Read own sequences with measured targets (rule import_sequences)."""

from seqaudit.data.readers import read_sequences
from seqaudit.data.tables import write_table
from seqaudit.job import start_job

job = start_job(snakemake)
sequences = read_sequences(job.input.sequences, targets=job.input.get("targets"), **job.params.settings)
write_table(sequences, job.output.sequences, "sequences", provenance=job.provenance)

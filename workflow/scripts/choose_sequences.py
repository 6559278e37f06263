"""Choose the test sequences that all models of a dataset explain (rule choose_sequences)."""

from seqaudit.data.explained_sequences import choose_sequences
from seqaudit.data.tables import read_table, write_table
from seqaudit.job import start_job

job = start_job(snakemake)
pairs = read_table(job.input.pairs, "knockouts", columns=["sequence_id"]) if job.input.pairs else None
chosen = choose_sequences(read_table(job.input.sequences, "sequences"), pairs=pairs, **job.params.settings)
write_table(chosen, job.output.sequences, "sequences", provenance=job.provenance)

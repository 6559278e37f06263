"""Put the loss tests of all datasets together (rule collect_loss_tests)."""

from seqaudit.data.tables import read_tables, write_table
from seqaudit.job import start_job

job = start_job(snakemake)
for name in ("models", "architectures", "verdicts"):
    table = read_tables(job.input[name], f"loss_{name}")
    write_table(table, job.output[name], f"loss_{name}", provenance=job.provenance)

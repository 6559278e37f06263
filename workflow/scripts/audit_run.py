"""Join all lines of evidence about every question (rule audit_run)."""

from seqaudit.data.tables import read_table, write_table
from seqaudit.inference.audit import audit
from seqaudit.job import start_job

job = start_job(snakemake)
tables = {name: read_table(path, name) for name, path in job.input.items()}
found = audit(tables, headline=job.params.headline, alpha=job.params.alpha)
write_table(found, job.output.audit, "audit", provenance=job.provenance)

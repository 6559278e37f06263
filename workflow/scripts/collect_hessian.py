"""Put the tables of all studies together (rule collect_hessian)."""

from seqaudit.data.tables import read_tables, write_table
from seqaudit.job import start_job

job = start_job(snakemake)
for name, path in job.output.items():
    table = read_tables(job.input[name], f"hessian_{name}", optional=True)
    write_table(table, path, f"hessian_{name}", provenance=job.provenance)

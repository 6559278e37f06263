"""Put the tables of all studies together (rule collect_hessian)."""

from seqaudit.data.tables import read_tables, write_table
from seqaudit.job import start_job

job = start_job(snakemake)
schemas = (
    "hessian_pairs",
    "hessian_groups",
    "hessian_group_counts",
    "hessian_dropout",
    "hessian_networks",
    "hessian_nulls",
    "hessian_methods",
    "hessian_readings",
    "hessian_auc",
    "hessian_roc",
    "hessian_coverage",
    "hessian_false_positives",
    "hessian_injections",
    "hessian_surfaces",
)
for schema in schemas:
    name = schema.removeprefix("hessian_")
    table = read_tables(job.input[name], schema, optional=True)
    write_table(table, job.output[name], schema, provenance=job.provenance)

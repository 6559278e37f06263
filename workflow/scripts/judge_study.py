"""Test the pairs of a study, and score all methods against the truth (rule judge_study)."""

from seqaudit.data.tables import read_tables, write_table
from seqaudit.inference.hessian_study import judge_study
from seqaudit.job import start_job

job = start_job(snakemake)
schemas = {name: f"hessian_{name}" for name in ("pairs", "groups", "nulls", "methods")}
tables = {name: read_tables(job.input[name], schema, optional=True) for name, schema in schemas.items()}
judged = judge_study(**tables, study=job.wildcards.study, **job.params.settings)
for name, table in judged._asdict().items():
    write_table(table, job.output[name], f"hessian_{name}", provenance=job.provenance)

"""Test the pairs of a study, and score all methods against the truth (rule judge_study)."""

from seqaudit.data.tables import read_tables, write_table
from seqaudit.inference.hessian_study import judge_study
from seqaudit.job import start_job

job = start_job(snakemake)
judged = judge_study(
    read_tables(job.input.pairs, "hessian_pairs"),
    read_tables(job.input.groups, "hessian_groups"),
    read_tables(job.input.nulls, "hessian_nulls", optional=True),
    read_tables(job.input.methods, "hessian_methods"),
    read_tables(job.input.networks, "hessian_networks"),
    study=job.wildcards.study,
    **job.params.settings,
)
schemas = {
    "pairs": "hessian_pairs",
    "auc": "hessian_auc",
    "roc": "hessian_roc",
    "coverage": "hessian_coverage",
    "false_positives": "hessian_false_positives",
    "injections": "hessian_injections",
}
for name, schema in schemas.items():
    write_table(getattr(judged, name), job.output[name], schema, provenance=job.provenance)

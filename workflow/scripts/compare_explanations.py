"""Recommend one model of a dataset, by loss and consistency of its maps (rule compare_explanations)."""

from functools import partial
from pathlib import Path

from seqaudit.data.map_tables import read_maps
from seqaudit.data.tables import read_table, read_tables, write_table
from seqaudit.inference.explained_models import compare_explanations
from seqaudit.job import start_job

job = start_job(snakemake)
of_models = {
    "explanations": "explanations",
    "scores": "consistency_scores",
    "truth": "attribution_scores",
    "evaluations": "evaluations",
}
of_truth = {"true_maps": "attribution_maps", "true_sites": "true_sites"}
tables = {schema: read_tables(job.input[name], schema) for name, schema in of_models.items()}
for name, schema in of_truth.items():
    tables[schema] = read_tables(job.input.get(name, []), schema, optional=True)
tables["sequences"] = read_table(job.input.sequences, "sequences")
tables["loss_models"] = read_table(job.input.loss_models, "loss_models")
paths = {Path(path).stem: path for path in job.input.maps}
compared = compare_explanations(
    tables,
    partial(read_maps, paths, tables["sequences"]["sequence_id"]),
    settings=job.params.settings,
    **job.params.rule_of_choice,
)
schemas = ("consistency_models", "consistency_choices", "attribution_words", "attribution_directions")
for (name, table), schema in zip(compared._asdict().items(), schemas):
    write_table(table, job.output[name], schema, provenance=job.provenance)

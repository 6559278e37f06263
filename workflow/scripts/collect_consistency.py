"""Put all datasets together, and ask what consistency knows of the truth (rule collect_consistency)."""

from seqaudit.data.tables import read_tables, write_table
from seqaudit.inference.consistency_answers import answer_everything
from seqaudit.job import start_job

job = start_job(snakemake)
schemas = {
    "models": "consistency_models",
    "choices": "consistency_choices",
    "words": "attribution_words",
    "directions": "attribution_directions",
}
tables = {name: read_tables(job.input[name], schema) for name, schema in schemas.items()}
for name, schema in schemas.items():
    write_table(tables[name], job.output[name], schema, provenance=job.provenance)
answers = answer_everything(tables["models"], **job.params.settings)
write_table(answers, job.output.answers, "consistency_answers", provenance=job.provenance)

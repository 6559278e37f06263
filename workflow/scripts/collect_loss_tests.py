"""Put the loss tests of all datasets together, with what the additive twins say (rule collect_loss_tests)."""

from seqaudit.data.tables import read_tables, write_table
from seqaudit.inference.additive_twin import add_to_loss_models
from seqaudit.job import start_job

job = start_job(snakemake)
schemas = {name: f"loss_{name}" for name in ("models", "architectures", "verdicts")}
schemas |= {name: name for name in ("twin_models", "twin_summary", "twin_redraws", "null_tests")}
# a run may do without twins and without null models
tables = {name: read_tables(job.input[name], schema, optional=True) for name, schema in schemas.items()}
tables["models"] = add_to_loss_models(tables["models"], tables["twin_models"])
for name, schema in schemas.items():
    write_table(tables[name], job.output[name], schema, provenance=job.provenance)

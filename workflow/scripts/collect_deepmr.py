"""Put the tables of all ensembles together, and score them against the truth (rule collect_deepmr)."""

from seqaudit.data.tables import read_tables, write_table
from seqaudit.inference.deepmr import score_rounds
from seqaudit.job import start_job

job = start_job(snakemake)
tables = {
    "rounds": "cascade_rounds",
    "local": "deepmr_local",
    "overall": "deepmr_global",
    "spacing": "deepmr_spacing",
    "calibration": "calibration",
    "quality": "ensemble_quality",
}
# only cascades have rounds with parameters
collected = {name: read_tables(job.input[name], schema, optional=True) for name, schema in tables.items()}
for name, schema in tables.items():
    write_table(collected[name], job.output[name], schema, provenance=job.provenance)
scores = score_rounds(collected["overall"], collected["rounds"])
write_table(scores, job.output.scores, "deepmr_scores", provenance=job.provenance)

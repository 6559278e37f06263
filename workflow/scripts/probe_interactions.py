"""Ask one network about every motif pair (rule probe_interactions)."""

from pathlib import Path

import pandas as pd

from seqaudit.data.tables import read_table, write_table
from seqaudit.job import start_job
from seqaudit.models.checkpoint import load_model
from seqaudit.probes.knockout import evaluate, probe_interactions

job = start_job(snakemake)
design = job.params.model
model, record = load_model(Path(job.input.model).parent, external=job.params.external)
sequences = read_table(job.input.sequences, "sequences")
interactions = probe_interactions(
    model,
    *(read_table(job.input[name], "knockouts") for name in ("pairs", "random_location", "shuffled")),
    sequences,
    model_id=design["model_id"],
    transform=job.params.transform,
)
write_table(interactions, job.output.pairs, "interaction_pairs", provenance=job.provenance)
evaluation = evaluate(model, sequences, transform=job.params.transform)
training = {key: record[key] for key in ("epochs", "best_epoch", "seconds")}
row = pd.DataFrame([{**design, **training, **evaluation._asdict()}])
write_table(row, job.output.evaluation, "evaluations", provenance=job.provenance)

"""Bring in one network that was trained elsewhere (rule import_model)."""

from pathlib import Path

from seqaudit.data.tables import read_table, read_tables, write_table
from seqaudit.job import start_job
from seqaudit.models.checkpoint import save_model
from seqaudit.models.external import open_external

job = start_job(snakemake)
sequences = read_table(job.input.sequences, "sequences", columns=["sequence"])
model = open_external(
    job.input.weights,
    length=len(sequences["sequence"].iloc[0]),
    transform=job.params.transform,
    **job.params.external,
    **job.params.interface,
)
# nothing was trained here: no history, no epochs, no time
history = read_tables([], "training_history", optional=True)
write_table(history, job.output.history, "training_history", provenance=job.provenance)
record = {"epochs": 0, "best_epoch": 0, "seconds": 0.0}
save_model(Path(job.output.model).parent, model, {**job.params.model, **record})

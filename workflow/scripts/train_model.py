"""Train one network (rule train_model)."""

from pathlib import Path

from seqaudit.data.tables import read_table, write_table
from seqaudit.job import start_job
from seqaudit.models.checkpoint import save_model
from seqaudit.training.progress import remove_progress
from seqaudit.training.train import train_model

job = start_job(snakemake)
design = job.params.model
result = train_model(
    read_table(job.input.sequences, "sequences", columns=["split", "sequence", "target"]),
    architecture=job.params.architecture,
    padding=design["padding"],
    transform=job.params.transform,
    l1=design["l1"],
    seed=design["seed"],
    threads=job.threads,
    checkpoint=job.params.checkpoint,
    **job.params.training,
)
history = result.history.assign(model_id=design["model_id"])
write_table(history, job.output.history, "training_history", provenance=job.provenance)
save_model(Path(job.output.model).parent, result.model, {**design, **result.record})
remove_progress(job.params.checkpoint)

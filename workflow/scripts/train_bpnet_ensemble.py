"""Train the read-profile networks of one ensemble (rule train_bpnet_ensemble)."""

from pathlib import Path

from seqaudit.data.tables import read_table, write_table
from seqaudit.job import start_job
from seqaudit.models.ensembles import save_ensemble
from seqaudit.training.bpnet_ensemble import train_bpnet_ensemble
from seqaudit.training.ensemble import remove_ensemble_progress

job = start_job(snakemake)
outputs = job.params.outputs
result = train_bpnet_ensemble(
    read_table(job.input.sequences, "causal_sequences"),
    read_table(job.input.targets, "causal_targets"),
    read_table(job.input.profiles, "causal_profiles"),
    outputs=outputs,
    seed=job.params.seed,
    threads=job.threads,
    checkpoint=job.params.checkpoint,
    **job.params.settings,
)
folder = Path(job.output.folder)
save_ensemble(folder, result.models, outputs=outputs, record=result.record)
history = result.history.assign(ensemble=job.params.ensemble)
write_table(history, folder / "history.parquet", "ensemble_history", provenance=job.provenance)
remove_ensemble_progress(job.params.checkpoint)

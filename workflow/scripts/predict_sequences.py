"""Predictions of an ensemble for held-out sequences, beside what was measured (rule predict_sequences)."""

from seqaudit.data.tables import read_table, write_table
from seqaudit.job import start_job
from seqaudit.models.ensembles import load_ensemble, predict_ensemble

job = start_job(snakemake)
sequences = read_table(job.input.sequences, "causal_sequences")
targets = read_table(job.input.targets, "causal_targets")
models, outputs, _ = load_ensemble(job.input.ensemble)
predictions = predict_ensemble(models, sequences, targets, outputs=outputs, transform=job.params.transform)
write_table(predictions, job.output.predictions, "ensemble_predictions", provenance=job.provenance)

"""Ask the additive twins of a dataset about every motif pair and sequence (rule probe_twins)."""

from seqaudit.data.tables import read_table, write_table
from seqaudit.job import start_job
from seqaudit.models.twin_sets import load_twins
from seqaudit.probes.twins import predict_twins, probe_twins

job = start_job(snakemake)
dataset = job.wildcards.dataset
twins = load_twins(job.input.twins)
sequences = read_table(job.input.sequences, "sequences")
knockouts = (read_table(job.input[name], "knockouts") for name in ("pairs", "random_location", "shuffled"))
pairs = probe_twins(twins, *knockouts, sequences, dataset=dataset)
write_table(pairs, job.output.pairs, "interaction_pairs", provenance=job.provenance)
predictions = predict_twins(twins, sequences, dataset=dataset)
write_table(predictions, job.output.predictions, "twin_predictions", provenance=job.provenance)

"""Simulate one round of a DeepMR study: sequences and reads of two factors (rule simulate_tf_cascade)."""

from seqaudit.data.motif_files import read_motifs
from seqaudit.data.tables import write_table
from seqaudit.job import start_job
from seqaudit.simulate.tf_cascade import simulate_tf_cascade

job = start_job(snakemake)
motifs = read_motifs(job.input.motifs, job.params.motifs)
world = simulate_tf_cascade(*motifs, **job.params.world, **job.params.settings)
write_table(world.sequences, job.output.sequences, "causal_sequences", provenance=job.provenance)
write_table(world.targets, job.output.targets, "causal_targets", provenance=job.provenance)
write_table(world.parameters, job.output.parameters, "cascade_rounds", provenance=job.provenance)

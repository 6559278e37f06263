"""Simulate sequences with two motifs and their counts (rule simulate_motif_pairs)."""

from seqaudit.data.motif_files import read_motifs
from seqaudit.data.tables import write_table
from seqaudit.job import start_job
from seqaudit.simulate.motif_pairs import simulate_motif_pairs

job = start_job(snakemake)
# under their ids, not their short names: embeddings are recorded as in the published files
motif_a, motif_b = read_motifs(job.input.motifs, list(job.params.motifs))
sequences = simulate_motif_pairs(motif_a, motif_b, **job.params.settings)
write_table(sequences, job.output.sequences, "sequences", provenance=job.provenance)

"""Simulate sequences with two motifs and their counts (rule simulate_motif_pairs)."""

from seqaudit.data.motif_files import read_motifs
from seqaudit.data.tables import write_table
from seqaudit.job import start_job
from seqaudit.simulate.motif_pairs import simulate_motif_pairs

job = start_job(snakemake)
motif_a, motif_b = read_motifs(job.input.motifs, job.params.motifs)
sequences = simulate_motif_pairs(motif_a, motif_b, **job.params.settings)
write_table(sequences, job.output.sequences, "sequences", provenance=job.provenance)

"""Occupancies of motifs and decoys as features of sequences (rule score_motifs)."""

from seqaudit.data.features import to_points
from seqaudit.data.motif_features import score_motifs
from seqaudit.data.motif_files import read_motifs
from seqaudit.data.tables import read_table, write_table
from seqaudit.job import start_job

job = start_job(snakemake)
sequences = read_table(job.input.sequences, "sequences")
motifs = read_motifs(job.input.motifs, job.params.motifs)
table = score_motifs(sequences, motifs, **job.params.settings)
write_table(to_points(table), job.output.points, "hessian_points", provenance=job.provenance)

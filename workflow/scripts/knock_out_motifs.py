"""Choose pairs of motif sites and switch them off, with two null sets (rule knock_out_motifs)."""

from seqaudit.data.knockouts import knock_out_motifs
from seqaudit.data.motif_files import read_motifs
from seqaudit.data.tables import read_table, write_table
from seqaudit.job import start_job
from seqaudit.simulate.motif_pairs import count_law

job = start_job(snakemake)
sequences = read_table(job.input.sequences, "sequences")
motifs = read_motifs(job.input.motifs, job.params.motifs)
training = sequences.loc[sequences["split"] != "test", "sequence"]
truth = job.params.truth and count_law(*motifs, **job.params.truth, training_sequences=training)
tables = knock_out_motifs(
    sequences,
    motifs,
    job.params.motif_pairs,
    expected=truth and truth.expected_counts,
    **job.params.settings,
)
provenance = {**job.provenance, **(truth.described() if truth else {})}
for name, table in tables._asdict().items():
    write_table(table, job.output[name], "knockouts", provenance=provenance)

"""True attribution maps of simulated sequences (rule compute_true_maps)."""

from seqaudit.data.motif_files import read_motifs
from seqaudit.data.tables import read_table, write_table
from seqaudit.job import start_job
from seqaudit.simulate.attribution_truth import truth_tables
from seqaudit.simulate.motif_pairs import count_law

job = start_job(snakemake)
sequences = read_table(job.input.sequences, "sequences")
motifs = read_motifs(job.input.motifs, job.params.motifs)
training = sequences.loc[sequences["split"] != "test", "sequence"]
law = count_law(*motifs, **job.params.truth, training_sequences=training)
chosen = read_table(job.input.chosen, "sequences")
maps, sites = truth_tables(law, chosen, motifs, transform=job.params.transform)
write_table(maps, job.output.maps, "attribution_maps", provenance=job.provenance)
write_table(sites, job.output.sites, "true_sites", provenance=job.provenance)

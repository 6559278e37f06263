"""What every mutation really does to the targets of a simulated world (rule compute_true_effects)."""

from seqaudit.data.causal import choose_loci
from seqaudit.data.motif_files import read_motifs
from seqaudit.data.tables import read_table, write_table
from seqaudit.job import start_job
from seqaudit.simulate.cascade_effects import true_effects

job = start_job(snakemake)
motifs = read_motifs(job.input.motifs, job.params.motifs)
loci = choose_loci(read_table(job.input.sequences, "causal_sequences"), **job.params.loci)
parameters = read_table(job.input.parameters, "cascade_rounds")
effects = true_effects(loci, parameters, *motifs, **job.params.settings)
write_table(effects, job.output.effects, "true_effects", provenance=job.provenance)

"""What mutations, and factors themselves, really do in a world of factors (rule compute_factor_effects)."""

from seqaudit.data.causal import choose_loci
from seqaudit.data.motif_files import read_motifs
from seqaudit.data.tables import read_table, write_table
from seqaudit.job import start_job
from seqaudit.simulate.factor_grammar import factor_grammar
from seqaudit.simulate.factor_truth import direct_effects, true_effects

job = start_job(snakemake)
motifs = {motif.name: motif for motif in read_motifs(job.input.motifs, job.params.motifs)}
grammar = factor_grammar(motifs, **job.params.grammar)
loci = choose_loci(read_table(job.input.sequences, "causal_sequences"), **job.params.loci)
effects = true_effects(grammar, loci, transform=job.params.transform)
write_table(effects, job.output.effects, "true_effects", provenance=job.provenance)
direct = direct_effects(grammar, loci, transform=job.params.transform)
write_table(direct, job.output.direct, "direct_effects", provenance=job.provenance)

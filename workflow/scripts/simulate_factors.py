"""Simulate one round of a world of factors that help each other to bind (rule simulate_factors)."""

from seqaudit.data.motif_files import read_motifs
from seqaudit.data.tables import write_table
from seqaudit.job import start_job
from seqaudit.simulate.factor_grammar import factor_grammar
from seqaudit.simulate.factor_profiles import ReadShape
from seqaudit.simulate.factor_sequences import Composite, simulate_factors

job = start_job(snakemake)
motifs = {motif.name: motif for motif in read_motifs(job.input.motifs, job.params.motifs)}
grammar = factor_grammar(motifs, **job.params.grammar)
world = simulate_factors(
    grammar,
    composites=[Composite(**described) for described in job.params.composites],
    read_shape=ReadShape(),
    seed=job.params.seed,
    **job.params.settings,
)
write_table(world.sequences, job.output.sequences, "causal_sequences", provenance=job.provenance)
write_table(world.targets, job.output.targets, "causal_targets", provenance=job.provenance)
write_table(world.profiles, job.output.profiles, "causal_profiles", provenance=job.provenance)

"""Ask an ensemble about all mutants of held-out sequences (rule mutate_sequences)."""

from seqaudit.data.causal import choose_loci
from seqaudit.data.tables import read_table, write_table
from seqaudit.job import start_job
from seqaudit.models.ensembles import load_ensemble
from seqaudit.probes.locus_effects import mutate_loci, remove_chunks

job = start_job(snakemake)
sequences = read_table(job.input.sequences, "causal_sequences")
models, outputs, _ = load_ensemble(job.input.ensemble)
effects = mutate_loci(
    models,
    choose_loci(sequences, **job.params.loci),
    outputs=outputs,
    store=job.params.chunks,
    batch_norm=job.params.batch_norm,
)
write_table(effects, job.output.effects, "mutation_effects", provenance=job.provenance)
remove_chunks(job.params.chunks)

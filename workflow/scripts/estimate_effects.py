"""Causal effects of one ensemble, per locus and over loci (rule estimate_effects)."""

from seqaudit.data.tables import read_table, write_table
from seqaudit.inference.deepmr import analyse_ensemble, labelled_mutants
from seqaudit.inference.deepmr.spacing import spacing_table
from seqaudit.inference.published_recalibration import published_effects
from seqaudit.job import start_job

job = start_job(snakemake)
sequences = read_table(job.input.sequences, "causal_sequences")
predictions = read_table(job.input.predictions, "ensemble_predictions")
effects = read_table(job.input.effects, "mutation_effects")
if job.params.recalibration == "published":
    effects = published_effects(effects, predictions)
result = analyse_ensemble(
    effects,
    sequences,
    read_table(job.input.true_effects, "true_effects") if job.input.true_effects else None,
    labelled_mutants(predictions, sequences),
    pairs=job.params.pairs,
    design=job.params.design,
    **job.params.settings,
)
write_table(result.instruments, job.output.instruments, "instruments", provenance=job.provenance)
write_table(result.local, job.output.local, "deepmr_local", provenance=job.provenance)
write_table(result.overall, job.output.overall, "deepmr_global", provenance=job.provenance)
spacing = spacing_table(result.local, sequences, edges=[0, *job.params.spacing_bins])
write_table(spacing, job.output.spacing, "deepmr_spacing", provenance=job.provenance)

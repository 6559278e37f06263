"""Fit the additive twins of a dataset (rule fit_twins)."""

from seqaudit.data.tables import read_table, write_table
from seqaudit.job import start_job
from seqaudit.models.twin_sets import save_twins
from seqaudit.training.additive import fit_twins
from seqaudit.training.twin_window import widest_window

job = start_job(snakemake)
knockouts = [read_table(job.input[name], "knockouts") for name in ("pairs", "random_location", "shuffled")]
population = fit_twins(
    read_table(job.input.sequences, "sequences"),
    width=widest_window(*knockouts, at_most=job.params.max_width),
    transform=job.params.transform,
    threads=job.threads,
    **job.params.settings,
)
save_twins(job.output.twins, population.twins, population.record)
candidates = population.candidates.assign(dataset=job.wildcards.dataset)
write_table(candidates, job.output.candidates, "twin_candidates", provenance=job.provenance)

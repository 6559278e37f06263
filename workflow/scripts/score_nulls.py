"""Scores of networks that were fitted to null data, on the points of the data (rule score_nulls)."""

from seqaudit.data.features import from_points
from seqaudit.data.tables import read_table, write_table
from seqaudit.inference.hessian_groupings import read_labels
from seqaudit.inference.hessian_refits import score_draws
from seqaudit.job import start_job
from seqaudit.models.posterior_files import load_posteriors
from seqaudit.probes.network_interactions import group_interactions

job = start_job(snakemake)
table = from_points(read_table(job.input.points, "hessian_points"))
rows, labels = read_labels(read_table(job.input.groupings, "hessian_groupings"))
x, posteriors = table.x[rows], load_posteriors(job.input.networks)
# one after the other: samples of all networks at once would not fit into memory
found = (
    group_interactions(posterior.sample(**job.params.samples), x, labels, **job.params.interaction)
    for posterior in posteriors
)
draws, named = list(job.params.draws), {"identity": job.params.identity, "null": job.params.null}
scores = score_draws(found, table.features, draws=draws, **named)
write_table(scores, job.output.nulls, "hessian_nulls", provenance=job.provenance)

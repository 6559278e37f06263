"""Scores of networks that were fitted to null data, on the points of the data (rule score_nulls)."""

from seqaudit.data.features import from_points
from seqaudit.data.tables import read_table, write_table
from seqaudit.inference.hessian_groupings import read_labels
from seqaudit.inference.hessian_refits import score_draws
from seqaudit.job import start_job
from seqaudit.models.posterior_files import load_posteriors
from seqaudit.probes.hessian import group_hessians

job = start_job(snakemake)
table = from_points(read_table(job.input.points, "hessian_points"))
rows, labels = read_labels(read_table(job.input.groupings, "hessian_groupings"))
posteriors = load_posteriors(job.input.networks)
# one after the other: Hessians of all networks at once would not fit into memory
hessians = (
    group_hessians(posterior.sample(**job.params.samples), table.x[rows], [labels], device=job.params.device)[
        0
    ]
    for posterior in posteriors
)
draws, named = list(job.params.draws), {"identity": job.params.identity, "null": job.params.null}
scores = score_draws(hessians, table.features, draws=draws, **named)
write_table(scores, job.output.nulls, "hessian_nulls", provenance=job.provenance)

"""Rank the same pairs by other methods (rule rank_pairs)."""

from functools import partial

from seqaudit.data.features import from_points
from seqaudit.data.tables import read_table, write_table
from seqaudit.inference.hessian_groupings import choose_points
from seqaudit.inference.method_comparison import compare_methods
from seqaudit.job import start_job
from seqaudit.models.posterior_files import load_posteriors
from seqaudit.probes.network_interactions import network_rankings
from seqaudit.simulate.tabular_worlds import true_forms
from seqaudit.training.bayesian_records import mean_prediction

job = start_job(snakemake)
table = from_points(read_table(job.input.points, "hessian_points"))
posterior = load_posteriors(job.input.networks)[0]
train = table.split == "train"
rows = choose_points(table.split, **job.params.points)
methods = compare_methods(
    table.x[train],
    table.y[train],
    table.features,
    methods=job.params.methods,
    pairs=read_table(job.input.pairs, "hessian_pairs"),
    identity=job.params.identity,
    predict=partial(mean_prediction, posterior),
    network_scores=network_rankings(posterior, table.x[rows], **job.params.reading),
    forms=true_forms(job.params.law),
    seed=job.params.seed,
)
write_table(methods, job.output.methods, "hessian_methods", provenance=job.provenance)

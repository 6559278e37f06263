"""Group Expected Hessian of one network: pairs, groups of points, dropped inputs (rule ask_hessian)."""

from seqaudit.data.features import from_points
from seqaudit.data.tables import read_table, write_table
from seqaudit.inference.group_hessian import add_truth, score_pairs
from seqaudit.inference.hessian_groupings import choose_points, group_points, grouping_table
from seqaudit.inference.signed_groups import group_table
from seqaudit.job import start_job
from seqaudit.models.posterior_files import load_posteriors
from seqaudit.probes.dropout import dropout_table
from seqaudit.probes.hessian import hessians
from seqaudit.probes.network_interactions import group_interactions
from seqaudit.simulate.tabular_worlds import add_group_truth, pair_truth

job = start_job(snakemake)
named = {"identity": job.params.identity}
table = from_points(read_table(job.input.points, "hessian_points"))
posterior = load_posteriors(job.input.networks)[0]
rows = choose_points(table.split, **job.params.points)
x, middle = table.x[rows], posterior.mean()
automatic = job.params.groups["groups"] == "auto"
scaled = (x - middle.scaling.shift) / middle.scaling.scale
means = hessians(middle, x, device=job.params.interaction["device"]).mean(axis=0) if automatic else None
grouping = group_points(x, table.features, scaled=scaled, hessians=means, **named, **job.params.groups)
samples = posterior.sample(**job.params.samples)
found = group_interactions(samples, x, grouping.labels, **job.params.interaction)
truth = pair_truth(table.features, x, grouping.labels, **job.params.truth)
pairs = score_pairs(found, table.features, spread=x.std(axis=0), **named)
groups = group_table(found, table.features, names=grouping.names, **named)
made = {
    "hessian_pairs": pairs if truth is None else add_truth(pairs, truth),
    "hessian_groups": add_group_truth(groups, x, grouping.labels, **job.params.truth),
    "hessian_group_counts": grouping.curve,
    "hessian_groupings": grouping_table(grouping, rows, **named),
    "hessian_dropout": dropout_table(posterior, table.features, **named),
}
for schema, one in made.items():
    write_table(one, job.output[schema.removeprefix("hessian_")], schema, provenance=job.provenance)

"""Group Expected Hessian of one network: pairs, groups of points, dropped inputs (rule ask_hessian)."""

from seqaudit.data.features import from_points
from seqaudit.data.tables import read_table, write_table
from seqaudit.inference.group_hessian import add_truth, score_pairs
from seqaudit.inference.hessian_groupings import choose_points, group_points, grouping_table
from seqaudit.inference.signed_groups import group_table
from seqaudit.job import start_job
from seqaudit.models.posterior_files import load_posteriors
from seqaudit.probes.dropout import dropout_table
from seqaudit.probes.hessian import group_hessians, hessians
from seqaudit.simulate.tabular_worlds import add_group_truth, pair_truth

job = start_job(snakemake)
named = {"identity": job.params.identity}
table = from_points(read_table(job.input.points, "hessian_points"))
posterior = load_posteriors(job.input.networks)[0]
rows = choose_points(table.split, **job.params.points)
x, middle = table.x[rows], posterior.mean()
automatic = job.params.groups["groups"] == "auto"
scaled = (x - middle.scaling.shift) / middle.scaling.scale
device = {"device": job.params.device}
means = hessians(middle, x, **device).mean(axis=0) if automatic else None
grouping = group_points(x, table.features, scaled=scaled, hessians=means, **named, **job.params.groups)
found = group_hessians(posterior.sample(**job.params.samples), x, [grouping.labels], **device)[0]
truth = pair_truth(table.features, x, grouping.labels, **job.params.truth)
pairs = score_pairs(found, table.features, spread=x.std(axis=0), **named)
groups = group_table(found, table.features, names=grouping.names, **named)
made = {
    "pairs": pairs if truth is None else add_truth(pairs, truth),
    "groups": add_group_truth(groups, x, grouping.labels, **job.params.truth),
    "group_counts": grouping.curve,
    "groupings": grouping_table(grouping, rows, **named),
    "dropout": dropout_table(posterior, table.features, **named),
}
for name, one in made.items():
    write_table(one, job.output[name], f"hessian_{name}", provenance=job.provenance)

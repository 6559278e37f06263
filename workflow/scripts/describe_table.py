"""True interactions of a study, or its target over the strongest pairs (rule describe_table)."""

from seqaudit.data.features import from_points
from seqaudit.data.tables import read_table, write_table
from seqaudit.inference.hessian_study import strongest_surfaces
from seqaudit.job import start_job
from seqaudit.simulate.tabular_truth import interaction_surfaces
from seqaudit.simulate.tabular_worlds import tabular_law

job = start_job(snakemake)
if job.params.law is None:
    table = from_points(read_table(job.input.points, "hessian_points"))
    pairs = read_table(job.input.pairs, "hessian_pairs")
    surfaces = strongest_surfaces(table, pairs, dataset=job.wildcards.study)
else:
    surfaces = interaction_surfaces(tabular_law(**job.params.law), dataset=job.wildcards.study)
write_table(surfaces, job.output.surfaces, "hessian_surfaces", provenance=job.provenance)

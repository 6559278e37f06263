"""Simulate points with a known law (rule simulate_table)."""

from seqaudit.data.features import to_points
from seqaudit.data.tables import write_table
from seqaudit.job import start_job
from seqaudit.simulate.tabular import simulate_tabular
from seqaudit.simulate.tabular_worlds import tabular_law

job = start_job(snakemake)
table = simulate_tabular(tabular_law(**job.params.law), **job.params.draw)
write_table(to_points(table), job.output.points, "hessian_points", provenance=job.provenance)

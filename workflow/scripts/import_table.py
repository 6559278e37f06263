"""Read a table of features and a target, a public one or one's own (rule import_table)."""

from pathlib import Path

from seqaudit.data.features import read_features, to_points
from seqaudit.data.tables import write_table
from seqaudit.data.uci import read_uci
from seqaudit.job import start_job
from seqaudit.simulate.tabular_worlds import injected_table

job = start_job(snakemake)
if job.params.public:
    table = read_uci(job.params.public, Path(job.input.file).parent, **job.params.split)
else:
    table = read_features(job.input.file, **job.params.columns, **job.params.split)
if job.params.injection:
    table = injected_table(table, **job.params.injection)
write_table(to_points(table), job.output.points, "hessian_points", provenance=job.provenance)

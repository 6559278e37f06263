"""Train Bayesian networks on a table, or on null data of the same points (rule fit_hessian)."""

from dataclasses import replace

from seqaudit.data.features import from_points
from seqaudit.data.tables import read_table, write_table
from seqaudit.inference.hessian_refits import OBSERVED, null_targets
from seqaudit.job import start_job
from seqaudit.models.posterior_files import save_posteriors
from seqaudit.training.bayesian import fit_posteriors
from seqaudit.training.bayesian_records import training_records
from seqaudit.training.bayesian_settings import PRESETS, settings_for

job = start_job(snakemake)
table = from_points(read_table(job.input.points, "hessian_points"))
draws = list(job.params.draws)
known, held_out = table.split != "test", table.split == "test"
x, train = table.x[known], table.split[known] == "train"
changes, fast = job.params.network, job.params.preset == "fast"
settings = (
    settings_for(int(train.sum()), **changes) if fast else replace(PRESETS[job.params.preset], **changes)
)
targets = null_targets(x, table.y[known], draws=draws, **job.params.targets)
fitted = fit_posteriors(
    x[train],
    targets[:, train],
    x[~train],
    targets[:, ~train],
    settings=settings,
    seed=job.params.seed,
    device=job.params.device,
    threads=job.threads,
)
save_posteriors([one.posterior for one in fitted], job.output.networks)
observed = job.params.targets["targets"] == OBSERVED
test = {"test_points": table.x[held_out], "test_target": table.y[held_out]} if observed else {}
named = {"identity": job.params.identity, "targets": job.params.targets["targets"], "draws": draws}
records = training_records(fitted, **named, **test)
write_table(records, job.output.records, "hessian_networks", provenance=job.provenance)

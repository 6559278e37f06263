"""Train Bayesian networks on a table, or on null data of the same points (rule fit_hessian)."""

from functools import partial

from seqaudit.data.features import from_points
from seqaudit.data.tables import read_table, write_table
from seqaudit.inference.hessian_loss_gate import held_out_losses
from seqaudit.inference.hessian_refits import OBSERVED, null_targets
from seqaudit.job import start_job
from seqaudit.models.posterior_files import save_posteriors
from seqaudit.training.bayesian import fit_posteriors
from seqaudit.training.bayesian_records import mean_prediction, training_records
from seqaudit.training.bayesian_settings import settings_for

job = start_job(snakemake)
table = from_points(read_table(job.input.points, "hessian_points"))
draws = list(job.params.draws)
known = table.split != "test"
x, train = table.x[known], table.split[known] == "train"
settings = settings_for(int(train.sum()), preset=job.params.preset, **job.params.network)
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
kind, predict = job.params.targets["targets"], partial(mean_prediction, fitted[0].posterior)
losses = held_out_losses(table, predict, family=job.params.targets["family"]) if kind == OBSERVED else None
named = {"identity": job.params.identity, "targets": kind, "draws": draws}
records = training_records(fitted, **named, held_out=losses)
write_table(records, job.output.records, "hessian_networks", provenance=job.provenance)

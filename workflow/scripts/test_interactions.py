"""Loss-based interaction tests of all models of a dataset (rule test_interactions)."""

from seqaudit.data.tables import read_table, read_tables, write_table
from seqaudit.inference.loss_tests import run_loss_tests, summarise_architectures
from seqaudit.inference.loss_verdicts import decide_verdicts
from seqaudit.job import start_job
from seqaudit.probes.knockout import oracle_interactions

job = start_job(snakemake)
settings = job.params.settings
judging = {key: settings[key] for key in ("alpha", "deciding_test")}
pairs = read_tables(job.input.pairs, "interaction_pairs")
truth = oracle_interactions(
    read_table(job.input.knockouts, "knockouts"),
    None,
    None,
    read_table(job.input.sequences, "sequences"),
    transform=job.params.transform,
)
models = run_loss_tests(pairs, read_tables(job.input.evaluations, "evaluations"), **settings)
tables = {
    "models": models,
    "architectures": summarise_architectures(models, alpha=settings["alpha"]),
    "verdicts": decide_verdicts(models, pairs, truth, **judging),
}
for name, table in tables.items():
    write_table(table, job.output[name], f"loss_{name}", provenance=job.provenance)

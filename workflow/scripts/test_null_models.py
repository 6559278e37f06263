"""Compare claimed interactions with those of networks retrained without any (rule test_null_models)."""

from seqaudit.data.tables import read_table, read_tables, write_table
from seqaudit.inference.null import claim_statistics, compare_with_null
from seqaudit.job import start_job

job = start_job(snakemake)
noise = {"noise": job.params.noise}
chosen = f"{job.wildcards.dataset}.twin"
twin = read_table(job.input.twins, "interaction_pairs").query("model_id == @chosen")
observed = claim_statistics(read_tables(job.input.pairs, "interaction_pairs"), twin, **noise)

null_pairs = read_tables(job.input.null_pairs, "interaction_pairs")
refitted = dict(tuple(read_table(job.input.null_twins, "interaction_pairs").groupby("model_id")))
# '<dataset>.<network>.null_7' has the targets of '<dataset>.twin.null_7'
designs = {name: name.rpartition(".")[0] for name in null_pairs["model_id"].unique()}
twins = {name: refitted[f"{chosen}.{name.rpartition('.')[2]}"] for name in designs}
null = claim_statistics(null_pairs, twins, **noise)

designs |= {name: name for name in observed["model_id"]}
write_table(null, job.output.statistics, "null_statistics", provenance=job.provenance)
write_table(
    compare_with_null(observed, null, designs), job.output.tests, "null_tests", provenance=job.provenance
)

"""Hold claimed interactions against additive twins (rule test_additive_twin)."""

from seqaudit.data.tables import read_table, read_tables, write_table
from seqaudit.inference.additive_twin import judge_twin
from seqaudit.inference.twin_summary import summarise_twin
from seqaudit.job import start_job

job = start_job(snakemake)
settings = job.params.settings
pairs = read_tables(job.input.pairs, "interaction_pairs")
# the chosen twin comes first
by_twin = read_table(job.input.twins, "interaction_pairs").groupby("model_id", sort=False)
twins = [of_twin for _, of_twin in by_twin]
judged = judge_twin(pairs, twins, **settings)
summary = summarise_twin(pairs, twins, job.params.architectures, dataset=job.wildcards.dataset, **settings)
write_table(judged, job.output.models, "twin_models", provenance=job.provenance)
write_table(summary, job.output.summary, "twin_summary", provenance=job.provenance)

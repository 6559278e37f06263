"""How often every test rejects when labels are drawn again from the truth (rule redraw_labels)."""

from seqaudit.data.tables import read_table, read_tables, write_table
from seqaudit.inference.twin_redraw import redraw_level
from seqaudit.job import start_job
from seqaudit.probes.knockout import oracle_interactions

job = start_job(snakemake)
knockouts = read_table(job.input.knockouts, "knockouts")
sequences = read_table(job.input.sequences, "sequences")
truth = oracle_interactions(knockouts, None, None, sequences, transform=job.params.transform)
# the chosen twin comes first
by_twin = read_table(job.input.twins, "interaction_pairs").groupby("model_id", sort=False)
redraws = redraw_level(
    read_tables(job.input.pairs, "interaction_pairs"),
    [of_twin for _, of_twin in by_twin],
    truth,
    **job.params.settings,
)
write_table(redraws, job.output.redraws, "twin_redraws", provenance=job.provenance)

"""Where interactions arise, by design and in strata of pairs (rule summarise_heads)."""

from seqaudit.data.tables import read_tables, write_table
from seqaudit.inference.head_strata import summarise_heads
from seqaudit.job import start_job

job = start_job(snakemake)
found = summarise_heads(read_tables(job.input.heads, "hessian_heads"))
write_table(found.designs, job.output.designs, "hessian_head_designs", provenance=job.provenance)
write_table(found.pairs, job.output.pairs, "hessian_pairs", provenance=job.provenance)
write_table(found.groups, job.output.groups, "hessian_groups", provenance=job.provenance)

"""Download a public table that is not at hand (rule download_table)."""

from seqaudit.data.download import download_uci
from seqaudit.job import start_job

job = start_job(snakemake)
download_uci(job.params.table, job.output.file)

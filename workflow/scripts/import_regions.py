"""Read regions of a genome and the reads of every factor in them (rule import_regions)."""

from seqaudit.data.genome import read_regions
from seqaudit.data.genome_signal import read_signal
from seqaudit.data.tables import write_table
from seqaudit.job import start_job

job = start_job(snakemake)
regions = read_regions(job.input.bed, job.input.genome, **job.params.windows)
signal = read_signal(job.params.signals, regions.places, missing=job.params.missing)
write_table(regions.sequences, job.output.sequences, "causal_sequences", provenance=job.provenance)
write_table(signal.targets, job.output.targets, "causal_targets", provenance=job.provenance)
write_table(signal.profiles, job.output.profiles, "causal_profiles", provenance=job.provenance)

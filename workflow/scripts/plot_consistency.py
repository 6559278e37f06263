"""Draw the figures of attribution consistency (rule plot_consistency)."""

from pathlib import Path

from seqaudit.figures.consistency_results import read_consistency_results
from seqaudit.figures.draw import draw_consistency_figures
from seqaudit.job import start_job

job = start_job(snakemake)
results = read_consistency_results(**dict(job.input.items()), **job.params.settings)
draw_consistency_figures(results, Path(job.output.captions).parent)

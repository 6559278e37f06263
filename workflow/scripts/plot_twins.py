"""Draw the figures of the additive twin (rule plot_twins)."""

from pathlib import Path

from seqaudit.figures.draw import draw_twin_figures
from seqaudit.figures.twin_results import read_twin_results
from seqaudit.job import start_job

job = start_job(snakemake)
results = read_twin_results(**dict(job.input.items()), **job.params.settings)
draw_twin_figures(results, Path(job.output.captions).parent)

"""Draw all figures of one dataset (rule plot_dataset)."""

from pathlib import Path

from seqaudit.figures.draw import draw_dataset_figures
from seqaudit.figures.results import read_results
from seqaudit.job import start_job

job = start_job(snakemake)
results = read_results(job.wildcards.dataset, **dict(job.input.items()), **job.params.settings)
draw_dataset_figures(results, Path(job.output.captions).parent)

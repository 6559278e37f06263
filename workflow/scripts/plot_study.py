"""Draw all figures of one DeepMR study (rule plot_study)."""

from pathlib import Path

from seqaudit.figures.deepmr_results import read_study_results
from seqaudit.figures.draw import draw_study_figures
from seqaudit.job import start_job

job = start_job(snakemake)
results = read_study_results(job.wildcards.study, **dict(job.input.items()), headline=job.params.headline)
draw_study_figures(results, Path(job.output.captions).parent)

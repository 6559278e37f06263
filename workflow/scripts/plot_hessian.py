"""Draw all figures of one Hessian study (rule plot_hessian)."""

from pathlib import Path

from seqaudit.figures.draw import draw_hessian_figures
from seqaudit.figures.hessian_results import read_hessian_results
from seqaudit.job import start_job

job = start_job(snakemake)
results = read_hessian_results(job.wildcards.study, **dict(job.input.items()), alpha=job.params.alpha)
draw_hessian_figures(results, Path(job.output.captions).parent)

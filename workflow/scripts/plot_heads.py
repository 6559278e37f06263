"""Draw where interactions arise (rule plot_heads)."""

from pathlib import Path

from seqaudit.figures.draw import draw_head_figures
from seqaudit.figures.hessian_heads import read_head_results
from seqaudit.job import start_job

job = start_job(snakemake)
results = read_head_results(**dict(job.input.items()))
draw_head_figures(results, Path(job.output.captions).parent)

"""Draw the figures that compare the datasets of a run (rule plot_run)."""

from pathlib import Path

from seqaudit.figures.draw import draw_run_figures
from seqaudit.figures.results import read_results
from seqaudit.job import start_job

job = start_job(snakemake)
results = [
    read_results(
        dataset,
        **{key.split(".")[1]: files for key, files in job.input.items() if key.split(".")[0] == dataset},
        **settings,
    )
    for dataset, settings in job.params.settings.items()
]
draw_run_figures(results, Path(job.output.captions).parent)

"""Draw what the models of a dataset look at (rule plot_explained)."""

from pathlib import Path

from seqaudit.data.tables import read_table
from seqaudit.figures.attributions import explained_sequences
from seqaudit.figures.draw import draw_explained_figures
from seqaudit.job import start_job

job = start_job(snakemake)
explained = explained_sequences(
    read_table(job.input.consistency, "consistency_models"),
    read_table(job.input.sequences, "sequences"),
    {Path(path).stem: path for path in job.input.maps},
    job.input.true_maps or None,
    motif_names=job.params.motif_names,
)
draw_explained_figures(explained, Path(job.output.captions).parent)

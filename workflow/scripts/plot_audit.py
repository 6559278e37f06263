"""Draw the figures about all models and all lines of evidence (rule plot_audit)."""

from pathlib import Path

from seqaudit.data.tables import read_table
from seqaudit.figures.audit import AuditResults
from seqaudit.figures.draw import draw_audit_figures
from seqaudit.job import start_job

job = start_job(snakemake)
schemas = {"models": "loss_models", "consistency": "consistency_models"}
results = AuditResults(**{name: read_table(path, schemas[name]) for name, path in job.input.items()})
draw_audit_figures(results, Path(job.output.captions).parent)

"""Put verdicts, tables and figures into one page (rule build_report)."""

from pathlib import Path

from seqaudit.data.tables import atomic_path, read_table
from seqaudit.figures.saved import read_figures
from seqaudit.job import start_job
from seqaudit.report.build import build_report

job = start_job(snakemake)
tables = {name: read_table(path, name) for name, path in job.input.items() if name != "figures"}
page = build_report(
    tables,
    [figure for path in job.input.figures for figure in read_figures(Path(path).parent)],
    title=job.params.title,
    run=job.params.run,
    config_summary=job.params.settings,
    provenance={key: job.provenance[key] for key in ("git_commit", "config_hash", "versions")},
    units=job.params.units,
    headline=job.params.headline,
)
with atomic_path(job.output.page) as unfinished:
    unfinished.write_text(page, encoding="utf-8")

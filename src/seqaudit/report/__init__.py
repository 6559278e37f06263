"""The report: one self-contained HTML page, chapters as data, one template."""

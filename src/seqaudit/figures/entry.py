"""What a figure is in the catalogue: plain data, known before a run."""

from typing import NamedTuple

DATASET, RUN, STUDY, POPULATION = "dataset", "run", "study", "population"
AUDIT, EXPLAINED, HESSIAN, TWINS, HEADS = "audit", "explained", "hessian", "twins", "heads"
"""Scopes of figures."""

OVERVIEW = "Overview"
"""Section that comes first in a chapter."""


class Entry(NamedTuple):
    """One figure.

    Attributes
    ----------
    name : str
        File name without suffix.
    scope : str
        ``dataset``: one per dataset; ``run``: one with all datasets side by side; ``study``: one
        per DeepMR study; ``population``: one about the models of all datasets; ``audit``: one over
        all lines of evidence; ``explained``: one per dataset whose models were explained;
        ``hessian``: one per study of Group Expected Hessians; ``twins``: one about the additive twins
        of all datasets; ``heads``: one about the dense heads of all networks.
    title : str
    category : str
        Audit question, the chapter of the report.
    section : str
        Heading within the chapter.
    draw : str
        ``module.function`` under ``seqaudit.figures``. It takes ``DatasetResults``, a list of
        them for figures of a whole run, ``StudyResults``, ``ConsistencyResults``,
        ``HessianResults``, ``TwinResults`` or ``HeadResults``, and returns ``Drawn``.
    tables : tuple of str
        Schemas it reads.
    reading : str
        How to read it, without numbers; Snakemake's own report shows this.
    """

    name: str
    scope: str
    title: str
    category: str
    section: str
    draw: str
    tables: tuple[str, ...]
    reading: str

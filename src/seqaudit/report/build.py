"""Put all chapters together into the report of a run."""

from collections.abc import Mapping, Sequence

import pandas as pd

from seqaudit import __version__
from seqaudit.figures.audit_entries import MODELS
from seqaudit.figures.catalogue import CAUSES, INTERACTIONS
from seqaudit.figures.consistency_entries import EXPLANATIONS
from seqaudit.figures.hessian_entries import UNCERTAINTY
from seqaudit.figures.saved import SavedFigure
from seqaudit.figures.twin_entries import ADDITIVE_TWIN
from seqaudit.report.audit import audit_summary
from seqaudit.report.consistency import consistency_chapter
from seqaudit.report.deepmr import deepmr_chapter
from seqaudit.report.galleries import anchor, figure_sections
from seqaudit.report.hessian import hessian_chapter
from seqaudit.report.loss import loss_chapter
from seqaudit.report.models import models_chapter
from seqaudit.report.page import Chapter, Page, Section, render_page
from seqaudit.report.twin import twin_chapter

CITATIONS = {
    INTERACTIONS: "Finkelstein A, Shrikumar A, Kundaje A. Look at the Loss: Towards Robust Detection of "
    "False Positive Feature Interactions Learned by Neural Networks on Genomic Data. 2020.",
    EXPLANATIONS: "Majdandzic A, Rajesh C, Tang Z, Toneyan S, Labelson EL, Tripathy R, Koo PK. Selecting "
    "deep neural networks that yield consistent attribution-based interpretations for genomics. "
    "PMLR 200:131-149. 2022.",
    UNCERTAINTY: "Cui T, Marttinen P, Kaski S. Learning Global Pairwise Interactions with Bayesian Neural "
    "Networks. ECAI 2020, 1087-1094.",
    CAUSES: "Malina S, Cizin D, Knowles DA. Deep Mendelian randomization: Investigating the causal knowledge "
    "of genomic deep learning models. PLoS Comput Biol 18(10):e1009880. 2022.",
}
"""What to cite for every chapter."""


def build_report(
    tables: Mapping[str, pd.DataFrame],
    figures: Sequence[SavedFigure],
    *,
    title: str,
    run: str,
    config_summary: Mapping,
    provenance: Mapping[str, str],
    units: Mapping[str, str] | None = None,
    headline: Mapping[str, str] | None = None,
) -> str:
    """The report of a run as one HTML page that needs neither network nor other files.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        By schema: ``audit``, the first page; ``loss_verdicts``, ``loss_models``,
        ``loss_architectures`` where interactions were tested, ``twin_summary`` and ``twin_power``
        where they were held against additive twins, ``consistency_models``,
        ``consistency_choices`` and ``consistency_answers`` where models were explained,
        ``hessian_pairs`` and what goes with it where features were asked about,
        ``deepmr_global`` and ``deepmr_scores`` where there are DeepMR studies.
    figures : sequence of SavedFigure
        See :func:`seqaudit.figures.saved.read_figures`; those of the run first.
    title, run : str
        Headline, and the name of the run.
    config_summary : mapping
        Settings, nested as in the config.
    provenance : mapping of str to str
        Versions, commit, hashes; an entry ``command`` is shown as the way to run it again.
    units : mapping of str to str, optional
        Unit of the target by dataset; ``reads`` for simulated data.
    headline : mapping of str to str, optional
        Method that speaks for a DeepMR recipe, as in ``StudyResults``.

    Returns
    -------
    str
        HTML. All names and texts in it are escaped.
    """
    chapters = {}
    units = units or {}
    if "loss_verdicts" in tables:
        units = {**dict.fromkeys(_simulated(tables["loss_verdicts"]), "reads"), **units}
        chapters[MODELS] = models_chapter(tables, figures)
        chapters[INTERACTIONS] = loss_chapter(tables, figures, units=units)
    if "twin_summary" in tables:
        chapters[ADDITIVE_TWIN] = twin_chapter(tables, figures)
    if "consistency_answers" in tables:
        chapters[EXPLANATIONS] = consistency_chapter(tables, figures)
    if "hessian_pairs" in tables:
        chapters[UNCERTAINTY] = hessian_chapter(tables, figures)
    if "deepmr_global" in tables:
        chapters[CAUSES] = deepmr_chapter(tables, figures, headline=headline)
    for name in dict.fromkeys(figure.category for figure in figures):
        chapters.setdefault(name, Chapter(anchor(name), name, "", figure_sections(figures, name)))
    page = Page(
        title=title,
        run=run,
        version=__version__,
        summary=audit_summary(tables["audit"], units=units),
        chapters=[
            *chapters.values(),
            _about(config_summary, provenance, [CITATIONS[name] for name in chapters if name in CITATIONS]),
        ],
    )
    return render_page(page)


def _about(config_summary: Mapping, provenance: Mapping[str, str], citations: list[str]) -> Chapter:
    facts = {key: str(value) for key, value in provenance.items() if key != "command"}
    return Chapter(
        "about",
        "About this run",
        "",
        [
            Section("settings", "Settings", facts=flat_settings(config_summary)),
            Section("provenance", "Versions and provenance", facts=facts),
            Section(
                "rerun",
                "Run it again",
                paragraphs=[
                    "Every table and figure comes from one command; only what changed is computed again. "
                    "The same settings and versions give the same tables."
                ],
                code=provenance.get("command", "snakemake --cores all --configfile <the config of this run>"),
            ),
            Section(
                "citation",
                "Please cite",
                points=[*citations, "seqaudit: see CITATION.cff in its repository."],
            ),
        ],
    )


def flat_settings(settings: Mapping, prefix: str = "") -> dict[str, str]:
    """Nested settings as ``a.b.c: value``; lists in one line."""
    flat: dict[str, str] = {}
    for key, value in settings.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            flat.update(flat_settings(value, f"{name}."))
        elif isinstance(value, list | tuple):
            flat[name] = ", ".join(_in_words(part) for part in value) or "none"
        else:
            flat[name] = _in_words(value)
    return flat


def _in_words(value) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {part}" for key, part in value.items()) or "default"
    if isinstance(value, list | tuple):
        return " × ".join(map(str, value))
    return "none" if value is None else str(value)


def _simulated(verdicts: pd.DataFrame) -> list[str]:
    return list(verdicts.loc[verdicts["control"].notna(), "dataset"].unique())

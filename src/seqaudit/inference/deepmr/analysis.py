"""DeepMR of one ensemble: from effects of mutations to instruments, local and global causal effects."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from seqaudit.data.schemas import SCHEMAS
from seqaudit.errors import SeqauditError
from seqaudit.inference.deepmr.effect_calibration import METHOD as CALIBRATED
from seqaudit.inference.deepmr.effect_calibration import LabelledMutants, calibrated_rows, slope_factor
from seqaudit.inference.deepmr.effects import EnsembleEffects, join_true_effects, pivot_effects
from seqaudit.inference.deepmr.instruments import Filters, Panel, halves, instrument_rows, make_panel, select
from seqaudit.inference.deepmr.local import Part, check_methods, local_rows
from seqaudit.inference.deepmr.loci import Sites, locate_sites
from seqaudit.inference.deepmr.multivariable import multivariable_rows
from seqaudit.inference.deepmr.overall import DESIGN, check_target, global_rows


class Analysis(NamedTuple):
    """Tables ``instruments``, ``deepmr_local`` and ``deepmr_global`` of one ensemble."""

    instruments: pd.DataFrame
    local: pd.DataFrame
    overall: pd.DataFrame


def analyse_ensemble(
    mutation_effects: pd.DataFrame | EnsembleEffects,
    sequences: pd.DataFrame | None,
    true_effects: pd.DataFrame | None = None,
    labelled: LabelledMutants | None = None,
    *,
    pairs: Sequence[tuple[str, str]],
    design: Mapping,
    motifs: Mapping[str, str] | None = None,
    instruments: Filters | Mapping | None = None,
    se_mode: str = "posterior_sd",
    methods: Iterable[str] = ("ivw", "egger", "raps"),
    moderated: bool = False,
    prior_df: float | None = None,
    target: str = "loci_of_study",
    multivariable: bool = False,
) -> Analysis:
    """Estimate causal effects between outputs of an ensemble, at every locus and over all of them.

    Parameters
    ----------
    mutation_effects : pandas.DataFrame or EnsembleEffects
        Table ``mutation_effects`` of the ensemble, rows in any order, or what
        :func:`pivot_effects` made of it.
    sequences : pandas.DataFrame or None
        ``sequence_id`` and ``embeddings`` of table ``causal_sequences``: sites of the motifs.
        Null embeddings (or no table) make a locus' class unknown.
    true_effects : pandas.DataFrame, optional
        Table ``true_effects``.
    labelled : LabelledMutants, optional
        Held-out mutants with measured targets; with them there is a method ``calibrated_slope``,
        member_slope with effects of the measured size.
    pairs : sequence of (exposure, outcome)
        Outputs.
    design : mapping
        ``ensemble``, ``study``, ``scenario``, ``round`` and ``recipe``: the first columns of the
        tables.
    motifs : mapping of str to str, optional
        Motif name in ``embeddings`` for outputs that are not called like their motif.
    instruments : Filters or mapping, optional
        Settings of :class:`Filters`.
    se_mode : {"posterior_sd", "ensemble_mean"}
        What a standard error of an effect, and of member_slope, is about: the truth, or the
        answer of infinitely many networks. See :func:`make_panel`.
    methods : iterable of str
        Names of ``seqaudit.inference.mr.methods`` beside member_slope and the published ones,
        which are always computed.
    moderated : bool
        Whether local variances of member_slope are shrunk among loci of one class (limma's
        empirical Bayes), with ``prior_df`` degrees of freedom if given.
    target : {"loci_of_study", "population_of_loci"}
        Whose mean effect member_slope/mean estimates.
    multivariable : bool
        Whether to add mv_slope and mv_ivw, for outcomes with two or more exposures in ``pairs``.

    Returns
    -------
    Analysis
        Rows by pair in the order given, then by method and class, or by locus id and position.

    Raises
    ------
    SeqauditError
        Malformed tables, an output that is not predicted, a single member, unknown settings,
        cross-fitting with fewer than four members, or ``region="motif"`` where no site is known.
        A locus or class that cannot be estimated keeps its rows, with a ``status``.
    """
    filters, names = Filters.of(instruments), check_methods(methods)
    check_target(target)
    _check_design(design)
    effects = mutation_effects
    if not isinstance(effects, EnsembleEffects):
        effects = pivot_effects(effects)
    pairs = _check_pairs(pairs, effects)
    sites = locate_sites(sequences, effects, motifs)
    if filters.region == "motif" and not sites.known.any():
        raise SeqauditError(
            "deepmr: instruments are to lie in sites of the exposure (region: motif), but no sequence has "
            "known sites (embeddings are null). Give the sites or take region 'peak' or 'anywhere'."
        )
    truth = join_true_effects(true_effects, effects)
    panels = _panels(effects, filters, se_mode)
    parts = {
        exposure: _parts(panels, filters, sites, exposure) for exposure in dict.fromkeys(p[0] for p in pairs)
    }
    options = {
        "region": filters.region,
        "min_instruments": filters.min_instruments,
        "se_mode": se_mode,
        "moderated": moderated,
        "prior_df": prior_df,
    }
    tables = []
    for exposure, outcome in pairs:
        of_exposure = parts[exposure]
        pair = {"exposure": exposure, "outcome": outcome}
        selected = np.any([part.selected for part in of_exposure], axis=0)
        rows = instrument_rows(panels[0], sites, selected, truth, **pair)
        local, slopes = local_rows(of_exposure, sites, truth, **pair, methods=names, **options)
        members = {"member_slope": slopes}
        factor = None
        if labelled is not None:
            motif = sites.motifs.get(exposure, exposure)
            factor = slope_factor(labelled, exposure=exposure, outcome=outcome, motif=motif)
            calibrated = calibrated_rows(local[local["method"] == "member_slope"], factor)
            local = pd.concat([calibrated, local], ignore_index=True)
            members[CALIBRATED] = slopes * factor.ratio
        others = [x for x, y in pairs if y == outcome and x != exposure]
        if multivariable and others:
            more, mv_slopes = multivariable_rows(
                parts, sites, truth, exposure=exposure, outcome=outcome, others=others, **options
            )
            local = pd.concat([local, more], ignore_index=True)
            members["mv_slope"] = mv_slopes
        tables.append(
            (rows, local, global_rows(local, members, se_mode=se_mode, target=target, factor=factor))
        )
    return Analysis(
        *(
            _complete(pd.concat(parts, ignore_index=True), design, schema)
            for parts, schema in zip(zip(*tables), ("instruments", "deepmr_local", "deepmr_global"))
        )
    )


def _panels(effects: EnsembleEffects, filters: Filters, se_mode: str) -> list[Panel]:
    """The whole ensemble, and its two halves if they are needed."""
    several = halves(effects) if filters.cross_fit else ()
    return [make_panel(members, se_mode) for members in (effects, *several)]


def _parts(panels: list[Panel], filters: Filters, sites: Sites, exposure: str) -> list[Part]:
    members = np.arange(len(panels[0].effects.values))
    selected = [select(panel, filters, sites, exposure) for panel in panels]
    if len(panels) == 1:
        return [Part(panels[0], members, selected[0])]
    return [Part(panels[1], members[::2], selected[2]), Part(panels[2], members[1::2], selected[1])]


def _check_pairs(pairs: Sequence[tuple[str, str]], effects: EnsembleEffects) -> list[tuple[str, str]]:
    pairs = [tuple(pair) for pair in pairs]
    for exposure, outcome in pairs:
        effects.index_of(exposure, "exposure")
        effects.index_of(outcome, "outcome")
        if exposure == outcome:
            raise SeqauditError(
                f"pairs: '{exposure}' is exposure and outcome, expected two different outputs."
            )
    if not pairs or len(set(pairs)) < len(pairs):
        raise SeqauditError(f"pairs: got {pairs}, expected one or more different (exposure, outcome).")
    return pairs


def _check_design(design: Mapping) -> None:
    if set(design) != set(DESIGN):
        raise SeqauditError(f"design: got {', '.join(design) or 'nothing'}, expected {', '.join(DESIGN)}.")


def _complete(table: pd.DataFrame, design: Mapping, schema: str) -> pd.DataFrame:
    """Add what the table says of the ensemble, and bring the columns into the declared order."""
    columns = [column.name for column in SCHEMAS[schema].columns]
    return table.assign(**{name: design[name] for name in DESIGN if name in columns})[columns]

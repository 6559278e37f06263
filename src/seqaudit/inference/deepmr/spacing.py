"""Does the causal effect depend on how far apart the two motifs are?"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from seqaudit.data.schemas import SCHEMAS
from seqaudit.data.sites import listed_sites
from seqaudit.errors import SeqauditError
from seqaudit.inference.meta import STATUS, random_effects

SPACINGS = (0, 35, 70, 150, 1000)
"""Edges of the bins of Malina et al. 2022 (bp)."""

INTERVALS = {"reml_hk": "hartung_knapp", "reml": "normal"}
_GROUP = ["ensemble", "study", "scenario", "round", "recipe", "exposure", "outcome", "method"]
_COLUMNS = [column.name for column in SCHEMAS["deepmr_spacing"].columns]


def spacing_table(
    local: pd.DataFrame,
    sequences: pd.DataFrame,
    *,
    edges: Sequence[float] = SPACINGS,
    pooling: str = "reml_hk",
    motifs: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Pool local causal effects by the gap between the nearest sites of exposure and outcome.

    Parameters
    ----------
    local : pandas.DataFrame
        Table ``deepmr_local``; any number of ensembles that mutated ``sequences``.
    sequences : pandas.DataFrame
        ``sequence_id`` and ``embeddings`` of table ``causal_sequences``.
    edges : sequence of float
        Edges of the bins (bp), rising; a bin holds its upper edge, the first also its lower
        one. Wider gaps get a bin of their own, if there are any.
    pooling : {"reml_hk", "reml"}
        Interval of Hartung and Knapp, or the published normal one. Both take loci as
        independent: what all of them owe to the same networks is not in the interval.
    motifs : mapping of str to str, optional
        Motif in the embeddings of outputs that are not called like their motif.

    Returns
    -------
    pandas.DataFrame
        Table ``deepmr_spacing``: every bin of every pair and method, also where it is empty. A
        locus without sites of both is in no bin.

    Raises
    ------
    SeqauditError
        Edges that do not rise, an unknown pooling, or a locus that is not in ``sequences``.

    Notes
    -----
    Malina et al. (2022, Fig. S1) took the last site in the sequence, not the nearest.
    """
    edges = np.asarray(edges, dtype=np.float64)
    if edges.size < 2 or not (np.diff(edges) > 0).all() or edges[0] < 0:
        raise SeqauditError(
            f"edges: got {edges.tolist()}, expected at least two rising distances from 0 (bp)."
        )
    if pooling not in INTERVALS:
        raise SeqauditError(f"pooling: got '{pooling}', expected one of {', '.join(INTERVALS)}.")
    unknown = set(local["locus_id"]) - set(sequences["sequence_id"])
    if unknown:
        raise SeqauditError(
            f"causal_sequences: no sequence '{min(unknown)}' ({len(unknown)} of the loci of deepmr_local are "
            "missing). Give the table that the mutated sequences came from."
        )
    rows = []
    for (exposure, outcome), pair in local.groupby(["exposure", "outcome"], sort=False):
        gaps = site_gaps(sequences, exposure, outcome, motifs=motifs)
        gap = pair["locus_id"].map(gaps)
        bounds = np.append(edges, np.inf) if (gap > edges[-1]).any() else edges
        bins = pd.cut(gap, bounds, labels=False, include_lowest=True)
        for key, group in pair.groupby(_GROUP, sort=False):
            for number, (above, up_to) in enumerate(pairwise(bounds)):
                rows.append(
                    {
                        **dict(zip(_GROUP, key)),
                        "method": f"{key[-1]}/{pooling}",
                        "spacing": f"> {above:g}" if np.isinf(up_to) else f"{above:g} to {up_to:g}",
                        "gap_above": above,
                        "gap_up_to": up_to,
                        **_pool(group[bins.loc[group.index] == number], INTERVALS[pooling]),
                    }
                )
    return pd.DataFrame(rows, columns=_COLUMNS)


def site_gaps(
    sequences: pd.DataFrame, exposure: str, outcome: str, *, motifs: Mapping[str, str] | None = None
) -> pd.Series:
    """Gap between the nearest sites of two motifs, from edge to edge.

    Parameters
    ----------
    sequences : pandas.DataFrame
        ``sequence_id`` and ``embeddings`` of table ``causal_sequences``.
    exposure, outcome : str
    motifs : mapping of str to str, optional
        As in :func:`spacing_table`.

    Returns
    -------
    pandas.Series, float64
        In bp, by sequence id; 0 where sites overlap. Sequences without both sites are left out.
    """
    sites = listed_sites(sequences["embeddings"].tolist())
    first, second = (
        sites[sites["motif"] == (motifs or {}).get(name, name)].drop(columns="motif")
        for name in (exposure, outcome)
    )
    both = first.merge(second, on="row", suffixes=("", "_other"))
    between = np.maximum(both["start"], both["start_other"]) - np.minimum(both["end"], both["end_other"])
    nearest = between.clip(lower=0).groupby(both["row"]).min().astype(np.float64)
    return nearest.set_axis(sequences["sequence_id"].to_numpy()[nearest.index])


def _pool(rows: pd.DataFrame, ci: str) -> dict:
    estimated = rows.dropna(subset=["b", "se"])
    k = len(estimated)
    result = dict.fromkeys(("b", "se", "ci_low", "ci_high", "pval", "df", "tau", "truth"), np.nan) | {"k": k}
    if k == 0:
        return result | {"status": "no locus of this spacing has a local estimate"}
    pooled = random_effects(estimated["b"].to_numpy(), estimated["se"].to_numpy(), ci=ci)
    result |= {name: float(getattr(pooled, name)) for name in ("b", "se", "ci_low", "ci_high", "pval")}
    result["tau"] = float(np.sqrt(pooled.tau2))
    if ci == "hartung_knapp" and k > 1:
        result["df"] = float(k - 1)
    if estimated["truth"].notna().all():
        result["truth"] = float(estimated["truth"].mean())
    status = str(pooled.status)
    return result | {"status": status if status == "ok" else STATUS[status]}

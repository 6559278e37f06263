"""A parametric-bootstrap null: what do networks claim that were trained on data without any interaction?

Targets are drawn from an additive twin, networks of the same design are trained on them, and their claims are
compared with those of the network in question (Friedman & Popescu 2008, section 8.3). Unlike tests on fixed
networks, this null includes what training does.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from seqaudit.data.schemas import SCHEMAS
from seqaudit.errors import SeqauditError
from seqaudit.inference.twin_claims import Claims, read_claims, twin_parts
from seqaudit.inference.twin_regression import confirmed_share, prepare, sum_groups

STATISTICS = ("mean_abs_interaction", "mean_interaction", "mean_loss_improvement", "beta")
"""What is compared; a mean interaction by its size, because antagonism counts as well."""

_COLUMNS = [column.name for column in SCHEMAS["null_tests"].columns]


def claim_statistics(
    pairs: pd.DataFrame, twin: pd.DataFrame | Mapping[str, pd.DataFrame], *, noise: str = "poisson"
) -> pd.DataFrame:
    """Size and use of every model's claimed interaction, one number each.

    Parameters
    ----------
    pairs : pandas.DataFrame
        Table ``interaction_pairs``. Models may have different labels: null models bring their own.
    twin : pandas.DataFrame or mapping
        Table ``interaction_pairs`` of the twin, or one for every model by ``model_id``: twins that were
        fitted again to the labels of null models.
    noise : {"poisson", "constant"}
        As in ``judge_twin``.

    Returns
    -------
    pandas.DataFrame
        Columns ``model_id``, ``motif_pair`` and ``STATISTICS``; means are over independent groups of
        held-out pairs.

    Raises
    ------
    SeqauditError
        No held-out pairs, tables that do not fit together, or a model without a twin.
    """
    rows = []
    for model_id, of_model in pairs.groupby("model_id", sort=False):
        if isinstance(twin, Mapping) and model_id not in twin:
            raise SeqauditError(f"twin: none is given for model '{model_id}', expected one for every model.")
        own_twin = twin[model_id] if isinstance(twin, Mapping) else twin
        held_out = of_model[(of_model["pair_set"] == "real") & (of_model["split"] == "test")]
        losses = held_out.set_index("pair_id")
        for claims in read_claims(of_model):
            regression = prepare(claims.parts[0], twin_parts(own_twin, claims), claims.starts, noise=noise)
            at = losses.loc[claims.pair_ids]
            improvement = (at["loss_without"] - at["loss_with"]).to_numpy(np.float64)
            interaction = claims.interaction[0]
            rows.append(
                {
                    "model_id": model_id,
                    "motif_pair": claims.motif_pair,
                    "mean_abs_interaction": _mean(np.abs(interaction), claims),
                    "mean_interaction": abs(_mean(interaction, claims)),
                    "mean_loss_improvement": _mean(improvement, claims),
                    "beta": float(confirmed_share(regression, claims.label).beta[0]),
                }
            )
    return pd.DataFrame(rows, columns=["model_id", "motif_pair", *STATISTICS])


def compare_with_null(
    observed: pd.DataFrame,
    null: pd.DataFrame,
    designs: Mapping[str, str],
    *,
    min_null: int = 4,
) -> pd.DataFrame:
    """Bootstrap p-values of every model against null models of its own design.

    ``p = (1 + number of null values at least as large) / (1 + B)``, so that B null models cannot
    give less than ``1 / (1 + B)``: 19 are the fewest for 0.05. For families of motif pairs every
    statistic is standardised over the model and its null models, and compared with the
    largest value over motif pairs of each null model (max-T, Westfall & Young 1993).

    Parameters
    ----------
    observed, null : pandas.DataFrame
        From ``claim_statistics``, for the models in question and for models without interactions.
    designs : mapping
        ``model_id`` of all of them to a design (architecture, penalty and training): only equals are
        compared.
    min_null : int
        With fewer null models of a design p is null.

    Returns
    -------
    pandas.DataFrame
        Table ``null_tests``, one row per model, motif pair and statistic.

    Raises
    ------
    SeqauditError
        A model without a design, or null models that were not asked about all motif pairs.
    """
    unknown = [m for m in pd.concat([observed["model_id"], null["model_id"]]).unique() if m not in designs]
    if unknown:
        raise SeqauditError(f"designs: model '{unknown[0]}' ({len(unknown)} such models) has no design.")
    null_design = null["model_id"].map(designs)
    rows = []
    for model_id, of_model in observed.groupby("model_id", sort=False):
        motif_pairs = of_model["motif_pair"].to_list()
        of_null = null[(null_design == designs[model_id]) & null["motif_pair"].isin(motif_pairs)]
        n_null = of_null["model_id"].nunique()
        if len(of_null) != n_null * len(motif_pairs):
            raise SeqauditError(
                f"null models: {len(of_null)} rows of {n_null} models of the design of '{model_id}', "
                f"expected one for each of its {len(motif_pairs)} motif pairs. Probe null models at the "
                "same pairs."
            )
        values = of_null.pivot(index="model_id", columns="motif_pair", values=list(STATISTICS))
        for statistic in STATISTICS:
            own = of_model[statistic].to_numpy(np.float64)
            others = values[statistic].reindex(columns=motif_pairs).to_numpy(np.float64)
            rows += _compare(str(model_id), motif_pairs, statistic, own, others, min_null=min_null)
    return pd.DataFrame(rows, columns=_COLUMNS)


def _mean(values: np.ndarray, claims: Claims) -> float:
    """Mean over independent groups."""
    sizes = np.diff(claims.starts, append=claims.n_pairs)
    return float((sum_groups(values, claims.starts) / sizes).mean())


def _compare(
    model_id: str,
    motif_pairs: list[str],
    statistic: str,
    value: np.ndarray,
    null: np.ndarray,
    *,
    min_null: int,
) -> list[dict]:
    """Rows of one model and statistic: ``value`` (n_motif_pairs,) against ``null`` (B, n_motif_pairs)."""
    n_null = len(null)
    enough = n_null >= min_null
    together = np.concatenate([value[None], null])
    spread = together.std(axis=0)
    standard = (together - together.mean(axis=0)) / np.where(spread > 0, spread, 1)
    highest = np.where(np.isnan(standard[1:]), -np.inf, standard[1:]).max(axis=1) if n_null else np.empty(0)
    rows = []
    for column, motif_pair in enumerate(motif_pairs):
        own, others = value[column], null[:, column]
        if not enough:
            status = f"{n_null} null models of this design, fewer than {min_null}"
        elif np.isnan(own) or np.isnan(others).any():
            status = "not defined for this model or a null model: an additive one claims nothing"
        else:
            status = "ok"
        ok = status == "ok"
        rows.append(
            {
                "model_id": model_id,
                "motif_pair": motif_pair,
                "statistic": statistic,
                "observed": own,
                "n_null": n_null,
                "null_mean": others.mean() if n_null else np.nan,
                "null_sd": others.std(ddof=1) if n_null > 1 else np.nan,
                "null_highest": others.max() if n_null else np.nan,
                "p": (1 + (others >= own).sum()) / (1 + n_null) if ok else np.nan,
                "p_family": (1 + (highest >= standard[0, column]).sum()) / (1 + n_null) if ok else np.nan,
                "smallest_p": 1 / (1 + n_null),
                "status": status,
            }
        )
    return rows

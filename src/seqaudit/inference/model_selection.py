"""Which of many trained models should be explained? Loss first, then consistency; the truth is not asked.

The rule is fixed in advance: models that could not be scored are left out; of the others those
within one standard error of the best held-out loss are kept; of these the Pareto front of low
loss and high consistency; of the front the most consistent, ties by agreement between seeds.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from seqaudit.data.schemas import SCHEMAS
from seqaudit.errors import SeqauditError
from seqaudit.inference.combine import cauchy_combination
from seqaudit.inference.selection_reasons import Steps, explain_choice

CRITERIA = ("consistency_geometry", "consistency_spectrum")
SETTING = ["dataset", "method", "setting"]
"""Models are compared within these."""

_COLUMNS = [column.name for column in SCHEMAS["consistency_models"].columns]
_TRUTH = [name for name in _COLUMNS if name.startswith("truth_")]


def heldout_losses(predictions: Mapping[str, np.ndarray], target) -> pd.DataFrame:
    """Mean squared error of every model on sequences kept for selection.

    Parameters
    ----------
    predictions : mapping of str to array, shape (n,)
        By model id, in the training space.
    target : array_like, shape (n,)
        In the same space.

    Returns
    -------
    pandas.DataFrame
        ``model_id``, ``heldout_mse`` and ``heldout_mse_se`` (its standard error over
        sequences); both null for a model with a prediction that is not finite.

    Raises
    ------
    SeqauditError
        Predictions of another shape than the target, or fewer than two sequences.
    """
    target = np.asarray(target, dtype=np.float64)
    rows = []
    for model_id, predicted in predictions.items():
        predicted = np.asarray(predicted, dtype=np.float64)
        if predicted.shape != target.shape or target.ndim != 1 or target.size < 2:
            raise SeqauditError(
                f"predictions: model '{model_id}' has shape {predicted.shape}, the target {target.shape}; "
                "expected one number for each of at least two sequences."
            )
        errors = np.square(predicted - target)
        known = np.isfinite(errors).all()
        rows.append(
            {
                "model_id": model_id,
                "heldout_mse": errors.mean() if known else np.nan,
                "heldout_mse_se": errors.std(ddof=1) / np.sqrt(errors.size) if known else np.nan,
            }
        )
    return pd.DataFrame(rows, columns=["model_id", "heldout_mse", "heldout_mse_se"])


def select_models(
    scores: pd.DataFrame,
    evaluations: pd.DataFrame,
    heldout: pd.DataFrame,
    *,
    loss_models: pd.DataFrame | None = None,
    truth: pd.DataFrame | None = None,
    stability: pd.Series | None = None,
    off_simplex: pd.Series | None = None,
    criterion: str = "consistency_geometry",
    margin: float = 1.0,
    min_usable: float = 0.9,
) -> pd.DataFrame:
    """Join what is known about every model, and recommend one per dataset.

    Parameters
    ----------
    scores : pandas.DataFrame
        Table ``consistency_scores``.
    evaluations : pandas.DataFrame
        Table ``evaluations``, one row for each of its models.
    heldout : pandas.DataFrame
        Of :func:`heldout_losses`, on sequences that are neither test sequences nor in the maps.
    loss_models : pandas.DataFrame, optional
        Table ``loss_models``; shown, not used.
    truth : pandas.DataFrame, optional
        Table ``attribution_scores``; shown, not used.
    stability, off_simplex : pandas.Series, optional
        By model id: agreement between seeds, which breaks ties, and the share of gradients
        over 30 degrees off the plane of one-hot sequences, which is shown.
    criterion : {"consistency_geometry", "consistency_spectrum"}
        The null-corrected score that decides.
    margin : float
        Standard errors of the best model's loss by which a loss may exceed it.
    min_usable : float
        Share of a model's maps that must be usable for it to be considered.

    Returns
    -------
    pandas.DataFrame
        Table ``consistency_models``, one row per row of ``scores``. One model is selected in
        each dataset, method and setting with at least one model to consider.

    Raises
    ------
    SeqauditError
        A model without evaluation or held-out loss, or an option out of range.
    """
    if criterion not in CRITERIA:
        raise SeqauditError(f"criterion: got {criterion!r}, expected one of {', '.join(CRITERIA)}.")
    if not 0 <= margin < np.inf or not 0 <= min_usable <= 1:
        raise SeqauditError(
            f"margin {margin}, min_usable {min_usable}: expected a margin of at least 0 standard errors and "
            "a share from 0 to 1."
        )
    models = _join(scores, evaluations, heldout, loss_models, truth)
    for name, values in (("seed_stability", stability), ("off_simplex_30", off_simplex)):
        models[name] = np.nan if values is None else models["model_id"].map(values).astype(np.float64)
    # the rule sees no column of the truth
    visible = models.drop(columns=_TRUTH)
    decisions = [
        _decide(group, criterion, margin, min_usable) for _, group in visible.groupby(SETTING, sort=False)
    ]
    return models.join(pd.concat(decisions))[_COLUMNS]


def compare_choices(
    models: pd.DataFrame,
    *,
    truth: str = "truth_cosine",
    criterion: str = "consistency_geometry",
    ensemble: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """How much truth the rule finds, beside other rules; only where the truth is known.

    Parameters
    ----------
    models : pandas.DataFrame
        Table ``consistency_models``.
    truth : str
        A ``truth_`` column; higher is better.
    criterion : str
        As given to :func:`select_models`.
    ensemble : mapping of str to float, optional
        By dataset: the truth score of the mean map of all models.

    Returns
    -------
    pandas.DataFrame
        Table ``consistency_choices``. Rules: selected; lowest held-out loss; most consistent
        by the raw score of all models, without a look at losses; a random model (the mean);
        the mean map of all models; the best model.

    Raises
    ------
    SeqauditError
        A truth column that does not exist.
    """
    if truth not in _TRUTH:
        raise SeqauditError(f"truth: got {truth!r}, expected one of {', '.join(_TRUTH)}.")
    rows = []
    for key, group in models.groupby(SETTING, sort=False):
        known = group[(group["status"] == "ok") & group[truth].notna()].set_index("model_id")
        if known.empty:
            continue
        picked = {
            "selected": known.index[known["selected"]],
            "lowest held-out loss": [known["heldout_mse"].idxmin()],
            "most consistent, raw, no loss gate": [known[f"{criterion}_raw"].idxmax()],
            "best model": [known[truth].idxmax()],
        }
        found = [
            (choice, model_id, known.at[model_id, "heldout_mse"], known.at[model_id, truth])
            for choice, ids in picked.items()
            for model_id in ids
        ]
        found.append(("random model (mean)", None, known["heldout_mse"].mean(), known[truth].mean()))
        if ensemble is not None and key[0] in ensemble:
            found.append(("mean map of all models", None, np.nan, ensemble[key[0]]))
        rows += [
            {
                **dict(zip(SETTING, key)),
                "choice": name,
                "model_id": model_id,
                "heldout_mse": loss,
                "truth_score": truth,
                "truth": value,
                "regret": known[truth].max() - value,
                "n_models": len(known),
            }
            for name, model_id, loss, value in found
        ]
    return pd.DataFrame(rows, columns=[column.name for column in SCHEMAS["consistency_choices"].columns])


def pareto_front(loss: np.ndarray, consistency: np.ndarray) -> np.ndarray:
    """Which points no other point beats: lower loss and as consistent, or more consistent at that loss."""
    loss, consistency = np.asarray(loss), np.asarray(consistency)
    as_good = (loss[None] <= loss[:, None]) & (consistency[None] >= consistency[:, None])
    better = (loss[None] < loss[:, None]) | (consistency[None] > consistency[:, None])
    return ~(as_good & better).any(axis=1)


def _join(scores, evaluations, heldout, loss_models, truth) -> pd.DataFrame:
    for name, table in (("evaluations", evaluations), ("heldout", heldout)):
        missing = scores.loc[~scores["model_id"].isin(table["model_id"]), "model_id"]
        if len(missing):
            raise SeqauditError(
                f"{name}: model '{missing.iloc[0]}' has consistency scores but no row here "
                f"({len(missing)} such models). Evaluate every model whose maps are scored."
            )
    models = scores.rename(columns={"status": "score_status"})
    models = models.merge(evaluations.drop(columns=["seconds"], errors="ignore"), on="model_id", how="left")
    models = models.merge(heldout, on="model_id", how="left", validate="many_to_one")
    if truth is None:
        models[_TRUTH] = np.nan
    else:
        models = models.merge(truth[["model_id", "method", *_TRUTH]], on=["model_id", "method"], how="left")
    if loss_models is None:
        models["loss_verdict"], models["paired_p"] = None, np.nan
    else:
        tests = loss_models.groupby("model_id", sort=False).agg(
            loss_verdict=("verdict", _verdicts), paired_p=("paired_p", _combined)
        )
        models = models.join(tests, on="model_id")
    return models.reset_index(drop=True)


def _verdicts(verdicts: pd.Series) -> str:
    counts = verdicts.value_counts(sort=False)
    return counts.index[0] if len(counts) == 1 else ", ".join(f"{name}: {n}" for name, n in counts.items())


def _combined(p_values: pd.Series) -> float:
    return float(p_values.iloc[0]) if len(p_values) == 1 else cauchy_combination(p_values)


def _decide(group: pd.DataFrame, criterion: str, margin: float, min_usable: float) -> pd.DataFrame:
    """Decisions about the models of one dataset, by the index of ``group``."""
    status = group.apply(_status, axis=1, criterion=criterion, min_usable=min_usable)
    considered = group[status == "ok"]
    decided = pd.DataFrame(
        {
            "within_loss_gate": False,
            "pareto": False,
            "selected": False,
            "reason": "Not considered: " + status + ".",
            "status": status,
        }
    )
    if considered.empty:
        return decided
    best = considered.loc[considered["heldout_mse"].idxmin()]
    kept = considered[considered["heldout_mse"] <= best["heldout_mse"] + margin * best["heldout_mse_se"]]
    front = kept[pareto_front(kept["heldout_mse"], kept[criterion])]
    top = front.loc[front[criterion].idxmax()]
    # what the bootstrap cannot tell apart is a tie
    tied = front[front[criterion] >= top[criterion] - np.nan_to_num(top[f"{criterion}_se"])]
    order = tied.sort_values(
        ["seed_stability", criterion, "heldout_mse", "model_id"],
        ascending=[False, False, True, True],
        na_position="last",
    )
    steps = Steps(considered, best, kept, front, tied, order.iloc[0], criterion, margin)
    decided.loc[kept.index, "within_loss_gate"] = True
    decided.loc[front.index, "pareto"] = True
    decided.loc[steps.chosen.name, "selected"] = True
    for index in considered.index:
        decided.loc[index, "reason"] = explain_choice(index, steps)
    return decided


def _status(model: pd.Series, *, criterion: str, min_usable: float) -> str:
    unusable = model["n_not_finite"] + model["n_zero"]
    if not np.isfinite(model["heldout_mse"]) or not np.isfinite(model["heldout_mse_se"]):
        return "its held-out loss is not finite"
    if not np.isfinite(model[criterion]):
        return f"it has no consistency score ({model['score_status']})"
    if unusable > (1 - min_usable) * model["n_sequences"]:
        return f"{unusable} of its {model['n_sequences']} maps are zero or not finite"
    return "ok"

"""How well additive twins describe their data: beside the networks they judge, and beside the truth."""

import numpy as np
import pandas as pd

from seqaudit.data.schemas import SCHEMAS
from seqaudit.data.targets import ANSCOMBE_FLOOR, transform_target
from seqaudit.errors import SeqauditError

CANDIDATE, TWIN, NETWORK, TRUTH = "candidate", "twin", "network", "truth"
"""Kinds of predictors."""

_COLUMNS = [column.name for column in SCHEMAS["twin_fits"].columns]


def compare_fits(
    sequences: pd.DataFrame,
    candidates: pd.DataFrame,
    predictions: pd.DataFrame,
    history: pd.DataFrame,
    *,
    dataset: str,
    transform: str,
) -> pd.DataFrame:
    """Validation losses of everything that predicts the targets of one dataset.

    Parameters
    ----------
    sequences : pandas.DataFrame
        Table ``sequences``; rows of split validation are used.
    candidates : pandas.DataFrame
        Table ``twin_candidates`` of this dataset.
    predictions : pandas.DataFrame
        Table ``twin_predictions``; the twin that judges, ``<dataset>.twin``, is used.
    history : pandas.DataFrame
        Table ``training_history`` of the networks trained on this dataset; may be empty.
    dataset : str
    transform : {"anscombe", "identity", "log1p"}
        Space of the loss.

    Returns
    -------
    pandas.DataFrame
        Table ``twin_fits``. A candidate that was screened out has the loss of its brief training, one
        that diverged none. The truth has a row where the data are simulated.

    Raises
    ------
    SeqauditError
        No validation sequences, or none of them predicted by the twin that judges.
    """
    held_out = sequences[sequences["split"] == "validation"]
    chosen = predictions[predictions["model_id"] == f"{dataset}.twin"].set_index("sequence_id")["prediction"]
    answers = {TWIN: chosen.reindex(held_out["sequence_id"]).to_numpy(np.float64)}
    if not len(held_out) or np.isnan(answers[TWIN]).any():
        raise SeqauditError(
            f"twin_predictions: of {len(held_out)} validation sequences {np.isnan(answers[TWIN]).sum()} have "
            f"no prediction of '{dataset}.twin'. Predict all sequences of the dataset."
        )
    if held_out["expected_count"].notna().all():
        answers[TRUTH] = held_out["expected_count"].to_numpy(np.float64)
    rows = [
        {"predictor": f"{row.family}.seed_{row.seed}", "kind": CANDIDATE, "form": row.family}
        | {"validation_mse": row.screening_mse if np.isnan(row.validation_mse) else row.validation_mse}
        | {"status": row.status}
        for row in candidates.itertuples()
    ]
    label = transform_target(held_out["target"], transform)
    for kind, answer in answers.items():
        # a sum of window scores may fall below what the transform accepts
        floored = np.maximum(answer, ANSCOMBE_FLOOR) if transform == "anscombe" else answer
        mse = float(np.mean((transform_target(floored, transform) - label) ** 2))
        name = f"{dataset}.{kind}"
        rows.append({"predictor": name, "kind": kind, "form": kind, "validation_mse": mse, "status": "ok"})
    # the last epoch that was the best so far is the one whose weights were kept
    kept = history[history["best"].astype(bool)].groupby("model_id", sort=False).last()
    rows += [
        {
            "predictor": model_id,
            "kind": NETWORK,
            # '<dataset>.<architecture>.l1_<weight>.seed_<seed>'
            "form": model_id.removeprefix(f"{dataset}.").split(".l1_")[0],
            "validation_mse": mse,
            "status": "ok",
        }
        for model_id, mse in kept["validation_mse"].items()
    ]
    table = pd.DataFrame(rows).assign(dataset=dataset, n_validation=len(held_out))
    reference = table.loc[table["kind"] == (TRUTH if TRUTH in answers else TWIN), "validation_mse"].iloc[0]
    table["relative_mse"] = table["validation_mse"] / reference
    return table[_COLUMNS]

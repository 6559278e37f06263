"""Ensembles of networks with named outputs: on disk, and their predictions."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from torch import nn

from seqaudit.data.causal import target_matrix
from seqaudit.data.sequences import one_hot
from seqaudit.data.tables import atomic_path
from seqaudit.data.targets import transform_target
from seqaudit.errors import SeqauditError
from seqaudit.models.bpnet import Bpnet
from seqaudit.models.checkpoint import DESCRIPTION, load_model, save_model
from seqaudit.models.cnn import Cnn
from seqaudit.models.predict import predict

FORMAT = "seqaudit-ensemble/1"
ENSEMBLE = "ensemble.json"
HELD_OUT = ("calibration", "test")


class Ensemble(NamedTuple):
    """Networks on the CPU in evaluation mode, the names of their outputs, and their record.

    ``record["members"]`` is a list of the members' own training records.
    """

    models: list[Cnn | Bpnet]
    outputs: list[str]
    record: dict


def save_ensemble(
    folder: str | Path, models: Sequence[Cnn | Bpnet], *, outputs: Sequence[str], record: dict
) -> None:
    """Write an ensemble: one folder per member (see ``save_model``), then ``ensemble.json``.

    Parameters
    ----------
    folder : path
        Made if need be. ``ensemble.json`` comes last and holds digests of the members, so
        that a mixture of two saves cannot be loaded.
    models : sequence of Cnn or Bpnet
        At least one; all with the same outputs.
    outputs : sequence of str
        Names of the outputs in the order of the networks' predictions.
    record : dict
        Plain JSON values, such as ``EnsembleResult.record``; ``record["members"]``, if
        there is one, holds one record per member and is stored with the members.

    Raises
    ------
    SeqauditError
        No member, names or member records that do not fit the networks, or a record that
        JSON cannot hold.
    """
    folder, outputs = Path(folder), list(outputs)
    try:
        record = json.loads(json.dumps(record, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise SeqauditError(
            f"record: cannot be stored as JSON ({error}); use plain, finite values."
        ) from error
    of_members = record.pop("members", [{}] * len(models))
    if not len(models) or len(of_members) != len(models):
        raise SeqauditError(
            f"models: got {len(models)} networks and {len(of_members)} records of members, expected at least "
            "one network and a record for each."
        )
    for member, model in enumerate(models):
        if model.outputs != len(outputs) or len(set(outputs)) < len(outputs):
            raise SeqauditError(
                f"outputs: got {outputs!r}, expected {model.outputs} different names, one for each output of "
                f"models[{member}]."
            )
    for member, (model, own) in enumerate(zip(models, of_members)):
        save_model(_member(folder, member), model, own)
    description = {
        "format": FORMAT,
        "outputs": outputs,
        "members_sha256": [_file_digest(_member(folder, member)) for member in range(len(models))],
        "record": record,
    }
    description["sha256"] = _digest(description)
    with atomic_path(folder / ENSEMBLE) as unfinished:
        unfinished.write_text(json.dumps(description, indent=2) + "\n")


def load_ensemble(folder: str | Path) -> Ensemble:
    """Read an ensemble that :func:`save_ensemble` wrote.

    Raises
    ------
    SeqauditError
        A file that is missing, truncated, altered or of another save, named with its path.
    """
    folder = Path(folder)
    path, description = folder / ENSEMBLE, _read_description(folder)
    expected, found = len(description["members_sha256"]), len(list(folder.glob("member_*")))
    if found != expected:
        raise _damaged(path, f"it names {expected} members, but there are {found} folders of members")
    models, records = [], []
    for member, digest in enumerate(description["members_sha256"]):
        model, own = load_model(_member(folder, member))
        if _file_digest(_member(folder, member)) != digest:
            raise _damaged(_member(folder, member) / DESCRIPTION, f"it is not the member that {path} names")
        models.append(model)
        records.append(own)
    return Ensemble(models, description["outputs"], {**description["record"], "members": records})


def read_record(folder: str | Path) -> dict:
    """Record of a stored ensemble as a whole, without its members' own.

    Raises
    ------
    SeqauditError
        An ``ensemble.json`` that is missing or damaged.
    """
    return _read_description(Path(folder))["record"]


def predict_ensemble(
    models: Sequence[nn.Module],
    sequences: pd.DataFrame,
    targets: pd.DataFrame,
    *,
    outputs: Sequence[str],
    transform: str,
    splits: Sequence[str] = HELD_OUT,
    batch_size: int = 500,
    device: str = "auto",
) -> pd.DataFrame:
    """Predictions of every member for held-out sequences, beside what was measured.

    Parameters
    ----------
    models : sequence of torch.nn.Module
        Members, each predicting ``outputs`` in the training space. Asked in evaluation mode.
    sequences, targets : pandas.DataFrame
        Tables ``causal_sequences`` and ``causal_targets``.
    outputs : sequence of str
        Names of the outputs in the order of the networks' predictions.
    transform : {"anscombe", "identity", "log1p"}
        From targets to the training space, see :mod:`seqaudit.data.targets`.
    splits : sequence of str
        Which sequences to predict.
    batch_size, device
        As for :func:`seqaudit.models.predict.predict`.

    Returns
    -------
    pandas.DataFrame
        Table ``ensemble_predictions``. ``expected`` is the transformed expectation, which
        for counts differs a little from the expectation of transformed counts.

    Raises
    ------
    SeqauditError
        No model, no sequence in a split, targets that do not fit (see
        :func:`seqaudit.data.causal.target_matrix`), or a network of other outputs.
    """
    outputs = list(outputs)
    if not len(models):
        raise SeqauditError("models: the ensemble has no member, expected at least one network.")
    for split in splits:
        if not (sequences["split"] == split).any():
            raise SeqauditError(
                f"sequences: no row of split '{split}', predictions need {', '.join(splits)}."
            )
    rows = sequences[sequences["split"].isin(splits)]
    measured, expected = (
        transform_target(target_matrix(rows, targets, outputs=outputs, column=column), transform).ravel()
        for column in ("target", "expected")
    )
    letters = one_hot(rows["sequence"])
    each = {
        "sequence_id": np.repeat(rows["sequence_id"].to_numpy(), len(outputs)),
        "split": np.repeat(rows["split"].to_numpy(), len(outputs)),
        "output": np.tile(np.array(outputs, dtype=object), len(rows)),
    }
    tables = []
    for member, model in enumerate(models):
        prediction = predict(model, letters, batch_size=batch_size, device=device)
        if prediction.shape[1] != len(outputs):
            raise SeqauditError(
                f"models[{member}]: predicts {prediction.shape[1]} outputs, expected {len(outputs)} "
                f"({', '.join(outputs)})."
            )
        of_member = {**each, "prediction": prediction.ravel(), "target": measured, "expected": expected}
        tables.append(pd.DataFrame({"member": member, **of_member}))
    return pd.concat(tables, ignore_index=True)


def _read_description(folder: Path) -> dict:
    path = folder / ENSEMBLE
    try:
        description = json.loads(path.read_bytes())
    except OSError as error:
        raise SeqauditError(
            f"{path}: cannot be read ({error.strerror or error}), expected a trained ensemble. "
            "Run the rule that trains it."
        ) from error
    except ValueError as error:
        raise _damaged(path, f"it is not JSON: {error}") from error
    found = description.get("format") if isinstance(description, dict) else None
    if found != FORMAT:
        raise _damaged(path, f"its format is {found!r}, expected {FORMAT!r}")
    if description.pop("sha256", None) != _digest(description):
        raise _damaged(path, "its content does not match its own sha256")
    return description


def _member(folder: Path, member: int) -> Path:
    return folder / f"member_{member}"


def _file_digest(member: Path) -> str:
    """Of a member's description, which holds the digest of its weights."""
    return hashlib.sha256((member / DESCRIPTION).read_bytes()).hexdigest()


def _digest(description: dict) -> str:
    return hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()


def _damaged(path: Path, reason: str) -> SeqauditError:
    return SeqauditError(
        f"{path}: damaged or altered, {reason}. Delete the ensemble's folder and train it again."
    )

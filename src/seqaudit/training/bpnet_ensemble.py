"""Train ensembles of networks that predict read profiles and read counts."""

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from seqaudit.data.causal import families, target_matrix
from seqaudit.data.sequences import one_hot
from seqaudit.errors import SeqauditError
from seqaudit.training.bpnet import ReadData, train_bpnet
from seqaudit.training.ensemble import (
    EnsembleResult,
    check_members,
    held_out_rows,
    member_seeds,
    train_until_learned,
    training_rows,
)
from seqaudit.training.read_profiles import profiles_from_table

logger = logging.getLogger(__name__)


def train_bpnet_ensemble(
    sequences: pd.DataFrame,
    targets: pd.DataFrame,
    profiles: pd.DataFrame | None = None,
    *,
    outputs: Sequence[str],
    members: int,
    seed: int,
    network: Mapping | None = None,
    n_mutants: int | None = None,
    validation_fraction: float = 0.15,
    restarts: int = 2,
    checkpoint: str | Path | None = None,
    **options,
) -> EnsembleResult:
    """Train several networks on one set of tables, each with a seed and a validation set of its own.

    Splits and seeds are those of :func:`seqaudit.training.ensemble.train_ensemble`: for the
    same ``seed``, member ``i`` holds out the same sequences, and a labelled mutant always
    stays with its parent.

    Parameters
    ----------
    sequences, targets, profiles : pandas.DataFrame
        Tables ``causal_sequences``, of which rows of split train are used,
        ``causal_targets`` with numbers of reads, and ``causal_profiles``. Without profiles,
        networks are trained on counts alone.
    outputs : sequence of str
        What to predict, in the order of the networks' outputs.
    members : int
        Networks to train.
    seed : int
        Member ``i`` depends on ``(seed, i)`` alone, so a larger ensemble begins with the
        members of a smaller one.
    network : mapping, optional
        Options of :func:`seqaudit.models.bpnet.build_bpnet` but outputs, length and seed.
        With ``strand_counts``, counts are those of the profiles.
    n_mutants : int, optional
        Use only so many labelled mutants, the first in the table; all by default.
    validation_fraction : float
        Share of original sequences for early stopping; their mutants go with them.
    restarts : int
        How often a member that learned nothing about counts is trained again, see
        :func:`seqaudit.training.ensemble.train_ensemble`.
    checkpoint : path, optional
        Folder for the state of members, finished or not. The same call continues from it,
        to the same bits. Delete it with
        :func:`seqaudit.training.ensemble.remove_ensemble_progress` once the ensemble is
        saved.
    **options
        Passed to :func:`seqaudit.training.bpnet.fit_bpnet` (weights of losses, epochs, ...).

    Returns
    -------
    EnsembleResult
        Members predict in the space ``"log1p"`` (:mod:`seqaudit.data.targets`), which the
        record says.

    Raises
    ------
    SeqauditError
        No row of split train, tables that do not fit each other, or what the functions above
        refuse.
    """
    check_members(members, seed=seed, restarts=restarts)
    outputs, network = list(outputs), dict(network or {})
    rows = training_rows(sequences, n_mutants)
    family = families(rows)
    data = _read_data(rows, targets, profiles, outputs, network)
    if profiles is None:
        options["profile_weight"] = 0.0
    settings = {
        "outputs": outputs,
        "transform": "log1p",
        "seed": int(seed),
        "n_mutants": int(rows["mutated"].sum()),
        "validation_fraction": float(validation_fraction),
    }
    models, histories, records = [], [], []
    for member in range(members):
        of_split = member_seeds(seed, member).split
        held_out = held_out_rows(family, fraction=validation_fraction, seed=of_split)
        logger.info("member %d of %d", member + 1, members)
        result = train_until_learned(
            partial(
                train_bpnet, _select(data, ~held_out), _select(data, held_out), network=network, **options
            ),
            variance=float(np.log1p(data.counts[held_out]).var(axis=0).mean()),
            seed=(seed, member),
            restarts=restarts,
            checkpoint=None if checkpoint is None else Path(checkpoint) / f"member_{member}",
        )
        models.append(result.model)
        histories.append(result.history.assign(member=member))
        records.append({"member": member, **settings, **result.record})
    history = pd.concat(histories, ignore_index=True)
    record = {
        **settings,
        "epochs": float(np.mean([own["epochs"] for own in records])),
        "seconds": float(sum(own["seconds"] for own in records)),
        "members": records,
    }
    return EnsembleResult(models, history[["member", *history.columns.drop("member")]], record)


def _read_data(rows: pd.DataFrame, targets, profiles, outputs: list[str], network: dict) -> ReadData:
    letters = one_hot(rows["sequence"])
    counts = target_matrix(rows, targets, outputs=outputs)
    if profiles is None:
        if network.get("strand_counts"):
            raise SeqauditError(
                "profiles: network option strand_counts needs reads by strand, which only the table "
                "causal_profiles holds. Give it, or train with strand_counts=False."
            )
        return ReadData(letters, counts)
    reads = profiles_from_table(
        profiles,
        rows["sequence_id"].tolist(),
        outputs=outputs,
        strands=network.get("strands", 1),
        length=letters.shape[2],
    )
    if network.get("strand_counts"):
        counts = reads.totals().numpy()
    return ReadData(letters, counts, reads)


def _select(data: ReadData, rows: np.ndarray) -> ReadData:
    profiles = data.profiles
    if profiles is not None:
        profiles = profiles.select(torch.from_numpy(np.flatnonzero(rows)))
    return ReadData(data.one_hot[rows], data.counts[rows], profiles)

"""Knock motifs out, one, the other and both: what does the model say of their interaction?"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats
from torch import nn

from seqaudit.data.knockouts import VERSIONS
from seqaudit.data.schemas import SCHEMAS
from seqaudit.data.sequences import one_hot
from seqaudit.data.targets import ANSCOMBE_FLOOR, invert_target, transform_target
from seqaudit.errors import SeqauditError
from seqaudit.models.predict import predict

PAIR_SETS = ("real", "random_location", "shuffled")
_COLUMNS = [column.name for column in SCHEMAS["interaction_pairs"].columns]
_ENCODED_AT_ONCE = 65_536

Predictor = nn.Module | Callable[[np.ndarray], np.ndarray]
"""A network, or any function of one-hot DNA int8 ``(n, 4, L)`` that returns ``(n,)`` or ``(n, 1)``."""


class Evaluation(NamedTuple):
    """How well a model predicts held-out sequences; correlations are NaN for constant values."""

    n_test: int
    test_mse: float
    test_pearson: float
    test_spearman: float


def probe_interactions(
    predictor: Predictor,
    pairs: pd.DataFrame,
    random_location: pd.DataFrame | None,
    shuffled: pd.DataFrame | None,
    sequences: pd.DataFrame,
    *,
    model_id: str,
    transform: str,
    batch_size: int = 500,
    device: str = "auto",
) -> pd.DataFrame:
    """Interaction and per-example losses of one model at every motif pair.

    With ``f`` the prediction in the unit of the target, the main effect of A is
    ``f(b_off) - f(both_off)``, that of B ``f(a_off) - f(both_off)``, the interaction is
    ``f(orig) - f(both_off)`` minus both, and the loss without it is the squared error of
    ``f(orig) - interaction`` (Finkelstein et al. 2020, section 2.5). Losses are in the
    training space, after ``f(orig) - interaction`` is raised to -3/8 where the Anscombe
    transform needs it. Networks answer in float32, everything after is float64.

    Parameters
    ----------
    predictor : torch.nn.Module or callable
        One output per sequence, in the training space. Every distinct sequence is asked
        for once, in batches of ``batch_size``.
    pairs, random_location, shuffled : pandas.DataFrame
        Tables ``knockouts``: real pairs, the same sequences mutated at random locations,
        and shuffled sequences. Any number of motif pairs; either control may be None.
    sequences : pandas.DataFrame
        Table ``sequences``. Its ``target`` labels real pairs and random locations, joined
        by ``sequence_id``; ``expected_orig`` labels shuffled sequences.
    model_id : str
        Written to every row.
    transform : {"anscombe", "identity"}
        Space in which the model was trained.
    device : str
        Of a torch module: ``"auto"``, ``"cpu"`` or ``"cuda"``.

    Returns
    -------
    pandas.DataFrame
        Table ``interaction_pairs``, one row per motif pair and set, in the order given.

    Raises
    ------
    SeqauditError
        No pairs, unknown sequence ids, a pair whose ``orig`` is not the labelled
        sequence, or predictions of a wrong shape or that are not finite.
    """
    knockouts = _join_sets(pairs, random_location, shuffled, sequences)
    codes, distinct = pd.factorize(pd.concat([knockouts[version] for version in VERSIONS], ignore_index=True))
    outputs = _outputs(predictor, distinct.to_numpy(), batch_size=batch_size, device=device)
    predictions = invert_target(outputs, transform)[codes].reshape(len(VERSIONS), -1)
    return _interactions(knockouts, predictions, model_id=model_id, transform=transform)


def oracle_interactions(
    pairs: pd.DataFrame,
    random_location: pd.DataFrame | None,
    shuffled: pd.DataFrame | None,
    sequences: pd.DataFrame,
    *,
    transform: str,
    model_id: str = "oracle",
) -> pd.DataFrame:
    """The same for a model that knows the truth: the expected counts stored with the pairs.

    Parameters and errors as in ``probe_interactions``.

    Returns
    -------
    pandas.DataFrame
        Table ``interaction_pairs``, only of rows whose four expectations are all known:
        empty for measured data.
    """
    knockouts = _join_sets(pairs, random_location, shuffled, sequences)
    expected = [f"expected_{version}" for version in VERSIONS]
    knockouts = knockouts.dropna(subset=expected, ignore_index=True)
    truth = knockouts[expected].to_numpy(np.float64).T
    return _interactions(knockouts, truth, model_id=model_id, transform=transform)


def evaluate(
    predictor: Predictor,
    sequences: pd.DataFrame,
    *,
    transform: str,
    split: str = "test",
    batch_size: int = 500,
    device: str = "auto",
) -> Evaluation:
    """Squared error and correlations on held-out sequences, in the training space.

    Parameters
    ----------
    predictor, transform, batch_size, device
        As in ``probe_interactions``.
    sequences : pandas.DataFrame
        Table ``sequences``; rows of ``split`` are used.

    Raises
    ------
    SeqauditError
        No sequence in the split, or predictions of a wrong shape or that are not finite.
    """
    held_out = sequences[sequences["split"] == split]
    if held_out.empty:
        found = ", ".join(map(str, sequences["split"].unique()))
        raise SeqauditError(
            f"sequences: no row has split '{split}' (found {found}), so the model cannot be evaluated. "
            "Assign sequences to it."
        )
    outputs = _outputs(predictor, held_out["sequence"].to_numpy(), batch_size=batch_size, device=device)
    target = transform_target(held_out["target"], transform)
    varies = np.ptp(outputs) > 0 and np.ptp(target) > 0
    return Evaluation(
        n_test=len(target),
        test_mse=float(np.mean((outputs - target) ** 2)),
        test_pearson=float(stats.pearsonr(outputs, target).statistic) if varies else float("nan"),
        test_spearman=float(stats.spearmanr(outputs, target).statistic) if varies else float("nan"),
    )


def _join_sets(pairs, random_location, shuffled, sequences) -> pd.DataFrame:
    """All knock-outs in one table, with ``pair_set``, ``label`` and ``group``, joined by id."""
    if pairs is None or len(pairs) == 0:
        raise SeqauditError(
            "pairs: the table of motif pairs is empty, so there is no interaction to ask for. Lower the "
            "score threshold or the separation of the pair selection, or drop this motif pair."
        )
    by_id = sequences.set_index("sequence_id")
    if not by_id.index.is_unique:
        repeated = by_id.index[by_id.index.duplicated()][0]
        raise SeqauditError(
            f"sequences: sequence_id '{repeated}' is repeated; every id must name one sequence."
        )
    tables = []
    for pair_set, table in zip(PAIR_SETS, (pairs, random_location, shuffled)):
        if table is None or len(table) == 0:
            continue
        rows = by_id.index.get_indexer(table["sequence_id"])
        missing = np.flatnonzero(rows < 0)
        if missing.size:
            raise SeqauditError(
                f"{pair_set} pairs: sequence_id '{table['sequence_id'].iloc[missing[0]]}' at row "
                f"{missing[0]} ({missing.size} such rows) is not in the sequences table. Use the pairs that "
                "were made from these sequences."
            )
        origin = by_id.iloc[rows]
        if pair_set == "shuffled":
            label = table["expected_orig"]
        else:
            label = origin["target"]
            _check_same_sequence(table, origin, pair_set)
        group = origin["group"].where(origin["group"].notna(), table["sequence_id"].to_numpy())
        columns = {"pair_set": pair_set, "label": label.to_numpy(np.float64), "group": group.to_numpy()}
        tables.append(table.assign(**columns))
    return pd.concat(tables, ignore_index=True)


def _check_same_sequence(table: pd.DataFrame, origin: pd.DataFrame, pair_set: str) -> None:
    # a label of another sequence is invisible in the results; the published code has one such slip
    other = np.flatnonzero(table["orig"].to_numpy() != origin["sequence"].to_numpy())
    if other.size:
        raise SeqauditError(
            f"{pair_set} pairs: 'orig' of pair '{table['pair_id'].iloc[other[0]]}' ({other.size} such pairs) "
            f"is not sequence '{table['sequence_id'].iloc[other[0]]}' of the sequences table, so its label "
            "would be wrong. Use the pairs that were made from these sequences."
        )


def _outputs(predictor: Predictor, letters: np.ndarray, *, batch_size: int, device: str) -> np.ndarray:
    """One float64 output per sequence; encoded in parts, so that memory stays bounded."""
    parts = []
    for start in range(0, len(letters), _ENCODED_AT_ONCE):
        encoded = one_hot(letters[start : start + _ENCODED_AT_ONCE])
        if isinstance(predictor, nn.Module):
            parts.append(
                _single_output(
                    predict(predictor, encoded, batch_size=batch_size, device=device), len(encoded)
                )
            )
            continue
        for first in range(0, len(encoded), batch_size):
            batch = encoded[first : first + batch_size]
            parts.append(_single_output(predictor(batch), len(batch)))
    outputs = np.concatenate(parts)
    bad = np.flatnonzero(~np.isfinite(outputs))
    if bad.size:
        raise SeqauditError(
            f"predictor: answered {outputs[bad[0]]} for sequence {letters[bad[0]]} ({bad.size} of "
            f"{len(letters)} sequences), expected finite numbers. Its weights are damaged or "
            "its training diverged."
        )
    return outputs


def _single_output(answer, n: int) -> np.ndarray:
    answer = np.asarray(answer)
    if answer.shape not in ((n,), (n, 1)):
        raise SeqauditError(
            f"predictor: answered shape {answer.shape} for {n} sequences, expected ({n},) or ({n}, 1). "
            "Interactions are asked of one output: wrap a model of several outputs to return one."
        )
    return answer.reshape(n).astype(np.float64)


def _interactions(
    knockouts: pd.DataFrame, predictions: np.ndarray, *, model_id: str, transform: str
) -> pd.DataFrame:
    """Main effects, interaction and losses from predictions ``(4, n)`` in the order of ``VERSIONS``."""
    f_orig, f_a_off, f_b_off, f_both_off = predictions
    main_a, main_b = f_b_off - f_both_off, f_a_off - f_both_off
    interaction = f_orig - f_both_off - main_a - main_b
    without = f_orig - interaction
    clipped = without < ANSCOMBE_FLOOR if transform == "anscombe" else np.zeros(len(without), dtype=bool)
    label = knockouts["label"].to_numpy(np.float64)
    truth = transform_target(label, transform)
    computed = {
        "model_id": model_id,
        "label": label,
        **{f"f_{version}": values for version, values in zip(VERSIONS, predictions)},
        "main_a": main_a,
        "main_b": main_b,
        "interaction": interaction,
        "loss_with": (transform_target(f_orig, transform) - truth) ** 2,
        "loss_without": (transform_target(np.where(clipped, ANSCOMBE_FLOOR, without), transform) - truth)
        ** 2,
        "clipped": clipped,
    }
    return knockouts.assign(**computed)[_COLUMNS]

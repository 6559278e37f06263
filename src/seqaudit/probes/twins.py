"""Ask the additive twins of a dataset about every motif pair, and about every sequence."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import torch

from seqaudit.data.sequences import one_hot
from seqaudit.models.additive import AdditiveTwin
from seqaudit.probes.knockout import probe_interactions

_SEQUENCES_AT_ONCE = 500


def probe_twins(
    twins: Mapping[str, AdditiveTwin],
    pairs: pd.DataFrame,
    random_location: pd.DataFrame | None,
    shuffled: pd.DataFrame | None,
    sequences: pd.DataFrame,
    *,
    dataset: str,
) -> pd.DataFrame:
    """What every twin says of the motif pairs, as for any other model.

    Twins answer in float64, so that their interactions are 0 to its rounding.

    Parameters
    ----------
    twins : mapping of str to AdditiveTwin
        By name, see :class:`seqaudit.training.additive.TwinPopulation`.
    pairs, random_location, shuffled, sequences
        As in :func:`seqaudit.probes.knockout.probe_interactions`.
    dataset : str
        Id of the dataset, the start of every ``model_id``.

    Returns
    -------
    pandas.DataFrame
        Table ``interaction_pairs``. The model of twin ``twin`` is ``<dataset>.twin``, that of
        another ``<dataset>.twin.<name>``.
    """
    return pd.concat(
        [
            probe_interactions(
                _in_float64(twin),
                pairs,
                random_location,
                shuffled,
                sequences,
                model_id=twin_model_id(dataset, name),
                transform=twin.architecture["transform"],
            )
            for name, twin in twins.items()
        ],
        ignore_index=True,
    )


def predict_twins(
    twins: Mapping[str, AdditiveTwin], sequences: pd.DataFrame, *, dataset: str
) -> pd.DataFrame:
    """Predictions of every twin for every sequence, in the unit of the target.

    Parameters
    ----------
    twins, dataset
        As in :func:`probe_twins`.
    sequences : pandas.DataFrame
        Table ``sequences``.

    Returns
    -------
    pandas.DataFrame
        Table ``twin_predictions``.
    """
    letters = one_hot(sequences["sequence"])
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "model_id": twin_model_id(dataset, name),
                    "sequence_id": sequences["sequence_id"].to_numpy(),
                    "split": sequences["split"].to_numpy(),
                    "prediction": _in_batches(twin, letters),
                }
            )
            for name, twin in twins.items()
        ],
        ignore_index=True,
    )


def twin_model_id(dataset: str, name: str) -> str:
    """Id of a twin in tables: ``<dataset>.twin``, or ``<dataset>.twin.<name>`` of the others."""
    return f"{dataset}.twin" if name == "twin" else f"{dataset}.twin.{name}"


def _in_float64(twin: AdditiveTwin) -> Callable[[np.ndarray], np.ndarray]:
    """The twin as a function of one-hot DNA, in the training space; a copy, the twin is not touched."""
    exact = _copy_in_float64(twin)

    def answer(letters: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return exact(torch.from_numpy(letters)).numpy()

    return answer


def _in_batches(twin: AdditiveTwin, letters: np.ndarray) -> np.ndarray:
    exact = _copy_in_float64(twin)
    with torch.no_grad():
        batches = torch.from_numpy(letters).split(_SEQUENCES_AT_ONCE)
        return torch.cat([exact.predict_target(batch) for batch in batches]).numpy()


def _copy_in_float64(twin: AdditiveTwin) -> AdditiveTwin:
    exact = AdditiveTwin(twin.architecture, length=twin.length).double()
    exact.load_state_dict(twin.state_dict())
    return exact.eval()

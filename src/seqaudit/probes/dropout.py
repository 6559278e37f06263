"""Which inputs and nodes a network with concrete dropout has learned to drop."""

from collections.abc import Mapping, Sequence

import pandas as pd
import torch

from seqaudit.data.tables import read_tables
from seqaudit.models.concrete import ConcretePosterior
from seqaudit.models.posterior import Ensemble, Posterior


def dropout_table(
    posterior: Posterior, features: Sequence[str], *, identity: Mapping[str, str]
) -> pd.DataFrame:
    """Learned drop probability of every node: table ``hessian_dropout``.

    Parameters
    ----------
    posterior : Posterior
        The members of an ensemble are averaged. Posteriors without dropout give no row.
    features : sequence of str
        Names of the inputs.
    identity : mapping
        Values of ``fit``, ``dataset`` and ``posterior``.
    """
    members = posterior.members if isinstance(posterior, Ensemble) else (posterior,)
    if not all(isinstance(member, ConcretePosterior) for member in members):
        return read_tables([], "hessian_dropout", optional=True)
    layers = [
        torch.stack(same).double().mean(0).tolist()
        for same in zip(*(member.drop_probabilities for member in members))
    ]
    return pd.DataFrame(
        [
            {
                **identity,
                "layer": layer,
                "node": node,
                "feature": features[node] if layer == 0 else None,
                "drop_probability": probability,
            }
            for layer, probabilities in enumerate(layers)
            for node, probability in enumerate(probabilities)
        ]
    )

"""What the nodes of a network of two digits say: as features of pairs, and in images that one can look at."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch

from seqaudit.data.digit_pairs import HALVES, DigitPairs, half_images
from seqaudit.data.digits import read_digits
from seqaudit.data.features import FeatureTable, check_features
from seqaudit.errors import SeqauditError
from seqaudit.models.digit_network import DigitNetwork

SILENT = 1e-3
"""Standard deviation over training pairs below which a node says nothing."""


def node_points(network: DigitNetwork, pairs: DigitPairs) -> FeatureTable:
    """Activations as features of the label, in standard deviations over training pairs.

    Silent nodes are left out here; :func:`node_meanings` names them.

    Raises
    ------
    SeqauditError
        Fewer than two nodes that are not silent.
    """
    activations = _activations(network, pairs.images)
    spread = _spread(activations, pairs)
    speaking = spread > SILENT
    names = tuple(name for name, speaks in zip(_names(len(spread)), speaking) if speaks)
    if len(names) < 2:
        raise SeqauditError(
            f"nodes: {len(names)} of {len(spread)} vary between pairs of digits, expected two or more. Train "
            "longer ('epochs') or with more 'nodes'."
        )
    x = activations[:, speaking] / spread[speaking]
    check_features(x, names=names, where="nodes")
    return FeatureTable(x, pairs.label, names, "positive_pair", pairs.split)


def node_meanings(network: DigitNetwork, pairs: DigitPairs, *, identity: Mapping) -> pd.DataFrame:
    """The image of one digit, the other half blank, that maximises each node.

    Parameters
    ----------
    network : DigitNetwork
    pairs : DigitPairs
        Its held-out digits are the candidates.
    identity : mapping
        Values of ``dataset`` and ``replicate``.

    Returns
    -------
    pandas.DataFrame
        Table ``hessian_nodes``.
    """
    spread = _spread(_activations(network, pairs.images), pairs)
    shown = np.stack([_activations(network, half_images(pairs.held_out, half)) for half in HALVES])
    blank = _activations(network, np.zeros((1, *pairs.images.shape[1:])))[0]
    largest = shown.reshape(-1, len(spread)).argmax(axis=0)
    half, source = np.unravel_index(largest, shown.shape[:2])
    sources = pairs.held_out[source]
    test = pairs.split == "test"
    with torch.no_grad():
        positive = network(torch.as_tensor(pairs.images[test], dtype=torch.float32)).numpy() > 0
    return pd.DataFrame(
        {
            **identity,
            "node": _names(len(spread)),
            "half": np.array(HALVES, dtype=object)[half],
            "digit": read_digits().digits[sources],
            "source": sources,
            "activation": shown[half, source, np.arange(len(spread))],
            "blank": blank,
            "spread": spread,
            "classifier_accuracy": float(np.mean(positive == pairs.label[test])),
            "status": np.where(spread > SILENT, "ok", "silent: does not vary between pairs, no feature"),
        }
    )


def _activations(network: DigitNetwork, images: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return network.activations(torch.as_tensor(images, dtype=torch.float32)).double().numpy()


def _spread(activations: np.ndarray, pairs: DigitPairs) -> np.ndarray:
    return activations[pairs.split == "train"].std(axis=0)


def _names(nodes: int) -> list[str]:
    return [f"node_{number:02d}" for number in range(1, nodes + 1)]

"""Where in a network an interaction of two motifs arises: in the dense head, or in what it is fed.

The four knock-out versions of a pair are four points in the space of the pooled (or flattened) layer
below the head. Relative to the point without both motifs, ``delta_a`` and ``delta_b`` are what
either motif does to that layer alone. If the layer were additive, the point with both
motifs would be the fourth corner of the rectangle that they span; the interaction of the head over that
rectangle, its mixed difference, is its second derivative along both directions, averaged
over the rectangle. The rest comes from below: the layer is not where the rectangle ends.
"""

import copy
from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch
from torch import nn

from seqaudit.data.knockouts import VERSIONS
from seqaudit.data.sequences import one_hot
from seqaudit.data.targets import invert_target
from seqaudit.errors import SeqauditError
from seqaudit.models.cnn import Cnn
from seqaudit.models.device import borrowed, choose_device
from seqaudit.models.memory import run_in_batches


def layer_below_head(
    model: Cnn, letters: np.ndarray, *, batch_size: int = 500, device: str = "auto"
) -> np.ndarray:
    """What the dense layers of a network are fed.

    Parameters
    ----------
    model : Cnn
        As it was before afterwards.
    letters : array of str, shape (n,)
    batch_size : int
    device : str
        ``"auto"``, ``"cpu"`` or ``"cuda"``.

    Returns
    -------
    numpy.ndarray, float64, shape (n, features)
        Computed in float32, as in training.

    Raises
    ------
    SeqauditError
        A network of another kind: only a Cnn says where its head begins.
    """
    if not isinstance(model, Cnn):
        raise SeqauditError(
            f"model: got a {type(model).__name__}, expected a network of this package's convolutions, whose "
            "dense head is known. Leave this model out."
        )
    chosen, encoded, caught = choose_device(device), one_hot(letters), []
    first = model.dense[0] if len(model.dense) else model.output
    handle = first.register_forward_pre_hook(lambda module, inputs: caught.append(inputs[0].cpu()))

    def ask(part: slice) -> torch.Tensor:
        caught.clear()
        lent(torch.as_tensor(encoded[part]).to(chosen, torch.float32))
        return caught[0]

    try:
        with torch.no_grad(), borrowed(model, chosen) as lent:
            features = torch.cat(run_in_batches(ask, len(encoded), batch_size=batch_size))
    finally:
        handle.remove()
    return features.double().numpy()


def head_outputs(model: Cnn, features: np.ndarray) -> np.ndarray:
    """Outputs (n,) of the dense layers, in the training space, from features (n, features), in float64."""
    head = copy.deepcopy(nn.Sequential(*model.dense, model.output)).cpu().double().eval()
    with torch.no_grad():
        outputs = head(torch.from_numpy(features)).numpy()
    if outputs.shape[1] != 1:
        raise SeqauditError(f"model: has {outputs.shape[1]} outputs, expected one.")
    return outputs[:, 0]


def split_interactions(
    model: Cnn,
    pairs: pd.DataFrame,
    *,
    design: Mapping,
    transform: str,
    batch_size: int = 500,
    device: str = "auto",
) -> pd.DataFrame:
    """Split the interaction of every motif pair into that of the head and the rest.

    With ``u`` the layer below the head, ``delta_a = u(b_off) - u(both_off)`` and ``delta_b``
    likewise, ``head`` is the mixed difference of the head between ``u(both_off)``, that plus either
    and that plus both. ``below`` is the head at ``u(orig)`` minus the head at the last corner.
    Their sum is the interaction exactly.

    Parameters
    ----------
    model : Cnn
        One output, trained in the space of ``transform``.
    pairs : pandas.DataFrame
        Table ``knockouts``.
    design : mapping
        ``model_id``, ``dataset``, ``control``, ``padding``, ``arch``, ``l1`` and ``seed``.
    transform : {"anscombe", "identity", "log1p"}
        Interactions are in the unit of the target, after its inverse, and on the trained scale.
    batch_size : int
    device : str

    Returns
    -------
    pandas.DataFrame
        Table ``hessian_heads`` without its strata: the columns of ``data.pair_strata`` are the
        caller's.

    Raises
    ------
    SeqauditError
        Another kind of network, several outputs, or no pairs.
    """
    if len(pairs) == 0:
        raise SeqauditError("pairs: got none, expected one or more held-out motif pairs.")
    codes, distinct = pd.factorize(pd.concat([pairs[version] for version in VERSIONS], ignore_index=True))
    layer = layer_below_head(model, distinct.to_numpy(), batch_size=batch_size, device=device)
    orig, a_off, b_off, both_off = layer[codes].reshape(len(VERSIONS), len(pairs), -1)
    delta_a, delta_b = b_off - both_off, a_off - both_off
    corner = both_off + delta_a + delta_b
    trained = [head_outputs(model, points) for points in (orig, corner, a_off, b_off, both_off)]
    norm_a, norm_b = np.linalg.norm(delta_a, axis=1), np.linalg.norm(delta_b, axis=1)
    left_over = np.linalg.norm(orig - corner, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(norm_a > 0, left_over / norm_a, np.nan)
    known = ["pair_id", "motif_pair", "motif_a", "motif_b"]
    return pd.DataFrame(
        {
            **dict(design),
            **{name: pairs[name].to_numpy() for name in known},
            **_parts([invert_target(values, transform) for values in trained]),
            **{f"{name}_trained": values for name, values in _parts(trained).items()},
            "norm_a": norm_a,
            "norm_b": norm_b,
            "non_additivity": ratio,
            "truth": _mixed(*(pairs[f"expected_{version}"].to_numpy(np.float64) for version in VERSIONS)),
            "status": np.where(norm_a > 0, "ok", "motif A does not reach the layer: no ratio"),
        }
    )


def _mixed(both, a_off, b_off, neither):
    return both - a_off - b_off + neither


def _parts(values: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Interaction and its two parts, from the head at orig, corner, a_off, b_off and both_off."""
    orig, corner, *others = values
    return {"interaction": _mixed(orig, *others), "head": _mixed(corner, *others), "below": orig - corner}

"""Posteriors on disk: many of one kind in one safetensors file, never a pickle."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open

from seqaudit.data.tables import atomic_path
from seqaudit.errors import SeqauditError
from seqaudit.models.concrete import ConcretePosterior
from seqaudit.models.mean_field import MeanFieldPosterior
from seqaudit.models.mlp import Mlps, Scaling
from seqaudit.models.posterior import Ensemble, PointPosterior, Posterior

FORMAT = "seqaudit-posteriors/1"
KINDS = {"concrete": ConcretePosterior, "mean_field": MeanFieldPosterior, "point": PointPosterior}

Tensors = dict[str, torch.Tensor]


def save_posteriors(posteriors: Sequence[Posterior], path: str | Path) -> None:
    """Write posteriors that were trained together.

    Parameters
    ----------
    posteriors : sequence of Posterior
        One or more of the same kind, shape and settings, as ``training.bayesian.fit_posteriors``
        returns them. Each keeps its own scaling.
    path : path
        The file appears only when complete, and holds the digest of its content.

    Raises
    ------
    SeqauditError
        No posterior, posteriors that differ in kind or shape, or a disk that cannot take the file.
    """
    members = [_members(posterior) for posterior in posteriors]
    leaves = [leaf for some in members for leaf in some]
    tensors = [_tensors(leaf) for leaf in leaves]
    shared = {
        (
            type(leaf),
            leaf.network.beta,
            leaf.network.link,
            tuple((name, tuple(tensor.shape)) for name, tensor in mine.items()),
        )
        for leaf, mine in zip(leaves, tensors)
    }
    if len(shared) != 1 or len(set(map(len, members))) != 1:
        raise SeqauditError(
            f"posteriors: got {len(members)} of {len(shared)} kinds or shapes, expected one or more that "
            "were trained together."
        )
    stacked = {name: torch.stack([mine[name] for mine in tensors]) for name in tensors[0]}
    first = leaves[0]
    described = {
        "format": FORMAT,
        "kind": next(kind for kind, made in KINDS.items() if type(first) is made),
        "members": str(len(members[0])),
        "ensemble": str(isinstance(posteriors[0], Ensemble)),
        "beta": repr(first.network.beta),
        "link": first.network.link,
    }
    described["sha256"] = _digest(described, stacked)
    with atomic_path(path) as unfinished:
        unfinished.write_bytes(safetensors.torch.save(stacked, metadata=described))


def load_posteriors(path: str | Path) -> list[Posterior]:
    """Read posteriors, on the CPU, in the order in which they were saved.

    Raises
    ------
    SeqauditError
        A file that is missing, truncated, altered or something else.
    """
    path = Path(path)
    if not path.is_file():
        raise SeqauditError(
            f"{path}: no such file, expected trained networks. Run the rule that trains them."
        )
    try:
        with safe_open(path, framework="pt") as stored:
            described = dict(stored.metadata() or {})
            stacked = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise _damaged(path, str(error)) from error
    if described.get("format") != FORMAT:
        raise _damaged(path, f"its format is {described.get('format')!r}, expected {FORMAT!r}")
    if described.pop("sha256", None) != _digest(described, stacked):
        raise _damaged(path, "its content does not match its own sha256")
    leaves = [
        _leaf({name: tensor[index] for name, tensor in stacked.items()}, described)
        for index in range(len(stacked["linear"]))
    ]
    if described["ensemble"] == "False":
        return leaves
    members = int(described["members"])
    return [Ensemble(tuple(leaves[first : first + members])) for first in range(0, len(leaves), members)]


def _members(posterior: Posterior) -> tuple[Posterior, ...]:
    return posterior.members if isinstance(posterior, Ensemble) else (posterior,)


def _tensors(leaf: Posterior) -> Tensors:
    """All numbers of one network and its posterior, by name."""
    network = leaf.network
    tensors = {"linear": network.linear[0], "intercept": network.intercept[0]}
    lists = {"weight": [w[0] for w in network.weights], "bias": [b[0] for b in network.biases]}
    if isinstance(leaf, ConcretePosterior):
        lists["logits"] = leaf.logits
    elif isinstance(leaf, MeanFieldPosterior):
        lists |= {"weight_sd": leaf.weight_sds, "bias_sd": leaf.bias_sds}
    for name, parts in lists.items():
        tensors |= {f"{name}.{layer}": part for layer, part in enumerate(parts)}
    shift, scale, *target = network.scaling
    scaling = {"shift": shift, "scale": scale, "target": target}
    tensors |= {f"scaling.{name}": torch.as_tensor(np.array(part)) for name, part in scaling.items()}
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def _leaf(tensors: Tensors, described: dict[str, str]) -> Posterior:
    layers = range(sum(name.startswith("weight.") for name in tensors))

    def of_all(name: str) -> tuple[torch.Tensor, ...]:
        return tuple(tensors[f"{name}.{layer}"] for layer in layers)

    network = Mlps(
        weights=tuple(weight[None] for weight in of_all("weight")),
        biases=tuple(bias[None] for bias in of_all("bias")),
        linear=tensors["linear"][None],
        intercept=tensors["intercept"][None],
        beta=float(described["beta"]),
        link=described["link"],
        scaling=Scaling(
            tensors["scaling.shift"].numpy(),
            tensors["scaling.scale"].numpy(),
            *tensors["scaling.target"].tolist(),
        ),
    )
    if described["kind"] == "concrete":
        return ConcretePosterior(network, of_all("logits"))
    if described["kind"] == "mean_field":
        return MeanFieldPosterior(network, of_all("weight_sd"), of_all("bias_sd"))
    return PointPosterior(network)


def _digest(described: dict[str, str], stacked: Tensors) -> str:
    digest = hashlib.sha256(repr(sorted(described.items())).encode())
    for name in sorted(stacked):
        digest.update(name.encode())
        digest.update(stacked[name].contiguous().numpy().tobytes())
    return digest.hexdigest()


def _damaged(path: Path, reason: str) -> SeqauditError:
    return SeqauditError(f"{path}: damaged or altered, {reason}. Delete it and train the networks again.")

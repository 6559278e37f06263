"""Saturation mutagenesis per sequence and core: seqaudit against full passes and tangermeme.

Contenders take turns within a round, in one process with one thread, and processor time is
measured, so that other jobs on the machine disturb all of them alike; ratios are medians
of the rounds' ratios. Networks are trained briefly first, so that differences are told
relative to real effects. At 1,000 bp full passes and tangermeme are timed on the
central 100 positions and scaled up, seqaudit on all. tangermeme runs where it can be
imported (pip install tangermeme==1.6.0); its own local method (``fast=True``), which it
uses for jobs of more than 30 s, is asked for separately.

    python benchmarks/mutagenesis.py --rounds 5
"""

import argparse
import sys
import time
import warnings
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
import torch

from seqaudit.models.cnn import build_cnn
from seqaudit.probes.mutagenesis import mutagenesis_chunks, saturation_mutagenesis
from seqaudit.training.loop import fit

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/helpers"))
from residual_network import ResidualNetwork

try:
    import tangermeme.saturation_mutagenesis as tangermeme
except ImportError as error:
    tangermeme, MISSING = None, f"tangermeme is not importable ({error})"

DEEPMR = {
    "convolutions": [{"filters": 15, "width": 7, "batch_norm": True}] * 3,
    "pooling": "flatten",
    "dense": [30, 30],
}
CENTRE = 100


class Task(NamedTuple):
    """A network, the sequences of a round and batch sizes of full passes."""

    name: str
    model: torch.nn.Module
    one_hot: np.ndarray
    batch_sizes: tuple[int, ...]
    target: float


def sequences(n: int, length: int, seed: int) -> np.ndarray:
    letters = np.random.default_rng(seed).integers(4, size=(n, length))
    return np.eye(4, dtype=np.int8)[letters].transpose(0, 2, 1).copy()


def labels(one_hot: np.ndarray, outputs: int) -> np.ndarray:
    """Standardised numbers of GAT and of TCA, the latter times the former."""
    gat = (one_hot[:, 2, :-2] * one_hot[:, 0, 1:-1] * one_hot[:, 3, 2:]).sum(1)
    tca = (one_hot[:, 3, :-2] * one_hot[:, 1, 1:-1] * one_hot[:, 0, 2:]).sum(1)
    counts = np.stack([gat, gat * tca], axis=1)[:, :outputs]
    return ((counts - counts.mean(0)) / counts.std(0)).astype(np.float32)


def trained_cnn(architecture, outputs: int, seed: int = 1):
    one_hot = sequences(1500, 100, seed)
    target = labels(one_hot, outputs)
    model = build_cnn(architecture, padding="valid", length=100, outputs=outputs, seed=seed)
    data = one_hot[:1200], target[:1200], one_hot[1200:], target[1200:]
    return fit(model, *data, seed=seed, batch_size=50, max_epochs=8).model


def trained_residual(layers: int, steps: int = 15):
    torch.manual_seed(1)
    model = ResidualNetwork(layers=layers, filters=64)
    one_hot = sequences(16, 1000, seed=1)
    target, inputs = torch.from_numpy(labels(one_hot, 1)), torch.from_numpy(one_hot).float()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(steps):
        optimiser.zero_grad()
        (model(inputs) - target).square().mean().backward()
        optimiser.step()
    return model.eval()


def tasks(names: list[str]) -> list[Task]:
    makers = {
        "arch1": lambda: Task(
            "100 bp, arch1, average", trained_cnn("arch1", 1), sequences(8, 100, 2), (300, 32), 2.7
        ),
        "deepmr": lambda: Task(
            "100 bp, DeepMR, flatten", trained_cnn(DEEPMR, 2), sequences(8, 100, 2), (300, 32), 2.7
        ),
        "four": lambda: Task(
            "1,000 bp, 4 dilated layers", trained_residual(4), sequences(1, 1000, 2), (32, 100), 15.0
        ),
        "nine": lambda: Task(
            "1,000 bp, 9 dilated layers", trained_residual(9), sequences(1, 1000, 2), (32, 100), 2.5
        ),
    }
    return [makers[name]() for name in names]


def contenders(task: Task) -> dict:
    """Functions that return effects ``(n, 4, positions, outputs)`` and how much of the job they do."""
    inputs, length = torch.from_numpy(task.one_hot), task.one_hot.shape[2]
    first = (length - CENTRE) // 2
    share = CENTRE / length

    def local():
        return saturation_mutagenesis(task.model, task.one_hot).effects[0], 1.0

    def peer(batch_size, fast=False):
        raw = tangermeme.saturation_mutagenesis(
            task.model,
            inputs,
            start=0 if fast else first,
            end=length if fast else first + CENTRE,
            batch_size=batch_size,
            raw_outputs=True,
            fast=fast,
        )
        return (raw.y_hat - raw.y0[:, None, None]).numpy(), 1.0 if fast else share

    def naive():
        size = task.batch_sizes[0]
        return saturation_mutagenesis(task.model, task.one_hot, method="naive", batch_size=size).effects[
            0
        ], 1.0

    chosen = {"seqaudit, local": local}
    if share == 1:
        chosen[f"seqaudit, naive, batch {task.batch_sizes[0]}"] = naive
    if tangermeme is not None:
        for size in task.batch_sizes:
            chosen[f"tangermeme, batch {size}"] = lambda size=size: peer(size)
    return chosen


def measure(task: Task, rounds: int) -> None:
    chosen = contenders(task)
    seconds = {name: [] for name in chosen}
    effects = {}
    for round_ in range(rounds + 1):
        for name, function in chosen.items():
            start = time.process_time()
            effects[name], share = function()
            if round_:  # the first one warms up
                seconds[name].append((time.process_time() - start) / share / len(task.one_hot))
    local = seconds["seqaudit, local"]
    for name, of_rounds in seconds.items():
        ratios = sorted(other / own for other, own in zip(of_rounds, local))
        spread = f"{median(ratios):.1f} [{ratios[0]:.1f}, {ratios[-1]:.1f}]"
        print(f"| {task.name} | {name} | {1e3 * median(of_rounds):.2f} | {spread} |", flush=True)
    compare(task, effects)


def compare(task: Task, effects: dict) -> None:
    others = [name for name in effects if name != "seqaudit, local"]
    if others:
        reference = effects[others[0]]
        first = (task.one_hot.shape[2] - reference.shape[2]) // 2
        local = effects["seqaudit, local"][:, :, first : first + reference.shape[2]]
        largest = np.abs(reference).max()
        difference = np.abs(local - reference).max()
        print(f"<!-- {task.name}: local differs from '{others[0]}' by {difference / largest:.1e} of "
              f"the largest effect {largest:.3g} -->", flush=True)  # fmt: skip


def measure_fast_peer(task: Task, n: int) -> None:
    """tangermeme's own local method per further sequence, without its preparation of seconds."""

    def seconds(function, one_hot) -> float:
        start = time.process_time()
        function(one_hot)
        return time.process_time() - start

    def peer(one_hot):
        inputs = torch.from_numpy(one_hot)
        tangermeme.saturation_mutagenesis(task.model, inputs, batch_size=300, raw_outputs=True, fast=True)

    few, many = sequences(n, task.one_hot.shape[2], 3), sequences(2 * n, task.one_hot.shape[2], 3)
    before, tangermeme._FAST_MIN_SECONDS = tangermeme._FAST_MIN_SECONDS, 0.0
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            peer(few)  # imports what it prepares networks with
            prepared = seconds(peer, few)
            marginal = (seconds(peer, many) - prepared) / n
    finally:
        tangermeme._FAST_MIN_SECONDS = before
    own = seconds(lambda one_hot: saturation_mutagenesis(task.model, one_hot), many) / len(many)
    name = "tangermeme, fast=True, batch 300, once" + ", which it refused" * any(
        "fast=False" in str(warning.message) for warning in said
    )
    print(f"| {task.name} | {name} | {1e3 * marginal:.2f} | {marginal / own:.1f} |", flush=True)


def measure_ensemble(members: int = 5, n: int = 1000) -> None:
    models = [trained_cnn(DEEPMR, 2, seed=seed) for seed in range(members)]
    one_hot = sequences(n, 100, 4)
    start = time.process_time()
    for _ in mutagenesis_chunks(models, one_hot):
        pass
    print(f"\n{n} sequences of 100 bp, {members} DeepMR members: {time.process_time() - start:.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    names = ["arch1", "deepmr", "four", "nine"]
    parser.add_argument("--tasks", nargs="*", choices=names, default=names)
    parser.add_argument("--no-fast-peer", action="store_true", help="leave out tangermeme's fast=True")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if tangermeme is None:
        print(f"Skipped: {MISSING}. Install tangermeme==1.6.0 to compare with it.\n")
    print("| network | method | ms per sequence | times seqaudit, local |")
    print("|---|---|---|---|")
    for task in tasks(options.tasks):
        measure(task, options.rounds)
        if tangermeme is not None and not options.no_fast_peer:
            measure_fast_peer(task, 40 if task.one_hot.shape[2] == 100 else 1)
    measure_ensemble()


if __name__ == "__main__":
    main()

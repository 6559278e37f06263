"""Training steps per second and core: seqaudit against the loops that people write.

Every contender trains the same network on the same data with the same batch size, in a
process of its own with one thread. Processes take turns within a round, and processor
time is measured, so that other jobs on the machine disturb all of them alike.

"memory kept" is a loop with seqaudit's one setting of the C library: without it, glibc
may hand activations back to the system and get them again, cleared, in every step.
Whether it does depends on what the process freed before, so both are shown.

    python benchmarks/training.py --rounds 7
"""

import argparse
import multiprocessing
import tempfile
import time
from typing import ClassVar

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from seqaudit.models.cnn import build_cnn
from seqaudit.training.cpu_steps import CpuSteps, keep_freed_memory

BATCH = 200
LENGTH = 100
SEQUENCES = 40_000
STEPS = 40
"""Steps per round."""


class StringDataset(Dataset):
    """Sequences as text, one-hot encoded one at a time, as most training code does."""

    code: ClassVar = {letter: index for index, letter in enumerate("ACGT")}

    def __init__(self, sequences: list[str], target: np.ndarray):
        self.sequences, self.target = sequences, target

    def __len__(self) -> int:
        return len(self.sequences)

    def __getitem__(self, row: int):
        sequence = self.sequences[row]
        one_hot = np.zeros((4, len(sequence)), dtype=np.float32)
        one_hot[[self.code[letter] for letter in sequence], np.arange(len(sequence))] = 1
        return torch.from_numpy(one_hot), torch.tensor(self.target[row], dtype=torch.float32)


def plain_torch(architecture: dict, padding: str, l1: float):
    """Network, loss and optimiser as a tutorial has them; returns one step as a function."""
    layers, channels = [], 4
    for layer in architecture["convolutions"]:
        layers += [nn.Conv1d(channels, layer["filters"], layer["width"], padding=padding), nn.ReLU()]
        channels = layer["filters"]
    layers += [nn.AdaptiveAvgPool1d(1), nn.Flatten()]
    for units in architecture["dense"]:
        layers += [nn.Linear(channels, units), nn.ReLU()]
        channels = units
    model = nn.Sequential(*layers, nn.Linear(channels, 1), nn.Flatten(0))
    kernels = [parameter for parameter in model.parameters() if parameter.ndim > 1][:-1]
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)

    def step(one_hot, target):
        optimiser.zero_grad()
        loss = nn.functional.mse_loss(model(one_hot), target)
        if l1:
            loss = loss + l1 * sum(kernel.abs().sum() for kernel in kernels)
        loss.backward()
        optimiser.step()

    return step


def batches_of(loader):
    while True:
        yield from loader


def random_rows():
    while True:
        yield from torch.randperm(SEQUENCES).split(BATCH)


def contender(name: str, file: str, settings: dict):
    """A function that takes one training step, data included."""
    table = pd.read_csv(file, sep="\t")
    texts, target = table["sequence"].tolist(), table["target"].to_numpy(np.float32)
    architecture, padding, l1 = settings["architecture"], settings["padding"], settings["l1"]
    model = build_cnn(architecture, padding=padding, length=LENGTH, seed=1)
    if "memory kept" in name:
        keep_freed_memory()

    if name.startswith("DataLoader"):
        loader = DataLoader(StringDataset(texts, target), batch_size=BATCH, shuffle=True)
        batches, step = batches_of(loader), plain_torch(model.architecture, padding, l1)
        return lambda: step(*next(batches))

    codes = np.frombuffer("".join(texts).encode(), dtype=np.uint8).reshape(len(texts), LENGTH)
    one_hot = torch.from_numpy(codes[:, None, :] == np.frombuffer(b"ACGT", dtype=np.uint8)[:, None])
    rows, wanted = random_rows(), torch.from_numpy(target)
    if name.startswith("in memory"):
        floats, step = one_hot.float(), plain_torch(model.architecture, padding, l1)

        def take_step():
            batch = next(rows)
            step(floats[batch], wanted[batch])

        return take_step

    assert name == "seqaudit", name
    steps = CpuSteps(model, l1=l1, learning_rate=1e-3)
    prepared, wanted = steps.prepare(one_hot.to(torch.int8)), wanted[:, None]

    def take_step():
        batch = next(rows)
        steps.step(prepared.index_select(0, batch), wanted.index_select(0, batch))

    return take_step


CONTENDERS = [
    "DataLoader over strings",
    "DataLoader over strings, memory kept",
    "in memory",
    "in memory, memory kept",
    "seqaudit",
]


def work(name: str, file: str, settings: dict, pipe) -> None:
    torch.set_num_threads(1)
    take_step = contender(name, file, settings)
    for _ in range(STEPS):
        take_step()
    pipe.send("ready")
    while pipe.recv() == "run":
        start = time.process_time()
        for _ in range(STEPS):
            take_step()
        pipe.send(time.process_time() - start)


def measure(file: str, settings: dict, rounds: int) -> dict[str, np.ndarray]:
    """Processor seconds of ``STEPS`` steps, of every contender and round."""
    context = multiprocessing.get_context("spawn")
    pipes = {}
    for name in CONTENDERS:
        pipes[name], end = context.Pipe()
        context.Process(target=work, args=(name, file, settings, end), daemon=True).start()
        pipes[name].recv()
    seconds: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for _ in range(rounds):
        for name, pipe in pipes.items():
            pipe.send("run")
            seconds[name].append(pipe.recv())
    for pipe in pipes.values():
        pipe.send("stop")
    return {name: np.array(values) for name, values in seconds.items()}


def write_data(file: str) -> None:
    generator = np.random.default_rng(1)
    letters = np.array(list("ACGT"))[generator.integers(4, size=(SEQUENCES, LENGTH))]
    sequences = ["".join(row) for row in letters]
    target = generator.normal(20, 9, size=SEQUENCES)
    pd.DataFrame({"sequence": sequences, "target": target}).to_csv(file, sep="\t", index=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--architecture", default="arch1", choices=["arch1", "arch2", "arch3"])
    parser.add_argument("--padding", default="valid", choices=["valid", "same"])
    parser.add_argument("--l1", type=float, default=0.0)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    settings = {"architecture": given.architecture, "padding": given.padding, "l1": given.l1}
    with tempfile.TemporaryDirectory() as folder:
        file = f"{folder}/sequences.tsv"
        write_data(file)
        seconds = measure(file, settings, given.rounds)
    reference = seconds[CONTENDERS[0]]

    print(f"{settings}, batch {BATCH}, {given.rounds} rounds, torch {torch.__version__}, ", end="")
    print(f"{torch.backends.cpu.get_cpu_capability()}\n")
    print("| training loop | ms per step | sequences/s per core | times faster: median [min, max] |")
    print("|---|---|---|---|")
    for name, values in seconds.items():
        ratio = reference / values
        print(
            f"| {name} | {np.median(values) / STEPS * 1e3:.1f} | "
            f"{STEPS * BATCH / np.median(values):,.0f} | "
            f"{np.median(ratio):.2f} [{ratio.min():.2f}, {ratio.max():.2f}] |"
        )


if __name__ == "__main__":
    main()

"""Training steps per second and core: seqaudit against the loops that people write.

Every contender trains the same network on the same data with the same batch size, in a
process of its own with one thread. Processes take turns within a round, and processor
time is measured, so that other jobs on the machine disturb all of them alike.

    python benchmarks/training.py --rounds 7
"""

import argparse
import multiprocessing
import time
from typing import ClassVar

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from seqaudit.models.cnn import build_cnn
from seqaudit.training.cpu_steps import CpuSteps, keep_freed_memory

BATCH = 200
LENGTH = 100
SEQUENCES = 8_000


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


def contender(name: str, settings: dict):
    """A function that trains one epoch."""
    generator = np.random.default_rng(1)
    letters = generator.integers(4, size=(SEQUENCES, LENGTH))
    one_hot = np.eye(4, dtype=np.int8)[letters].transpose(0, 2, 1).copy()
    target = generator.normal(20, 9, size=SEQUENCES).astype(np.float32)
    architecture, padding, l1 = settings["architecture"], settings["padding"], settings["l1"]
    model = build_cnn(architecture, padding=padding, length=LENGTH, seed=1)

    if name == "seqaudit":
        steps = CpuSteps(model, l1=l1, learning_rate=1e-3, capacity=BATCH)
        prepared, wanted = steps.prepare(torch.from_numpy(one_hot)), torch.from_numpy(target)[:, None]

        def epoch():
            for rows in torch.randperm(SEQUENCES).split(BATCH):
                steps.step(prepared[rows], wanted[rows])

        return epoch

    step = plain_torch(model.architecture, padding, l1)
    if name == "DataLoader over strings":
        texts = ["".join("ACGT"[code] for code in row) for row in letters]
        loader = DataLoader(StringDataset(texts, target), batch_size=BATCH, shuffle=True)

        def epoch():
            for batch in loader:
                step(*batch)

        return epoch

    if name == "in memory, freed memory kept":
        keep_freed_memory()
    floats, wanted = torch.from_numpy(one_hot).float(), torch.from_numpy(target)

    def epoch():
        for rows in torch.randperm(SEQUENCES).split(BATCH):
            step(floats[rows], wanted[rows])

    return epoch


CONTENDERS = ["DataLoader over strings", "in memory", "in memory, freed memory kept", "seqaudit"]


def work(name: str, settings: dict, pipe) -> None:
    torch.set_num_threads(1)
    epoch = contender(name, settings)
    epoch()
    pipe.send("ready")
    while pipe.recv() == "run":
        start = time.process_time()
        epoch()
        pipe.send(time.process_time() - start)


def measure(settings: dict, rounds: int) -> dict[str, np.ndarray]:
    """Processor seconds per epoch, of every contender and round."""
    context = multiprocessing.get_context("spawn")
    pipes = {}
    for name in CONTENDERS:
        pipes[name], end = context.Pipe()
        context.Process(target=work, args=(name, settings, end), daemon=True).start()
        pipes[name].recv()
    seconds: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for _ in range(rounds):
        for name, pipe in pipes.items():
            pipe.send("run")
            seconds[name].append(pipe.recv())
    for pipe in pipes.values():
        pipe.send("stop")
    return {name: np.array(values) for name, values in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--architecture", default="arch1", choices=["arch1", "arch2", "arch3"])
    parser.add_argument("--padding", default="valid", choices=["valid", "same"])
    parser.add_argument("--l1", type=float, default=0.0)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    settings = {"architecture": given.architecture, "padding": given.padding, "l1": given.l1}
    seconds = measure(settings, given.rounds)
    reference = seconds[CONTENDERS[0]]

    print(f"{settings}, batch {BATCH}, {given.rounds} rounds, torch {torch.__version__}, ", end="")
    print(f"{torch.backends.cpu.get_cpu_capability()}\n")
    print("| training loop | ms per step | sequences/s per core | times faster: median [min, max] |")
    print("|---|---|---|---|")
    for name, values in seconds.items():
        ratio = reference / values
        print(
            f"| {name} | {np.median(values) / (SEQUENCES / BATCH) * 1e3:.1f} | "
            f"{SEQUENCES / np.median(values):,.0f} | "
            f"{np.median(ratio):.2f} [{ratio.min():.2f}, {ratio.max():.2f}] |"
        )


if __name__ == "__main__":
    main()

"""Hessians of posterior samples at points, summed by group: closed form, torch.func and a plain loop.

Contenders take turns within a round, in one process with one thread, and processor time is
measured, so that other jobs on the machine disturb all of them alike; the slow ones do a
share of the job and are scaled up. The job is the published one: 400 samples, 5,000 points, 8
features, three layers of 100, 11 groups. The second table is of training: seconds per
network of many refits at once and one by one.

    OMP_NUM_THREADS=1 python benchmarks/hessian.py --rounds 3
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch

from seqaudit.probes.hessian import group_hessians
from seqaudit.training.bayesian import fit_posteriors
from seqaudit.training.bayesian_settings import NetworkSettings

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/helpers"))
from toy_mlps import Opaque, random_mlps

SAMPLES, POINTS, GROUPS = 400, 5000, 11
SHAPE = (8, 100, 100, 100, 1)


def timed(work: Callable[[], None]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def plain_loop(networks, points: np.ndarray) -> None:
    """What the authors' notebook does, point by point, with torch's own Hessian."""
    for sample in range(len(networks)):
        parameters = {name: tensor[sample] for name, tensor in networks.parameters.items()}
        for point in torch.from_numpy(points).to(networks.linear):
            torch.autograd.functional.hessian(lambda x, own=parameters: networks.function(own, x), point)


def hessian_contenders() -> dict[str, tuple[Callable[[], None], float]]:
    """Work and the share of the whole job that it does."""
    networks = random_mlps(SHAPE, samples=SAMPLES, dtype=torch.float32)
    points = np.random.default_rng(1).normal(size=(POINTS, 8))
    labels = np.arange(POINTS) % GROUPS

    def grouped(draws, n, **options):
        return lambda: group_hessians(draws, points[:n], [labels[:n]], device="cpu", **options)

    def share(samples, n):
        return samples * n / (SAMPLES * POINTS)

    few = networks.part(slice(0, 20))
    return {
        "closed form, single precision": (grouped(networks.part(slice(0, 40)), POINTS), share(40, POINTS)),
        "closed form, double precision": (grouped(few, POINTS, precision="double"), share(20, POINTS)),
        "torch.func, single precision": (grouped(Opaque(few), 500), share(20, 500)),
        "torch.autograd.functional, point by point": (
            lambda: plain_loop(networks.part(slice(0, 2)), points[:100]),
            share(2, 100),
        ),
    }


def training_contenders() -> dict[str, tuple[Callable[[], None], float]]:
    """Work and the number of networks that it trains, for two sizes of network and batch."""
    rng = np.random.default_rng(2)
    features, validation = rng.normal(size=(2000, 8)), rng.normal(size=(200, 8))
    found = {}
    for hidden, batch_size in (((20, 10), 50), ((100, 100, 100), 256)):
        settings = NetworkSettings(hidden=hidden, batch_size=batch_size, max_epochs=2)
        for networks in (1, 64):

            def work(settings=settings, networks=networks):
                targets = rng.normal(size=(networks, 2200))
                data = features, targets[:, :2000], validation, targets[:, 2000:]
                fit_posteriors(*data, settings=settings, seed=1, device="cpu")

            layers = "-".join(map(str, hidden))
            found[f"{layers}, batch {batch_size}, {networks} together"] = (work, float(networks))
    return found


def report(title: str, contenders: dict, rounds: int, unit: str) -> None:
    for work, _ in contenders.values():
        work()
    seconds = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, (work, amount) in contenders.items():
            seconds[name].append(timed(work) / amount)
    first = next(iter(seconds.values()))
    print(f"\n| {title} | {unit} | times the first |\n|---|---|---|")
    for name, values in seconds.items():
        ratios = [value / reference for value, reference in zip(values, first)]
        print(
            f"| {name} | {median(values):.4g} | {median(ratios):.3g} [{min(ratios):.3g}, {max(ratios):.3g}] |"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    report("Hessians", hessian_contenders(), rounds, "processor seconds for the whole job")
    report("training", training_contenders(), rounds, "processor seconds per network, 2 epochs of 2,000 rows")

"""Maps and their consistency per model and core: what a population of networks costs.

One thread and processor time, medians over rounds. Networks are untrained (time does not depend on
weights), the sequences are 2,000 of 100 bp. captum does the same saliency where it can be imported
(pip install captum==0.9.0); nothing else scores consistency, so there is no peer for that.

    OMP_NUM_THREADS=1 python benchmarks/consistency.py --rounds 5
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from statistics import median

import numpy as np
import torch

from seqaudit.inference.consistency import score_consistency
from seqaudit.models.cnn import PUBLISHED_ARCHITECTURES, build_cnn
from seqaudit.probes.attribution import attribute
from seqaudit.probes.baselines import dinucleotide_references

try:
    from captum.attr import Saliency
except ImportError as error:
    Saliency, MISSING = None, f"captum is not importable ({error})"

N, LENGTH, MODELS = 2000, 100, 90


def processor_seconds(job: Callable, rounds: int) -> float:
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        job()
        taken.append(time.process_time() - start)
    return median(taken)


def captum_saliency(model: torch.nn.Module, one_hot: np.ndarray) -> None:
    for batch in torch.from_numpy(one_hot).float().split(500):
        Saliency(model).attribute(batch.requires_grad_(), target=0, abs=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    letters = np.random.default_rng(1).integers(4, size=(N, LENGTH))
    one_hot = np.eye(4, dtype=np.int8)[letters].transpose(0, 2, 1).copy()
    model = build_cnn(PUBLISHED_ARCHITECTURES["arch1"], padding="valid", length=LENGTH, outputs=1, seed=1)
    model.eval()
    maps = attribute(model, one_hot).maps
    references = dinucleotide_references(one_hot[:50], count=20, seed=1)

    ask = partial(attribute, model)
    score = partial(score_consistency, maps, one_hot)
    jobs = {
        "saliency": (partial(ask, one_hot), 1),
        "smoothgrad, 50 samples": (partial(ask, one_hot[:200], method="smoothgrad"), N / 200),
        "integrated gradients, 20 references x 25 steps": (
            partial(ask, one_hot[:50], method="integrated_gradients", baseline=references),
            N / 50,
        ),
        "ism": (partial(ask, one_hot[:200], method="ism"), N / 200),
        "both scores with nulls": (partial(score, resamples=0), 1),
        "both scores with nulls and standard errors": (score, 1),
        "the same, 0.99 of windows retained": (partial(score, retained=0.99), 1),
        "published options": (partial(score, resamples=0, k=6, basis="published", wrap=True), 1),
    }
    if Saliency is not None:
        jobs["saliency, captum"] = (partial(captum_saliency, model, one_hot), 1)
    else:
        print(MISSING)
    print(f"| {N:,} sequences of {LENGTH} bp | seconds per model | minutes for {MODELS} |\n|---|---|---|")
    for name, (job, times) in jobs.items():
        seconds = processor_seconds(job, rounds) * times
        print(f"| {name} | {seconds:.3f} | {seconds * MODELS / 60:.1f} |")


if __name__ == "__main__":
    main()

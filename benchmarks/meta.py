"""Random-effects meta-analyses per second and core: seqaudit, statsmodels and R's metafor.

All pool the same made-up groups. Contenders take turns within a round and processor time is
measured, so that other jobs on the machine disturb all of them alike. metafor runs where
Rscript and the package are installed (Debian: r-cran-metafor).

    python benchmarks/meta.py --rounds 5
"""

import argparse
import json
import shutil
import subprocess
import tempfile
import time
import tracemalloc
from statistics import median

import numpy as np
from statsmodels.stats.meta_analysis import combine_effects

from seqaudit.inference.meta import random_effects

SIZES = {50: 24_000, 500: 1_000}  # studies per group: groups
STATSMODELS_GROUPS = 200
METAFOR_GROUPS = {50: 60, 500: 3}
METAFOR = """
suppressMessages(library(metafor)); library(jsonlite)
data <- fromJSON("{path}")
start <- proc.time()
for (i in seq_len(nrow(data$b))) rma(data$b[i, ], data$se[i, ]^2, method = "{method}")
used <- proc.time() - start
cat(used[["user.self"]] + used[["sys.self"]])
"""


def made_up_groups(groups: int, studies: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Effects and standard errors with a tau of 0.3 and errors that vary over a factor of ten."""
    rng = np.random.default_rng(seed)
    se = np.exp(rng.normal(-1, 0.5, (groups, studies)))
    return rng.normal(0.2, 0.3, se.shape) + rng.normal(0, se), se


def seqaudit_rate(b, se, method: str) -> float:
    start = time.process_time()
    random_effects(b, se, tau2=method)
    return len(b) / (time.process_time() - start)


def statsmodels_rate(b, se) -> float:
    start = time.process_time()
    for effects, errors in zip(b[:STATSMODELS_GROUPS], se[:STATSMODELS_GROUPS]):
        combine_effects(effects, errors**2, method_re="iterated")
    return STATSMODELS_GROUPS / (time.process_time() - start)


def metafor_rate(b, se, method: str) -> float:
    groups = METAFOR_GROUPS[b.shape[1]]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({"b": b[:groups].tolist(), "se": se[:groups].tolist()}, file)
        file.flush()
        script = METAFOR.replace("{path}", file.name).replace("{method}", method)
        done = subprocess.run(["Rscript", "-e", script], capture_output=True, text=True, check=True)
    return groups / float(done.stdout)


def has_metafor() -> bool:
    if not shutil.which("Rscript"):
        return False
    check = ["Rscript", "-e", "library(metafor); library(jsonlite)"]
    return subprocess.run(check, capture_output=True, check=False).returncode == 0


def peak_memory(studies: int) -> float:
    """Peak of one REML fit in MB, input excluded."""
    b, se = made_up_groups(1, studies, seed=1)
    tracemalloc.start()
    random_effects(b, se)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    contenders = {f"seqaudit {m}": lambda b, se, m=m: seqaudit_rate(b, se, m) for m in ("DL", "PM", "REML")}
    contenders["statsmodels PM, one by one"] = statsmodels_rate
    if has_metafor():
        contenders |= {
            f"metafor {m}": lambda b, se, m=m: metafor_rate(b, se, m) for m in ("DL", "PM", "REML")
        }
    print(f"| groups per second | {' | '.join(f'{studies} studies' for studies in SIZES)} |")
    print("|---|" + "---|" * len(SIZES))
    data = {studies: made_up_groups(groups, studies, seed=0) for studies, groups in SIZES.items()}
    rates = {(name, studies): [] for name in contenders for studies in SIZES}
    for _ in range(rounds):
        for (name, studies), measured in rates.items():
            measured.append(contenders[name](*data[studies]))
    for name in contenders:
        print(f"| {name} | {' | '.join(f'{median(rates[name, studies]):,.0f}' for studies in SIZES)} |")
    for studies in (1_000, 10_000, 100_000):
        print(f"one REML fit of {studies:,} studies: peak memory {peak_memory(studies):.1f} MB")


if __name__ == "__main__":
    main()

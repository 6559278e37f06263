"""MR estimates per second and core: seqaudit, statsmodels one locus at a time, R's lmrob.

All see the same made-up loci. Contenders take turns within a round and processor time is
measured, so that other jobs on the machine disturb all of them alike. lmrob, the engine of
robust MR-Egger in R, runs where Rscript and robustbase are installed (Debian: r-base-core,
r-cran-robustbase).

    OMP_NUM_THREADS=1 python benchmarks/mr.py --rounds 5
"""

import argparse
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import statsmodels.api as sm

from seqaudit.inference import mr

INSTRUMENTS = 50
OURS = {
    # method: loci, options
    "ivw": (40_000, {}),
    "egger": (40_000, {}),
    "ivw_robust": (4_000, {}),
    "egger_robust": (4_000, {}),
    "raps_simple": (20_000, {}),
    "raps": (5_000, {}),
    "maxlik": (20_000, {}),
    "divw": (40_000, {}),
    "conmix": (5_000, {}),
    "lasso": (2_000, {}),
    "median_weighted, analytic se": (40_000, {"se_method": "analytic"}),
    "median_weighted, 1000 draws": (200, {}),
    "mode_weighted, 1000 draws": (40, {}),
    "presso, 1000 draws": (200, {"n_draws": 1000}),
}
STATSMODELS_LOCI = 400
LMROB_LOCI = 200
LMROB = """
suppressMessages(library(robustbase))
read <- function(name) as.matrix(read.csv(file.path("{folder}", name), header = FALSE))
x <- read("x"); y <- read("y"); sy <- read("sy"); set.seed(1)
start <- proc.time()
for (i in seq_len(nrow(x)))
  suppressWarnings(lmrob(y[i, ] ~ x[i, ], weights = sy[i, ]^-2, k.max = 500, maxit.scale = 500))
used <- proc.time() - start
cat(used[["user.self"]] + used[["sys.self"]])
"""

Effects = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def made_up_loci(loci: int, seed: int) -> Effects:
    """Loci with balanced pleiotropy, a tenth of the instruments far off the line."""
    rng = np.random.default_rng(seed)
    se_exposure, se_outcome = rng.uniform(0.005, 0.02, (2, loci, INSTRUMENTS))
    true = rng.normal(0, 0.1, se_outcome.shape)
    direct = rng.normal(0, 0.01, true.shape) + 0.2 * (rng.random(true.shape) < 0.1)
    beta_outcome = 0.5 * true + direct + rng.normal(0, se_outcome)
    return true + rng.normal(0, se_exposure), se_exposure, beta_outcome, se_outcome


def seqaudit_rate(effects: Effects, name: str) -> float:
    loci, options = OURS[name]
    start = time.process_time()
    mr.estimate(*(values[:loci] for values in effects), method=name.split(",")[0], **options)
    return loci / (time.process_time() - start)


def statsmodels_rate(effects: Effects, *, intercept: bool) -> float:
    start = time.process_time()
    for x, _, y, sy in zip(*(values[:STATSMODELS_LOCI] for values in effects), strict=True):
        sign = np.sign(x)
        design = sm.add_constant(sign * x) if intercept else sign * x
        fit = sm.WLS(sign * y, design, weights=1 / sy**2).fit()
        _ = fit.params, fit.bse, fit.pvalues
    return STATSMODELS_LOCI / (time.process_time() - start)


def lmrob_rate(effects: Effects) -> float:
    x, _, y, sy = (values[:LMROB_LOCI] for values in effects)
    with tempfile.TemporaryDirectory() as folder:
        for name, values in {"x": np.abs(x), "y": np.sign(x) * y, "sy": sy}.items():
            np.savetxt(Path(folder) / name, values, delimiter=",", fmt="%.17g")
        script = LMROB.replace("{folder}", folder)
        done = subprocess.run(["Rscript", "-e", script], capture_output=True, text=True, check=True)
    return LMROB_LOCI / float(done.stdout)


def has_lmrob() -> bool:
    if not shutil.which("Rscript"):
        return False
    check = ["Rscript", "-e", "library(robustbase)"]
    return subprocess.run(check, capture_output=True, check=False).returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    contenders: dict[str, Callable] = {
        f"seqaudit {name}": lambda effects, name=name: seqaudit_rate(effects, name) for name in OURS
    }
    contenders["statsmodels WLS, IVW"] = lambda effects: statsmodels_rate(effects, intercept=False)
    contenders["statsmodels WLS, Egger"] = lambda effects: statsmodels_rate(effects, intercept=True)
    if has_lmrob():
        contenders["robustbase lmrob, robust Egger"] = lmrob_rate
    effects = made_up_loci(max(loci for loci, _ in OURS.values()), seed=0)
    rates = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, rate in contenders.items():
            rates[name].append(rate(effects))
    print(f"| | loci per second ({INSTRUMENTS} instruments) |\n|---|---|")
    for name, measured in rates.items():
        print(f"| {name} | {median(measured):,.0f} |")
    if "robustbase lmrob, robust Egger" in rates:
        pairs = zip(rates["seqaudit egger_robust"], rates["robustbase lmrob, robust Egger"], strict=True)
        factors = [ours / theirs for ours, theirs in pairs]
        print(f"robust Egger: {median(factors):.1f} times lmrob ({min(factors):.1f} to {max(factors):.1f})")
    else:
        print("lmrob was not measured: Rscript or robustbase is not installed")


if __name__ == "__main__":
    main()

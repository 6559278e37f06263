"""Made-up loci for the tests of Mendelian randomization."""

import numpy as np


def loci(seed: int, n_loci: int, n: int, *, effect=0.5, pleiotropy=0.02, outliers=0.0, strength=0.1):
    """Instruments of both signs, with balanced pleiotropy and outliers; ``(loci, n)`` each."""
    rng = np.random.default_rng(seed)
    se_exposure, se_outcome = rng.uniform(0.008, 0.02, (2, n_loci, n))
    true = strength * rng.choice([-1, 1], (n_loci, n)) * rng.uniform(0.3, 2, (n_loci, n))
    direct = pleiotropy * rng.normal(size=(n_loci, n)) + outliers * (rng.random((n_loci, n)) < 0.2)
    beta_exposure = true + se_exposure * rng.normal(size=(n_loci, n))
    beta_outcome = effect * true + direct + se_outcome * rng.normal(size=(n_loci, n))
    return beta_exposure, se_exposure, beta_outcome, se_outcome


LOSSES = ("l2", "huber", "tukey")
SIX = (
    np.array([0.10, 0.20, 0.30, -0.15, 0.22, 0.31]),
    np.array([0.010, 0.012, 0.009, 0.011, 0.010, 0.013]),
    np.array([0.07, 0.08, 0.16, -0.07, 0.13, 0.12]),
    np.array([0.020, 0.025, 0.018, 0.022, 0.030, 0.021]),
)
"""One locus with six instruments."""

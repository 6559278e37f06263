"""What all models of a data set together say of an interaction, by the additive twin."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import optimize

from seqaudit.data.schemas import SCHEMAS
from seqaudit.errors import SeqauditError
from seqaudit.inference.additive_twin import Z90, TwinOptions, check_twin_options, judge_claims
from seqaudit.inference.combine import cauchy_combination, false_discovery_rate
from seqaudit.inference.twin_claims import Claims, read_claims, twin_parts
from seqaudit.inference.twin_gate import others_without_interaction, prepare_all
from seqaudit.inference.twin_reasons import CANNOT_TELL, CONFIRMED, NOT_SUPPORTED, PRESENT

_COLUMNS = [column.name for column in SCHEMAS["twin_summary"].columns]
_OF_ENSEMBLE = [name for name in _COLUMNS if name in {c.name for c in SCHEMAS["twin_models"].columns}]
_WORDS = {
    "n_confirmed": CONFIRMED,
    "n_present": PRESENT,
    "n_not_supported": NOT_SUPPORTED,
    "n_cannot_tell": CANNOT_TELL,
}


class RandomEffects(NamedTuple):
    """Mean over models, its standard error, standard deviation between models, and weights (n_models,)."""

    mean: float
    se: float
    tau: float
    weights: np.ndarray


def summarise_twin(
    pairs: pd.DataFrame,
    twins: Sequence[pd.DataFrame],
    architectures: Mapping[str, str],
    *,
    dataset: str,
    noise: str = "poisson",
    margin: float = 0.25,
    alpha: float = 0.05,
    covariance: str = "HC0",
    n_folds: int = 5,
    n_draws: int = 200,
    min_pairs: int = 30,
    seed: int = 0,
) -> pd.DataFrame:
    """Judge every motif pair of one data set by all its models.

    The verdict is that of the ensemble, the mean prediction of all models, judged as one model
    (``judge_twin``). Beside it stand the random-effects mean of the single betas and the
    partial-conjunction p-values over architectures.

    Parameters
    ----------
    pairs, twins, noise, margin, alpha, covariance, n_folds, n_draws, min_pairs, seed
        As in ``judge_twin``.
    architectures : mapping
        ``model_id`` to architecture, for every model of ``pairs``.
    dataset : str
        Written to every row.

    Returns
    -------
    pandas.DataFrame
        Table ``twin_summary``, one row per motif pair.

    Raises
    ------
    SeqauditError
        As ``judge_twin``, or a model without an architecture.
    """
    options = TwinOptions(noise, margin, alpha, covariance, n_folds, n_draws, min_pairs, seed)
    check_twin_options(options)
    unknown = sorted(set(pairs["model_id"]) - set(architectures))
    if unknown:
        raise SeqauditError(
            f"architectures: model '{unknown[0]}' ({len(unknown)} such models) has motif pairs but no "
            "architecture. Give the design of every model."
        )
    if not len(twins):
        raise SeqauditError(
            "twins: got none, expected at least one additive twin, better four of two families."
        )
    rows = []
    for claims in read_claims(pairs):
        parts = [twin_parts(twin, claims) for twin in twins]
        ensemble, _ = judge_claims(claims.mean_model(f"{dataset}.ensemble"), 0, parts, options, None)
        rows.append(
            {
                **{name: ensemble[name] for name in _OF_ENSEMBLE if name != "twin_id"},
                "dataset": dataset,
                "twin_id": str(twins[0]["model_id"].iloc[0]),
                **_models_together(claims, parts, architectures, options),
            }
        )
    for row, q_value in zip(rows, false_discovery_rate([row["twin_p"] for row in rows])):
        row["q_value"] = q_value
    return pd.DataFrame(rows)[_COLUMNS]


def random_effects(beta, influence) -> RandomEffects:
    """Mean of estimates that share their labels: generalised least squares with REML heterogeneity.

    ``beta_k ~ N(mean, V + tau^2 I)``, with the joint covariance ``V`` of the estimates summed from
    what every group of pairs contributes to each of them. Models that err together share
    their weight, so 45 copies of one model say no more than one. ``tau`` is what the models differ by
    beyond the noise of labels; models drawn from one design are its population.

    Parameters
    ----------
    beta : array_like, shape (n_models,)
    influence : array_like, shape (n_models, n_groups)
        ``Judged.influence`` of every model: errors of beta by independent group.

    Raises
    ------
    SeqauditError
        Shapes that do not fit, no model, or values that are not finite.
    """
    beta, influence = np.asarray(beta, np.float64), np.asarray(influence, np.float64)
    if beta.ndim != 1 or not beta.size or influence.ndim != 2 or len(influence) != beta.size:
        raise SeqauditError(
            f"random effects: got beta {beta.shape} and influence {influence.shape}, expected (n_models,) "
            "and (n_models, n_groups) with at least one model."
        )
    if not (np.isfinite(beta).all() and np.isfinite(influence).all()):
        raise SeqauditError(
            "random effects: a beta or its influence is not finite. Leave such models out first."
        )
    noise, axes = np.linalg.eigh(influence @ influence.T)
    # rounding makes repeated models' smallest eigenvalues 0 or negative
    noise = np.maximum(noise, noise.max() * 1e-12)
    ones, turned = axes.T @ np.ones_like(beta), axes.T @ beta

    def fit(tau: float) -> tuple[float, float, np.ndarray]:
        variance = noise + tau**2
        information = (ones**2 / variance).sum()
        return (ones * turned / variance).sum() / information, information, variance

    def deviance(tau: float) -> float:
        mean, information, variance = fit(tau)
        return np.log(variance).sum() + np.log(information) + ((turned - mean * ones) ** 2 / variance).sum()

    tau = 0.0
    if beta.size > 1 and np.ptp(beta) > 0:
        best = optimize.minimize_scalar(deviance, bounds=(0, 2 * np.ptp(beta)), method="bounded")
        tau = float(best.x) if best.fun < deviance(0.0) else 0.0
    mean, information, variance = fit(tau)
    weights = axes @ (ones / variance) / information
    return RandomEffects(float(mean), float(1 / np.sqrt(information)), tau, weights)


def partial_conjunction(p_values) -> np.ndarray:
    """P-values that at least k of K hypotheses are false, for k = 1 to K.

    Bonferroni's form of Benjamini & Heller (2008): (K - k + 1) times the k-th smallest p-value,
    made monotone in k. Valid whatever the dependence between the p-values.

    Parameters
    ----------
    p_values : array_like, shape (n,)
        NaN (not tested) is left out.

    Returns
    -------
    numpy.ndarray, shape (number of p-values,), float64
    """
    p = np.asarray(p_values, np.float64)
    p = np.sort(p[~np.isnan(p)])
    return np.minimum(np.maximum.accumulate(np.arange(p.size, 0, -1) * p), 1.0)


def _models_together(
    claims: Claims, twins: list[np.ndarray], architectures: Mapping[str, str], options: TwinOptions
) -> dict:
    rows, influences, off = [], [], []
    for number in range(len(claims.model_ids)):
        others = others_without_interaction(claims.parts, number)
        row, influence = judge_claims(claims, number, twins, options, others)
        rows.append(row)
        if influence is not None:
            influences.append(influence)
            chosen, *witnesses = prepare_all(claims.parts[number], twins, claims.starts, noise=options.noise)
            off.append([(witness.twin - chosen.twin) @ chosen.solver[0] for witness in witnesses])
    models = pd.DataFrame(rows)
    counts = {name: int((models["verdict_twin"] == words).sum()) for name, words in _WORDS.items()}
    by_architecture = models.groupby(models["model_id"].map(architectures), sort=False)["twin_p"]
    conjunction = partial_conjunction(by_architecture.agg(cauchy_combination))
    together = {
        "n_models": len(models),
        **counts,
        "n_architectures": conjunction.size,
        "n_architectures_confirmed": int((conjunction < options.alpha).sum()),
        "all_architectures_p": conjunction[-1] if conjunction.size else np.nan,
        "any_architecture_p": conjunction[0] if conjunction.size else np.nan,
        **dict.fromkeys(("mean_beta", "mean_se", "mean_ci_low", "mean_ci_high", "tau"), np.nan),
    }
    if influences:
        mean = random_effects(models["beta"].dropna(), influences)
        errors = mean.weights @ np.array(off)
        twin_error = np.sqrt((errors**2).mean()) if errors.size else np.nan
        se = np.hypot(mean.se, twin_error)
        together |= {
            "mean_beta": mean.mean,
            "mean_se": se,
            "mean_ci_low": mean.mean - Z90 * se,
            "mean_ci_high": mean.mean + Z90 * se,
            "tau": mean.tau,
        }
    return together

"""Is the additive twin good enough to judge? What other additive functions of the same data say about it.

Nobody knows how far a twin is from the truth, but twins that were fitted with other seeds and other families
(witnesses) err differently. beta is linear in the targets, so how far it would be off were a witness the
truth can be computed without any label. The root mean square of these numbers is taken as the twin's own
error. An error that all twins share moves no witness; it shows where other additive functions, the models
without their interactions, predict the held-out pairs better than the twin does.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seqaudit.inference.twin_regression import (
    Regression,
    confirmed_share,
    cross_fitted,
    prepare,
    sum_groups,
    upper_tail,
)

Z90 = 1.6448536269514722
"""Normal quantile of a one-sided 95 %, or two-sided 90 %, interval."""


class Judged(NamedTuple):
    """One model at one motif pair, judged by every twin; the chosen twin is the first.

    Arrays ``beta``, ``se`` and ``cross_p`` have shape (n_twins, n_labels). ``witness_error`` (NaN
    without a witness) and ``ensemble_error`` (NaN without other models) say how far the
    chosen twin's beta would be off were these the truth; ``ensemble_better`` (n_labels,) says
    whether the other models, their interactions removed, predict the pairs better than the
    chosen twin. ``misfit`` (n_labels,) is ``shown_misfit``. ``coefficients`` (n_labels, 4) and
    ``influence`` (n_labels, n_groups) are the chosen twin's.
    """

    beta: np.ndarray
    se: np.ndarray
    cross_p: np.ndarray
    witness_error: float
    ensemble_error: float
    ensemble_better: np.ndarray
    misfit: np.ndarray
    coefficients: np.ndarray
    influence: np.ndarray

    @property
    def twin_error(self) -> np.ndarray:
        """Error of the chosen twin's beta that comes from the twin, (n_labels,); NaN without a witness."""
        ensemble = np.where(self.ensemble_better, self.ensemble_error, 0.0)
        return np.maximum(self.witness_error, ensemble)

    @property
    def total_se(self) -> np.ndarray:
        """Noise of the targets and error of the chosen twin, (n_labels,)."""
        return np.hypot(self.se[0], self.twin_error)


class Decisions(NamedTuple):
    """What the rule says for every label vector; arrays of shape (n_labels,).

    ``ungated`` is what the chosen twin says if its error and the witnesses are ignored,
    ``chosen`` what it says if only the witnesses are. ``unclear``: the twins cannot tell, unless they
    confirm the claim or find it present.
    """

    twin_p: np.ndarray
    present_p: np.ndarray
    confirmed: np.ndarray
    present: np.ndarray
    chosen: np.ndarray
    ungated: np.ndarray
    unclear: np.ndarray


def judge_by_all(
    regressions: Sequence[Regression],
    labels: np.ndarray,
    *,
    others: np.ndarray | None = None,
    additive: np.ndarray | None = None,
    covariance: str = "HC0",
    n_folds: int = 5,
    seed: int = 0,
) -> Judged:
    """Estimate beta with every twin, and how wrong the chosen twin makes it.

    Parameters
    ----------
    regressions : sequence of Regression
        One model's claims on every twin (``prepare_all``), the chosen twin first.
    labels : numpy.ndarray, shape (n_pairs,) or (n_labels, n_pairs)
    others : numpy.ndarray, shape (n_pairs,), optional
        Mean over the data set's other models of the prediction without its interaction.
    additive : numpy.ndarray, shape (n_pairs,), optional
        The same over all of its models; without it no misfit is shown.
    covariance, n_folds, seed
        As in ``twin_regression``.
    """
    labels = np.atleast_2d(labels)
    shares = [confirmed_share(regression, labels, covariance=covariance) for regression in regressions]
    chosen = regressions[0]
    off = np.array([(witness.twin - chosen.twin) @ chosen.solver[0] for witness in regressions[1:]])
    better, ensemble_error = np.zeros(len(labels), dtype=bool), np.nan
    if others is not None:
        # squared error of the others minus that of the twin; the labels' own square cancels
        better = (labels @ (2 * chosen.weights * (chosen.twin - others))) < chosen.weights @ (
            chosen.twin**2 - others**2
        )
        ensemble_error = float(abs((others - chosen.twin) @ chosen.solver[0]))
    return Judged(
        beta=np.stack([share.beta for share in shares]),
        se=np.stack([share.se for share in shares]),
        cross_p=np.stack([cross_fitted(r, labels, n_folds=n_folds, seed=seed) for r in regressions]),
        witness_error=float(np.sqrt((off**2).mean())) if off.size else np.nan,
        ensemble_error=ensemble_error,
        ensemble_better=better,
        misfit=np.zeros(len(labels)) if additive is None else shown_misfit(chosen, labels, additive),
        coefficients=shares[0].coefficients,
        influence=shares[0].influence,
    )


def shown_misfit(regression: Regression, labels: np.ndarray, additive: np.ndarray) -> np.ndarray:
    """The most by which beta can be off through what other additive functions show of the twin's error.

    Where ``additive`` predicts targets better than the twin, the difference of their weighted squared
    errors is a lower bound of the twin's own, whatever the noise. beta is linear in the
    targets, so by the inequality of Cauchy and Schwarz an error of that size moves it by no
    more than the result, and by as much if it has the shape of the claim.

    Parameters
    ----------
    regression : Regression
        Of one model on the twin.
    labels : numpy.ndarray, shape (n_pairs,) or (n_labels, n_pairs)
    additive : numpy.ndarray, shape (n_pairs,)
        Another additive function of the same data, such as the mean of ``additive_parts``.

    Returns
    -------
    numpy.ndarray, shape (n_labels,), float64
        In units of beta, from the lower end of a one-sided 95 % interval over independent groups; 0
        where ``additive`` is not shown to predict better.
    """
    twin, weights = regression.twin, regression.weights
    # squared error of the twin minus that of the other; the labels' own square cancels
    gain = weights * (2 * np.atleast_2d(labels) * (additive - twin) + twin**2 - additive**2)
    gain = sum_groups(gain, regression.starts)
    n = gain.shape[1]
    lowest = gain.sum(axis=1) - Z90 * np.sqrt(n) * gain.std(axis=1, ddof=1)
    reach = np.sqrt((regression.solver[0] ** 2 / weights).sum())
    return np.sqrt(np.maximum(lowest, 0.0)) * reach


def decide(judged: Judged, *, margin: float, alpha: float) -> Decisions:
    """Apply the rule of docs/methods/additive_twin.md with its second gate, all but its simulated check.

    Parameters
    ----------
    margin, alpha : float
        As given to ``additive_twin.judge_twin``.
    """
    by_noise = upper_tail(judged.beta, judged.se, margin)
    above_margin = upper_tail(judged.beta[0], judged.total_se, margin)
    above_zero = upper_tail(judged.beta[0], judged.total_se)
    # a twin that is shown to be off by as much as the margin judges nothing
    unfit = np.where(judged.misfit > margin, 1.0, 0.0)
    twin_p = np.maximum(np.maximum(above_margin, by_noise.max(axis=0)), unfit)
    present_p = np.maximum(np.maximum(above_zero, judged.cross_p.max(axis=0)), unfit)
    chosen_present = np.maximum(above_zero, judged.cross_p[0])
    present = ~(twin_p < alpha) & (present_p < alpha)
    ungated = (by_noise[0] < alpha) | (judged.cross_p[0] < alpha)
    return Decisions(
        twin_p=twin_p,
        present_p=present_p,
        confirmed=twin_p < alpha,
        present=present,
        chosen=(above_margin < alpha) | (chosen_present < alpha),
        ungated=ungated,
        unclear=ungated | present | (judged.twin_error > margin / 2) | (judged.misfit > margin),
    )


def prepare_all(
    model: np.ndarray, twins: Sequence[np.ndarray], starts: np.ndarray, *, noise: str
) -> list[Regression]:
    """The regressions of one model on every twin; arguments as in ``twin_regression.prepare``."""
    return [prepare(model, twin, starts, noise=noise) for twin in twins]


def additive_parts(parts: np.ndarray) -> np.ndarray:
    """Predictions without the claimed interactions, (n_models, n_pairs), of ``Claims.parts``."""
    return parts[:, :3].sum(axis=1)


def others_without_interaction(parts: np.ndarray, number: int) -> np.ndarray | None:
    """Mean additive part of all models but one, (n_pairs,); None if there is no other.

    Parameters
    ----------
    parts : numpy.ndarray, shape (n_models, 4, n_pairs)
        ``Claims.parts``.
    number : int
        The model left out.
    """
    if len(parts) < 2:
        return None
    additive = additive_parts(parts)
    return (additive.sum(axis=0) - additive[number]) / (len(parts) - 1)


def simulated_rate(
    regressions: Sequence[Regression],
    label: np.ndarray,
    *,
    noise: str,
    alpha: float,
    n_draws: int,
    n_folds: int,
    seed: int,
) -> float:
    """How often the chosen twin's cross-fitted test rejects when a witness is the truth: the worst witness.

    Parameters
    ----------
    regressions : sequence of Regression
        As in ``judge_by_all``; at least two.
    label : numpy.ndarray, shape (n_pairs,)
        Only used for the variance of measured targets.
    noise : {"poisson", "constant"}
        Targets are drawn as counts, or with normal noise of the variance of the residuals.
    n_draws : int
        Label sets per witness.
    """
    rng = np.random.default_rng(seed)
    chosen, rates = regressions[0], []
    for witness in regressions[1:]:
        if noise == "poisson":
            drawn = rng.poisson(np.maximum(witness.twin, 0), (n_draws, len(label))).astype(np.float64)
        else:
            coefficients = chosen.solver @ (label - chosen.twin)
            spread = np.std(label - chosen.twin - chosen.design @ coefficients)
            drawn = witness.twin + rng.normal(0, spread, (n_draws, len(label)))
        rates.append((cross_fitted(chosen, drawn, n_folds=n_folds, seed=seed) < alpha).mean())
    return float(max(rates))

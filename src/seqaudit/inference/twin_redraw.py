"""The level, or power, of every test given the trained networks: labels drawn again from a known truth."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import ndtri

from seqaudit.data.targets import ANSCOMBE_FLOOR, transform_target
from seqaudit.errors import SeqauditError
from seqaudit.inference.additive_twin import MARGINS, TwinOptions, check_twin_options
from seqaudit.inference.twin_claims import Claims, read_claims, twin_parts
from seqaudit.inference.twin_gate import (
    additive_parts,
    decide,
    judge_by_all,
    others_without_interaction,
    prepare_all,
    simulated_rate,
)
from seqaudit.inference.twin_regression import sum_groups, upper_tail


def redraw_level(
    pairs: pd.DataFrame,
    twins: Sequence[pd.DataFrame],
    truth: pd.DataFrame,
    *,
    n_redraws: int = 200,
    margin: float = 0.25,
    alpha: float = 0.05,
    covariance: str = "HC0",
    n_folds: int = 5,
    seed: int = 0,
) -> pd.DataFrame:
    """Share of label sets for which each test rejects; models and twins stay as they are.

    Counts are drawn from the true expectation, one per sequence: pairs of one group with one
    expectation share it. Everything about the twin is linear in the labels, and the ranks of the
    published tests come from one sort of all redraws. Random locations lie in the sequences of the pairs
    and share their redrawn labels.

    Parameters
    ----------
    pairs, twins, margin, alpha, covariance, n_folds
        As in ``judge_twin``, for read counts.
    truth : pandas.DataFrame
        Table ``interaction_pairs`` of the true function (``oracle_interactions``).
    n_redraws : int
        Label sets.
    seed : int
        Of labels and folds.

    Returns
    -------
    pandas.DataFrame
        Table ``twin_redraws``. Tests: ``rejected``, ``confirmed`` and ``cannot_tell`` (the verdicts),
        ``ungated`` (what the chosen twin by itself would say), ``margin_0`` to ``margin_50`` and
        ``cross`` (its tests), ``paired``, ``unpaired`` and, where ``pairs`` has them,
        ``random_location`` (published, Anscombe space, without corrections for ties).

    Raises
    ------
    SeqauditError
        As ``judge_twin``, pairs whose truth is unknown, or random locations of other pairs.
    """
    check_twin_options(TwinOptions(margin=margin, alpha=alpha, covariance=covariance, n_folds=n_folds))
    if n_redraws < 1:
        raise SeqauditError(f"n_redraws: got {n_redraws}, expected at least 1.")
    rows = []
    for claims in read_claims(pairs):
        labels = _draw(claims, truth, n_redraws=n_redraws, seed=seed)
        parts = [twin_parts(twin, claims) for twin in twins]
        by_chance = _random_interactions(pairs, claims)
        for number, model_id in enumerate(claims.model_ids):
            regressions = prepare_all(claims.parts[number], parts, claims.starts, noise="poisson")
            others = others_without_interaction(claims.parts, number)
            judged = judge_by_all(
                regressions,
                labels,
                others=others,
                additive=additive_parts(claims.parts).mean(axis=0),
                covariance=covariance,
                n_folds=n_folds,
                seed=seed,
            )
            decided = decide(judged, margin=margin, alpha=alpha)
            present = decided.present
            if present.any():
                rate = simulated_rate(
                    regressions,
                    claims.label,
                    noise="poisson",
                    alpha=alpha,
                    n_draws=n_redraws,
                    n_folds=n_folds,
                    seed=seed,
                )
                present = present & (rate <= 2 * alpha)
            rejected = decided.confirmed | present
            found = {
                "rejected": rejected,
                "confirmed": decided.confirmed,
                "cannot_tell": ~rejected & decided.unclear,
                "ungated": decided.ungated,
                **{
                    f"margin_{round(100 * m)}": upper_tail(judged.beta[0], judged.se[0], m) < alpha
                    for m in MARGINS
                },
                "cross": judged.cross_p[0] < alpha,
                **_published(claims, number, labels, by_chance, alpha=alpha),
            }
            rows += [
                {
                    "model_id": model_id,
                    "motif_pair": claims.motif_pair,
                    "test": test,
                    "n_redraws": n_redraws,
                    "rate": float(np.mean(rejects)),
                }
                for test, rejects in found.items()
            ]
    return pd.DataFrame(rows)


def _draw(claims: Claims, truth: pd.DataFrame, *, n_redraws: int, seed: int) -> np.ndarray:
    """Counts (n_redraws, n_pairs); pairs of one sequence get one count."""
    known = truth[(truth["pair_set"] == "real") & (truth["motif_pair"] == claims.motif_pair)]
    expected = known.set_index("pair_id")["f_orig"].reindex(claims.pair_ids).to_numpy(np.float64)
    if np.isnan(expected).any():
        unknown = claims.pair_ids[np.isnan(expected)]
        raise SeqauditError(
            f"truth: {len(unknown)} of {claims.n_pairs} pairs of {claims.motif_pair} have no true "
            f"expectation, first '{unknown[0]}'. Labels can only be drawn again where the data are simulated."
        )
    groups = np.repeat(np.arange(claims.n_groups), np.diff(claims.starts, append=claims.n_pairs))
    sequences, of_pair = np.unique(np.column_stack([groups, expected]), axis=0, return_inverse=True)
    drawn = np.random.default_rng(seed).poisson(sequences[:, 1], (n_redraws, len(sequences)))
    return drawn[:, of_pair.ravel()].astype(np.float64)


def _random_interactions(pairs: pd.DataFrame, claims: Claims) -> np.ndarray | None:
    """Claimed interactions at random locations of the pairs' sequences, (n_models, n_pairs)."""
    known = (pairs["pair_set"] == "random_location") & (pairs["split"] == "test")
    rows = pairs[known & (pairs["motif_pair"] == claims.motif_pair)]
    if rows.empty:
        return None
    of_pair = rows.set_index(["model_id", "pair_id"])["interaction"]
    wanted = pd.MultiIndex.from_product([claims.model_ids, claims.pair_ids])
    found = of_pair.reindex(wanted).to_numpy(np.float64)
    if np.isnan(found).any():
        model_id, pair_id = wanted[np.isnan(found)][0]
        raise SeqauditError(
            f"interaction_pairs: model '{model_id}' has no random location for pair '{pair_id}' "
            f"({np.isnan(found).sum()} such rows). Probe all models at the random locations of these pairs."
        )
    return found.reshape(len(claims.model_ids), -1)


def _published(
    claims: Claims, number: int, labels: np.ndarray, by_chance: np.ndarray | None, *, alpha: float
) -> dict[str, np.ndarray]:
    """Paired, unpaired and random-location test of Finkelstein et al. 2020 for every label set."""
    sizes = np.diff(claims.starts, append=claims.n_pairs)
    label = transform_target(labels, "anscombe")
    prediction = claims.prediction[number]

    def loss(values: np.ndarray) -> np.ndarray:
        answer = transform_target(np.maximum(values, ANSCOMBE_FLOOR), "anscombe")
        return sum_groups((answer - label) ** 2, claims.starts) / sizes

    with_it, without = loss(prediction), loss(prediction - claims.interaction[number])
    improvement, n = without - with_it, claims.n_groups
    wins = _sum_of_ranks(np.abs(improvement), improvement > 0)
    z = {
        "paired": (wins - n * (n + 1) / 4) / np.sqrt(n * (n + 1) * (2 * n + 1) / 24),
        "unpaired": _larger(without, with_it),
    }
    if by_chance is not None:
        z["random_location"] = _larger(improvement, loss(prediction - by_chance[number]) - with_it)
    return {test: values > -ndtri(alpha) for test, values in z.items()}


def _larger(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Mann and Whitney's z that ``first`` is larger than ``second``; rows are label sets of equal size."""
    n = first.shape[1]
    ranks = _sum_of_ranks(np.concatenate([first, second], axis=1), np.repeat([True, False], n))
    return (ranks - n * (n + 1) / 2 - n * n / 2 - 0.5) / np.sqrt(n * n * (2 * n + 1) / 12)


def _sum_of_ranks(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Sum of the ranks of ``chosen`` entries in every row of ``values``.

    Read as whole numbers, floats keep their order if the bits of negative ones are turned round. The last
    bit of each number carries the choice, so that a plain sort, several times faster than one that
    returns an order, is enough. Equal numbers rank in favour of the chosen ones.
    """
    bits = np.ascontiguousarray(values).view(np.int64)
    bits = bits ^ ((bits >> 63) & np.iinfo(np.int64).max)
    bits = (bits & ~np.int64(1)) | chosen
    bits.sort(axis=-1)
    return ((bits & 1) * np.arange(1.0, bits.shape[-1] + 1)).sum(axis=-1)

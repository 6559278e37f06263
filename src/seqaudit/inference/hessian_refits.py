"""Networks refitted to data without interactions: the targets they learn, and the scores they give.

Three kinds of null data: ``permutation``, the target in another order; ``additive``, simulated
from the main effects of the data, against which scores are tested; ``main_effects``, made in the
same way, of which rules are asked how often they call pairs. To judge the additive-null rule on
null data, every such data set needs a null of its own, one draw from *its* main effects: the
``references`` of ``hessian_scores.false_positive_table``.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from seqaudit.data.hessian import GroupHessians
from seqaudit.errors import SeqauditError
from seqaudit.inference.additive_model import fit_additive
from seqaudit.inference.hessian_nulls import null_rows

OBSERVED = "observed"
REFERENCES = {"permutation_reference": "permutation", "main_effects_reference": "main_effects"}
"""Draws from the main effects of null data sets, and of which."""

TARGETS = (OBSERVED, "permutation", "additive", "main_effects", *REFERENCES)
"""What networks are fitted to."""


def null_targets(
    x: np.ndarray,
    y: np.ndarray,
    *,
    targets: str,
    draws: Sequence[int] = (0,),
    family: str = "gaussian",
    noise: str = "parametric",
    seed: int = 0,
) -> np.ndarray:
    """Targets of one kind for the same points.

    Parameters
    ----------
    x : numpy.ndarray, shape (n, features)
        Points to train and validate on.
    y : numpy.ndarray, shape (n,)
    targets : str
        One of ``TARGETS``; ``"observed"`` returns ``y`` itself.
    draws : sequence of int
        Numbers of the draws. The targets of a draw do not depend on which others are drawn.
    family, noise
        Of the additive model, see :mod:`seqaudit.inference.additive_model`.
    seed : int

    Returns
    -------
    numpy.ndarray, float64, shape (draws, n)
    """
    if targets not in TARGETS:
        raise SeqauditError(f"targets: got '{targets}', expected one of {', '.join(TARGETS)}.")
    y = np.asarray(y, dtype=np.float64)
    if targets == OBSERVED:
        return y[None].copy()
    states = [np.random.SeedSequence([seed, TARGETS.index(targets), draw]) for draw in draws]
    if targets == "permutation":
        return np.stack([np.random.default_rng(state).permutation(y) for state in states])
    seeds = [int(state.generate_state(1)[0]) for state in states]
    if targets in REFERENCES:
        options = {"targets": REFERENCES[targets], "family": family, "noise": noise, "seed": seed}
        worlds = (null_targets(x, y, draws=[draw], **options)[0] for draw in draws)
        fits = (fit_additive(x, world, family=family) for world in worlds)
    else:
        fits = [fit_additive(x, y, family=family)] * len(seeds)
    return np.stack([fit.simulate(noise=noise, seed=one) for fit, one in zip(fits, seeds)])


def score_draws(
    hessians: Iterable[GroupHessians],
    features: Sequence[str],
    *,
    identity: Mapping[str, str],
    null: str,
    draws: Sequence[int],
) -> pd.DataFrame:
    """Scores of networks that were fitted to null data: table ``hessian_nulls``.

    Parameters
    ----------
    hessians : iterable of GroupHessians
        One per draw; an iterator need not keep more than one at a time.
    features : sequence of str
    identity : mapping
        Values of ``fit``, ``dataset`` and ``posterior``.
    null : str
    draws : sequence of int
        Numbers of the draws.
    """
    named = {"identity": identity, "null": null}
    parts = [
        null_rows(one, features, draw=int(draw), **named) for draw, one in zip(draws, hessians, strict=True)
    ]
    return pd.concat(parts, ignore_index=True)

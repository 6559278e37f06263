"""True effect of every mutation of a sequence in a transcription-factor cascade."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy.interpolate import CubicSpline

from seqaudit.data.motifs import Motif, log_odds
from seqaudit.data.sequences import ALPHABET, UNKNOWN, letter_codes
from seqaudit.errors import SeqauditError
from seqaudit.simulate.cascade_law import BACKGROUND, PSEUDOCOUNT, cascade_means
from seqaudit.simulate.occupancy import mutant_occupancies
from seqaudit.simulate.poisson import COUNT_TRANSFORMS, poisson_mean_of

_KNOT_SPACING = 0.005


def true_effects(
    loci: pd.DataFrame,
    parameters: pd.DataFrame,
    exposure: Motif,
    outcome: Motif,
    confounder: Motif | None = None,
    *,
    transform: str = "anscombe",
    plug_in: bool = False,
    pseudocount: float = PSEUDOCOUNT,
    background: Sequence[float] = BACKGROUND,
) -> pd.DataFrame:
    """What every single-base mutation does to the expected training target of both outputs.

    Parameters
    ----------
    loci : pandas.DataFrame
        Rows of table ``causal_sequences``, those to mutate.
    parameters : pandas.DataFrame
        Table ``cascade_rounds`` of their round: one row.
    exposure, outcome, confounder : Motif
        As simulated. The confounder is needed if ``eta`` or ``nu`` is not 0.
    transform : {"anscombe", "identity", "log1p"}
        Space in which networks are trained.
    plug_in : bool
        Whether to transform the expected count, as published, instead of taking the
        expectation of the transformed Poisson count, which is what a network that
        minimises squared error estimates.
    pseudocount, background
        As simulated; see :mod:`seqaudit.data.motifs`.

    Returns
    -------
    pandas.DataFrame
        Table ``true_effects``: the value of the mutant minus that of the locus, both averaged
        over the random confounder. N is not mutated.

    Raises
    ------
    SeqauditError
        No locus, or one that is repeated, parameters of several rounds, a missing
        confounder motif, or an unknown transform.

    Notes
    -----
    Malina et al. 2022, *True causal effect computation*, where confounders were left out and
    another pseudocount was used than for the data.
    """
    if transform not in COUNT_TRANSFORMS:
        raise SeqauditError(
            f"transform: got {transform!r}, expected one of {', '.join(COUNT_TRANSFORMS)} for counts."
        )
    if len(parameters) != 1:
        raise SeqauditError(
            f"parameters: got {len(parameters)} rows of table 'cascade_rounds', expected the one of the "
            "round that the loci come from."
        )
    if loci["sequence_id"].duplicated().any():
        twice = loci.loc[loci["sequence_id"].duplicated(), "sequence_id"].iloc[0]
        raise SeqauditError(f"loci: sequence_id '{twice}' is repeated, expected every locus once.")
    law = parameters.iloc[0]
    motifs = [exposure, outcome]
    if law["eta"] or law["nu"]:
        if confounder is None:
            raise SeqauditError(
                f"confounder: a confounder motif adds to the reads of scenario '{law['scenario']}' "
                f"(eta {law['eta']:g}, nu {law['nu']:g}), but none was given. Give the one simulated."
            )
        motifs.append(confounder)

    codes = letter_codes(loci["sequence"], where="loci")
    matrices = [log_odds(motif, pseudocount=pseudocount, background=background) for motif in motifs]
    occupancy = [mutant_occupancies(codes, matrix) for matrix in matrices]
    expected = _expected_targets(law, occupancy, transform, plug_in)  # output, locus, base, position
    locus, position = np.nonzero(codes != UNKNOWN)
    reference = expected[:, locus, codes[locus, position], position]
    change = expected[:, locus, :, position].transpose(1, 0, 2) - reference[..., None]
    return _tabulate(change, loci["sequence_id"], (exposure.name, outcome.name), codes, locus, position)


def interpolate_poisson_mean(transform: str, *, largest: float) -> Callable[[np.ndarray], np.ndarray]:
    """The expectation of a transformed Poisson count, as a function that is fast for many means.

    Parameters
    ----------
    transform : {"anscombe", "log1p"}
    largest : float
        Largest mean that it will be asked for.

    Returns
    -------
    callable
        As :func:`seqaudit.simulate.poisson.poisson_mean_of`, for means from 0 to ``largest``,
        within 1e-8: a cubic spline in the root of the mean, of which expectations are smooth
        functions, with knots that get wider apart as these get straighter.
    """
    knots = np.arange(0, np.log1p(np.sqrt(largest)) + 2 * _KNOT_SPACING, _KNOT_SPACING)
    # one at a time, because counts around distant means have little in common
    exact = [float(poisson_mean_of(mean, transform)) for mean in np.expm1(knots) ** 2]
    spline = CubicSpline(knots, exact)
    return lambda means: spline(np.log1p(np.sqrt(means)))


def _expected_targets(law: pd.Series, occupancy, transform: str, plug_in: bool) -> np.ndarray:
    """Expected training targets, averaged over the random confounder; shape (2, ...)."""
    chance = law["confounder_probability"]
    weights = {present: weight for present, weight in ((0, 1 - chance), (1, chance)) if weight}
    means = {present: cascade_means(law, occupancy, random_confounder=present) for present in weights}
    value = COUNT_TRANSFORMS[transform]
    if not plug_in and transform != "identity":  # of which the expectation is the mean itself
        value = interpolate_poisson_mean(transform, largest=max(m.max() for m in means.values()))
    return sum(weight * value(means[present]) for present, weight in weights.items())


def _tabulate(change, ids, outputs, codes, locus, position) -> pd.DataFrame:
    """Table ``true_effects`` from changes, shape (outputs, bases of loci, 4)."""
    present = codes[locus, position]
    mutated = np.broadcast_to(present[:, None] != np.arange(UNKNOWN), change.shape)
    output, base, alt = np.nonzero(mutated)
    letters = pd.Series(list(ALPHABET), dtype="str")
    return pd.DataFrame(
        {
            "locus_id": pd.Series(ids, dtype="str").take(locus[base]).to_numpy(),
            "output": pd.Series(outputs, dtype="str").take(output).to_numpy(),
            "position": position[base],
            "ref": letters.take(present[base]).to_numpy(),
            "alt": letters.take(alt).to_numpy(),
            "effect": change[mutated],
        }
    )

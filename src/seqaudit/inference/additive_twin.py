"""Is a learned interaction real? What an additive twin of the data says about every model's claim."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from seqaudit.data.schemas import SCHEMAS
from seqaudit.errors import SeqauditError
from seqaudit.inference.loss_tests import ADDITIVE
from seqaudit.inference.twin_claims import Claims, read_claims, twin_parts
from seqaudit.inference.twin_gate import (
    Z90,
    Judged,
    additive_parts,
    decide,
    judge_by_all,
    others_without_interaction,
    prepare_all,
    simulated_rate,
)
from seqaudit.inference.twin_reasons import (
    CANNOT_TELL,
    CONFIRMED,
    MISFIT,
    NO_WITNESS,
    NOT_SUPPORTED,
    PRESENT,
    SIMULATED,
    TWIN_ERROR,
    WITNESS,
    explain_twin,
    verdict_words,
)
from seqaudit.inference.twin_regression import NOISE, Regression, upper_tail

MARGINS = (0.0, 0.1, 0.25, 0.5)
"""Shares for which the table holds p-values; fixed before any model was scored."""
Z95 = 1.959963984540054
OPEN = "open"

_ADDITIVE = "the model is additive on these pairs: its interactions are float32 rounding"
_COLUMNS = [column.name for column in SCHEMAS["twin_models"].columns]
_NUMBERS = [column.name for column in SCHEMAS["twin_models"].columns if column.nullable]


class TwinOptions(NamedTuple):
    """How claims are judged; the defaults are those of docs/methods/additive_twin.md."""

    noise: str = "poisson"
    margin: float = 0.25
    alpha: float = 0.05
    covariance: str = "HC0"
    n_folds: int = 5
    n_draws: int = 200
    min_pairs: int = 30
    seed: int = 0


def judge_twin(
    pairs: pd.DataFrame,
    twins: Sequence[pd.DataFrame],
    *,
    noise: str = "poisson",
    margin: float = 0.25,
    alpha: float = 0.05,
    covariance: str = "HC0",
    n_folds: int = 5,
    n_draws: int = 200,
    min_pairs: int = 30,
    seed: int = 0,
) -> pd.DataFrame:
    """Judge every model's claimed interaction at every motif pair by additive twins.

    The verdict is ``confirmed`` when every twin finds that held-out targets confirm more than
    ``margin`` of the claim, the twins' own error included; ``present, size unconfirmed`` when
    every twin finds that the claim predicts unseen pairs, and beta exceeds 0 with that error
    included; ``cannot tell`` when the chosen twin alone would have said so but the twins do not
    bear it out, when their error is too large to say anything, or when the models' own additive
    parts show that the twin is off by more than ``margin`` of the claim; else ``not supported``. The
    full rule is in docs/methods/additive_twin.md.

    Parameters
    ----------
    pairs : pandas.DataFrame
        Table ``interaction_pairs`` of models of one dataset; real held-out pairs are used.
    twins : sequence of pandas.DataFrame
        Tables ``interaction_pairs`` of additive twins of the same data, the chosen one first.
        The others should differ in seed and family, and predict validation data about as well.
    noise : {"poisson", "constant"}
        Noise of the targets: read counts, or measured values of one variance.
    margin : float
        Share of a claim that must be confirmed, at least 0 and below 1.
    alpha : float
        Level of each test.
    covariance : {"HC0", "HC3"}
        Of the regression (``twin_regression.confirmed_share``).
    n_folds : int
        Folds of the cross-fitted test.
    n_draws : int
        Label sets drawn from every other twin to check the cross-fitted test.
    min_pairs : int
        With fewer independent groups nothing is computed.
    seed : int
        Of folds and draws.

    Returns
    -------
    pandas.DataFrame
        Table ``twin_models``, one row per model and motif pair.

    Raises
    ------
    SeqauditError
        No twins or pairs, tables that do not fit together, or options out of range.
    """
    options = TwinOptions(noise, margin, alpha, covariance, n_folds, n_draws, min_pairs, seed)
    check_twin_options(options)
    if not len(twins):
        raise SeqauditError(
            "twins: got none, expected at least one additive twin, better four of two families."
        )
    twin_id = str(twins[0]["model_id"].iloc[0])
    rows = []
    for claims in read_claims(pairs):
        parts = [twin_parts(twin, claims) for twin in twins]
        for number in range(len(claims.model_ids)):
            others = others_without_interaction(claims.parts, number)
            row, _ = judge_claims(claims, number, parts, options, others)
            rows.append(row | {"twin_id": twin_id})
    return pd.DataFrame(rows)[_COLUMNS]


def add_to_loss_models(models: pd.DataFrame, judged: pd.DataFrame) -> pd.DataFrame:
    """Write what the additive twins say into the table of loss tests, and into its reasons.

    Parameters
    ----------
    models : pandas.DataFrame
        Table ``loss_models``.
    judged : pandas.DataFrame
        Table ``twin_models`` of the same models; rows without a partner in ``models`` are refused.

    Returns
    -------
    pandas.DataFrame
        ``models`` with ``twin_p``, ``twin_beta`` and its 90 % interval, ``twin_verdict``, and a sentence
        at the end of ``reason``. ``verdict`` is that of the loss tests, as before.

    Raises
    ------
    SeqauditError
        A judged model and motif pair that the loss tests do not have.
    """
    key = ["model_id", "motif_pair"]
    known = pd.MultiIndex.from_frame(models[key])
    unknown = ~pd.MultiIndex.from_frame(judged[key]).isin(known)
    if unknown.any():
        first = judged[unknown].iloc[0]
        raise SeqauditError(
            f"twin_models: '{first['model_id']}' at {first['motif_pair']} ({unknown.sum()} such rows) is "
            "not in loss_models. Judge the models that were tested."
        )
    by_key = judged.set_index(key).reindex(known)
    told = by_key["verdict_twin"].notna().to_numpy()
    words = [
        f" Additive twin: {verdict_words(row)}." if ok else ""
        for ok, (_, row) in zip(told, by_key.iterrows())
    ]
    columns = {"twin_p": "twin_p", "twin_beta": "beta", "twin_ci_low": "ci_low", "twin_ci_high": "ci_high"}
    return models.assign(
        **{new: by_key[old].to_numpy(np.float64) for new, old in columns.items()},
        twin_verdict=np.where(told, by_key["verdict_twin"].to_numpy(object), None),
        reason=models["reason"].to_numpy(object) + np.array(words, dtype=object),
    )


def check_twin_options(options: TwinOptions) -> None:
    """Refuse options out of range."""
    if options.noise not in NOISE:
        raise SeqauditError(f"noise: got '{options.noise}', expected one of {', '.join(NOISE)}.")
    if not 0 < options.margin < 1:
        raise SeqauditError(f"margin: got {options.margin}, expected a share between 0 and 1.")
    if not 0 < options.alpha < 0.5:
        raise SeqauditError(f"alpha: got {options.alpha}, expected a level between 0 and 0.5, such as 0.05.")
    if options.min_pairs < 10:
        raise SeqauditError(f"min_pairs: got {options.min_pairs}, expected at least 10.")
    if options.n_draws < 20:
        raise SeqauditError(f"n_draws: got {options.n_draws}, expected at least 20.")


def judge_claims(
    claims: Claims, number: int, twins: Sequence[np.ndarray], options: TwinOptions, others: np.ndarray | None
) -> tuple[dict, np.ndarray | None]:
    """Judge one model of ``claims``: a row of ``twin_models`` without ``twin_id``, and what groups add.

    Parameters
    ----------
    twins : sequence of numpy.ndarray, shape (4, n_pairs)
        From ``twin_parts``, the chosen one first.
    others : numpy.ndarray, shape (n_pairs,) or None
        From ``others_without_interaction``.

    Returns
    -------
    dict
    numpy.ndarray, shape (n_groups,), or None
        What every group contributes to the error of beta; None where there is no beta.
    """
    interaction = claims.interaction[number]
    row = {
        "model_id": claims.model_ids[number],
        "motif_pair": claims.motif_pair,
        "n_twins": len(twins),
        "n_pairs": claims.n_pairs,
        "n_groups": claims.n_groups,
        "mean_interaction": float(interaction.mean()) if claims.n_pairs else np.nan,
        "mean_abs_interaction": float(np.abs(interaction).mean()) if claims.n_pairs else np.nan,
        **dict.fromkeys(_NUMBERS, np.nan),
        "gate": "not needed",
        "status": f"{claims.n_unlabelled} held-out pairs have no label" if claims.n_unlabelled else "ok",
    }
    problem, influence = _problem(claims, number, options), None
    if not problem:
        regressions = prepare_all(claims.parts[number], twins, claims.starts, noise=options.noise)
        if not all(regression.separable for regression in regressions):
            problem = "the claim cannot be told from the model's main effects"
    if problem:
        row["status"] = problem
        row["verdict_twin"] = NOT_SUPPORTED if problem == _ADDITIVE else CANNOT_TELL
    else:
        judged = judge_by_all(
            regressions,
            claims.label,
            others=others,
            additive=additive_parts(claims.parts).mean(axis=0),
            covariance=options.covariance,
            n_folds=options.n_folds,
            seed=options.seed,
        )
        influence = judged.influence[0]
        row |= _numbers(judged, options)
        row |= _verdict(row, judged, regressions, claims.label, options)
    row["reason"] = explain_twin(row, margin=options.margin, alpha=options.alpha)
    return row, influence


def _problem(claims: Claims, number: int, options: TwinOptions) -> str:
    if claims.n_groups < options.min_pairs:
        return f"{claims.n_groups} independent labelled held-out pairs, fewer than {options.min_pairs}"
    size = np.abs(claims.interaction[number]).mean()
    return _ADDITIVE if size <= ADDITIVE * np.abs(claims.prediction[number]).mean() else ""


def _numbers(judged: Judged, options: TwinOptions) -> dict[str, float]:
    beta, se, total = judged.beta[0, 0], judged.se[0, 0], judged.total_se[0]
    decided = decide(judged, margin=options.margin, alpha=options.alpha)
    return {
        "beta": beta,
        "se": se,
        "twin_error": judged.twin_error[0],
        "misfit": judged.misfit[0],
        "ci_low": beta - Z90 * total,
        "ci_high": beta + Z90 * total,
        "ci95_low": beta - Z95 * total,
        "ci95_high": beta + Z95 * total,
        **dict(zip(("share_background", "share_main_a", "share_main_b"), judged.coefficients[0, 1:])),
        **{f"p_margin_{round(100 * m)}": float(upper_tail(beta, se, m)) for m in MARGINS},
        "cross_p": judged.cross_p[0, 0],
        "beta_lowest": judged.beta[:, 0].min(),
        "beta_highest": judged.beta[:, 0].max(),
        "twin_p": decided.twin_p[0],
        "present_p": decided.present_p[0],
    }


def _verdict(
    row: dict, judged: Judged, regressions: list[Regression], label: np.ndarray, options: TwinOptions
) -> dict:
    """Verdict, gate and, where it decides, the simulated check."""
    decided = decide(judged, margin=options.margin, alpha=options.alpha)
    if decided.confirmed[0]:
        return {"verdict_twin": CONFIRMED, "gate": OPEN}
    if decided.present[0]:
        rate = simulated_rate(
            regressions,
            label,
            noise=options.noise,
            alpha=options.alpha,
            n_draws=options.n_draws,
            n_folds=options.n_folds,
            seed=options.seed,
        )
        passed = rate <= 2 * options.alpha
        return {
            "simulated_rate": rate,
            "verdict_twin": PRESENT if passed else CANNOT_TELL,
            "gate": OPEN if passed else SIMULATED,
        }
    lonely = row["n_twins"] == 1
    if not decided.unclear[0]:
        return {"verdict_twin": NOT_SUPPORTED, "gate": NO_WITNESS if lonely else OPEN}
    if judged.misfit[0] > options.margin:
        gate = MISFIT
    elif decided.ungated[0] and lonely:
        gate = NO_WITNESS
    else:
        gate = WITNESS if decided.chosen[0] else TWIN_ERROR
    return {"verdict_twin": CANNOT_TELL, "gate": gate}

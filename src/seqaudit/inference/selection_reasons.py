"""Sentences that say why a model was selected for explanation, or was not, with the numbers in them."""

from typing import NamedTuple

import pandas as pd


class Steps(NamedTuple):
    """What the rule of choice kept at each step, among the models of one dataset.

    Attributes
    ----------
    considered, kept, front, tied : pandas.DataFrame
        Models with scores; of these within the margin of the best loss; of these on the
        Pareto front; of these as consistent as the most consistent, within its error.
    best, chosen : pandas.Series
        Model of the lowest held-out loss, and the selected one.
    criterion : str
        Column of the score that decides.
    margin : float
        Standard errors of the best loss.
    """

    considered: pd.DataFrame
    best: pd.Series
    kept: pd.DataFrame
    front: pd.DataFrame
    tied: pd.DataFrame
    chosen: pd.Series
    criterion: str
    margin: float


def explain_choice(index, steps: Steps) -> str:
    """Why the model in row ``index`` of ``steps.considered`` is selected or not."""
    if index == steps.chosen.name:
        return _selected(steps)
    if index not in steps.kept.index:
        return _too_much_loss(steps.considered.loc[index], steps)
    if index not in steps.front.index:
        return _beaten(index, steps)
    score = _score(steps.kept.loc[index], steps)
    if index in steps.tied.index:
        return (
            f"As consistent as the selected model within its error ({score}), but its seeds agree no better."
        )
    return (
        f"On the Pareto front, but less consistent ({score}) than the selected model "
        f"({steps.chosen[steps.criterion]:.3g})."
    )


def _selected(steps: Steps) -> str:
    reason = (
        f"Selected: {len(steps.kept)} of {len(steps.considered)} models have a held-out loss within "
        f"{_errors(steps)} of the best ({steps.best['heldout_mse']:.4g}), {len(steps.front)} "
        f"on the Pareto front, where it is the most consistent ({_score(steps.chosen, steps)})"
    )
    if len(steps.tied) > 1:
        reason += f" within error; of {len(steps.tied)} such models its seeds agree best"
    return reason + "."


def _too_much_loss(model: pd.Series, steps: Steps) -> str:
    best = steps.best
    return (
        f"Its held-out loss ({model['heldout_mse']:.4g}) exceeds the best, {best['heldout_mse']:.4g} of "
        f"'{best['model_id']}', by more than {_errors(steps)} ({best['heldout_mse_se']:.2g})."
    )


def _beaten(index, steps: Steps) -> str:
    model, others = steps.kept.loc[index], steps.kept.drop(index)
    better = others[
        (others["heldout_mse"] <= model["heldout_mse"]) & (others[steps.criterion] >= model[steps.criterion])
    ]
    other = better.loc[better[steps.criterion].idxmax()]
    return (
        f"'{other['model_id']}' has no higher held-out loss ({other['heldout_mse']:.4g} against "
        f"{model['heldout_mse']:.4g}) and is no less consistent ({_score(other, steps)} against "
        f"{model[steps.criterion]:.3g})."
    )


def _score(model: pd.Series, steps: Steps) -> str:
    return f"{steps.criterion.removeprefix('consistency_')} score {model[steps.criterion]:.3g}"


def _errors(steps: Steps) -> str:
    return "1 standard error" if steps.margin == 1 else f"{steps.margin:g} standard errors"

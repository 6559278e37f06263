"""Does consistency know which model is right? Numbers for a population whose truth is known.

Five questions: how well consistency ranks models by truth, beside the loss; whether that holds
within a design; whether it sees false interactions; what it costs to follow it
(:func:`seqaudit.inference.model_selection.compare_choices`); and whether it hangs on options.
"""

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from seqaudit.data.schemas import SCHEMAS
from seqaudit.errors import SeqauditError
from seqaudit.inference.model_selection import SETTING

RANKING = "Spearman correlation with the truth"
WITHIN = "Spearman correlation with the truth, given the design"
FALSE_INTERACTIONS = "chance that a model without a false interaction scores higher than one with it"
STABILITY = "Spearman correlation with the scores of the first setting"

SCORES = (
    "consistency_geometry",
    "consistency_geometry_raw",
    "consistency_spectrum",
    "consistency_spectrum_raw",
    "seed_stability",
    "heldout_mse",
    "test_mse",
)
"""Columns that may rank models; losses enter with a minus sign."""

DESIGN = ("arch", "l1", "padding")
"""What a population varies besides the seed."""

_COLUMNS = [column.name for column in SCHEMAS["consistency_answers"].columns]
_FEWEST = 4


ALL_DATASETS = "all datasets"
"""Stands for a dataset in answers from ranks within each dataset, put together."""


def answer_everything(models: pd.DataFrame, *, alpha: float = 0.05, seed: int = 1) -> pd.DataFrame:
    """All questions about a run: for every dataset, for all of them, and by other options.

    Parameters
    ----------
    models : pandas.DataFrame
        Table ``consistency_models`` of all datasets. The options and the method of its first row
        are what others are compared with.
    alpha, seed
        See :func:`answer_questions`.

    Returns
    -------
    pandas.DataFrame
        Table ``consistency_answers``.
    """
    designs = models[["model_id", "dataset"]].drop_duplicates()
    agreement = [
        setting_agreement(models.drop(columns="dataset"), designs, score=score)
        for score in ("consistency_geometry", "consistency_spectrum")
    ]
    asked = [models, _within_datasets(models)] if models["dataset"].nunique() > 1 else [models]
    answers = [answer_questions(table, alpha=alpha, seed=seed) for table in asked]
    return pd.concat([part for part in (*answers, *agreement) if len(part)], ignore_index=True)


def _within_datasets(models: pd.DataFrame) -> pd.DataFrame:
    """Every score as its rank within dataset, method and setting, from 0 to 1, as if of one dataset."""
    considered = models[models["status"] == "ok"].copy()
    truths = [column for column in models if column.startswith("truth_")]
    columns = [*SCORES, *truths]
    ranks = considered.groupby(SETTING, sort=False)[columns].rank(pct=True)
    return considered.assign(**ranks, dataset=ALL_DATASETS)


def answer_questions(
    models: pd.DataFrame,
    *,
    truth: str = "truth_cosine",
    alpha: float = 0.05,
    resamples: int = 1000,
    seed: int = 1,
) -> pd.DataFrame:
    """Rank correlations with the truth, overall and given the design, and sight of false interactions.

    Parameters
    ----------
    models : pandas.DataFrame
        Table ``consistency_models``; models that were not considered are left out.
    truth : str
        A ``truth_`` column.
    alpha : float
        In negative controls, a model has a false interaction if ``paired_p`` is below it.
    resamples : int
        Bootstrap samples of whole designs (architecture and L1: seeds of one are not
        independent) for intervals, and permutations for p-values.
    seed : int

    Returns
    -------
    pandas.DataFrame
        Table ``consistency_answers``.

    Raises
    ------
    SeqauditError
        A truth column that does not exist.
    """
    if truth not in models:
        raise SeqauditError(f"truth: the table has no column '{truth}', expected a truth_ column.")
    rows = []
    for key, group in models[models["status"] == "ok"].groupby(SETTING, sort=False):
        rng = np.random.default_rng(seed)
        for column in SCORES:
            known = group[[column, truth, *DESIGN]].dropna()
            known = known.assign(**{column: -known[column] if column.endswith("mse") else known[column]})
            for question, correlate in ((RANKING, _spearman), (WITHIN, _partial)):
                rows.append(
                    {
                        **dict(zip(SETTING, key)),
                        "question": question,
                        "quantity": column,
                        **_with_interval(known, column, truth, correlate, rng, resamples),
                    }
                )
        if (group["control"] == "negative").all():
            for column in ("consistency_geometry", "consistency_spectrum"):
                known = group[[column, "paired_p"]].dropna()
                rows.append(
                    {
                        **dict(zip(SETTING, key)),
                        "question": FALSE_INTERACTIONS,
                        "quantity": column,
                        **_separation(known[column], known["paired_p"] < alpha, rng, resamples),
                    }
                )
    return pd.DataFrame(rows, columns=_COLUMNS)


def setting_agreement(
    scores: pd.DataFrame, designs: pd.DataFrame, *, score: str = "consistency_geometry"
) -> pd.DataFrame:
    """Do other options, or another attribution method, rank the models alike?

    Parameters
    ----------
    scores : pandas.DataFrame
        Table ``consistency_scores`` with several settings or methods; the first row's are
        what the others are compared with.
    designs : pandas.DataFrame
        ``model_id`` and ``dataset`` of every model, such as table ``evaluations``.
    score : str
        Column of ``scores``.

    Returns
    -------
    pandas.DataFrame
        Table ``consistency_answers``, one row per dataset, method and setting.
    """
    joined = scores.merge(designs[["model_id", "dataset"]], on="model_id", how="left")
    reference = scores.iloc[0][["method", "setting"]].tolist()
    rows = []
    for dataset, group in joined.groupby("dataset", sort=False):
        wide = group.pivot(index="model_id", columns=["method", "setting"], values=score)
        for method, setting in wide.columns:
            pair = wide[[tuple(reference), (method, setting)]].dropna().to_numpy()
            rho = _spearman(pair[:, 0], pair[:, -1]) if len(pair) >= _FEWEST else np.nan
            rows.append(
                {
                    "dataset": dataset,
                    "method": method,
                    "setting": setting,
                    "question": STABILITY,
                    "quantity": score,
                    "value": rho,
                    "n_models": len(pair),
                    "status": "ok" if np.isfinite(rho) else "too few models with different scores",
                }
            )
    return pd.DataFrame(rows, columns=_COLUMNS)


def _spearman(x: np.ndarray, y: np.ndarray, design: np.ndarray | None = None) -> float:
    return _pearson(rankdata(x), rankdata(y))


def _partial(x: np.ndarray, y: np.ndarray, design: np.ndarray) -> float:
    """Of ranks after their means in each design are taken out, additively."""
    left = [ranks - design @ np.linalg.lstsq(design, ranks)[0] for ranks in (rankdata(x), rankdata(y))]
    return _pearson(*left)


def _pearson(x: np.ndarray, y: np.ndarray) -> float:
    x, y = x - x.mean(), y - y.mean()
    size = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / size) if size > 1e-9 * len(x) else float("nan")


def _with_interval(known: pd.DataFrame, column, truth, correlate, rng, resamples: int) -> dict:
    x, y = known[column].to_numpy(), known[truth].to_numpy()
    dummies = [pd.get_dummies(known[part].astype(str), drop_first=True).to_numpy(float) for part in DESIGN]
    design = np.column_stack([np.ones(len(known)), *dummies])
    value = correlate(x, y, design) if len(known) >= _FEWEST else np.nan
    if not np.isfinite(value):
        return {"value": np.nan, "n_models": len(known), "status": "too few models with different values"}
    cells = known.groupby([known[part].astype(str) for part in DESIGN]).ngroup().to_numpy()
    members = [np.flatnonzero(cells == cell) for cell in range(cells.max() + 1)]
    drawn = []
    for _ in range(resamples if len(members) > 1 else 0):
        rows = np.concatenate([members[cell] for cell in rng.integers(0, len(members), len(members))])
        drawn.append(correlate(x[rows], y[rows], design[rows]))
    drawn = np.array(drawn)[np.isfinite(drawn)] if drawn else np.empty(0)
    low, high = np.quantile(drawn, [0.025, 0.975]) if drawn.size else (np.nan, np.nan)
    status = "ok" if drawn.size else "no interval: a single design"
    return {"value": value, "ci_low": low, "ci_high": high, "n_models": len(known), "status": status}


def _separation(score: pd.Series, false: pd.Series, rng, permutations: int) -> dict:
    """Share of pairs in which the model without a false interaction scores higher, with its p-value."""
    ranks, false = rankdata(score), false.to_numpy()
    n_false, n_true = int(false.sum()), int((~false).sum())
    if not n_false or not n_true:
        status = f"{n_false} of {len(false)} models have a false interaction: nothing to tell apart"
        return {"value": np.nan, "n_models": len(false), "status": status}

    def area(flags):
        return ((ranks * ~flags).sum() - n_true * (n_true + 1) / 2) / (n_true * n_false)

    value = area(false)
    drawn = np.array([area(rng.permutation(false)) for _ in range(permutations)])
    extreme = (np.abs(drawn - 0.5) >= abs(value - 0.5) - 1e-12).sum()
    p = (extreme + 1) / (permutations + 1)
    return {"value": value, "pval": p, "n_models": len(false), "status": "ok"}

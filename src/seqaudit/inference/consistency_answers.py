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
            for question in (RANKING, WITHIN):
                rows.append(
                    {
                        **dict(zip(SETTING, key)),
                        "question": question,
                        "quantity": column,
                        **_with_interval(known, column, truth, question == WITHIN, rng, resamples),
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


def _correlations(x: np.ndarray, y: np.ndarray, counts: np.ndarray, design: np.ndarray | None) -> np.ndarray:
    """Spearman correlations of samples that hold model i ``counts[:, i]`` times; shape ``(samples,)``.

    With a design, of ranks after their means in each column are taken out, additively. NaN where
    nothing varies.
    """
    left = [_ranks(values, counts) for values in (x, y)]
    if design is not None:
        inverse = np.linalg.pinv(np.einsum("si,ip,iq->spq", counts, design, design), hermitian=True)
        left = [
            ranks - np.einsum("spq,sp->sq", inverse, (counts * ranks) @ design) @ design.T for ranks in left
        ]
    total = counts.sum(axis=1, keepdims=True)
    u, v = (ranks - (counts * ranks).sum(axis=1, keepdims=True) / total for ranks in left)
    size = np.sqrt((counts * u**2).sum(axis=1) * (counts * v**2).sum(axis=1))
    varies = size > 1e-9 * total[:, 0]
    return np.divide((counts * u * v).sum(axis=1), size, out=np.full(len(counts), np.nan), where=varies)


def _ranks(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Mean rank of each value in samples in which it occurs ``counts`` times; shape of ``counts``."""
    below = (values[None] < values[:, None]) + 0.5 * (values[None] == values[:, None])
    return counts @ below.T + 0.5


def _spearman(x: np.ndarray, y: np.ndarray) -> float:
    return float(_correlations(x, y, np.ones((1, len(x))), None)[0])


def _with_interval(known: pd.DataFrame, column, truth, given_design: bool, rng, resamples: int) -> dict:
    x, y = known[column].to_numpy(np.float64), known[truth].to_numpy(np.float64)
    dummies = [pd.get_dummies(known[part].astype(str), drop_first=True).to_numpy(float) for part in DESIGN]
    design = np.column_stack([np.ones(len(known)), *dummies]) if given_design else None
    once = np.ones((1, len(known)))
    value = float(_correlations(x, y, once, design)[0]) if len(known) >= _FEWEST else np.nan
    if not np.isfinite(value):
        return {"value": np.nan, "n_models": len(known), "status": "too few models with different values"}
    cells = known.groupby([known[part].astype(str) for part in DESIGN]).ngroup().to_numpy()
    n_cells = cells.max() + 1
    drawn = np.empty(0)
    if n_cells > 1 and resamples:
        times = rng.multinomial(n_cells, np.full(n_cells, 1 / n_cells), size=resamples)
        drawn = _correlations(x, y, times[:, cells].astype(np.float64), design)
        drawn = drawn[np.isfinite(drawn)]
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

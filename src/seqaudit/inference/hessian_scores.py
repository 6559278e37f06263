"""Do scores find the true pairs, do intervals hold the truth, how often are nulls called?"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from seqaudit.data.tables import read_tables
from seqaudit.errors import SeqauditError
from seqaudit.inference.deepmr.intervals import student, wilson
from seqaudit.inference.hessian_measures import feature_pairs, ranks
from seqaudit.inference.hessian_nulls import draw_matrix, null_test

PUBLISHED_FALSE_POSITIVES = {
    "california": {"aeh": 0.015, "geh": 0.097, "eah": 1.000},
    "bike": {"aeh": 0.017, "geh": 0.042, "eah": 0.210},
    "energy": {"aeh": 0.013, "geh": 0.051, "eah": 0.089},
}
"""Table 1: average false-positive rate of the published rule over 500 permuted targets."""

RULES = ("published", "signed_groups", "additive_null", "additive_null_family")

ROC_GRID = tuple(np.round(np.linspace(0, 1, 101), 2))

_PAIR = ["feature_a", "feature_b"]
_DATA = ["dataset", "snr", "method"]


def method_scores(
    features: Sequence[str],
    scores: np.ndarray | None,
    *,
    method: str,
    dataset: str,
    replicate: int = 1,
    snr: float | None = None,
    interacts: Sequence[bool] | None = None,
    status: str = "ok",
) -> pd.DataFrame:
    """Scores of one method on one data set, ranked: rows of table ``hessian_methods``.

    Parameters
    ----------
    features : sequence of str
    scores : numpy.ndarray, shape (pairs,), or None
        None, with a ``status`` that says why, if the method could not be run.
    method, dataset, replicate, snr
        What the scores are of.
    interacts : sequence of bool, shape (pairs,), optional
    status : str
    """
    pairs = feature_pairs(features)
    scores = np.full(len(pairs), np.nan) if scores is None else np.asarray(scores, dtype=np.float64)
    if scores.shape != (len(pairs),):
        raise SeqauditError(f"scores of '{method}': got shape {scores.shape}, expected ({len(pairs)},).")
    known = [pd.NA] * len(pairs) if interacts is None else list(interacts)
    return pd.DataFrame(
        {
            "dataset": dataset,
            "replicate": replicate,
            "snr": np.nan if snr is None else float(snr),
            "method": method,
            "feature_a": pairs["feature_a"],
            "feature_b": pairs["feature_b"],
            "score": scores,
            "rank": ranks(scores),
            "interacts": pd.array(known, dtype="boolean"),
            "status": status,
        }
    )


def area_under_curve(scores, interacts) -> float:
    """Probability that a true pair scores above another one, ties half; NaN without both kinds."""
    scores, interacts = np.asarray(scores, dtype=np.float64), np.asarray(interacts, dtype=bool)
    n_true, n_false = interacts.sum(), (~interacts).sum()
    if not n_true or not n_false:
        return float("nan")
    return float((rankdata(scores)[interacts].sum() - n_true * (n_true + 1) / 2) / (n_true * n_false))


def roc_at(scores, interacts, false_positive_rates) -> np.ndarray:
    """True-positive rate at given false-positive rates, linear between thresholds."""
    scores, interacts = np.asarray(scores, dtype=np.float64), np.asarray(interacts, dtype=bool)
    thresholds = np.unique(scores)[::-1]
    false = np.array([0.0, *((scores[~interacts, None] >= thresholds).mean(axis=0))])
    true = np.array([0.0, *((scores[interacts, None] >= thresholds).mean(axis=0))])
    rates = np.asarray(false_positive_rates, dtype=np.float64)
    left = np.searchsorted(false, rates, side="right") - 1  # the top of a vertical step
    right = np.minimum(left + 1, len(false) - 1)
    width = false[right] - false[left]
    share = (rates - false[left]) / np.where(width > 0, width, 1.0)
    return true[left] + share * (true[right] - true[left])


def auc_table(methods: pd.DataFrame) -> pd.DataFrame:
    """Area under the ROC curve and mean rank of true pairs, by dataset, S/N and method.

    Parameters
    ----------
    methods : pandas.DataFrame
        Table ``hessian_methods``; data sets without a known truth are left out.

    Returns
    -------
    pandas.DataFrame
        Table ``hessian_auc``. Data sets in which a method has no scores do not count
        (``n_datasets``).
    """
    rows = []
    for key, part in _known(methods).groupby(_DATA, sort=False, dropna=False):
        areas, true_ranks, ideal = [], [], np.nan
        for _, one in part.groupby("replicate", sort=False):
            interacts = one["interacts"].to_numpy(dtype=bool)
            ideal = (interacts.sum() + 1) / 2
            if one["score"].notna().all():
                areas.append(area_under_curve(one["score"], interacts))
                true_ranks.append(one["rank"].to_numpy()[interacts].mean())
        n = len(areas)
        rows.append(
            dict(zip(_DATA, key))
            | {
                "auc": np.mean(areas) if n else np.nan,
                "auc_se": np.std(areas, ddof=1) / np.sqrt(n) if n > 1 else np.nan,
                "true_rank": np.mean(true_ranks) if n else np.nan,
                "ideal_rank": ideal,
                "n_datasets": n,
            }
        )
    return pd.DataFrame(rows) if rows else read_tables([], "hessian_auc", optional=True)


def roc_table(methods: pd.DataFrame) -> pd.DataFrame:
    """Mean ROC curve over data sets, by dataset, S/N and method: table ``hessian_roc``."""
    parts = []
    for key, part in _known(methods).dropna(subset=["score"]).groupby(_DATA, sort=False, dropna=False):
        curves = [
            roc_at(one["score"], one["interacts"].to_numpy(dtype=bool), ROC_GRID)
            for _, one in part.groupby("replicate", sort=False)
            if one["interacts"].any() and not one["interacts"].all()
        ]
        if curves:
            columns = {"false_positive_rate": ROC_GRID, "true_positive_rate": np.mean(curves, axis=0)}
            parts.append(pd.DataFrame(dict(zip(_DATA, key)) | columns))
    if not parts:
        return read_tables([], "hessian_roc", optional=True)
    return pd.concat(parts, ignore_index=True)


def coverage_table(pairs: pd.DataFrame | None, groups: pd.DataFrame | None = None) -> pd.DataFrame:
    """How often credible intervals hold the truth, over data sets.

    A true value of 0 lies on the boundary of an absolute value, so intervals of such pairs
    hold it rarely whatever the network; signed group means have no such boundary.

    Parameters
    ----------
    pairs : pandas.DataFrame or None
        Rows of table ``hessian_pairs`` of several data sets of one name; those without truth or
        spread are left out.
    groups : pandas.DataFrame, optional
        Rows of ``hessian_groups`` with truth; pairs interact where any group's truth is not 0.

    Returns
    -------
    pandas.DataFrame
        Table ``hessian_coverage``.
    """
    parts = [] if pairs is None else [pairs.rename(columns={"measure": "quantity", "score": "value"})]
    if groups is not None:
        interacts = groups.groupby(["fit", *_PAIR])["truth"].transform(lambda truth: (truth != 0).any())
        parts.append(
            groups.rename(columns={"mean": "value"}).assign(quantity="signed_group_mean", interacts=interacts)
        )
    needed = ["dataset", "posterior", "quantity", *_PAIR, "interacts", "truth", "value", "ci_low", "ci_high"]
    intervals = pd.concat([part[needed].astype({"interacts": object}) for part in parts], ignore_index=True)
    intervals = intervals.dropna(subset=["truth", "ci_low", "interacts"])
    held = (intervals["ci_low"] <= intervals["truth"]) & (intervals["truth"] <= intervals["ci_high"])
    keys = ["dataset", "posterior", "quantity", *_PAIR]
    table = (
        intervals.assign(held=held, interacts=intervals["interacts"].astype(bool))
        .groupby(keys, sort=False, as_index=False)
        .agg(
            interacts=("interacts", "any"),
            truth=("truth", "mean"),
            mean_score=("value", "mean"),
            coverage=("held", "mean"),
            n=("held", "size"),
        )
    )
    low, high = wilson(np.round(table["coverage"] * table["n"]), table["n"].to_numpy())
    return table.assign(ci_low=low, ci_high=high)


def false_positive_table(
    nulls: pd.DataFrame, *, references: pd.DataFrame | None = None, alpha: float = 0.05
) -> pd.DataFrame:
    """How often pairs of data without interactions are called, by rule (counterpart of Table 1).

    The additive-null rule needs refits of its own for every null data set. One each is enough,
    if all null data sets share them (the warp-speed bootstrap of Giacomini, Politis and White
    2013, Econometric Theory 29): for its level, not for the power of a single test.

    Parameters
    ----------
    nulls : pandas.DataFrame
        Table ``hessian_nulls``: networks fitted to permuted targets (``permutation``), or to
        data simulated with main effects only (``main_effects``).
    references : pandas.DataFrame, optional
        The same table for refits, one per null data set, to targets simulated from the
        additive fit *of that data set*; same ``null`` and ``draw``. With too few for a p-value of
        ``alpha`` (19 for 0.05) the additive-null rule has no row.
    alpha : float
        Level of the tests; the published rule has none.

    Returns
    -------
    pandas.DataFrame
        Table ``hessian_false_positives``. Limits of ``rate`` are Student's over null data sets,
        because the pairs of one depend on each other; those of ``family_rate`` are Wilson's.
    """
    keys = ["dataset", "null", "measure"]
    pooled = {} if references is None else dict(list(references.groupby(keys, sort=False)))
    rows = []
    for key, part in nulls.groupby(keys, sort=False):
        dataset, null, measure = key
        published = PUBLISHED_FALSE_POSITIVES.get(dataset, {}).get(measure, np.nan)
        for rule, calls in _calls(part, pooled.get(key), alpha).items():
            shares, any_call = calls.mean(axis=1), calls.any(axis=1)
            n = len(calls)
            if np.ptp(shares) > 0:
                low, high, _ = student(shares.mean(), shares.std(ddof=1) / np.sqrt(n), n - 1)
            else:  # no spread says little: as if every data set had one pair
                low, high = wilson(shares.sum(), n)
            family_low, family_high = wilson(any_call.sum(), n)
            rows.append(
                dict(zip(keys, key))
                | {
                    "rule": rule,
                    "rate": shares.mean(),
                    "ci_low": max(float(low), 0.0),
                    "ci_high": min(float(high), 1.0),
                    "family_rate": any_call.mean(),
                    "family_low": float(family_low),
                    "family_high": float(family_high),
                    "n_draws": n,
                    "published": published if (null, rule) == ("permutation", "published") else np.nan,
                }
            )
    return pd.DataFrame(rows)


def injection_table(methods: pd.DataFrame, *, pair: tuple[str, str], form: str, share: float) -> pd.DataFrame:
    """Where every method ranks an injected interaction: rows of table ``hessian_injections``.

    Parameters
    ----------
    methods : pandas.DataFrame
        Rows of ``hessian_methods`` for the data with the injected interaction.
    pair : two str
        Features of the interaction, in the order of the data.
    form, share
        As in :func:`seqaudit.simulate.tabular_suites.inject_interaction`.
    """
    injected = methods[(methods["feature_a"] == pair[0]) & (methods["feature_b"] == pair[1])]
    if len(injected) != methods["method"].nunique():
        raise SeqauditError(
            f"injection: got {len(injected)} rows of {pair[0]} x {pair[1]}, expected one for each of "
            f"{', '.join(methods['method'].unique())}; name features in the order of the data."
        )
    n_pairs = injected["method"].map(methods.groupby("method").size())
    columns = ["dataset", "method", "feature_a", "feature_b", "rank"]
    return injected[columns].assign(form=form, share=float(share), n_pairs=n_pairs).reset_index(drop=True)


def smoothed_target(
    x: np.ndarray,
    y: np.ndarray,
    features: Sequence[str],
    *,
    pairs: Sequence[tuple[str, str]],
    dataset: str,
    n_cells: int = 30,
    width: float = 0.04,
) -> pd.DataFrame:
    """Mean target around the cells of a grid over two features (appendix 5).

    Parameters
    ----------
    x : numpy.ndarray, shape (n, features)
    y : numpy.ndarray, shape (n,)
    features : sequence of str
    pairs : sequence of two str
    dataset : str
    n_cells : int
        Per feature, over its range.
    width : float
        Standard deviation of the Gaussian window, in ranges of a feature. Cells with less than
        the weight of one point are null.

    Returns
    -------
    pandas.DataFrame
        Table ``hessian_surfaces``.
    """
    features, middles, parts = list(features), (np.arange(n_cells) + 0.5) / n_cells, []
    for pair in pairs:
        windows, values = [], []
        for column in (x[:, features.index(name)] for name in pair):
            low, reach = column.min(), np.ptp(column)
            windows.append(np.exp(-0.5 * ((middles[:, None] - (column - low) / reach) / width) ** 2))
            values.append(low + reach * middles)
        weight = windows[0] @ windows[1].T
        mean = np.where(weight >= 1, (windows[0] * y) @ windows[1].T / np.maximum(weight, 1e-12), np.nan)
        a, b = np.meshgrid(*values, indexing="ij")
        cells = {"value_a": a.ravel(), "value_b": b.ravel(), "value": mean.ravel()}
        names = {"dataset": dataset, "feature_a": pair[0], "feature_b": pair[1], "label": "smoothed target"}
        parts.append(pd.DataFrame(names | cells))
    return pd.concat(parts, ignore_index=True)


def _calls(draws: pd.DataFrame, references: pd.DataFrame | None, alpha: float) -> dict[str, np.ndarray]:
    """Calls of every rule that can be judged, shape (draws, pairs)."""
    pairs = draws[_PAIR].drop_duplicates()
    calls = {}
    for rule, column in (("published", "published_call"), ("signed_groups", "p_groups")):
        if draws[column].notna().all():
            values = draw_matrix(draws, pairs, column=column).astype(np.float64)
            calls[rule] = values > 0 if rule == "published" else values <= alpha
    reference = None if references is None else draw_matrix(references, pairs)
    if reference is not None and 1 / (1 + len(reference)) <= alpha:
        tests = [null_test(scores, reference, balance=True) for scores in draw_matrix(draws, pairs)]
        calls["additive_null"] = np.array([test.p <= alpha for test in tests])
        calls["additive_null_family"] = np.array([test.p_family <= alpha for test in tests])
    return calls


def _known(methods: pd.DataFrame) -> pd.DataFrame:
    return methods[methods["interacts"].notna()]

"""Level and power of all tests by the size of the simulated effect."""

from collections.abc import Mapping

import pandas as pd
from scipy.stats import beta as beta_distribution

from seqaudit.data.schemas import SCHEMAS
from seqaudit.errors import SeqauditError
from seqaudit.inference.twin_reasons import CONFIRMED, PRESENT

TESTS = {
    "rejected": ("twin_verdict", (CONFIRMED, PRESENT)),
    "confirmed": ("twin_verdict", (CONFIRMED,)),
    "paired": ("paired_p", None),
    "unpaired": ("unpaired_p", None),
    "random_location": ("random_location_p", None),
}
"""Tests of single models: column of ``loss_models``, and the verdicts that count, None for p-values."""
CONSENSUS = "consensus"

_COLUMNS = [column.name for column in SCHEMAS["twin_power"].columns]


def power_by_effect(
    models: pd.DataFrame,
    summary: pd.DataFrame,
    redraws: pd.DataFrame,
    exponents: Mapping[str, float],
    *,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Share of models of which every test says that motifs interact, by exponent and padding.

    Parameters
    ----------
    models : pandas.DataFrame
        Table ``loss_models`` with the twins' verdicts.
    summary : pandas.DataFrame
        Table ``twin_summary``: its verdicts make test ``consensus``, one per dataset and motif pair.
    redraws : pandas.DataFrame
        Table ``twin_redraws``; may be empty.
    exponents : mapping of str to float
        Exponent of the simulated effect by dataset, 1 without interaction. Other datasets are left out.
    alpha : float
        Level of the tests with p-values.

    Returns
    -------
    pandas.DataFrame
        Table ``twin_power``, one row per padding, exponent and test. Intervals are exact (Clopper & Pearson
        1934) for independent models; models of one dataset share its labels. Models without an answer
        (no p-value, no verdict) do not count as rejected.

    Raises
    ------
    SeqauditError
        An exponent that is not positive, or alpha not between 0 and 1.
    """
    bad = {name: value for name, value in exponents.items() if not value > 0}
    if bad:
        name, value = next(iter(bad.items()))
        raise SeqauditError(f"exponents: got {value} for dataset '{name}', expected a positive number.")
    if not 0 < alpha < 1:
        raise SeqauditError(f"alpha: got {alpha}, expected a level between 0 and 1, such as 0.05.")
    models = models[models["dataset"].isin(list(exponents))]
    design = models.drop_duplicates("dataset").set_index("dataset")["padding"]
    answers = [_single_models(models, alpha), _consensus(summary, design)]
    answers = pd.concat([table for table in answers if len(table)] or answers, ignore_index=True)
    if answers.empty:
        return pd.DataFrame(columns=_COLUMNS)
    answers["exponent"] = answers["dataset"].map(exponents).astype(float)
    drawn = redraws.merge(models[["model_id", "motif_pair", "dataset", "padding"]])
    drawn["exponent"] = drawn["dataset"].map(exponents).astype(float)
    rows = []
    for key, group in answers.groupby(["padding", "exponent", "test"], sort=False):
        padding, exponent, test = key
        again = drawn[
            (drawn["padding"] == padding) & (drawn["exponent"] == exponent) & (drawn["test"] == test)
        ]
        n, rejected = len(group), int(group["rejects"].sum())
        low, high = clopper_pearson(rejected, n)
        rows.append(
            {
                "padding": padding,
                "exponent": exponent,
                "test": test,
                "n_datasets": group["dataset"].nunique(),
                "n_models": n,
                "n_rejected": rejected,
                "rate": rejected / n,
                "ci_low": low,
                "ci_high": high,
                "n_redraws": 0 if again.empty else int(again["n_redraws"].min()),
                "redraw_rate": again["rate"].mean(),
            }
        )
    table = pd.DataFrame(rows)[_COLUMNS]
    order = {test: place for place, test in enumerate([*TESTS, CONSENSUS])}
    table = table.assign(place=table["test"].map(order)).sort_values(["padding", "place", "exponent"])
    return table[_COLUMNS].reset_index(drop=True)


def clopper_pearson(successes: int, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Exact limits of a proportion (Clopper & Pearson 1934); 0 to 1 without trials."""
    tail = (1 - level) / 2
    low = beta_distribution.ppf(tail, successes, n - successes + 1) if successes else 0.0
    high = beta_distribution.ppf(1 - tail, successes + 1, n - successes) if successes < n else 1.0
    return float(low), float(high)


def _single_models(models: pd.DataFrame, alpha: float) -> pd.DataFrame:
    parts = []
    for test, (column, words) in TESTS.items():
        if models[column].isna().all():
            continue  # a run without this test
        rejects = models[column].isin(words) if words else models[column] < alpha
        parts.append(models[["dataset", "padding"]].assign(test=test, rejects=rejects.to_numpy(bool)))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _consensus(summary: pd.DataFrame, padding: pd.Series) -> pd.DataFrame:
    known = summary[summary["dataset"].isin(padding.index)]
    return pd.DataFrame(
        {
            "dataset": known["dataset"].to_numpy(),
            "padding": known["dataset"].map(padding).to_numpy(),
            "test": CONSENSUS,
            "rejects": known["verdict_twin"].isin((CONFIRMED, PRESENT)).to_numpy(bool),
        }
    )

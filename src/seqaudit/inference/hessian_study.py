"""Everything that a study says about its pairs: null tests, scores against the truth, false positives."""

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from seqaudit.data.features import FeatureTable
from seqaudit.data.tables import read_tables
from seqaudit.inference.hessian_loss_gate import add_loss_gate
from seqaudit.inference.hessian_nulls import NULLS, add_null_tests
from seqaudit.inference.hessian_refits import REFERENCES
from seqaudit.inference.hessian_scores import (
    auc_table,
    coverage_table,
    false_positive_table,
    injection_table,
    roc_table,
    smoothed_target,
)

JUDGED = ("permutation", "main_effects")
"""Null data that rules are applied to."""


class JudgedStudy(NamedTuple):
    """Tables of a study, by the schema ``hessian_<name>``."""

    pairs: pd.DataFrame
    auc: pd.DataFrame
    roc: pd.DataFrame
    coverage: pd.DataFrame
    false_positives: pd.DataFrame
    injections: pd.DataFrame


def judge_study(
    pairs: pd.DataFrame,
    groups: pd.DataFrame,
    nulls: pd.DataFrame,
    methods: pd.DataFrame,
    networks: pd.DataFrame,
    *,
    study: str,
    injections: Mapping[str, Mapping] | None = None,
    alpha: float = 0.05,
) -> JudgedStudy:
    """Test, score and count.

    Parameters
    ----------
    pairs, groups, nulls, methods, networks : pandas.DataFrame
        Tables ``hessian_pairs``, ``hessian_groups``, ``hessian_nulls``, ``hessian_methods`` and
        ``hessian_networks`` of all networks of the study; ``nulls`` may have no rows.
    study : str
    injections : mapping, optional
        Arguments ``pair``, ``form`` and ``share`` of ``injection_table``, by ``dataset``.
    alpha : float
        Level of all tests.
    """
    injections = injections or {}
    tested = add_null_tests(pairs, nulls[nulls["null"].isin(NULLS)], alpha=alpha)
    tested = add_loss_gate(tested, networks, alpha=alpha)
    injected = [
        injection_table(methods[methods["dataset"] == dataset], **dict(injection)).assign(dataset=study)
        for dataset, injection in injections.items()
    ]
    compared = methods[~methods["dataset"].isin(list(injections))]
    return JudgedStudy(
        tested,
        auc_table(compared),
        roc_table(compared),
        _coverage(tested, groups),
        _false_positives(nulls, alpha),
        pd.concat(injected, ignore_index=True) if injected else _empty("injections"),
    )


def strongest_surfaces(
    table: FeatureTable, pairs: pd.DataFrame, *, dataset: str, n_pairs: int = 3
) -> pd.DataFrame:
    """The target over the pairs with the largest scores (appendix 5): table ``hessian_surfaces``.

    Parameters
    ----------
    table : FeatureTable
    pairs : pandas.DataFrame
        Table ``hessian_pairs`` of one network.
    dataset : str
    n_pairs : int
    """
    scores = pairs[pairs["measure"] == "geh"].sort_values("rank").head(n_pairs)
    strongest = list(zip(scores["feature_a"], scores["feature_b"]))
    return smoothed_target(table.x, table.y, table.features, pairs=strongest, dataset=dataset)


def _coverage(pairs: pd.DataFrame, groups: pd.DataFrame) -> pd.DataFrame:
    known = pairs.dropna(subset=["truth", "ci_low"])
    if known.empty:
        return _empty("coverage")
    return coverage_table(known, groups.dropna(subset=["truth", "ci_low"]))


def _false_positives(nulls: pd.DataFrame, alpha: float) -> pd.DataFrame:
    judged = nulls[nulls["null"].isin(JUDGED)]
    if judged.empty:
        return _empty("false_positives")
    references = nulls[nulls["null"].isin(list(REFERENCES))]
    references = references.assign(null=references["null"].map(REFERENCES))
    return false_positive_table(
        _numbered(judged), references=_numbered(references) if len(references) else None, alpha=alpha
    )


def _numbered(draws: pd.DataFrame) -> pd.DataFrame:
    """Draws of all networks of a data set under numbers of their own."""
    keys = draws[["dataset", "null", "fit", "draw"]].apply(tuple, axis=1)
    return draws.assign(draw=pd.factorize(keys)[0] + 1)


def _empty(name: str) -> pd.DataFrame:
    return read_tables([], f"hessian_{name}", optional=True)

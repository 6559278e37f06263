"""Tabular worlds by the names they have in a config, and what is true about the pairs of features."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from seqaudit.data.features import FeatureTable
from seqaudit.errors import SeqauditError
from seqaudit.simulate.tabular import TabularLaw, main_effects_twin, seven_interactions
from seqaudit.simulate.tabular_suites import inject_interaction, nid_demo, random_pairs
from seqaudit.simulate.tabular_truth import true_group_hessians, true_measures

LAWS = ("seven_interactions", "nid_demo", "random_pairs")


def tabular_law(
    law: str, *, profile: str = "hessian_size", main_effects_only: bool = False, seed: int = 0
) -> TabularLaw:
    """The law of a simulated study.

    Parameters
    ----------
    law : {"seven_interactions", "nid_demo", "random_pairs"}
    profile : str
        Of ``seven_interactions``.
    main_effects_only : bool
        Whether every term is replaced by its main effects.
    seed : int
        Of the pairs and forms of ``random_pairs``; the others are fixed.
    """
    if law == "seven_interactions":
        made = seven_interactions(profile=profile)
    elif law == "nid_demo":
        made = nid_demo()
    elif law == "random_pairs":
        made = random_pairs(seed=seed)
    else:
        raise SeqauditError(f"law: got '{law}', expected one of {', '.join(LAWS)}.")
    return main_effects_twin(made) if main_effects_only else made


def pair_truth(
    features: Sequence[str],
    x: np.ndarray,
    labels: np.ndarray,
    *,
    law: Mapping | None = None,
    interacting: Sequence[Sequence[str]] | None = None,
    derivatives: bool = True,
) -> pd.DataFrame | None:
    """What is true about every pair of features, or None where nothing is known.

    Parameters
    ----------
    features : sequence of str
    x : numpy.ndarray, shape (n, features)
    labels : numpy.ndarray of int, shape (n,)
        Group of every point.
    law : mapping, optional
        Arguments of :func:`tabular_law`.
    interacting : sequence of two str, optional
        Without a law: which pairs interact, all others do not.
    derivatives : bool
        Whether true second derivatives are told, where there are any.

    Returns
    -------
    pandas.DataFrame or None
        Columns ``feature_a``, ``feature_b``, ``interacts`` and, with a law, the three measures:
        what ``group_hessian.add_truth`` takes.
    """
    if law is not None:
        truth = true_measures(tabular_law(**law), x, labels)
        return truth if derivatives else truth[["feature_a", "feature_b", "interacts"]]
    if interacting is None:
        return None
    names = np.array(list(features), dtype=object)
    first, second = (names[part] for part in np.triu_indices(len(names), 1))
    true = {frozenset(pair) for pair in interacting}
    return pd.DataFrame(
        {
            "feature_a": first,
            "feature_b": second,
            "interacts": [frozenset(pair) in true for pair in zip(first, second)],
        }
    )


def true_forms(law: Mapping | None) -> dict[tuple[int, int], Callable] | None:
    """Forms of the terms of two features, for a regression that knows them; None without a law."""
    if law is None:
        return None
    return {term.features: term.value for term in tabular_law(**law).terms if len(term.features) == 2}


def add_group_truth(
    groups: pd.DataFrame,
    x: np.ndarray,
    labels: np.ndarray,
    *,
    law: Mapping | None = None,
    interacting: Sequence[Sequence[str]] | None = None,
    derivatives: bool = True,
) -> pd.DataFrame:
    """Fill in the true signed means of table ``hessian_groups``, if there is a law.

    Parameters
    ----------
    groups : pandas.DataFrame
        Of one network, as ``signed_groups.group_table`` returns them.
    x : numpy.ndarray, shape (n, features)
    labels : numpy.ndarray of int, shape (n,)
        Group of every point, in the order of the table.
    law, interacting, derivatives
        As for :func:`pair_truth`.
    """
    if law is None or not derivatives:
        return groups
    mean = true_group_hessians(tabular_law(**law), x, labels).mean[0]
    first, second = np.triu_indices(x.shape[1], 1)
    return groups.assign(truth=mean[:, first, second].ravel())


def injected_table(table: FeatureTable, *, pair: Sequence[str], form: str, share: float) -> FeatureTable:
    """A measured table with an interaction added to its target; see ``inject_interaction``.

    Raises
    ------
    SeqauditError
        A feature that the table does not have.
    """
    unknown = [name for name in pair if name not in table.features]
    if unknown:
        raise SeqauditError(f"injection: no feature '{unknown[0]}'; there are {', '.join(table.features)}.")
    where = tuple(table.features.index(name) for name in pair)
    return table._replace(y=inject_interaction(table.x, table.y, pair=where, form=form, share=share).y)

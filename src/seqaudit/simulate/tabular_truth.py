"""What a perfect network would say of a tabular world: true Hessians, measures and surfaces."""

import numpy as np
import pandas as pd

from seqaudit.data.hessian import GroupHessians, check_labels
from seqaudit.simulate.anova import main_effect, moments, pairs_of, tensor_rule
from seqaudit.simulate.tabular import TabularLaw

_POPULATION_NODES = 512  # per feature: absolute values have kinks


def true_group_hessians(law: TabularLaw, x: np.ndarray, labels: np.ndarray) -> GroupHessians:
    """True Hessians at points, averaged in groups: what a perfect network would give.

    Parameters
    ----------
    law : TabularLaw
    x : array_like, shape (n, features)
    labels : array_like of int, shape (n,)
        Group of every point, numbered from 0.

    Returns
    -------
    GroupHessians
        With one sample.
    """
    labels = check_labels(labels, points=len(x))
    pointwise = law.hessians(x)
    sizes = np.bincount(labels)
    member = np.zeros((len(sizes), len(x)))
    member[labels, np.arange(len(x))] = 1 / sizes[labels]
    mean = np.einsum("mn,nij->mij", member, pointwise)
    return GroupHessians(mean[None], np.abs(pointwise).mean(axis=0)[None], sizes)


def true_measures(law: TabularLaw, x: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """True AEH, GEH and EAH of every pair at given points and groups.

    Returns
    -------
    pandas.DataFrame
        Columns ``feature_a``, ``feature_b``, ``interacts``, ``aeh``, ``geh``, ``eah``; pairs
        in the order 0-1, 0-2, ..., 1-2, ...
    """
    truth = true_group_hessians(law, x, labels)
    shares = truth.sizes / truth.sizes.sum()
    mean = truth.mean[0]
    return _truth_table(
        law, np.abs(np.einsum("m,mij->ij", shares, mean)), truth.absolute[0],
        geh=np.einsum("m,mij->ij", shares, np.abs(mean)),
    )  # fmt: skip


def population_measures(law: TabularLaw) -> pd.DataFrame:
    """True AEH and EAH of every pair over the distribution of the features, by quadrature.

    Columns as in :func:`true_measures`, without ``geh``, which needs groups.
    """
    d = len(law.features)
    aeh, eah = np.zeros((d, d)), np.zeros((d, d))
    for term in law.terms:
        for i, j in pairs_of(term):
            if term.mixed is None:
                aeh[i, j] = eah[i, j] = np.nan
                continue
            nodes, weights = tensor_rule(tuple(law.features[k] for k in term.features), _POPULATION_NODES)
            values = term.weight * term.mixed(*nodes)
            aeh[i, j], eah[i, j] = abs(weights @ values), weights @ np.abs(values)
    return _truth_table(law, aeh, eah)


def interaction_surfaces(law: TabularLaw, *, dataset: str, n_cells: int = 41) -> pd.DataFrame:
    """Terms of two features over their range, main effects removed (counterpart of Figure 1).

    Returns
    -------
    pandas.DataFrame
        Table ``hessian_surfaces``.
    """
    parts = []
    for term in (term for term in law.terms if len(term.features) == 2):
        first, second = (law.features[j] for j in term.features)
        a, b = (
            np.linspace(*((-2.5, 2.5) if f.distribution == "normal" else (f.low, f.high)), n_cells)
            for f in (first, second)
        )
        a, b = (grid.ravel() for grid in np.meshgrid(a, b, indexing="ij"))
        rest = term.value(a, b) - moments(term, law.features)[0]
        for j, values in zip(term.features, (a, b)):
            rest = rest - main_effect(term, law.features, j)(values)
        parts.append(
            pd.DataFrame(
                {
                    "dataset": dataset,
                    "feature_a": first.name,
                    "feature_b": second.name,
                    "label": term.name,
                    "value_a": a,
                    "value_b": b,
                    "value": term.weight * rest,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _truth_table(law: TabularLaw, aeh, eah, **more) -> pd.DataFrame:
    first, second = np.triu_indices(len(law.features), 1)
    interacting = set(law.interacting())
    names = np.array(law.names, dtype=object)
    return pd.DataFrame(
        {
            "feature_a": names[first],
            "feature_b": names[second],
            "interacts": [pair in interacting for pair in zip(first.tolist(), second.tolist())],
            "aeh": aeh[first, second],
            **{name: values[first, second] for name, values in more.items()},
            "eah": eah[first, second],
        }
    )

"""Interactions of a population of networks: one design's seeds as a posterior, pairs in strata as groups.

The mixed difference of the knock-out test takes the place of the second derivative, so the group expected
Hessian, its signed group means and their tests are those of ``group_hessian`` and ``signed_groups``.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from seqaudit.data.pair_strata import STRATA, ordered_strata
from seqaudit.errors import SeqauditError
from seqaudit.inference.group_hessian import score_pairs
from seqaudit.inference.hessian_group_counts import group_point_hessians, stratum_groups
from seqaudit.inference.signed_groups import group_table

DESIGN = ["dataset", "control", "padding", "arch", "l1", "motif_pair"]
PARTS = ("interaction", "head", "below")
POSTERIOR = "seeds"


class HeadTables(NamedTuple):
    """Summaries of table ``hessian_heads``.

    Attributes
    ----------
    designs : pandas.DataFrame
        Table ``hessian_head_designs``.
    pairs, groups : pandas.DataFrame
        Tables ``hessian_pairs`` and ``hessian_groups``, of every design, part of the interaction and
        way to stratify: ``fit`` is ``<design>.<motif pair>.<part>.<strata>``.
    """

    designs: pd.DataFrame
    pairs: pd.DataFrame
    groups: pd.DataFrame


def head_fit(design: Mapping, part: str, stratum: str) -> str:
    """Column ``fit`` of a part of the interactions of a design (a row of the table of designs) in strata."""
    return f"{design['dataset']}.{design['arch']}.l1_{design['l1']:g}.{design['motif_pair']}.{part}.{stratum}"


def summarise_heads(heads: pd.DataFrame) -> HeadTables:
    """Shares of head and layers below by design, and their group expected Hessians.

    Parameters
    ----------
    heads : pandas.DataFrame
        Table ``hessian_heads``, of any number of datasets.

    Raises
    ------
    SeqauditError
        Networks of one design that were asked about other pairs.
    """
    designs, pairs, groups = [], [], []
    for values, mine in heads.groupby(DESIGN, sort=False, dropna=False):
        named = dict(zip(DESIGN, values))
        seeds = list(dict.fromkeys(mine["model_id"]))
        by_seed = [mine[mine["model_id"] == model_id] for model_id in seeds]
        first = by_seed[0]
        if any(not np.array_equal(one["pair_id"], first["pair_id"]) for one in by_seed):
            raise SeqauditError(
                f"heads: networks of {named['dataset']}, {named['arch']} were asked about different pairs, "
                "expected the same ones in the same order."
            )
        samples = {part: np.stack([one[part].to_numpy() for one in by_seed]) for part in PARTS}
        designs.append({**named, **_shares(samples, by_seed)})
        features = [first["motif_a"].iloc[0], first["motif_b"].iloc[0]]
        for part, values in samples.items():
            hessians = _as_hessians(values)
            for stratum in STRATA:
                labels, names = stratum_groups(ordered_strata(first[[stratum]]))
                identity = {
                    "fit": head_fit(named, part, stratum),
                    "dataset": named["dataset"],
                    "posterior": POSTERIOR,
                }
                grouped = group_point_hessians(hessians, labels)
                pairs.append(score_pairs(grouped, features, identity=identity))
                groups.append(group_table(grouped, features, identity=identity, names=names))
    return HeadTables(
        pd.DataFrame(designs), pd.concat(pairs, ignore_index=True), pd.concat(groups, ignore_index=True)
    )


def _as_hessians(interactions: np.ndarray) -> np.ndarray:
    """Interactions (networks, n) as symmetric matrices of two features, (networks, n, 2, 2)."""
    matrices = np.zeros((*interactions.shape, 2, 2))
    matrices[..., 0, 1] = matrices[..., 1, 0] = interactions
    return matrices


def _shares(samples: dict[str, np.ndarray], by_seed: list[pd.DataFrame]) -> dict[str, float]:
    absolute = {part: np.abs(values).mean(axis=1) for part, values in samples.items()}
    share = absolute["head"] / (absolute["head"] + absolute["below"])
    together = pd.concat(by_seed)
    truth = together["truth"].dropna()
    several = len(by_seed) > 1
    row = {"n_networks": len(by_seed), "n_pairs": samples["head"].shape[1]}
    for part, values in samples.items():
        means = values.mean(axis=1)
        row[f"mean_{part}"] = float(means.mean())
        row[f"sd_{part}"] = float(means.std(ddof=1)) if several else np.nan
    return row | {
        "head_share": float(share.mean()),
        "head_share_sd": float(share.std(ddof=1)) if several else np.nan,
        "non_additivity": float(together["non_additivity"].median()),
        "mean_truth": float(truth.mean()) if len(truth) else np.nan,
    }

"""Read scored pairs of nodes as pairs of digits: does the strongest one say what makes the label?"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from seqaudit.errors import SeqauditError


def read_node_pairs(
    pairs: pd.DataFrame,
    nodes: pd.DataFrame,
    networks: pd.DataFrame,
    *,
    positive: Sequence[int],
    identity: Mapping,
) -> pd.DataFrame:
    """Put the meanings of both nodes beside every score of a network.

    A pair reads as expected when one node is maximised by the left digit of the positive pair in
    the left half and the other by its right digit in the right half (Cui et al. 2020, section 5.3).

    Parameters
    ----------
    pairs : pandas.DataFrame
        Table ``hessian_pairs`` of one network.
    nodes : pandas.DataFrame
        Table ``hessian_nodes`` of its features.
    networks : pandas.DataFrame
        Table ``hessian_networks`` of the network.
    positive : two int
    identity : mapping
        Values of ``fit``, ``dataset`` and ``replicate``.

    Returns
    -------
    pandas.DataFrame
        Table ``hessian_readings``, group expected Hessians only, strongest first.

    Raises
    ------
    SeqauditError
        A pair with a node that ``nodes`` does not have.
    """
    scores = pairs[pairs["measure"] == "geh"].sort_values("rank", kind="stable", ignore_index=True)
    known = nodes.set_index("node")
    unknown = set(scores["feature_a"]) | set(scores["feature_b"])
    unknown -= set(known.index)
    if unknown:
        raise SeqauditError(f"nodes: no row for '{sorted(unknown)[0]}', expected one for every feature.")
    half_a, half_b, digit_a, digit_b = (
        known[column].loc[scores[side]].to_numpy()
        for column in ("half", "digit")
        for side in ("feature_a", "feature_b")
    )
    across = half_a != half_b
    left = np.where(half_a == "left", digit_a, digit_b)
    right = np.where(half_a == "left", digit_b, digit_a)
    named = {**identity, "feature_a": scores["feature_a"], "feature_b": scores["feature_b"]}
    meanings = {"half_a": half_a, "digit_a": digit_a, "half_b": half_b, "digit_b": digit_b}
    sources = {
        f"source_{side}": known["source"].loc[scores[f"feature_{side}"]].to_numpy() for side in ("a", "b")
    }
    observed = networks[networks["targets"] == "observed"]
    return pd.DataFrame(
        {
            **named,
            "score": scores["score"],
            "sd": scores["sd"],
            "rank": scores["rank"],
            **meanings,
            **sources,
            "across": across,
            "expected": across & (left == positive[0]) & (right == positive[1]),
            "classifier_accuracy": float(nodes["classifier_accuracy"].iloc[0]),
            "test_r2": float(observed["test_r2"].iloc[0]),
        }
    )


def summarise_readings(readings: pd.DataFrame) -> pd.DataFrame:
    """How often the strongest pair reads as expected, over the networks of a data set.

    Parameters
    ----------
    readings : pandas.DataFrame
        Table ``hessian_readings``, of any number of networks.

    Returns
    -------
    pandas.DataFrame
        One row per dataset: ``n_networks``; ``strongest``, networks whose strongest pair reads as
        expected; ``strongest_across``, the same among pairs of a left and a right node only; what a
        pair chosen blindly would give, ``chance`` and ``chance_across``; and the smallest
        ``classifier_accuracy``.
    """
    rows = []
    for dataset, mine in readings.groupby("dataset", sort=False):
        across = mine[mine["across"].to_numpy(bool)]
        of_fit, of_fit_across = mine.groupby("fit", sort=False), across.groupby("fit", sort=False)
        rows.append(
            {
                "dataset": dataset,
                "n_networks": of_fit.ngroups,
                "strongest": int(of_fit["expected"].first().sum()),
                "strongest_across": int(of_fit_across["expected"].first().sum()),
                "chance": float(of_fit["expected"].mean().sum()),
                "chance_across": float(of_fit_across["expected"].mean().sum()),
                "classifier_accuracy": float(mine["classifier_accuracy"].min()),
            }
        )
    return pd.DataFrame(rows)

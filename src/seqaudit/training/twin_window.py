"""How wide the windows of an additive twin may be, so that none touches two sites of a pair."""

import numpy as np
import pandas as pd

from seqaudit.data.sequences import letter_codes
from seqaudit.errors import SeqauditError


def widest_window(*knockouts: pd.DataFrame, at_most: int) -> int:
    """The widest window that touches no two sites of a pair.

    Parameters
    ----------
    *knockouts : pandas.DataFrame
        Tables ``knockouts``; only letters that differ between versions count.
    at_most : int
        Returned where the sites would allow more.

    Returns
    -------
    int
        Least distance between a position changed with A and one changed with B, bp.

    Raises
    ------
    SeqauditError
        Sites that overlap.
    """
    nearest, pair_id = at_most, None
    for table in knockouts:
        if table.empty:
            continue
        orig = letter_codes(table["orig"])
        changed_a, changed_b = (letter_codes(table[version]) != orig for version in ("a_off", "b_off"))
        length = orig.shape[1]
        places = np.arange(length)
        a_first, b_first = (
            np.where(changed, places, length).min(axis=1) for changed in (changed_a, changed_b)
        )
        a_last, b_last = (np.where(changed, places, -1).max(axis=1) for changed in (changed_a, changed_b))
        # a pair whose replacement is what was there before changes nothing and forbids nothing
        real = (a_last >= 0) & (b_last >= 0)
        distance = np.where(real, np.maximum(b_first - a_last, a_first - b_last), at_most)
        if distance.min() < nearest:
            nearest, pair_id = int(distance.min()), table["pair_id"].iloc[int(distance.argmin())]
    if nearest < 1:
        raise SeqauditError(
            f"knockouts: the sites of pair '{pair_id}' overlap, so no window can be additive in them. "
            "Raise knockouts.min_gap."
        )
    return nearest

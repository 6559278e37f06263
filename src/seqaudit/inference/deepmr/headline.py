"""Which method speaks for the ensembles of a recipe where only one can be shown."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

Methods = Mapping[tuple[str, str], str]
"""Method by study and recipe."""

_FIRST_CHOICES = ("calibrated_slope/mean", "member_slope/mean")


def headline_methods(effects: pd.DataFrame, headline: Mapping[str, str]) -> dict[tuple[str, str], str]:
    """Method of table ``deepmr_global`` that speaks for each study and recipe.

    The one that ``headline`` gives for the recipe, else ``calibrated_slope/mean``, else
    ``member_slope/mean``, else the first. Methods without any estimate are passed over, as
    calibrated ones are in studies without labelled mutants, unless no method has one.
    """
    chosen = {}
    for (study, recipe), rows in effects.groupby(["study", "recipe"], sort=False):
        made = list(dict.fromkeys(rows["method"]))
        estimated = set(rows.loc[rows["b"].notna(), "method"]) or set(made)
        wanted = (headline.get(recipe), *_FIRST_CHOICES, *made)
        chosen[study, recipe] = next(method for method in wanted if method in estimated)
    return chosen


def spoken_for(table: pd.DataFrame, methods: Methods) -> pd.DataFrame:
    """Rows of a table of estimates or scores that hold the method of their study and recipe."""
    wanted = [methods.get(key) for key in zip(table["study"], table["recipe"])]
    return table[table["method"].to_numpy(object) == np.array(wanted, dtype=object)]

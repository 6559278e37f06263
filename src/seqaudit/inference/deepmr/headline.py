"""Which method speaks for a recipe where only one can be shown."""

from collections.abc import Mapping

import pandas as pd

_FIRST_CHOICES = ("calibrated_slope/mean", "member_slope/mean")


def headline_methods(effects: pd.DataFrame, headline: Mapping[str, str]) -> dict[str, str]:
    """Method of table ``deepmr_global`` that speaks for each recipe.

    The one that ``headline`` gives for the recipe, else ``calibrated_slope/mean``, else
    ``member_slope/mean``, else the first; what the table does not have is passed over.
    """
    chosen = {}
    for recipe, methods in effects.groupby("recipe", sort=False)["method"]:
        made = list(dict.fromkeys(methods))
        wanted = (headline.get(recipe), *_FIRST_CHOICES, made[0])
        chosen[recipe] = next(method for method in wanted if method in made)
    return chosen

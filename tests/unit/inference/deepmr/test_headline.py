import numpy as np
import pandas as pd

from seqaudit.inference.deepmr.headline import headline_methods, spoken_for

CALIBRATED, PLAIN, IVW = "calibrated_slope/mean", "member_slope/mean", "ivw/reml"


def effects(*rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["study", "recipe", "method", "b"])


TABLE = effects(
    ("simulated", "plain", IVW, 0.8),
    ("simulated", "plain", CALIBRATED, 1.0),
    ("simulated", "plain", PLAIN, 0.9),
    ("simulated", "other", IVW, 0.7),
    # without labelled mutants
    ("measured", "plain", CALIBRATED, np.nan),
    ("measured", "plain", PLAIN, 0.5),
)


def test_the_named_method_speaks_then_calibrated_then_plain_slopes():
    both = {("simulated", "other"): IVW, ("measured", "plain"): PLAIN}
    assert headline_methods(TABLE, {}) == {("simulated", "plain"): CALIBRATED, **both}
    assert headline_methods(TABLE, {"plain": IVW}) == {("simulated", "plain"): IVW, **both}
    assert headline_methods(TABLE, {"plain": "absent"}) == {("simulated", "plain"): CALIBRATED, **both}


def test_a_method_without_any_estimate_is_silent_while_another_has_one():
    assert headline_methods(TABLE, {"plain": CALIBRATED})["measured", "plain"] == PLAIN
    silent = effects(("s", "r", PLAIN, np.nan), ("s", "r", CALIBRATED, np.nan))
    assert headline_methods(silent, {}) == {("s", "r"): CALIBRATED}


def test_rows_of_a_recipe_are_chosen_study_by_study():
    spoken = spoken_for(TABLE, headline_methods(TABLE, {}))
    assert spoken["b"].tolist() == [1.0, 0.7, 0.5]
    assert spoken_for(TABLE.assign(study="unheard of"), headline_methods(TABLE, {})).empty

"""Rejections by exponent are counted as the tables say, with exact intervals."""

import pandas as pd
import pytest
from scipy.stats import binom

from seqaudit.data.tables import read_table, write_table
from seqaudit.errors import SeqauditError
from seqaudit.inference.twin_power import clopper_pearson, power_by_effect

EXPONENTS = {"flat": 1.0, "bent": 1.1}


def models() -> pd.DataFrame:
    rows = [
        ("flat", "a", 0.03, 0.6, "not supported"),
        ("flat", "b", 0.2, 0.7, "cannot tell"),
        ("bent", "a", 0.001, 0.04, "confirmed"),
        ("bent", "b", 0.002, None, "present, size unconfirmed"),
        ("measured", "a", 0.001, 0.001, "confirmed"),
    ]
    return pd.DataFrame(
        [
            {
                "model_id": f"{dataset}.{name}",
                "dataset": dataset,
                "motif_pair": "A-B",
                "padding": "same",
                "paired_p": paired,
                "unpaired_p": unpaired,
                "random_location_p": None,
                "twin_verdict": verdict,
            }
            for dataset, name, paired, unpaired, verdict in rows
        ]
    )


SUMMARY = pd.DataFrame({"dataset": ["flat", "bent"], "verdict_twin": ["not supported", "confirmed"]})
REDRAWS = pd.DataFrame(
    {
        "model_id": ["bent.a", "bent.b", "flat.a", "flat.b"],
        "motif_pair": "A-B",
        "test": "paired",
        "n_redraws": 200,
        "rate": [0.8, 0.6, 0.3, 0.1],
    }
)


def test_models_are_counted_by_exponent():
    power = power_by_effect(models(), SUMMARY, REDRAWS, EXPONENTS).set_index(["test", "exponent"])
    counted = power["n_rejected"].to_dict()
    assert counted == {
        ("rejected", 1.0): 0,
        ("rejected", 1.1): 2,
        ("confirmed", 1.0): 0,
        ("confirmed", 1.1): 1,
        ("paired", 1.0): 1,
        ("paired", 1.1): 2,
        ("unpaired", 1.0): 0,
        ("unpaired", 1.1): 1,
        ("consensus", 1.0): 0,
        ("consensus", 1.1): 1,
    }
    by_test = power["n_models"].groupby("test").unique().map(list).to_dict()
    assert by_test == {test: [1 if test == "consensus" else 2] for test in by_test}
    assert power.loc[("paired", 1.1), "redraw_rate"] == pytest.approx(0.7)
    assert power.loc[("paired", 1.0), "n_redraws"] == 200
    assert power.loc[("unpaired", 1.0), "n_redraws"] == 0


def test_without_simulated_data_there_is_nothing(tmp_path):
    power = power_by_effect(models(), SUMMARY, REDRAWS.iloc[:0], {})
    write_table(power, tmp_path / "power.parquet", "twin_power")
    assert read_table(tmp_path / "power.parquet", "twin_power").empty


@pytest.mark.parametrize(("successes", "n"), [(1, 6), (3, 12), (11, 12)])
def test_limits_leave_a_fortieth_in_either_tail(successes, n):
    low, high = clopper_pearson(successes, n)
    assert binom.sf(successes - 1, n, low) == pytest.approx(0.025)
    assert binom.cdf(successes, n, high) == pytest.approx(0.025)


def test_limits_of_none_and_all():
    # 1 - 0.025 ** (1 / 6), by hand
    assert clopper_pearson(0, 6) == (0.0, pytest.approx(0.459258, abs=1e-6))
    assert clopper_pearson(6, 6) == (pytest.approx(0.540742, abs=1e-6), 1.0)
    assert clopper_pearson(0, 0) == (0.0, 1.0)


def test_impossible_settings_are_refused():
    with pytest.raises(SeqauditError, match="exponents: got 0 for dataset 'flat'"):
        power_by_effect(models(), SUMMARY, REDRAWS, {"flat": 0})
    with pytest.raises(SeqauditError, match="alpha: got 5"):
        power_by_effect(models(), SUMMARY, REDRAWS, EXPONENTS, alpha=5)

"""Tables of effects and estimates: one batch equals one group at a time, and names survive a round trip."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from seqaudit.data.tables import read_table, write_table
from seqaudit.errors import SeqauditError
from seqaudit.inference import mr
from seqaudit.inference.mr_tables import (
    EFFECTS,
    GROUP,
    estimate_table,
    from_twosamplemr,
    leave_one_out_table,
    single_instrument_table,
    to_twosamplemr,
)


def made_up_effects(sizes=(1, 2, 3, 4, 9, 17, 40), seed=0) -> pd.DataFrame:
    """Groups of different sizes, their rows shuffled into each other."""
    rng = np.random.default_rng(seed)
    parts = []
    for number, size in enumerate(sizes):
        x = rng.normal(0, 0.2, size)
        parts.append(
            pd.DataFrame(
                {
                    "locus": f"locus{number // 2}",
                    "exposure": "SOX2",
                    "outcome": ["OCT4", "NANOG"][number % 2],
                    "instrument": [f"m{i}" for i in range(size)],
                    "beta_exposure": x,
                    "se_exposure": rng.uniform(0.01, 0.03, size),
                    "beta_outcome": 0.5 * x + rng.normal(0, 0.03, size),
                    "se_outcome": rng.uniform(0.02, 0.04, size),
                }
            )
        )
    return pd.concat(parts).sample(frac=1, random_state=seed).reset_index(drop=True)


def test_every_group_is_estimated_as_if_alone():
    effects = made_up_effects()
    table = estimate_table(effects, ["egger", "ivw"])
    assert len(table) == 2 * 7
    assert list(table["method"][:2]) == ["egger", "ivw"]
    for _, row in table.iterrows():
        rows = effects[(effects[GROUP] == row[GROUP]).all(axis=1)]
        alone = mr.estimate(*(rows[name] for name in EFFECTS), method=row["method"])
        assert row["status"] == alone.status[0]
        assert row["n_instruments"] == len(rows)
        for ours, theirs in (("b", "b"), ("se", "se"), ("q", "q"), ("egger_intercept", "intercept")):
            np.testing.assert_allclose(row[ours], getattr(alone, theirs)[0], rtol=1e-10, atol=1e-15)
    assert (table.loc[table["n_instruments"] < 3, "status"] != "ok").sum() == 2, (
        "Egger of 1 and 2 instruments"
    )


def test_groups_keep_the_order_of_their_first_row():
    effects = made_up_effects()
    firsts = effects.drop_duplicates(GROUP)[GROUP].to_numpy()
    np.testing.assert_array_equal(estimate_table(effects)[GROUP].to_numpy(), firsts)


def test_i2_is_the_excess_of_q():
    table = estimate_table(made_up_effects((12, 30), seed=3), ["ivw"])
    expected = np.maximum(0, 1 - table["q_df"] / table["q"])
    np.testing.assert_allclose(table["i2"], expected, rtol=1e-12)
    alone = estimate_table(made_up_effects((1,)), ["ivw"])
    assert alone["i2"].isna().all()


def test_estimates_fit_their_schema(tmp_path):
    table = estimate_table(made_up_effects(), mr.methods()["method"][:3])
    write_table(table, tmp_path / "estimates.parquet", "mr_estimates")
    back = read_table(tmp_path / "estimates.parquet", "mr_estimates")
    pd.testing.assert_frame_equal(back, table, check_dtype=False)


def test_effects_fit_their_schema(tmp_path):
    write_table(made_up_effects(), tmp_path / "effects.parquet", "mr_effects")


def test_single_instruments_are_ratios():
    effects = made_up_effects((9,))
    table = single_instrument_table(effects)
    np.testing.assert_allclose(table["b"], effects["beta_outcome"] / effects["beta_exposure"], rtol=1e-12)
    np.testing.assert_allclose(
        table["se"], effects["se_outcome"] / effects["beta_exposure"].abs(), rtol=1e-12
    )
    assert list(table["instrument"]) == list(effects["instrument"])


def test_leave_one_out_is_a_regression_without_the_row():
    effects = made_up_effects((6, 9))
    table = leave_one_out_table(effects, "ivw")
    assert list(table["instrument"]) == list(effects["instrument"])
    for i in range(len(effects)):
        same = (effects[GROUP] == effects.loc[i, GROUP]).all(axis=1)
        rest = effects[same & (effects.index != i)]
        fit = sm.WLS(rest["beta_outcome"], rest["beta_exposure"], weights=rest["se_outcome"] ** -2).fit()
        assert table.loc[i, "b"] == pytest.approx(fit.params.iloc[0], rel=1e-10)


@pytest.mark.parametrize("kind", ["effects", "estimates"])
def test_a_round_trip_through_twosamplemr_changes_nothing(kind):
    effects = made_up_effects()
    table = effects if kind == "effects" else estimate_table(effects, ["ivw", "egger"])
    exported = to_twosamplemr(table)
    assert exported["id.exposure"].nunique() == 4, "one id per locus: TwoSampleMR groups by id"
    pd.testing.assert_frame_equal(from_twosamplemr(exported), table)


def test_exported_names_are_those_of_twosamplemr():
    effects = made_up_effects((5,))
    exported = to_twosamplemr(effects)
    assert {"SNP", "beta.exposure", "se.exposure", "beta.outcome", "se.outcome", "exposure", "outcome",
            "id.exposure", "id.outcome", "mr_keep"} <= set(exported)  # fmt: skip
    assert (exported["id.exposure"] == "SOX2").all()
    results = to_twosamplemr(estimate_table(effects, ["egger"]))
    assert {"id.exposure", "id.outcome", "outcome", "exposure", "method", "nsnp", "b", "se", "pval",
            "Q", "Q_df", "Q_pval", "egger_intercept"} <= set(results)  # fmt: skip
    assert list(results["method"]) == ["MR Egger"]


def test_twosamplemrs_own_table_is_read():
    harmonised = pd.DataFrame(
        {
            "SNP": ["rs1", "rs2", "rs3"],
            "effect_allele.exposure": ["A", "C", "G"],
            "beta.exposure": [0.1, 0.2, 0.3],
            "se.exposure": 0.01,
            "beta.outcome": [0.05, 0.1, 0.15],
            "se.outcome": 0.02,
            "exposure": "BMI || id:ieu-a-2",
            "outcome": "CHD || id:ieu-a-7",
            "id.exposure": "ieu-a-2",
            "id.outcome": "ieu-a-7",
            "mr_keep": [True, False, True],
        }
    )
    effects = from_twosamplemr(harmonised)
    assert list(effects["instrument"]) == ["rs1", "rs3"]
    assert set(effects["locus"]) == {"all"}
    assert estimate_table(effects)["b"].item() == pytest.approx(0.5)


def test_foreign_tables_are_refused():
    with pytest.raises(SeqauditError, match="to_twosamplemr: got the columns a; expected effects"):
        to_twosamplemr(pd.DataFrame({"a": [1]}))
    results = pd.DataFrame({"method": ["MR Magic"], "b": [1.0], "nsnp": [3]})
    with pytest.raises(SeqauditError, match=r"method 'MR Magic' is not one of .*MR Egger"):
        from_twosamplemr(results)


def test_an_unknown_method_is_named():
    with pytest.raises(SeqauditError, match="unknown method 'eger'"):
        estimate_table(made_up_effects((5,)), ["eger"])

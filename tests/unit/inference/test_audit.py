"""The audit: every line of evidence lands in its place, and the verdict follows the documented rule."""

import numpy as np
import pandas as pd
import pytest

from seqaudit.data.schemas import SCHEMAS
from seqaudit.data.tables import read_table, write_table
from seqaudit.errors import SeqauditError
from seqaudit.inference.audit import audit, decide_interaction, stance


def rows_of(schema: str, rows: list[dict]) -> pd.DataFrame:
    """A table of a schema: what is not given is null."""
    return pd.DataFrame(rows).reindex(columns=[column.name for column in SCHEMAS[schema].columns])


def loss_tables(
    verdict="real", votes=("supported", "supported", "supported", "not supported"), dataset="d", **more
):
    models = rows_of(
        "loss_models",
        [
            {
                "model_id": f"{dataset}.m{i}",
                "dataset": dataset,
                "motif_pair": "A-B",
                "arch": "arch1",
                "seed": i,
                "verdict": vote,
                "mean_interaction": float(i),
                "median_loss_improvement": i / 10,
                "test_mse": 1.0,
            }
            for i, vote in enumerate(votes)
        ],
    )
    verdicts = rows_of(
        "loss_verdicts",
        [
            {
                "dataset": dataset,
                "motif_pair": "A-B",
                "control": "positive",
                "verdict": verdict,
                "n_models": sum(vote != "not tested" for vote in votes),
                "n_supported": votes.count("supported"),
                "n_pairs": 700,
                "mean_interaction": 1.5,
                "median_loss_improvement": 0.15,
                "unpaired_p": 0.001,
                "paired_p": 1e-9,
                "q_value": 0.002,
                "true_mean_interaction": 2.0,
                **more,
            }
        ],
    )
    return {"loss_models": models, "loss_verdicts": verdicts}


TWIN_P = {"twin_p": 1e-12, "present_p": 1e-13}


def twins(verdict: str) -> dict[str, pd.DataFrame]:
    row = {"dataset": "d", "motif_pair": "A-B", "beta": 0.79, "ci_low": 0.77, "ci_high": 0.81}
    return {"twin_summary": pd.DataFrame([{**row, **TWIN_P, "verdict_twin": verdict}])}


def hessians(call, first="B", second="A") -> dict[str, pd.DataFrame]:
    row = {"dataset": "d", "measure": "geh", "feature_a": first, "feature_b": second, "score": 4.0}
    numbers = {"ci_low": 3.0, "ci_high": 5.0, "p_null": 0.004, "call": call}
    others = {**row, **numbers, "measure": "eah", "score": 99.0}
    return {"hessian_pairs": rows_of("hessian_pairs", [others, {**row, **numbers}])}


def effects(rows: list[dict]) -> dict[str, pd.DataFrame]:
    common = {
        "study": "s", "scenario": "both", "round": 1, "recipe": "first", "exposure": "X", "outcome": "Y",
        "sequence_class": "both", "method": "member_slope/mean", "k": 50, "n_loci": 60, "status": "ok",
    }  # fmt: skip
    made = [{**common, **row} for row in rows]
    for row in made:
        row.setdefault("ensemble", "{study}.{scenario}.round_{round}.{recipe}".format(**row))
    return {"deepmr_global": rows_of("deepmr_global", made)}


FOUND = {"b": 0.5, "ci_low": 0.4, "ci_high": 0.6, "pval": 1e-8}
SMALL = {"b": 0.01, "ci_low": -0.03, "ci_high": 0.05, "pval": 0.4}
WIDE = {"b": 0.2, "ci_low": -0.3, "ci_high": 0.7, "pval": 0.4}


@pytest.mark.parametrize(
    ("stances", "expected"),
    [
        (["yes"], ("real", 1, 1)),
        (["yes", "yes", "yes"], ("real", 3, 3)),
        (["yes", "silent", "silent"], ("real", 1, 1)),
        (["weak no", "yes"], ("real", 2, 1)),
        (["no", "yes"], ("inconsistent", 2, 0)),
        (["no", "no", "yes"], ("inconsistent", 3, 0)),
        (["mixed"], ("inconsistent", 1, 1)),
        (["mixed", "no"], ("inconsistent", 2, 1)),
        (["no", "silent"], ("not supported", 1, 1)),
        (["no", "weak no"], ("not supported", 2, 2)),
        (["weak no"], ("not supported", 1, 1)),
        (["silent", "silent"], ("cannot tell", 0, 0)),
        ([], ("cannot tell", 0, 0)),
    ],
)
def test_the_rule(stances, expected):
    assert decide_interaction(stances) == expected
    assert decide_interaction(stances[::-1]) == expected, "the order of lines decides nothing"


def test_a_no_is_weak_where_half_of_the_models_pass_the_paired_test():
    row = {"loss_verdict": "not supported", "loss_n_models": 4, "loss_n_supported": 0}
    assert stance("loss", {**row, "loss_n_suggestive": 1}) == "no"
    assert stance("loss", {**row, "loss_n_suggestive": 2}) == "weak no"
    assert stance("loss", {**row, "loss_n_supported": 1, "loss_n_suggestive": 1}) == "weak no"


def test_loss_tests_alone_make_an_audit():
    found = audit(loss_tables()).iloc[0]
    assert (found["verdict"], found["n_lines"], found["n_agree"]) == ("real", 1, 1)
    assert found["question_id"] == "motif_pair.d.A-B" and found["kind"] == "motif_pair"
    assert found["truth"] == 2.0 and found["interaction"] == 1.5 and found["loss_effect"] == 0.15
    assert found["models"] == "d.m0, d.m1, d.m2", "what is real rests on the models that support it"
    assert found["n_models"] == 3
    assert found["reason"] == (
        "One line of evidence: without it 3 of 4 models predict held-out data worse (unpaired p = 0.001)."
    )
    assert pd.isna(found["twin_verdict"]) and pd.isna(found["hessian_p"]) and pd.isna(found["deepmr_effect"])


def test_spread_is_that_of_the_tested_models():
    tables = loss_tables(votes=("supported", "supported", "not supported", "not tested"))
    found = audit(tables).iloc[0]
    # interactions 0, 1, 2: quantiles 5 % and 95 % by linear interpolation
    assert found["interaction_low"] == pytest.approx(0.1) and found["interaction_high"] == pytest.approx(1.9)
    assert found["loss_low"] == pytest.approx(0.01) and found["loss_high"] == pytest.approx(0.19)


@pytest.mark.parametrize(
    ("loss", "votes", "twin", "call", "verdict"),
    [
        ("real", ("supported",) * 4, "confirmed", True, "real"),
        ("real", ("supported",) * 4, "cannot tell", None, "real"),
        ("real", ("supported",) * 4, "not supported", True, "inconsistent"),
        ("not supported", ("not supported",) * 4, "confirmed", True, "inconsistent"),
        ("not supported", ("suggestive",) * 4, "present, size unconfirmed", True, "real"),
        ("not supported", ("not supported",) * 4, "not supported", False, "not supported"),
        ("not supported", ("not supported",) * 4, "not supported", True, "inconsistent"),
        (
            "inconsistent across architectures",
            ("supported", "not supported"),
            "confirmed",
            True,
            "inconsistent",
        ),
        ("not tested", ("not tested",) * 2, "cannot tell", None, "cannot tell"),
        ("not tested", ("not tested",) * 2, "confirmed", None, "real"),
    ],
)
def test_verdicts_of_all_lines_together(loss, votes, twin, call, verdict):
    found = audit({**loss_tables(loss, votes), **twins(twin), **hessians(call)}).iloc[0]
    assert found["verdict"] == verdict
    assert found["twin_effect"] == 0.79 and found["hessian_effect"] == 4.0
    spoken = (loss != "not tested") + (twin != "cannot tell") + (call is not None)
    assert found["n_lines"] == spoken


def test_the_reason_has_the_numbers_of_every_line():
    reason = audit({**loss_tables(), **twins("confirmed"), **hessians(True)}).iloc[0]["reason"]
    assert reason.startswith("3 of 3 lines of evidence find it: without it 3 of 4 models")
    assert "a share of 0.79 [0.77, 0.81] of it (p = 1e-12)" in reason
    assert "Group Hessian score 4 [3, 5] exceeds that of additive data (p = 0.004)" in reason
    silent = audit({**loss_tables(), **twins("cannot tell")}).iloc[0]["reason"]
    assert silent.endswith("; the additive twin cannot tell.")
    assert (
        audit({**loss_tables("not supported"), **twins("not supported")})
        .iloc[0]["reason"]
        .startswith("None of 2 lines of evidence finds it")
    )


def test_features_of_the_hessian_may_come_in_either_order():
    for order in (("A", "B"), ("B", "A")):
        found = audit({**loss_tables(), **hessians(True, *order)}).iloc[0]
        assert found["hessian_verdict"] == "significant"
    found = audit({**loss_tables(), **hessians(True, "A", "C")}).iloc[0]
    assert pd.isna(found["hessian_verdict"])


def test_the_selected_model_says_what_its_own_tests_say():
    tables = loss_tables()
    consistency = rows_of(
        "consistency_models",
        [
            {
                "model_id": f"d.m{i}", "dataset": "d", "method": method, "setting": "default",
                "consistency_geometry": i / 10 + 5 * (method == "ism"), "consistency_geometry_se": 0.02,
                "selected": i == 3,
            }
            for method in ("saliency", "ism")
            for i in range(4)
        ],
    )  # fmt: skip
    found = audit({**tables, "consistency_models": consistency}).iloc[0]
    assert found["consistency"] == pytest.approx(0.15), "the first method speaks"
    assert found["selected_model"] == "d.m3" and found["selected_verdict"] == "not supported"
    assert found["selected_consistency"] == pytest.approx(0.3)
    assert found["n_lines"] == 1, "consistency says nothing for or against an interaction"


@pytest.mark.parametrize(
    ("numbers", "verdict"), [(FOUND, "causal effect"), (SMALL, "none"), (WIDE, "cannot tell")]
)
def test_causal_verdicts(numbers, verdict):
    found = audit(effects([numbers])).iloc[0]
    assert found["verdict"] == found["deepmr_verdict"] == verdict
    assert found["n_lines"] == (verdict != "cannot tell") and found["models"] == "s.both.round_1.first"
    assert found["deepmr_effect"] == numbers["b"] and found["deepmr_n_loci"] == 50
    assert found["reason"].startswith("At 50 loci with both motifs, one unit more X changes Y by ")


def test_an_effect_needs_its_false_discovery_rate_over_the_pairs_of_its_scenario():
    one = {**WIDE, "ci_low": 0.01, "ci_high": 0.39, "pval": 0.03}
    assert audit(effects([one])).iloc[0]["verdict"] == "causal effect"
    many = audit(effects([one, *({**WIDE, "outcome": f"Z{i}"} for i in range(9))])).iloc[0]
    assert many["deepmr_q"] == pytest.approx(0.3) and many["verdict"] == "cannot tell"
    # pairs of another scenario are not counted
    other = audit(effects([one, *({**WIDE, "scenario": "none", "outcome": f"Z{i}"} for i in range(9))]))
    assert other.iloc[0]["verdict"] == "causal effect"


def test_none_needs_an_interval_within_what_is_negligible():
    assert audit(effects([SMALL]), negligible=0.04).iloc[0]["verdict"] == "cannot tell"
    found = audit(effects([SMALL]), negligible=0.05).iloc[0]
    assert found["verdict"] == "none" and "an effect above 0.05 in size is excluded" in found["reason"]


def test_other_recipes_and_rounds_are_counted_not_mixed():
    rows = [
        {**FOUND},
        {**WIDE, "recipe": "second"},
        {**FOUND, "round": 2},
        {**WIDE, "round": 3},
        {**SMALL, "sequence_class": "all"},
        {**SMALL, "method": "ivw/reml"},
    ]
    found = audit(effects(rows)).iloc[0]
    assert found["deepmr_recipe"] == "first" and found["deepmr_class"] == "both"
    assert (found["deepmr_n_recipes"], found["deepmr_n_recipes_agree"]) == (2, 1)
    assert (found["deepmr_n_rounds"], found["deepmr_n_rounds_agree"]) == (3, 2)


def test_all_loci_speak_where_no_locus_has_both_motifs():
    rows = [{"b": np.nan, "status": "no_loci", "k": 0}, {**FOUND, "sequence_class": "all"}]
    assert audit(effects(rows)).iloc[0]["deepmr_class"] == "all"
    nothing = audit(effects([{"b": np.nan, "status": "no_loci", "k": 0}])).iloc[0]
    assert nothing["verdict"] == "cannot tell" and "no mutated locus of this class" in nothing["reason"]


def test_the_table_fits_its_schema_whatever_lines_there_are(tmp_path):
    every = {
        **loss_tables(),
        **twins("confirmed"),
        **hessians(True),
        **effects([FOUND, {**SMALL, "outcome": "Z"}]),
    }
    for tables in (loss_tables(), effects([FOUND]), every):
        found = audit(tables)
        write_table(found, tmp_path / "audit.parquet", "audit")
        again = read_table(tmp_path / "audit.parquet", "audit")
        assert list(again["question_id"]) == list(found["question_id"])
    assert list(again["kind"]) == ["motif_pair", "causal_pair", "causal_pair"]


def test_the_truth_decides_nothing():
    tables = {**loss_tables(), **effects([{**FOUND, "truth": 0.5}])}
    blind = {**loss_tables(true_mean_interaction=np.nan), **effects([FOUND])}
    columns = ["verdict", "reason", "n_lines", "n_agree", "models"]
    pd.testing.assert_frame_equal(audit(tables)[columns], audit(blind)[columns])


def test_errors_say_what_was_expected():
    with pytest.raises(SeqauditError, match="got tables none, expected loss_verdicts or deepmr_global"):
        audit({})
    with pytest.raises(SeqauditError, match="without 'loss_models'"):
        audit({"loss_verdicts": loss_tables()["loss_verdicts"]})
    with pytest.raises(SeqauditError, match="alpha 2"):
        audit(loss_tables(), alpha=2)
    with pytest.raises(SeqauditError, match="line 'twin' says 'perhaps', expected one of confirmed"):
        audit({**loss_tables(), **twins("perhaps")})

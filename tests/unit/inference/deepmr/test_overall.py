"""Global effects: algebra, coverage when all loci share the networks' errors, truth by id."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from seqaudit.errors import SeqauditError
from seqaudit.inference.deepmr import GLOBAL_STATUS, POOLINGS
from seqaudit.inference.deepmr.overall import _pool, check_target, global_rows
from seqaudit.inference.meta import random_effects

T4 = stats.t.ppf(0.975, 4)


def local_table(slopes, *, truth=np.nan, classes="both", method="member_slope") -> pd.DataFrame:
    """Rows of ``deepmr_local`` from slopes (members, loci), as the local estimates make them."""
    members, loci = np.shape(slopes)
    se = np.sqrt((1 + 1 / members) * np.var(slopes, axis=0, ddof=1))
    half = stats.t.ppf(0.975, members - 1) * se
    b = np.mean(slopes, axis=0)
    return pd.DataFrame(
        {
            "locus_id": [f"locus_{i}" for i in range(loci)],
            "exposure": "X",
            "outcome": "Y",
            "sequence_class": classes,
            "method": method,
            "b": b,
            "se": se,
            "ci_low": b - half,
            "ci_high": b + half,
            "estimand": "slope",
            "truth": truth,
            "status": np.where(np.isfinite(b), "ok", "too_few_instruments"),
        }
    )


def pooled(slopes, *, name="both", pooling="mean", truth=np.nan, classes="both", **options) -> pd.Series:
    table = local_table(slopes, truth=truth, classes=classes)
    rows = global_rows(table, {"member_slope": np.asarray(slopes)}, **options)
    return rows.set_index(["sequence_class", "method"]).loc[(name, f"member_slope/{pooling}")]


def quick(slopes, pooling, *, truth=np.nan, target="loci_of_study") -> dict:
    """The same for one class only, for simulations."""
    table = local_table(slopes, truth=truth)
    return _pool(table, slopes, pooling, se_mode="posterior_sd", target=target)


def test_mean_of_loci_with_the_members_shared_error():
    slopes = np.random.default_rng(0).normal(3, 0.5, size=(5, 8))
    row = pooled(slopes)
    of_member = slopes.mean(axis=1)
    se = np.sqrt(1.2 * of_member.var(ddof=1))
    assert row["b"] == pytest.approx(slopes.mean())
    assert row["se"] == pytest.approx(se)
    assert row["ci_high"] - row["b"] == pytest.approx(T4 * se)
    assert row["df"] == pytest.approx(4)
    assert row["pval"] == pytest.approx(2 * stats.t.sf(slopes.mean() / se, 4))
    assert (row["k"], row["n_loci"], row["status"]) == (8, 8, "ok")
    assert "over the analysed loci" in row["estimand"]


def test_population_of_loci_adds_their_variance():
    slopes = np.random.default_rng(1).normal(3, 0.5, size=(5, 8))
    row = pooled(slopes, target="population_of_loci")
    shared = 1.2 * slopes.mean(axis=1).var(ddof=1)
    between = slopes.mean(axis=0).var(ddof=1) / 8
    assert row["se"] == pytest.approx(np.sqrt(shared + between))
    assert row["df"] == pytest.approx((shared + between) ** 2 / (shared**2 / 4 + between**2 / 7))
    assert "population" in row["estimand"]


def test_prediction_interval_adds_the_loci_to_the_errors():
    slopes = np.random.default_rng(2).normal(3, 0.5, size=(5, 8))
    row = pooled(slopes)
    between, own = slopes.mean(axis=0).var(ddof=1), 1.2 * slopes.var(axis=0, ddof=1).mean()
    df = (between + own) ** 2 / (between**2 / 7 + own**2 / 4)
    assert row["pi_high"] - row["b"] == pytest.approx(stats.t.ppf(0.975, df) * np.sqrt(between + own))
    assert row["b"] - row["pi_low"] == pytest.approx(row["pi_high"] - row["b"])


def test_spread_between_loci_is_cleared_of_independent_error():
    rng = np.random.default_rng(3)
    loci = rng.normal(0, 0.4, size=2000)
    shared = rng.normal(0, 0.3, size=(5, 1))
    # the truth is one of six exchangeable networks: each locus' error is that of a further one
    errors = rng.normal(0, 0.2, size=(6, 2000))
    row = pooled(3 + loci + shared + errors[1:] - errors[0])
    assert row["tau"] == pytest.approx(0.4, abs=0.03)
    assert 0.7 < row["i2"] < 0.9
    assert pooled(3 + shared + 0 * loci)["tau"] == 0


def simulate(rng, *, loci=25, members=5, shared=0.1, own=0.1, between=0.3):
    """Networks and the truth are exchangeable: all errors are draws of the same distributions."""
    effects = rng.normal(3, between, size=loci)
    draws = effects + rng.normal(0, shared, size=(members + 1, 1))
    draws = draws + rng.normal(0, own, size=(members + 1, loci))
    return draws[0], draws[1:]


def test_coverage_when_loci_share_errors():
    """The mean's interval holds the mean truth; REML with Hartung-Knapp takes loci as independent."""
    rng = np.random.default_rng(4)
    hits = {"mean": [], "reml_hk": []}
    predicted, local = [], []
    for _ in range(400):
        truth, slopes = simulate(rng)
        for pooling, found in hits.items():
            row = quick(slopes, pooling, truth=truth)
            found.append(row["ci_low"] <= row["truth"] <= row["ci_high"])
            if pooling == "mean":
                predicted.append(row["pi_coverage"])
                local.append(row["local_coverage"])
    assert np.mean(hits["mean"]) == pytest.approx(0.95, abs=0.03)
    assert np.mean(hits["reml_hk"]) < 0.8
    assert 0.94 < np.mean(predicted) <= 1
    assert np.mean(local) == pytest.approx(0.95, abs=0.03)


def test_interval_holds_the_mean_of_a_population():
    rng = np.random.default_rng(5)
    hits, narrow = [], []
    for _ in range(400):
        effects = rng.normal(3, 1, size=20)
        draws = effects + rng.normal(0, 0.1, size=(6, 1))
        population = 3 + draws[0, 0] - effects[0]  # the truth's own shift belongs to all loci
        for target, found in (("population_of_loci", hits), ("loci_of_study", narrow)):
            row = quick(draws[1:], "mean", target=target)
            found.append(row["ci_low"] <= population <= row["ci_high"])
    assert np.mean(hits) == pytest.approx(0.95, abs=0.03)
    assert np.mean(narrow) < 0.85


def test_meta_analyses_are_the_librarys():
    slopes = np.random.default_rng(6).normal(3, 0.5, size=(5, 12))
    table = local_table(slopes, method="egger_published")
    rows = global_rows(table, {}).set_index(["method", "sequence_class"])
    for pooling, options in (("reml_hk", {"ci": "hartung_knapp", "prediction": "HK"}), ("reml", {})):
        row = rows.loc[(f"egger_published/{pooling}", "both")]
        theirs = random_effects(table["b"], table["se"], tau2="REML", **options)
        for name in ("b", "se", "ci_low", "ci_high", "pval", "pi_low", "pi_high", "q", "i2"):
            assert row[name] == pytest.approx(float(getattr(theirs, name))), name
        assert row["tau"] == pytest.approx(np.sqrt(theirs.tau2))
    normal = rows.loc[("egger_published/reml", "both")]
    assert normal["ci_high"] - normal["b"] == pytest.approx(1.959964 * normal["se"])


def test_published_baseline():
    table = local_table(np.array([[1.0, 2, 6], [1.2, 2, 6]]), method="wald_mean")
    row = global_rows(table, {}).set_index(["method", "sequence_class"]).loc[("wald_mean/sd", "both")]
    sd = np.std([1.1, 2, 6], ddof=1)
    assert (row["b"], row["tau"]) == pytest.approx((9.1 / 3, sd))
    assert (row["pi_low"], row["pi_high"]) == pytest.approx((9.1 / 3 - 2 * sd, 9.1 / 3 + 2 * sd))
    assert row["se"] == pytest.approx(sd / np.sqrt(3))


def test_poolings_of_every_method():
    slopes = np.ones((3, 4)) + np.arange(4)
    tables = [
        local_table(slopes, method=name) for name in ("member_slope", "ivw", "egger_published", "wald_mean")
    ]
    rows = global_rows(pd.concat(tables, ignore_index=True), {"member_slope": slopes})
    assert rows["method"].drop_duplicates().tolist() == [
        "member_slope/mean",
        "member_slope/reml_hk",
        "ivw/reml_hk",
        "egger_published/reml_hk",
        "egger_published/reml",
        "wald_mean/reml_hk",
        "wald_mean/sd",
    ]
    assert {name.split("/")[1] for name in rows["method"]} == set(POOLINGS)
    assert rows.groupby("method").size().eq(3).all()


def test_classes_are_pooled_apart_and_together():
    slopes = np.random.default_rng(7).normal(size=(3, 5))
    classes = ["both", "exposure_only", "unknown", "both", "outcome_only"]
    rows = global_rows(local_table(slopes, classes=classes), {"member_slope": slopes})
    rows = rows[rows["method"] == "member_slope/mean"].set_index("sequence_class")
    assert rows["k"].to_dict() == {"exposure_only": 1, "both": 2, "all": 5}
    assert rows.loc["both", "b"] == pytest.approx(slopes[:, [0, 3]].mean())
    assert rows.loc["all", "b"] == pytest.approx(slopes.mean())


def test_truth_and_coverage_by_hand():
    slopes = np.array([[1.0, 2, 3, 4], [1.2, 2.2, 3.2, 4.2]])
    truth = np.array([1.1, 2.1 + 0.5, 3.1 + 3, 4.1 - 0.5])
    # half width of every local interval: t(1) * sqrt(1.5 * 0.02) = 2.2008
    row = pooled(slopes, truth=truth)
    assert row["local_coverage"] == 0.75
    assert row["truth"] == pytest.approx(truth.mean())
    assert row["local_bias"] == pytest.approx((0 - 0.5 - 3 + 0.5) / 4)
    assert row["local_rmse"] == pytest.approx(np.sqrt((0.25 + 9 + 0.25) / 4))
    inside = (row["pi_low"] <= truth) & (truth <= row["pi_high"])
    assert row["pi_coverage"] == inside.mean()


def test_only_loci_with_an_estimate_have_a_truth():
    slopes = np.array([[1.0, np.nan, 3], [1.2, np.nan, 3.2]])
    row = pooled(slopes, truth=[1.0, 100.0, 3.0])
    assert (row["truth"], row["k"], row["n_loci"]) == (2.0, 2, 3)
    unknown = pooled(slopes, truth=[1.0, 100.0, np.nan])
    assert unknown[["truth", "local_coverage", "pi_coverage", "local_rmse"]].isna().all()


def test_reasons_for_no_estimate():
    nothing = pooled(np.full((3, 2), np.nan))
    assert (nothing["status"], nothing["k"], nothing["n_loci"]) == ("no_local_estimates", 0, 2)
    assert pooled(np.ones((3, 2)), name="exposure_only")["status"] == "no_loci"
    one = pooled(np.array([[1.0], [1.5], [2.0]]))
    assert (one["status"], one["b"]) == ("one_locus", 1.5)
    assert one["se"] == pytest.approx(np.sqrt(4 / 3) * 0.5)
    assert np.isnan(one[["tau", "pi_low", "pi_high"]].astype(float)).all()
    assert pooled(np.array([[1.0], [1.5], [2.0]]), pooling="reml_hk")["status"] == "one_locus"
    equal = pooled(np.array([[1.0, 1.0], [2.0, 2.0]]), pooling="reml_hk")
    assert equal["status"] == "zero_se"
    assert {"no_local_estimates", "no_loci", "one_locus", "zero_se", "ok"} == set(GLOBAL_STATUS)


def test_unknown_target():
    with pytest.raises(
        SeqauditError, match="target: got 'all', expected one of loci_of_study, population_of_loci"
    ):
        check_target("all")

"""Direct effects of several exposures: against least squares per locus, and where pleiotropy misleads."""

import numpy as np
import pandas as pd
import pytest
from deepmr_world import DESIGN
from scipy import stats

from seqaudit.inference import mr
from seqaudit.inference.deepmr import STATUS, EnsembleEffects, analyse_ensemble

OUTPUTS = ("A", "B", "Y")
PAIRS = [("A", "Y"), ("B", "Y")]
ANYWHERE = {"region": "anywhere", "min_abs_z": None, "min_abs_beta": 0.5}


def ensemble(values) -> EnsembleEffects:
    """Effects (members, loci, mutations, outputs)."""
    members, loci, n, outputs = values.shape
    names = np.array([f"locus_{i}" for i in range(loci)], dtype=object)
    locus = np.repeat(np.arange(loci), n)
    position = np.tile(np.arange(n) // 3, loci)
    alt = np.tile(np.resize(list("CGT"), n), loci)
    mutations = pd.DataFrame({"locus_id": names[locus], "position": position, "ref": "A", "alt": alt})
    return EnsembleEffects(
        mutations, locus, names, OUTPUTS, values.reshape(members, -1, outputs).astype(np.float32)
    )


def world(rng, *, members=5, loci=3, direct=(2.0, -1.0), noise=0.05, spread=0.0, own_spread=0.0):
    """Half of the mutations move A, half B; A and B are coupled; Y = direct effects of both.

    Members differ in the direct effects by ``spread``, in the same way at every locus, and by
    ``own_spread`` at each.
    """
    n = 12
    moves = rng.uniform(-9, -4, size=(loci, n))
    own = np.where(np.arange(n) % 2 == 0, moves, 0), np.where(np.arange(n) % 2 == 1, moves, 0)
    a, b = own[0] + 0.4 * own[1], own[1] + 0.3 * own[0]
    said = []
    for _ in range(members):
        of_member = [d + spread * rng.normal() + own_spread * rng.normal(size=(loci, 1)) for d in direct]
        y = of_member[0] * a + of_member[1] * b
        said.append(np.stack([a, b, y], axis=-1) + rng.normal(0, noise, size=(loci, n, 3)))
    return np.stack(said), np.stack([a, b, direct[0] * a + direct[1] * b], axis=-1)


def analyse(values, *, pairs=PAIRS, truth=None, sequences=None, **options):
    options = {"instruments": ANYWHERE, "methods": []} | options
    return analyse_ensemble(
        ensemble(values), sequences, truth, pairs=pairs, design=DESIGN, multivariable=True, **options
    )


def rows(result, exposure, method) -> pd.DataFrame:
    table = result.local
    return table[(table["exposure"] == exposure) & (table["method"] == method)].set_index("locus_id")


def test_direct_effects_are_found_where_single_slopes_mislead():
    values, _ = world(np.random.default_rng(0))
    result = analyse(values)
    for exposure, direct in (("A", 2), ("B", -1)):
        np.testing.assert_allclose(rows(result, exposure, "mv_slope")["b"], direct, atol=0.03)
        np.testing.assert_allclose(rows(result, exposure, "mv_ivw")["b"], direct, atol=0.03)
    # a mutation of A's half moves B as well: 2 - 0.3 instead of 2, and worse for B's half
    assert (np.abs(rows(result, "A", "member_slope")["b"] - 2) > 0.3).all()


def test_slope_and_error_against_least_squares():
    rng = np.random.default_rng(1)
    values = world(rng, members=4, noise=0.5)[0].astype(np.float32).astype(float)
    result = analyse(values)
    for locus in range(3):
        x, y = values[:, locus, :, :2], values[:, locus, :, 2]
        bx, by = x.mean(0), y.mean(0)
        theta = np.linalg.lstsq(bx, by)[0]
        pull = np.linalg.inv(bx.T @ bx) @ bx.T
        e = np.array([pull @ (y[i] - x[i] @ theta) for i in range(4)])
        se = np.sqrt(1.25 * e.var(axis=0, ddof=1))
        for place, exposure in enumerate("AB"):
            row = rows(result, exposure, "mv_slope").loc[f"locus_{locus}"]
            assert row["b"] == pytest.approx(theta[place], rel=1e-6)
            assert row["se"] == pytest.approx(se[place], rel=1e-6)
            assert row["ci_high"] - row["b"] == pytest.approx(stats.t.ppf(0.975, 3) * se[place], rel=1e-6)
            ivw = mr.mv_ivw(bx, x.std(0, ddof=1), by, y.std(0, ddof=1))
            other = rows(result, exposure, "mv_ivw").loc[f"locus_{locus}"]
            assert other["b"] == pytest.approx(ivw.b[0, place], rel=1e-5)
            assert other["se"] == pytest.approx(ivw.se[0, place], rel=1e-5)
            assert other["f_statistic"] == pytest.approx(ivw.conditional_f[0, place], rel=1e-5)
            assert row["n_instruments"] == 12


def test_intervals_cover_when_the_truth_could_be_a_member():
    rng = np.random.default_rng(2)
    loci = 1000
    values, _ = world(rng, own_spread=0.3, loci=loci)
    result = analyse(values)
    for exposure, direct in (("A", 2), ("B", -1)):
        found = rows(result, exposure, "mv_slope")
        truth = direct + 0.3 * rng.normal(size=loci)
        covered = (found["ci_low"] <= truth) & (truth <= found["ci_high"])
        assert covered.mean() == pytest.approx(0.95, abs=0.021)


def test_truth_is_the_direct_effect():
    values, true = world(np.random.default_rng(3))
    effects = ensemble(values)
    tables = [
        effects.mutations.assign(output=name, effect=true[..., place].ravel())
        for place, name in enumerate(OUTPUTS)
    ]
    result = analyse(values, truth=pd.concat(tables))
    np.testing.assert_allclose(rows(result, "A", "mv_slope")["truth"], 2)
    np.testing.assert_allclose(rows(result, "B", "mv_ivw")["truth"], -1)
    overall = result.overall.set_index(["exposure", "method", "sequence_class"])
    assert overall.loc[("A", "mv_slope/mean", "all"), "truth"] == pytest.approx(2)
    assert {"mv_slope/mean", "mv_slope/reml_hk", "mv_ivw/reml_hk"} <= set(result.overall["method"])
    assert "with the effects on B held" in overall.loc[("A", "mv_slope/mean", "all"), "estimand"]


def test_global_summary_has_the_members_shared_error():
    values, _ = world(np.random.default_rng(4), spread=0.2, loci=6)
    result = analyse(values)
    overall = result.overall.set_index(["exposure", "method", "sequence_class"])
    row = overall.loc[("A", "mv_slope/mean", "all")]
    of_member = []
    for member in values:
        fits = [np.linalg.lstsq(member[locus][:, :2], member[locus][:, 2])[0][0] for locus in range(6)]
        of_member.append(np.mean(fits))
    assert row["b"] == pytest.approx(np.mean(of_member), abs=0.01)
    assert row["se"] == pytest.approx(np.sqrt(1.2 * np.var(of_member, ddof=1)), rel=0.1)


def test_collinear_exposures_have_no_direct_effects():
    values, _ = world(np.random.default_rng(5), noise=0)
    values[..., 1] = 2 * values[..., 0]
    result = analyse(values)
    for method in ("mv_slope", "mv_ivw"):
        found = rows(result, "A", method)
        assert set(found["status"]) <= {"collinear_exposures", "invalid_se"} <= set(STATUS)
        assert found["b"].isna().all()
    assert (rows(result, "A", "member_slope")["status"] == "ok").all()


def test_a_locus_needs_as_many_instruments_as_exposures():
    values, _ = world(np.random.default_rng(6), loci=2)
    values[:, 0, 1:] *= 1e-4
    found = analyse(values, instruments=ANYWHERE | {"min_instruments": 1})
    assert rows(found, "A", "mv_slope")["status"].tolist() == ["too_few_instruments", "ok"]
    assert rows(found, "A", "member_slope")["status"].tolist() == ["ok", "ok"]


def test_instruments_are_those_of_any_exposure():
    values, _ = world(np.random.default_rng(7), loci=1)
    strong = analyse(values, instruments=ANYWHERE | {"min_abs_beta": 3.9})
    counts = strong.local.set_index(["exposure", "method"])["n_instruments"]
    assert counts["A", "member_slope"] == counts["B", "member_slope"] == 6
    assert counts["A", "mv_slope"] == counts["B", "mv_ivw"] == 12


def test_cross_fitting():
    values, _ = world(np.random.default_rng(8), members=6)
    found = analyse(values, instruments=ANYWHERE | {"cross_fit": True})
    for method in ("mv_slope", "mv_ivw"):
        np.testing.assert_allclose(rows(found, "A", method)["b"], 2, atol=0.05)
        assert (rows(found, "A", method)["status"] == "ok").all()


def test_a_single_exposure_has_nothing_to_hold():
    values, _ = world(np.random.default_rng(9))
    assert not analyse(values, pairs=[("A", "Y")]).local["method"].str.startswith("mv_").any()

"""Local estimates: algebra, direct loops, coverage in simulations, status."""

import numpy as np
import pandas as pd
import pytest
from deepmr_world import DESIGN, PAIR, make_world
from scipy import stats

from seqaudit.errors import SeqauditError
from seqaudit.inference import mr
from seqaudit.inference.deepmr import METHODS, STATUS, EnsembleEffects, analyse_ensemble, pivot_effects
from seqaudit.inference.deepmr.instruments import make_panel
from seqaudit.inference.deepmr.local import Part, check_methods, member_estimates, member_slopes

ANYWHERE = {"region": "anywhere", "min_abs_z": None, "min_abs_beta": None}


def ensemble(dx, dy) -> EnsembleEffects:
    """Effects (members, loci, mutations) of two outputs X and Y."""
    dx, dy = np.broadcast_arrays(dx, dy)
    members, loci, n = dx.shape
    names = np.array([f"locus_{i:05d}" for i in range(loci)], dtype=object)
    locus = np.repeat(np.arange(loci), n)
    mutations = pd.DataFrame(
        {
            "locus_id": names[locus],
            "position": np.tile(np.arange(n) // 3, loci),
            "ref": "A",
            "alt": np.tile(np.resize(list("CGT"), n), loci),
        }
    )
    values = np.stack([dx.reshape(members, -1), dy.reshape(members, -1)], axis=2)
    return EnsembleEffects(mutations, locus, names, ("X", "Y"), values)


def analyse(effects, *, sequences=None, truth=None, pair=("X", "Y"), methods=(), **options) -> pd.DataFrame:
    filters = options.pop("instruments", ANYWHERE)
    result = analyse_ensemble(
        effects,
        sequences,
        truth,
        pairs=[pair],
        design=DESIGN,
        methods=methods,
        instruments=filters,
        **options,
    )
    return result.local.set_index(["method", "locus_id"])


def test_exactly_linear_effects_have_their_slope_and_no_error():
    dx = np.random.default_rng(0).normal(size=(1, 4, 9)).round(3)
    slopes = np.array([0.5, -2, 0, 8])
    local = analyse(ensemble(np.repeat(dx, 3, axis=0), slopes[:, None] * dx)).loc["member_slope"]
    np.testing.assert_allclose(local["b"], slopes, atol=1e-15)
    np.testing.assert_allclose(local["se"], 0, atol=1e-15)
    assert (local["status"] == "ok").all()


def test_slope_and_error_against_loops():
    rng = np.random.default_rng(1)
    members, loci, n = 4, 3, 7
    dx, dy = rng.normal(size=(2, members, loci, n)).astype(np.float32)
    local = analyse(ensemble(dx, dy)).loc["member_slope"]
    for locus in range(loci):
        x, y = (values[:, locus].astype(float) for values in (dx, dy))
        bx, by = x.mean(0), y.mean(0)
        theta = sum(bx * by) / sum(bx**2)
        e = [sum(bx * (y[i] - theta * x[i])) / sum(bx**2) for i in range(members)]
        se = np.sqrt((1 + 1 / members) * np.var(e, ddof=1))
        half = stats.t.ppf(0.975, members - 1) * se
        row = local.iloc[locus]
        assert row["b"] == pytest.approx(theta)
        assert row["se"] == pytest.approx(se)
        assert (row["ci_low"], row["ci_high"]) == pytest.approx((theta - half, theta + half))
        assert row["pval"] == pytest.approx(2 * stats.t.sf(abs(theta / se), members - 1))
        assert row["df"] == members - 1
        assert row["n_instruments"] == row["n_mutations"] == n
        assert row["f_statistic"] == pytest.approx(np.mean(bx**2 / x.var(0, ddof=1)))


def test_members_slopes_are_linearised():
    """Going a little from the ensemble's effects to a member's moves the slope by its deviation.

    The slope is ``sum(bX dY) / sum(bX dX)``, with the ensemble's bX as weights throughout.
    """
    rng = np.random.default_rng(2)
    dx, dy = rng.normal(2, 1, size=(2, 5, 1, 6)).astype(np.float32).astype(float)
    slopes = member_slopes(make_panel(ensemble(dx, dy)), np.ones(6, bool), 0, 1)[:, 0]
    bx, by = dx[:, 0].mean(0), dy[:, 0].mean(0)
    for member in range(5):
        x, y = (b + 1e-6 * (d[member, 0] - b) for b, d in ((bx, dx), (by, dy)))
        change = ((bx @ y) / (bx @ x) - slopes.mean()) / 1e-6
        assert slopes[member] - slopes.mean() == pytest.approx(change, rel=1e-4)


def test_only_selected_mutations_count():
    rng = np.random.default_rng(3)
    dx, dy = rng.normal(size=(2, 3, 2, 5))
    some = np.array([1, 1, 0, 1, 0, 0, 0, 1, 1, 1], dtype=bool)
    slopes = member_slopes(make_panel(ensemble(dx, dy)), some, 0, 1)
    fewer = [
        member_slopes(
            make_panel(ensemble(*(v[:, [i]][:, :, keep] for v in (dx, dy)))), np.ones(3, bool), 0, 1
        )
        for i, keep in enumerate(some.reshape(2, 5))
    ]
    np.testing.assert_allclose(slopes, np.hstack(fewer))


def coverage(truth, of_members, **options) -> float:
    """Share of loci whose interval holds the truth, when member i's slope is ``of_members[i]``."""
    dx = np.random.default_rng(9).uniform(-15, -5, size=(1, 1, 6))
    local = analyse(ensemble(dx, of_members[:, :, None] * dx), **options).loc["member_slope"]
    return float(np.mean((local["ci_low"] <= truth) & (truth <= local["ci_high"])))


@pytest.mark.parametrize("members", [2, 5])
def test_intervals_cover_when_the_truth_could_be_a_member(members):
    rng = np.random.default_rng(4)
    draws = rng.normal(3, 0.2, size=(members + 1, 4000))
    assert coverage(draws[0], draws[1:]) == pytest.approx(0.95, abs=0.012)


def test_ensemble_mean_covers_what_infinitely_many_networks_say():
    rng = np.random.default_rng(5)
    draws = rng.normal(3, 0.2, size=(5, 4000))
    assert coverage(3.0, draws, se_mode="ensemble_mean") == pytest.approx(0.95, abs=0.012)
    assert coverage(3.0, draws) > 0.985


def test_moderated_intervals_cover_and_are_narrower():
    rng = np.random.default_rng(6)
    spread = 0.2 * np.sqrt(8 / rng.chisquare(8, size=4000))
    draws = rng.normal(3, spread, size=(4, 4000))
    assert coverage(draws[0], draws[1:], moderated=True) == pytest.approx(0.95, abs=0.012)
    plain, moderated = (
        member_estimates(
            draws[1:], np.ones(4000, bool), se_mode="posterior_sd", groups=np.zeros(4000), moderated=moderated
        )
        for moderated in (False, True)
    )
    widths = [np.mean(e["ci_high"] - e["ci_low"]) for e in (plain, moderated)]
    assert widths[1] < 0.7 * widths[0]
    np.testing.assert_array_equal(plain["b"], moderated["b"])


def test_variances_are_moderated_within_a_class():
    rng = np.random.default_rng(7)
    slopes = rng.normal(0, 1, size=(3, 200)) * np.repeat([0.01, 1], 100)
    options = {"se_mode": "posterior_sd", "moderated": True}
    together = member_estimates(slopes, np.ones(200, bool), groups=np.repeat(["a", "b"], 100), **options)
    alone = member_estimates(slopes[:, :100], np.ones(100, bool), groups=np.zeros(100), **options)
    np.testing.assert_allclose(together["se"][:100], alone["se"])


@pytest.mark.parametrize("method", ["ivw", "egger", "divw", "raps", "wald_mean", "median_weighted"])
def test_other_methods_are_the_librarys(method):
    rng = np.random.default_rng(8)
    dx = rng.uniform(-9, -3, size=(1, 5, 8)) + rng.normal(0, 0.2, size=(4, 5, 8))
    dy = 1.5 * dx + rng.normal(0, 0.5, size=dx.shape)
    effects = ensemble(dx, dy)
    local = analyse(effects, methods=[method]).loc[method]
    for locus in range(5):
        x, y = dx[:, locus], dy[:, locus]
        one = mr.estimate(x.mean(0), x.std(0, ddof=1), y.mean(0), y.std(0, ddof=1), method=method)
        row = local.iloc[locus]
        for name in ("b", "se", "ci_low", "ci_high", "pval", "q", "q_pval"):
            assert row[name] == pytest.approx(getattr(one, name)[0], nan_ok=True, rel=1e-6), name
        assert row["egger_intercept"] == pytest.approx(one.intercept[0], nan_ok=True)
        assert row["f_statistic"] == pytest.approx(one.f_statistic[0], rel=1e-6)


def test_published_method_is_robust_above_ten_instruments():
    rng = np.random.default_rng(9)
    dx = rng.uniform(-9, -3, size=(1, 2, 12)) + rng.normal(0, 0.2, size=(3, 2, 12))
    dx[:, 0, :2] = 1e-3 * rng.normal(size=(3, 2))  # ten instruments are left at the first locus
    dy = 1.5 * dx + rng.normal(0, 0.5, size=dx.shape)
    filters = ANYWHERE | {"min_abs_beta": 0.5}
    local = analyse(ensemble(dx, dy), methods=["egger", "egger_robust"], instruments=filters)["b"].unstack(0)
    assert local["egger_published"].iloc[0] == local["egger"].iloc[0] != local["egger_robust"].iloc[0]
    assert local["egger_published"].iloc[1] == local["egger_robust"].iloc[1] != local["egger"].iloc[1]


def test_truth_is_the_slope_of_true_effects_over_the_same_instruments():
    world = make_world(loci=4)
    rng = np.random.default_rng(0)
    truth = world.truth.assign(effect=world.truth["effect"] + rng.normal(0, 1, len(world.truth)))
    result = analyse_ensemble(world.effects, world.sequences, truth, pairs=[PAIR], design=DESIGN, methods=[])
    used = result.instruments[result.instruments["selected"]]
    wide = truth.pivot(index=["locus_id", "position", "alt"], columns="output", values="effect")
    for method in ("member_slope", "egger_published"):
        for row in result.local[result.local["method"] == method].itertuples():
            rows = used[used["locus_id"] == row.locus_id]
            effects = wide.loc[pd.MultiIndex.from_frame(rows[["locus_id", "position", "alt"]])]
            x, y = effects["GATA1"], effects["TAL1"]
            assert row.truth == pytest.approx((x * y).sum() / (x * x).sum())
            assert row.n_instruments == len(rows) > 0


def test_cross_fitting_swaps_halves():
    """Four members: instruments of members 0 and 2 are used with 1 and 3, and the other way."""
    rng = np.random.default_rng(10)
    dx = rng.normal(1, 0.3, size=(4, 1, 30))
    dy = 2 * dx + rng.normal(0, 0.1, size=dx.shape)
    filters = ANYWHERE | {"min_abs_beta": 1.0, "cross_fit": True}
    row = analyse(ensemble(dx, dy), instruments=filters).loc["member_slope"].iloc[0]
    slopes = np.empty(4)
    chosen = []
    for select, use in (([0, 2], [1, 3]), ([1, 3], [0, 2])):
        some = np.abs(dx[select, 0].mean(0)) >= 1
        x, y = dx[use, 0][:, some], dy[use, 0][:, some]
        bx = x.mean(0)
        theta = bx @ y.mean(0) / (bx @ bx)
        slopes[use] = theta + (y - theta * x) @ bx / (bx @ bx)
        chosen.append(some)
    assert row["b"] == pytest.approx(slopes.mean())
    assert row["se"] == pytest.approx(np.sqrt(1.25 * slopes.var(ddof=1)))
    assert row["n_instruments"] == (chosen[0] | chosen[1]).sum() > chosen[0].sum()
    assert row["df"] == 3


def test_cross_fitted_methods_average_both_halves():
    rng = np.random.default_rng(12)
    dx = rng.normal(3, 0.3, size=(6, 2, 8))
    dy = 2 * dx + rng.normal(0, 0.3, size=dx.shape)
    both = analyse(ensemble(dx, dy), methods=["ivw"], instruments=ANYWHERE | {"cross_fit": True}).loc["ivw"]
    halves = [analyse(ensemble(dx[i::2], dy[i::2]), methods=["ivw"]).loc["ivw"] for i in (0, 1)]
    np.testing.assert_allclose(both["b"], (halves[0]["b"] + halves[1]["b"]) / 2)
    np.testing.assert_allclose(both["se"], np.sqrt((halves[0]["se"] ** 2 + halves[1]["se"] ** 2) / 2))


def test_every_locus_keeps_its_row_and_says_why():
    world = make_world(loci=4, length=12)
    sequences = world.sequences.copy()
    sequences.loc[0, "embeddings"] = None
    sequences.loc[1, "embeddings"] = "pos-0_TAL1-CCCC"
    sequences.loc[2, "embeddings"] = "pos-0_GATA1-C"
    kwargs = {"sequences": sequences, "pair": PAIR, "methods": ["ivw"], "instruments": {"min_instruments": 4}}
    local = analyse(world.effects, **kwargs)
    expected = ["unknown_sites", "no_exposure_site", "too_few_instruments", "ok"]
    for _, rows in local.groupby("method"):
        status = rows["status"].droplevel("method")[sequences["sequence_id"]].tolist()
        assert status == expected
        assert rows["b"].notna().sum() == 1
    assert set(local["status"]) <= set(STATUS)
    assert (local.loc["ivw", "n_mutations"] == 36).all()


def test_methods_say_why_they_have_no_estimate():
    """Outcome effects without any spread have no standard error: a slope, but no IVW."""
    dx = np.random.default_rng(13).normal(3, 0.1, size=(3, 1, 5))
    local = analyse(ensemble(dx, np.full((3, 1, 5), 2.0)), methods=["ivw"])["status"].droplevel("locus_id")
    assert local["member_slope"] == "ok"
    assert local["ivw"] == "invalid_se"


def test_no_effect_at_all():
    local = analyse(ensemble(np.zeros((3, 1, 5)), np.ones((3, 1, 5))), instruments=ANYWHERE)
    assert set(local["status"]) == {"too_few_instruments"}
    assert local["b"].isna().all()


def test_estimands_are_said():
    local = analyse(ensemble(*np.random.default_rng(0).normal(size=(2, 3, 1, 5))), methods=["ivw"])
    words = local["estimand"].droplevel("locus_id")
    assert words["member_slope"].startswith(
        "unweighted slope through the origin between effects of the locus'"
    )
    assert "the true effects" in words["member_slope"]
    assert "no direct effects on the outcome" in words["ivw"]
    networks = analyse(ensemble(*np.ones((2, 3, 1, 5))), se_mode="ensemble_mean")["estimand"].iloc[0]
    assert networks.endswith("in what infinitely many such networks say")


def test_methods_by_name():
    assert check_methods(["ivw", "ivw"]) == ["member_slope", "ivw", "egger_published", "wald_mean"]
    assert {"member_slope", "egger_published"} < set(METHODS)
    with pytest.raises(SeqauditError, match="deepmr: unknown method 'ivv', expected some of conmix, divw"):
        check_methods(["ivv"])


def test_a_part_counts_its_instruments():
    effects = ensemble(*np.ones((2, 2, 3, 4)))
    some = np.array([1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1], dtype=bool)
    assert Part(make_panel(effects), np.arange(2), some).count.tolist() == [2, 0, 4]
    assert pivot_effects(make_world(loci=2, length=9).effects).values.shape == (5, 54, 2)

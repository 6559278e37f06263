"""True effects in a world of factors: naive rescans, algebra, and interventions."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import poisson

from seqaudit.data.motif_files import read_motifs
from seqaudit.data.motifs import Motif
from seqaudit.data.sequences import decode_letters, letter_codes
from seqaudit.data.tables import write_table
from seqaudit.errors import SeqauditError
from seqaudit.simulate.factor_grammar import REPROGRAMMING_HELP, factor_grammar
from seqaudit.simulate.factor_sequences import Composite, simulate_factors
from seqaudit.simulate.factor_truth import Mutants, direct_effects, true_effects
from seqaudit.simulate.poisson import poisson_mean_of, poisson_slope_of

SITES = {"A": "ACTGACGG", "B": "TTGCAACC", "C": "GGATTAGA"}
MOTIFS = {
    factor: Motif(f"{factor}_1", 0.01 + 0.96 * np.eye(4)[letter_codes([site])[0]], factor)
    for factor, site in SITES.items()
}
HELP = {"A": {"B": 1.5}, "C": {"B": 0.5}}
WORLDS = {
    "plain": {},
    "decaying": {"decay_length": 15.0, "decay_floor": 0.2},
    "recruiting": {"strand": "+-", "recruitment": {"A": {"C": 0.2}}, "decay_length": 30.0},
    "all windows count": {"strand": "+-", "min_occupancy": 0.0, "decay_length": 30.0},
}

REPROGRAMMING = Path(__file__).resolve().parents[3] / "resources/motifs/reprogramming.meme"


def grammar(**changes):
    options = {"help": HELP, "base": 10.0, "mu": -6.0, "sharpness": 1.0, "strand": "+", **changes}
    return factor_grammar(MOTIFS, **options)


def loci(*sequences):
    return pd.DataFrame(
        {"sequence_id": [f"locus-{row}" for row in range(len(sequences))], "sequence": list(sequences)}
    )


def placed(*sites, length=70):
    letters = list("C" * length)
    for start, site in sites:
        letters[start : start + len(site)] = site
    return "".join(letters)


SEPARATE = placed((5, SITES["A"]), (30, SITES["B"]), (50, SITES["C"]))
OVERLAPPING = placed((5, "ACTGACGGATTAGA"), (40, SITES["B"]))  # A and C share two bases


def random_loci(seed=0, n=3, length=60):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 4, (n, length)).astype(np.uint8)
    for row in range(n):
        for site, start in zip(SITES.values(), rng.permutation([2, 20, 40])):
            codes[row, start : start + 8] = letter_codes([site])[0]
    return codes


@pytest.mark.parametrize("name", WORLDS)
def test_mutants_are_as_if_scanned_from_scratch(name):
    world = grammar(**WORLDS[name])
    codes = random_loci()
    found = Mutants(world, codes).binding()
    for position in range(codes.shape[1]):
        for base in range(4):
            mutants = codes.copy()
            mutants[:, position] = base
            naive = world.binding(mutants)
            np.testing.assert_allclose(
                found.occupancy[:, base, position], naive.occupancy, rtol=1e-11, atol=1e-14
            )
            np.testing.assert_allclose(
                world.counts_at(*found)[:, base, position], world.counts_at(*naive), rtol=1e-10
            )


def test_effects_are_differences_of_the_expected_target():
    world, codes = grammar(), random_loci(1)
    text = decode_letters(codes)
    table = true_effects(world, loci(*text), transform="log1p")
    assert len(table) == 3 * 3 * 60 * 3
    counts = np.arange(2000)
    for row in table.sample(60, random_state=0).itertuples():
        at = int(row.locus_id.split("-")[1])
        mutant = text[at][: row.position] + row.alt + text[at][row.position + 1 :]
        assert text[at][row.position] == row.ref != row.alt
        output = world.factors.index(row.output)
        means = world.expected_counts([text[at], mutant])[:, output]
        before, after = (poisson.pmf(counts, mean) @ np.log1p(counts) for mean in means)
        assert row.effect == pytest.approx(after - before, rel=1e-9, abs=1e-12)


def test_the_tables_are_as_declared(tmp_path):
    table = true_effects(grammar(), loci(SEPARATE, OVERLAPPING))
    write_table(table, tmp_path / "effects.parquet", "true_effects")
    write_table(direct_effects(grammar(), loci(SEPARATE)), tmp_path / "direct.parquet", "direct_effects")


def test_unknown_bases_are_not_mutated():
    table = true_effects(grammar(), loci("NN" + SEPARATE[2:]))
    assert table["position"].min() == 2 and len(table) == 68 * 3 * 3


def test_without_effects_between_factors_a_site_moves_its_own_factor_only():
    table = true_effects(grammar(help={}), loci(SEPARATE))
    moved = table.loc[table["effect"] != 0]
    sites = {factor: range(start, start + 8) for factor, start in zip(SITES, (5, 30, 50))}
    for factor, group in moved.groupby("output"):
        assert set(group["position"]) == set(sites[factor])


def test_only_the_helped_move_with_the_helper():
    table = true_effects(grammar(), loci(SEPARATE))
    in_a = table.loc[table["position"].between(5, 12)]
    weakest = in_a.groupby("output")["effect"].max()
    strongest = in_a.groupby("output")["effect"].min()
    assert strongest["A"] < -0.4 and strongest["B"] < -0.1
    assert weakest["C"] == strongest["C"] == 0  # exactly


def test_direct_effects_are_those_of_the_formula():
    world = grammar()
    found = direct_effects(world, loci(SEPARATE), transform="identity").set_index(["exposure", "outcome"])
    (q_a, q_b, q_c) = world.binding([SEPARATE]).occupancy[0]
    a_on_b = 1.5 * q_b
    c_on_b = 0.5 * q_b
    b = 1 + 1.5 * q_a + 0.5 * q_c
    # in counts, everything is linear in the occupancy of the exposure
    for kind in ("small_change", "knockout", "through_exposure", "over_mutations"):
        assert found.loc[("A", "B"), kind] == pytest.approx(a_on_b, rel=1e-9)
        assert found.loc[("C", "B"), kind] == pytest.approx(c_on_b, rel=1e-9)
    assert found.loc[("B", "A"), "exposure_change"] == pytest.approx(-100 * q_b * b, rel=1e-9)
    for pair in (("A", "C"), ("C", "A"), ("B", "A"), ("B", "C")):
        assert (
            found.loc[pair, ["small_change", "knockout", "through_exposure", "over_mutations"]] == 0
        ).all()


@pytest.mark.parametrize("transform", ["log1p", "anscombe"])
def test_direct_effects_in_the_training_space(transform):
    world = grammar()
    found = direct_effects(world, loci(SEPARATE), transform=transform).set_index(["exposure", "outcome"])
    q_a, q_b, q_c = world.binding([SEPARATE]).occupancy[0]
    a = lambda q: 10 + 100 * q  # noqa: E731
    b = lambda q: 10 + 100 * q_b * (1 + 1.5 * q + 0.5 * q_c)  # noqa: E731
    level = lambda mean: poisson_mean_of(np.array(mean), transform)  # noqa: E731
    knockout = (level(b(q_a)) - level(b(0))) / (level(a(q_a)) - level(a(0)))
    step = 1e-5
    small = (level(b(q_a)) - level(b(q_a - step))) / (level(a(q_a)) - level(a(q_a - step)))
    of_pair = found.loc[("A", "B")]
    assert of_pair["knockout"] == pytest.approx(knockout, rel=1e-9)
    assert of_pair["small_change"] == pytest.approx(small, rel=1e-4)
    low, high = sorted((knockout, small))
    assert low < of_pair["through_exposure"] < high


def test_a_slope_over_the_mutations_of_a_site_is_what_through_exposure_says():
    world = grammar()
    table = true_effects(world, loci(SEPARATE))
    in_a = table.loc[table["position"].between(5, 12)].pivot(
        index=["position", "alt"], columns="output", values="effect"
    )
    slope = (in_a["A"] * in_a["B"]).sum() / (in_a["A"] ** 2).sum()
    found = direct_effects(world, loci(SEPARATE)).set_index(["exposure", "outcome"]).loc[("A", "B")]
    assert found["through_exposure"] == pytest.approx(slope, rel=1e-9)
    assert found["over_mutations"] == pytest.approx(slope, rel=1e-9)


def test_overlapping_sites_are_pleiotropic():
    found = direct_effects(grammar(), loci(OVERLAPPING)).set_index(["exposure", "outcome"])
    of_a_on_c = found.loc[("A", "C")]
    assert (of_a_on_c[["small_change", "knockout", "through_exposure"]] == 0).all()
    assert of_a_on_c["over_mutations"] > 0.05
    assert found.loc[("A", "B"), "over_mutations"] > found.loc[("A", "B"), "through_exposure"]


@pytest.mark.parametrize("name", WORLDS)
def test_absent_effects_are_exactly_zero_whatever_the_sequence(name):
    world = grammar(**WORLDS[name])
    found = direct_effects(world, loci(*decode_letters(random_loci(2))))
    absent = found.loc[
        (world.help + world.recruitment == 0)[
            found["exposure"].map("ABC".index), found["outcome"].map("ABC".index)
        ]
    ]
    assert len(absent) >= 3 * 3
    assert (absent[["small_change", "knockout", "through_exposure"]].fillna(0) == 0).all(axis=None)


def test_a_factor_that_is_not_bound_has_no_effect_to_speak_of():
    found = direct_effects(grammar(), loci(placed((30, SITES["B"])))).set_index(["exposure", "outcome"])
    of_pair = found.loc[("A", "B")]
    assert of_pair["status"] == "exposure not bound"
    assert of_pair[["small_change", "knockout", "through_exposure", "exposure_change"]].isna().all()
    assert found.loc[("B", "A"), "status"] == "ok"


def test_the_decay_shows_in_the_truth():
    world = grammar(decay_length=20)
    near, far = placed((5, SITES["A"]), (18, SITES["B"])), placed((5, SITES["A"]), (55, SITES["B"]))
    found = direct_effects(world, loci(near, far)).set_index(["exposure", "outcome", "locus_id"])["knockout"]
    of_pair = found.loc[("A", "B")]
    q_a, q_b = world.binding([near]).occupancy[0, :2]
    for locus, gap in (("locus-0", 5), ("locus-1", 42)):
        with_help = poisson_mean_of(np.array(10 + 100 * q_b * (1 + 1.5 * q_a * np.exp(-gap / 20))), "log1p")
        without = poisson_mean_of(np.array(10 + 100 * q_b), "log1p")
        exposure = np.subtract(*poisson_mean_of(np.array([10 + 100 * q_a, 10]), "log1p"))
        assert of_pair[locus] == pytest.approx((with_help - without) / exposure, rel=1e-6)


@pytest.fixture(scope="module")
def reprogramming():
    motifs = {motif.name: motif for motif in read_motifs(REPROGRAMMING)}
    world = factor_grammar(motifs, help=REPROGRAMMING_HELP)
    options = {"n_train": 1, "n_calibration": 0, "n_test": 40, "seed": 3}
    alone = simulate_factors(world, **options).sequences[1:]
    composite = [Composite("Sox2", "Oct4", -1, 1.0)]
    joined = simulate_factors(world, site_numbers=[1.0], composites=composite, **options).sequences[1:]
    return direct_effects(world, alone), direct_effects(world, joined[:20])


class TestReprogramming:
    """The default world: what its page says."""

    def bound(self, effects):
        return effects.loc[(effects["exposure_occupancy"] > 0.5) & (effects["outcome_occupancy"] > 0.5)]

    def test_twelve_pairs_with_effects_of_many_sizes_and_exact_zeros(self, reprogramming):
        of_pair = self.bound(reprogramming[0]).groupby(["exposure", "outcome"])
        assert len(of_pair) == 12
        absent = 0
        for (exposure, outcome), group in of_pair:
            helps = REPROGRAMMING_HELP.get(exposure, {}).get(outcome, 0)
            size = group[["small_change", "through_exposure", "knockout"]].abs()
            assert (size > 0.01).all(axis=None) if helps else (size == 0).all(axis=None)
            absent += helps == 0
        assert absent == 5
        middle = of_pair["knockout"].median()
        assert middle["Sox2", "Oct4"] > middle["Sox2", "Nanog"] > middle["Nanog", "Sox2"] > 0

    def test_pleiotropy_is_rare_but_for_composite_sites(self, reprogramming):
        off = []
        for effects in reprogramming:
            bound = self.bound(effects.loc[(effects["exposure"] == "Sox2") & (effects["outcome"] == "Oct4")])
            off.append((bound["over_mutations"] - bound["through_exposure"]).abs().median())
        assert off[0] < 1e-3 < 1e-2 < off[1]


class TestPoissonMeans:
    @pytest.mark.parametrize("mean", [0.0, 1e-9, 0.3, 4.0, 250.0, 1e5])
    def test_they_are_sums_over_counts(self, mean):
        counts = np.arange(max(0, int(mean - 12 * mean**0.5) - 60), int(mean + 12 * mean**0.5) + 60)
        weights = poisson.pmf(counts, mean)
        for transform, function in (("log1p", np.log1p), ("anscombe", lambda n: 2 * np.sqrt(n + 0.375))):
            found = poisson_mean_of(np.array(mean), transform)
            assert found == pytest.approx(weights @ function(counts), rel=1e-10, abs=1e-15)
        assert poisson_mean_of(np.array(mean), "identity") == pytest.approx(mean, rel=1e-12, abs=1e-15)

    def test_slopes_are_derivatives(self):
        means = np.array([0.5, 20.0, 300.0])
        for transform in ("log1p", "anscombe"):
            step = 1e-4 * means
            difference = poisson_mean_of(means + step, transform) - poisson_mean_of(means - step, transform)
            np.testing.assert_allclose(poisson_slope_of(means, transform), difference / (2 * step), rtol=1e-6)
        np.testing.assert_allclose(poisson_slope_of(means, "identity"), 1, rtol=1e-12)

    def test_a_mean_has_one_value_in_any_company(self):
        means = np.random.default_rng(0).gamma(1, 100, 2000)
        together = poisson_mean_of(means, "log1p")
        assert (poisson_mean_of(means[:3], "log1p") == together[:3]).all()
        assert (poisson_mean_of(means[::-1].reshape(40, 50), "log1p").ravel()[::-1] == together).all()

    @pytest.mark.parametrize(
        "mean, transform, message",
        [
            (-1.0, "log1p", "expected counts: got -1.0, expected finite numbers, at least 0"),
            (np.nan, "log1p", "expected counts: got nan"),
            (1.0, "log", "transform: got 'log', expected one of log1p, anscombe, identity"),
        ],
    )
    def test_bad_input(self, mean, transform, message):
        with pytest.raises(SeqauditError, match=message):
            poisson_mean_of(np.array(mean), transform)

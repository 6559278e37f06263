"""True effects in the cascade: closed forms, published slopes, and every mutant from scratch."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import poisson

from seqaudit.data.motif_files import read_motifs
from seqaudit.data.motifs import Motif, log_odds
from seqaudit.data.sites import listed_sites
from seqaudit.data.tables import write_table
from seqaudit.errors import SeqauditError
from seqaudit.simulate.cascade_effects import interpolate_poisson_mean, true_effects
from seqaudit.simulate.cascade_law import BACKGROUND
from seqaudit.simulate.occupancy import occupancies
from seqaudit.simulate.tf_cascade import simulate_tf_cascade

MOTIF_FILE = Path(__file__).resolve().parents[3] / "resources/motifs/encode.meme"
MOTIFS = read_motifs(MOTIF_FILE, ["GATA_disc1", "TAL1_known1", "SOX2_1"])
KEY = ["locus_id", "position", "alt"]
SMALL = {"n_train": 1, "n_mutants": 0, "n_calibration": 1}


def simulate(scenario="unconfounded", *, n_test=600, **options):
    round_ = simulate_tf_cascade(
        *MOTIFS, scenario=scenario, round=1, seed=1, n_test=n_test, **SMALL, **options
    )
    test = round_.sequences.query("split == 'test'").reset_index(drop=True)
    return test[test["embeddings"].str.contains("_GATA_disc1-")], round_


def parameters(**changed):
    _, round_ = simulate(n_test=1, gamma=10, alpha_sd=0)
    return round_.parameters.assign(**changed)


def locus(sequence):
    return pd.DataFrame({"sequence_id": ["locus"], "sequence": [sequence]})


def by_output(effects):
    return effects.pivot(index=KEY, columns="output", values="effect")


def anscombe(mean):
    return 2 * np.sqrt(mean + 3 / 8)


def slopes_over_site_mutations(loci, effects):
    """Slope through the origin over the 30 mutations of each exposure site, in sequences with both."""
    sites = listed_sites(loci["embeddings"])
    sites["locus_id"] = loci["sequence_id"].to_numpy()[sites["row"]]
    with_both = sites.loc[sites["motif"] == "TAL1_known1", "locus_id"]
    start = sites[(sites["motif"] == "GATA_disc1") & sites["locus_id"].isin(with_both)].set_index("locus_id")[
        "start"
    ]
    pairs = by_output(effects).reset_index()
    offset = pairs["position"] - pairs["locus_id"].map(start)
    pairs = pairs[(offset >= 0) & (offset < 10)]
    assert (pairs.groupby("locus_id").size() == 30).all()
    products = pd.DataFrame(
        {
            "locus_id": pairs["locus_id"],
            "xy": pairs["GATA_disc1"] * pairs["TAL1_known1"],
            "xx": pairs["GATA_disc1"] ** 2,
        }
    )
    sums = products.groupby("locus_id").sum()
    return sums["xy"] / sums["xx"]


@pytest.mark.parametrize(
    ("scenario", "gamma", "plug_in", "slope", "error"),
    [
        ("unconfounded", 1, True, 1.000, 0.01),
        ("unconfounded", 10, True, 3.282, 0.03),
        ("unconfounded", 10, False, 3.263, 0.015),  # of a prototype with other code
        ("both", 1, False, 0.945, 0.015),
        ("both", 10, False, 4.08, 0.08),
    ],
)
def test_true_slopes_are_the_known_ones(scenario, gamma, plug_in, slope, error):
    loci, round_ = simulate(scenario, gamma=gamma, alpha_sd=0)
    effects = true_effects(loci, round_.parameters, *MOTIFS, plug_in=plug_in)
    found = slopes_over_site_mutations(loci, effects)
    assert len(found) > 120
    assert found.mean() == pytest.approx(slope, abs=error)


def one_letter_motif(name, letter, width=12, weight=1.0):
    ppm = np.full((width, 4), (1 - weight) / 3)
    ppm[:, "ACGT".index(letter)] = weight
    return Motif(name, ppm)


@pytest.mark.parametrize(("gamma", "slope"), [(10, 3.43), (1, 1.0)])
def test_a_mutation_that_ends_all_binding_has_the_slope_of_a_knockout(gamma, slope):
    exposure, outcome = one_letter_motif("X", "A"), one_letter_motif("Y", "C")
    effects = true_effects(
        locus("T" * 20 + "A" * 12 + "T" * 20 + "C" * 12 + "T" * 20),
        parameters(alpha=100.0, gamma=float(gamma)),
        exposure,
        outcome,
        plug_in=True,
        pseudocount=1e-15,
    )
    changes = by_output(effects).query("20 <= position < 32")
    assert len(changes) == 36
    assert changes["X"].to_numpy() == pytest.approx(anscombe(1) - anscombe(101), rel=1e-5)
    ratio = changes["Y"] / changes["X"]
    expected = (anscombe(1 + 100 * gamma) - anscombe(1)) / (anscombe(101) - anscombe(1))
    assert ratio.to_numpy() == pytest.approx(expected, rel=1e-5)
    assert expected == pytest.approx(slope, abs=0.005)
    # the outcome does not act back: its site moves the outcome alone
    backwards = by_output(effects).query("52 <= position < 64")
    assert np.abs(backwards["X"]).max() < 1e-9 and backwards["Y"].max() < -15


@pytest.mark.parametrize("gamma", [0.5, 1, 10])
def test_a_small_change_of_binding_has_the_slope_of_the_law(gamma):
    indifferent = one_letter_motif("X", "A", width=8, weight=0.97).ppm.copy()
    indifferent[4] = [0.2501, 0.2501, 0.2499, 0.2499]
    exposure, outcome = Motif("X", indifferent), one_letter_motif("Y", "C", width=8, weight=0.97)
    options = {"pseudocount": 0.0, "background": [0.25] * 4}
    # two mismatches in each site leave both partly bound
    sequence = "G" * 20 + "AATAGATA" + "G" * 20 + "CCGCCCGC" + "G" * 20
    q, q_outcome = (occupancies([sequence], log_odds(m, **options))[0] for m in (exposure, outcome))
    assert 0.3 < q < 0.9 and 0.3 < q_outcome < 0.9
    exposed, caused = 1 + 100 * q, 1 + 100 * gamma * q * q_outcome
    changes = by_output(
        true_effects(
            locus(sequence),
            parameters(alpha=100.0, gamma=float(gamma)),
            exposure,
            outcome,
            plug_in=True,
            **options,
        )
    )
    small = changes[np.abs(changes["X"]).between(1e-4, 0.05)].query("position < 28")
    assert len(small) >= 4
    closed = gamma * q_outcome * np.sqrt((exposed + 3 / 8) / (caused + 3 / 8))
    np.testing.assert_allclose(small["Y"] / small["X"], closed, rtol=0.002)


@pytest.mark.parametrize(("scenario", "plug_in"), [("both", False), ("sequence", True), ("random", False)])
def test_effects_are_those_of_mutants_scored_from_scratch(scenario, plug_in):
    loci, round_ = simulate(scenario, n_test=12, gamma=8)
    loci = loci.head(2)
    effects = true_effects(loci, round_.parameters, *MOTIFS, plug_in=plug_in)
    law = round_.parameters.iloc[0]

    def target(sequence):
        q = [occupancies([sequence], log_odds(m, pseudocount=1e-5, background=BACKGROUND))[0] for m in MOTIFS]
        total = np.zeros(2)
        p = law["confounder_probability"]
        for z, weight in ((0, 1 - p), (1, p)):
            means = [
                1 + law["alpha"] * q[0] + law["eta"] * q[2] + law["tau_exposure"] * z,
                1 + law["alpha"] * law["gamma"] * q[0] * q[1] + law["nu"] * q[2] + law["tau_outcome"] * z,
            ]
            counts = np.arange(2000)
            for output, mean in enumerate(means):
                value = anscombe(mean) if plug_in else poisson.pmf(counts, mean) @ anscombe(counts)
                total[output] += weight * value
        return total

    table = by_output(effects)
    for name, sequence in zip(loci["sequence_id"], loci["sequence"]):
        reference = target(sequence)
        for position in range(0, 100, 7):
            for alt in set("ACGT") - {sequence[position]}:
                change = target(sequence[:position] + alt + sequence[position + 1 :]) - reference
                found = table.loc[(name, position, alt), ["GATA_disc1", "TAL1_known1"]]
                np.testing.assert_allclose(found, change, atol=2e-8)


@pytest.mark.parametrize("transform", ["anscombe", "log1p"])
def test_interpolated_expectations_are_those_summed_over_counts(transform):
    function = {"anscombe": anscombe, "log1p": np.log1p}[transform]
    means = np.concatenate(
        [[0, 1e-9, 1e-3], np.random.default_rng(0).uniform(0, 4, 100), np.arange(4, 1600, 7.3)]
    )
    counts = np.arange(2500)
    exact = poisson.pmf(counts, means[:, None]) @ function(counts)
    np.testing.assert_allclose(interpolate_poisson_mean(transform, largest=1600.0)(means), exact, atol=1e-8)


def test_interpolation_holds_for_huge_counts():
    interpolated = interpolate_poisson_mean("anscombe", largest=1e6)
    # the transform is unbiased to order mean**-3/2: E = 2 sqrt(m + 3/8) - 1 / (4 sqrt(m)) + ...
    means = np.array([1e4, 1e5, 9.9e5])
    np.testing.assert_allclose(interpolated(means), anscombe(means) - 0.25 / np.sqrt(means), atol=1e-6)


def test_without_transform_effects_are_changes_of_expected_counts():
    loci, round_ = simulate(n_test=20, gamma=5)
    effects = by_output(true_effects(loci.head(1), round_.parameters, *MOTIFS[:2], transform="identity"))
    matrix = log_odds(MOTIFS[0], pseudocount=1e-5, background=BACKGROUND)
    sequence = loci["sequence"].iloc[0]
    for (_, position, alt), change in effects["GATA_disc1"].items():
        mutant = sequence[:position] + alt + sequence[position + 1 :]
        q, q_mutant = occupancies([sequence, mutant], matrix)
        assert change == pytest.approx(round_.parameters["alpha"][0] * (q_mutant - q), abs=1e-9)


def test_every_locus_stands_for_itself(tmp_path):
    loci, round_ = simulate("both", n_test=40)
    effects = true_effects(loci, round_.parameters, *MOTIFS)
    assert len(effects) == len(loci) * 2 * 300
    assert not effects.duplicated([*KEY, "output"]).any()
    letters = loci.set_index("sequence_id")["sequence"]
    expected = [letters[name][position] for name, position in zip(effects["locus_id"], effects["position"])]
    assert effects["ref"].tolist() == expected and (effects["ref"] != effects["alt"]).all()
    write_table(effects, tmp_path / "effects", "true_effects")
    shuffled = true_effects(loci.sample(frac=1, random_state=3), round_.parameters, *MOTIFS)
    order = [*KEY, "output"]
    pd.testing.assert_frame_equal(
        shuffled.sort_values(order, ignore_index=True)[order],
        effects.sort_values(order, ignore_index=True)[order],
    )
    np.testing.assert_allclose(
        shuffled.sort_values(order)["effect"], effects.sort_values(order)["effect"], rtol=0, atol=1e-12
    )


def test_n_is_not_mutated():
    loci, round_ = simulate(n_test=20)
    sequence = loci["sequence"].iloc[0]
    effects = true_effects(locus(sequence[:50] + "N" + sequence[51:]), round_.parameters, *MOTIFS)
    assert len(effects) == 2 * 3 * 99 and 50 not in set(effects["position"])


def test_bad_input_is_refused():
    loci, round_ = simulate("both", n_test=20)
    options = {"loci": loci, "parameters": round_.parameters, "exposure": MOTIFS[0], "outcome": MOTIFS[1]}
    for changed, message in (
        ({}, r"confounder: .* scenario 'both' \(eta 20, nu 30\), but none was given"),
        ({"transform": "root"}, "transform: got 'root', expected one of log1p, anscombe, identity"),
        (
            {"parameters": pd.concat([round_.parameters] * 2)},
            "parameters: got 2 rows of table 'cascade_rounds'",
        ),
        (
            {"loci": pd.concat([loci, loci.head(1)])},
            f"sequence_id '{loci['sequence_id'].iloc[0]}' is repeated",
        ),
        ({"loci": loci.head(0), "confounder": MOTIFS[2]}, "loci: no sequence given"),
    ):
        with pytest.raises(SeqauditError, match=message):
            true_effects(**(options | changed))

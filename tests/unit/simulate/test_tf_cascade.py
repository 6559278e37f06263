"""The cascade: its law by algebra, its published class means, and what must not depend on what."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from seqaudit.data.causal import families
from seqaudit.data.motif_files import read_motifs
from seqaudit.data.motifs import Motif, log_odds
from seqaudit.data.sequences import letter_codes
from seqaudit.data.sites import embedded_sites, listed_sites
from seqaudit.data.tables import read_table, write_table
from seqaudit.errors import SeqauditError
from seqaudit.simulate.cascade_law import BACKGROUND, cascade_means, draw_effects
from seqaudit.simulate.occupancy import occupancies
from seqaudit.simulate.tf_cascade import SCENARIOS, simulate_tf_cascade

MOTIF_FILE = Path(__file__).resolve().parents[3] / "resources/motifs/encode.meme"
EXPOSURE, OUTCOME, CONFOUNDER = read_motifs(
    MOTIF_FILE, {"GATA_disc1": "GATA1", "TAL1_known1": "TAL1", "SOX2_1": "SOX2"}
)
MOTIFS = {motif.name: motif for motif in (EXPOSURE, OUTCOME, CONFOUNDER)}
WIDTHS = {name: motif.width for name, motif in MOTIFS.items()}
SMALL = {"n_train": 60, "n_mutants": 80, "n_calibration": 20, "n_calibration_mutants": 25, "n_test": 15}


def simulate(scenario="both", *, round=1, seed=1, **options):
    return simulate_tf_cascade(
        EXPOSURE, OUTCOME, CONFOUNDER, scenario=scenario, round=round, seed=seed, **(SMALL | options)
    )


@pytest.fixture(scope="module")
def unconfounded():
    return simulate("unconfounded", n_train=20_000, n_mutants=0)


@pytest.fixture(scope="module")
def both():
    return simulate(n_train=5_000, n_mutants=8_000, n_calibration_mutants=0)


def wide(targets, column):
    return targets.pivot(index="sequence_id", columns="output", values=column)


def sites_by_motif(sequences):
    """Start of every motif's site for each sequence id; NaN where it has none."""
    sites = listed_sites(sequences["embeddings"])
    sites["sequence_id"] = sequences["sequence_id"].to_numpy()[sites["row"]]
    table = sites.pivot(index="sequence_id", columns="motif", values="start")
    return table.reindex(index=sequences["sequence_id"], columns=list(MOTIFS))


def test_the_law_is_the_published_one():
    law = {
        "alpha": 100.0,
        "gamma": 10.0,
        "eta": 20.0,
        "nu": 30.0,
        "tau_exposure": 25.0,
        "tau_outcome": 35.0,
    }
    q = np.array([0.0, 0.5, 1.0])
    alone = cascade_means(law, [q, 1 - q], random_confounder=0)
    np.testing.assert_allclose(alone, [[1, 51, 101], [1, 251, 1]])
    confounded = cascade_means(
        law, [q, 1 - q, np.array([1.0, 0.5, 0.0])], random_confounder=np.array([0, 1, 1])
    )
    np.testing.assert_allclose(confounded - alone, [[20, 35, 25], [30, 50, 35]])


def test_expected_reads_are_the_law_of_occupancies_counted_by_hand(both):
    law = both.parameters.iloc[0]
    rows = both.sequences.iloc[[0, 1, 2, 3, 5000, 5001, -1]]
    expected = wide(both.targets, "expected").loc[rows["sequence_id"]]
    occupancy = wide(both.targets, "occupancy").loc[rows["sequence_id"]]
    for sequence, reads, q in zip(rows["sequence"], expected.to_numpy(), occupancy.to_numpy()):
        bound = {}
        for name, motif in MOTIFS.items():
            unbound = 1.0
            for start in range(100 - motif.width + 1):
                odds = 1.0
                for row, letter in zip(motif.ppm, sequence[start:]):
                    column = "ACGT".index(letter)
                    odds *= (row[column] * (1 - 1e-5) + 1e-5 / 4) / BACKGROUND[column]
                unbound *= 1 / (1 + odds)
            bound[name] = 1 - unbound
        np.testing.assert_allclose(q, [bound["GATA1"], bound["TAL1"]], atol=1e-12)
        exposure = 1 + law["alpha"] * bound["GATA1"] + 20 * bound["SOX2"]
        outcome = 1 + law["alpha"] * law["gamma"] * bound["GATA1"] * bound["TAL1"] + 30 * bound["SOX2"]
        added = reads - [exposure, outcome]
        assert added == pytest.approx([0, 0], abs=1e-9) or added == pytest.approx([25, 25], abs=1e-9)


def test_class_means_of_occupancies_are_the_published_ones(unconfounded):
    train = unconfounded.sequences.query("split == 'train'")
    planted = sites_by_motif(train).notna()
    occupancy = wide(unconfounded.targets, "occupancy").loc[train["sequence_id"]]
    found = occupancy.groupby([planted["GATA1"], planted["TAL1"]]).mean()
    # published from 4,000 sequences, with errors of 0.008: (0.084, 0.057), (0.999, 0.047),
    # (0.086, 0.999), (0.999, 0.999); those without a site from 180,000 random sequences
    published = {
        (False, False): (0.092, 0.056),
        (True, False): (0.999, 0.050),
        (False, True): (0.084, 0.999),
        (True, True): (0.999, 0.999),
    }
    for content, means in published.items():
        assert found.loc[content, ["GATA1", "TAL1"]].tolist() == pytest.approx(means, abs=0.01)
    np.testing.assert_allclose(planted.groupby(["GATA1", "TAL1"]).size() / len(train), 0.25, atol=0.01)


def test_the_confounder_binds_most_sequences_without_a_site(both):
    train = both.sequences.query("split == 'train' and not mutated")
    planted = sites_by_motif(train).notna()
    assert planted["SOX2"].mean() == pytest.approx(0.5, abs=0.02)
    bound = occupancies(train["sequence"], log_odds(CONFOUNDER, pseudocount=1e-5, background=BACKGROUND))
    # without any site: 0.684 +- 0.002 in 30,000 random sequences scored letter by letter; 0.737 with
    # the letters of the background in the published order A, C, T, G
    empty, with_site = ~planted.any(axis=1).to_numpy(), planted["SOX2"].to_numpy()
    assert bound[empty].mean() == pytest.approx(0.684, abs=0.02)
    assert bound[with_site].mean() == pytest.approx(0.997, abs=0.003)


def test_letters_outside_sites_have_the_frequencies_of_a_c_g_t(unconfounded):
    train = unconfounded.sequences.query("split == 'train'")
    codes = letter_codes(train.loc[train["embeddings"] == "", "sequence"])
    np.testing.assert_allclose(np.bincount(codes.ravel()) / codes.size, BACKGROUND, atol=0.003)


def test_sites_are_drawn_from_their_motifs(unconfounded):
    train = unconfounded.sequences.query("split == 'train'")
    sites = embedded_sites(train["sequence"], train["embeddings"], EXPOSURE, np.zeros((10, 4)))
    codes = letter_codes(train["sequence"])[
        sites["row"].to_numpy()[:, None], sites["start"].to_numpy()[:, None] + np.arange(10)
    ]
    found = np.stack([(codes == letter).mean(axis=0) for letter in range(4)], axis=1)
    np.testing.assert_allclose(found, EXPOSURE.ppm, atol=0.015)
    assert set(sites["strand"]) == {"+"}


@pytest.mark.parametrize(("scenario", "longest"), [("unconfounded", 74), ("both", 59)])
def test_the_exposure_lies_left_of_the_outcome_at_an_even_distance(request, scenario, longest):
    train = request.getfixturevalue(scenario).sequences.query("split == 'train' and not mutated")
    starts = sites_by_motif(train).dropna(subset=["GATA1", "TAL1"])
    gap = starts["TAL1"] - starts["GATA1"] - WIDTHS["GATA1"]
    assert (gap.min(), gap.max()) == (16, longest)
    assert gap.mean() == pytest.approx((16 + longest) / 2, abs=1)
    assert starts["GATA1"].min() == 0 and starts["TAL1"].max() == 100 - WIDTHS["TAL1"]


def test_single_sites_lie_anywhere(unconfounded):
    starts = sites_by_motif(unconfounded.sequences.query("split == 'train'"))
    alone = starts.loc[starts["TAL1"].isna(), "GATA1"].dropna()
    counts = np.bincount(alone.astype(int), minlength=91)
    assert counts.size == 91 and (np.abs(counts - counts.mean()) < 5 * np.sqrt(counts.mean())).all()


def test_the_confounder_overlaps_nothing_and_may_lie_in_the_gap(both):
    starts = sites_by_motif(both.sequences.query("not mutated"))
    for name in ("GATA1", "TAL1"):
        apart = (starts["SOX2"] + WIDTHS["SOX2"] <= starts[name]) | (
            starts["SOX2"] >= starts[name] + WIDTHS[name]
        )
        assert apart[starts["SOX2"].notna() & starts[name].notna()].all()
    between = (starts["SOX2"] > starts["GATA1"]) & (starts["SOX2"] < starts["TAL1"])
    assert between.sum() > 100
    assert starts["SOX2"].min() == 0 and starts["SOX2"].max() == 100 - WIDTHS["SOX2"]


def test_counts_are_poisson_and_independent_given_the_expectation(both):
    expected, target = wide(both.targets, "expected"), wide(both.targets, "target")
    error = (target - expected) / np.sqrt(expected)
    assert (target >= 0).all(axis=None) and (target == target.round()).all(axis=None)
    np.testing.assert_allclose(error.mean(), 0, atol=0.03)
    np.testing.assert_allclose(error.var(), 1, atol=0.05)
    assert abs(error.corr().iloc[0, 1]) < 0.03


def test_the_random_confounder_comes_with_half_of_the_rows_mutants_by_themselves():
    round_ = simulate("random", n_train=4000, n_mutants=4000)
    law = round_.parameters.iloc[0]
    exposure = round_.targets.query("output == 'GATA1'").set_index("sequence_id")
    added = exposure["expected"] - 1 - law["alpha"] * exposure["occupancy"]
    np.testing.assert_allclose(added, 25 * (added > 12), atol=1e-9)
    mutants = round_.sequences.query("mutated and split == 'train'")
    of_mutant, of_parent = (added.loc[mutants[name]].to_numpy() > 12 for name in ("sequence_id", "parent"))
    assert of_parent.mean() == pytest.approx(0.5, abs=0.03) and of_mutant.mean() == pytest.approx(
        0.5, abs=0.03
    )
    assert np.corrcoef(of_mutant, of_parent)[0, 1] == pytest.approx(0, abs=0.05)


def test_parameters_are_zero_for_what_a_scenario_lacks():
    named = ["eta", "nu", "tau_exposure", "tau_outcome", "confounder_probability"]
    found = {s: simulate(s).parameters.iloc[0][named].tolist() for s in SCENARIOS}
    assert found == {
        "unconfounded": [0, 0, 0, 0, 0],
        "random": [0, 0, 25, 25, 0.5],
        "sequence": [20, 30, 0, 0, 0],
        "both": [20, 30, 25, 25, 0.5],
    }


def test_strength_scales_the_confounders_and_leaves_the_sequences():
    weak, full = simulate(strength=0.5, name="both_x0.5"), simulate()
    named = ["eta", "nu", "tau_exposure", "tau_outcome"]
    assert weak.parameters.iloc[0][named].tolist() == [10, 15, 12.5, 12.5]
    assert weak.parameters["scenario"].tolist() == ["both_x0.5"]
    pd.testing.assert_frame_equal(weak.sequences, full.sequences)


def draw(gamma, n=2000):
    options = {"alpha_mean": 100, "alpha_sd": 3, "gamma": gamma}
    drawn = [draw_effects(np.random.default_rng(r), round=r, **options) for r in range(1, n + 1)]
    return pd.DataFrame(drawn, columns=["alpha", "gamma", "cluster"])


def test_effects_vary_between_rounds_as_published():
    drawn = draw("published")
    assert drawn["alpha"].mean() == pytest.approx(100, abs=0.3)
    assert drawn["alpha"].std() == pytest.approx(3, abs=0.2)
    clusters = drawn.groupby("cluster")["gamma"]
    assert clusters.size()["high"] / 2000 == pytest.approx(0.5, abs=0.04)
    assert clusters.mean().to_dict() == pytest.approx({"high": 10, "low": 1}, abs=0.06)
    # a normal of mean 1 and sd 0.5, cut at 0, loses a little of its spread
    assert clusters.std().to_dict() == pytest.approx({"high": 0.5, "low": 0.48}, abs=0.03)
    assert drawn["gamma"].min() == 0


def test_other_ways_to_choose_the_effect_leave_alpha_alone():
    published, balanced, uniform, fixed = (draw(g) for g in ("published", "balanced", "log_uniform", 3))
    assert balanced["cluster"].tolist() == ["high", "low"] * 1000
    same = published["cluster"] == balanced["cluster"]
    assert published["gamma"][same].tolist() == balanced["gamma"][same].tolist()
    assert uniform["gamma"].between(0.3, 15).all() and set(uniform["cluster"]) == {"continuous"}
    quartiles = np.log(0.3) + np.log(50) * np.array([0.25, 0.5, 0.75])
    np.testing.assert_allclose(np.log(uniform["gamma"]).quantile([0.25, 0.5, 0.75]), quartiles, atol=0.15)
    assert set(fixed["gamma"]) == {3.0}
    for other in (balanced, uniform, fixed):
        assert other["alpha"].tolist() == published["alpha"].tolist()


def test_every_round_and_scenario_has_effects_of_its_own():
    drawn = pd.concat([simulate(scenario, round=r).parameters for scenario in SCENARIOS for r in (1, 2, 3)])
    assert drawn["alpha"].is_unique and drawn["gamma"].is_unique
    again = simulate("random", round=2, gamma="balanced", n_train=10, n_mutants=0)
    assert again.parameters["alpha"][0] == drawn.query("scenario == 'random' and round == 2")["alpha"].item()


def test_equal_calls_are_equal_and_nothing_else_is():
    first = simulate()
    for one, again in zip(first, simulate()):
        pd.testing.assert_frame_equal(one, again)
    for other in (simulate("sequence"), simulate(round=2), simulate(seed=2)):
        shared = set(first.sequences["sequence"]) & set(other.sequences["sequence"])
        assert not shared
        assert other.parameters["alpha"][0] != first.parameters["alpha"][0]


def test_a_seed_means_the_same_data_for_ever():
    round_ = simulate(n_train=60)
    assert round_.sequences["sequence"][0] == (
        "ACTCGGTCGCGGAAATTTACCCCAACAGATGATCGGTTTATAAGGGACATAAGATGGCCATGCTGATTCCTGTCCGTCAGGATATAGCGATTTTCATGCA"
    )
    assert round_.parameters[["alpha", "gamma"]].iloc[0].tolist() == pytest.approx([99.776199, 0.936885])
    counts = wide(round_.targets, "target").loc[["train_00000", "train_00019.mutant_0", "test_00014"]]
    assert counts.to_numpy().tolist() == [[41, 43], [21, 41], [52, 40]]


def test_the_first_rows_are_the_same_whatever_the_sizes():
    few = simulate()
    many = simulate(n_mutants=200, n_calibration=50, n_calibration_mutants=0, n_test=40)
    kept = few.sequences[~(few.sequences["mutated"] & (few.sequences["split"] == "calibration"))]
    mutants = {
        name: r.sequences.query("mutated and split == 'train'") for name, r in (("few", few), ("many", many))
    }
    assert mutants["many"]["sequence_id"].tolist()[:80] == mutants["few"]["sequence_id"].tolist()
    pd.testing.assert_frame_equal(
        many.sequences.set_index("sequence_id").loc[kept["sequence_id"]], kept.set_index("sequence_id")
    )
    for column in ("target", "expected"):
        pd.testing.assert_frame_equal(
            wide(many.targets, column).loc[kept["sequence_id"]],
            wide(few.targets, column).loc[kept["sequence_id"]],
        )


def test_more_training_sequences_begin_with_the_same():
    few, many = simulate(), simulate(n_train=90)
    kept = few.sequences.query("not mutated")["sequence_id"]
    for table, key in (("sequences", ["sequence_id"]), ("targets", ["sequence_id", "output"])):
        one, other = (getattr(r, table).set_index(key).sort_index().loc[kept] for r in (few, many))
        pd.testing.assert_frame_equal(one, other)


def test_a_confounder_that_a_scenario_does_not_use_changes_nothing():
    for scenario in ("unconfounded", "random"):
        without = simulate_tf_cascade(EXPOSURE, OUTCOME, scenario=scenario, round=1, seed=1, **SMALL)
        for one, other in zip(simulate(scenario), without):
            pd.testing.assert_frame_equal(one, other)


def test_mutants_differ_from_their_parents_by_one_base_in_every_site(both):
    table = both.sequences.set_index("sequence_id")
    mutants = table[table["mutated"]]
    parents = table.loc[mutants["parent"]]
    assert (mutants["split"].to_numpy() == parents["split"].to_numpy()).all()
    assert not parents["mutated"].any()
    changed = letter_codes(mutants["sequence"]) != letter_codes(parents["sequence"])
    in_a_site = np.zeros_like(changed)
    for row, _, start, end in listed_sites(parents["embeddings"]).itertuples(index=False):
        assert changed[row, start:end].sum() == 1
        in_a_site[row, start:end] = True
    without = ~in_a_site.any(axis=1)
    assert without.sum() > 700 and (changed[without].sum(axis=1) == 1).all()
    assert not changed[~without][~in_a_site[~without]].any()
    assert changed[without].mean(axis=0).max() < 0.04  # anywhere, that is
    # sites keep their places and are recorded with the letters they now have
    pd.testing.assert_frame_equal(listed_sites(mutants["embeddings"]), listed_sites(parents["embeddings"]))
    for motif in MOTIFS.values():
        embedded_sites(mutants["sequence"], mutants["embeddings"], motif, np.zeros((motif.width, 4)))


def test_mutations_are_spread_evenly_over_the_positions_and_bases_of_a_site(both):
    table = both.sequences.set_index("sequence_id")
    mutants = table[table["mutated"]]
    sites = listed_sites(mutants["embeddings"]).query("motif == 'GATA1'")
    mutated = letter_codes(mutants["sequence"])[sites["row"]]
    parent = letter_codes(table.loc[mutants["parent"], "sequence"])[sites["row"]]
    columns = sites["start"].to_numpy()[:, None] + np.arange(10)
    rows = np.arange(len(sites))[:, None]
    changed = mutated[rows, columns] != parent[rows, columns]
    np.testing.assert_allclose(changed.mean(axis=0), 0.1, atol=0.02)
    shift = (mutated[rows, columns][changed].astype(int) - parent[rows, columns][changed]) % 4
    np.testing.assert_allclose(
        np.bincount(shift, minlength=4) / shift.size, [0, 1 / 3, 1 / 3, 1 / 3], atol=0.03
    )


def test_every_sequence_is_a_parent_once_before_any_is_twice(both):
    mutants = both.sequences.query("mutated")
    assert mutants["parent"].iloc[:5000].is_unique and mutants["parent"].iloc[5000:].is_unique
    names = mutants["parent"] + np.where(np.arange(8000) < 5000, ".mutant_0", ".mutant_1")
    assert mutants["sequence_id"].tolist() == names.tolist()
    assert families(both.sequences.query("split == 'train'")).max() == 4999


def test_tables_are_as_declared(tmp_path):
    names = ("causal_sequences", "causal_targets", "cascade_rounds")
    round_ = simulate(study="cascade")
    for name, table in zip(names, round_):
        write_table(table, tmp_path / name, name)
        pd.testing.assert_frame_equal(read_table(tmp_path / name, name), table, check_dtype=False)
    assert round_.sequences["sequence_id"].iloc[[0, -1]].tolist() == ["train_00000", "test_00014"]
    assert round_.sequences.groupby(["split", "mutated"]).size().to_dict() == {
        ("calibration", False): 20,
        ("calibration", True): 25,
        ("test", False): 15,
        ("train", False): 60,
        ("train", True): 80,
    }
    assert set(round_.targets["output"]) == {"GATA1", "TAL1"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scenario": "none"}, "scenario: got 'none', expected one of unconfounded, random, sequence, both"),
        ({"round": 0}, "round: got 0, expected a whole number of at least 1"),
        ({"seed": -1}, "seed: got -1, expected a whole number of at least 0"),
        ({"n_train": 0}, "n_train: got 0, expected a whole number of at least 1"),
        ({"n_test": 2.5}, "n_test: got 2.5, expected a whole number of at least 1"),
        ({"n_mutants": -1}, "n_mutants: got -1, expected a whole number of at least 0"),
        ({"alpha_sd": -1}, "alpha_sd: got -1, expected a number of at least 0"),
        ({"alpha_mean": np.inf}, "alpha_mean: got inf, expected a number of at least 0"),
        ({"eta": np.nan}, "eta: got nan, expected a number of at least 0"),
        (
            {"gamma": "high"},
            "gamma: got 'high', expected published, balanced, log_uniform, or a number of at least 0",
        ),
        ({"gamma": -1}, "gamma: got -1, expected published, balanced, log_uniform, or a number"),
        ({"confounder_probability": 1.5}, "confounder_probability: got 1.5, expected a number from 0 to 1"),
        ({"pseudocount": 1}, "pseudocount: got 1"),
        ({"background": [0.5, 0.5, 0, 0]}, "background: got"),
        ({"length": 56}, r"length: 56 bp is too short for GATA1 \(10 bp\), .* expected at least 57"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(SeqauditError, match=message):
        simulate(**options)


def test_the_shortest_sequences_that_are_accepted_work():
    round_ = simulate(length=57, n_train=500)
    starts = sites_by_motif(round_.sequences)
    assert (starts["TAL1"] - starts["GATA1"]).dropna().unique().tolist() == [26]


def test_motifs_must_be_there_and_have_names_of_their_own():
    with pytest.raises(
        SeqauditError, match="scenario 'sequence' plants a confounder motif, but none was given"
    ):
        simulate_tf_cascade(EXPOSURE, OUTCOME, scenario="sequence", round=1, seed=1)
    with pytest.raises(SeqauditError, match="got GATA1, GATA1, expected different names"):
        simulate_tf_cascade(EXPOSURE, EXPOSURE, scenario="random", round=1, seed=1)
    wide_motif = Motif("wide", np.full((60, 4), 0.25))
    with pytest.raises(
        SeqauditError, match=r"wide \(60 bp\) and a gap of at least 60 bp; expected at least 130"
    ):
        simulate_tf_cascade(EXPOSURE, wide_motif, scenario="random", round=1, seed=1)

"""A world of factors: expected reads by hand, and what its tables promise."""

import re

import numpy as np
import pytest

from seqaudit.data.motifs import Motif, log_odds
from seqaudit.data.sequences import letter_codes
from seqaudit.data.sites import embedded_sites
from seqaudit.data.tables import read_table, write_table
from seqaudit.errors import SeqauditError
from seqaudit.simulate.factor_grammar import factor_grammar
from seqaudit.simulate.factor_profiles import ReadShape
from seqaudit.simulate.factor_sequences import Composite, simulate_factors

BACKGROUND = (0.27, 0.23, 0.23, 0.27)
SITES = {"A": "ACTGACGG", "B": "TTGCAACC", "C": "GGATTAGA"}


def consensus_motif(factor):
    return Motif(f"{factor}_1", 0.01 + 0.96 * np.eye(4)[letter_codes([SITES[factor]])[0]], factor)


MOTIFS = {factor: consensus_motif(factor) for factor in SITES}
OPTIONS = {"base": 10.0, "gain": 100.0, "mu": -6.0, "sharpness": 1.0, "strand": "+"}


def grammar(**changes):
    return factor_grammar(MOTIFS, **{"help": {"A": {"B": 1.5}}, **OPTIONS, **changes})


def sequence(*placed, length=100, filler="C"):
    """Filler with consensus sites at (start, factor)."""
    letters = list(filler * length)
    for start, factor in placed:
        letters[start : start + 8] = SITES[factor]
    return "".join(letters)


A, B, C, A_B, ALL = (
    sequence(*sites)
    for sites in (
        [(10, "A")],
        [(40, "B")],
        [(80, "C")],
        [(10, "A"), (40, "B")],
        [(10, "A"), (40, "B"), (80, "C")],
    )
)


def site_occupancy(factor):
    """Of a consensus site, from the definition."""
    score = log_odds(MOTIFS[factor], pseudocount=0.001, background=BACKGROUND).max(axis=1).sum()
    return (1 / (1 + np.exp(6 - score)) - 0.02) / 0.98


Q = {factor: site_occupancy(factor) for factor in SITES}


class TestExpectedReads:
    def test_without_a_site_there_are_the_reads_of_the_base(self):
        counts = grammar(base={"A": 3, "B": 5, "C": 8}).expected_counts([sequence()])
        assert counts.tolist() == [[3, 5, 8]]

    def test_a_site_alone_gets_its_gain(self):
        counts = grammar(help={}).expected_counts([A, B, C])
        np.testing.assert_allclose(counts, 10 + 100 * np.diag(list(Q.values())), rtol=1e-12)

    def test_help_multiplies_the_binding_of_the_helped_at_its_own_site(self):
        counts = grammar().expected_counts([A, B, A_B])
        helped = 10 + 100 * Q["B"] * (1 + 1.5 * Q["A"])
        np.testing.assert_allclose(counts[:, 1], [10, 10 + 100 * Q["B"], helped], rtol=1e-12)
        np.testing.assert_allclose(counts[:, 0], [10 + 100 * Q["A"], 10, 10 + 100 * Q["A"]], rtol=1e-12)

    def test_help_of_several_factors_adds_up(self):
        together = grammar(help={"A": {"C": 0.7}, "B": {"C": 0.4}}).expected_counts([ALL])[0, 2]
        of_a = grammar(help={"A": {"C": 0.7}}).expected_counts([ALL])[0, 2]
        of_b = grammar(help={"B": {"C": 0.4}}).expected_counts([ALL])[0, 2]
        alone = grammar(help={}).expected_counts([ALL])[0, 2]
        assert together - alone == pytest.approx((of_a - alone) + (of_b - alone), rel=1e-12)

    def test_recruitment_needs_no_site(self):
        counts = grammar(help={}, recruitment={"A": {"B": 0.3}}).expected_counts([A, B])
        np.testing.assert_allclose(counts[:, 1], [10 + 30 * Q["A"], 10 + 100 * Q["B"]], rtol=1e-12)

    def test_hindrance_is_negative_help(self):
        counts = grammar(help={"A": {"B": -0.8}}).expected_counts([B, A_B])
        assert counts[1, 1] == pytest.approx(10 + 100 * Q["B"] * (1 - 0.8 * Q["A"]), rel=1e-12)

    def test_both_strands_are_read_alike(self):
        both = grammar(strand="+-", help={})
        turned = A[::-1].translate(str.maketrans("ACGT", "TGCA"))
        np.testing.assert_allclose(both.expected_counts([A]), both.expected_counts([turned]), rtol=1e-12)
        assert grammar(help={}).expected_counts([turned])[0, 0] == 10

    def test_sharpness_keeps_the_consensus_and_adds_information(self):
        motif = {"A": Motif("a", [[0.6, 0.2, 0.1, 0.1]]), "B": MOTIFS["B"]}
        plain, sharp = (
            factor_grammar(motif, help={}, **{**OPTIONS, "sharpness": power}, pseudocount=0)
            for power in (1, 2)
        )
        squares = np.array([0.36, 0.04, 0.01, 0.01])
        np.testing.assert_allclose(plain.probabilities[0], [[0.6, 0.2, 0.1, 0.1]], rtol=1e-12)
        np.testing.assert_allclose(sharp.probabilities[0], [squares / squares.sum()], rtol=1e-12)


class TestDecay:
    def test_help_falls_with_the_gap_between_the_nearest_edges(self):
        decaying = grammar(decay_length=20, decay_floor=0.1)
        for start in (18, 23, 58):
            counts = decaying.expected_counts([sequence((10, "A"), (start, "B"))])[0]
            closeness = 0.1 + 0.9 * np.exp(-(start - 18) / 20)
            expected = 10 + 100 * Q["B"] * (1 + 1.5 * Q["A"] * closeness)
            assert counts[1] == pytest.approx(expected, rel=1e-9)
            mirrored = decaying.expected_counts([sequence((start, "A"), (10, "B"))])[0]
            assert mirrored[1] == pytest.approx(expected, rel=1e-9)

    def test_two_sites_of_the_helper_share_one_molecule(self):
        decaying = grammar(decay_length=20)
        counts = decaying.expected_counts([sequence((10, "A"), (30, "B"), (70, "A"))])[0]
        occupied = 1 - (1 - Q["A"]) ** 2
        closeness = (np.exp(-12 / 20) + np.exp(-32 / 20)) / 2
        assert counts[1] == pytest.approx(10 + 100 * Q["B"] * (1 + 1.5 * occupied * closeness), rel=1e-9)

    def test_a_very_long_reach_is_no_decay(self):
        sequences = [ALL, A_B, sequence()]
        far = grammar(decay_length=1e12).expected_counts(sequences)
        np.testing.assert_allclose(far, grammar().expected_counts(sequences), rtol=1e-9)


SETTINGS = {"length": 120, "n_train": 300, "n_calibration": 50, "n_test": 60, "seed": 7}


@pytest.fixture(scope="module")
def tables():
    world = factor_grammar(MOTIFS, help={"A": {"B": 1.5}}, **{**OPTIONS, "strand": "+-"})
    options = {
        "n_mutants": 400,
        "n_calibration_mutants": 70,
        "composites": [Composite("A", "C", 2, 0.5)],
        "read_shape": ReadShape(),
        **SETTINGS,
    }
    return world, options, simulate_factors(world, **options)


class TestTables:
    def test_they_are_written_and_read(self, tables, tmp_path):
        for table, name in zip(tables[2], ("causal_sequences", "causal_targets", "causal_profiles")):
            write_table(table, tmp_path / name, name)
            assert len(read_table(tmp_path / name, name)) == len(table)

    def test_splits_and_ids(self, tables):
        sequences = tables[2].sequences
        original = sequences.loc[~sequences["mutated"]]
        assert original["split"].value_counts().to_dict() == {"train": 300, "calibration": 50, "test": 60}
        assert (original["parent"] == original["sequence_id"]).all() and sequences["sequence_id"].is_unique
        assert original["sequence_id"].iloc[[0, 300, 409]].tolist() == ["train-0", "calibration-0", "test-59"]

    def test_embeddings_are_in_the_sequences(self, tables):
        world, _, (sequences, _, _) = tables
        found = {
            factor: embedded_sites(sequences["sequence"], sequences["embeddings"], motif, world.matrices[f])
            for f, (factor, motif) in enumerate(world.motifs.items())
        }
        original = 410
        number = {factor: (sites["row"] < original).sum() / original for factor, sites in found.items()}
        assert number["B"] == pytest.approx(0.65, abs=0.12)  # 0.45 + 2 * 0.1
        assert number["A"] == pytest.approx(0.65 + 0.5, abs=0.15) and number["C"] > number["B"]
        assert (found["A"]["strand"] == "+").mean() == pytest.approx(0.5, abs=0.1)

    def test_composite_sites_keep_their_gap_and_orientation(self, tables):
        world = tables[0]
        alone = simulate_factors(
            world, site_numbers=[1.0], composites=[Composite("A", "C", 2, 1.0)], **SETTINGS
        ).sequences
        a, c = (
            embedded_sites(alone["sequence"], alone["embeddings"], MOTIFS[f], world.matrices[i])
            for i, f in ((0, "A"), (2, "C"))
        )
        assert len(a) == len(c) == len(alone) and (a["strand"] == c["strand"]).all()
        distance = (c["start"] - a["start"]).where(a["strand"] == "+", a["start"] - c["start"])
        assert (distance == 8 + 2).all()

    def test_sites_that_share_a_base_agree_on_it(self):
        world = grammar(help={})
        joined = simulate_factors(
            world, site_numbers=[1.0], composites=[Composite("B", "A", -1, 1.0)], **SETTINGS
        ).sequences["embeddings"]
        # B ends with C, A begins with A: neither may have more than its share of the common base
        shared = joined.str.extract(r"B_1-\w{7}(\w)")[0]
        assert shared.isin(["A", "C"]).mean() > 0.9

    def test_mutants_differ_from_their_parent_by_one_base_in_a_site(self, tables):
        sequences = tables[2].sequences
        text = sequences.set_index("sequence_id")["sequence"]
        mutants = sequences.loc[sequences["mutated"]]
        assert mutants["split"].tolist() == ["train"] * 400 + ["calibration"] * 70
        assert (mutants["parent"].str.split("-").str[0] == mutants["split"]).all()
        assert mutants["parent"].value_counts().max() == 2
        codes, parents = letter_codes(mutants["sequence"]), letter_codes(text.loc[mutants["parent"]])
        row, position = np.nonzero(codes != parents)
        assert row.tolist() == list(range(470))
        for at, embeddings in zip(position, mutants["embeddings"]):
            starts = [int(start) for start in re.findall(r"pos-(\d+)_", embeddings)]
            assert not starts or any(start <= at < start + 8 for start in starts)

    def test_targets_are_poisson_around_the_expectation(self, tables):
        world, _, (sequences, targets, _) = tables
        expected = world.expected_counts(sequences["sequence"])
        np.testing.assert_allclose(targets["expected"].to_numpy().reshape(-1, 3), expected, rtol=1e-12)
        residual = (targets["target"] - targets["expected"]) / np.sqrt(targets["expected"])
        assert residual.mean() == pytest.approx(0, abs=0.1) and residual.var() == pytest.approx(1, abs=0.1)
        assert targets["occupancy"].between(0, 1).all()

    def test_profiles_add_up_to_targets(self, tables):
        _, _, (_, targets, profiles) = tables
        reads = profiles.groupby(["sequence_id", "output"])["reads"].sum()
        target = targets.set_index(["sequence_id", "output"])["target"]
        assert (reads.reindex(target.index, fill_value=0) == target).all()
        assert profiles["position"].between(0, 119).all()

    def test_reads_lie_before_a_site_on_one_strand_and_after_it_on_the_other(self):
        world = grammar(help={}, base=1e-9)
        shape = ReadShape(offset=8, sd=0)
        sequences, _, profiles = simulate_factors(
            world, site_numbers={"A": [0, 1], "B": [1], "C": [1]}, read_shape=shape, **SETTINGS
        )
        sites = embedded_sites(sequences["sequence"], sequences["embeddings"], MOTIFS["A"], world.matrices[0])
        strong = sites.loc[sites["log_odds"] == sites["log_odds"].max()]
        centre = {sequences["sequence_id"][r.row]: r.start + 3.5 for r in strong.itertuples()}
        near = profiles.loc[(profiles["output"] == "A") & profiles["sequence_id"].isin(centre.keys())]
        shift = near["position"] - near["sequence_id"].map(centre)
        on_plus = near["strand"] == "+"
        inside = near["sequence_id"].map(centre).between(10, 109)
        for strand, side in ((on_plus, -8), (~on_plus, 8)):
            reads = near.loc[strand & inside, "reads"]
            where = shift[strand & inside]
            assert reads[(where - side).abs() <= 0.5].sum() > 0.97 * reads.sum()

    def test_the_same_seed_gives_the_same_tables_whatever_else_is_asked_for(self, tables):
        world, options, first = tables
        again = simulate_factors(world, **options)
        for table, same in zip(first, again):
            assert table.equals(same)
        none = {"n_mutants": 0, "n_calibration_mutants": 0}
        bare = simulate_factors(world, **{**options, **none, "read_shape": None})
        n = len(bare.sequences)
        uncalibrated = simulate_factors(world, **{**options, "n_calibration_mutants": 0})
        for table, same in zip(first, uncalibrated):
            assert table[: len(same)].equals(same)
        assert bare.sequences.equals(first.sequences[:n]) and bare.targets.equals(first.targets[: n * 3])
        assert len(bare.profiles) == 0
        assert not bare.sequences.equals(simulate_factors(world, **{**options, "seed": 8}).sequences[:n])

    def test_sites_can_be_kept_in_the_middle(self, tables):
        world, options, _ = tables
        options = {**options, "length": 300, "planted_within": 120, "read_shape": None}
        embeddings = simulate_factors(world, **options).sequences["embeddings"]
        starts = np.array([int(s) for text in embeddings for s in re.findall(r"pos-(\d+)_", text)])
        assert starts.min() >= 90 and starts.max() + 8 <= 210


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"help": {"D": {"A": 1}}}, "help: 'D' (in D: A) is no factor, expected one of A, B, C"),
        ({"help": {"A": {"A": 1}}}, "help: A acts on itself; remove A: A"),
        ({"help": {"A": {"B": -2}}}, "B: expected reads could become -90 with base 10 and gain 100"),
        ({"recruitment": {"A": {"B": np.nan}}}, "recruitment: A: B: got nan, expected a finite number"),
        ({"base": {"A": 1}}, "base: got values of A; expected one number, or one for each of A, B, C"),
        ({"gain": 0}, "gain 0, expected at least 0 and a positive gain"),
        ({"strand": "both"}, "strand: got 'both', expected one of +, -, +-"),
        ({"decay_length": 0}, "decay_length: got 0, expected a positive number of bp, or none"),
        ({"decay_floor": 1.2}, "decay_floor: got 1.2, expected a number from 0 to 1"),
        ({"sharpness": 0}, "sharpness: got 0, expected a positive number"),
        ({"min_occupancy": 1}, "min_occupancy: got 1, expected a number from 0 to below 1"),
    ],
)
def test_worlds_that_make_no_sense_are_refused(changes, message):
    with pytest.raises(SeqauditError, match=re.escape(message)):
        grammar(**changes)


def test_one_factor_is_not_enough():
    with pytest.raises(SeqauditError, match="got 1 factor, expected at least two"):
        factor_grammar({"A": MOTIFS["A"]}, help={})


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"n_train": 0}, "n_train: got 0, expected at least 1"),
        (
            {"n_calibration": 0, "n_calibration_mutants": 5},
            "n_calibration_mutants: got 5 with n_calibration 0; mutants need parents",
        ),
        ({"length": 40}, "planted_within: 40 of 40 bp, expected at least 48 for all sites"),
        ({"planted_within": 200}, "planted_within: 200 of 120 bp, expected at least 48"),
        ({"site_numbers": [0.5, 0.4]}, "site_numbers: A has [0.5, 0.4], expected chances of 0, 1, 2, ..."),
        ({"site_numbers": {"A": [1]}}, "site_numbers: got chances for A; expected one list, or one for each"),
        ({"composites": [Composite("A", "D", 0, 1)]}, "composites: 'D' is no factor"),
        ({"composites": [Composite("A", "B", -9, 1)]}, "composites: gap -9 puts B before the start"),
        ({"composites": [Composite("A", "B", 0, 2)]}, "composites: probability 2, expected 0 to 1"),
    ],
)
def test_simulations_that_make_no_sense_are_refused(changes, message):
    with pytest.raises(SeqauditError, match=re.escape(message)):
        simulate_factors(grammar(), **{**SETTINGS, **changes})


def test_the_shape_of_reads_is_checked():
    with pytest.raises(SeqauditError, match="read_shape: got offset 8 and sd -1"):
        ReadShape(offset=8, sd=-1)

"""Seed 1234 returns the published data of Finkelstein et al. (2020), letter by letter.

Digests (SHA-256, first 20 digits) are those of the unpacked files in the authors' repository;
summaries and oracle values were computed from these files by an independent script.
"""

import gzip
import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from seqaudit.data.knockouts import knock_out_motifs
from seqaudit.data.motif_files import read_motifs
from seqaudit.simulate.motif_pairs import BACKGROUND, count_law, simulate_motif_pairs

MOTIF_FILE = Path(__file__).resolve().parents[3] / "resources/motifs/encode.meme"
REFERENCE = Path(os.environ.get("SEQAUDIT_PUBLISHED_DATA", "nowhere"))
"""Folder with the authors' files ('valid' padding), for the checks that need more than a digest."""

EFFECTS = {"neg": "additive", "pos": "super_additive"}
WORLDS = [(padding, control) for padding in ("valid", "same") for control in EFFECTS]

SIMDATA = {
    "train": "44ac714e67fef0da6418",
    "test": "f548a532662520dd2af8",
}
COUNTS = {
    ("train", "neg"): "704d11b64876b635286b",
    ("train", "pos"): "9935e28a7419800ba832",
    ("test", "neg"): "a8589192f2140ac84633",
    ("test", "pos"): "c6e3c7f114dbe318d8fc",
}
PAIR_COUNTS = {
    ("train", "neg"): "d94eced3282b32427709",
    ("train", "pos"): "f8c383279f5d4d9103b8",
    ("test", "neg"): "f1bdfcb525c6b625cfd9",
    ("test", "pos"): "de1f646066da1abb0fbf",
}
# file name of the authors: table, split, version, digest
KNOCKOUTS = {
    "test_toanalyze_orig": ("pairs", "test", "orig", "8f4dfb50abd69518de02"),
    "test_toanalyze_gataoff": ("pairs", "test", "a_off", "9115095d921279e4a745"),
    "test_toanalyze_taloff": ("pairs", "test", "b_off", "587a2250766ed1bbe576"),
    "test_toanalyze_bothoff": ("pairs", "test", "both_off", "8218730f4c544123fab5"),
    "train_toanalyze_orig": ("pairs", "train", "orig", "6c34e5907c814556cf39"),
    "train_toanalyze_gataoff": ("pairs", "train", "a_off", "f2c2c0cc96fc3801e5c7"),
    "train_toanalyze_taloff": ("pairs", "train", "b_off", "4aab9d8562c0962d7ee1"),
    "train_toanalyze_bothoff": ("pairs", "train", "both_off", "ab561f43023e7a88c8a5"),
    "controltest_toanalyze_gataoff": ("random_location", "test", "a_off", "3f9e28c66f14d3241f9f"),
    "controltest_toanalyze_taloff": ("random_location", "test", "b_off", "ee70cc024a7a39ac73f7"),
    "controltest_toanalyze_bothoff": ("random_location", "test", "both_off", "8124d98a6b3901a20d28"),
    "controltrain_toanalyze_gataoff": ("random_location", "train", "a_off", "312f4a93981b4968a695"),
    "controltrain_toanalyze_taloff": ("random_location", "train", "b_off", "02a683aa7f9f3f62b1cb"),
    "controltrain_toanalyze_bothoff": ("random_location", "train", "both_off", "60d93f94db2edd986af9"),
    "shuff_toanalyze_orig": ("shuffled", "test", "orig", "8e5796ae62609467c116"),
    "shuff_toanalyze_gataoff": ("shuffled", "test", "a_off", "586b002ff1ffbd9a1b35"),
    "shuff_toanalyze_taloff": ("shuffled", "test", "b_off", "8c31c5c92ece507c8aa4"),
    "shuff_toanalyze_bothoff": ("shuffled", "test", "both_off", "86ae5b4975d145895c63"),
}  # fmt: skip

# mean q, mean lambda, mean count, largest count, % of zero counts
LABELS = {
    ("valid", "train", "neg"): ("1.33103", "133.103", "133.101", 528, "4.9"),
    ("valid", "train", "pos"): ("1.33103", "106.149", "106.145", 772, "9.6"),
    ("valid", "test", "neg"): ("1.33099", "133.099", "133.052", 535, "4.8"),
    ("valid", "test", "pos"): ("1.33099", "106.072", "106.048", 757, "9.6"),
    ("same", "train", "neg"): ("1.48674", "148.674", "148.678", 576, "2.4"),
    ("same", "train", "pos"): ("1.48674", "124.081", "124.009", 775, "6.6"),
    ("same", "test", "neg"): ("1.48771", "148.771", "148.789", 578, "2.3"),
    ("same", "test", "pos"): ("1.48771", "124.139", "124.193", 851, "6.6"),
}
# mean squared error of lambda, and variance of the labels, in Anscombe space
ORACLE_MSE = {
    ("valid", "train", "neg"): ("0.9666", "80.60"),
    ("valid", "train", "pos"): ("0.9122", "89.73"),
    ("valid", "test", "neg"): ("0.9578", "80.18"),
    ("valid", "test", "pos"): ("0.9144", "89.22"),
    ("same", "train", "neg"): ("0.9810", "78.58"),
    ("same", "train", "pos"): ("0.9324", "97.43"),
    ("same", "test", "neg"): ("0.9837", "78.14"),
    ("same", "test", "pos"): ("0.9440", "97.36"),
}
ORACLE_EFFECTS = """
padding control table split: mean I, mean |I|, median I, mean M_G + M_T, mean lambda(orig), mean, median dLoss
valid neg pairs           test     0.000    0.000    0.000  195.999  231.314   0.0000   0.0000
valid pos pairs           test    41.499   41.572   46.038  152.432  213.805  11.1145  10.2102
valid pos random_location test     4.388    6.129    0.000   73.212  213.805   1.2256   0.0000
valid pos shuffled        test    -0.016    1.142    0.000    2.527   28.199   0.4260   0.0000
valid neg random_location test     0.000    0.000    0.000   67.977  231.314   0.0000   0.0000
valid neg shuffled        test     0.000    0.000    0.000    3.604   47.237   0.0000   0.0000
same  neg pairs           test     0.000    0.000    0.000  195.535  247.147   0.0000   0.0000
same  pos pairs           test    39.168   39.311   42.889  165.945  237.466   9.7088   8.0829
same  pos random_location test     4.169    6.090    0.000   76.748  237.466   1.1172   0.0000
same  pos shuffled        test    -0.019    1.263    0.000    3.429   42.609   0.4108   0.0000
valid neg pairs           train    0.000    0.000    0.000  194.855  230.963   0.0000   0.0000
valid pos pairs           train   41.054        -   46.110  151.714  213.323        -   9.8038
same  pos pairs           train   39.066        -   42.528  165.930  237.272        -   7.6971
"""

pytestmark = pytest.mark.slow


def digest(lines) -> str:
    return hashlib.sha256("\n".join(map(str, lines)).encode()).hexdigest()[:20]


def as_printed(value: float, printed: str) -> bool:
    """Whether a number, rounded, is the printed one."""
    digits = len(printed.partition(".")[2])
    return abs(value - float(printed)) <= 0.5001 * 10**-digits


def anscombe(count):
    return 2 * np.sqrt(np.maximum(np.asarray(count), -3 / 8) + 3 / 8)


@pytest.fixture(scope="module")
def motifs():
    return read_motifs(MOTIF_FILE, ["GATA_disc1", "TAL1_known1"])


@pytest.fixture(scope="module")
def worlds(motifs):
    return {
        (padding, control): simulate_motif_pairs(*motifs, effect=EFFECTS[control], padding=padding)
        for padding, control in WORLDS
    }


@pytest.fixture(scope="module")
def knockouts(worlds, motifs):
    return knock_out_motifs(worlds["valid", "neg"], motifs, [("GATA1", "TAL1")], background=BACKGROUND)


@pytest.fixture(scope="module")
def truths(knockouts, motifs):
    """Expected counts of every version, by padding and control."""
    known = {}
    for padding, control in WORLDS:
        law = count_law(*motifs, effect=EFFECTS[control], padding=padding)
        known[padding, control] = {
            table: {
                version: law.expected_counts(rows[version])
                for version in ("orig", "a_off", "b_off", "both_off")
            }
            for table, rows in knockouts._asdict().items()
        }
    return known


def part(table, split):
    """The authors' training file holds the validation sequences as well."""
    return table.loc[(table["split"] == "test") == (split == "test")]


@pytest.mark.parametrize("split", SIMDATA)
@pytest.mark.parametrize("world", WORLDS, ids="-".join)
def test_simulated_sequences_are_the_published_ones(worlds, world, split):
    table = part(worlds[world], split)
    has_gata, has_tal = (table["embeddings"].str.contains(name) for name in ("GATA_disc1", "TAL1_known1"))
    flags = [has_gata.astype(int), has_tal.astype(int), (has_gata & has_tal).astype(int)]
    columns = [table["sequence_id"], table["sequence"], table["embeddings"], *flags]
    lines = ["seqName\tsequence\tembeddings\thas_gata\thas_tal\thas_talandgata"]
    lines += ["\t".join(map(str, row)) for row in zip(*columns)]
    assert digest([*lines, ""]) == SIMDATA[split]


@pytest.mark.parametrize("split,control", COUNTS, ids="-".join)
def test_counts_with_valid_padding_are_the_published_ones(worlds, split, control):
    table = part(worlds["valid", control], split)
    assert digest(table["count"]) == COUNTS[split, control]
    assert (table["target"] == table["count"]).all()


@pytest.mark.parametrize("world", LABELS, ids="-".join)
def test_labels_have_the_published_summary(worlds, motifs, world):
    padding, split, control = world
    table = part(worlds[padding, control], split)
    count, expected = table["count"], table["expected_count"]
    mean_q, mean_lambda, mean_count, largest, zeros = LABELS[world]
    q = (expected / 100) if control == "neg" else (expected / 60) ** (2 / 3)
    assert as_printed(q.mean(), mean_q)
    assert as_printed(expected.mean(), mean_lambda)
    assert as_printed(count.mean(), mean_count)
    assert count.max() == largest
    assert as_printed(100 * (count == 0).mean(), zeros)
    mse, variance = ORACLE_MSE[world]
    assert as_printed(((anscombe(count) - anscombe(expected)) ** 2).mean(), mse)
    assert as_printed(np.var(anscombe(count)), variance)


def test_splits_are_the_published_ones(worlds):
    for table in worlds.values():
        assert table["split"].tolist() == ["train"] * 40_000 + ["validation"] * 10_000 + ["test"] * 50_000
        assert table["sequence_id"].iloc[[0, 49_999, 50_000]].tolist() == [
            "trainsim-synth0",
            "trainsim-synth49999",
            "testsim-synth50000",
        ]


@pytest.mark.parametrize("name", KNOCKOUTS)
def test_knockouts_and_null_sets_are_the_published_ones(knockouts, name):
    table, split, version, expected = KNOCKOUTS[name]
    rows = getattr(knockouts, table)
    rows = rows.loc[rows["split"] == split]
    assert len(rows) == {"train": 6_451, "test": 7_971}[split]
    assert digest(rows[version]) == expected


def test_every_null_row_belongs_to_a_real_pair_in_the_same_order(knockouts):
    pairs, random_location, shuffled = knockouts
    assert pairs["split"].tolist() == ["train"] * 6_451 + ["test"] * 7_971
    assert pairs["pair_id"].is_unique
    assert random_location["pair_id"].equals(pairs["pair_id"])
    assert random_location["orig"].equals(pairs["orig"])
    test_ids = pairs.loc[pairs["split"] == "test", "pair_id"].tolist()
    assert shuffled["pair_id"].tolist() == test_ids


@pytest.mark.parametrize("split,control", PAIR_COUNTS, ids="-".join)
def test_pairs_find_their_labels_by_id(worlds, knockouts, split, control):
    pairs = knockouts.pairs.loc[knockouts.pairs["split"] == split]
    counts = worlds["valid", control].set_index("sequence_id")["count"]
    assert digest(counts.loc[pairs["sequence_id"]]) == PAIR_COUNTS[split, control]


@pytest.mark.parametrize(
    "line", ORACLE_EFFECTS.strip().split("\n")[1:], ids=lambda x: "-".join(x.split()[:4])
)
def test_true_interactions_and_main_effects_are_as_printed(worlds, knockouts, truths, line):
    padding, control, table, split, *printed_values = line.split()
    rows = getattr(knockouts, table)
    of_split = (rows["split"] == split).to_numpy()
    truth = {version: values[of_split] for version, values in truths[padding, control][table].items()}
    main = truth["a_off"] + truth["b_off"] - 2 * truth["both_off"]
    interaction = truth["orig"] - truth["both_off"] - main
    if table == "shuffled":
        label = truth["orig"]
    else:
        counts = worlds[padding, control].set_index("sequence_id")["count"]
        label = counts.loc[rows.loc[of_split, "sequence_id"]].to_numpy()
    error = {
        name: (anscombe(prediction) - anscombe(label)) ** 2
        for name, prediction in {"with": truth["orig"], "without": truth["orig"] - interaction}.items()
    }
    improvement = error["without"] - error["with"]
    found = (
        interaction.mean(),
        np.abs(interaction).mean(),
        np.median(interaction),
        main.mean(),
        truth["orig"].mean(),
        improvement.mean(),
        np.median(improvement),
    )
    for value, printed in zip(found, printed_values, strict=True):
        assert printed == "-" or as_printed(value, printed)


def test_expected_columns_hold_the_truth(worlds, motifs, knockouts, truths):
    law = count_law(*motifs, effect="super_additive", padding="same")
    few = worlds["same", "pos"].iloc[50_000:52_000]
    tables = knock_out_motifs(
        few, motifs, [("GATA1", "TAL1")], background=BACKGROUND, expected=law.expected_counts
    )
    for name, rows in tables._asdict().items():
        all_rows = getattr(knockouts, name)
        first_test = np.flatnonzero(all_rows["split"] == "test")[0]
        for version in ("orig", "a_off", "b_off", "both_off"):
            of_all = truths["same", "pos"][name][version][first_test : first_test + len(rows)]
            np.testing.assert_allclose(rows[f"expected_{version}"], of_all, rtol=1e-14)


@pytest.mark.skipif(
    not REFERENCE.is_dir(), reason="SEQAUDIT_PUBLISHED_DATA does not name the folder of published files"
)
class TestAgainstFiles:
    """What a digest cannot show: real numbers to the last digits."""

    def numbers(self, name):
        with gzip.open(REFERENCE / f"{name}.txt.gz", "rt") as file:
            return np.array([line.split("\t")[-1] for line in file.read().split("\n")], dtype=np.float64)

    @pytest.mark.parametrize("split,control", COUNTS, ids="-".join)
    def test_lambdas(self, worlds, split, control):
        found = part(worlds["valid", control], split)["expected_count"]
        np.testing.assert_allclose(found, self.numbers(f"{split}_{control}_labels"), rtol=1e-12)

    def test_true_effects(self, knockouts, truths):
        of_test = (knockouts.pairs["split"] == "test").to_numpy()
        truth = {
            control: {v: x[of_test] for v, x in truths["valid", control]["pairs"].items()}
            for control in EFFECTS
        }
        for control in EFFECTS:
            orig = self.numbers(f"test_toanalyze_groundtruth_orig_{control}")
            np.testing.assert_allclose(truth[control]["orig"], orig, rtol=1e-12)
            shuffled = self.numbers(f"shuff_toanalyze_orig_oraclepred_{control}")
            np.testing.assert_allclose(truths["valid", control]["shuffled"]["orig"], shuffled, rtol=1e-12)
        main = truth["neg"]["a_off"] + truth["neg"]["b_off"] - 2 * truth["neg"]["both_off"]
        published = self.numbers("test_toanalyze_groundtruth_neg_maineff")
        np.testing.assert_allclose(main, published, rtol=0, atol=1e-12)
        pos = truth["pos"]
        interaction = pos["orig"] - pos["a_off"] - pos["b_off"] + pos["both_off"]
        published = self.numbers("test_toanalyze_groundtruth_pos_interactions")
        np.testing.assert_allclose(interaction, published, rtol=0, atol=1e-12)

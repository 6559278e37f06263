"""The simulator: against a literal loop, by distribution, and what it refuses."""

import numpy as np
import pandas as pd
import pytest

from seqaudit.data.motifs import Motif, log_odds, smooth
from seqaudit.data.tables import read_table, write_table
from seqaudit.errors import SeqauditError
from seqaudit.simulate import motif_pairs
from seqaudit.simulate.motif_pairs import BACKGROUND, count_law, simulate_motif_pairs

A = Motif("up", [[0.9, 0.1, 0, 0], [0, 0.2, 0.8, 0], [0.05, 0.05, 0.1, 0.8]])
B = Motif("down_2", [[0, 0, 0.5, 0.5], [0.7, 0.1, 0.1, 0.1], [0, 1, 0, 0], [0.3, 0.3, 0.2, 0.2]])
SMALL = {"n_train": 500, "n_validation": 200, "n_test": 300}


def simulate(**options):
    return simulate_motif_pairs(A, B, **{"effect": "additive", "padding": "valid", **SMALL, **options})


def simulate_by_hand(n, length, probability, pseudocount, seed):
    """Sequences and embeddings letter by letter, in the order that the specification gives."""
    rng = np.random.RandomState(seed)

    def letter(probabilities):
        u, cumulative = rng.rand(), 0.0
        for name, p in zip("ACG", probabilities):
            cumulative += p
            if cumulative >= u:
                return name
        return "T"

    made = []
    for _ in range(n):
        sequence = [letter(BACKGROUND) for _ in range(length)]
        placed = []
        for motif in (A, B):
            if rng.rand() >= probability:
                continue
            site = "".join(letter((1 - pseudocount) * row + pseudocount / 4) for row in motif.ppm)
            while True:
                start = int(rng.rand() * (length - motif.width + 1))
                taken = range(placed[0][0], placed[0][0] + placed[0][1].width) if placed else range(0)
                if not set(taken) & set(range(start, start + motif.width)):
                    break
            placed.append((start, motif, site))
        for start, motif, site in placed:
            sequence[start : start + motif.width] = site
        embeddings = ",".join(f"pos-{start}_{motif.name}-{site}" for start, motif, site in placed)
        made.append(("".join(sequence), embeddings))
    return made


@pytest.mark.parametrize("length, probability", [(10, 0.9), (12, 0.5), (40, 0.3)])
def test_published_order_equals_a_literal_loop(length, probability):
    # short sequences make many collisions; more rows than a block of the fast path
    n = motif_pairs._ROWS_PER_BLOCK + 300
    table = simulate(
        length=length, embedding_probability=probability, pseudocount=0.01, seed=7, n_train=n - 500
    )
    assert list(zip(table["sequence"], table["embeddings"])) == simulate_by_hand(
        n, length, probability, 0.01, 7
    )


def naive_occupancy(sequence, motif, padding, mu=0.0):
    matrix = log_odds(motif, pseudocount=0.001, background=BACKGROUND)
    left = (motif.width - 1) // 2
    if padding == "same":
        sequence = "N" * left + sequence + "N" * (motif.width - 1 - left)
    total = 0.0
    for start in range(len(sequence) - motif.width + 1):
        window = sequence[start : start + motif.width]
        score = sum(matrix[j, "ACGT".index(x)] for j, x in enumerate(window) if x != "N")
        total += 1 / (1 + np.exp(-score - mu))
    return total


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_expected_counts_follow_the_formulas(padding):
    sequences = [*simulate(length=30)["sequence"][:50], "ACGTN" * 6, "N" * 30]
    q = np.array([naive_occupancy(s, A, padding) + naive_occupancy(s, B, padding) for s in sequences])
    for effect, expected in {"additive": 100 * q, "super_additive": 60 * q**1.5}.items():
        law = count_law(A, B, effect=effect, padding=padding)
        np.testing.assert_allclose(law.expected_counts(sequences), expected, rtol=1e-12)


def test_mu_raises_occupancy():
    law = count_law(A, B, effect="additive", padding="valid", mu=1.5)
    sequence = "ACGTACGTTTGACGAT"
    expected = naive_occupancy(sequence, A, "valid", mu=1.5) + naive_occupancy(sequence, B, "valid", mu=1.5)
    assert law.expected_counts([sequence])[0] == pytest.approx(100 * expected, rel=1e-12)


@pytest.mark.parametrize("exponent", [0.5, 1.1, 2])
def test_a_dose_keeps_the_training_mean(exponent):
    additive, dosed = simulate(), simulate(effect=exponent)
    assert additive["sequence"].equals(dosed["sequence"])
    training = additive["split"] != "test"
    mean = additive.loc[training, "expected_count"].mean()
    assert dosed.loc[training, "expected_count"].mean() == pytest.approx(mean, rel=1e-12)
    ratio = dosed["expected_count"] / additive["expected_count"] ** exponent
    assert ratio.std() < 1e-12 * ratio.mean()


def test_dose_of_knockouts_uses_the_scale_of_training():
    table = simulate(effect=1.3)
    law = count_law(
        A, B, effect=1.3, padding="valid", training_sequences=table["sequence"][table["split"] != "test"]
    )
    np.testing.assert_allclose(law.expected_counts(table["sequence"]), table["expected_count"], rtol=1e-13)


def test_data_sets_do_not_share_their_noise():
    def noise(**options):
        table = simulate(n_train=4000, **options)
        return (table["count"] - table["expected_count"]) / np.sqrt(table["expected_count"])

    first = noise(effect=1.1)
    for other in ({"effect": 1.2}, {"effect": 1.1, "padding": "same"}, {"effect": 1.1, "seed": 5}, {}):
        assert abs(np.corrcoef(first, noise(**other))[0, 1]) < 0.06
    assert noise(effect=1.1).equals(first)


@pytest.mark.parametrize("draw_order", ["published", "independent"])
def test_simulated_world_has_the_distribution_it_says(draw_order):
    n = 20_000
    table = simulate(
        n_train=n - 500, length=60, embedding_probability=0.4, draw_order=draw_order, pseudocount=0.02
    )
    sites = table["embeddings"].str.extract(r"^(?:pos-(\d+)_up-([ACGT]+))?,?(?:pos-(\d+)_down_2-([ACGT]+))?$")
    sites.columns = ["start_a", "site_a", "start_b", "site_b"]
    has_a, has_b = sites["site_a"].notna(), sites["site_b"].notna()
    for share, expected in ((has_a.mean(), 0.4), (has_b.mean(), 0.4), ((has_a & has_b).mean(), 0.16)):
        assert abs(share - expected) < 4 * np.sqrt(expected * (1 - expected) / n)
    # letters of the sites follow the smoothed matrix
    for site, motif in ((sites["site_a"], A), (sites["site_b"], B)):
        letters = np.array(site.dropna().map(list).tolist())
        frequencies = np.stack([(letters == letter).mean(axis=0) for letter in "ACGT"], axis=1)
        assert np.abs(frequencies - smooth(motif.ppm, pseudocount=0.02)).max() < 0.025
    # they are where the record says, never overlap, and reach both ends
    starts = sites[["start_a", "start_b"]].astype(float)
    for start, site, width in (("start_a", "site_a", 3), ("start_b", "site_b", 4)):
        placed = starts[start].notna()
        rows = zip(
            table.loc[placed, "sequence"], starts.loc[placed, start].astype(int), sites.loc[placed, site]
        )
        assert all(sequence[at : at + width] == letters for sequence, at, letters in rows)
        assert starts[start].min() == 0 and starts[start].max() == 60 - width
    both = starts.dropna()
    assert ((both["start_a"] + 3 <= both["start_b"]) | (both["start_b"] + 4 <= both["start_a"])).all()
    # given A, every free place of B is equally likely: 57 - 6 where A is inside, more at the ends
    inside = both[(both["start_a"] >= 3) & (both["start_a"] <= 53)]
    offset = (inside["start_b"] - inside["start_a"]).astype(int)
    near = ((offset >= 3) & (offset <= 6)).sum()
    possible = (1 / 51 * sum(inside["start_a"] + 3 + extra <= 56 for extra in range(4))).sum()
    assert abs(near - possible) < 4 * np.sqrt(possible)
    # background
    plain = "".join(table.loc[~has_a & ~has_b, "sequence"])
    assert np.allclose([plain.count(letter) / len(plain) for letter in "ACGT"], BACKGROUND, atol=0.004)
    # Poisson counts
    ratio = ((table["count"] - table["expected_count"]) ** 2).sum() / table["expected_count"].sum()
    assert abs(ratio - 1) < 0.05


def test_earlier_sequences_do_not_depend_on_how_many_follow():
    short, longer = simulate(), simulate(n_test=motif_pairs._ROWS_PER_BLOCK * 2)
    assert longer["sequence"][: len(short)].tolist() == short["sequence"].tolist()


def test_table_fits_its_schema(tmp_path):
    table = simulate()
    write_table(table, tmp_path / "sequences.parquet", "sequences")
    stored = read_table(tmp_path / "sequences.parquet", "sequences")
    pd.testing.assert_frame_equal(stored, table, check_dtype=False)
    assert table["group"].isna().all()
    assert table["split"].tolist() == ["train"] * 500 + ["validation"] * 200 + ["test"] * 300
    assert table["sequence_id"].iloc[[0, 699, 700]].tolist() == [
        "trainsim-synth0",
        "trainsim-synth699",
        "testsim-synth700",
    ]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"effect": "synergy"}, "effect: got 'synergy', expected additive, super_additive, or a positive"),
        ({"effect": -1.0}, "effect: got -1.0"),
        ({"effect": True}, "effect: got True"),
        ({"padding": "full"}, "padding: got 'full', expected one of valid, same"),
        ({"draw_order": "old"}, "draw_order: got 'old', expected one of published, independent"),
        ({"length": 9}, "length: 9 bp is too short for up .3 bp. and down_2 .4 bp.*at least 10"),
        ({"n_test": 0}, "n_test: got 0, expected at least 1"),
        ({"embedding_probability": 1.5}, "embedding_probability: got 1.5, expected 0 to 1"),
        ({"pseudocount": 1}, "pseudocount: got 1, expected a number from 0 to below 1"),
        ({"background": (0.3, 0.3, 0.3, 0.3)}, "background: got .* with sum 1"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(SeqauditError, match=message):
        simulate(**options)


def test_a_dose_needs_training_sequences():
    with pytest.raises(SeqauditError, match=r"effect 1\.2: its scale is set by the training sequences"):
        count_law(A, B, effect=1.2, padding="valid")

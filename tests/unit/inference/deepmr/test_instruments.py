"""Filters one by one and together, by hand; standard errors; the table of instruments."""

import numpy as np
import pandas as pd
import pytest
from deepmr_world import make_world

from seqaudit.errors import SeqauditError
from seqaudit.inference.deepmr import EnsembleEffects, Filters, pivot_effects
from seqaudit.inference.deepmr.instruments import halves, instrument_rows, make_panel, select
from seqaudit.inference.deepmr.loci import locate_sites

OFF = {"min_abs_beta": None, "min_abs_z": None, "region": "anywhere"}


def ensemble(of_members, *, loci: int = 1) -> EnsembleEffects:
    """Effects (members, positions x 3) on one exposure; the outcome does not move."""
    exposure = np.asarray(of_members, dtype=np.float32)
    values = np.stack([exposure, np.zeros_like(exposure)], axis=2)
    n = values.shape[1] // loci
    mutations = pd.DataFrame(
        {
            "locus_id": np.repeat([f"locus_{i}" for i in range(loci)], n),
            "position": np.tile(np.arange(n) // 3, loci),
            "ref": "A",
            "alt": np.tile(list("CGT"), loci * n // 3),
        }
    )
    names = np.array([f"locus_{i}" for i in range(loci)], dtype=object)
    return EnsembleEffects(mutations, np.repeat(np.arange(loci), n), names, ("X", "Y"), values)


def selected(effects: EnsembleEffects, sequences=None, *, se_mode="posterior_sd", **filters) -> list[int]:
    panel = make_panel(effects, se_mode)
    chosen = select(panel, Filters.of({**OFF, **filters}), locate_sites(sequences, effects), "X")
    return np.flatnonzero(chosen).tolist()


MEANS = np.array([0.5, -3.0, 0.0, 1.0, 4.0, -0.9])
SPREADS = np.array([0.1, 1.0, 0.0, 0.0, 4.0, 0.2])


@pytest.fixture
def effects():
    """Three members at mean - spread, mean, mean + spread: the standard deviation is the spread."""
    return ensemble([MEANS - SPREADS, MEANS, MEANS + SPREADS])


def test_absolute_effect(effects):
    assert selected(effects, min_abs_beta=1) == [1, 3, 4]
    assert selected(effects, min_abs_beta=0) == [0, 1, 3, 4, 5]  # no effect is no instrument


def test_effect_over_its_standard_error(effects):
    assert selected(effects, min_abs_z=4) == [0, 3, 5]
    assert selected(effects, min_abs_z=3) == [0, 1, 3, 5]
    # over the root of 3 members, errors are smaller
    assert selected(effects, min_abs_z=4, se_mode="ensemble_mean") == [0, 1, 3, 5]


def test_published_filter_by_hand(effects):
    """Mean 0.2667, standard deviation 2.1545: distances 0.11, 1.52, 0.12, 0.34, 1.73, 0.54."""
    assert selected(effects, min_pooled_z=1) == [1, 4]
    assert selected(effects, min_pooled_z=1.6) == [4]
    assert selected(effects, min_pooled_z=0.5) == [1, 4, 5]


def test_published_filter_pools_all_loci():
    both = ensemble([np.r_[MEANS, 100 * MEANS]] * 2, loci=2)
    assert selected(both, min_pooled_z=1) == [7, 10]


def test_filters_combine(effects):
    assert selected(effects, min_abs_beta=1, min_abs_z=3) == [1, 3]
    assert selected(effects, min_abs_beta=1, min_abs_z=3, min_pooled_z=1) == [1]


def test_inside_the_motif(effects):
    sequences = pd.DataFrame({"sequence_id": ["locus_0"], "embeddings": ["pos-1_X-A"]})
    assert selected(effects, sequences, region="motif") == [3, 4, 5]
    assert selected(effects, sequences, region="motif", min_abs_beta=1) == [3, 4]
    assert selected(effects, sequences.assign(embeddings="pos-1_Y-A"), region="motif") == []
    assert selected(effects, sequences.assign(embeddings=None), region="motif") == []


@pytest.mark.parametrize("width", [1, 3, 10])
def test_peak_is_the_strongest_window(width):
    rng = np.random.default_rng(width)
    loci, length = 7, 23
    values = rng.normal(size=loci * length * 3)
    effects = ensemble([values, values], loci=loci)
    found = selected(effects, region="peak", peak_width=width)
    expected = []
    sizes = np.abs(values.astype(np.float32)).reshape(loci, length, 3).sum(axis=2)
    for locus in range(loci):
        sums = [sizes[locus, first : first + width].sum() for first in range(length - width + 1)]
        first = int(np.argmax(sums))
        begin = (locus * length + first) * 3
        expected += range(begin, begin + 3 * width)
    assert found == expected


def test_peak_wider_than_the_sequence_is_the_sequence(effects):
    assert selected(effects, region="peak", peak_width=50) == [0, 1, 3, 4, 5]


def test_of_equal_windows_the_leftmost():
    flat = ensemble([np.full(30, 0.1)] * 2)
    assert selected(flat, region="peak", peak_width=4) == list(range(12))


def test_standard_errors(effects):
    panel = make_panel(effects)
    np.testing.assert_allclose(panel.se[:, 0], SPREADS, atol=1e-6)
    assert (panel.se[:, 1] == 0).all()
    np.testing.assert_allclose(make_panel(effects, "ensemble_mean").se[:, 0], SPREADS / np.sqrt(3), atol=1e-6)


def test_halves_share_no_member():
    effects = ensemble(np.arange(5)[:, None] * np.ones(6))
    even, odd = halves(effects)
    assert even.values[:, 0, 0].tolist() == [0, 2, 4]
    assert odd.values[:, 0, 0].tolist() == [1, 3]
    with pytest.raises(SeqauditError, match="cross_fit needs at least 4 members, two in each half, got 3"):
        halves(ensemble(np.ones((3, 6))))


def test_table_of_instruments():
    world = make_world(loci=4, length=12)
    effects = pivot_effects(world.effects)
    sequences = world.sequences.copy()
    sequences.loc[0, "embeddings"] = None
    sites = locate_sites(sequences, effects)
    chosen = np.arange(len(effects.mutations)) % 2 == 0
    truth = np.random.default_rng(0).normal(size=(len(chosen), 2))
    table = instrument_rows(make_panel(effects), sites, chosen, truth, exposure="GATA1", outcome="TAL1")
    assert table["selected"].tolist() == chosen.tolist()
    assert table["true_beta_outcome"].tolist() == truth[:, 1].tolist()
    unknown = table["locus_id"] == sequences["sequence_id"][0]
    assert (table["in_motif"].isna() == unknown).all()
    row = table.iloc[40]
    same = (world.effects[["locus_id", "position", "alt"]] == row[["locus_id", "position", "alt"]]).all(
        axis=1
    )
    members = world.effects[same].pivot_table(index="member", columns="output", values="effect")
    members = members.astype(np.float64)
    assert row["beta_exposure"] == pytest.approx(members["GATA1"].mean())
    assert row["beta_outcome"] == pytest.approx(members["TAL1"].mean())
    assert row["se_exposure"] == pytest.approx(members["GATA1"].std())
    assert row["se_outcome"] == pytest.approx(members["TAL1"].std())
    assert row["covariance"] == pytest.approx(members.cov().loc["GATA1", "TAL1"])


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"pooled_z": 1}, "unknown filter 'pooled_z', expected one of min_abs_beta"),
        ({"min_abs_beta": -1}, "got min_abs_beta=-1, expected a number of at least 0"),
        ({"min_abs_z": "3"}, "got min_abs_z='3', expected a number"),
        ({"region": "site"}, "got region='site', expected one of motif, peak, anywhere"),
        ({"peak_width": 0}, "got peak_width=0, expected a whole number of at least 1"),
        ({"min_instruments": 2.5}, "got min_instruments=2.5, expected a whole number"),
    ],
)
def test_settings_must_make_sense(settings, message):
    with pytest.raises(SeqauditError, match=message):
        Filters.of(settings)


def test_unknown_se_mode(effects):
    with pytest.raises(SeqauditError, match="se_mode: got 'sd', expected one of posterior_sd, ensemble_mean"):
        make_panel(effects, "sd")

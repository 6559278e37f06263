"""Both scores of consistency on true maps, noise, decoys and broken maps."""

import numpy as np
import pytest
from attribution_world import letters_and_truth, noise_maps, scaled

from seqaudit.data.tables import read_table, write_table
from seqaudit.errors import SeqauditError
from seqaudit.inference.consistency import score_consistency, score_models

LADDER = (0, 0.5, 1, 2, 4, 8)


def noisy(truth, level, seed=1):
    return truth + level * noise_maps(len(truth), seed=seed)


def score(maps, one_hot, **options):
    return score_consistency(maps, one_hot, **{"resamples": 0, **options})


def test_scores_fall_as_noise_is_added_and_are_near_zero_at_noise():
    one_hot, truth = letters_and_truth(1000)
    ladder = [score(noisy(truth, level), one_hot) for level in LADDER]
    noise = score(noise_maps(len(truth), seed=2), one_hot)
    spectrum = [s.spectrum for s in ladder]
    # half as much noise as signal does not hide which positions matter: words are flat at first
    assert spectrum[1] == pytest.approx(spectrum[0], abs=0.03)
    assert (np.diff(spectrum[1:]) < 0).all()
    assert spectrum[0] > 0.4
    assert (np.diff([s.geometry for s in ladder]) < 0).all()
    assert ladder[0].geometry > 0.9
    assert abs(noise.spectrum) < 0.05
    assert abs(noise.geometry) < 0.02
    assert noise.geometry_raw > noise.geometry


def test_long_words_need_the_null():
    one_hot, truth = letters_and_truth()
    ladder = [score(noisy(truth, level), one_hot, k=6) for level in LADDER]
    assert ladder[-1].spectrum_raw > ladder[0].spectrum_raw  # raw, noise looks more consistent than truth
    assert (np.diff([s.spectrum for s in ladder[:-1]]) < 0).all()
    # noise leaves 570 words for 4,096 bins
    assert abs(score(noise_maps(len(truth), seed=2), one_hot, k=6).spectrum) < 0.1


def test_published_axes_have_a_noise_floor():
    one_hot, _ = letters_and_truth(1000)
    noise = score(
        noise_maps(1000, seed=3), one_hot, basis="published", retained=0.99, wrap=True, null_draws=5
    )
    assert noise.geometry_raw == pytest.approx(0.18, abs=0.01)
    assert abs(noise.geometry) < 0.01


def test_scale_and_common_shift_do_not_matter():
    one_hot, truth = letters_and_truth(300)
    maps = noisy(truth, 0.5)
    rng = np.random.default_rng(1)
    moved = maps * rng.uniform(0.1, 9, size=(300, 1, 1)) + rng.normal(size=(300, 1, 100))
    before, after = score(maps, one_hot), score(moved, one_hot)
    assert after.spectrum_raw == pytest.approx(before.spectrum_raw, abs=1e-9)
    assert after.geometry_raw == pytest.approx(before.geometry_raw, abs=1e-9)


def test_single_precision_is_enough():
    one_hot, truth = letters_and_truth(300)
    exact, rounded = score(truth, one_hot), score(truth.astype(np.float32), one_hot)
    assert rounded.spectrum_raw == pytest.approx(exact.spectrum_raw, abs=1e-3)
    assert rounded.geometry_raw == pytest.approx(exact.geometry_raw, abs=1e-3)


def test_reverse_complement_changes_little_with_orthonormal_axes():
    one_hot, truth = letters_and_truth(1000)
    maps = noisy(truth, 0.25)

    for retained in (0.1, 0.99):
        forward = score(maps, one_hot, retained=retained)
        backward = score(maps[:, ::-1, ::-1], one_hot[:, ::-1, ::-1], retained=retained)
        assert backward.geometry_raw == pytest.approx(forward.geometry_raw, abs=0.03)


def test_broken_maps_are_counted_and_nothing_is_misaligned():
    one_hot, truth = letters_and_truth(300)
    maps = noisy(truth, 0.5)
    broken = maps.copy()
    broken[0] = 0
    broken[7, 2, 50] = np.nan
    got, clean = score(broken, one_hot), score(maps, one_hot)
    assert (got.n_sequences, got.n_zero, got.n_not_finite, got.status) == (300, 1, 1, "ok")
    kept = np.delete(np.arange(300), [0, 7])
    without = score(maps[kept], one_hot[kept])
    assert got.geometry_raw == pytest.approx(without.geometry_raw, abs=1e-12)
    assert got.n_words == without.n_words
    # the prior is that of all sequences, so that models stay comparable
    assert got.spectrum_raw == pytest.approx(clean.spectrum_raw, abs=0.02)


def test_no_usable_map_gives_no_score_but_a_reason():
    one_hot, _ = letters_and_truth(300)
    got = score(np.zeros((300, 4, 100)), one_hot, resamples=10)
    assert np.isnan([got.spectrum, got.geometry, got.spectrum_se, got.geometry_se]).all()
    assert got.status == "no map to score: every one is zero or not finite"
    peaks = np.zeros((300, 4, 100))
    peaks[:, 0, 50] = 1
    got = score(peaks, one_hot, k=6, resamples=10)
    assert got.status == "no block of 6 important positions in any map"
    assert np.isnan(got.spectrum) and got.geometry_raw > 1


def test_a_decoy_is_consistent_although_it_is_wrong():
    one_hot, truth = letters_and_truth(1000)
    c = one_hot[:, 1]
    ccc = c[:, :-2] * c[:, 1:-1] * c[:, 2:]
    lit = np.zeros_like(truth)
    for offset in range(3):
        lit[:, 1, offset : offset + 98] += ccc
    decoy = scaled(np.minimum(lit, 1) + 0.01 * noise_maps(1000, seed=4))
    assert score(decoy, one_hot).geometry > 1.5 * score(truth, one_hot).geometry


def test_the_standard_error_is_the_spread_over_fresh_sequences():
    one_hot, truth = letters_and_truth()
    maps = noisy(truth, 0.5)
    parts = [score(maps[i::8], one_hot[i::8], null_draws=1) for i in range(8)]
    once = score(maps[::8], one_hot[::8], null_draws=1, resamples=200)
    assert once.geometry_se == pytest.approx(np.std([p.geometry_raw for p in parts], ddof=1), rel=0.8)
    assert once.spectrum_se == pytest.approx(np.std([p.spectrum_raw for p in parts], ddof=1), rel=0.8)


def test_cropping_leaves_out_the_ends():
    one_hot, truth = letters_and_truth(300)
    disturbed = truth.copy()
    disturbed[:, :, :15] = 100 * noise_maps(300, seed=5, length=15)
    inner = slice(15, 85)
    assert score(disturbed, one_hot, crop=15) == score(truth[:, :, inner], one_hot[:, :, inner])


def test_the_same_seed_gives_the_same_scores_and_another_one_other_nulls():
    one_hot, truth = letters_and_truth(200)
    assert score(truth, one_hot, resamples=5) == score(truth, one_hot, resamples=5)
    other = score(truth, one_hot, seed=2)
    assert other.geometry_raw == score(truth, one_hot).geometry_raw
    assert other.geometry_null != score(truth, one_hot).geometry_null


def test_many_models_make_a_table(tmp_path):
    one_hot, truth = letters_and_truth(200)
    maps = {"a": truth, "b": noisy(truth, 2), "dead": np.zeros_like(truth)}
    table = score_models(maps.items(), one_hot, method="saliency", resamples=5)
    assert table["model_id"].tolist() == ["a", "b", "dead"]
    assert table["consistency_geometry"].isna().tolist() == [False, False, True]
    assert table.loc[0, "consistency_geometry_raw"] == score(truth, one_hot).geometry_raw
    write_table(table, tmp_path / "t.parquet", "consistency_scores")
    assert len(read_table(tmp_path / "t.parquet", "consistency_scores")) == 3


@pytest.mark.parametrize(
    "options, text",
    [
        ({"crop": 50}, "crop: 50 positions at either end leave nothing of 100"),
        ({"null_draws": 0}, "null_draws: got 0"),
        ({"resamples": -1}, "resamples: got -1"),
        ({"basis": "x"}, "basis"),
    ],
)
def test_options_out_of_range(options, text):
    one_hot, truth = letters_and_truth(50)
    with pytest.raises(SeqauditError, match=text):
        score_consistency(truth, one_hot, **options)


def test_errors_name_the_model():
    one_hot, truth = letters_and_truth(50)
    with pytest.raises(SeqauditError, match=r"model 'b': one_hot: got shape"):
        score_models([("a", truth), ("b", truth[:10])], one_hot, method="saliency", resamples=0)
    with pytest.raises(SeqauditError, match="'a' comes twice"):
        score_models([("a", truth), ("a", truth)], one_hot, method="saliency", resamples=0)
    with pytest.raises(SeqauditError, match="no model given"):
        score_models([], one_hot, method="saliency")

"""Scores against the truth: values by hand, scipy-free references, and agreement between seeds."""

import numpy as np
import pandas as pd
import pytest
from attribution_world import MOTIFS, both_motif_sequences, law, letters_and_truth, noise_maps, scaled

from seqaudit.data.tables import read_table, write_table
from seqaudit.errors import SeqauditError
from seqaudit.inference.attribution_scores import (
    _log10_snr,
    _ranking,
    score_truth,
    score_truth_of_models,
    seed_stability,
)
from seqaudit.inference.consistency import score_consistency
from seqaudit.simulate.attribution_truth import occupancy_log_odds, site_masks


def truth(n=1000):
    table = both_motif_sequences().head(n)
    masks = site_masks(law(), table["sequence"], table["embeddings"], MOTIFS)
    return {
        "mutagenesis": letters_and_truth(n)[1],
        "log_odds": occupancy_log_odds(law(), table["sequence"]),
        **masks._asdict(),
    }


def test_ranking_by_hand():
    # descending: signal, background, signal; ties share
    values = np.array([[5.0, 4, 3, 9], [1, 1, 1, 9]])
    signal = np.array([[True, False, True, False]] * 2)
    background = np.array([[False, True, False, False]] * 2)
    auroc, precision = _ranking(values, signal, background)
    assert auroc == pytest.approx([0.5, 0.5])
    assert precision == pytest.approx([(1 + 2 / 3) / 2, 2 / 3])


def ranking_by_thresholds(values, signal, background):
    """ROC area by trapezoids and average precision by steps, threshold by threshold."""
    true, false = values[signal], values[background]
    points, precision, recall = [(0.0, 0.0)], 0.0, 0.0
    for threshold in np.unique(values[signal | background])[::-1]:
        hits, alarms = (true >= threshold).mean(), (false >= threshold).mean()
        points.append((alarms, hits))
        share = (true >= threshold).sum() / ((true >= threshold).sum() + (false >= threshold).sum())
        precision += share * (hits - recall)
        recall = hits
    x, y = np.array(points).T
    return np.trapezoid(y, x), precision


@pytest.mark.parametrize("seed", range(4))
def test_ranking_equals_a_walk_over_thresholds(seed):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(5, 40)).round(1)
    kind = rng.integers(3, size=values.shape)
    auroc, precision = _ranking(values, kind == 0, kind == 1)
    for row in range(5):
        expected = ranking_by_thresholds(values[row], kind[row] == 0, kind[row] == 1)
        assert (auroc[row], precision[row]) == pytest.approx(expected)


def test_signal_to_noise_by_hand():
    values = np.concatenate([[8.0, 12], np.full(10, 1.0), np.full(5, 0.5), [100]])[None]
    signal = np.zeros(values.shape, dtype=bool)
    signal[0, :2] = True
    background = ~signal
    background[0, -1] = False
    assert _log10_snr(values, signal, background) == pytest.approx([1.0])
    # nothing in the background: the floor is a hundredth of the root mean square
    clean = values * signal
    size = np.sqrt((64 + 144) / 17)
    assert _log10_snr(clean, signal, background) == pytest.approx([np.log10(10 / (0.01 * size))])
    assert np.isfinite(_log10_snr(-values, signal, background)).all()


def test_levels_of_true_maps():
    # published sequences gave 0.773 and 0.655 for mutagenesis, 0.902 and 0.887 for log-odds
    known = truth()
    one_hot = letters_and_truth(1000)[0]
    found = score_truth(known["mutagenesis"], one_hot, **known)
    assert (found.auroc, found.aupr) == pytest.approx((0.773, 0.655), abs=0.02)
    assert found.cosine == pytest.approx(1)
    found = score_truth(known["log_odds"], one_hot, **known)
    assert (found.auroc, found.aupr) == pytest.approx((0.902, 0.887), abs=0.02)
    assert found.cosine_log_odds == pytest.approx(1)


def test_every_score_falls_with_noise_and_the_cosine_as_algebra_says():
    known = truth(500)
    one_hot, maps = letters_and_truth(500)
    ladder = [
        score_truth(maps + level * noise_maps(500, seed=1), one_hot, **known) for level in (0, 0.5, 1, 2, 8)
    ]
    for name in ("auroc", "aupr", "log10_snr", "cosine", "cosine_log_odds"):
        assert (np.diff([getattr(scores, name) for scores in ladder]) < 0).all(), name
    assert ladder[2].cosine == pytest.approx(1 / np.sqrt(2), abs=0.01)
    assert ladder[3].cosine == pytest.approx(1 / np.sqrt(5), abs=0.01)


def test_a_decoy_that_is_consistent_is_seen_to_be_wrong():
    known = truth()
    one_hot, true_maps = letters_and_truth(1000)
    c = one_hot[:, 1]
    lit = np.zeros_like(true_maps)
    for offset in range(3):
        lit[:, 1, offset : offset + 98] += c[:, :-2] * c[:, 1:-1] * c[:, 2:]
    decoy = scaled(np.minimum(lit, 1) + 0.01 * noise_maps(1000, seed=4))
    found = score_truth(decoy, one_hot, **known)
    base_rate = known["signal"].sum() / (known["signal"] | known["background"]).sum()
    assert found.aupr == pytest.approx(base_rate, abs=0.04)
    assert abs(found.cosine) < 0.1
    plain = score_consistency(true_maps, one_hot, resamples=0)
    assert score_consistency(decoy, one_hot, resamples=0).geometry > plain.geometry


def test_unusable_maps_are_left_out_and_counted():
    known = truth(100)
    one_hot, maps = letters_and_truth(100)
    broken = maps.copy()
    broken[3], broken[5, 0, 0] = 0, np.nan
    found = score_truth(broken, one_hot, **known)
    assert found.n_scored == 98
    assert found.cosine == pytest.approx(1)
    nothing = score_truth(np.zeros_like(maps), one_hot, **known)
    assert nothing.n_scored == 0 and np.isnan(nothing.auroc)


def test_many_models_make_a_table(tmp_path):
    known = truth(100)
    one_hot, maps = letters_and_truth(100)
    table = score_truth_of_models(
        {"a": maps, "b": noise_maps(100, 1)}.items(), one_hot, method="ism", **known
    )
    write_table(table, tmp_path / "t.parquet", "attribution_scores")
    read = read_table(tmp_path / "t.parquet", "attribution_scores")
    assert read.loc[0, "truth_cosine"] == pytest.approx(1) and read["n_scored"].tolist() == [100, 100]
    with pytest.raises(SeqauditError, match="no model given"):
        score_truth_of_models([], one_hot, method="ism", **known)


def test_agreement_of_seeds():
    _, maps = letters_and_truth(100)
    a, b = noise_maps(100, 1), noise_maps(100, 2)
    made = {"a1": maps, "a2": 3 * maps + 1, "b1": maps + a, "b2": maps + b, "c": maps}
    stability = seed_stability(made, {"a1": "a", "a2": "a", "b1": "b", "b2": "b", "c": "c"})
    assert isinstance(stability, pd.Series) and stability.index.tolist() == list(made)
    assert stability[["a1", "a2"]].tolist() == pytest.approx([1, 1])
    assert stability[["b1", "b2"]].tolist() == pytest.approx([0.5, 0.5], abs=0.02)
    assert np.isnan(stability["c"])


def test_agreement_of_three_is_the_mean_over_the_other_two():
    _, maps = letters_and_truth(50)
    made = {"x": maps, "y": maps.copy(), "z": -maps}
    broken = maps.copy()
    broken[7] = np.nan
    made["y"] = broken  # one sequence is left out of its pairs
    assert seed_stability(made, dict.fromkeys(made, "cell")).tolist() == pytest.approx([0, 0, -1])


def test_bad_input_is_refused():
    known = truth(50)
    one_hot, maps = letters_and_truth(50)
    with pytest.raises(SeqauditError, match=r"signal: got shape \(50, 99\), expected \(50, 100\)"):
        score_truth(maps, one_hot, **{**known, "signal": known["signal"][:, 1:]})
    with pytest.raises(SeqauditError, match="mutagenesis: got shape"):
        score_truth(maps, one_hot, **{**known, "mutagenesis": maps[:3]})
    with pytest.raises(SeqauditError, match="no design for model 'b'"):
        seed_stability({"a": maps, "b": maps}, {"a": 1})
    with pytest.raises(SeqauditError, match="maps: got shape"):
        seed_stability({"a": maps, "b": maps[:3]}, {"a": 1, "b": 1})

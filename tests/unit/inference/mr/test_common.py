"""Inputs, limits and statuses that all methods share."""

import pickle

import numpy as np
import pytest
from mr_made_up import SIX, loci
from scipy import stats

from seqaudit.errors import SeqauditError
from seqaudit.inference import mr
from seqaudit.inference.mr import common
from seqaudit.inference.mr.common import MRResult, canonical_order, limits, reordered, usable_instruments


def test_an_instrument_with_a_missing_number_is_left_out():
    x, sx, y, sy = (np.tile(values, (4, 1)) for values in SIX)
    x[0, 2], sx[1, 2], y[2, 2], sy[3, 2] = np.nan, np.inf, -np.inf, np.nan
    ours = mr.ivw(x, sx, y, sy)
    five = mr.ivw(*(np.delete(values, 2) for values in SIX))
    np.testing.assert_array_equal(ours.b, np.repeat(five.b, 4))
    assert ours.n_instruments.tolist() == [5, 5, 5, 5]


@pytest.mark.parametrize(("name", "value"), [("sy", 0.0), ("sy", -0.02), ("sx", -0.01)])
def test_an_impossible_standard_error_refuses_the_locus(name, value):
    arrays = dict(zip(("x", "sx", "y", "sy"), (values.copy() for values in SIX)))
    arrays[name][0] = value
    ours = mr.ivw(*arrays.values())
    assert ours.status == ["invalid_se"]
    assert np.isnan(ours.b) and np.isnan(ours.f_statistic)
    used = np.arange(6) > 0  # unless the instrument is not used
    assert mr.ivw(*arrays.values(), used).status == ["ok"]


def test_shapes_have_to_agree():
    x, sx, y, sy = SIX
    with pytest.raises(SeqauditError, match=r"se_outcome has shape \(1, 5\), but beta_exposure has \(1, 6\)"):
        mr.ivw(x, sx, y, sy[:5])
    with pytest.raises(SeqauditError, match=r"beta_exposure has 3 dimensions, expected \(loci"):
        mr.ivw(np.zeros((2, 2, 2)), sx, y, sy)
    with pytest.raises(SeqauditError, match="beta_outcome cannot be read as float64 numbers"):
        mr.ivw(x, sx, ["much"] * 6, sy)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"distribution": "z"}, "distribution='z', expected one of 'normal', 't'"),
        ({"alpha": 1.5}, "alpha=1.5, expected a number between 0 and 1"),
        ({"model": "mixed"}, "model='mixed', expected one of 'default', 'fixed', 'random'"),
        ({"weights": "second"}, "weights='second', expected one of 'simple', 'delta'"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(SeqauditError, match=message):
        mr.ivw(*SIX, **options)


def test_counts_have_to_be_integers():
    with pytest.raises(SeqauditError, match="n_boot=1, expected an integer of at least 2"):
        mr.median(*SIX, n_boot=1)


def test_limits_are_those_of_the_reference_distributions():
    b, se, df = np.array([0.3, -2.0]), np.array([0.2, 0.5]), np.array([4, 9])
    low, high, pval = limits(b, se, alpha=0.1)
    np.testing.assert_allclose(low, b - stats.norm.ppf(0.95) * se)
    np.testing.assert_allclose(pval, 2 * stats.norm.sf(np.abs(b / se)))
    low, high, pval = limits(b, se, alpha=0.05, distribution="t", df=df)
    np.testing.assert_allclose(high, b + stats.t.ppf(0.975, df) * se)
    np.testing.assert_allclose(pval, 2 * stats.t.sf(np.abs(b / se), df))


def test_underdispersed_egger_takes_the_wider_t_or_normal_interval():
    b, se, df = np.full(3, 0.5), np.full(3, 0.2), np.full(3, 5)
    residual_se = np.array([0.5, 0.9, 2.0])
    low, _, pval = limits(b, se, alpha=0.05, distribution="t", df=df, residual_se=residual_se)
    z, t = stats.norm.ppf(0.975), stats.t.ppf(0.975, 5)
    np.testing.assert_allclose(low, 0.5 - 0.2 * np.array([z, 0.9 * t, t]))
    tail = [stats.norm.sf(2.5), stats.t.sf(2.5 / 0.9, 5), stats.t.sf(2.5, 5)]
    np.testing.assert_allclose(pval, 2 * np.array(tail))


def test_chunks_do_not_show(monkeypatch):
    effects = loci(0, 40, 10)
    whole = mr.egger(*effects)
    monkeypatch.setattr(common, "_CHUNK_ELEMENTS", 70)
    for one, other in zip(whole, mr.egger(*effects), strict=True):
        np.testing.assert_array_equal(one, other)


def test_canonical_order_puts_unused_last_and_ignores_coding():
    x, sx, y, sy = (np.tile(values, (2, 1)) for values in SIX)
    x[1], y[1] = -x[1], -y[1]
    used = np.array([[True, False, True, True, True, True]] * 2)
    data = usable_instruments(common.Effects(x, sx, y, sy, used))
    ordered = reordered(data, canonical_order(data))
    np.testing.assert_allclose(np.abs(ordered.x), [[0.10, 0.15, 0.22, 0.30, 0.31, 0.0]] * 2)
    assert ordered.used[:, -1].tolist() == [False, False]


def test_every_result_starts_with_the_common_fields():
    for method in mr.methods()["method"]:
        draws = {"n_draws": 100} if method == "presso" else {}
        ours = mr.estimate(*SIX, method=method, **draws)
        assert ours._fields[: len(MRResult._fields)] == MRResult._fields
        assert all(len(values) == 1 for values in ours)


@pytest.mark.parametrize("method", ["egger", "raps", "presso", "conmix"])
def test_results_survive_pickling(method):
    ours = mr.estimate(*SIX, method=method)
    again = pickle.loads(pickle.dumps(ours))
    assert type(again) is type(ours) and again.b == ours.b


def test_estimate_names_what_it_knows():
    with pytest.raises(SeqauditError, match="unknown method 'eger', expected one of ivw, ivw_fixed"):
        mr.estimate(*SIX, method="eger")
    with pytest.raises(SeqauditError, match=r"method 'egger' does not know the option: .*'weights'"):
        mr.estimate(*SIX, method="egger", weights="delta")
    assert mr.estimate(*SIX, method="egger", distribution="t").b == mr.egger(*SIX).b


def test_the_table_of_methods_is_complete():
    table = mr.methods()
    assert table.columns.tolist() == ["method", "label", "min_instruments", "assumptions", "source"]
    assert table["method"].is_unique and table["label"].is_unique
    assert (table[["label", "assumptions", "source"]] != "").all(axis=None)

"""What must hold for every method: invariances, equivariances, batches, masks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mr_made_up import loci

from seqaudit.inference import mr

METHODS = mr.methods()["method"].tolist()
BOOTSTRAPPED = ("median", "mode", "presso")
NUMBERS = ("b", "se", "ci_low", "ci_high", "pval", "q", "intercept", "intercept_se", "tau2", "f_statistic")
seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=4, deadline=None, derandomize=True, database=None)


def answer(effects, method, used=None):
    draws = {"presso": {"n_draws": 100}, "median": {"n_boot": 20}, "mode": {"n_boot": 20}}
    return mr.estimate(*effects, used, method=method, **draws.get(method.split("_")[0], {}))


def assert_same(one, other, *, factor=1.0, rows=slice(None), rtol=1e-6):
    """The same statuses and numbers; ``factor`` is what the second one's unit was multiplied by."""
    assert one.status[rows].tolist() == other.status.tolist()
    powers = {"b": 1, "se": 1, "ci_low": 1, "ci_high": 1}
    for name in NUMBERS:
        if factor != 1 and name in ("intercept", "intercept_se", "tau2"):
            continue
        mine, theirs = getattr(one, name)[rows], getattr(other, name) / factor ** powers.get(name, 0)
        unit = np.nan_to_num(np.abs(mine)).max(initial=1e-12)
        np.testing.assert_allclose(theirs, mine, rtol=rtol, atol=1e-9 * unit, err_msg=name)


@pytest.mark.parametrize("method", METHODS)
@given(seed=seeds)
@few
def test_order_and_coding_of_instruments_do_not_matter(method, seed):
    effects = loci(seed, 3, 9, outliers=0.1)
    rng = np.random.default_rng(seed)
    order, sign = rng.permutation(9), rng.choice([-1, 1], 9)
    x, sx, y, sy = (values[:, order] for values in effects)
    assert_same(answer(effects, method), answer((sign * x, sx, sign * y, sy), method))


@pytest.mark.parametrize("method", METHODS)
@given(seed=seeds, exposure=st.sampled_from([1e-6, 3.0, 1e5]), outcome=st.sampled_from([1e-5, 0.25, 1e6]))
@few
def test_units_of_exposure_and_outcome_only_rescale(method, seed, exposure, outcome):
    x, sx, y, sy = loci(seed, 2, 8, outliers=0.1)
    rescaled = (exposure * x, exposure * sx, outcome * y, outcome * sy)
    assert_same(answer((x, sx, y, sy), method), answer(rescaled, method), factor=outcome / exposure)


@pytest.mark.parametrize("method", [m for m in METHODS if not m.startswith(BOOTSTRAPPED)])
@given(seed=seeds)
@few
def test_a_flipped_outcome_flips_the_effect(method, seed):
    x, sx, y, sy = loci(seed, 2, 8)
    one, other = answer((x, sx, y, sy), method), answer((x, sx, -y, sy), method)
    np.testing.assert_allclose(other.b, -one.b, rtol=1e-6)
    np.testing.assert_allclose(other.ci_low, -one.ci_high, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(other.pval, one.pval, rtol=1e-5)


@pytest.mark.parametrize("method", METHODS)
@given(seed=seeds)
@few
def test_masked_and_missing_instruments_never_matter(method, seed):
    effects = loci(seed, 3, 7)
    rng = np.random.default_rng(seed)
    place = np.sort(rng.choice(11, 7, replace=False))
    wide = [rng.choice([np.nan, np.inf, 0.0, -1.0, 1e12], (3, 11)) for _ in effects]
    for values, own in zip(wide, effects):
        values[:, place] = own
    used = np.isin(np.arange(11), place)
    assert_same(answer(effects, method), answer(wide, method, np.tile(used, (3, 1))))
    missing = [np.where(used, values, np.nan) for values in wide]
    assert_same(answer(effects, method), answer(missing, method))


@pytest.mark.parametrize("method", METHODS)
@given(seed=seeds)
@few
def test_a_batch_is_its_loci_one_by_one_and_bad_loci_leak_nothing(method, seed):
    effects = [values.copy() for values in loci(seed, 6, 8, outliers=0.1)]
    effects[0][1] = 0.0  # no exposure effect
    effects[2][3, 2:] = np.nan  # two instruments left
    effects[3][4, 0] = 0.0  # an impossible standard error
    together = answer(effects, method)
    assert together.status[1] == "no_exposure_effect"
    assert together.status[4] == "invalid_se"
    for row in range(6):
        alone = answer([values[row] for values in effects], method)
        assert alone.b.shape == (1,)
        assert_same(together, alone, rows=slice(row, row + 1))
    blank = ~np.isin(together.status, ["ok", "zero_scale"])
    assert np.isnan(together.b[blank]).all()
    assert np.isnan(together.pval[blank]).all()


@pytest.mark.parametrize("method", ["maxlik", "raps_simple"])
@given(seed=seeds)
@few
def test_exchanging_exposure_and_outcome_inverts_the_effect(method, seed):
    x, sx, y, sy = loci(seed, 4, 12, effect=0.7, pleiotropy=0.0)
    np.testing.assert_allclose(
        answer((y, sy, x, sx), method).b, 1 / answer((x, sx, y, sy), method).b, rtol=1e-8
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_instruments_are_answered(method, n):
    ours = answer([values[:, :n] for values in loci(0, 2, 3)], method)
    least = mr.methods().set_index("method").loc[method, "min_instruments"]
    if n < least:
        assert ours.status.tolist() == ["too_few_instruments"] * 2
        assert np.isnan(ours.b).all()
    else:
        assert np.isfinite(ours.b[ours.status == "ok"]).all()
    assert ours.n_instruments.tolist() == [n, n]


@pytest.mark.parametrize("method", METHODS)
def test_no_loci_give_no_results(method):
    assert answer([np.empty((0, 5))] * 4, method).b.shape == (0,)


@pytest.mark.parametrize("method", METHODS)
def test_strong_valid_instruments_recover_the_effect(method):
    ours = answer(loci(3, 200, 30, effect=0.4, pleiotropy=0.0, strength=1.0), method)
    assert (ours.status == "ok").all()
    assert np.abs(np.median(ours.b) - 0.4) < 0.01
    inside = (ours.ci_low <= 0.4) & (ours.ci_high >= 0.4)
    if not method.startswith(("presso", "mode", "median")):  # a handful of draws here
        assert 0.85 < inside.mean() <= 1

"""Likelihood methods: maximum likelihood, RAPS, debiased IVW; and the LASSO."""

import numpy as np
import pytest
from mr_made_up import LOSSES as NAMES
from mr_made_up import SIX, loci
from scipy import integrate, optimize, stats

from seqaudit.inference import mr
from seqaudit.inference.mr.profile import LOSSES


def rho(name, t):
    if name == "huber":
        return np.where(np.abs(t) < 1.345, t**2 / 2, 1.345 * np.abs(t) - 1.345**2 / 2)
    if name == "tukey":
        return 4.685**2 / 6 * (1 - np.maximum(1 - (t / 4.685) ** 2, 0) ** 3)
    return t**2 / 2


def sum_of_losses(name, grid, x, sx, y, sy, tau2=0.0):
    grid = np.atleast_1d(grid)[:, None]
    return rho(name, (y - grid * x) / np.sqrt(sy**2 + tau2 + (grid * sx) ** 2)).sum(axis=1)


@pytest.mark.parametrize("name", NAMES)
def test_moments_of_the_losses(name):
    loss = LOSSES[name]

    def expected(function):
        return integrate.quad(
            lambda z: function(z) * stats.norm.pdf(z), -12, 12, points=[-4.685, -1.345, 1.345, 4.685]
        )[0]

    def psi(z):
        return float(loss.psi(np.array([z]))[0])

    np.testing.assert_allclose(loss.delta, expected(lambda z: z * psi(z)), rtol=1e-9)
    np.testing.assert_allclose(loss.c1, expected(lambda z: psi(z) ** 2), rtol=1e-9)
    np.testing.assert_allclose(loss.c2, expected(lambda z: (z * psi(z)) ** 2) - loss.delta**2, rtol=1e-9)
    np.testing.assert_allclose(
        loss.c3, expected(lambda z: z**2 * float(loss.slope(np.array([z]))[0])), rtol=1e-9
    )
    t = np.linspace(-6, 6, 41)
    np.testing.assert_allclose(loss.rho(t**2), rho(name, t), atol=1e-12)
    np.testing.assert_allclose(
        loss.psi(t), (loss.rho((t + 1e-6) ** 2) - loss.rho((t - 1e-6) ** 2)) / 2e-6, atol=1e-6
    )


@pytest.mark.parametrize("name", NAMES)
def test_simple_raps_is_the_lowest_point_of_a_dense_search(name):
    effects = loci(0, 60, 9, pleiotropy=0.08, outliers=0.5)
    ours = mr.raps(*effects, overdispersion=False, loss=name)
    for row, locus in enumerate(zip(*effects)):
        if ours.status[row] == "ok":
            grid = np.tan(np.linspace(-1.57, 1.57, 20_001))
            height = sum_of_losses(name, grid, *locus)
            here = sum_of_losses(name, ours.b[row], *locus)[0]
            assert here <= height.min() + 1e-9, row
    assert (ours.status == "ok").mean() > 0.9


def test_overdispersed_raps_solves_both_equations():
    effects = loci(1, 40, 25, pleiotropy=0.05)
    for name in NAMES:
        ours, loss = mr.raps(*effects, loss=name), LOSSES[name]
        x, sx, y, sy = effects
        v = sy**2 + ours.tau2[:, None] + (ours.b[:, None] * sx) ** 2
        t = (y - ours.b[:, None] * x) / np.sqrt(v)
        score = (sx**2 * (t * loss.psi(t) - loss.delta) / v).sum(axis=1)
        unit = (sx**2 / v).sum(axis=1)
        positive = ours.tau2 > 0
        np.testing.assert_allclose((score / unit)[positive], 0, atol=1e-7)
        assert (score[~positive] <= 1e-9).all() and positive.mean() > 0.9
        for row in range(0, 40, 8):
            locus = [values[row] for values in effects]
            nearby = ours.b[row] + np.linspace(-0.05, 0.05, 1001)
            height = sum_of_losses(name, nearby, *locus, tau2=ours.tau2[row])
            assert abs(nearby[height.argmin()] - ours.b[row]) <= 2e-4
        np.testing.assert_allclose(np.median(np.sqrt(ours.tau2)), 0.05, rtol=0.1)


def test_standard_errors_of_raps_are_those_of_repeated_data():
    effects = loci(2, 1500, 40, pleiotropy=0.03, strength=0.05)
    for name in NAMES:
        ours = mr.raps(*effects, loss=name)
        np.testing.assert_allclose(np.median(ours.se), ours.b.std(), rtol=0.07)
        np.testing.assert_allclose(np.median(ours.tau2_se), ours.tau2.std(), rtol=0.1)


def test_the_likelihood_of_noise_has_no_finite_maximum():
    rng = np.random.default_rng(0)
    ones = np.ones((200, 5))
    ours = mr.raps(
        0.1 * rng.normal(size=ones.shape),
        ones,
        5 * rng.normal(size=ones.shape),
        ones,
        loss="l2",
        overdispersion=False,
    )
    unbounded = ours.status == "no_finite_solution"
    assert unbounded.any() and np.isnan(ours.b[unbounded]).all()


def test_maximum_likelihood_profiles_out_the_true_effects():
    x, sx, y, sy = SIX

    def minus_log_likelihood(parameters):
        b, true = parameters[0], parameters[1:]
        return np.sum(((x - true) / sx) ** 2 + ((y - b * true) / sy) ** 2)

    everything = optimize.minimize(minus_log_likelihood, [0.5, *x], method="BFGS", options={"gtol": 1e-10})
    ours = mr.maxlik(*SIX, model="fixed")
    np.testing.assert_allclose(ours.b, everything.x[0], rtol=1e-6)
    np.testing.assert_allclose(ours.q, everything.fun, rtol=1e-9)
    step = 1e-3
    q = 2 * sum_of_losses("l2", ours.b[0] + np.array([-step, 0, step]), *SIX)
    np.testing.assert_allclose(ours.se, 1 / np.sqrt((q[0] - 2 * q[1] + q[2]) / step**2 / 2), rtol=1e-4)
    random = mr.maxlik(*SIX, model="random")
    np.testing.assert_allclose(random.se, ours.se * max(1, np.sqrt(ours.q[0] / 5)))


def test_debiased_ivw_by_its_formula_and_strong_instruments_make_it_ivw():
    x, sx, y, sy = SIX
    w = 1 / sy**2
    np.testing.assert_allclose(mr.divw(*SIX).b, np.sum(w * x * y) / np.sum(w * (x**2 - sx**2)))
    strong = (x, 1e-9 * sx, y, sy)
    for method in (mr.divw, mr.pivw):
        ours = method(*strong, overdispersion=False)
        np.testing.assert_allclose(ours.b, mr.ivw(*strong).b, rtol=1e-12)
        np.testing.assert_allclose(ours.se, mr.ivw(*strong, model="fixed").se, rtol=1e-9)
    np.testing.assert_allclose(mr.pivw(*SIX, penalty=0.0).b, mr.divw(*SIX).b)


def test_weak_instruments_bias_ivw_but_not_the_others():
    effects = loci(4, 1500, 60, strength=0.02, pleiotropy=0.0)
    bias = {
        name: np.median(mr.estimate(*effects, method=name).b) - 0.5
        for name in ("ivw", "divw", "pivw", "raps", "maxlik")
    }
    assert bias.pop("ivw") < -0.1
    assert max(map(abs, bias.values())) < 0.02


def lasso_effect(penalty, x, y, sy):
    """Causal effect of the LASSO by minimising its definition over effect and intercepts."""
    x, y, n = np.abs(x), np.where(x < 0, -y, y), len(x)
    b = x / sy
    design = np.diag(1 / sy) - np.outer(b, b / sy) / (b @ b)
    threshold = n * penalty * design.std(axis=0) * sy**2

    def height(effect):
        r = np.abs(y - effect * x)
        return np.sum(np.where(r <= threshold, r**2 / 2, threshold * (r - threshold / 2)) / sy**2)

    effect = optimize.minimize_scalar(height, bracket=(-1, 0.5, 2), tol=1e-12).x
    return np.abs(y - effect * x) <= threshold * (1 + 1e-6)


@pytest.mark.parametrize("row", range(8))
def test_lasso_keeps_the_instruments_without_intercept(row):
    x, sx, y, sy = (values[row] for values in loci(5, 8, 15, outliers=0.4))
    ours = mr.lasso(x, sx, y, sy)
    assert lasso_effect(ours.penalty[0], x, y, sy).tolist() == ours.valid[0].tolist()
    kept = ours.valid[0]
    ivw = mr.ivw(x[kept], sx[kept], y[kept], sy[kept], model="random")
    np.testing.assert_allclose([ours.b[0], ours.se[0]], [ivw.b[0], ivw.se[0]])
    assert ours.n_valid[0] == kept.sum()


def test_lasso_removes_gross_outliers():
    x, sx, y, sy = (values.copy() for values in loci(6, 50, 20, pleiotropy=0.0))
    y[:, :3] += 0.4
    ours = mr.lasso(x, sx, y, sy)
    assert not ours.valid[:, :3].any(axis=0).sum() > 2
    assert abs(np.median(ours.b) - 0.48) < 0.04

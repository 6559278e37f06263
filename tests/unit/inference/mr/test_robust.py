"""MM-regression against a slow search that shares no code with it, and its own equations."""

import numpy as np
import pytest
from mr_made_up import SIX, loci
from scipy.optimize import brentq

from seqaudit.inference import mr
from seqaudit.inference.mr.robust import mm_regression

S_TUNING, M_TUNING = 1.54764, 4.685061


def chi(u):
    return 1 - np.maximum(1 - (u / S_TUNING) ** 2, 0) ** 3


def slow_scale(residual, p):
    target = (len(residual) - p) / 2
    return brentq(lambda s: chi(residual / s).sum() - target, 1e-9, 1e3, xtol=1e-13)


def slow_s_step(design, y):
    """Smallest scale over long descents from every elemental fit."""
    n, p = design.shape
    best = (np.inf, None)
    starts = [(i,) for i in range(n)] if p == 1 else [(i, j) for i in range(n) for j in range(i)]
    for rows in map(list, starts):
        if abs(np.linalg.det(design[rows])) < 1e-9:
            continue
        coef = np.linalg.solve(design[rows], y[rows])
        for _ in range(200):
            residual = y - design @ coef
            scale = slow_scale(residual, p)
            weight = np.maximum(1 - (residual / (S_TUNING * scale)) ** 2, 0) ** 2
            new = np.linalg.lstsq(design * weight[:, None] ** 0.5, y * weight**0.5, rcond=None)[0]
            if np.abs(new - coef).max() < 1e-12:
                break
            coef = new
        best = min(best, (slow_scale(y - design @ coef, p), tuple(coef)))
    return best[0], np.array(best[1])


@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("seed", range(3))
def test_s_and_m_step_against_a_slow_search(columns, seed):
    x, _, y, sy = (values[0] for values in loci(seed, 1, 9, outliers=0.3))
    design = np.column_stack([np.sign(x), x])[:, 2 - columns :] / sy[:, None]
    scale, coef = slow_s_step(design, y / sy)
    for _ in range(300):
        weight = np.maximum(1 - ((y / sy - design @ coef) / (M_TUNING * scale)) ** 2, 0) ** 2
        coef = np.linalg.solve(design.T * weight @ design, design.T * weight @ (y / sy))
    ours = mm_regression([column[None] * sy for column in design.T], y[None], 1 / sy[None] ** 2)
    np.testing.assert_allclose(ours.residual_se[0], scale, rtol=1e-8)
    np.testing.assert_allclose(ours.coef[0], coef, rtol=1e-6, atol=1e-9)


def test_robustbase_lmrob():
    """R 4.2.2, robustbase 0.95-0, with 5000 resamples and tolerances of 1e-12."""
    ours = mr.egger(*SIX, robust=True)
    np.testing.assert_allclose(ours.b, 0.388975114138632, rtol=1e-9)
    np.testing.assert_allclose(ours.intercept, 0.022695609817671, rtol=1e-9)
    np.testing.assert_allclose(ours.residual_se, 1.2588378372292, rtol=1e-9)
    np.testing.assert_allclose(ours.se, 0.104258581357681, rtol=1e-8)  # the scale is above 1
    np.testing.assert_allclose(ours.intercept_se, 0.017533475961246, rtol=1e-8)


def test_gross_outliers_lose_all_influence():
    x, sx, y, sy = (values.copy() for values in loci(5, 3, 20, pleiotropy=0.0))
    y[:, :4] += 2.0
    one = mr.ivw(x, sx, y, sy, robust=True)
    y[:, :4] += 7.0
    np.testing.assert_allclose(mr.ivw(x, sx, y, sy, robust=True).b, one.b, rtol=1e-9)
    assert np.abs(one.b - 0.5).max() < 0.15
    assert np.abs(mr.ivw(x, sx, y, sy).b - 0.5).max() > 0.15


def test_loci_of_all_sizes_in_one_batch():
    sizes = np.array([3, 4, 7, 12, 13, 20, 33, 60])
    effects = loci(2, len(sizes), 60, outliers=0.1)
    used = np.arange(60) < sizes[:, None]
    together = mr.egger(*effects, used, robust=True)
    for row, n in enumerate(sizes):
        alone = mr.egger(*(values[row, :n] for values in effects), robust=True)
        np.testing.assert_allclose(together.b[row], alone.b[0], rtol=1e-8)
        np.testing.assert_allclose(together.se[row], alone.se[0], rtol=1e-7)


@pytest.mark.parametrize("exact", [6, 9, 12])
def test_a_majority_on_one_line_has_no_scale(exact):
    x, sx, y, sy = (values[0] for values in loci(4, 1, 12))
    y[:exact] = 0.3 * x[:exact]
    ours = mr.ivw(x, sx, y, sy, robust=True)
    if exact > 6:
        assert ours.status == ["zero_scale"] and ours.residual_se == 0
        np.testing.assert_allclose(ours.b, 0.3, rtol=1e-9)
        assert np.isnan(ours.se) and np.isnan(ours.pval)
    else:
        assert ours.status == ["ok"]


def test_se_is_fixed_or_random():
    fixed, random = (mr.ivw(*SIX, model=model, robust=True) for model in ("fixed", "random"))
    np.testing.assert_allclose(random.se, fixed.se * max(1, fixed.residual_se[0]))


def test_one_instrument_is_its_ratio():
    ours = mr.ivw([0.2], [0.01], [0.05], [0.02], robust=True)
    np.testing.assert_allclose([ours.b[0], ours.se[0]], [0.25, 0.1])

"""Compare MR estimates with MendelianRandomization, TwoSampleMR, mr.raps and refined solutions.

``check_method`` raises where an answer differs, and returns why where there is nothing to
compare. Tolerances are those recommended with the reference values (section 3 of their
description); a difference beyond them is accepted only where the answer here is provably the
better one, and then it is counted with that reason. Limits and p values of bootstrapped methods
follow from estimate and se and are not compared again.
"""

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

from seqaudit.inference import mr
from seqaudit.inference.mr.common import Effects, usable_instruments
from seqaudit.inference.mr.profile import LOSSES, objective

EXACT = 1e-9
INPUTS = ("beta_exposure", "se_exposure", "beta_outcome", "se_outcome")
FIELDS = {
    "estimate": "b",
    "se": "se",
    "ci_lower": "ci_low",
    "ci_upper": "ci_high",
    "pvalue": "pval",
    "rse": "residual_se",
    "q": "q",
    "q_df": "q_df",
    "q_pvalue": "q_pval",
    "f_stat": "f_statistic",
    "intercept": "intercept",
    "intercept_se": "intercept_se",
    "intercept_ci_lower": "intercept_ci_low",
    "intercept_ci_upper": "intercept_ci_high",
    "intercept_pvalue": "intercept_pval",
    "i2_gx": "i2_gx",
    "tau2": "tau2",
    "condition": "condition",
    "n": "n_instruments",
}
NO_RESULTS = {"status", "message", "warnings", "options", "model", "seed_range", "caution", "grid_step"}
ZERO_EFFECT = "R multiplies the outcome by sign(0) or divides by 0; ours keeps the outcome, and has no ratio"
NOT_USABLE = "R counts an instrument with a missing or infinite number; ours leaves it out"


class Case:
    """The input of one case, and our answers to it."""

    def __init__(self, case: dict):
        self.input = {name: numbers(case["input"][name]) for name in INPUTS}
        correlation = case["input"].get("correlation")
        self.correlation = None if correlation is None else np.array([numbers(row) for row in correlation])
        self.is_degenerate = case["family"] == "degenerate"
        self.n = len(self.input["beta_exposure"])
        x, sx, _, sy = self.input.values()
        self.is_complete = all(np.isfinite(values).all() for values in self.input.values())
        self.has_impossible_se = bool((sx < 0).any() or (sy <= 0).any())
        self.has_zero_effect = bool((x == 0).any())
        self.answer = functools.cache(self._answer)

    def _answer(self, function: Callable, **options):
        return function(**self.input, **options)

    def correlated(self, function: Callable, **options):
        return function(**self.input, correlation=self.correlation, **options)


class Check(NamedTuple):
    """How a method of the reference is compared."""

    compare: Callable
    """``compare(case, theirs, method) -> reason or None``"""
    zero_effect: bool = True
    """Whether R treats an exposure effect of exactly 0 as we do."""


def check_method(case: Case, theirs: dict, method: str) -> tuple[str | None, list[str]]:
    """Compare one method of one case.

    Returns
    -------
    str or None
        Why there was nothing to compare.
    list of str
        Columns of the reference that nothing here corresponds to.
    """
    check = CHECKS.get(method)
    if check is None:
        return "unknown method", []
    if isinstance(check, str):
        return check, []
    if theirs["status"] != "ok":
        return f"R stopped: {theirs.get('message', theirs['status'])}"[:70], []
    if case.has_impossible_se:
        return "a standard error of 0 or below: ours refuses the locus", []
    if not case.is_complete:
        return NOT_USABLE, []
    if case.has_zero_effect and not check.zero_effect:
        return ZERO_EFFECT, []
    try:
        outcome = check.compare(case, theirs, method)
    except NoNumber as reason:
        return str(reason), []
    except KeyError as missing:
        return f"the reference lacks {missing}", []
    return outcome if isinstance(outcome, tuple) else (outcome, [])


class NoNumber(Exception):
    """Ours answers a degenerate case with a status where R prints a number."""


def estimated(case: Case, ours):
    """Return the answer, which must be one unless the case is degenerate."""
    status = str(ours.status[0])
    if case.is_degenerate and status not in ("ok", "zero_scale", "not_converged"):
        raise NoNumber(f"R prints a number, ours the reason for none: {status}")
    return ours


# --- closed forms -------------------------------------------------------------------------------


def exact(function: Callable, *, tolerance: float = EXACT, skip: tuple[str, ...] = (), **options) -> Check:
    """A closed form: every column to rounding."""

    def compare(case: Case, theirs: dict, method: str):
        answer = case.answer if case.correlation is None else case.correlated
        ours = estimated(case, answer(function, **options))
        loose = tolerance if case.correlation is None else 1e-6
        unknown = []
        for column, wanted in theirs.items():
            if column in NO_RESULTS or column in skip or wanted is None:
                continue
            field = FIELDS.get(column)
            if field is None:
                unknown.append(column)
            else:
                same(column, getattr(ours, field)[0], value(wanted), loose, unit=float(ours.se[0]))
        return None, unknown

    return Check(compare, zero_effect=_same_rule_for_zero(function, options))


def _same_rule_for_zero(function: Callable, options: dict) -> bool:
    if function is mr.ivw:
        return not (options.get("penalized") or options.get("weights") == "delta")
    return function in (mr.divw, mr.pivw)


def same(column: str, ours, theirs: float, tolerance: float, *, unit: float = 0.0) -> None:
    """Assert equality; ``unit`` is the se, in which an estimate near 0 is known to rounding."""
    ours = float(ours)
    if math.isnan(theirs):
        return  # R has no number; whether ours is right shows elsewhere
    if math.isinf(theirs) and column != "f_stat" and column != "condition":
        return
    floor = 0.0
    if "pvalue" in column:
        tolerance, floor = max(100 * tolerance, 1e-7), 4e-16  # R computes 1 - Phi
    elif column in ("estimate", "ci_lower", "ci_upper") and math.isfinite(unit):
        floor = tolerance * unit
    elif column.startswith("intercept"):
        floor = tolerance * 1e-2
    elif column in ("rse", "q"):
        floor = 1e-11
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=floor, err_msg=column)


def _check_untruncated_ivw(case: Case, theirs: dict, method: str):
    ours = estimated(case, case.answer(mr.ivw, model="fixed"))
    same("estimate", ours.b[0], value(theirs["estimate"]), EXACT)
    if ours.residual_se[0] > 1e-6:
        same("se", ours.se[0] * ours.residual_se[0], value(theirs["se"]), EXACT)
    same("q", ours.q[0], value(theirs.get("q", "NA")), EXACT)
    return None, ["pvalue"]


def _check_twosamplemr_egger(case: Case, theirs: dict, method: str):
    ours = estimated(case, case.answer(mr.egger, distribution="t"))
    columns = ["estimate", "se", "intercept", "intercept_se", "q", "q_df", "q_pvalue"]
    if ours.residual_se[0] >= 1:  # below 1, MendelianRandomization's p value is the larger of two
        columns += ["pvalue", "intercept_pvalue"]
    for column in columns:
        same(column, getattr(ours, FIELDS[column])[0], value(theirs[column]), EXACT, unit=float(ours.se[0]))


# --- robust regression --------------------------------------------------------------------------


def precise_mm(function: Callable, **options) -> Check:
    """lmrob iterated to convergence: 1e-6 se, and 1e-5 of the se."""

    def compare(case: Case, theirs: dict, method: str):
        ours = case.answer(function, robust=True, **options)
        coef, cov_se = numbers(np.atleast_1d(theirs["coef"])), numbers(np.atleast_1d(theirs["cov_se"]))
        scale = value(theirs["scale"])
        if not np.isfinite(coef).all():
            return "R leaves the slope out"
        if ours.residual_se[0] < scale * (1 - 1e-6):
            return "R missed the optimum of the S scale"
        exact_fit = ours.status[0] == "zero_scale"
        pairs = [(ours.b[0], ours.se[0])]
        if function is mr.egger:
            pairs.insert(0, (ours.intercept[0], ours.intercept_se[0]))
        assert len(pairs) == len(coef)
        for (b, se), wanted, wanted_se in zip(pairs, coef, cov_se, strict=True):
            floor = 1e-9 if exact_fit else 1e-6 * wanted_se
            np.testing.assert_allclose(b, wanted, rtol=0, atol=floor, err_msg="coef")
            if not exact_fit:
                np.testing.assert_allclose(se * min(1, scale), wanted_se, rtol=1e-5, err_msg="cov_se")
        np.testing.assert_allclose(ours.residual_se[0], scale, rtol=1e-6, atol=1e-11, err_msg="scale")
        return None, ["s_coef"]

    return Check(compare, zero_effect=function is mr.ivw)


def default_mm(function: Callable, **options) -> Check:
    """lmrob as it comes: 1e-4, unless R missed the S optimum or did not converge."""

    def compare(case: Case, theirs: dict, method: str):
        ours = estimated(case, case.answer(function, **options))
        if ours.status[0] == "zero_scale":
            np.testing.assert_allclose(ours.b[0], value(theirs["estimate"]), atol=1e-9)
            return None
        try:
            unknown = _same_to_print(ours, theirs)
        except AssertionError:
            if ours.residual_se[0] < value(theirs["rse"]) * (1 - 1e-7):
                return "R missed the optimum of the S scale, or stopped before it"
            raise
        return None, unknown

    return Check(compare, zero_effect=function is mr.ivw and not options.get("penalized"))


def _same_to_print(ours, theirs: dict) -> list[str]:
    unknown, unit = [], value(theirs["se"])
    unit = unit if math.isfinite(unit) else float(ours.se[0])
    for column, wanted in theirs.items():
        field = FIELDS.get(column)
        if column in NO_RESULTS or math.isnan(value(wanted)):
            continue
        if field is None:
            unknown.append(column)
            continue
        tolerance, floor = 1e-4, 0.0
        if "pvalue" in column:
            tolerance, floor = 0.02, 1e-9
        elif column == "estimate" or column.startswith("ci_"):
            tolerance, floor = 0.0, 2e-4 * unit
        elif column == "intercept" or column.startswith("intercept_ci"):
            tolerance, floor = 0.0, 2e-4 * value(theirs["intercept_se"])
        got = float(getattr(ours, field)[0])
        np.testing.assert_allclose(got, value(wanted), rtol=tolerance, atol=floor, err_msg=column)
    return unknown


# --- ratios, bootstrapped -----------------------------------------------------------------------


def medians(draws: int, tolerance: float, **options) -> Check:
    def compare(case: Case, theirs: dict, method: str):
        wanted = value(theirs["estimate"])
        if math.isnan(wanted):
            return "R has no number"
        ours = estimated(case, case.answer(mr.median, n_boot=1000, **options))
        same("estimate", ours.b[0], wanted, EXACT, unit=float(ours.se[0]))
        same_bootstrap_se(case, mr.median, options, value(theirs["se"]), draws, tolerance)

    return Check(compare, zero_effect=False)


def modes(draws: int, **options) -> Check:
    def compare(case: Case, theirs: dict, method: str):
        wanted = value(theirs["estimate"])
        if math.isnan(wanted):
            return "R has no number"
        continuous = estimated(case, case.answer(mr.mode, n_boot=2, **options))
        grid = case.answer(mr.mode, n_boot=2, maximiser="grid", **options)
        ratio = case.input["beta_outcome"] / case.input["beta_exposure"]
        bandwidth = float(continuous.bandwidth[0])
        step = (np.ptp(ratio) + 6 * bandwidth) / 511
        np.testing.assert_allclose(grid.b[0], wanted, rtol=1e-6, atol=1.01 * step, err_msg="grid estimate")
        assert abs(continuous.b[0] - wanted) <= max(0.4 * bandwidth, step), "R's estimate"
        if "mode_continuous" in theirs:
            precise = value(theirs["mode_continuous"])
            np.testing.assert_allclose(
                continuous.b[0], precise, rtol=1e-6, atol=1e-7 * bandwidth, err_msg="mode"
            )
        if "bandwidth" in theirs:
            same("bandwidth", bandwidth, value(theirs["bandwidth"]), EXACT)
        same_bootstrap_se(case, mr.mode, options | {"maximiser": "grid"}, value(theirs["se"]), draws, 0.10)

    return Check(compare, zero_effect=False)


def same_bootstrap_se(
    case: Case, function, options: dict, theirs: float, draws: int, tolerance: float
) -> None:
    """Assert the tolerance, or five standard deviations of an se from as many draws as R made."""
    if not theirs > 0:
        return  # R has none
    ours = float(case.answer(function, n_boot=1000, **options).se[0])
    if abs(ours / theirs - 1) <= tolerance:
        return
    again = np.array(
        [function(**case.input, n_boot=draws, seed=seed, **options).se[0] for seed in range(1, 9)]
    )
    spread = again.std(ddof=1) * math.sqrt(1 + 1 / len(again))
    limit = max(tolerance * theirs, 5 * spread)
    assert abs(again.mean() - theirs) <= limit, f"se {again.mean():g} +- {spread:g}, R {theirs:g}"


# --- mixtures and selections --------------------------------------------------------------------


def _check_conmix(case: Case, theirs: dict, method: str):
    step = value(theirs["grid_step"])
    grid = estimated(case, case.answer(mr.conmix, grid_step=step))
    limits = np.stack([numbers(np.atleast_1d(theirs[side])) for side in ("ci_lower", "ci_upper")], axis=1)
    if not np.isfinite(limits).all():
        return "R has no limits"
    same("estimate", grid.b[0], value(theirs["estimate"]), EXACT, unit=1.0)
    same("psi", grid.psi[0], value(theirs["psi"]), EXACT, unit=1e-6)
    same("pvalue", grid.pval[0], value(theirs["pvalue"]), EXACT)
    found = grid.intervals[0][~np.isnan(grid.intervals[0][:, 0])]
    np.testing.assert_allclose(found, limits, rtol=0, atol=1e-9, err_msg="limits on the grid")
    assert (np.flatnonzero(grid.valid[0]) + 1).tolist() == np.atleast_1d(theirs["valid"]).tolist()

    ours = case.answer(mr.conmix)
    low, high = value(theirs["grid_min"]), value(theirs["grid_max"])
    exact_limits = ours.intervals[0][~np.isnan(ours.intervals[0][:, 0])]
    if not (low <= ours.b[0] <= high and exact_limits.min() >= low and exact_limits.max() <= high):
        return "compared on R's grid; the grid leaves out part of the exact solution"
    if abs(ours.b[0] - value(theirs["estimate"])) > step or len(exact_limits) != len(limits):
        return "compared on R's grid; the grid steps over a peak of the exact solution"
    np.testing.assert_allclose(exact_limits, limits, rtol=0, atol=1.001 * step, err_msg="exact limits")
    return None


def _check_lasso(case: Case, theirs: dict, method: str):
    ours = estimated(case, case.answer(mr.lasso))
    wanted = sorted(int(name.removeprefix("snp_")) - 1 for name in np.atleast_1d(theirs["valid"]))
    if np.flatnonzero(ours.valid[0]).tolist() != wanted:
        assert _zero_set(case, value(theirs["lambda"])) != wanted, "the valid instruments differ"
        return "glmnet stopped before convergence: its set is not that of its own penalty"
    assert ours.n_valid[0] == theirs["n_valid"]
    for column in ("estimate", "se", "ci_lower", "ci_upper", "pvalue"):
        same(column, getattr(ours, FIELDS[column])[0], value(theirs[column]), 1e-8, unit=float(ours.se[0]))
    if ours.residual_se[0] > 1e-6:
        same("lambda", ours.penalty[0], value(theirs["lambda"]), 1e-6)
    return None, ["reg_estimate"]


def _zero_set(case: Case, penalty: float) -> list[int]:
    """Instruments without direct effect in the LASSO at a penalty, from its definition."""
    x, _, y, sy = case.input.values()
    x, y = np.abs(x), np.where(x < 0, -y, y)
    b, n = x / sy, case.n
    design = np.diag(1 / sy) - np.outer(b, b / sy) / (b @ b)
    threshold = n * penalty * design.std(axis=0) * sy**2

    def pull(effect):
        return (x / sy**2) @ np.clip(y - effect * x, -threshold, threshold)

    ratio = (y / x)[x > 0]
    effect = brentq(pull, ratio.min() - 1e-9, ratio.max() + 1e-9, xtol=1e-14)
    return np.flatnonzero(np.abs(y - effect * x) <= threshold * (1 + 1e-9)).tolist()


# --- profile likelihood -------------------------------------------------------------------------


def _check_maxlik(case: Case, theirs: dict, method: str):
    ours = {model: estimated(case, case.answer(mr.maxlik, model=model)) for model in ("fixed", "random")}
    unit = value(theirs["se_fixed"])
    np.testing.assert_allclose(ours["fixed"].b[0], value(theirs["estimate"]), rtol=0, atol=1e-6 * unit)
    for model, result in ours.items():
        if math.isfinite(value(theirs[f"se_{model}"])):
            np.testing.assert_allclose(result.se[0], value(theirs[f"se_{model}"]), rtol=1e-6, err_msg=model)
    np.testing.assert_allclose(ours["fixed"].q[0], value(theirs["q"]), rtol=1e-9, atol=1e-9)


def simple_raps(loss: str) -> Check:
    def compare(case: Case, theirs: dict, method: str):
        ours = estimated(case, case.answer(mr.raps, overdispersion=False, loss=loss))
        refined = theirs.get("refined")
        unknown = [column for column in ("naive_se",) if column in theirs]
        b = float(ours.b[0])
        if refined is None:
            wanted = value(theirs["estimate"])
            lower = _objective(case, loss, b) < _objective(case, loss, wanted) - 1e-6
            assert lower or abs(b - wanted) <= 1e-2 * value(theirs["se"]), f"{b}, R {wanted}"
            return "compared with R only: no refined value", unknown
        unit = value(refined["se"])
        if abs(b - value(refined["estimate"])) > 1e-6 * unit:
            lower = _objective(case, loss, b) < value(refined["objective"]) - 1e-6
            assert lower, f"{b} is no better than {refined['estimate']}"
            np.testing.assert_allclose(
                b, value(refined["global_estimate"]), rtol=0, atol=1e-5 * float(ours.se[0])
            )
            return "R and its refinement stay in a local minimum; ours is their global one", unknown
        if math.isfinite(unit):
            np.testing.assert_allclose(ours.se[0], unit, rtol=1e-6, err_msg="se")
        np.testing.assert_allclose(ours.q[0], value(theirs["chi_sq"]), rtol=1e-6, atol=1e-9, err_msg="chi_sq")
        return None, unknown

    return Check(compare)


def overdispersed_raps(loss: str) -> Check:
    def compare(case: Case, theirs: dict, method: str):
        ours = estimated(case, case.answer(mr.raps, loss=loss))
        refined = theirs.get("refined")
        if ours.status[0] == "not_converged":
            gave_up = any("not converge" in text for text in np.atleast_1d(theirs.get("warnings", [])))
            assert gave_up or refined is None or refined["iterations"] >= 2000, "only ours does not converge"
            return "no common root of both scores: neither R nor ours converges"
        if refined is None:
            close = abs(ours.b[0] - value(theirs["estimate"])) <= 1e-2 * value(theirs["se"])
            assert close or case.is_degenerate, f"{ours.b[0]}, R {theirs['estimate']}"
            return "compared with R only: no refined value" if close else "R differs; no refined value"
        unit, typical = value(refined["se"]), np.median(case.input["se_outcome"] ** 2)
        try:
            np.testing.assert_allclose(ours.b[0], value(refined["estimate"]), rtol=0, atol=1e-5 * unit)
            np.testing.assert_allclose(ours.se[0], unit, rtol=1e-4, err_msg="se")
            tau2 = value(refined["tau2"])
            np.testing.assert_allclose(ours.tau2[0], tau2, rtol=0, atol=1e-4 * typical, err_msg="tau2")
            np.testing.assert_allclose(
                ours.tau2_se[0], value(refined["tau2_se"]), rtol=1e-3, err_msg="tau2_se"
            )
        except AssertionError:
            if refined["iterations"] >= 2000:
                return "the refinement did not converge; ours solves both equations"
            if abs(value(refined["global_estimate_given_tau2"]) - value(refined["estimate"])) > 1e-5 * unit:
                return "the refined value is a local minimum"
            raise

    return Check(compare)


def _objective(case: Case, loss: str, b: float) -> float:
    used = np.ones((1, case.n), dtype=bool)
    data = usable_instruments(Effects(*(values[np.newaxis] for values in case.input.values()), used))
    return float(objective(data, LOSSES[loss], np.array([b]))[0])


# --- a batch of loci ----------------------------------------------------------------------------

NO_BATCH_RESULTS = {"input", "stale_s_residuals_in_default", "s_optimum_missed"}
_BATCH = {
    # function, options, tolerance, least share of loci that agree
    "ivw": (mr.ivw, {"model": "random"}, EXACT, 1.0),
    "egger": (mr.egger, {}, EXACT, 1.0),
    "egger_robust": (mr.egger, {"robust": True}, 1e-4, 0.98),
    "egger_robust_precise": (mr.egger, {"robust": True}, 1e-5, 0.995),
}


def check_batch(content: dict, method: str) -> tuple[list[str], float, float]:
    """Compare all loci of a file, estimated in one call.

    Returns
    -------
    list of str
        Per locus '' or the reason for not agreeing; ``DIFFERS`` where that cannot be excused.
    float, float
        Share of loci that agree (for R's default robust fits: that agree or that R provably got
        wrong), and the least one that is acceptable.
    """
    loci = content["loci"]
    if method not in _BATCH:
        return ["unknown method"] * len(loci), 1.0, 0.0
    function, options, tolerance, least = _BATCH[method]
    width = max(len(locus["input"][INPUTS[0]]) for locus in loci)
    arrays = {name: np.full((len(loci), width), np.nan) for name in INPUTS}
    for row, locus in enumerate(loci):
        for name in INPUTS:
            arrays[name][row, : len(locus["input"][name])] = numbers(locus["input"][name])
    ours = function(**arrays, **options)
    names = content["columns"][method]
    names = content["columns"]["egger"] if isinstance(names, str) else names
    fields = [FIELDS[name.split()[0]] for name in names]
    got = np.stack([getattr(ours, field) for field in fields], axis=1)
    wanted = np.array([numbers(locus[method]) for locus in loci])
    unit = {"b": ours.se, "ci_low": ours.se, "ci_high": ours.se, "intercept": ours.intercept_se}
    size = np.stack([unit.get(field, np.abs(values)) for field, values in zip(fields, wanted.T)], axis=1)
    for column, field in enumerate(fields):
        if field == "pval":  # R rounds; and it moves by more than the estimate, in units of itself
            size[:, column] = 100 * wanted[:, column] + 4e-16 / tolerance
    agree = (np.abs(got - wanted) <= tolerance * size).all(axis=1)
    reasons = np.where(agree, "", "DIFFERS").astype(object)
    if options.get("robust"):
        scale = wanted[:, fields.index("residual_se")]
        stale = np.array([locus.get("stale_s_residuals_in_default", False) for locus in loci])
        reasons[~agree & stale & (method == "egger_robust")] = "R's se rests on stale S residuals"
        reasons[~agree & (ours.residual_se < scale * (1 - 1e-9))] = "R missed the optimum of the S scale"
    if method == "egger_robust":  # R's default fits: where it missed its own optimum it is no target
        agree = reasons != "DIFFERS"
        reasons[~agree] = "beyond 1e-4 of R's default fit"
    return reasons.tolist(), float(agree.mean()), least


# --- all methods of the reference ---------------------------------------------------------------

RANDOM, T = {"model": "random"}, {"distribution": "t"}
BOTH = {"robust": True, "penalized": True}
NOT_OFFERED = "not offered"
CHECKS = {
    "ivw_default": exact(mr.ivw),
    "ivw_fixed": exact(mr.ivw, model="fixed"),
    "ivw_random": exact(mr.ivw, **RANDOM),
    "ivw_random_t": exact(mr.ivw, **RANDOM, **T),
    "ivw_random_delta": exact(mr.ivw, **RANDOM, weights="delta"),
    "ivw_random_delta_psi0.3": exact(mr.ivw, **RANDOM, weights="delta", psi=0.3),
    "ivw_penalized": exact(mr.ivw, **RANDOM, penalized=True),
    "ivw_robust": default_mm(mr.ivw, **RANDOM, robust=True),
    "ivw_robust_fixed": default_mm(mr.ivw, model="fixed", robust=True),
    "ivw_robust_t": default_mm(mr.ivw, **RANDOM, robust=True, **T),
    "ivw_robust_penalized": default_mm(mr.ivw, **RANDOM, **BOTH),
    "egger": exact(mr.egger),
    "egger_t": exact(mr.egger, **T),
    "egger_penalized": exact(mr.egger, penalized=True),
    "egger_penalized_t": exact(mr.egger, penalized=True, **T),
    "egger_robust": default_mm(mr.egger, robust=True),
    "egger_robust_t": default_mm(mr.egger, robust=True, **T),
    "egger_robust_penalized": default_mm(mr.egger, **BOTH),
    "egger_robust_penalized_t": default_mm(mr.egger, **BOTH, **T),
    "lmrob_egger_high_precision": precise_mm(mr.egger),
    "lmrob_ivw_high_precision": precise_mm(mr.ivw, **RANDOM),
    "median_simple": medians(10_000, 0.05, weighting="simple"),
    "median_weighted": medians(10_000, 0.05),
    "median_penalized": medians(10_000, 0.05, weighting="penalized"),
    "mbe_weighted_delta": modes(1000),
    "mbe_weighted_simple": modes(1000, stderror="simple"),
    "mbe_unweighted": modes(1000, weighting="unweighted"),
    "mbe_phi0.5": modes(200, phi=0.5),
    "conmix": Check(_check_conmix, zero_effect=False),
    "conmix_step0.001": Check(_check_conmix, zero_effect=False),
    "divw": exact(mr.divw),
    "divw_no_overdispersion": exact(mr.divw, overdispersion=False),
    "pivw": exact(mr.pivw),
    "pivw_no_overdispersion": exact(mr.pivw, overdispersion=False),
    "lasso": Check(_check_lasso, zero_effect=False),
    "raps_simple_l2": simple_raps("l2"),
    "raps_simple_huber": simple_raps("huber"),
    "raps_simple_tukey": simple_raps("tukey"),
    "raps_overdispersed_l2": overdispersed_raps("l2"),
    "raps_overdispersed_huber": overdispersed_raps("huber"),
    "raps_overdispersed_tukey": overdispersed_raps("tukey"),
    "raps_overdispersed_huber_as_shipped": "mr.raps 0.4.2 as shipped is wrong: not a target",
    "raps_overdispersed_tukey_as_shipped": "mr.raps 0.4.2 as shipped is wrong: not a target",
    "raps_shrinkage_off_l2": "another estimator of tau2: not offered",
    "raps_shrinkage_off_huber": "another estimator of tau2: not offered",
    "raps_shrinkage_off_tukey": "another estimator of tau2: not offered",
    "maxlik_exact": Check(_check_maxlik),
    "maxlik_fixed": "R's search stops before the optimum: not a target",
    "maxlik_random": "R's search stops before the optimum: not a target",
    "maxlik_psi0.3": "R's search stops before the optimum: not a target",
    "twosamplemr_ivw": exact(mr.ivw, **RANDOM),
    "twosamplemr_ivw_mre": Check(_check_untruncated_ivw),
    "twosamplemr_ivw_fe": exact(mr.ivw, model="fixed"),
    "twosamplemr_wald_ratio": exact(mr.ivw, model="fixed"),
    "twosamplemr_egger_regression": Check(_check_twosamplemr_egger),
    "twosamplemr_simple_median": medians(1000, 0.05, weighting="simple"),
    "twosamplemr_weighted_median": medians(1000, 0.05, stderror="delta"),
    "twosamplemr_penalised_weighted_median": medians(1000, 0.05, weighting="penalized", stderror="delta"),
    "twosamplemr_simple_mode": modes(1000, weighting="unweighted"),
    "twosamplemr_weighted_mode": modes(1000),
    "twosamplemr_weighted_mode_nome": modes(1000, stderror="simple"),
    "twosamplemr_simple_mode_nome": modes(1000, weighting="unweighted", stderror="simple"),
    "twosamplemr_uwr": NOT_OFFERED,
    "twosamplemr_sign": NOT_OFFERED,
}


def numbers(values) -> np.ndarray:
    return np.array([value(entry) for entry in values], dtype=float)


def value(entry) -> float:
    """A number of the reference; NaN for R's missing values and where R returned several."""
    if isinstance(entry, list):
        entry = entry[0] if len(entry) == 1 else None
    return math.nan if entry is None or entry in ("NA", "NaN") else float(entry)

"""Compare the meta-analysis with metafor, meta and independent searches, method by method.

``check_method`` raises where an answer differs, and returns why where there is nothing to
compare: R stopped, R counts other studies, or the quantity is not offered.
"""

import functools
import math

import numpy as np

from seqaudit.inference.meta import random_effects

EXACT = 1e-9  # rounding: closed forms, and everything that follows from a given tau2
REFINED = 1e-6  # against R's iterations with a tight threshold
NEAR_ZERO = 1e-9  # tau2 in units of the typical variance, where R reports 0 or almost 0
PREDICTIONS = {"V": "V", "HTS": "HTS", "HK": "HK", "S": "normal"}

NOT_OFFERED = {
    "metagen_reml_kr": "Kenward-Roger is not offered",
    "metagen_dl_hk_adhoc_ci": "of the ad hoc corrections, only that of the standard error is offered",
    "metagen_dl_hk_adhoc_IQWiG6": "of the ad hoc corrections, only that of the standard error is offered",
}


def check_method(study: "Study", theirs: dict, method: str) -> str | None:
    """Compare one method of one case; None when it was compared, else the reason why not."""
    b, se = study.b, study.se
    if theirs["status"] != "ok":
        study.answer("REML", "normal")  # ours has to answer all the same
        return f"R stopped: {theirs.get('message', theirs['status'])}"
    if method in NOT_OFFERED:
        return NOT_OFFERED[method]
    if (se < 0).any():
        return "R squares a negative standard error; ours refuses the group"
    if method.startswith("metafor") and (se == 0).any():
        return "metafor keeps studies with a standard error of 0; ours, as meta, does not"
    if not method.startswith("profile_grid") and np.isinf(se).any():
        return "R counts a study with an infinite standard error; ours does not"
    if not method.startswith("profile_grid") and np.isinf(b).any():
        return "R counts a study with an infinite effect; ours does not"
    if method.startswith("profile_grid"):
        return _check_grid(study, theirs, method.rsplit("_", 1)[1].upper())
    if method == "metafor_qprofile":
        return _check_q_profile(study, theirs)
    if method.startswith("metagen"):
        return _check_metagen(study, theirs)
    return _check_metafor(study, theirs, method)


class Study:
    """The input of one case, and our answers to it."""

    def __init__(self, case: dict):
        self.b, self.se = (_numbers(case["input"][name]) for name in ("TE", "seTE"))
        self.usable = np.isfinite(self.b) & np.isfinite(self.se) & (self.se > 0)
        self.answer = functools.cache(self._answer)
        self.k = int(self.answer("FE").k)

    def _answer(self, tau2, ci: str = "normal", prediction: str = "HTS"):
        return random_effects(self.b, self.se, tau2=tau2, ci=ci, prediction=prediction)

    def typical_variance(self) -> float:
        w = 1 / self.se[self.usable] ** 2
        return (len(w) - 1) / (w.sum() - (w**2).sum() / w.sum())

    def is_higher(self, one: float, other: float, estimator: str) -> bool:
        """Whether the (restricted) profile likelihood at tau2 ``one`` exceeds that at ``other``."""

        def height(tau2):
            b, variance = self.b[self.usable], self.se[self.usable] ** 2 + tau2
            information = (1 / variance).sum()
            squares = ((b - (b / variance).sum() / information) ** 2 / variance).sum()
            penalty = np.log(information) if estimator == "REML" else 0.0
            return -0.5 * (np.log(variance).sum() + squares + penalty)

        return height(one) > height(other) + 1e-9


def _check_metafor(study: Study, theirs: dict, method: str) -> str | None:
    """``metafor_[precise_]<estimator>_<z|knha>`` and ``metafor_reml_adhoc``."""
    *_, estimator, test = method.split("_")
    ci = {"z": "normal", "knha": "hartung_knapp", "adhoc": "hartung_knapp_adhoc"}[test]
    prediction = "normal" if test == "z" else "HK"
    tau2, tolerance = estimator.upper(), EXACT
    if tau2 in ("REML", "ML", "EB", "PM"):
        tolerance = REFINED
        if "precise" not in method:
            # R's threshold is absolute (1e-5): its tau2 is no target, all that follows from it is
            tau2, tolerance = _value(theirs["tau2"]), EXACT
    ours = study.answer(tau2, ci, prediction)
    if tau2 in ("REML", "ML") and study.is_higher(float(ours.tau2), _value(theirs["tau2"]), tau2):
        return "R stopped below the maximum of the likelihood"
    wanted = {"b": "estimate", "se": "se", "ci_low": "ci_lower", "ci_high": "ci_upper", "pval": "pvalue"}
    if study.k > 1:
        wanted |= {"tau2": "tau2", "q": "q", "q_pval": "q_pvalue", "h2": "h2"}
        if estimator != "fe":
            wanted |= {"pi_low": "pi_lower", "pi_high": "pi_upper"}
        _same("i2", ours.i2, _value(theirs["i2_percent"]) / 100, tolerance, floor=NEAR_ZERO)
    for own, name in wanted.items():
        _same(own, getattr(ours, own), _value(theirs[name]), tolerance, floor=_floor(study, own))
    assert ours.k == theirs["k"]
    return None


def _check_metagen(study: Study, theirs: dict) -> None:
    """R's ``metagen``: common and random effect, Q, I2, H, prediction intervals."""
    options = theirs["options"]
    estimator = options["method_tau"]
    iterative = estimator in ("REML", "ML", "EB", "PM") and study.k > 1
    tau2 = _value(theirs["tau2"]) if iterative else estimator
    (random_ci,) = options["method_random_ci"]
    ci = "normal" if random_ci == "classic" else "hartung_knapp"
    if options["adhoc_hakn_ci"] == ["se"]:
        ci = "hartung_knapp_adhoc"
    common, pooled = study.answer("FE"), study.answer(tau2, ci)
    sides = {"b": "te", "se": "sete", "ci_low": "lower", "ci_high": "upper", "pval": "pval"}
    for ours, kind in ((common, "common"), (pooled, "random")):
        for own, name in sides.items():
            _same(f"{own} {kind}", getattr(ours, own), _value(theirs[f"{name}_{kind}"]), EXACT)
    others = {"tau2": "tau2", "q": "q", "q_df": "df_q", "q_pval": "pval_q", "i2_q": "i2", "k": "k"}
    for own, name in others.items():
        if study.k > 0:
            _same(own, getattr(pooled, own), _value(theirs[name]), EXACT, floor=_floor(study, own))
    _same("h", np.sqrt(pooled.h2_q), _value(theirs["h"]), EXACT)
    if study.k > 1:
        kinds = options["method_predict"]
        lower, upper = (np.atleast_1d(theirs[f"{side}_predict"]) for side in ("lower", "upper"))
        for kind, low, high in zip(kinds, lower, upper):
            if kind:
                # meta's HK prediction interval has the uncorrected Hartung-Knapp standard error
                further = study.answer(tau2, "normal", PREDICTIONS[kind])
                _same(f"pi_low {kind}", further.pi_low, _value(low), EXACT)
                _same(f"pi_high {kind}", further.pi_high, _value(high), EXACT)


def _check_q_profile(study: Study, theirs: dict) -> None:
    ours = study.answer("FE")
    for side in ("low", "high"):
        limit = getattr(ours, f"tau2_{side}")
        name = {"low": "lower", "high": "upper"}[side]
        floor = NEAR_ZERO * study.typical_variance()
        _same(f"tau2_{side}", limit, _value(theirs[f"tau2_{name}"]), REFINED, floor=floor)
        at_limit = study.answer(float(limit))
        _same(f"i2_{side}", at_limit.i2, _value(theirs[f"i2_{name}"]) / 100, REFINED, floor=NEAR_ZERO)
        _same(f"h2_{side}", at_limit.h2, _value(theirs[f"h2_{name}"]), REFINED)


def _check_grid(study: Study, theirs: dict, estimator: str) -> str | None:
    """An independent search of the likelihood, good to about 1e-4 of tau2 and 1e-5 of the se."""
    if theirs["tau2"] is None:
        return "no search was made"
    ours = study.answer(estimator)
    if study.is_higher(float(ours.tau2), _value(theirs["tau2"]), estimator):
        return "the search missed the maximum of the likelihood"
    floor = 1e-6 * study.typical_variance()
    _same("tau2", ours.tau2, _value(theirs["tau2"]), 1e-4, floor=floor)
    _same("b", ours.b, _value(theirs["estimate"]), 0, floor=1e-5 * _value(theirs["se"]))
    _same("se", ours.se, _value(theirs["se"]), 1e-4)
    assert ours.k == theirs["k_used"]
    return None


def _floor(study: Study, field: str) -> float:
    """Absolute tolerance of a field that may be 0."""
    return NEAR_ZERO * study.typical_variance() if field == "tau2" and study.k > 1 else 0.0


def _same(field: str, ours, theirs: float, tolerance: float, *, floor: float = 0.0) -> None:
    if field.startswith(("pval", "q_pval")):
        tolerance, floor = max(100 * tolerance, 1e-7), 1e-15
    elif field.startswith(("b", "ci_", "pi_")):
        floor = max(floor, tolerance * 1e-2 * abs(theirs)) if math.isfinite(theirs) else floor
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=floor, err_msg=field)


def _numbers(values) -> np.ndarray:
    return np.array([_value(value) for value in values], dtype=float)


def _value(value) -> float:
    return math.nan if value in ("NA", "NaN") else float(value)

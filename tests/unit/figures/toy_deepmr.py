"""A made DeepMR study with the shape of real result tables, for tests of figures and report.

Estimates differ from the truth by a bias and noise of known size, and scores are computed
from them, so that tables agree with each other as they do in a real run.
"""

import numpy as np
import pandas as pd
from scipy import stats

from seqaudit.data.schemas import SCHEMAS
from seqaudit.figures.deepmr_results import StudyResults, empty_table

# mean bias of the global effect (both motifs, gamma 10), its spread between rounds, standard error
# as stated, shift of sequences without the outcome motif, spread between loci, local standard error
QUALITY = {
    "corrected": {"bias": 0.03, "sd": 0.03, "se": 0.04, "leak": 0.0, "tau": 0.05, "local_se": 0.08},
    "published": {"bias": 0.6, "sd": 0.5, "se": 0.1, "leak": 2.6, "tau": 1.6, "local_se": 0.6},
}
METHODS = {
    "corrected": {"member_slope/mean": 1.0, "ivw/reml_hk": 1.1, "egger/reml_hk": 5.0, "raps/reml_hk": 1.1},
    "published": {"member_slope/mean": 0.8, "egger_published/reml": 1.0, "wald_mean/sd": 1.3},
}
HEADLINE = {"published": "egger_published/reml"}
SCENARIOS = ("unconfounded", "random", "sequence", "both")
PAIRS = (("GATA1", "TAL1"),)
FACTORS = ("Oct4", "Sox2", "Nanog", "Klf4")
ALL_PAIRS = tuple((x, y) for x in FACTORS for y in FACTORS if x != y)
_CLASSES = {"both": 240, "exposure_only": 235}


def toy_study(
    study: str = "cascade",
    *,
    scenarios: tuple[str, ...] = SCENARIOS,
    recipes: tuple[str, ...] = ("corrected", "published"),
    pairs: tuple[tuple[str, str], ...] = PAIRS,
    rounds: int = 12,
    known: bool = True,
    loci: int = 60,
    spacing: bool = True,
    seed: int = 1,
) -> StudyResults:
    """One study; ``known=False`` is measured data: one scenario without truth and without scores."""
    rng = np.random.default_rng(seed)
    made = {name: [] for name in ("effects", "local", "instruments", "calibration", "quality", "spacing")}
    worlds = []
    for scenario in scenarios:
        for number in range(1, rounds + 1):
            world = _world(study, scenario, number, rng)
            worlds.append(world)
            for recipe in recipes:
                identity = {
                    "ensemble": f"{study}.{scenario}.round_{number}.{recipe}",
                    "study": study,
                    "scenario": scenario,
                    "round": number,
                    "recipe": recipe,
                }
                made["effects"] += _effects(identity, pairs, world, known, rng)
                made["calibration"].append(_calibration(identity, pairs, rng))
                made["quality"] += _quality(identity, pairs, known, rng)
                if number == 1 and scenario == scenarios[0]:
                    for place, pair in enumerate(pairs):
                        local, instruments = _loci(identity, place, pair, world, known, loci, rng)
                        made["local"].append(local)
                        made["instruments"].append(instruments)
                        if spacing:
                            made["spacing"] += _spacing(identity, pair, world, known, rng)
    tables = {
        "effects": _table("deepmr_global", made["effects"]),
        "local": pd.concat(made["local"], ignore_index=True),
        "instruments": pd.concat(made["instruments"], ignore_index=True),
        "calibration": pd.concat(made["calibration"], ignore_index=True),
        "quality": _table("ensemble_quality", made["quality"]),
        "spacing": _table("deepmr_spacing", made["spacing"]),
    }
    tables["scores"] = _scores(tables["effects"], worlds) if known else empty_table("deepmr_scores")
    tables["rounds"] = _table("cascade_rounds", worlds) if known else empty_table("cascade_rounds")
    return StudyResults(study, **tables, headline=HEADLINE)


def toy_measured(**options) -> StudyResults:
    """Twelve ordered pairs of four factors, one ensemble, no truth."""
    return toy_study(
        "factors",
        **{
            "scenarios": ("none",),
            "recipes": ("corrected",),
            "pairs": ALL_PAIRS,
            "rounds": 1,
            "known": False,
            **options,
        },
    )


def toy_sweep(**options) -> StudyResults:
    """One scenario at several confounder strengths."""
    strengths = ("both_x0", "both_x0.25", "both_x0.5", "both", "both_x2", "sequence_x0.5", "sequence")
    return toy_study("sweep", **{"scenarios": strengths, "rounds": 6, **options})


def _strength(scenario: str) -> float:
    return float(scenario.split("_x")[1]) if "_x" in scenario else 1.0


def _world(study, scenario, number, rng) -> dict:
    high, kind, strength = number % 2 == 1, scenario.split("_x")[0], _strength(scenario)
    gamma = max(rng.normal(10 if high else 1, 0.5), 0.1)
    return {
        "study": study,
        "scenario": scenario,
        "round": number,
        "alpha": rng.normal(100, 3),
        "gamma": gamma,
        "gamma_cluster": "high" if high else "low",
        "eta": 20 * strength * (kind in ("sequence", "both")),
        "nu": 30 * strength * (kind in ("sequence", "both")),
        "tau_exposure": 25 * strength * (kind in ("random", "both")),
        "tau_outcome": 25 * strength * (kind in ("random", "both")),
        "confounder_probability": 0.5 * (kind in ("random", "both")),
        "seed": number,
    }


def _truth(world, sequence_class, pair_number=0) -> float:
    knocked_out = (np.sqrt(100 * world["gamma"] + 1) - 1) / 9.05
    share = {"both": 1.0, "exposure_only": 0.055, "all": 0.53}[sequence_class]
    return share * knocked_out * (1 + 0.15 * pair_number)


def _effects(identity, pairs, world, known, rng) -> list[dict]:
    quality, confounding = QUALITY[identity["recipe"]], 1 + 1.5 * _strength(identity["scenario"])
    confounding = confounding if identity["scenario"].startswith("both") else 1.0
    rows = []
    for number, (exposure, outcome) in enumerate(pairs):
        classes = {**(_CLASSES if known else {}), "all": sum(_CLASSES.values())}
        for sequence_class, k in classes.items():
            truth = _truth(world, sequence_class, number)
            scale = {"both": 1.0, "exposure_only": 0.5, "all": 0.7}[sequence_class] * truth / 3.26 + 0.1
            leak = quality["leak"] * {"both": 0.3, "exposure_only": 1, "all": 0.7}[sequence_class]
            for method, badness in METHODS[identity["recipe"]].items():
                error = (
                    scale * (quality["bias"] * confounding * badness + quality["sd"] * rng.normal()) + leak
                )
                se = quality["se"] * scale * (0.2 if "reml" in method else 1)
                tau = quality["tau"] * badness + (1.5 if known else 0.4) * (sequence_class == "all")
                coverage = float(
                    np.clip(rng.normal(0.95 if method == "member_slope/mean" else 0.7, 0.03), 0, 1)
                )
                rows.append(
                    {
                        **identity,
                        "exposure": exposure,
                        "outcome": outcome,
                        "sequence_class": sequence_class,
                        "method": method,
                        **_interval(truth + error, se, 4 if method == "member_slope/mean" else np.inf),
                        "pi_low": truth + error - 2 * np.hypot(tau, se),
                        "pi_high": truth + error + 2 * np.hypot(tau, se),
                        "tau": tau,
                        "q": 20.0 * k,
                        "i2": 0.95,
                        "k": int(0.93 * k),
                        "n_loci": k,
                        "estimand": "mean slope of effects on the outcome against effects on the exposure, "
                        "over loci",
                        "truth": truth if known else np.nan,
                        "local_coverage": coverage if known else np.nan,
                        "local_bias": error if known else np.nan,
                        "local_rmse": abs(error) + 0.1 if known else np.nan,
                        "pi_coverage": coverage if known else np.nan,
                        "status": "ok",
                    }
                )
    return rows


def _interval(b, se, df) -> dict:
    half = stats.t.ppf(0.975, df) * se
    p = 2 * stats.t.sf(abs(b) / se, df)
    return {
        "b": b,
        "se": se,
        "ci_low": b - half,
        "ci_high": b + half,
        "pval": p,
        "df": df if np.isfinite(df) else np.nan,
    }


def _scores(effects: pd.DataFrame, worlds: list[dict]) -> pd.DataFrame:
    clusters = pd.DataFrame(worlds)[["scenario", "round", "gamma_cluster"]]
    merged = effects.merge(clusters, on=["scenario", "round"])
    both = pd.concat([merged, merged.assign(gamma_cluster="all")])
    key = ["study", "scenario", "recipe", "exposure", "outcome", "sequence_class", "method", "gamma_cluster"]
    rows = []
    for values, rounds in both.groupby(key, sort=False):
        error, n = rounds["b"] - rounds["truth"], len(rounds)
        covered = int(((rounds["ci_low"] <= rounds["truth"]) & (rounds["truth"] <= rounds["ci_high"])).sum())
        wilson = stats.binomtest(covered, n).proportion_ci(method="wilson")
        rows.append(
            {
                **dict(zip(key, values)),
                "n_tried": n,
                "n_rounds": n,
                "truth": rounds["truth"].mean(),
                "se": rounds["se"].mean(),
                "tau": rounds["tau"].mean(),
                "bias": error.mean(),
                "relative_bias": error.mean() / rounds["truth"].mean(),
                "rmse": np.sqrt((error**2).mean()),
                "pearson_r2": np.corrcoef(rounds["b"], rounds["truth"])[0, 1] ** 2 if n > 2 else np.nan,
                "identity_r2": 1 - (error**2).mean() / rounds["truth"].var(ddof=0) if n > 2 else np.nan,
                "ci_coverage": covered / n,
                "ci_coverage_low": wilson.low,
                "ci_coverage_high": wilson.high,
                "tau_coverage": (error.abs() < 2 * rounds["tau"]).mean(),
                "pi_coverage": rounds["pi_coverage"].mean(),
                "local_coverage": rounds["local_coverage"].mean(),
                "local_bias": rounds["local_bias"].mean(),
                "local_rmse": np.sqrt((rounds["local_rmse"] ** 2).mean()),
                "retained": rounds["k"].sum() / rounds["n_loci"].sum(),
            }
        )
    return _table("deepmr_scores", rows)


def _loci(identity, number, pair, world, known, n, rng) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Local estimates of ``n`` loci by every method, and their instruments."""
    quality = QUALITY[identity["recipe"]]
    local, instruments = [], []
    for index in range(n):
        sequence_class = ("both" if index % 2 else "exposure_only") if known else "all"
        chance_site = abs(rng.normal(0, 0.4)) * (rng.random() < 0.2)
        spread = {"both": rng.normal(0, 0.05), "exposure_only": chance_site, "all": rng.normal(0, 0.4)}
        truth = _truth(world, sequence_class, number) + spread[sequence_class]
        leak = quality["leak"] * {"both": 0.3, "exposure_only": 1, "all": 0.7}[sequence_class]
        error = quality["bias"] * truth / 3 + leak + quality["local_se"] * rng.normal(0, 0.8)
        locus = f"test_{index:04d}"
        place = {
            "ensemble": identity["ensemble"],
            "locus_id": locus,
            "exposure": pair[0],
            "outcome": pair[1],
        }
        selected = int(rng.integers(12, 19)) if index % 15 else 2
        x = -np.abs(rng.normal(12, 3.5, 30))
        x[selected:] = rng.normal(0, 0.5, 30 - selected)
        y = (truth + error) * x + rng.normal(0, 0.9, 30)
        instruments.append(
            pd.DataFrame(
                {
                    **place,
                    "position": 40 + np.arange(30) // 3,
                    "ref": "T",
                    "alt": np.tile(list("ACG"), 10),
                    "beta_exposure": x,
                    "se_exposure": rng.uniform(0.3, 0.9, 30),
                    "beta_outcome": y,
                    "se_outcome": rng.uniform(0.5, 2.5, 30),
                    "covariance": 0.1,
                    "in_motif": True,
                    "selected": np.arange(30) < selected,
                    "true_beta_exposure": x if known else np.nan,
                    "true_beta_outcome": truth * x if known else np.nan,
                }
            )
        )
        for method, badness in METHODS[identity["recipe"]].items():
            usable = selected >= 3
            b = truth + error * badness + rng.normal(0, 0.01)
            se = quality["local_se"] * rng.uniform(0.6, 1.8) * (1 if method == "member_slope/mean" else 0.4)
            local.append(
                {
                    **identity,
                    **place,
                    "sequence_class": sequence_class if known else "unknown",
                    "method": method.split("/")[0],
                    **(_interval(b, se, 4) if usable else {}),
                    "n_mutations": 300,
                    "n_instruments": selected,
                    "q": 12.0,
                    "q_pval": 0.4,
                    "i2": 0.1,
                    "egger_intercept": 1.5 if method.startswith("egger") else np.nan,
                    "egger_intercept_pval": 0.5 if method.startswith("egger") else np.nan,
                    "f_statistic": 180.0,
                    "estimand": "slope of effects on the outcome against effects on the exposure",
                    "truth": truth if known else np.nan,
                    "status": "ok" if usable else "2 instruments, fewer than min_instruments = 3",
                }
            )
    return _table("deepmr_local", local), pd.concat(instruments, ignore_index=True)


def _calibration(identity, pairs, rng) -> pd.DataFrame:
    levels = np.round(np.arange(0.05, 0.96, 0.05), 2)
    narrow = {"corrected": 1.25, "published": 2.2}[identity["recipe"]] * rng.uniform(0.9, 1.1)
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "ensemble": identity["ensemble"],
                    "output": output,
                    "level": levels,
                    "observed_before": stats.norm.cdf(stats.norm.ppf(levels) / narrow + 0.05 * rng.normal()),
                    "observed_after": levels + rng.normal(0, 0.012, len(levels)),
                }
            )
            for output in _outputs(pairs)
        ],
        ignore_index=True,
    )


def _quality(identity, pairs, known, rng) -> list[dict]:
    worse = identity["recipe"] == "published"
    return [
        {
            **identity,
            "output": output,
            "members": 5,
            "epochs": rng.uniform(60, 100),
            "seconds": rng.uniform(100, 180),
            "test_r2": rng.uniform(0.7, 0.8) - 0.1 * worse,
            "test_r2_expected": rng.uniform(0.985, 0.998) - 0.08 * worse if known else np.nan,
            "effect_slope": rng.normal(1.005 + 0.15 * worse, 0.01) if known else np.nan,
            "effect_rmse": abs(rng.normal(0.8 + 4 * worse, 0.2)) if known else np.nan,
            "calibration_error_before": rng.uniform(0.03, 0.05) + 0.12 * worse,
            "calibration_error_after": rng.uniform(0.007, 0.012),
            "level_factor": rng.uniform(0.4, 1.2),
        }
        for output in _outputs(pairs)
    ]


def _spacing(identity, pair, world, known, rng) -> list[dict]:
    base = _truth(world, "both", ALL_PAIRS.index(pair) % 5 if pair in ALL_PAIRS else 0)
    rows = []
    for above, up_to in ((0, 35), (35, 70), (70, 150), (150, 1000)):
        missing = up_to == 1000 and pair[0] == "Oct4"
        b, se = base * (1 - up_to / 4000) * rng.normal(1, 0.05), rng.uniform(0.03, 0.09)
        rows.append(
            {
                **identity,
                "exposure": pair[0],
                "outcome": pair[1],
                "method": "member_slope/reml_hk",
                "spacing": f"{above} to {up_to}",
                "gap_above": above,
                "gap_up_to": up_to,
                **({} if missing else _interval(b, se, 30)),
                "tau": np.nan if missing else 0.3,
                "k": 0 if missing else int(rng.integers(8, 90)),
                "truth": base if known and not missing else np.nan,
                "status": "no locus of this spacing has a local estimate" if missing else "ok",
            }
        )
    return rows


def _outputs(pairs) -> list[str]:
    return list(dict.fromkeys(name for pair in pairs for name in pair))


def _table(schema: str, rows: list[dict]) -> pd.DataFrame:
    """Rows with all columns of a schema."""
    table = pd.DataFrame(rows).reindex(columns=[column.name for column in SCHEMAS[schema].columns])
    for column in SCHEMAS[schema].columns:
        if column.dtype == "float64":
            table[column.name] = table[column.name].astype(float)
    return table

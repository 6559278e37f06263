"""A small made world with the shape of real result tables, for tests of figures and report.

Models differ from the truth by a bias and noise; losses and tests are computed with scipy,
so that p-values, losses and interactions agree with each other as they do in a real run.
"""

import numpy as np
import pandas as pd
from scipy import stats

from seqaudit.data.schemas import SCHEMAS
from seqaudit.figures.results import PAIR_COLUMNS, DatasetResults, Effect

LENGTH = 100
WIDTHS = {"GATA1": 10, "TAL1": 16, "CRX": 8, "NRL": 11, "GFI1": 10, "RORB": 9, "MEF2D": 12}


def toy_motif(name: str) -> np.ndarray:
    """A peaked random matrix, (width, 4)."""
    rng = np.random.default_rng(sum(map(ord, name)))
    return rng.dirichlet([0.25] * 4, size=WIDTHS.get(name, 9))


def toy_dataset(
    dataset: str = "neg_valid",
    *,
    control: str | None = "negative",
    padding: str = "valid",
    motif_pairs: tuple[str, ...] = ("GATA1-TAL1",),
    archs: tuple[str, ...] = ("arch1", "arch2", "arch3"),
    l1s: tuple[float, ...] = (0.0, 1e-4),
    seeds: tuple[int, ...] = (100, 200),
    n_pairs: int = 60,
    alpha: float = 0.05,
    seed: int = 1,
    **model_values,
) -> DatasetResults:
    """One dataset. ``control=None`` is measured data: no truth, no shuffled loss.

    ``model_values`` overwrite columns of loss_models (``paired_p=0.0``, ``shuffled_p=None``).
    """
    rng = np.random.default_rng(seed)
    measured = control is None
    effect = None if measured else Effect(100, 1) if control == "negative" else Effect(60, 1.5)
    knockouts = pd.concat([_knockouts(pair, n_pairs, effect, rng) for pair in motif_pairs], ignore_index=True)
    design = [
        {
            "model_id": f"{dataset}.{arch}.l1_{l1:g}.seed_{number}",
            "dataset": dataset,
            "control": control,
            "padding": padding,
            "arch": arch,
            "l1": l1,
            "seed": number,
        }
        for arch in archs
        for l1 in l1s
        for number in seeds
    ]
    pairs, models = [], []
    for row in design:
        quality = rng.uniform(0.6, 1.4)
        evaluation = {
            "epochs": int(rng.integers(60, 130)),
            "test_mse": 0.9 + 0.5 * quality,
            "test_pearson": 0.99 - 0.01 * quality,
        }
        for motif_pair in motif_pairs:
            real = _predictions(knockouts[knockouts["motif_pair"] == motif_pair], quality, padding, rng)
            real.insert(0, "model_id", row["model_id"])
            pairs.append(real)
            statistics = _statistics(real, quality, measured, rng)
            models.append({**row, "motif_pair": motif_pair, **evaluation, **statistics})
    models = pd.DataFrame(models)
    for column, value in model_values.items():
        models[column] = np.nan if value is None else value
    models["verdict"] = np.where(models["unpaired_p"] < alpha, "supported", "not supported")
    models["reason"] = "made for a test"
    models["status"] = "ok"
    models = models[[column.name for column in SCHEMAS["loss_models"].columns]]
    pairs = pd.concat(pairs, ignore_index=True)[PAIR_COLUMNS]
    n_sequences = 4 * n_pairs
    expected = (
        np.full(n_sequences, np.nan)
        if measured
        else effect.scale * rng.gamma(2, 0.7, n_sequences) ** effect.exponent
    )
    target = rng.normal(0, 1.5, n_sequences) if measured else rng.poisson(expected).astype(float)
    return DatasetResults(
        dataset,
        sequences=pd.DataFrame(
            {
                "split": rng.choice(["train", "validation", "test"], n_sequences, p=[0.4, 0.1, 0.5]),
                "target": target,
                "expected_count": expected,
            }
        ),
        knockouts=knockouts,
        pairs=pairs,
        history=pd.concat([_history(row["model_id"], rng) for row in design], ignore_index=True),
        models=models,
        verdicts=pd.DataFrame(
            [
                _verdict(
                    models[models["motif_pair"] == pair],
                    knockouts[knockouts["motif_pair"] == pair],
                    pairs,
                    alpha,
                )
                for pair in motif_pairs
            ]
        )[[column.name for column in SCHEMAS["loss_verdicts"].columns]],
        motifs={name: toy_motif(name) for pair in motif_pairs for name in pair.split("-", 1)},
        alpha=alpha,
        unit="log2 activity" if measured else "reads",
        transform="identity" if measured else "anscombe",
        effect=effect,
    )


def _knockouts(motif_pair, n, effect, rng) -> pd.DataFrame:
    a, b = motif_pair.split("-", 1)
    background, occupancy_a, occupancy_b = rng.gamma(2, 0.18, n), rng.beta(8, 1, n), rng.beta(10, 1, n)
    start_a = rng.integers(0, 40, n)
    start_b = start_a + 31 + rng.integers(0, 14, n)
    flip = rng.random(n) < 0.5
    occupied = {
        "orig": background + occupancy_a + occupancy_b,
        "a_off": background + occupancy_b,
        "b_off": background + occupancy_a,
        "both_off": background,
    }
    return pd.DataFrame(
        {
            "pair_id": [f"{motif_pair}.seq{i}" for i in range(n)],
            "split": "test",
            "motif_pair": motif_pair,
            "motif_a": a,
            "motif_b": b,
            "start_a": np.where(flip, start_b, start_a),
            "start_b": np.where(flip, start_a, start_b),
            "orig": "".join(rng.choice(list("ACGT"), LENGTH)),
            **{
                f"expected_{version}": np.nan if effect is None else effect.scale * q**effect.exponent
                for version, q in occupied.items()
            },
        }
    )


def _predictions(knockouts, quality, padding, rng) -> pd.DataFrame:
    n = len(knockouts)
    measured = knockouts["expected_orig"].isna().all()
    if measured:
        orig, main_a, main_b = rng.normal(0, 1, n), rng.normal(0.6, 0.3, n), rng.normal(0.4, 0.3, n)
        truth, label, scale = rng.normal(0.15, 0.05, n), orig + rng.normal(0, 1, n), 0.2
    else:
        orig = knockouts["expected_orig"].to_numpy()
        main_a = (knockouts["expected_b_off"] - knockouts["expected_both_off"]).to_numpy()
        main_b = (knockouts["expected_a_off"] - knockouts["expected_both_off"]).to_numpy()
        truth = orig - knockouts["expected_both_off"].to_numpy() - main_a - main_b
        label, scale = rng.poisson(orig), 5.0
    off_centre = np.abs(knockouts[["start_a", "start_b"]].to_numpy() + 6 - LENGTH / 2).max(axis=1)
    edge = -scale * 2 * np.clip(off_centre - 37, 0, None) / 6 * (padding == "valid")
    interaction = truth + scale * quality * rng.normal(-0.1, 0.6, n) + edge * rng.gamma(2, 0.6, n)
    predicted = orig + scale * quality * rng.normal(0, 1, n)
    main_a, main_b = main_a + scale * rng.normal(0, 0.5, n), main_b + scale * rng.normal(0, 0.5, n)

    def space(values):
        return values if measured else 2 * np.sqrt(np.maximum(values, -3 / 8) + 3 / 8)

    return pd.DataFrame(
        {
            "pair_id": knockouts["pair_id"].to_numpy(),
            "motif_pair": knockouts["motif_pair"].to_numpy(),
            "pair_set": "real",
            "split": "test",
            "main_a": main_a,
            "main_b": main_b,
            "interaction": interaction,
            "loss_with": (space(predicted) - space(label)) ** 2,
            "loss_without": (space(predicted - interaction) - space(label)) ** 2,
        }
    )


def _statistics(real, quality, measured, rng) -> dict:
    improvement = real["loss_without"] - real["loss_with"]
    magnitude = real["interaction"].abs()
    shuffled = np.abs(rng.normal(0, 0.8 * quality, len(real))) * (0.2 if measured else 1)
    elsewhere = magnitude.sample(frac=1, random_state=1).to_numpy() * 0.3
    elsewhere_loss = improvement.sample(frac=1, random_state=2).to_numpy() * 0.12
    main = real["main_a"] + real["main_b"]

    def greater(x, y):
        return stats.mannwhitneyu(x, y, alternative="greater").pvalue

    paired, unpaired = (
        stats.wilcoxon(improvement, alternative="greater").pvalue,
        greater(real["loss_without"], real["loss_with"]),
    )
    return {
        "n_pairs": len(real),
        "n_pairs_train": len(real) - 7,
        "n_groups": len(real),
        "mean_abs_interaction": magnitude.mean(),
        "sem_abs_interaction": stats.sem(magnitude),
        "mean_interaction": real["interaction"].mean(),
        "median_interaction": real["interaction"].median(),
        "mean_abs_interaction_shuffled": shuffled.mean(),
        "sem_abs_interaction_shuffled": stats.sem(shuffled),
        "mean_abs_interaction_random_location": elsewhere.mean(),
        "sem_abs_interaction_random_location": stats.sem(elsewhere),
        "mean_loss_improvement": improvement.mean(),
        "sem_loss_improvement": stats.sem(improvement),
        "median_loss_improvement": improvement.median(),
        "mean_loss_improvement_random_location": elsewhere_loss.mean(),
        "sem_loss_improvement_random_location": stats.sem(elsewhere_loss),
        "median_loss_improvement_train": improvement.median() + abs(rng.normal(0, 0.002)),
        "r_abs_interaction_main": stats.pearsonr(magnitude, main)[0],
        "r_interaction_main": stats.pearsonr(real["interaction"], main)[0],
        "fraction_clipped": 0.004,
        "paired_p": paired,
        "unpaired_p": unpaired,
        "shuffled_p": greater(magnitude, shuffled),
        "shuffled_loss_p": np.nan if measured else greater(improvement, rng.normal(0, 0.1, len(real))),
        "random_location_p": greater(improvement, elsewhere_loss),
        "random_location_magnitude_p": greater(magnitude, elsewhere),
        "interaction_p": stats.wilcoxon(real["interaction"]).pvalue,
        "train_paired_p": paired**1.2,
        "train_unpaired_p": unpaired**1.1,
        "train_random_location_p": greater(improvement, elsewhere_loss - 0.01),
        "paired_effect": 0.1,
        "unpaired_effect": 0.5,
        **dict.fromkeys(("twin_p", "twin_beta", "twin_ci_low", "twin_ci_high"), np.nan),
        "twin_verdict": None,
    }


def _verdict(models, knockouts, pairs, alpha) -> dict:
    truth = (
        knockouts["expected_orig"]
        - knockouts["expected_a_off"]
        - knockouts["expected_b_off"]
        + knockouts["expected_both_off"]
    )
    known = truth.notna().any()
    hits = int((models["unpaired_p"] < alpha).sum())
    rho, rho_p = (
        stats.spearmanr(models["test_mse"], models["mean_abs_interaction"])
        if len(models) > 2
        else (None, None)
    )
    red = models[models["paired_p"] < alpha]
    pooled = pairs[
        pairs["model_id"].isin(red["model_id"]) & (pairs["motif_pair"] == models["motif_pair"].iloc[0])
    ]
    pooled_paired = pooled_unpaired = np.nan
    if len(pooled):
        pooled_paired = stats.wilcoxon(
            pooled["loss_without"] - pooled["loss_with"], alternative="greater"
        ).pvalue
        pooled_unpaired = stats.mannwhitneyu(
            pooled["loss_without"], pooled["loss_with"], alternative="greater"
        ).pvalue
    verdict = (
        "real"
        if hits == len(models)
        else "not supported"
        if hits == 0
        else "inconsistent across architectures"
    )
    return {
        "dataset": models["dataset"].iloc[0],
        "motif_pair": models["motif_pair"].iloc[0],
        "control": models["control"].iloc[0],
        "padding": models["padding"].iloc[0],
        "verdict": verdict,
        "reason": f"The held-out loss is higher without it in {hits} of {len(models)} models.",
        "deciding_test": "unpaired_p",
        "n_models": len(models),
        "n_supported": hits,
        "n_paired": int((models["paired_p"] < alpha).sum()),
        "n_unpaired": hits,
        "n_pairs": int(models["n_pairs"].max()),
        "mean_interaction": models["mean_interaction"].mean(),
        "mean_abs_interaction": models["mean_abs_interaction"].mean(),
        "median_loss_improvement": models["median_loss_improvement"].median(),
        "paired_p": models["paired_p"].min(),
        "unpaired_p": models["unpaired_p"].min(),
        "q_value": models["unpaired_p"].min(),
        "pooled_paired_p": pooled_paired,
        "pooled_unpaired_p": pooled_unpaired,
        "spearman_mse_interaction": rho,
        "spearman_p": rho_p,
        "true_mean_interaction": truth.mean() if known else np.nan,
        "true_mean_abs_interaction": truth.abs().mean() if known else np.nan,
        "true_mean_loss_improvement": (0.0 if truth.abs().max() < 1e-9 else 10.0) if known else np.nan,
    }


def toy_architectures(results: DatasetResults) -> pd.DataFrame:
    """Table loss_architectures of one dataset."""
    rows = [
        {
            "dataset": results.dataset,
            "motif_pair": motif_pair,
            "arch": arch,
            "test": test,
            "n_models": int(models[test].notna().sum()),
            "n_significant": int((models[test] < results.alpha).sum()),
            "combined_p": models[test].min(),
        }
        for (motif_pair, arch), models in results.models.groupby(["motif_pair", "arch"])
        for test in ("paired_p", "unpaired_p", "random_location_p")
    ]
    return pd.DataFrame(rows)


def _history(model_id, rng) -> pd.DataFrame:
    epochs = np.arange(1, int(rng.integers(40, 70)) + 1)
    validation = 1.2 + 60 * np.exp(-epochs / 6) + np.abs(rng.normal(0, 0.08, len(epochs)))
    return pd.DataFrame(
        {
            "model_id": model_id,
            "epoch": epochs,
            "train_loss": 1.0 + 62 * np.exp(-epochs / 6),
            "validation_loss": validation,
            "validation_mse": validation - 0.05,
            "best": validation == np.minimum.accumulate(validation),
            "seconds": 1.0,
        }
    )

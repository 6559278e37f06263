"""Tables of additive twins for tests of figures and report: made up, but summed up by the real functions."""

import numpy as np
import pandas as pd

from seqaudit.data.schemas import SCHEMAS
from seqaudit.figures.twin_results import TwinResults
from seqaudit.inference.null import STATISTICS, compare_with_null
from seqaudit.inference.twin_fits import compare_fits
from seqaudit.inference.twin_power import power_by_effect

DATASETS = {
    "neg_valid": ("negative", "valid", 1.0),
    "neg_same": ("negative", "same", 1.0),
    "pos_valid": ("positive", "valid", 1.5),
    "pos_same": ("positive", "same", 1.5),
}
"""Control, padding and exponent of every dataset."""
PAIR = "GATA1-TAL1"
VERDICTS = ("confirmed", "present, size unconfirmed", "not supported", "cannot tell")


def toy_twins(
    datasets: dict[str, tuple] = DATASETS,
    *,
    archs: tuple[str, ...] = ("arch1", "arch2", "arch3", "arch1_exp"),
    l1s: tuple[float, ...] = (0.0, 1e-4, 1e-3),
    seeds: tuple[int, ...] = (1,),
    n_null: int = 19,
    n_redraws: int = 200,
    known: bool = True,
    seed: int = 1,
) -> TwinResults:
    """A run; ``n_null=0`` and ``n_redraws=0`` do without, ``known=False`` is measured data."""
    rng = np.random.default_rng(seed)
    models = toy_models(datasets, archs, l1s, seeds, rng)
    summary = pd.concat([_summary(name, of, rng) for name, of in models.groupby("dataset", sort=False)])
    redraws = _redraws(models, rng, n_redraws)
    exponents = {name: design[2] for name, design in datasets.items()} if known else {}
    tests, nulls = _nulls(models, rng, n_null)
    return TwinResults(
        models=models,
        summary=summary.reset_index(drop=True),
        redraws=redraws,
        power=power_by_effect(models, summary, redraws, exponents).astype(
            {"padding": object, "test": object}
        ),
        fits=pd.concat([_fits(name, of, rng, known) for name, of in models.groupby("dataset", sort=False)]),
        null_tests=tests,
        null_statistics=nulls,
    )


def toy_models(datasets, archs, l1s, seeds, rng) -> pd.DataFrame:
    """Table ``loss_models`` with verdicts of twins that follow the exponent."""
    rows = []
    for dataset, (control, padding, exponent) in datasets.items():
        for arch, l1, number in ((a, w, s) for a in archs for w in l1s for s in seeds):
            power = 1 - np.exp(-((abs(exponent - 1) / 0.05) ** 2))
            interacts = rng.random() < max(0.02, power)
            beta = rng.normal(0.79, 0.05) if interacts else rng.normal(0, 0.3)
            half = 0.06 if interacts else rng.uniform(0.1, 1.5)
            verdict = VERDICTS[rng.choice([0, 0, 0, 1])] if interacts else VERDICTS[rng.choice([2, 2, 3])]
            p = rng.uniform() ** (30 if interacts else 1)
            rows.append(
                {
                    "model_id": f"{dataset}.{arch}.l1_{l1:g}.seed_{number}",
                    "dataset": dataset,
                    "control": control,
                    "padding": padding,
                    "arch": arch,
                    "l1": l1,
                    "seed": number,
                    "motif_pair": PAIR,
                    "n_pairs": 7971,
                    "test_mse": 1.2,
                    "paired_p": rng.uniform() ** (30 if interacts else 4),
                    "unpaired_p": p**0.3,
                    "random_location_p": p,
                    "twin_p": 1e-9 if interacts else 0.6,
                    "twin_beta": beta,
                    "twin_ci_low": beta - half,
                    "twin_ci_high": beta + half,
                    "twin_verdict": verdict,
                    "verdict": "supported" if interacts else "not supported",
                    "status": "ok",
                }
            )
    table = pd.DataFrame(rows)
    for column in SCHEMAS["loss_models"].columns:
        if column.name not in table:
            table[column.name] = "" if column.dtype == "string" else 0
    return table[[column.name for column in SCHEMAS["loss_models"].columns]]


def _summary(dataset: str, models: pd.DataFrame, rng) -> pd.DataFrame:
    real = models["twin_verdict"].isin(VERDICTS[:2]).mean() > 0.5
    beta = 0.8 if real else float(rng.normal(0, 0.1))
    row = {column.name: 0 for column in SCHEMAS["twin_summary"].columns}
    row |= {
        "dataset": dataset,
        "motif_pair": PAIR,
        "twin_id": f"{dataset}.twin",
        "n_twins": 4,
        "n_models": len(models),
        "n_confirmed": int((models["twin_verdict"] == VERDICTS[0]).sum()),
        "n_present": int((models["twin_verdict"] == VERDICTS[1]).sum()),
        "n_not_supported": int((models["twin_verdict"] == VERDICTS[2]).sum()),
        "n_cannot_tell": int((models["twin_verdict"] == VERDICTS[3]).sum()),
        "n_pairs": 7971,
        "beta": beta,
        "ci_low": beta - 0.1,
        "ci_high": beta + 0.1,
        "mean_beta": beta - 0.03,
        "mean_ci_low": beta - 0.08,
        "mean_ci_high": beta + 0.02,
        "twin_p": 1e-12 if real else 0.7,
        "present_p": 1e-14 if real else 0.6,
        "q_value": 1e-12 if real else 0.7,
        "n_architectures": models["arch"].nunique(),
        "n_architectures_confirmed": models["arch"].nunique() if real else 0,
        "gate": "open",
        "verdict_twin": "confirmed" if real else "not supported",
        "reason": "Made for a test.",
        "status": "ok",
    }
    return pd.DataFrame([row])


def _redraws(models: pd.DataFrame, rng, n_redraws: int) -> pd.DataFrame:
    rows = []
    for row in models.itertuples() if n_redraws else ():
        real = row.twin_verdict in VERDICTS[:2]
        rates = {"rejected": (40, 1) if real else (1, 60), "confirmed": (30, 2) if real else (1, 90)}
        rates |= {"paired": (50, 1) if real else (1, 2), "unpaired": (4, 3) if real else (1, 40)}
        rows += [
            {
                "model_id": row.model_id,
                "motif_pair": row.motif_pair,
                "test": test,
                "n_redraws": n_redraws,
                "rate": round(rng.beta(*shape) * n_redraws) / n_redraws,
            }
            for test, shape in rates.items()
        ]
    return pd.DataFrame(rows, columns=[column.name for column in SCHEMAS["twin_redraws"].columns])


def _fits(dataset: str, models: pd.DataFrame, rng, known: bool) -> pd.DataFrame:
    n = 400
    interacts = models["twin_verdict"].isin(VERDICTS[:2]).mean() > 0.5
    expected = rng.gamma(4, 20, n)
    sequences = pd.DataFrame(
        {
            "sequence_id": [f"v{i}" for i in range(n)],
            "split": "validation",
            "target": rng.poisson(expected).astype(float),
            "expected_count": expected if known else np.nan,
        }
    )
    predictions = sequences[["sequence_id", "split"]].assign(
        model_id=f"{dataset}.twin", prediction=expected * rng.normal(1, 0.2 if interacts else 0.02, n)
    )
    best = 3.5 if interacts else 1.02
    finished = [best + 0.03, best + 0.04, None, None, best, best + 0.2, None, None]
    candidates = pd.DataFrame(
        {
            "family": ["sigmoid"] * 4 + ["layered"] * 4,
            "seed": [1, 2, 3, 4] * 2,
            "screening_mse": rng.uniform(1.2, 2.5, 8),
            "validation_mse": [np.nan if m is None else m * rng.uniform(0.97, 1.03) for m in finished],
            "status": ["screened out" if m is None else "finished" for m in finished],
        }
    )
    candidates.loc[4, "status"] = "chosen"
    losses = rng.uniform(1.05, 1.4, len(models))
    history = pd.DataFrame(
        {
            "model_id": np.repeat(models["model_id"].to_numpy(), 3),
            "epoch": [1, 2, 3] * len(models),
            "validation_mse": np.column_stack([losses + 1, losses, losses + 0.1]).ravel(),
            "best": [True, True, False] * len(models),
        }
    )
    return compare_fits(sequences, candidates, predictions, history, dataset=dataset, transform="anscombe")


def _nulls(models: pd.DataFrame, rng, n_null: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    def statistics(ids, size) -> pd.DataFrame:
        values = {name: rng.gamma(4, 1, len(ids)) * size for name in STATISTICS}
        return pd.DataFrame({"model_id": ids, "motif_pair": PAIR, **values})

    real = models["twin_verdict"].isin(VERDICTS[:2])
    observed = statistics(models["model_id"], np.where(real, 6, 1))
    ids = [f"{model}.null_{number}" for model in models["model_id"] for number in range(n_null)]
    nulls = statistics(ids, 1.0)
    designs = {name: name for name in models["model_id"]} | {name: name.rpartition(".")[0] for name in ids}
    return compare_with_null(observed, nulls, designs) if n_null else _empty("null_tests"), nulls


def _empty(schema: str) -> pd.DataFrame:
    return pd.DataFrame(columns=[column.name for column in SCHEMAS[schema].columns])

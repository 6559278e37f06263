"""Tables of a whole audit with every line of evidence, for tests of figures and report."""

import numpy as np
import pandas as pd
from toy_deepmr import HEADLINE, toy_measured, toy_study
from toy_tables import toy_architectures, toy_dataset

from seqaudit.data.schemas import SCHEMAS
from seqaudit.figures.attributions import ExplainedSequences
from seqaudit.inference.audit import audit

DESIGN = {"archs": ("arch1", "arch2", "arch3"), "l1s": (0.0, 1e-4, 1e-3), "seeds": (100, 200, 300, 400, 500)}
"""Models of one dataset of the published design: 45."""
PUBLISHED = (
    ("neg_valid", "negative", "valid"),
    ("neg_same", "negative", "same"),
    ("pos_valid", "positive", "valid"),
    ("pos_same", "positive", "same"),
)


def toy_audit_tables(
    *, datasets=PUBLISHED, rounds: int = 3, extra_lines: bool = True, n_pairs: int = 20, **design
) -> dict[str, pd.DataFrame]:
    """Tables behind a report: loss tests, twins, Hessian, consistency, DeepMR, and the audit of them.

    ``rounds=0`` leaves DeepMR out, ``extra_lines=False`` all but it and the loss tests.
    """
    runs = [
        toy_dataset(
            name, control=control, padding=padding, n_pairs=n_pairs, seed=number, **{**DESIGN, **design}
        )
        for number, (name, control, padding) in enumerate(datasets)
    ]
    studies = [toy_study(rounds=rounds, loci=2), toy_measured(loci=2)] if rounds else []
    tables = {
        "loss_models": pd.concat([r.models for r in runs], ignore_index=True),
        "loss_verdicts": pd.concat([r.verdicts for r in runs], ignore_index=True),
        "loss_architectures": pd.concat([toy_architectures(r) for r in runs], ignore_index=True),
    }
    if studies:
        tables["deepmr_global"] = pd.concat([s.effects for s in studies], ignore_index=True)
        tables["deepmr_scores"] = pd.concat([s.scores for s in studies], ignore_index=True)
    if not extra_lines:
        return {**tables, "audit": audit(tables, headline=HEADLINE)}
    tables["consistency_models"] = toy_consistency(tables["loss_models"])
    # with the columns that the audit reads only, so not for their own chapters
    lines = {
        "twin_summary": _twins(tables["loss_verdicts"]),
        "hessian_pairs": _hessians(tables["loss_verdicts"]),
    }
    return {**tables, "audit": audit({**tables, **lines}, headline=HEADLINE)}


def toy_consistency(models: pd.DataFrame, *, seed: int = 1) -> pd.DataFrame:
    """Table ``consistency_models`` of the models of ``loss_models``; the most consistent are selected."""
    rng = np.random.default_rng(seed)
    one = models.drop_duplicates("model_id")
    table = pd.DataFrame(
        {column.name: None for column in SCHEMAS["consistency_models"].columns}, index=one.index
    )
    for name in ("model_id", "dataset", "control", "padding", "arch", "l1", "seed", "epochs", "test_mse"):
        table[name] = one[name]
    table["heldout_mse"] = one["test_mse"]
    table["method"], table["setting"], table["status"] = "saliency", "default", "ok"
    table["consistency_geometry"] = rng.gamma(4, 0.08, len(one))
    table["consistency_geometry_se"] = 0.02
    table["consistency_spectrum"] = rng.gamma(4, 0.05, len(one))
    table["loss_verdict"] = one["verdict"]
    best = table.groupby("dataset")["consistency_geometry"].idxmax()
    table["selected"] = table.index.isin(best)
    table["reason"] = np.where(
        table["selected"], "Selected: made for a test.", "Less consistent: made for a test."
    )
    return table.reset_index(drop=True)


def _twins(verdicts: pd.DataFrame) -> pd.DataFrame:
    positive = (verdicts["control"] == "positive").to_numpy()
    beta = np.where(positive, 0.79, 0.03)
    return pd.DataFrame(
        {
            "dataset": verdicts["dataset"],
            "motif_pair": verdicts["motif_pair"],
            "beta": beta,
            "ci_low": beta - 0.05,
            "ci_high": beta + 0.05,
            "twin_p": np.where(positive, 1e-40, 0.31),
            "present_p": np.where(positive, 1e-45, 0.28),
            "verdict_twin": np.where(positive, "confirmed", "not supported"),
        }
    )


def _hessians(verdicts: pd.DataFrame) -> pd.DataFrame:
    positive = (verdicts["control"] == "positive").to_numpy()
    names = verdicts["motif_pair"].str.split("-", n=1)
    score = np.where(positive, 4.2, 0.9)
    return pd.DataFrame(
        {
            "dataset": verdicts["dataset"],
            "fit": verdicts["dataset"],
            "measure": "geh",
            "feature_a": names.str[1],
            "feature_b": names.str[0],
            "score": score,
            "ci_low": score - 0.6,
            "ci_high": score + 0.6,
            "p_null": np.where(positive, 0.005, 0.62),
            "call": positive,
        }
    )


def toy_explained(
    dataset: str = "pos_same", *, n: int = 2, length: int = 100, seed: int = 1
) -> ExplainedSequences:
    """Maps of a good and of a noisy model of sequences with two motif sites."""
    rng = np.random.default_rng(seed)
    letters = rng.integers(0, 4, (n, length))
    sites = [[(20 + row, 30 + row, "GATA1"), (60, 76, "TAL1")] for row in range(n)]
    truth = np.zeros((n, 4, length))
    for row, placed in enumerate(sites):
        for start, end, _ in placed:
            truth[row, letters[row, start:end], range(start, end)] = rng.gamma(2, 0.5, end - start)
    return ExplainedSequences(
        dataset,
        "saliency",
        {f"test_{row}": "".join(np.array(list("ACGT"))[letters[row]]) for row in range(n)},
        {
            "truth": truth,
            "recommended: arch2, L1 0, seed 300": truth + rng.normal(0, 0.15, truth.shape),
            "least consistent: arch1, L1 0.001, seed 200": truth + rng.normal(0, 0.6, truth.shape),
        },
        sites,
    )

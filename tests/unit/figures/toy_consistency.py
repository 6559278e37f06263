"""Tables of attribution consistency for tests of figures and report: made up, but chosen by the real rule."""

import numpy as np
import pandas as pd

from seqaudit.data.schemas import SCHEMAS
from seqaudit.figures.consistency_results import ConsistencyResults
from seqaudit.inference.consistency_answers import answer_everything
from seqaudit.inference.map_pictures import DIRECTION_COLUMNS, WORD_COLUMNS, picture
from seqaudit.inference.model_selection import compare_choices, select_models

DATASETS = {"neg_valid": "negative", "pos_valid": "positive"}


def toy_consistency(
    datasets: dict[str, str | None] = DATASETS,
    *,
    archs: tuple[str, ...] = ("arch1", "arch2", "arch1_exp"),
    methods: tuple[str, ...] = ("saliency", "ism"),
    settings: tuple[str, ...] = ("default", "published"),
    known: bool = True,
    seed: int = 1,
) -> ConsistencyResults:
    """A population whose consistency follows the truth with noise; ``known``: whether there is a truth."""
    rng = np.random.default_rng(seed)
    models, choices, loss_models, words, directions = [], [], [], [], []
    for dataset, control in datasets.items():
        designs = pd.DataFrame(
            [
                {"arch": arch, "l1": l1, "seed": s, "model_id": f"{dataset}.{arch}.l1_{l1:g}.seed_{s}"}
                for arch in archs
                for l1 in (0.0, 0.001)
                for s in (1, 2)
            ]
        ).assign(dataset=dataset, control=control, padding="valid")
        n = len(designs)
        quality = rng.uniform(0.2, 0.9, n)
        evaluations = designs.assign(
            epochs=20,
            best_epoch=20,
            n_test=500,
            test_mse=2 - quality,
            test_pearson=quality,
            test_spearman=0.5,
        )
        heldout = pd.DataFrame(
            {
                "model_id": designs["model_id"],
                "heldout_mse": 2.1 - quality + rng.normal(0, 0.2, n),
                "heldout_mse_se": 0.3,
            }
        )
        tested = toy_loss_models(designs, rng, positive=control == "positive")
        ids = list(designs["model_id"])
        truth = pd.concat([_truth(ids, method, quality, rng) for method in methods])
        scores = pd.concat(
            [_scores(ids, method, setting, quality, rng) for method in methods for setting in settings]
        )
        chosen = select_models(
            scores.reset_index(drop=True),
            evaluations,
            heldout,
            loss_models=tested,
            truth=truth if known else None,
            stability=pd.Series(quality, index=ids),
            off_simplex=pd.Series(0.2, index=ids),
        )
        models.append(chosen)
        choices.append(compare_choices(chosen, ensemble={dataset: 0.8} if known else None))
        loss_models.append(tested)
        for role in ("truth", "selected", "least consistent") if known else ("selected", "least consistent"):
            about = {
                "dataset": dataset,
                "method": methods[0],
                "setting": settings[0],
                "role": role,
                "model_id": None if role == "truth" else ids[0],
            }
            drawn = _picture(rng, noise=5 if role == "least consistent" else 0.5)
            words.append(drawn.words.assign(**about)[WORD_COLUMNS])
            directions.append(drawn.directions.assign(**about)[DIRECTION_COLUMNS])
    models = pd.concat(models, ignore_index=True)
    return ConsistencyResults(
        models,
        pd.concat(choices, ignore_index=True),
        answer_everything(models),
        pd.concat(words, ignore_index=True),
        pd.concat(directions, ignore_index=True),
        pd.concat(loss_models, ignore_index=True),
    )


def toy_loss_models(designs: pd.DataFrame, rng: np.random.Generator, *, positive: bool) -> pd.DataFrame:
    """Table ``loss_models``: small p-values where an interaction is simulated."""
    p = rng.uniform(0, 1, len(designs)) ** (12 if positive else 1)
    table = designs.assign(
        motif_pair="GATA1-TAL1",
        unpaired_p=p,
        paired_p=p**2,
        random_location_p=p,
        verdict=np.where(p < 0.05, "supported", "not supported"),
    )
    for column in SCHEMAS["loss_models"].columns:
        if column.name not in table:
            table[column.name] = "" if column.dtype == "string" else 0
    return table[[column.name for column in SCHEMAS["loss_models"].columns]]


def _scores(ids, method, setting, quality, rng) -> pd.DataFrame:
    row = {"model_id": ids, "method": method, "setting": setting, "status": "ok"}
    for score, noise in (("geometry", 0.1), ("spectrum", 0.3)):
        value = quality + rng.normal(0, noise, len(ids))
        row |= {
            f"consistency_{score}": value,
            f"consistency_{score}_raw": value + 0.1,
            f"consistency_{score}_null": 0.1,
            f"consistency_{score}_se": 0.03,
        }
    counts = {"n_sequences": 200, "n_not_finite": 0, "n_zero": 0, "n_words": 900, "n_windows": 1900}
    return pd.DataFrame({**row, **counts})


def _truth(ids, method, quality, rng) -> pd.DataFrame:
    names = [c.name for c in SCHEMAS["attribution_scores"].columns if c.name.startswith("truth_")]
    scores = {name: quality + rng.normal(0, 0.03, len(ids)) for name in names}
    return pd.DataFrame({"model_id": ids, "method": method, **scores, "n_sequences": 200, "n_scored": 200})


def _picture(rng, *, noise: float):
    letters = rng.integers(4, size=(60, 40))
    one_hot = np.eye(4)[letters].transpose(0, 2, 1)
    motif = np.eye(4)[[2, 0, 3, 0, 0, 2]].T  # GATAAG
    maps = rng.normal(0, 0.1 * noise, one_hot.shape)
    one_hot[:, :, 10:16] = motif
    maps[:, :, 10:16] += 3 * motif
    return picture(maps, one_hot, k=4)

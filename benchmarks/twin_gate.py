"""Level, power and gate of the additive twin on numpy worlds whose twins are good or poor on purpose.

    OMP_NUM_THREADS=1 python benchmarks/twin_gate.py 200

Prints the table of docs/methods/additive_twin.md. A case is a world in which the chosen twin by itself, its
error ignored, would call the claim confirmed or present in more than 5 % of redraws of the labels.
"""

import sys
from pathlib import Path

import numpy as np

from seqaudit.inference.twin_gate import (
    additive_parts,
    decide,
    judge_by_all,
    others_without_interaction,
    prepare_all,
)

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests/helpers"))
from twin_worlds import make_world, parts_of

GOOD, POOR = (1.5, 1.5, 2.0, 2.0), (8.0, 8.0, 8.0, 8.0)
WORLDS = {
    "no interaction, good twins": {"twin_errors": GOOD, "common_error": 0.3},
    "no interaction, poor twin, good witnesses": {"twin_errors": (8.0, 1.5, 1.5, 2.0)},
    "no interaction, all twins poor, errors independent": {"twin_errors": POOR},
    "no interaction, all twins poor, half of the error common": {"twin_errors": POOR, "common_error": 0.5},
    "no interaction, all twins poor, 80 % common": {"twin_errors": POOR, "common_error": 0.8},
    "exponent 1.05, good twins": {"exponent": 1.05, "twin_errors": GOOD, "common_error": 0.3},
    "exponent 1.1, good twins": {"exponent": 1.1, "twin_errors": GOOD, "common_error": 0.3},
    "exponent 1.25, good twins": {"exponent": 1.25, "twin_errors": GOOD, "common_error": 0.3},
    "exponent 1.25, all twins poor, half common": {
        "exponent": 1.25,
        "twin_errors": POOR,
        "common_error": 0.5,
    },
    "exponent 1.5, good twins": {"exponent": 1.5, "twin_errors": GOOD, "common_error": 0.3},
}
REDRAWS = 40


def study(n_worlds: int, **options) -> dict[str, float]:
    """Rates over worlds; the first label set is the measured one, the others are redraws."""
    rows = []
    for seed in range(n_worlds):
        world = make_world(
            20_000 + seed, model_error=6.0, n_pairs=1500, n_models=4, common_model_error=0.3, **options
        )
        twins, models = parts_of(world.twin_predicted), parts_of(world.predicted)
        twins[:, 3] = 0
        regressions = prepare_all(models[0], twins, np.arange(1500), noise="poisson")
        redrawn = np.random.default_rng(seed).poisson(world.truth[0], (REDRAWS, 1500))
        labels = np.concatenate([world.label[None], redrawn])
        judged = judge_by_all(
            regressions,
            labels,
            others=others_without_interaction(models, 0),
            additive=additive_parts(models).mean(axis=0),
        )
        said = decide(judged, margin=0.25, alpha=0.05)
        rejected = said.confirmed | said.present
        closed = ~rejected & said.unclear
        rows.append(
            {
                "case": said.ungated.mean() > 0.05,
                "ungated": said.ungated.mean(),
                "rejected": rejected.mean(),
                "confirmed": said.confirmed.mean(),
                "cannot tell": closed.mean(),
                "never rejected": rejected.mean() <= 0.05,
            }
        )
    found = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    case = found["case"]
    rates = {name: found[name].mean() for name in ("ungated", "rejected", "confirmed", "cannot tell")}
    rates["cases"] = case.mean()
    rates["cases caught"] = found["never rejected"][case].mean() if case.any() else np.nan
    return rates


def main(n_worlds: int) -> None:
    print("| worlds | ungated | rejected | confirmed | cannot tell | cases | cases caught |")
    print("|---|---|---|---|---|---|---|")
    for name, options in WORLDS.items():
        print(
            f"| {name} |",
            " | ".join(f"{v:.2f}" for v in study(n_worlds, **options).values()),
            "|",
            flush=True,
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)

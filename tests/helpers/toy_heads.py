"""A made table of head interactions: effects by stratum known, seeds around them."""

import numpy as np
import pandas as pd


def toy_heads(*, head=10.0, below=4.0, seeds=(1, 2, 3), n=60, spread=0.5, dataset="d") -> pd.DataFrame:
    """``below`` only where sites are near; every seed moves both parts by an error of its own."""
    rng = np.random.default_rng(1)
    near = np.arange(n) % 3 == 0
    tables = []
    for seed in seeds:
        error = spread * rng.normal(size=2)
        table = pd.DataFrame({"pair_id": [f"p{i}" for i in range(n)]})
        table["head"] = head + error[0] + rng.normal(size=n) * 0.01
        table["below"] = np.where(near, below + error[1], 0.0)
        table["interaction"] = table["head"] + table["below"]
        for part in ("interaction", "head", "below"):
            table[f"{part}_trained"] = table[part]
        table["spacing"] = np.where(near, "<10", ">=10")
        named = {"model_id": f"{dataset}.a.{seed}", "dataset": dataset, "control": "positive"}
        named |= {"padding": "same", "arch": "a", "l1": 0.0, "seed": seed, "motif_pair": "A-B"}
        named |= {"motif_a": "A", "motif_b": "B", "norm_a": 1.0, "norm_b": 1.0, "non_additivity": 0.1}
        named |= {"truth": 12.0, "copies": "1+1", "edge": "<5", "gc": "low", "status": "ok"}
        tables.append(table.assign(**named))
    return pd.concat(tables, ignore_index=True)

"""Whether two runs have the same results: tables, weights, figures and texts, but for how long it took."""

import json
from pathlib import Path

import pandas as pd

TIMES = ("seconds",)
UNTIMED = ("benchmarks",)
"""Folders of a run that hold nothing but times."""


def differences(one: Path, other: Path) -> list[str]:
    """Files of two results folders that differ, or are in one only, with how."""
    names = sorted({path.relative_to(folder) for folder in (one, other) for path in files(folder)})
    found = []
    for name in names:
        if not (one / name).exists() or not (other / name).exists():
            found.append(f"{name}: in one run only")
        elif why := _difference(one / name, other / name):
            found.append(f"{name}: {why}")
    return found


def files(folder: Path) -> list[Path]:
    return [
        path
        for path in folder.rglob("*")
        if path.is_file()
        and path.name != ".snakemake_timestamp"
        and path.relative_to(folder).parts[0] not in UNTIMED
    ]


def _difference(one: Path, other: Path) -> str:
    if one.suffix == ".parquet":
        tables = [pd.read_parquet(path) for path in (one, other)]
        tables = [table.drop(columns=[c for c in TIMES if c in table]) for table in tables]
        return "" if tables[0].equals(tables[1]) else "its values differ"
    if one.name in ("model.json", "ensemble.json"):
        models = [json.loads(path.read_text()) for path in (one, other)]
        for model in models:
            # digests of descriptions that say how long it took
            for name in ("sha256", "members_sha256"):
                model.pop(name, None)
            for name in TIMES:
                model["record"].pop(name, None)
        return "" if models[0] == models[1] else "its record differs"
    return "" if one.read_bytes() == other.read_bytes() else "its bytes differ"

"""Check every table and model of finished runs: 'make verify', or this script with folders to look at.

Names what a disk or a network has damaged, and how to make it again. Reads everything once, changes nothing.
"""

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from seqaudit.data.schemas import SCHEMAS
from seqaudit.data.tables import read_metadata, read_table
from seqaudit.errors import SeqauditError
from seqaudit.models.checkpoint import check_model
from seqaudit.models.ensembles import load_ensemble


def damage(path: Path) -> str:
    """What is wrong with a file; empty if nothing is, or if it is not one that can be checked."""
    try:
        if path.suffix == ".parquet":
            _read(path)
        elif path.name == "model.json":
            check_model(path.parent)
        elif path.name == "ensemble.json":
            load_ensemble(path.parent)
    except SeqauditError as error:
        return str(error)
    except (pa.ArrowException, OSError) as error:
        return f"{path}: not a readable Parquet file ({error})."
    return ""


def _read(path: Path) -> None:
    name = read_metadata(path).get("schema")
    if name not in SCHEMAS:
        raise SeqauditError(f"{path}: holds table {name!r}, which this version of seqaudit does not know.")
    read_table(path, name)


def checked(folders: list[Path]) -> Iterator[Path]:
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix == ".parquet" or path.name in ("model.json", "ensemble.json"):
                yield path


def output_with(path: Path) -> Path:
    """What a rule makes that holds a file: the file, or the folder of its ensemble."""
    return next((folder for folder in path.parents if (folder / "ensemble.json").exists()), path)


def main() -> int:
    paths = list(checked([Path(name) for name in sys.argv[1:]] or [Path("results")]))
    reasons = {path: damage(path) for path in paths}
    damaged = [path for path in paths if reasons[path]]
    for path in damaged:
        print(reasons[path])
    print(f"{len(paths) - len(damaged)} of {len(paths)} tables and models are as they were written.")
    if damaged:
        print("Make the others again, with everything that depends on them, by your usual command and\n")
        print("    --forcerun", shlex.join(dict.fromkeys(str(output_with(path)) for path in damaged)))
    return bool(damaged)


if __name__ == "__main__":
    sys.exit(main())

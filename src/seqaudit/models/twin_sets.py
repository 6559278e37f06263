"""The additive twins of one dataset on disk: a folder of ordinary models, the one to use first."""

from collections.abc import Mapping
from pathlib import Path

from seqaudit.errors import SeqauditError
from seqaudit.models.additive import AdditiveTwin
from seqaudit.models.checkpoint import load_model, save_model

CHOSEN = "twin"
"""Name of the twin to use."""


def save_twins(folder: str | Path, twins: Mapping[str, AdditiveTwin], record: dict) -> None:
    """Write every twin to a folder of its name, with its place in the set and a shared record.

    Raises
    ------
    SeqauditError
        No twin of the name ``CHOSEN``, or what :func:`seqaudit.models.checkpoint.save_model` refuses.
    """
    if CHOSEN not in twins:
        raise SeqauditError(f"twins: got {', '.join(twins) or 'none'}, expected one named '{CHOSEN}'.")
    for place, (name, twin) in enumerate(twins.items()):
        save_model(Path(folder) / name, twin, {**record, "place": place})


def load_twins(folder: str | Path) -> dict[str, AdditiveTwin]:
    """Read the twins of a dataset, by name and in the order in which they were saved.

    Raises
    ------
    SeqauditError
        A missing or damaged model, see :func:`seqaudit.models.checkpoint.load_model`.
    """
    loaded = {path.parent.name: load_model(path.parent) for path in Path(folder).glob("*/model.json")}
    if CHOSEN not in loaded:
        raise SeqauditError(f"{folder}: has no additive twin. Run the rule fit_twins.")
    ordered = sorted(loaded, key=lambda name: loaded[name][1]["place"])
    return {name: loaded[name][0] for name in ordered}

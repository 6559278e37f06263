"""Who drives a run: one driver at a time, and a note of how to go on when it is gone.

Snakemake's own lock cannot do either: it outlives a driver that was killed, and the first of two runs in a
folder that ends lifts it for both.
"""

import fcntl
import json
import re
from collections.abc import Mapping
from pathlib import Path

from seqaudit.errors import SeqauditError

FOLDER = ".snakemake/drivers"

_UNFINISHED = re.compile(r"\..+\.[a-z0-9_]{8}")
"""Names that ``data.tables.atomic_path`` gives to files until they are whole."""


class DriverNote:
    """What a driver leaves for its successor, in a file that is locked as long as the driver lives.

    The operating system lifts the lock when the process ends, however it ends.

    Parameters
    ----------
    path : path
        One file per run.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)

    def claim(self) -> None:
        """Lock the note for this process.

        Raises
        ------
        SeqauditError
            If another process holds it, with what that one wrote.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("a+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            holder = read_note(self.path)
            raise SeqauditError(
                f"run '{self.path.stem}': a driver works on it already, process {holder.get('pid')} on "
                f"{holder.get('host')} since {holder.get('started')}. Wait for it, or stop it with Ctrl-C."
            ) from None
        except OSError:
            # a filesystem without locks: Snakemake's own lock is all there is
            pass

    def write(self, note: Mapping) -> None:
        """Replace the content of a claimed note."""
        self._file.truncate(0)
        self._file.write(json.dumps(note, indent=2))
        self._file.flush()

    def release(self) -> None:
        """Unlock it."""
        self._file.close()


def read_note(path: str | Path) -> dict:
    """What a note says; empty if its driver died before it wrote anything."""
    try:
        return json.loads(Path(path).read_text())
    except ValueError:
        return {}


def unfinished_runs(folder: str | Path) -> dict[str, Path]:
    """Notes of runs in a working folder that did not end well or still go on, by name."""
    paths = sorted(Path(folder).glob(f"{FOLDER}/*.json"))
    return {path.stem: path for path in paths if not read_note(path).get("finished", False)}


def remove_unfinished(*folders: str | Path) -> None:
    """Delete what killed jobs had half-written; only safe while no job writes there."""
    for folder in folders:
        for path in Path(folder).rglob(".*"):
            if _UNFINISHED.fullmatch(path.name) and path.is_file():
                path.unlink(missing_ok=True)

"""Public tables from where they lie, believed only if they hold the numbers that they should."""

import hashlib
import tempfile
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path

from seqaudit.data.features import FeatureTable
from seqaudit.data.tables import atomic_path
from seqaudit.data.uci import SOURCES, read_uci
from seqaudit.errors import SeqauditError

_GITHUB = "https://raw.githubusercontent.com"
URLS = {
    "california": f"{_GITHUB}/ageron/handson-ml2/master/datasets/housing/housing.csv",
    "bike": f"{_GITHUB}/justmarkham/DAT3/d39a4ae8a274a60accd148c2170e04f20f58ed50/data/hour.csv",
    "energy": f"{_GITHUB}/aalto-ml4h/InteractionDetection/c79b2d5f94a3cda1421ce3a65c7eb001811a0522/demo/"
    "energy.csv",
}
"""One copy of each table."""
DIGESTS = {
    "california": "11542a8f84cce6419b3cdbdc7da56165be85af41ad12f6c6e9ae772b51b4608b",
    "bike": "edf6f936d2b837e99e90a701a7ab8d5c509975f3454ab525133e0af6b548d609",
    "energy": "6cf240ebbc2ca6e1c059b887ccc3c9205b791a829b46fc62e38b6ec4aeb62506",
}
"""Of features and target, see :func:`table_digest`: copies differ in dates and line ends."""


def download_uci(name: str, path: str | Path, *, timeout: float = 60.0) -> None:
    """Download one of the three public tables and check its numbers.

    Parameters
    ----------
    name : {"california", "bike", "energy"}
    path : path
        File to write; it appears only when its numbers are right.
    timeout : float
        Seconds without an answer.

    Raises
    ------
    SeqauditError
        An unknown name, no connection, or another table than expected.
    """
    if name not in URLS:
        raise SeqauditError(f"table: got '{name}', expected one of {', '.join(URLS)}.")
    source, advice = SOURCES[name], f"Get {SOURCES[name].origin}, and put it into the study's folder as"
    try:
        with urllib.request.urlopen(URLS[name], timeout=timeout) as answer:
            content = answer.read()
    except (urllib.error.URLError, HTTPException, OSError) as error:
        reason = getattr(error, "reason", error)
        raise SeqauditError(
            f"table '{name}': no file {source.file} is there, and {URLS[name]} cannot be reached ({reason}). "
            f"Without a connection: {advice[0].lower()}{advice[1:]} {source.file}."
        ) from error
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / source.file).write_bytes(content)
        found = table_digest(read_uci(name, folder))
    if found != DIGESTS[name]:
        raise SeqauditError(
            f"table '{name}': {URLS[name]} holds other numbers (sha256 {found[:12]}) than the published "
            f"table ({DIGESTS[name][:12]}). {advice} {source.file}."
        )
    with atomic_path(path) as unfinished:
        unfinished.write_bytes(content)


def table_digest(table: FeatureTable) -> str:
    """SHA-256 of names, features and target, whatever the file looked like."""
    digest = hashlib.sha256(repr((table.features, table.target)).encode())
    digest.update(table.x.tobytes())
    digest.update(table.y.tobytes())
    return digest.hexdigest()

"""The account of what was compared with the reference values.

``pytest tests/reference`` ends with the number of case x method pairs that were compared and
the reasons why others were not; with ``-v`` it lists every pair.
"""

import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

# one entry per case x method: file, case, method, '' or the reason why it was not compared
_COMPARED: list[tuple[str, str, str, str]] = []


@pytest.fixture(scope="session")
def account() -> list[tuple[str, str, str, str]]:
    """Tests append what they compared; the terminal summary prints it."""
    return _COMPARED


def pytest_terminal_summary(terminalreporter):
    if not _COMPARED:
        return
    terminalreporter.section("reference values")
    if terminalreporter.verbosity > 0:
        for file, case, method, reason in _COMPARED:
            terminalreporter.write_line(f"{file} {case} {method}: {reason or 'compared'}")
    for file in dict.fromkeys(entry[0] for entry in _COMPARED):
        reasons = [reason for name, _, _, reason in _COMPARED if name == file]
        compared = reasons.count("")
        terminalreporter.write_line(
            f"{file}: {compared} case x method compared, {len(reasons) - compared} not"
        )
        for reason, count in Counter(filter(None, reasons)).most_common():
            terminalreporter.write_line(f"    {count:5d} {reason}")

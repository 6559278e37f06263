"""MR and meta-analysis against trusted R programs and refined values.

Reads every ``cases_*.json``, ``batch_*.json`` and ``meta_*.json`` of the folder that the
environment variable SEQAUDIT_MR_REFERENCE names, ``../shared/data/mr_reference`` beside the
repository by default.
"""

import functools
import json
import os
from pathlib import Path

import pytest
from meta_checks import Study, check_method

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("SEQAUDIT_MR_REFERENCE", ROOT / "../shared/data/mr_reference"))


@functools.cache
def read(path):
    return json.loads(path.read_text())


def cases_of(pattern: str) -> list:
    """One parameter per case of the matching files, or one that is skipped with a reason."""
    found = [
        pytest.param(path, case, id=f"{path.stem}-{case['id']}")
        for path in sorted(FOLDER.glob(pattern))
        for case in read(path)["cases"]
    ]
    missing = pytest.mark.skip(reason=f"no {pattern} in {FOLDER} (SEQAUDIT_MR_REFERENCE)")
    return found or [pytest.param(None, None, id="none", marks=missing)]


@pytest.mark.parametrize(("path", "case"), cases_of("meta_*.json"))
def test_meta_analysis(path, case, account):
    study, failures = Study(case), []
    for method, theirs in case["results"].items():
        try:
            reason = check_method(study, theirs, method)
        except AssertionError as error:
            reason = "DIFFERS"
            failures.append(f"{method}: {error}")
        account.append((path.name, case["id"], method, reason or ""))
    assert not failures, "\n".join(failures)

"""MR and meta-analysis against trusted R programs and refined values.

Reads every ``cases_*.json``, ``batch_*.json`` and ``meta_*.json`` of the folder that the
environment variable SEQAUDIT_MR_REFERENCE names, ``../shared/data/mr_reference`` beside the
repository by default.
"""

import functools
import json
import os
from pathlib import Path

import mr_checks
import numpy as np
import pytest
from meta_checks import Study, check_method

from seqaudit.inference import mr

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


@pytest.mark.parametrize(("path", "case"), cases_of("cases_*.json"))
def test_mendelian_randomization(path, case, account):
    checked, failures = mr_checks.Case(case), []
    for method, theirs in case["results"].items():
        try:
            reason, columns = mr_checks.check_method(checked, theirs, method)
        except AssertionError as error:
            reason, columns = "DIFFERS", []
            failures.append(f"{method}: {error}")
        account.append((path.name, case["id"], method, reason or ""))
        for column in columns:
            account.append((path.name, case["id"], f"{method}.{column}", "ours has no such column"))
    assert not failures, "\n".join(failures)


@pytest.mark.parametrize(("path", "case"), cases_of("cases_*.json"))
def test_every_method_answers_with_a_number_or_a_reason(path, case):
    checked = mr_checks.Case(case)
    for method in mr.methods()["method"]:
        draws = {"n_draws": 200} if method == "presso" else {}
        draws = {"n_boot": 20} if method.startswith(("median", "mode")) else draws
        ours = mr.estimate(**checked.input, method=method, **draws)
        status = str(ours.status[0])
        assert status in mr.STATUS
        assert np.isfinite(ours.b[0]) == (status in ("ok", "zero_scale")), method
        if status == "ok":
            assert ours.ci_low[0] <= ours.b[0] <= ours.ci_high[0], method
            assert 0 <= ours.pval[0] <= 1, method


def batches() -> list:
    found = [pytest.param(path, id=path.stem) for path in sorted(FOLDER.glob("batch_*.json"))]
    missing = pytest.mark.skip(reason=f"no batch_*.json in {FOLDER} (SEQAUDIT_MR_REFERENCE)")
    return found or [pytest.param(None, id="none", marks=missing)]


@pytest.mark.parametrize("path", batches())
def test_batch_of_loci(path, account):
    content = read(path)
    for method in sorted(set().union(*content["loci"]) - mr_checks.NO_BATCH_RESULTS):
        reasons, agreeing, least = mr_checks.check_batch(content, method)
        account += [(path.name, f"locus {i}", method, reason) for i, reason in enumerate(reasons)]
        assert agreeing >= least, f"{method}: {agreeing:.2%} of loci agree, expected {least:.2%}"
        assert "DIFFERS" not in reasons, (
            f"{method}: loci {[i for i, r in enumerate(reasons) if r == 'DIFFERS']}"
        )

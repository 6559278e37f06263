"""Finished runs of the workflow, shared by the tests that look at their results."""

import pytest
from workflow_runner import ROOT, Workflow


@pytest.fixture(scope="session")
def smoke(tmp_path_factory) -> Workflow:
    """The smoke run, finished, in a folder whose name is hard on careless code."""
    workflow = Workflow(tmp_path_factory.mktemp("läuft hier"), ROOT / "config/test/smoke.yaml")
    done = workflow()
    assert done.returncode == 0, done.stdout + done.stderr
    return workflow


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory) -> Workflow:
    """A run of every rule that nothing disturbed, to hold others against."""
    workflow = Workflow(tmp_path_factory.mktemp("undisturbed"), ROOT / "config/test/cluster.yaml")
    done = workflow()
    assert done.returncode == 0, done.stdout + done.stderr
    return workflow

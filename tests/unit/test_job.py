"""What a script's user sees: a log with versions, provenance in the tables, and errors in one line."""

import subprocess
import sys

import pytest

SCRIPT = """
from types import SimpleNamespace


class Named(dict):
    __getattr__ = dict.__getitem__


snakemake = SimpleNamespace(
    input=Named(), output=Named(), params=Named(seed=7, code="abc"), wildcards=Named(dataset="d"),
    log=["logs/x.log"], threads=1, rule="some_rule", config={{"run": "r"}},
)
from seqaudit.errors import SeqauditError
from seqaudit.job import start_job

job = start_job(snakemake)
{body}
"""


@pytest.fixture
def run(tmp_path):
    def run_script(body: str):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT.format(body=body)], cwd=tmp_path, capture_output=True, text=True
        )
        return done, (tmp_path / "logs/x.log").read_text()

    return run_script


def test_bad_input_ends_in_one_message_and_the_traceback_is_in_the_log(run):
    done, log = run("raise SeqauditError('table x.tsv: row 3 is empty')")
    assert done.returncode == 1
    assert done.stderr.strip().splitlines() == ["seqaudit: table x.tsv: row 3 is empty", "(log: logs/x.log)"]
    assert "Traceback" in log and "table x.tsv: row 3 is empty" in log


def test_a_bug_of_ours_keeps_its_traceback(run):
    done, log = run("1 / 0")
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr and "ZeroDivisionError" in log


def test_the_log_records_versions_and_settings_and_tables_carry_them(run):
    done, log = run("print(job.provenance)")
    assert done.returncode == 0, done.stderr
    provenance = eval(done.stdout)
    assert provenance["rule"] == "some_rule" and provenance["seed"] == "7"
    assert provenance["code_stamp"] == "abc" and len(provenance["config_hash"]) == 12
    assert "rule some_rule" in log and "numpy 2" in log and '"seed": 7' in log


def test_messages_go_to_the_log_and_warnings_also_to_the_screen(run):
    body = (
        "import logging; l = logging.getLogger('seqaudit.x'); l.info('step 1'); l.warning('3 rows clipped')"
    )
    done, log = run(body)
    assert "step 1" in log and "3 rows clipped" in log
    assert done.stderr.strip() == "3 rows clipped"

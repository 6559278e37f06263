"""Notes that drivers leave: one holder at a time, and what the next one finds."""

import subprocess
import sys

import pytest

from seqaudit.drivers import FOLDER, DriverNote, read_note, remove_unfinished, unfinished_runs
from seqaudit.errors import SeqauditError

NOTE = {"pid": 7, "host": "login1", "started": "2026-01-02 03:04:05"}


def test_a_note_has_one_holder_and_says_who(tmp_path):
    path = tmp_path / FOLDER / "mine.json"
    first = DriverNote(path)
    first.claim()
    first.write(NOTE)
    with pytest.raises(SeqauditError) as refused:
        DriverNote(path).claim()
    assert "run 'mine': a driver works on it already, process 7 on login1 since 2026-01-02" in str(
        refused.value
    )
    first.release()
    second = DriverNote(path)
    second.claim()
    assert read_note(path) == NOTE, "the successor needs what the first one wrote"
    second.write({"short": 1})
    assert read_note(path) == {"short": 1}


def test_a_killed_holder_holds_nothing(tmp_path):
    path = tmp_path / "mine.json"
    program = (
        "import os, sys, seqaudit.drivers as d\n"
        "note = d.DriverNote(sys.argv[1]); note.claim(); note.write({'pid': os.getpid()})\n"
        "os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)])
    assert done.returncode == -9
    DriverNote(path).claim()
    assert read_note(path)["pid"] > 0


def test_unfinished_runs_are_those_that_did_not_end_well(tmp_path):
    for name, note in {"done": {"finished": True}, "failed": {"pid": 1}, "died": {}}.items():
        path = tmp_path / FOLDER / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("" if name == "died" else str(note).replace("'", '"').replace("True", "true"))
    assert list(unfinished_runs(tmp_path)) == ["died", "failed"]
    assert unfinished_runs(tmp_path / "elsewhere") == {}


def test_a_filesystem_without_locks_does_not_stop_a_driver(tmp_path, monkeypatch):
    def unsupported(*_):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("seqaudit.drivers.fcntl.flock", unsupported)
    DriverNote(tmp_path / "mine.json").claim()


def test_what_a_killed_job_had_half_written_is_removed(tmp_path):
    program = (
        "import os, sys; from seqaudit.data.tables import atomic_path\n"
        "with atomic_path(sys.argv[1]) as path:\n"
        "    path.write_text('half'); os.kill(os.getpid(), 9)"
    )
    kept = [tmp_path / "deep" / name for name in (".hidden", ".mine.12345678.txt", "table.parquet")]
    for name in (kept[0].parent / "table.parquet", tmp_path / "model.json"):
        assert subprocess.run([sys.executable, "-c", program, str(name)]).returncode == -9
    for path in kept:
        path.write_text("whole")
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 5
    remove_unfinished(tmp_path, tmp_path / "nowhere")
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(kept)

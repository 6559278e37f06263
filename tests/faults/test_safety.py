"""Nothing that a stranger hands in is executed: weights, configs, names."""

import hashlib
import json
import os
import pickle
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

import pytest
import safetensors.torch
import torch
from workflow_runner import ROOT, Workflow

from seqaudit.data.motif_files import read_motifs
from seqaudit.data.readers import read_sequences
from seqaudit.data.tables import read_table
from seqaudit.errors import SeqauditError
from seqaudit.models import checkpoint
from seqaudit.models.checkpoint import load_model, save_model
from seqaudit.models.cnn import build_cnn
from seqaudit.training.progress import FILE, load_progress


class Canary:
    """A pickle of this makes a folder when somebody loads it."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.fixture
def canary(tmp_path):
    """Path that must never come into being, and the pickles that would make it."""
    sung = tmp_path / "sung"
    torch.save({"weights": Canary(sung)}, tmp_path / "torch.pt")
    yield sung, [pickle.dumps(Canary(sung)), (tmp_path / "torch.pt").read_bytes()]
    assert not sung.exists(), "code from a file was executed"


def test_the_canary_can_sing(tmp_path):
    pickle.loads(pickle.dumps(Canary(tmp_path / "sung")))
    assert (tmp_path / "sung").exists()


def test_pickled_weights_are_refused_unopened(canary, tmp_path):
    folder = tmp_path / "model"
    architecture = {"convolutions": [{"filters": 2, "width": 3}]}
    save_model(folder, build_cnn(architecture, padding="same", length=12, seed=1), {"epochs": 3})
    for evil in canary[1]:
        (folder / checkpoint.WEIGHTS).write_bytes(evil)
        description = json.loads((folder / checkpoint.DESCRIPTION).read_text())
        # an attacker can compute digests
        description["weights_sha256"] = hashlib.sha256(evil).hexdigest()
        description.pop("sha256")
        description["sha256"] = hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()
        (folder / checkpoint.DESCRIPTION).write_text(json.dumps(description))
        with pytest.raises(SeqauditError, match="damaged or altered, it does not fit the architecture"):
            load_model(folder)


def test_pickled_checkpoints_are_ignored_unopened(canary, tmp_path):
    for evil in canary[1]:
        (tmp_path / FILE).write_bytes(evil)
        assert load_progress(tmp_path, fingerprint="mine") is None


def test_pickled_data_are_refused_unopened(canary, tmp_path):
    for name in ("mine.parquet", "mine.tsv", "mine.fa"):
        path = tmp_path / name
        for evil in canary[1]:
            path.write_bytes(evil)
            with pytest.raises(SeqauditError):
                read_sequences(path, targets=tmp_path / "mine.tsv" if name == "mine.fa" else None)
            with pytest.raises(SeqauditError):
                read_table(path, "sequences")
            with pytest.raises(SeqauditError):
                read_motifs(path)


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.mkdir", "!!python/object/new:os.mkdir"])
def test_a_config_runs_no_code(canary, tmp_path, tag):
    config = tmp_path / "evil.yaml"
    smoke = (ROOT / "config/test/smoke.yaml").read_text()
    config.write_text(f"{smoke}\nreport:\n  title: {tag} [{json.dumps(str(canary[0]))}]\n")
    done = Workflow(tmp_path, config)("--dry-run")
    assert done.returncode != 0


class Scripts(HTMLParser):
    """Counts what a browser would run."""

    def __init__(self, page: str):
        super().__init__()
        self.scripts, self.handlers, self.text = 0, [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.scripts += tag == "script"
        self.handlers += [name for name, value in attributes if name.startswith("on")]
        self.handlers += [value for _, value in attributes if (value or "").startswith("javascript:")]

    def handle_data(self, data):
        self.text.append(data)


def test_names_are_shown_and_not_run(undisturbed):
    """Title, motifs and unit of this run are scripts, see config/test/cluster.yaml."""
    folder = undisturbed.folder / "results/cluster"
    page = Scripts((folder / "report.html").read_text())
    assert page.scripts == 1 and page.handlers == []
    shown = "".join(page.text)
    for name in (
        "<script>alert('1')",
        'TAL1&"ü"$HOME{x}',
        "<script>alert('2')</script>",
        "<script>alert('3')",
    ):
        assert name in shown
    drawings = sorted(folder.rglob("*.svg"))
    assert drawings
    for path in drawings:
        tags = {element.tag.rpartition("}")[2] for element in ElementTree.parse(path).iter()}
        assert not tags & {"script", "foreignObject"}, path


def test_weights_of_the_run_hold_numbers_only(undisturbed):
    for path in undisturbed.folder.rglob("*.safetensors"):
        assert all(isinstance(value, torch.Tensor) for value in safetensors.torch.load_file(path).values())
    suffixes = {path.suffix for path in (undisturbed.folder / "results").rglob("*")}
    assert not suffixes & {".pt", ".pth", ".pkl", ".pickle", ".npy", ".npz", ".ckpt"}

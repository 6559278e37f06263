"""A network trained elsewhere gets the same audit as one trained here."""

import textwrap
from pathlib import Path

import pandas as pd
import pytest
import safetensors.torch
import yaml
from workflow_runner import Workflow

from seqaudit.data.tables import read_table
from seqaudit.models.checkpoint import load_model

# the smoke run's network 'tiny' as a stranger would write it
CODE = """
from torch import nn

class Tiny(nn.Module):
    def __init__(self, filters):
        super().__init__()
        self.convolution = nn.Conv1d(4, filters, 9)
        self.hidden = nn.Linear(filters, 8)
        self.output = nn.Linear(8, 1)

    def forward(self, x):
        pooled = self.convolution(x).relu().mean(dim=2)
        return self.output(self.hidden(pooled).relu())
"""
TWIN = "neg_valid.tiny.l1_0.0001.seed_1"


@pytest.fixture(scope="module")
def audited(smoke, tmp_path_factory) -> Workflow:
    """A run that trains nothing and audits the weights of one network of the smoke run."""
    folder = tmp_path_factory.mktemp("own models")
    (folder / "code").mkdir()
    (folder / "code/tiny_nets.py").write_text(textwrap.dedent(CODE))
    network, _ = load_model(smoke.folder / "results/smoke/models" / TWIN)
    names = {"convolutions.0.convolution": "convolution", "dense.0.linear": "hidden", "output": "output"}
    state = {
        f"{new}.{part}": network.state_dict()[f"{old}.{part}"].clone()
        for old, new in names.items()
        for part in ("weight", "bias")
    }
    safetensors.torch.save_file(state, folder / "tiny.safetensors")
    config = yaml.safe_load(Path(smoke.config).read_text())
    config.update(
        run="own",
        datasets={"neg_valid": config["datasets"]["neg_valid"]},
        population={"architectures": []},
        models={
            "mine": {
                "kind": "external",
                "datasets": ["neg_valid"],
                "factory": "tiny_nets:Tiny",
                "arguments": {"filters": 4},
                "source": "code",
                "weights": "tiny.safetensors",
                "predicts": "training_space",
            }
        },
    )
    for key in ("deepmr", "hessian", "architectures"):
        del config[key]
    (folder / "own.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    workflow = Workflow(folder, folder / "own.yaml")
    done = workflow()
    assert done.returncode == 0, done.stdout + done.stderr
    return workflow


def test_every_number_is_that_of_the_same_network_trained_here(smoke, audited):
    tables = {}
    for name, workflow, run, model in (
        ("here", smoke, "smoke", TWIN),
        ("elsewhere", audited, "own", "neg_valid.mine"),
    ):
        path = workflow.folder / f"results/{run}/loss/pairs/{model}.parquet"
        tables[name] = read_table(path, "interaction_pairs").drop(columns="model_id")
    pd.testing.assert_frame_equal(tables["elsewhere"], tables["here"], rtol=1e-5, atol=1e-4)


def test_the_report_judges_it_and_nothing_was_trained(audited):
    models = read_table(audited.folder / "results/own/loss/models.parquet", "loss_models")
    assert list(models["model_id"]) == ["neg_valid.mine"] and list(models["epochs"]) == [0]
    assert "mine" in (audited.folder / "results/own/report.html").read_text()
    assert not (audited.folder / "logs/own/train_model").exists()


def test_editing_its_code_brings_it_in_again(audited):
    code = audited.folder / "code/tiny_nets.py"
    code.write_text(code.read_text() + "\n# a second thought\n")
    planned = audited.planned()
    assert planned["import_model"] == planned["probe_interactions"] == 1
    assert "simulate_motif_pairs" not in planned

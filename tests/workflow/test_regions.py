"""Regions of a genome with bigWig tracks go from files to causal effects."""

import numpy as np
import pyBigWig
import pyfaidx
import pytest
import yaml
from workflow_runner import Workflow

from seqaudit.data.tables import read_table

LENGTH, WINDOW, REGIONS = 6000, 100, 50


def write_genome(folder) -> None:
    """One contig, windows on it, and reads of two factors; X has tracks of both strands."""
    rng = np.random.default_rng(1)
    letters = "".join(rng.choice(list("ACGT"), LENGTH))
    (folder / "genome.fa").write_text(f">chr1\n{letters}\n")
    pyfaidx.Faidx(str(folder / "genome.fa")).close()
    starts = np.arange(REGIONS) * (LENGTH // REGIONS)
    (folder / "peaks.bed").write_text("".join(f"chr1\t{start}\t{start + WINDOW}\n" for start in starts))
    for name in ("x.plus", "x.minus", "y"):
        with pyBigWig.open(str(folder / f"{name}.bw"), "w") as file:
            file.addHeader([("chr1", LENGTH)])
            file.addEntries("chr1", 0, values=rng.poisson(0.5, LENGTH).astype(float).tolist(), span=1, step=1)


@pytest.fixture
def study(tmp_path) -> Workflow:
    write_genome(tmp_path)
    recipe = {
        "bpnet": {"filters": 4, "first_width": 5, "layers": 1, "profile_width": 5},
        "members": 2,
        "training": {"max_epochs": 1, "batch_size": 10},
        "instruments": {"region": "peak", "min_abs_beta": None, "min_abs_z": None},
        "methods": ["ivw"],
    }
    regions = {
        "kind": "regions",
        "recipes": ["profiles"],
        "genome": "genome.fa",
        "bed": "peaks.bed",
        "signals": {"X": {"+": "x.plus.bw", "-": "x.minus.bw"}, "Y": "y.bw"},
        "length": WINDOW,
        "max_loci": 3,
    }
    config = {"run": "own", "deepmr": {"recipes": {"profiles": recipe}, "studies": {"mine": regions}}}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(config))
    return Workflow(tmp_path, tmp_path / "own.yaml")


def test_regions_become_effects_of_unknown_truth(study):
    done = study()
    assert done.returncode == 0, done.stdout + done.stderr
    folder = study.folder / "results/own"
    effects = read_table(folder / "deepmr/global.parquet", "deepmr_global")
    assert set(zip(effects["exposure"], effects["outcome"])) == {("X", "Y"), ("Y", "X")}
    assert effects["truth"].isna().all()
    estimated = effects[(effects["method"] == "member_slope/mean") & (effects["sequence_class"] == "all")]
    assert (estimated["status"] == "ok").all() and (estimated["k"] == 3).all()
    assert "X → Y" in (folder / "report.html").read_text()


def test_a_bed_of_another_genome_is_refused_with_its_line(study):
    (study.folder / "peaks.bed").write_text("1\t0\t100\n")
    done = study("deepmr")
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "peaks.bed" in said and "line 1" in said and "chr1" in said

"""The simulation study: what it calls coverage and bias, on worlds with a known answer."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks/mr_study.py"


@pytest.fixture(scope="module")
def study():
    spec = importlib.util.spec_from_file_location("mr_study", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_worlds_are_what_they_say(study):
    rng = np.random.default_rng(0)
    shape = 400, study.INSTRUMENTS
    for name, world in study.WORLDS.items():
        strength, direct = world.draw(rng, shape)
        assert strength.shape == direct.shape == shape
        if name in ("none", "weak", "mutagenesis"):
            assert not direct.any()
            continue
        related = np.corrcoef(strength.ravel(), direct.ravel())[0, 1]
        if name == "confounded":
            assert related > 0.3, "InSIDE is violated"
            assert (direct > 0).sum(axis=1).tolist() == [20] * 400
        else:
            assert abs(related) < 0.03, "InSIDE holds"
        if name == "outliers":
            assert (direct != 0).sum(axis=1).tolist() == [10] * 400
    exposure, se_exposure, _, _ = study.simulate(study.WORLDS["none"], 0.3, 400, rng)
    assert ((exposure / se_exposure) ** 2).mean() == pytest.approx(90 + 4, rel=0.1)


def test_the_study_is_reproducible_and_finds_what_is_known(study, tmp_path):
    results, again = (
        study.run_study(200, 3, ["ivw", "wald_mean"], report=lambda line: None) for _ in range(2)
    )
    assert results.equals(again)
    found = results.set_index(["world", "method"])
    none, directional = found.loc[("none", "ivw")], found.loc[("directional", "ivw")]
    assert abs(none["bias"]) < 0.02
    assert none["coverage"] == pytest.approx(0.95, abs=0.06)
    assert none["type1"] == pytest.approx(0.05, abs=0.06)
    # E alpha gamma / E gamma^2 with means 0.015 and 0.09 and a variance of gamma of 0.0012
    assert directional["bias"] == pytest.approx(0.015 * 0.09 / (0.09**2 + 0.0012), abs=0.02)
    study.save_figure(study.draw(results, 200), tmp_path / "study.svg")
    assert study.as_markdown(results).splitlines()[2].startswith("| `ivw` | ")

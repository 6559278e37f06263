"""Networks of a user's own: same answers as without the wrapper, and refusals that say what to do."""

import pickle
import textwrap

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn

from seqaudit.errors import SeqauditError
from seqaudit.models.checkpoint import check_model, load_model, save_model
from seqaudit.models.external import (
    ExternalNetwork,
    build_external,
    check_external,
    load_external,
    open_external,
)
from seqaudit.models.predict import predict

LENGTH = 20
CODE = """
import torch
from torch import nn

def build(outputs=1, last=False):
    return Net(outputs, last)

class Net(nn.Module):
    def __init__(self, outputs=1, last=False):
        super().__init__()
        self.convolution = nn.Conv1d(4, 3, 5)
        self.output = nn.Linear(3, outputs)
        self.last = last

    def forward(self, x):
        hidden = torch.relu(self.convolution(x.mT if self.last else x)).amax(dim=2)
        return self.output(hidden).exp()

def no_network():
    return 3

def picky(width):
    raise ValueError("width must be odd")

def raw():
    return nn.Identity()

number = 5
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder with a user's module, under a name that no other test has imported."""
    name = f"nets_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(textwrap.dedent(CODE))
    (tmp_path / "name").write_text(name)
    return tmp_path


def module(home):
    return (home / "name").read_text()


def trained(home, *, suffix=".safetensors", **arguments):
    """A network of the module with weights in a file."""
    torch.manual_seed(1)
    network = build_external(f"{module(home)}:build", arguments=arguments, source=home)
    path = home / f"weights{suffix}"
    if suffix == ".safetensors":
        safetensors.torch.save_file(network.state_dict(), path)
    else:
        torch.save(network.state_dict(), path)
    return network, path


def dna(n=6, seed=3):
    letters = np.random.default_rng(seed).integers(0, 4, (n, LENGTH))
    return np.eye(4, dtype=np.int8)[letters].transpose(0, 2, 1)


def ask(network, one_hot):
    with torch.no_grad():
        return network(torch.as_tensor(one_hot, dtype=torch.float32)).numpy()


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_predictions_are_those_of_the_network_itself(home, suffix):
    network, weights = trained(home, suffix=suffix)
    model = open_external(weights, factory=f"{module(home)}:build", source=home, length=LENGTH)
    np.testing.assert_array_equal(predict(model, dna(), device="cpu"), ask(network, dna()))


def test_the_audited_output_and_the_layout_are_chosen(home):
    network, weights = trained(home, outputs=3, last=True)
    model = open_external(
        weights,
        factory=f"{module(home)}:Net",
        arguments={"outputs": 3, "last": True},
        source=home,
        length=LENGTH,
        layout="channels_last",
        output=2,
    )
    expected = ask(network, dna().transpose(0, 2, 1))[:, 2:]
    np.testing.assert_array_equal(predict(model, dna(), device="cpu"), expected)


@pytest.mark.parametrize(
    "transform, expected",
    [("anscombe", lambda y: 2 * np.sqrt(y + 3 / 8)), ("log1p", np.log1p), ("identity", lambda y: y)],
)
def test_counts_are_taken_to_the_space_of_the_losses(home, transform, expected):
    network, weights = trained(home)
    options = {"factory": f"{module(home)}:build", "source": home, "length": LENGTH, "transform": transform}
    counts = ask(network, dna())
    asked = predict(open_external(weights, **options), dna(), device="cpu")
    np.testing.assert_allclose(asked, expected(counts.astype(np.float64)), rtol=1e-6)
    kept = predict(open_external(weights, predicts="training_space", **options), dna(), device="cpu")
    np.testing.assert_array_equal(kept, counts)


def test_negative_counts_have_a_finite_transform():
    below = ExternalNetwork(Constant(-5.0), length=LENGTH, transform="anscombe")
    np.testing.assert_allclose(predict(below, dna(), device="cpu"), 2 * np.sqrt(3 / 8), rtol=1e-6)


def test_saved_and_loaded_it_answers_alike_and_names_no_code(home):
    _, weights = trained(home)
    how = {"factory": f"{module(home)}:build", "source": home}
    model = open_external(weights, length=LENGTH, transform="anscombe", **how)
    save_model(home / "saved", model, {"epochs": 0})
    loaded, record = load_model(home / "saved", external=how)
    assert record["epochs"] == 0
    np.testing.assert_array_equal(predict(loaded, dna(), device="cpu"), predict(model, dna(), device="cpu"))
    assert module(home) not in (home / "saved/model.json").read_text()
    check_model(home / "saved")
    # a folder of results, perhaps somebody else's, never decides which code runs
    with pytest.raises(SeqauditError, match="only the user may say which code builds it"):
        load_model(home / "saved")


class Canary:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_a_pickle_that_would_run_code_is_refused(home):
    network, _ = trained(home)
    (home / "bad.pt").write_bytes(pickle.dumps(Canary(home / "ran"), protocol=2))
    torch.save({"convolution.weight": Canary(home / "ran")}, home / "worse.pt")
    for name in ("bad.pt", "worse.pt"):
        with pytest.raises(SeqauditError, match=f"{name}: holds no plain weights"):
            load_external(home / name, network)
    assert not (home / "ran").exists()


class Constant(nn.Module):
    def __init__(self, value):
        super().__init__()
        self.value = value

    def forward(self, x):
        return torch.full((len(x),), self.value)


@pytest.mark.parametrize(
    "factory, arguments, message",
    [
        ("no_colon", {}, "expected 'module:function'"),
        ("os:system", {"command": "true"}, "is a module of Python itself"),
        ("not_there:build", {}, r"cannot be imported \(ModuleNotFoundError"),
        ("{module}:bulid", {}, "has no 'bulid'"),
        ("{module}:number", {}, "expected a function or class"),
        ("{module}:torch", {}, "expected a function or class that '.*' itself defines"),
        ("{module}:no_network", {}, "returned int, expected a torch.nn.Module"),
        ("{module}:picky", {"width": 4}, "called with width=4, it raised ValueError: width must be odd"),
        ("{module}:build", {"depth": 4}, "it raised TypeError: .*unexpected keyword argument 'depth'"),
    ],
)
def test_factories_that_build_no_network(home, factory, arguments, message):
    with pytest.raises(SeqauditError, match=message):
        build_external(factory.format(module=module(home)), arguments=arguments, source=home)


def test_a_source_that_is_no_folder(home):
    with pytest.raises(SeqauditError, match="is not a folder"):
        build_external("nets:build", source=home / "nowhere")


def test_weights_that_do_not_fit(home):
    network, weights = trained(home, outputs=2)
    with pytest.raises(
        SeqauditError, match=r"'output.weight' has shape \(2, 3\), the network .* has \(1, 3\)"
    ):
        load_external(weights, build_external(f"{module(home)}:build", source=home))
    safetensors.torch.save_file({"other": torch.zeros(1)}, weights)
    with pytest.raises(SeqauditError, match=r"missing convolution.bias, .* and 1 more; unknown other"):
        load_external(weights, network)
    torch.save([1, 2], home / "list.pt")
    with pytest.raises(SeqauditError, match=r"holds list, expected a state dict"):
        load_external(home / "list.pt", network)
    with pytest.raises(SeqauditError, match=r"gone\.pt: cannot be read"):
        load_external(home / "gone.pt", network)


class Returns(nn.Module):
    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, x):
        return self.answer(x)


@pytest.mark.parametrize(
    "answer, options, message",
    [
        (nn.Linear(7, 1), {}, r"it failed on an input of shape \(2, 4, 20\): .*'layout: channels_last'"),
        (lambda x: {"counts": x}, {}, "returned dict, expected one tensor"),
        (lambda x: x, {}, r"returned shape \(2, 4, 20\) for 2 sequences"),
        (lambda x: x[:, :, 0], {"output": 4}, r"'output: 4' was asked for, and it has 4 \(0 to 3\)"),
        (lambda x: x[:, 0, 0] / 0, {}, "predictions are not finite"),
    ],
)
def test_networks_with_another_interface(answer, options, message):
    with pytest.raises(SeqauditError, match=message):
        check_external(ExternalNetwork(Returns(answer), length=LENGTH, **options))


def test_unknown_words_are_refused():
    for option in ("layout", "predicts", "transform"):
        with pytest.raises(SeqauditError, match=f"{option} 'other' is unknown, expected one of"):
            ExternalNetwork(Constant(0.0), length=LENGTH, **{option: "other"})
